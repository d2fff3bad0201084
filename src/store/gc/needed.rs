//! What must stay: the results of kept runs, those that `current` leads to, and what is young. Removes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Event};

use super::{
    super::{Store, error::Result, layout, lookup::named_objects, names, record::children},
    Policy,
};
use crate::key;

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
        let known = self.known_specs()?;
        let mut links = BTreeMap::new();
        let names = self.with_fresh_contents(|contents| {
            let names = contents.names();
            let names = names.map(|(name, key)| (name.to_owned(), key));
            names.collect::<Vec<(String, Key)>>()
        })?;
        for (name, key) in names {
            let stage = self.with_owner(&name)?;
            // What an older version noted by the `name` of a spec ends with the first note by its path.
            let is_last = self.with_contents(|it| it.last(&name))? == Some(key);
            if stage.spec.is_none() && !is_last {
                continue;
            }
            if stage.spec.is_some_and(|spec| known.moved.contains(spec)) {
                continue;
            }
            // Whoever removes the link gives the result up; of outs alone there is none.
            let link = self.place_of_link(&stage);
            if fs::symlink_metadata(&link).is_ok() {
                keys.insert(key);
                links.insert(link, key);
            } else if known.stages.contains(&name) {
                outs.push(key);
            }
        }
        for key in outs {
            let record = self.find_record(&key);
            if record.is_some_and(|it| it.outputs.is_empty()) {
                keys.insert(key);
            }
        }
        let linked = self.linked_otherwise(&links)?;
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

    /// What the newest run of each spec knew.
    fn known_specs(&self) -> Result<KnownSpecs> {
        let mut projects: BTreeMap<String, String> = BTreeMap::new();
        let mut known = KnownSpecs::default();
        for run in self.runs()? {
            let Some(started) = self.start_of(&run)? else {
                continue;
            };
            let spec = names::spec_name(&started.spec);
            if projects.contains_key(&spec) {
                continue;
            }
            for stage in started.stages.iter().chain(&started.others) {
                known.stages.insert(names::identity(&spec, stage));
                // As older versions noted it.
                known.stages.insert(format!("{}/{stage}", started.name));
            }
            projects.insert(spec, started.name.clone());
        }
        let (there, gone): (Vec<_>, Vec<_>) =
            projects.iter().partition(|(spec, _)| self.has_spec(spec));
        let moved = gone
            .into_iter()
            .filter(|(_, project)| there.iter().any(|it| it.1 == *project));
        known.moved = moved.map(|(spec, _)| spec.clone()).collect();
        Ok(known)
    }

    /// The newest runs up to the last of those that are to be kept: of runs that had nothing to do, any number.
    pub(super) fn split_runs<'a>(
        &self,
        runs: &'a [String],
        keep: usize,
    ) -> Result<(&'a [String], &'a [String])> {
        let mut counted = 0;
        for (at, run) in runs.iter().enumerate() {
            if counted == keep {
                return Ok(runs.split_at(at));
            }
            counted += usize::from(!self.had_nothing_to_do(run)?);
        }
        Ok((runs, &[]))
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
    /// may have taken its end. `told` are the links that the index tells of.
    fn linked_otherwise(
        &self,
        told: &BTreeMap<PathBuf, Key>,
    ) -> Result<BTreeSet<BTreeSet<Digest>>> {
        let mut linked = BTreeSet::new();
        for path in self.current_links()? {
            let mut links = vec![path.clone()];
            if !path.is_symlink() {
                links = children(&path)?.iter().map(|it| path.join(it)).collect();
            }
            let objects: BTreeSet<Digest> =
                links.iter().filter_map(|it| object_of_link(it)).collect();
            let record = told.get(&path).and_then(|key| self.find_record(key));
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

    /// The link of each stage in `current`, or its folder of links.
    fn current_links(&self) -> Result<Vec<PathBuf>> {
        let current = self.layout.current();
        let mut links = Vec::new();
        for name in children(&current)? {
            let path = current.join(&name);
            if names::is_folder_of_spec(&name) {
                links.extend(children(&path)?.iter().map(|it| path.join(it)));
            } else {
                links.push(path);
            }
        }
        Ok(links)
    }
}

/// What runs tell of the specs that share the store.
#[derive(Default)]
struct KnownSpecs {
    /// What identifies the stages that the newest run of each spec knew.
    stages: HashSet<String>,
    /// Specs that are gone while another one has their `name`.
    moved: HashSet<String>,
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
