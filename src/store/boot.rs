//! The machine's boots. A run that was going on as one ended, by a loss of power or a crash of the system, was cut off: what
//! it wrote to the store last may be gone, while what its jobs wrote elsewhere is there.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use pipe_data::regular;
use pipe_schema::run::{Event, Line, RunStarted};
use rustix::time::{ClockId, clock_gettime};

use super::{
    Store, disk,
    error::{At, Result},
    fault,
    stat::Stat,
};
use crate::plan::file_name;

const SECOND: i64 = 1_000_000_000;
/// Runs whose logs are looked at, the newest.
const MOST_RUNS: usize = 200;

/// One boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's name for it.
    pub id: String,
    /// When it was, in nanoseconds since 1970.
    since: i64,
}

impl Boot {
    /// The one that goes on; nothing where the kernel does not tell.
    pub fn current() -> Option<&'static Self> {
        static CURRENT: OnceLock<Option<Boot>> = OnceLock::new();
        CURRENT.get_or_init(Self::find).as_ref()
    }

    fn find() -> Option<Self> {
        if let Some(since) = fault::boot() {
            let id = since.to_string();
            return Some(Self { id, since });
        }
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let nanoseconds = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec.saturating_mul(SECOND) + time.tv_nsec
        };
        Some(Self {
            id: id.trim().to_owned(),
            since: nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Boottime),
        })
    }
}

/// The log of this process's run, until it is known to survive a loss of power.
pub(super) type Unsynced = Mutex<Option<(Arc<File>, PathBuf)>>;

impl Store {
    /// A run begins, of which this is the log.
    pub(super) fn expect_writes_outside(&self, log: &Arc<File>, path: &Path) {
        *self.unsynced_log() = Some((Arc::clone(log), path.to_owned()));
    }

    /// To be called before anything is written outside of the store: that a run did so is known after a loss of power.
    pub(super) fn foretell_writes_outside(&self) -> Result<()> {
        let Some((log, path)) = self.unsynced_log().take() else {
            return Ok(());
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        let synced = (disk::sync(&log, &path).at("write", &path))
            .and_then(|()| File::open(folder).at("open", folder))
            .and_then(|opened| disk::sync(&opened, folder).at("write", folder));
        if synced.is_err() {
            self.expect_writes_outside(&log, &path);
        }
        synced
    }

    fn unsynced_log(&self) -> MutexGuard<'_, Option<(Arc<File>, PathBuf)>> {
        self.unsynced_log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what lies at a path was written last while a run was going on that was cut off, and in which the stage took part
    /// that writes there.
    pub(super) fn was_written_by_one_cut_off(&self, path: &Path, stage: &str) -> bool {
        let (Some(boot), None) = (Boot::current(), self.distrust()) else {
            return false;
        };
        let Some(changed) = last_change(path).filter(|it| *it < boot.since) else {
            return false;
        };
        let (Ok(runs), Ok(live)) = (self.runs(), self.live_leases()) else {
            return false;
        };
        // The newest first. What changed after a later run began is not of an earlier one.
        let dead = runs.iter().take(MOST_RUNS);
        for run in dead.filter(|run| !live.contains(&file_name(run))) {
            let (Some((at, started)), is_finished) = self.ends_of(run) else {
                continue;
            };
            if at <= changed {
                let is_other_boot = started.boot.as_ref().is_some_and(|it| *it != boot.id);
                return !is_finished
                    && is_other_boot
                    && started.stages.iter().any(|it| it == stage);
            }
        }
        false
    }

    /// When and how a run began, and whether its log has its end.
    fn ends_of(&self, run: &str) -> (Option<(i64, Arc<RunStarted>)>, bool) {
        let bytes = regular::read(&self.layout.run_log(run)).unwrap_or_default();
        let mut lines = bytes
            .split(|it| *it == b'\n')
            .filter_map(|it| serde_json::from_slice::<Line>(it).ok());
        let started = lines.next().and_then(|line| match line.event {
            Event::RunStarted(started) => Some((line.at as i64 * (SECOND / 1000), started)),
            _ => None,
        });
        let is_finished = lines.any(|it| matches!(it.event, Event::RunFinished(_)));
        (started, is_finished)
    }
}

/// When anything at a path or below it was changed last.
fn last_change(path: &Path) -> Option<i64> {
    let mut last = None;
    for entry in walkdir::WalkDir::new(path) {
        let stat = Stat::of_link(entry.ok()?.path()).ok()?;
        last = last.max(Some(stat.mtime.max(stat.ctime)));
    }
    last
}
