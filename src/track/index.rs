//! `pipe.db`: an index over the runs' logs, so that lists need not read them all. The logs are the truth:
//! the index is brought up to date when it is asked, so that a run never waits for it, and may be removed at any time.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use indexmap::IndexMap;
use pipe_schema::{report::Metrics, run::RunStatus};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};
use thiserror::Error;

use super::story::{State, Story};
use crate::store::{Store, StoreError};

/// Raised when the tables change; an index of another version is made anew.
const VERSION: u32 = 2;
const NAME: &str = "pipe.db";
/// How long another process may keep the index busy.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
    CREATE TABLE runs (
        run TEXT PRIMARY KEY, log_bytes INTEGER NOT NULL, at INTEGER NOT NULL,
        name TEXT NOT NULL, spec TEXT NOT NULL, overrides TEXT NOT NULL, git TEXT, status TEXT,
        ran INTEGER NOT NULL, cached INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL,
        seconds REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE metrics (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, stage TEXT NOT NULL, name TEXT NOT NULL,
        place INTEGER NOT NULL, value REAL, has_run INTEGER NOT NULL, PRIMARY KEY (run, stage, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE stages (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, stage TEXT NOT NULL, has_run INTEGER NOT NULL,
        seconds REAL NOT NULL, PRIMARY KEY (run, stage)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX metrics_by_stage ON metrics (stage, name, run);
";

/// What can go wrong with the index.
#[derive(Debug, Error)]
pub enum TrackError {
    #[error("the run index {} cannot be used: {source}", path.display())]
    Database {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("the run index {} cannot be removed: {source}", path.display())]
    Remove {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The index of a store's runs, up to date as of when it was opened.
pub struct Index {
    path: PathBuf,
    pub(super) connection: Connection,
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub run: String,
    /// Milliseconds since 1970.
    pub at: u64,
    pub name: String,
    pub spec: String,
    pub overrides: Vec<String>,
    pub git: Option<String>,
    /// Nothing where the log has no end: the run goes on, or was killed.
    pub status: Option<RunStatus>,
    pub ran: u64,
    pub cached: u64,
    pub failed: u64,
    pub skipped: u64,
    pub seconds: f64,
    /// Final metrics by stage, in the order of the run.
    pub metrics: IndexMap<String, Metrics>,
}

impl Index {
    /// Opens the index and reads what was logged since. One that is damaged or of another version is made anew;
    /// where none can be written, it lives in memory.
    pub fn open(store: &Store) -> Result<Self, TrackError> {
        let path = store.root().join(NAME);
        // What is no file, or a link to one, is neither written to nor waited for.
        let is_odd = |it: PathBuf| it.symlink_metadata().is_ok_and(|it| !it.is_file());
        let is_usable = !files(&path).any(is_odd) || store.is_writable() && remove(&path).is_ok();
        let found = if is_usable {
            Self::connect(&path)
        } else {
            Self::in_memory(&path)
        };
        let mut index = match found {
            Ok(index) => index,
            Err(TrackError::Database { source, .. }) if is_damaged(&source) => {
                remove(&path)?;
                Self::connect(&path)?
            }
            Err(TrackError::Database { source, .. }) if is_unwritable(&source) => {
                Self::in_memory(&path)?
            }
            Err(error) => return Err(error),
        };
        match index.catch_up(store) {
            Err(TrackError::Database { source, .. }) if is_unwritable(&source) => {
                index = Self::in_memory(&path)?;
                index.catch_up(store)?;
            }
            other => other?,
        }
        Ok(index)
    }

    /// Makes the index anew from the logs. Returns how many runs it has.
    pub fn rebuild(store: &Store) -> Result<u64, TrackError> {
        remove(&store.root().join(NAME))?;
        let index = Self::open(store)?;
        index.check(
            index
                .connection
                .query_row("SELECT count(*) FROM runs", [], |row| row.get(0)),
        )
    }

    /// The newest runs, newest first: of all specs, or of the one with this path.
    pub fn newest(&self, limit: usize, spec: Option<&str>) -> Result<Vec<Entry>, TrackError> {
        let query = "SELECT run, at, name, spec, overrides, git, status, ran, cached, failed, skipped, seconds
             FROM runs WHERE ?2 IS NULL OR spec = ?2 ORDER BY run DESC LIMIT ?1";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let entries = self.connection.prepare_cached(query).and_then(|mut it| {
            it.query_map(params![limit, spec], |row| {
                let overrides: String = row.get(4)?;
                Ok(Entry {
                    run: row.get(0)?,
                    at: row.get(1)?,
                    name: row.get(2)?,
                    spec: row.get(3)?,
                    overrides: serde_json::from_str(&overrides).unwrap_or_default(),
                    git: row.get(5)?,
                    status: row.get::<_, Option<String>>(6)?.and_then(|it| status(&it)),
                    ran: row.get(7)?,
                    cached: row.get(8)?,
                    failed: row.get(9)?,
                    skipped: row.get(10)?,
                    seconds: row.get(11)?,
                    metrics: IndexMap::new(),
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        });
        let mut entries = self.check(entries)?;
        for entry in &mut entries {
            entry.metrics = self.check(self.metrics_of(&entry.run))?;
        }
        Ok(entries)
    }

    /// A stage's metric in the runs that executed it, of the spec with this path or of all, oldest first, at most `limit` of the
    /// newest.
    pub fn history(
        &self,
        spec: Option<&str>,
        stage: &str,
        metric: &str,
        limit: u32,
    ) -> Result<Vec<f64>, TrackError> {
        let query = "SELECT value FROM (
                 SELECT metrics.run AS run, value FROM metrics JOIN runs ON runs.run = metrics.run
                 WHERE stage = ?1 AND metrics.name = ?2 AND has_run AND value IS NOT NULL AND (?4 IS NULL OR spec = ?4)
                 ORDER BY metrics.run DESC LIMIT ?3
             ) ORDER BY run";
        let values = self.connection.prepare_cached(query).and_then(|mut it| {
            it.query_map(params![stage, metric, limit, spec], |row| row.get(0))?
                .collect()
        });
        self.check(values)
    }

    fn metrics_of(&self, run: &str) -> rusqlite::Result<IndexMap<String, Metrics>> {
        let query = "SELECT stage, name, value FROM metrics WHERE run = ?1 ORDER BY place";
        let mut metrics: IndexMap<String, Metrics> = IndexMap::new();
        let mut statement = self.connection.prepare_cached(query)?;
        let mut rows = statement.query([run])?;
        while let Some(row) = rows.next()? {
            let value: Option<f64> = row.get(2)?;
            metrics
                .entry(row.get(0)?)
                .or_default()
                .insert(row.get(1)?, value.unwrap_or(f64::NAN));
        }
        Ok(metrics)
    }

    fn connect(path: &Path) -> Result<Self, TrackError> {
        let connection = Connection::open(path).map_err(|source| database(path, source))?;
        let mut index = Self {
            path: path.to_owned(),
            connection,
        };
        let prepared = index.prepare(true);
        index.check(prepared)?;
        Ok(index)
    }

    fn in_memory(path: &Path) -> Result<Self, TrackError> {
        let flags = OpenFlags::default();
        let connection = Connection::open_in_memory_with_flags(flags)
            .map_err(|source| database(path, source))?;
        let mut index = Self {
            path: path.to_owned(),
            connection,
        };
        let prepared = index.prepare(false);
        index.check(prepared)?;
        Ok(index)
    }

    fn prepare(&mut self, is_file: bool) -> rusqlite::Result<()> {
        self.connection.busy_timeout(PATIENCE)?;
        if is_file {
            self.connection.pragma_update(None, "journal_mode", "WAL")?;
            // The index can be rebuilt: losing its last lines to a loss of power is no loss.
            self.connection
                .pragma_update(None, "synchronous", "NORMAL")?;
        }
        self.connection.pragma_update(None, "foreign_keys", true)?;
        let found: u32 = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found == VERSION {
            return Ok(());
        }
        // Another process may be doing the same: look again with the lock in hand.
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: u32 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found != VERSION {
            change.execute_batch("DROP TABLE IF EXISTS stages; DROP TABLE IF EXISTS metrics; DROP TABLE IF EXISTS runs;",
            )?;
            change.execute_batch(TABLES)?;
            change.pragma_update(None, "user_version", VERSION)?;
        }
        change.commit()
    }

    /// Reads logs that are new or have grown, and forgets runs whose logs are gone.
    fn catch_up(&mut self, store: &Store) -> Result<(), TrackError> {
        let known = self.check(self.known())?;
        let runs = store.runs()?;
        let mut news = Vec::new();
        for run in &runs {
            let bytes = fs::metadata(store.root().join("log/runs").join(format!("{run}.jsonl")))
                .map_or(0, |it| it.len());
            if known.get(run) != Some(&bytes) {
                news.push((run, bytes, Story::from_lines(&store.read_run(run)?)));
            }
        }
        let gone: Vec<&String> = known.keys().filter(|it| !runs.contains(it)).collect();
        if news.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let write = |connection: &mut Connection| -> rusqlite::Result<()> {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for run in gone {
                change.execute("DELETE FROM runs WHERE run = ?1", [run])?;
            }
            for (run, bytes, story) in &news {
                insert(&change, run, *bytes, story)?;
            }
            change.commit()
        };
        write(&mut self.connection).map_err(|source| database(&path, source))
    }

    fn known(&self) -> rusqlite::Result<IndexMap<String, u64>> {
        let mut statement = self.connection.prepare("SELECT run, log_bytes FROM runs")?;
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    }

    pub(super) fn check<T>(&self, result: rusqlite::Result<T>) -> Result<T, TrackError> {
        result.map_err(|source| database(&self.path, source))
    }
}

fn insert(change: &Transaction<'_>, run: &str, bytes: u64, story: &Story) -> rusqlite::Result<()> {
    change.execute("DELETE FROM runs WHERE run = ?1", [run])?;
    let started = story.started.as_ref();
    let overrides = started.map(|it| &it.overrides[..]).unwrap_or_default();
    let count = |state| story.count(state) as i64;
    // A run in which nothing was to do need not name its stages.
    let found = story.finished.as_ref().map_or(0, |it| i64::from(it.cached));
    change.execute(
        "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            run,
            bytes as i64,
            story.at as i64,
            started.map_or("", |it| &it.name),
            started.map_or("", |it| &it.spec),
            serde_json::Value::from(overrides).to_string(),
            started.and_then(|it| it.git.as_deref()),
            story.status().map(status_name),
            count(State::Done),
            count(State::Cached).max(found),
            count(State::Failed),
            count(State::Skipped),
            story.finished.as_ref().map_or(0.0, |it| it.seconds),
        ],
    )?;
    let mut statement =
        change.prepare_cached("INSERT INTO metrics VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut stages = change.prepare_cached("INSERT INTO stages VALUES (?1, ?2, ?3, ?4)")?;
    let mut place = 0;
    for (stage, chapter) in &story.stages {
        let Some(record) = &chapter.record else {
            continue;
        };
        let has_run = chapter.state == State::Done;
        stages.execute(params![run, stage, has_run, record.observed.seconds])?;
        for (name, value) in &record.observed.metrics {
            place += 1;
            statement.execute(params![run, stage, name, place, value, has_run])?;
        }
    }
    Ok(())
}

/// The word for a status, in lists and in the index.
pub fn status_name(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Done => "done",
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "interrupted",
    }
}

fn status(name: &str) -> Option<RunStatus> {
    [RunStatus::Done, RunStatus::Failed, RunStatus::Interrupted]
        .into_iter()
        .find(|it| status_name(*it) == name)
}

fn database(path: &Path, source: rusqlite::Error) -> TrackError {
    TrackError::Database {
        path: path.to_owned(),
        source,
    }
}

fn remove(path: &Path) -> Result<(), TrackError> {
    for path in files(path) {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(TrackError::Remove { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The files in which SQLite keeps one database.
fn files(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", "-journal"].into_iter().map(|suffix| {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        file.into()
    })
}

fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
    )
}
