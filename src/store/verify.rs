//! Reading everything again: every byte of every artifact, every record. Damage is set aside, so that its producer runs again.

use std::fs;

use pipe_schema::manifest::Digest;

use super::{
    Store,
    error::Result,
    lookup::named_objects,
    record::{self, Found, children, names},
};
use crate::key;

/// What a look at everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub objects: u64,
    pub records: u64,
    /// Bytes that were read again.
    pub bytes: u64,
    pub damage: Vec<Damage>,
}

/// Something that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it was, relative to the store.
    pub path: String,
    pub what: String,
    /// The stages whose results it was, where a record says so.
    pub stages: Vec<String>,
}

impl Store {
    /// Reads everything again. `progress` hears how many objects are done, and of how many.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified> {
        let mut verified = Verified::default();
        let mut records = Vec::new();
        for key in self.record_keys()? {
            verified.records += 1;
            let path = self.layout.record(&key);
            let what = match record::read(&path, &key)? {
                Found::Record(record) if key::of(&record.parts) == key => {
                    records.push(record);
                    continue;
                }
                Found::Nothing => continue,
                Found::Record(_) => "its parts do not have this key",
                Found::Damaged(what) => what,
            };
            self.set_aside(&path)?;
            verified.damage.push(Damage {
                path: self.relative(&path),
                what: what.to_owned(),
                stages: Vec::new(),
            });
        }
        let objects = self.object_digests()?;
        let total = objects.len() as u64;
        for digest in objects {
            let stages = stages_of(&records, &digest);
            match self.check_object(&digest, true)? {
                None => verified.bytes += self.manifest(&digest).map_or(0, |it| it.bytes),
                Some(what) => {
                    let path = self.relative(&self.layout.object(&digest));
                    verified.damage.push(Damage { path, what, stages });
                }
            }
            verified.objects += 1;
            progress(verified.objects, total);
        }
        for record in &records {
            for (name, digest) in named_objects(record) {
                let object = self.layout.object(&digest);
                let path = self.relative(&object);
                let is_told = verified.damage.iter().any(|it| it.path == path);
                if !is_told && fs::symlink_metadata(&object).is_err() {
                    let what = format!("output `{name}` is gone");
                    let stages = stages_of(&records, &digest);
                    verified.damage.push(Damage { path, what, stages });
                }
            }
        }
        Ok(verified)
    }

    /// All objects that have a folder or a manifest.
    pub(super) fn object_digests(&self) -> Result<Vec<Digest>> {
        let mut digests = names(&self.layout.objects(), "")?;
        digests.extend(names(&self.layout.objects(), ".json")?);
        digests.sort();
        digests.dedup();
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

fn stages_of(records: &[Box<pipe_schema::record::Record>], digest: &Digest) -> Vec<String> {
    let mut stages: Vec<String> = records
        .iter()
        .filter(|record| named_objects(record).any(|(_, it)| it == *digest))
        .map(|record| record.observed.stage.clone())
        .collect();
    stages.sort();
    stages.dedup();
    stages
}
