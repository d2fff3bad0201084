//! Reading a part of what is there: what was read longest ago comes first, so that all is read in turn.

use std::collections::BTreeSet;

use pipe_schema::manifest::Digest;

use super::{super::Store, super::error::Result, Scope, Verified};

impl Store {
    /// Reads artifacts again until `part` of their bytes is read, at least one. What is read each time at least is so chosen
    /// that after `1 / part` times all of them were read, if they are the same.
    pub fn verify_share(&self, artifacts: &[Digest], part: f64) -> Result<Verified> {
        let _no_gc = self.calm()?;
        let mut scope = Scope::default();
        for digest in artifacts {
            if self.has_object(digest) {
                scope.objects.entry(*digest).or_default();
            }
        }
        let mut verified = Verified {
            left: self.shorten(&mut scope, part)?,
            ..Verified::default()
        };
        self.verify_content(scope, &mut verified, &mut |_, _| {})?;
        Ok(verified)
    }

    /// Leaves of artifacts and fetched files those that were read longest ago, until they are `part` of all bytes. Returns how
    /// many others there are.
    pub(super) fn shorten(&self, scope: &mut Scope, part: f64) -> Result<u64> {
        let mut all: Vec<(i64, Digest, u64)> = Vec::new();
        for digest in scope.objects.keys().chain(scope.blobs.keys()) {
            let last = self.with_contents(|contents| contents.last_full_read(digest))?;
            let began = last.map_or(i64::MIN, |(_, read)| read.began);
            let bytes = if scope.blobs.contains_key(digest) {
                self.bytes_of_blob(digest)
            } else {
                self.manifest(digest).map_or(0, |manifest| manifest.bytes)
            };
            all.push((began, *digest, bytes));
        }
        all.sort_unstable();
        let total: u64 = all.iter().map(|(_, _, bytes)| bytes).sum();
        let count = all.len();
        let mut left = total as f64 * part;
        let mut chosen = BTreeSet::new();
        for (_, digest, bytes) in all {
            if left <= 0.0 && !chosen.is_empty() {
                break;
            }
            left -= bytes as f64;
            chosen.insert(digest);
        }
        scope.objects.retain(|digest, _| chosen.contains(digest));
        scope.blobs.retain(|digest, _| chosen.contains(digest));
        // Small artifacts are read whenever they are used.
        scope.packs.clear();
        Ok((count - chosen.len()) as u64)
    }
}
