//! What must stay: the results of kept runs, those that `current` leads to, and what is young. Removes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Event};

use super::{
    super::{Store, error::Result, layout, lookup::named_objects, record::children},
    Policy,
};
use crate::{key, plan::file_name};

/// What must stay.
#[derive(Default)]
pub struct Needed {
    pub keys: BTreeSet<Key>,
    /// The objects that the records of these keys speak of.
    pub digests: BTreeSet<Digest>,
    /// Trainings that went to their end, by their keys without `until`.
    pub trained: BTreeSet<Key>,
    /// What these records were made of, files that were fetched among it.
    pub inputs: BTreeSet<Digest>,
    /// What runs that are going on say that they need.
    pub claimed: HashSet<Digest>,
}

impl Needed {
    /// The key stays, with all that its record speaks of, if there is one.
    pub fn add(&mut self, key: Key, record: Option<&Record>) {
        self.keys.insert(key);
        let Some(record) = record else { return };
        self.digests.extend(named_objects(record).map(|it| it.1));
        self.inputs.extend(record.parts.inputs.values());
        if record.parts.until.is_none() || key::is_full(&record.parts) {
            self.trained.insert(key::without_until(&record.parts));
        }
    }
}

impl Store {
    /// By the records that kept runs made or used, and by what people find in `current`.
    pub(super) fn needed(&self, kept_runs: &[String], policy: &Policy) -> Result<Needed> {
        let claimed = self.claimed()?;
        let mut keys: BTreeSet<Key> = claimed.iter().map(|it| Key(*it)).collect();
        let mut outs = Vec::new();
        for run in kept_runs {
            keys.extend(self.used_by(run)?);
        }
        let current: HashSet<String> = children(&self.layout.current())?.into_iter().collect();
        let known = self.known_stages()?;
        let mut told = BTreeMap::new();
        self.with_fresh_contents(|contents| {
            for (name, key) in contents.names() {
                // Whoever removes the link gives the result up; of outs alone there is none.
                if current.contains(&file_name(name)) {
                    keys.insert(key);
                    told.insert(file_name(name), key);
                } else if known.contains(name) {
                    outs.push(key);
                }
            }
        })?;
        for key in outs {
            let record = self.find_record(&key);
            if record.is_some_and(|it| it.outputs.is_empty()) {
                keys.insert(key);
            }
        }
        let linked = self.linked_otherwise(&current, &told)?;
        let mut needed = Needed::default();
        needed.inputs.extend(&claimed);
        for key in self.record_keys()? {
            if !linked.is_empty() && !keys.contains(&key) {
                let record = self.find_record(&key);
                let digests = record.iter().flat_map(named_objects);
                if linked.contains(&digests.map(|(_, digest)| digest).collect()) {
                    keys.insert(key);
                }
            }
            let is_kept = keys.contains(&key);
            if !is_kept && policy.older_than.is_zero() {
                continue;
            }
            let record = self.find_record(&key);
            let is_young = || {
                let age = record.as_ref().and_then(age_of);
                age.is_some_and(|it| it < policy.older_than)
            };
            if is_kept || is_young() {
                needed.add(key, record.as_ref());
            }
        }
        needed.claimed = claimed;
        Ok(needed)
    }

    /// All stages that the newest run of each spec knew, with the spec's name.
    fn known_stages(&self) -> Result<HashSet<String>> {
        let mut specs = HashSet::new();
        let mut known = HashSet::new();
        for run in self.runs()? {
            let Some(started) = self.start_of(&run)? else {
                continue;
            };
            if specs.insert(started.name.clone()) {
                let stages = started.stages.iter().chain(&started.others);
                known.extend(stages.map(|it| format!("{}/{it}", started.name)));
            }
        }
        Ok(known)
    }

    /// The records that a run made or used.
    pub(super) fn used_by(&self, run: &str) -> Result<BTreeSet<Key>> {
        let lines = self.read_run(run)?.into_iter();
        Ok(lines
            .filter_map(|line| match line.event {
                Event::StageCached { record, .. } | Event::StageDone { record, .. } => {
                    Some(record.key)
                }
                _ => None,
            })
            .collect())
    }

    /// Objects that links in `current` lead to, by link, where the index tells of another record or of none: a loss of power
    /// may have taken its end.
    fn linked_otherwise(
        &self,
        current: &HashSet<String>,
        told: &BTreeMap<String, Key>,
    ) -> Result<BTreeSet<BTreeSet<Digest>>> {
        let mut linked = BTreeSet::new();
        for name in current {
            let path = self.layout.current().join(name);
            let mut links = vec![path.clone()];
            if !path.is_symlink() {
                links = children(&path)?.iter().map(|it| path.join(it)).collect();
            }
            let objects: BTreeSet<Digest> =
                links.iter().filter_map(|it| object_of_link(it)).collect();
            let record = told.get(name).and_then(|key| self.find_record(key));
            let is_told = record.is_some_and(|it| {
                let digests = named_objects(&it).map(|(_, digest)| digest);
                digests.collect::<BTreeSet<Digest>>() == objects
            });
            if !is_told && !objects.is_empty() {
                linked.insert(objects);
            }
        }
        Ok(linked)
    }
}

/// How long ago it was made.
pub fn age_of(record: &Record) -> Option<Duration> {
    let now = SystemTime::now();
    made_at(record).map(|it| now.duration_since(it).unwrap_or_default())
}

/// When it was made, as far as its record tells.
pub fn made_at(record: &Record) -> Option<SystemTime> {
    let started: jiff::Timestamp = record.observed.started.parse().ok()?;
    let since = Duration::try_from(started.duration_since(jiff::Timestamp::UNIX_EPOCH)).ok()?;
    let seconds = Duration::try_from_secs_f64(record.observed.seconds).unwrap_or_default();
    SystemTime::UNIX_EPOCH
        .checked_add(since)?
        .checked_add(seconds)
}

/// The object that a link of people's leads to: `…/objects/sha256/ab/<62>`.
fn object_of_link(link: &Path) -> Option<Digest> {
    let target = fs::read_link(link).ok()?;
    let name = target.file_name()?.to_str()?;
    let shelf = target.parent()?.file_name()?.to_str()?;
    layout::joined(shelf, name)
}
