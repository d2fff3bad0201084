//! Removing what no kept run needs, nor one that is going on.
//! Records go before objects, so that no record ever speaks of what gc removed.

mod clean;
mod needed;
mod room;

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use pipe_schema::{key::Key, manifest::Digest};

use self::needed::Needed;
use super::{
    Store,
    aside::OUT_ASIDE,
    disk,
    error::{Result, StoreError},
    journal::{Head, Kind},
    lease::Scratch,
    record::children,
    removal, replace,
    stat::Stat,
};
use crate::plan::file_name;

/// A training that was broken off may be taken up again for this long.
const CHECKPOINT_DAYS: u32 = 30;
const DAY: Duration = Duration::from_hours(24);

/// What to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The results of this many runs, the newest ones of those that had something to do.
    pub keep_runs: usize,
    /// What is younger stays, whatever run it is of.
    pub older_than: Duration,
    /// Nothing more goes once the store is no larger than this; what was used last stays longest.
    pub max_bytes: Option<u64>,
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
    /// Bytes of the store that stay, where `max_bytes` was given: more than that if the policy keeps more.
    pub left: Option<u64>,
}

impl Store {
    /// Removes what neither the newest runs, nor the last success of any stage, nor a run that is going on, nor anything young
    /// needs.
    pub fn gc(&self, policy: &Policy) -> Result<Collected> {
        let before = policy.max_bytes.map(|limit| (limit, self.size()));
        if !policy.dry_run {
            self.shorten_journals()?;
        }
        let Some(alone) = self.close_gate()? else {
            return Err(self.in_use());
        };
        self.try_locks_now()?;
        if let Some(why) = self.distrust().filter(|_| !policy.dry_run) {
            return Err(StoreError::Distrusted {
                path: self.root().to_owned(),
                why: why.to_owned(),
            });
        }
        let mut collected = Collected::default();
        let live: HashSet<String> = self.live_leases()?.into_iter().collect();
        let runs = self.runs()?;
        let (kept_runs, old_runs) = self.split_runs(&runs, policy.keep_runs)?;
        collected.kept_runs = kept_runs.len();
        let mut needed = self.needed(kept_runs, policy)?;
        let mut old_runs = old_runs.to_vec();
        old_runs.retain(|it| !live.contains(&file_name(it)));
        if let Some((limit, size)) = before {
            self.keep_what_fits(
                size.saturating_sub(limit),
                &mut old_runs,
                &mut needed,
                policy,
            )?;
        }
        let Needed {
            keys,
            digests,
            trained,
            inputs,
            claimed,
        } = needed;

        let dead = self.dead_scratch()?;
        collected.leftovers += dead.len();
        collected.bytes += dead.iter().map(|it| tree_bytes(it)).sum::<u64>();
        // Sweeps those away, too.
        let scratch = (!policy.dry_run).then(|| self.own_scratch()).transpose()?;
        let mut remove = Remover {
            scratch: scratch.as_ref(),
            doomed: Vec::new(),
            bytes: 0,
        };
        let all = self.record_keys()?;
        collected.records = all.iter().filter(|it| !keys.contains(it)).count();
        let packed = self.packed_digests()?;
        let packs = packed.iter().filter(|it| !digests.contains(it)).count();
        collected.objects += packs;
        collected.kept_objects += packed.len() - packs;
        let keeps = |head: &Head| match head.kind {
            Kind::Record | Kind::Last => keys.contains(&Key(head.id)),
            Kind::Tree | Kind::Pack | Kind::Stamp => digests.contains(&head.id),
            Kind::Out => true,
        };
        // Durable before any object goes.
        collected.bytes += self.gather(&keeps, policy.dry_run)?;
        for digest in self.object_digests()? {
            if digests.contains(&digest) {
                collected.kept_objects += 1;
                continue;
            }
            remove.take(self.layout.object(&digest))?;
            collected.objects += 1;
        }
        for digest in self.blob_digests()? {
            let folder = self.layout.blob(&digest);
            let is_young = age(&folder).is_some_and(|it| it < policy.older_than);
            if !is_young && !inputs.contains(&digest) {
                remove.take(folder)?;
                collected.blobs += 1;
            }
        }
        for path in self.idle_checkpoints(&trained, &claimed)? {
            remove.take(path)?;
            collected.checkpoints += 1;
        }
        for path in self.leftovers(&old_runs, &live)? {
            remove.take(path)?;
            collected.leftovers += 1;
        }
        if !policy.dry_run {
            remove_dangling(&self.layout.current())?;
        }
        // Nobody can find it any more: runs need not wait for it to go.
        drop(alone);
        collected.bytes += remove.finish()?;
        collected.left = before.map(|(_, size)| size.saturating_sub(collected.bytes));
        Ok(collected)
    }

    /// Who has the store.
    fn in_use(&self) -> StoreError {
        let live = self.live_leases().unwrap_or_default();
        StoreError::Busy {
            path: self.root().to_owned(),
            what: live.first().map_or_else(
                || "it is being read or written".to_owned(),
                |run| format!("run `{run}` is going on"),
            ),
        }
    }

    /// Checkpoints of trainings that are done, or were not touched for long.
    fn idle_checkpoints(
        &self,
        trained: &BTreeSet<Key>,
        claimed: &HashSet<Digest>,
    ) -> Result<Vec<PathBuf>> {
        let folder = self.layout.checkpoints();
        let mut idle = Vec::new();
        for name in children(&folder)? {
            let path = folder.join(&name);
            let key: std::result::Result<Digest, _> = name.parse();
            if key.as_ref().is_ok_and(|it| claimed.contains(it)) {
                continue;
            }
            let is_done = key.is_ok_and(|digest| trained.contains(&Key(digest)));
            let is_old = age(&path).is_some_and(|it| it > DAY * CHECKPOINT_DAYS);
            if is_done || is_old {
                idle.push(path);
            }
        }
        Ok(idle)
    }

    /// What dead runs left under `tmp/`.
    fn dead_scratch(&self) -> Result<Vec<PathBuf>> {
        let folder = self.layout.scratch();
        let names = children(&folder)?;
        // Asked afterwards: who has a folder has a lease before.
        let live: HashSet<String> = self.live_leases()?.into_iter().collect();
        let dead = names.into_iter().filter(|it| !live.contains(it));
        Ok(dead.map(|it| folder.join(it)).collect())
    }

    /// What was set aside or fetched in part, and logs of attempts and lists of runs that are not kept.
    fn leftovers(&self, old_runs: &[String], live: &HashSet<String>) -> Result<Vec<PathBuf>> {
        let quarantine = self.layout.quarantine();
        let aside = children(&quarantine)?.into_iter();
        let mut paths: Vec<PathBuf> = aside.map(|it| quarantine.join(it)).collect();
        paths.extend(self.idle_partials()?);
        // What lay where outs belong may be somebody's.
        paths.retain(|it| !is_kept(it));
        let replaced = [
            self.layout.version(),
            self.layout.sources(),
            self.layout.answer(""),
            self.layout.witness(""),
            self.layout.journals().join("any"),
            self.layout.run_lists().join("any"),
        ];
        // A run that is going on may be about to give one its name.
        for file in replaced.iter().filter(|_| live.is_empty()) {
            paths.extend(replace::drafts(file.parent().unwrap_or(self.root()))?);
        }
        for run in old_runs {
            let name = file_name(run);
            let of_run = [
                self.layout.attempt_logs().join(&name),
                self.layout.run_lists().join(&name),
            ];
            paths.extend(of_run.into_iter().filter(|it| it.exists()));
        }
        Ok(paths)
    }
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

/// Removes in two steps: what is taken is gone as a whole for all others, should we be killed, too. What lies in `scratch`
/// then is swept by the next run.
struct Remover<'a> {
    /// None where nothing is to be removed.
    scratch: Option<&'a Scratch>,
    doomed: Vec<PathBuf>,
    bytes: u64,
}

impl Remover<'_> {
    fn take(&mut self, path: PathBuf) -> Result<()> {
        let Some(scratch) = self.scratch else {
            self.doomed.push(path);
            return Ok(());
        };
        let doomed = scratch.new_path("gc");
        if path.is_dir() && !path.is_symlink() {
            // An ordinary user cannot move a folder that is read-only.
            removal::make_writable(&path)?;
        }
        match disk::rename(&path, &doomed) {
            Ok(()) => self.doomed.push(doomed),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // A folder of the store that somebody keeps on another disk.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                self.bytes += tree_bytes(&path);
                removal::remove_tree(&path)?;
            }
            Err(error) => return Err(StoreError::io("remove", &path, error)),
        }
        Ok(())
    }

    /// The bytes of all that was taken, which is gone then.
    fn finish(self) -> Result<u64> {
        let mut bytes = self.bytes;
        for path in self.doomed {
            bytes += tree_bytes(&path);
            if self.scratch.is_some() {
                removal::remove_tree(&path)?;
            }
        }
        Ok(bytes)
    }
}

/// Bytes of all files in a tree.
pub(super) fn tree_bytes(path: &Path) -> u64 {
    walkdir::WalkDir::new(path)
        .into_iter()
        .filter_map(|it| it.ok()?.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|it| it.len())
        .sum()
}

/// Whether it lies in quarantine because it was in the way of an out, and not for long.
fn is_kept(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(OUT_ASIDE.as_bytes()) && is_recent(path)
}

/// Whether it was put where it is not long ago.
fn is_recent(path: &Path) -> bool {
    let moved = Stat::of_link(path).map_or(0, |it| it.ctime);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let age = now.unwrap_or_default().as_nanos() as i64 - moved;
    age < (DAY * CHECKPOINT_DAYS).as_nanos() as i64
}

fn age(path: &Path) -> Option<Duration> {
    let now = SystemTime::now();
    changed(path).map(|it| now.duration_since(it).unwrap_or_default())
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
