//! Revoking records that were made of rotten bytes: which records read an artifact or a file since it was last read whole,
//! and all that was made of their outputs in turn. Revocations are kept in `log/revoked.jsonl` beside the journals, so that
//! neither an older frame nor the log of a run brings such a record back.

use std::{
    collections::{BTreeMap, HashMap},
    fs::OpenOptions,
    io::ErrorKind,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use pipe_data::regular;
use pipe_schema::{key::Key, manifest::Digest, record::Record};
use serde::{Deserialize, Serialize};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    journal::{FullRead, Kind},
    lookup::named_objects,
    merkle,
    record::Found,
    rot::{Rot, RottenPlace, role_upstream},
};

/// A record that does not count any more, though nothing is wrong with its own outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedRecord {
    pub key: Key,
    pub stage: String,
    /// When the record's execution began. Another record of the key, made later, is not revoked.
    started: String,
    /// The number of its frame, which no earlier record of the key exceeds.
    #[serde(default)]
    number: u64,
    /// Why, as a fragment: `it read the output of prepare, which was damaged on disk`.
    pub because: String,
}

impl RevokedRecord {
    /// Whether this record is the one that was revoked.
    pub fn is_of(&self, record: &Record) -> bool {
        self.key == record.key && self.started == record.observed.started
    }
}

/// What this process knows of revocations.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    /// By key, from the first to the last; None until they were read.
    known: Option<HashMap<Key, Vec<RevokedRecord>>>,
    /// Whether there are some that cannot be read: any record may be among them.
    are_unreadable: bool,
    /// Those of this process that were not shown to anybody yet.
    unshown: Vec<RevokedRecord>,
}

impl Store {
    /// Whether this record was revoked, by whatever process. `number` is that of its frame; an earlier execution than the one
    /// that was revoked may have read the same.
    pub(super) fn is_revoked(&self, record: &Record, number: Option<u64>) -> bool {
        let started = &record.observed.started;
        let is_meant = |revoked: &RevokedRecord| {
            revoked.started == *started
                || match number {
                    Some(number) => number <= revoked.number,
                    None => begin_of(started) <= begin_of(&revoked.started),
                }
        };
        let is_known = self.with_revocations(|known| {
            (known.get(&record.key)).is_some_and(|revoked| revoked.iter().any(is_meant))
        });
        is_known || self.revocations().are_unreadable
    }

    /// Why the last record of a key was revoked, if one was.
    pub(super) fn revocation_of(&self, key: &Key) -> Option<String> {
        self.with_revocations(|known| Some(known.get(key)?.last()?.because.clone()))
    }

    /// The records that this process revoked since this was last asked.
    pub fn take_revoked(&self) -> Vec<RevokedRecord> {
        std::mem::take(&mut self.revocations().unshown)
    }

    fn revocations(&self) -> std::sync::MutexGuard<'_, Revocations> {
        (self.revocations.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn with_revocations<T>(&self, ask: impl FnOnce(&HashMap<Key, Vec<RevokedRecord>>) -> T) -> T {
        let mut revocations = self.revocations();
        let Revocations {
            known,
            are_unreadable,
            ..
        } = &mut *revocations;
        let known = known.get_or_insert_with(|| {
            let bytes = match regular::read(&self.layout.revocations()) {
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                read => {
                    *are_unreadable = read.is_err();
                    read.unwrap_or_default()
                }
            };
            let mut known: HashMap<Key, Vec<RevokedRecord>> = HashMap::new();
            for line in bytes.split(|byte| *byte == b'\n') {
                if let Ok(revoked) = serde_json::from_slice::<RevokedRecord>(line) {
                    known.entry(revoked.key).or_default().push(revoked);
                }
            }
            known
        });
        ask(known)
    }

    /// Revokes all records that read these bytes since they were last read whole, and all that were made of their outputs.
    pub(super) fn revoke_readers(&self, rot: &Rot<'_>) -> Result<()> {
        let records = self.all_records()?;
        let producers = producers_of(rot, &records);
        let last_read = match rot.place {
            RottenPlace::Artifact { digest, .. } => {
                self.with_contents(|contents| contents.last_full_read(digest))?
            }
            RottenPlace::File { digest, .. } => {
                self.with_contents(|contents| contents.last_full_read(digest))?
            }
            RottenPlace::Source(_) => None,
        };
        let because = match rot.place {
            RottenPlace::Artifact { digest, .. } => match stages_of(&producers).as_str() {
                "" => format!(
                    "it read artifact {}, which was damaged on disk",
                    digest.short()
                ),
                stages => format!("it read the output of {stages}, which was damaged on disk"),
            },
            RottenPlace::File { name, .. } => {
                format!("it read `{name}`, which was damaged on disk")
            }
            RottenPlace::Source(name) => {
                format!("it read `{name}`, whose content changed and its times did not")
            }
        };
        let mut revoked: BTreeMap<Key, String> = BTreeMap::new();
        for record in &records {
            if rot.was_read_by(record, &producers) && !self.was_made_before(record, last_read)? {
                revoked.insert(record.key, because.clone());
            }
        }
        self.add_downstream(&records, &mut revoked);
        let mut all = Vec::with_capacity(revoked.len());
        for record in &records {
            if let Some(because) = revoked.get(&record.key) {
                all.push(self.revocation(record, because.clone())?);
            }
        }
        self.note_revoked(all)
    }

    /// Adds all records that were made of the outputs of those that are revoked.
    fn add_downstream(&self, records: &[Arc<Record>], revoked: &mut BTreeMap<Key, String>) {
        let mut readers: HashMap<Digest, Vec<(&Record, Option<Key>)>> = HashMap::new();
        for record in records {
            for (role, digest) in &record.parts.inputs {
                let reader = (&**record, role_upstream(record, role));
                readers.entry(*digest).or_default().push(reader);
            }
        }
        let by_key: HashMap<Key, &Arc<Record>> =
            records.iter().map(|record| (record.key, record)).collect();
        let mut next: Vec<Key> = revoked.keys().copied().collect();
        while let Some(key) = next.pop() {
            let Some(source) = by_key.get(&key) else {
                continue;
            };
            for (digest, is_out) in self.digests_made_by(source) {
                for (record, upstream) in readers.get(&digest).into_iter().flatten() {
                    // What is no output of a stage was read in the workspace, where only outs lie.
                    let is_reader = upstream.map_or(is_out, |upstream| upstream == key);
                    if is_reader && !revoked.contains_key(&record.key) {
                        let stage = &source.observed.stage;
                        let because =
                            format!("it was made of the output of {stage}, which was taken back");
                        revoked.insert(record.key, because);
                        next.push(record.key);
                    }
                }
            }
        }
    }

    fn revocation(&self, record: &Record, because: String) -> Result<RevokedRecord> {
        let place = self.with_contents(|contents| contents.place(Kind::Record, &record.key.0))?;
        Ok(RevokedRecord {
            key: record.key,
            stage: record.observed.stage.clone(),
            started: record.observed.started.clone(),
            number: place.map_or(0, |place| place.number),
            because,
        })
    }

    /// Revokes a record that was just made, of inputs that were found damaged meanwhile.
    pub fn revoke_record(&self, record: &Record) -> Result<()> {
        let because = "it read what was damaged on disk".to_owned();
        self.note_revoked(vec![self.revocation(record, because)?])
    }

    /// Every record that can be read.
    fn all_records(&self) -> Result<Vec<Arc<Record>>> {
        let mut records = Vec::new();
        for key in self.record_keys()? {
            if let Found::Record(record) = self.record(&key)? {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// Whether the record's execution had ended when the artifact was last read whole. Both the clock and the numbers of
    /// frames must say so: one may have been set back, the others are of processes that did not hear of each other.
    fn was_made_before(&self, record: &Record, last_read: Option<(u64, FullRead)>) -> Result<bool> {
        let Some((number, read)) = last_read else {
            return Ok(false);
        };
        let noted = self.with_contents(|contents| contents.place(Kind::Record, &record.key.0))?;
        let ended = end_of(record);
        Ok(noted.is_some_and(|place| place.number < number)
            && ended.is_some_and(|ended| ended < read.began))
    }

    /// The digests by which stages may depend on the record's outputs and outs, and whether each is of an out.
    fn digests_made_by(&self, record: &Record) -> HashMap<Digest, bool> {
        let mut digests = HashMap::new();
        let outputs = record.outputs.values().map(|output| (output.digest, false));
        let outs = record.outs.values().map(|out| (out.digest, true));
        for (digest, is_out) in outputs.chain(outs) {
            // One that is lost is made anew of the bytes.
            let manifest = self.manifest(&digest).ok();
            let entries = manifest
                .iter()
                .flat_map(|manifest| manifest.entries.values());
            for digest in entries.map(merkle::entry_digest).chain([digest]) {
                *digests.entry(digest).or_default() |= is_out;
            }
        }
        digests
    }

    /// Writes revocations down: first where they survive, then in the journal, where other processes hear of them.
    fn note_revoked(&self, revoked: Vec<RevokedRecord>) -> Result<()> {
        if revoked.is_empty() {
            return Ok(());
        }
        self.lose_sight();
        if self.is_writable {
            let path = self.layout.revocations();
            let mut lines = Vec::new();
            for record in &revoked {
                let line = serde_json::to_vec(record).map_err(|error| StoreError::Damaged {
                    path: path.clone(),
                    what: format!("a revocation cannot be written as JSON: {error}"),
                })?;
                // A line that was cut off by a crash ends here.
                lines.push(b'\n');
                lines.extend(line);
                lines.push(b'\n');
            }
            let mut options = OpenOptions::new();
            options.append(true).create(true);
            let file =
                super::with_parent(&path, || disk::open(&options, &path)).at("open", &path)?;
            disk::write_all(&file, &path, &lines).at("write", &path)?;
            disk::sync(&file, &path).at("write", &path)?;
        }
        self.with_revocations(|_| ());
        for record in &revoked {
            self.revoke(Kind::Record, record.key.0);
        }
        let mut revocations = self.revocations();
        if let Some(known) = &mut revocations.known {
            for record in &revoked {
                known.entry(record.key).or_default().push(record.clone());
            }
        }
        revocations.unshown.extend(revoked);
        Ok(())
    }
}

/// The records of which an artifact is an output.
fn producers_of<'a>(rot: &Rot<'_>, records: &'a [Arc<Record>]) -> Vec<&'a Record> {
    let RottenPlace::Artifact { digest: wanted, .. } = rot.place else {
        return Vec::new();
    };
    let makes = |record: &&Record| named_objects(record).any(|(_, digest)| digest == *wanted);
    records
        .iter()
        .map(|record| &**record)
        .filter(makes)
        .collect()
}

fn stages_of(records: &[&Record]) -> String {
    let mut stages: Vec<&str> = records
        .iter()
        .map(|it| it.observed.stage.as_str())
        .collect();
    stages.sort_unstable();
    stages.dedup();
    stages.join(", ")
}

/// When an execution ended, in nanoseconds since 1970.
fn end_of(record: &Record) -> Option<i64> {
    let seconds = Duration::try_from_secs_f64(record.observed.seconds).ok()?;
    let ended = begin_of(&record.observed.started)? + i128::try_from(seconds.as_nanos()).ok()?;
    i64::try_from(ended).ok()
}

/// When an execution began, in nanoseconds since 1970.
fn begin_of(started: &str) -> Option<i128> {
    let started: jiff::Timestamp = started.parse().ok()?;
    Some(started.as_nanosecond())
}

/// The wall clock, in nanoseconds since 1970.
pub(super) fn wall_time() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_nanos()).unwrap_or(i64::MAX))
}
