//! Removing what no kept run needs. Never beside a run: it wants the store for itself.
//! Records go before objects, so that no record ever speaks of what gc removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use pipe_schema::{key::Key, manifest::Digest, run::Event};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    index::{self, Index},
    layout,
    lookup::named_objects,
    record::children,
    removal, replace,
};
use crate::{key, plan::file_name};

/// A training that was broken off may be taken up again for this long.
const CHECKPOINT_DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);

/// What to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The results of this many runs, the newest ones.
    pub keep_runs: usize,
    /// What is younger stays, whatever run it is of.
    pub older_than: Duration,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What went, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub records: usize,
    pub objects: usize,
    pub checkpoints: usize,
    /// Folders of dead runs, damaged things that were set aside, logs and links of runs whose results went.
    pub leftovers: usize,
    pub bytes: u64,
    pub kept_runs: usize,
    pub kept_objects: usize,
    /// Files that were fetched.
    pub blobs: usize,
}

impl Store {
    /// Removes what neither the newest runs, nor the last success of any stage, nor anything young needs.
    pub fn gc(&self, policy: &Policy) -> Result<Collected> {
        let Some(_alone) = self.alone()? else {
            return Err(StoreError::Busy {
                path: self.root().to_owned(),
                what: self.live_leases()?.first().map_or_else(
                    || "a run is going on".to_owned(),
                    |run| format!("run `{run}` is going on"),
                ),
            });
        };
        let mut collected = Collected::default();
        let runs = self.runs()?;
        let (kept_runs, old_runs) = runs.split_at(policy.keep_runs.min(runs.len()));
        collected.kept_runs = kept_runs.len();
        let Needed {
            keys,
            digests,
            trained,
            inputs,
        } = self.needed(kept_runs, policy)?;

        let mut remove = Remover {
            dry_run: policy.dry_run,
            bytes: 0,
        };
        for key in self.record_keys()? {
            if !keys.contains(&key) {
                remove.tree(&self.layout.record(&key))?;
                collected.records += 1;
            }
        }
        if collected.records > 0 && !policy.dry_run {
            // Durable before any object goes.
            disk::sync_all(&self.folder, self.root()).at("write", self.root())?;
        }
        for digest in self.object_digests()? {
            if digests.contains(&digest) {
                collected.kept_objects += 1;
                continue;
            }
            // Without its manifest the folder does not count, should we be killed now. Half of it must not be found there.
            remove.tree(&self.layout.manifest(&digest))?;
            remove.tree_at_once(&self.layout.object(&digest), &self.layout.scratch())?;
            collected.objects += 1;
        }
        for digest in self.blob_digests()? {
            let folder = self.layout.blob(&digest);
            let is_young = age(&folder).is_some_and(|it| it < policy.older_than);
            if !is_young && !inputs.contains(&digest) {
                remove.tree(&folder)?;
                collected.blobs += 1;
            }
        }
        for path in self.idle_checkpoints(&trained)? {
            remove.tree(&path)?;
            collected.checkpoints += 1;
        }
        for path in self.leftovers(old_runs)? {
            remove.tree(&path)?;
            collected.leftovers += 1;
        }
        collected.bytes = remove.bytes;
        if !policy.dry_run {
            remove_dangling(&self.layout.current())?;
            self.forget(&keys, &digests)?;
        }
        Ok(collected)
    }

    fn needed(&self, kept_runs: &[String], policy: &Policy) -> Result<Needed> {
        let mut keys = BTreeSet::new();
        for run in kept_runs {
            for line in self.read_run(run)? {
                if let Event::StageCached { record, .. } | Event::StageDone { record, .. } =
                    line.event
                {
                    keys.insert(record.key);
                }
            }
        }
        let current = children(&self.layout.current())?;
        let mut told = BTreeMap::new();
        self.with_index(|index| {
            for (stage, key) in index.stages() {
                // Whoever removes the link gives the result up.
                if current.contains(&file_name(stage)) {
                    keys.insert(*key);
                    told.insert(file_name(stage), *key);
                }
            }
        })?;
        let linked = self.linked_otherwise(&current, &told)?;
        let mut needed = Needed::default();
        for key in self.record_keys()? {
            if !linked.is_empty() && !keys.contains(&key) {
                let record = self.find_record(&key);
                let digests = record.iter().flat_map(named_objects);
                if linked.contains(&digests.map(|(_, digest)| digest).collect()) {
                    keys.insert(key);
                }
            }
            let is_young = age(&self.layout.record(&key)).is_some_and(|it| it < policy.older_than);
            if !is_young && !keys.contains(&key) {
                continue;
            }
            needed.keys.insert(key);
            if let Some(record) = self.find_record(&key) {
                let digests = named_objects(&record).map(|(_, digest)| digest);
                needed.digests.extend(digests);
                needed.inputs.extend(record.parts.inputs.values());
                if record.parts.until.is_none() || key::is_full(&record.parts) {
                    needed.trained.insert(key::without_until(&record.parts));
                }
            }
        }
        Ok(needed)
    }

    /// Objects that links in `current` lead to, by link, where the index tells of another record or of none: a loss of power
    /// may have taken its end.
    fn linked_otherwise(
        &self,
        current: &[String],
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

    /// Checkpoints of trainings that are done, or were not touched for long.
    fn idle_checkpoints(&self, trained: &BTreeSet<Key>) -> Result<Vec<PathBuf>> {
        let folder = self.layout.checkpoints();
        let mut idle = Vec::new();
        for name in children(&folder)? {
            let path = folder.join(&name);
            let is_done = name
                .parse()
                .is_ok_and(|digest| trained.contains(&Key(digest)));
            let is_old = age(&path).is_some_and(|it| it > DAY * CHECKPOINT_DAYS);
            if is_done || is_old {
                idle.push(path);
            }
        }
        Ok(idle)
    }

    /// What dead runs left, what was set aside, and logs of attempts and links of runs that are not kept.
    fn leftovers(&self, old_runs: &[String]) -> Result<Vec<PathBuf>> {
        let all = |folder: PathBuf| -> Result<Vec<PathBuf>> {
            Ok(children(&folder)?
                .into_iter()
                .map(|it| folder.join(it))
                .collect())
        };
        let mut paths = all(self.layout.scratch())?;
        paths.extend(all(self.layout.quarantine())?);
        let replaced = [
            self.layout.version(),
            self.layout.index(),
            self.layout.answer(""),
        ];
        for file in replaced {
            paths.extend(replace::drafts(file.parent().unwrap_or(self.root()))?);
        }
        for run in old_runs {
            let name = file_name(run);
            let of_run = [
                self.layout.attempt_logs().join(&name),
                self.layout.run_links().join(&name),
            ];
            paths.extend(of_run.into_iter().filter(|it| it.exists()));
        }
        Ok(paths)
    }

    /// Writes the packed index anew, without what is gone.
    fn forget(&self, keys: &BTreeSet<Key>, digests: &BTreeSet<Digest>) -> Result<()> {
        let path = self.layout.index();
        let lines = self.with_fresh_index(|index| {
            index.lines(|key| keys.contains(key), |digest| digests.contains(digest))
        })?;
        index::rewrite(&path, &lines)?;
        let mut guard = self
            .index
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *guard = None::<Index>;
        Ok(())
    }

    /// Removes the whole store, whatever is in it. Only a store: a folder without `VERSION` was refused when it was opened.
    /// A folder that is kept in a repository stays, with its own `.gitignore`.
    pub fn clean(self) -> Result<()> {
        let Some(alone) = self.alone()? else {
            return Err(StoreError::Busy {
                path: self.root().to_owned(),
                what: "a run is going on".to_owned(),
            });
        };
        let root = self.root().to_owned();
        // `VERSION` last: what is left of a removal that was broken off is a store still.
        let mut names = children(&root)?;
        names.sort_by_key(|it| it == "VERSION");
        for name in names.iter().filter(|it| !it.starts_with(".git")) {
            removal::remove_tree(&root.join(name))?;
        }
        drop(alone);
        let ignore = root.join(".gitignore");
        if children(&root)? == [".gitignore"]
            && fs::read_to_string(&ignore).is_ok_and(|it| it == super::IGNORE_ALL)
        {
            removal::remove_tree(&root)?;
        }
        Ok(())
    }

    /// Bytes on disk of everything in the store.
    pub fn size(&self) -> u64 {
        tree_bytes(self.root())
    }
}

/// The object that a link of people's leads to: `…/objects/sha256/ab/<62>`.
fn object_of_link(link: &Path) -> Option<Digest> {
    let target = fs::read_link(link).ok()?;
    let name = target.file_name()?.to_str()?;
    let shelf = target.parent()?.file_name()?.to_str()?;
    layout::joined(shelf, name)
}

/// Removes links whose object is gone, and folders of links that are empty then.
fn remove_dangling(folder: &Path) -> Result<()> {
    for name in children(folder)? {
        let path = folder.join(name);
        if path.is_symlink() {
            if !path.exists() {
                removal::remove_tree(&path)?;
            }
        } else if path.is_dir() {
            remove_dangling(&path)?;
            let _ = disk::remove_dir(&path);
        }
    }
    Ok(())
}

/// What must stay.
#[derive(Default)]
struct Needed {
    keys: BTreeSet<Key>,
    /// The objects that the records of these keys speak of.
    digests: BTreeSet<Digest>,
    /// Trainings that went to their end, by their keys without `until`.
    trained: BTreeSet<Key>,
    /// What these records were made of, files that were fetched among it.
    inputs: BTreeSet<Digest>,
}

struct Remover {
    dry_run: bool,
    bytes: u64,
}

impl Remover {
    /// A folder that is there as a whole or not at all, should we be killed: it is moved to `scratch` before. What stays
    /// there is swept by the next run.
    fn tree_at_once(&mut self, path: &Path, scratch: &Path) -> Result<()> {
        if self.dry_run || !path.is_dir() || path.is_symlink() {
            return self.tree(path);
        }
        let doomed = scratch.join("gc");
        removal::remove_tree(&doomed)?;
        disk::create_dir_all(scratch).at("create", scratch)?;
        // An ordinary user cannot move a folder that is read-only.
        removal::make_writable(path)?;
        disk::rename(path, &doomed).at("remove", path)?;
        self.tree(&doomed)
    }

    fn tree(&mut self, path: &Path) -> Result<()> {
        self.bytes += tree_bytes(path);
        if self.dry_run {
            return Ok(());
        }
        if path.is_dir() && !path.is_symlink() {
            removal::make_writable(path)?;
        }
        removal::remove_tree(path)
    }
}

fn tree_bytes(path: &Path) -> u64 {
    walkdir::WalkDir::new(path)
        .into_iter()
        .filter_map(|it| it.ok()?.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|it| it.len())
        .sum()
}

fn age(path: &Path) -> Option<Duration> {
    let changed = fs::metadata(path).ok()?.modified().ok()?;
    Some(
        SystemTime::now()
            .duration_since(changed)
            .unwrap_or_default(),
    )
}
