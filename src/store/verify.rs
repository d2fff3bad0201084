//! Reading everything again: every byte of every artifact and fetched file, every record. Damage is set aside, so that its
//! producer runs again. Each loss is told once: a record that speaks of what is gone is set aside, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Event};

use super::{
    Store,
    error::Result,
    lookup::named_objects,
    record::{self, Found, children, names},
    stat::Stat,
    tree,
};
use crate::key;

/// What a look at everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub objects: u64,
    pub records: u64,
    /// Files that were fetched.
    pub blobs: u64,
    /// Bytes that were read again.
    pub bytes: u64,
    pub damage: Vec<Damage>,
    /// Records that were set aside because what they speak of was set aside earlier, which was told then.
    pub forgotten: u64,
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
    blobs: BTreeMap<Digest, BTreeSet<String>>,
}

impl Store {
    /// Reads everything again. `progress` hears how many objects and fetched files are done, and of how many.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified> {
        let _no_gc = self.together()?;
        let mut verified = Verified::default();
        let mut scope = Scope::default();
        for digest in self.object_digests()? {
            scope.objects.entry(digest).or_default();
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
        self.verify_content(scope, &mut verified, progress)?;
        for record in &records {
            self.verify_outputs(record, &mut verified)?;
        }
        Ok(verified)
    }

    /// Reads again what a run made or used, as its log tells it.
    pub fn verify_run(&self, run: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified> {
        let _no_gc = self.together()?;
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
            for (_, digest) in named_objects(record) {
                scope.objects.entry(digest).or_default();
            }
            scope.name(stage, record);
        }
        scope.objects.retain(|digest, _| self.has_object(digest));
        self.verify_content(scope, &mut verified, progress)?;
        let mut seen = BTreeSet::new();
        for (stage, record) in &results {
            if !seen.insert(record.key) {
                continue;
            }
            let count = verified.damage.len();
            for (path, name) in self.missing_objects(record) {
                verified.note_missing(path, &name, stage.clone());
            }
            let found = self.verify_record(&record.key, &mut verified)?;
            if found.is_none() && verified.damage.len() == count {
                verified.damage.push(Damage {
                    path: self.relative(&self.layout.record(&record.key)),
                    what: "its record is gone".to_owned(),
                    stages: vec![stage.clone()],
                    is_set_aside: false,
                });
            }
        }
        Ok(verified)
    }

    /// The record of a key if it is whole. A damaged one is set aside, unless a run is making it again at this moment.
    fn verify_record(&self, key: &Key, verified: &mut Verified) -> Result<Option<Arc<Record>>> {
        let path = self.layout.record(key);
        verified.records += 1;
        if let Ok(record) = self.judge(key)? {
            return Ok(record);
        }
        let _lock = match self.is_writable.then(|| self.try_lock(key)).transpose()? {
            Some(None) => return Ok(None),
            lock => lock,
        };
        let what = match self.judge(key)? {
            Ok(record) => return Ok(record),
            Err(what) => what,
        };
        self.set_aside(&path)?;
        verified.damage.push(Damage {
            path: self.relative(&path),
            what: what.to_owned(),
            stages: Vec::new(),
            is_set_aside: self.is_writable,
        });
        Ok(None)
    }

    fn judge(&self, key: &Key) -> Result<std::result::Result<Option<Arc<Record>>, &'static str>> {
        Ok(match record::read(&self.layout.record(key), key)? {
            Found::Record(record) if key::of(&record.parts) == *key => Ok(Some(record)),
            Found::Nothing => Ok(None),
            Found::Record(_) => Err("its parts do not have this key"),
            Found::Damaged(what) => Err(what),
        })
    }

    fn verify_content(
        &self,
        scope: Scope,
        verified: &mut Verified,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let total = (scope.objects.len() + scope.blobs.len()) as u64;
        for (digest, stages) in scope.objects {
            match self.check_object(&digest, true)? {
                None => verified.bytes += self.manifest(&digest).map_or(0, |it| it.bytes),
                Some(what) => verified.damage.push(Damage {
                    path: self.relative(&self.layout.object(&digest)),
                    what,
                    stages: stages.into_iter().collect(),
                    is_set_aside: self.is_writable,
                }),
            }
            verified.objects += 1;
            progress(verified.objects, total);
        }
        for (digest, stages) in scope.blobs {
            if let Some(what) = self.verify_blob(&digest, verified)? {
                verified.damage.push(Damage {
                    path: self.relative(&self.layout.blob(&digest)),
                    what: what.to_owned(),
                    stages: stages.into_iter().collect(),
                    is_set_aside: self.is_writable,
                });
            }
            verified.blobs += 1;
            progress(verified.objects + verified.blobs, total);
        }
        Ok(())
    }

    /// Reads a fetched file, whatever the stat index says. What is wrong with it, after it was set aside.
    fn verify_blob(
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
        let what = match children(&folder)?.as_slice() {
            [name] => {
                let path = folder.join(name);
                match Stat::of_link(&path).map(|it| (it, it.kind())) {
                    Ok((stat, rustix::fs::FileType::RegularFile)) => {
                        verified.bytes += stat.size;
                        let found = tree::read_file(&path, &stat)?;
                        (found != *digest).then_some("its content is not what its name says")
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

    /// Tells which outputs of a record are gone, and sets the record aside, so that it is told once.
    fn verify_outputs(&self, record: &Record, verified: &mut Verified) -> Result<()> {
        if self.missing_objects(record).is_empty() {
            return Ok(());
        }
        let _lock = match self
            .is_writable
            .then(|| self.try_lock(&record.key))
            .transpose()?
        {
            // A run is making it again.
            Some(None) => return Ok(()),
            lock => lock,
        };
        let Ok(Some(record)) = self.judge(&record.key)? else {
            return Ok(());
        };
        let missing = self.missing_objects(&record);
        let is_found_now = |path: &str| {
            let damage = verified.damage.iter();
            damage
                .filter(|it| it.is_set_aside)
                .any(|it| it.path == path)
        };
        // The next who wants it is told what was found.
        let is_awaited = missing.iter().any(|(path, _)| is_found_now(path));
        let aside = children(&self.layout.quarantine())?;
        let is_aside = |path: &str| {
            let name = format!("{}.", path.replace('/', "-"));
            aside.iter().any(|it| it.starts_with(&name))
        };
        let unexplained: Vec<(String, String)> = missing
            .iter()
            .filter(|(path, _)| !is_found_now(path) && !is_aside(path))
            .cloned()
            .collect();
        // A second loss of this record must not be told again the next time.
        let stays = missing.is_empty() || is_awaited && unexplained.is_empty();
        if !stays {
            let is_known = self.is_writable && unexplained.is_empty();
            verified.forgotten += u64::from(is_known);
            self.set_aside(&self.layout.record(&record.key))?;
        }
        for (path, name) in unexplained {
            verified.note_missing(path, &name, record.observed.stage.clone());
        }
        Ok(())
    }

    /// Objects that a record speaks of and that are not there: path and output.
    fn missing_objects(&self, record: &Record) -> Vec<(String, String)> {
        named_objects(record)
            .filter(|(_, digest)| !self.has_object(digest))
            .map(|(name, digest)| (self.relative(&self.layout.object(&digest)), name.to_owned()))
            .collect()
    }

    fn has_object(&self, digest: &Digest) -> bool {
        fs::symlink_metadata(self.layout.object(digest)).is_ok()
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

impl Scope {
    /// The stage is named wherever something is damaged that it made or read.
    fn name(&mut self, stage: &str, record: &Record) {
        for (_, digest) in named_objects(record) {
            if let Some(stages) = self.objects.get_mut(&digest) {
                stages.insert(stage.to_owned());
            }
        }
        for digest in record.parts.inputs.values() {
            if let Some(stages) = self.blobs.get_mut(digest) {
                stages.insert(stage.to_owned());
            }
        }
    }
}

impl Verified {
    /// Each object once, with all stages that miss it.
    fn note_missing(&mut self, path: String, name: &str, stage: String) {
        match self.damage.iter_mut().find(|it| it.path == path) {
            Some(damage) if !damage.stages.contains(&stage) => damage.stages.push(stage),
            Some(_) => {}
            None => self.damage.push(Damage {
                path,
                what: format!("output `{name}` is gone"),
                stages: vec![stage],
                is_set_aside: false,
            }),
        }
    }
}
