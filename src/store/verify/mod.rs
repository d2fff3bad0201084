//! Reading everything again: every byte of every artifact and fetched file, every record. Damage is set aside, so that its
//! producer runs again.

mod losses;
mod share;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Event};

use super::{
    Store,
    error::Result,
    journal::Kind,
    lookup::named_objects,
    names::StageName,
    record::{Found, children, names},
    revocation::{RevokedRecord, wall_time},
    stat::Stat,
    tree,
};
use crate::key;

/// What a look at everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub objects: u64,
    /// Results and fetched files that were left for another time.
    pub left: u64,
    pub records: u64,
    /// Files that were fetched.
    pub blobs: u64,
    /// Bytes that were read again.
    pub bytes: u64,
    pub damage: Vec<Damage>,
    /// Small artifacts that are among it.
    lost: BTreeSet<Digest>,
    /// Records that were set aside because what they speak of was set aside earlier, which was told then.
    pub forgotten: u64,
    /// Records that read what was found damaged, or were made of what such records made.
    pub revoked: Vec<RevokedRecord>,
    /// Records that were lost with a journal and noted again from the logs of runs.
    pub recovered: u64,
}

impl Verified {
    /// Whether everything is as it was.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.revoked.is_empty() && self.recovered == 0
    }
}

/// Something that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it was, relative to the store.
    pub path: String,
    pub what: String,
    /// The stages whose results it was, or that read it, where a record says so.
    pub stages: Vec<String>,
    /// Whether it lies in quarantine now.
    pub is_set_aside: bool,
}

/// What is read again, and who is to be named if it is damaged.
#[derive(Default)]
struct Scope {
    objects: BTreeMap<Digest, BTreeSet<String>>,
    /// Small artifacts.
    packs: BTreeMap<Digest, BTreeSet<String>>,
    blobs: BTreeMap<Digest, BTreeSet<String>>,
}

impl Store {
    /// Reads everything again. `progress` hears how many objects and fetched files are done, and of how many.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified> {
        self.verify_part(1.0, progress)
    }

    /// The same of the part of all bytes that was read longest ago.
    pub fn verify_part(&self, part: f64, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified> {
        let _no_gc = self.calm()?;
        let mut verified = Verified::default();
        let mut scope = Scope::default();
        for digest in self.object_digests()? {
            scope.objects.entry(digest).or_default();
        }
        for digest in self.packed_digests()? {
            scope.packs.entry(digest).or_default();
        }
        for digest in self.blob_digests()? {
            scope.blobs.entry(digest).or_default();
        }
        let mut records = Vec::new();
        for key in self.record_keys()? {
            if let Some(record) = self.verify_record(&key, &mut verified)? {
                scope.name(&record.observed.stage, &record);
                records.push(record);
            }
        }
        if part < 1.0 {
            verified.left = self.shorten(&mut scope, part)?;
        }
        self.verify_content(scope, &mut verified, progress)?;
        for record in &records {
            self.verify_outputs(record, &mut verified)?;
        }
        self.tell_of_mended(&mut verified);
        verified.revoked = self.take_revoked();
        verified.recovered = self.take_recovered()?;
        Ok(verified)
    }

    /// Reads again what a run made or used, as its log tells it, or a part of that.
    pub fn verify_run(
        &self,
        run: &str,
        part: f64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Verified> {
        let _no_gc = self.calm()?;
        let mut verified = Verified::default();
        let mut scope = Scope::default();
        let mut results = Vec::new();
        for line in self.read_run(run)? {
            if let Event::StageCached { stage, record } | Event::StageDone { stage, record } =
                line.event
            {
                results.push((stage, record));
            }
        }
        let blobs = self.blob_digests()?;
        for (stage, record) in &results {
            let inputs = record.parts.inputs.values();
            for digest in inputs.filter(|it| blobs.binary_search(it).is_ok()) {
                scope.blobs.entry(*digest).or_default();
            }
            for digest in record.outs.values().map(|it| it.digest) {
                scope.packs.entry(digest).or_default();
            }
            for (_, digest) in named_objects(record) {
                scope.objects.entry(digest).or_default();
            }
            scope.name(stage, record);
        }
        let packed = self.packed_digests()?;
        scope.packs.retain(|it, _| packed.binary_search(it).is_ok());
        scope.objects.retain(|digest, _| self.has_object(digest));
        if part < 1.0 {
            verified.left = self.shorten(&mut scope, part)?;
        }
        self.verify_content(scope, &mut verified, progress)?;
        let mut seen = BTreeSet::new();
        for (stage, record) in &results {
            if !seen.insert(record.key) {
                continue;
            }
            let count = verified.damage.len();
            for missing in self.missing_results(record)? {
                verified.note_missing(&missing, stage.clone());
            }
            let found = self.verify_record(&record.key, &mut verified)?;
            let is_gone = found.is_none() && !self.is_revoked(record, None);
            if is_gone && verified.damage.len() == count {
                verified.damage.push(Damage {
                    path: format!("record {}", record.key.0.short()),
                    what: "it is gone".to_owned(),
                    stages: vec![stage.clone()],
                    is_set_aside: false,
                });
            }
        }
        self.tell_of_mended(&mut verified);
        verified.revoked = self.take_revoked();
        verified.recovered = self.take_recovered()?;
        Ok(verified)
    }

    /// The record of a key if it is whole.
    fn verify_record(&self, key: &Key, verified: &mut Verified) -> Result<Option<Arc<Record>>> {
        let journal = self.journal_of(Kind::Record, &key.0);
        verified.records += 1;
        let what = match self.record(key)? {
            Found::Record(record) if key::of(&record.parts) == *key => return Ok(Some(record)),
            Found::Nothing => return Ok(None),
            Found::Record(_) => "its parts do not have this key",
            Found::Damaged(what) => what,
        };
        self.revoke(Kind::Record, key.0);
        verified.damage.push(Damage {
            path: journal.unwrap_or_else(|| "journal".to_owned()),
            what: format!("record {}: {what}", key.0.short()),
            stages: self.known_as(key)?,
            is_set_aside: self.is_writable,
        });
        Ok(None)
    }

    /// The stages for which a record was made or used last.
    fn known_as(&self, key: &Key) -> Result<Vec<String>> {
        let mut stages: Vec<String> = self.with_contents(|it| {
            let names = it.names().filter(|(_, last)| last == key);
            names
                .map(|(name, _)| StageName::parse(name).stage.to_owned())
                .collect()
        })?;
        stages.sort();
        stages.dedup();
        Ok(stages)
    }

    fn verify_content(
        &self,
        scope: Scope,
        verified: &mut Verified,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let total = (scope.objects.len() + scope.packs.len() + scope.blobs.len()) as u64;
        let set_aside = |path: String, what: String, stages: BTreeSet<String>| Damage {
            path,
            what,
            stages: stages.into_iter().collect(),
            is_set_aside: self.is_writable,
        };
        for (digest, stages) in scope.objects {
            match self.check_object(&digest, true)? {
                None => verified.bytes += self.manifest(&digest).map_or(0, |it| it.bytes),
                Some(what) => {
                    let path = self.relative(&self.layout.object(&digest));
                    verified.damage.push(set_aside(path, what, stages));
                }
            }
            verified.objects += 1;
            progress(verified.objects, total);
        }
        for (digest, stages) in scope.packs {
            let journal = self.journal_of(Kind::Pack, &digest);
            if let Some(manifest) = self.packed_manifest(&digest)? {
                verified.bytes += manifest.bytes;
            } else {
                let path = journal.unwrap_or_else(|| "journal".to_owned());
                let what = format!("result {}: its checksum is wrong", digest.short());
                verified.damage.push(set_aside(path, what, stages));
                verified.lost.insert(digest);
            }
            verified.objects += 1;
            progress(verified.objects, total);
        }
        for (digest, stages) in scope.blobs {
            if let Some(what) = self.verify_blob(&digest, verified)? {
                let path = self.relative(&self.layout.blob(&digest));
                verified
                    .damage
                    .push(set_aside(path, what.to_owned(), stages));
            }
            verified.blobs += 1;
            progress(verified.objects + verified.blobs, total);
        }
        Ok(())
    }

    /// Reads a fetched file, whatever the stat index says. What is wrong with it, after it was set aside.
    pub(super) fn verify_blob(
        &self,
        digest: &Digest,
        verified: &mut Verified,
    ) -> Result<Option<&'static str>> {
        let _lock = match self
            .is_writable
            .then(|| self.lock_blob(digest, false))
            .transpose()?
        {
            // It is being fetched.
            Some(None) => return Ok(None),
            lock => lock,
        };
        let folder = self.layout.blob(digest);
        let began = wall_time();
        let what = match children(&folder)?.as_slice() {
            [name] => {
                let path = folder.join(name);
                match Stat::of_link(&path).map(|it| (it, it.kind())) {
                    Ok((stat, rustix::fs::FileType::RegularFile)) => {
                        verified.bytes += stat.size;
                        let found = tree::read_file(&path, &stat)?;
                        let is_wrong = found != *digest;
                        if !is_wrong {
                            self.note_blob_read(digest, &stat, began);
                        }
                        if is_wrong && !self.shows_change(&path) {
                            self.revoke_readers_of_file(name, digest)?;
                        }
                        is_wrong.then_some("its content is not what its name says")
                    }
                    _ => Some("it is not a file"),
                }
            }
            [] => Some("it is gone"),
            _ => Some("it is several files"),
        };
        if what.is_some() {
            self.set_aside(&folder)?;
        }
        Ok(what)
    }

    fn has_object(&self, digest: &Digest) -> bool {
        fs::symlink_metadata(self.layout.object(digest)).is_ok()
    }

    /// All artifacts that have a folder.
    pub(super) fn object_digests(&self) -> Result<Vec<Digest>> {
        names(&self.layout.objects())
    }

    /// All small artifacts, sorted.
    pub(super) fn packed_digests(&self) -> Result<Vec<Digest>> {
        let mut digests: Vec<Digest> =
            self.with_fresh_contents(|it| it.packed().copied().collect())?;
        digests.sort();
        Ok(digests)
    }

    /// How many things lie in quarantine.
    pub fn quarantined(&self) -> Result<usize> {
        Ok(children(&self.layout.quarantine())?.len())
    }

    fn relative(&self, path: &std::path::Path) -> String {
        path.strip_prefix(self.root())
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

impl Scope {
    /// The stage is named wherever something is damaged that it made or read.
    fn name(&mut self, stage: &str, record: &Record) {
        for (_, digest) in named_objects(record) {
            for scope in [&mut self.objects, &mut self.packs] {
                if let Some(stages) = scope.get_mut(&digest) {
                    stages.insert(stage.to_owned());
                }
            }
        }
        for digest in record.parts.inputs.values() {
            if let Some(stages) = self.blobs.get_mut(digest) {
                stages.insert(stage.to_owned());
            }
        }
    }
}
