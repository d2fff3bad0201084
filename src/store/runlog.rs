//! Logs of runs: one file a run, one JSON line an event, appended and never changed. They are the truth about runs.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom},
    iter,
    path::PathBuf,
    sync::Arc,
};

use pipe_data::regular;
use pipe_schema::run::{Event, Line, RunStarted, RunStatus};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    record::children,
    replace::replace,
};
use crate::plan::file_name;

/// Bytes of lines that may be held back.
const MOST_HELD: usize = 64 * 1024;

/// Bytes that the last line of a log that is complete has at most.
const LONGEST_END: u64 = 4096;

/// A run's log, open for appending.
#[derive(Debug)]
pub struct RunLog {
    path: PathBuf,
    file: Arc<File>,
    /// Lines that tell only what the store has: they are written with what comes next.
    held: Vec<u8>,
}

impl RunLog {
    /// Writes a line: one of what happened at once, so that it survives the death of this process.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        let start = self.held.len();
        if let Err(error) = serde_json::to_writer(&mut self.held, line) {
            self.held.truncate(start);
            return Err(StoreError::Damaged {
                path: self.path.clone(),
                what: format!("an event cannot be written as JSON: {error}"),
            });
        }
        self.held.push(b'\n');
        match line.event {
            Event::StageReady { .. } | Event::StageCached { .. } if self.held.len() < MOST_HELD => {
                Ok(())
            }
            _ => self.write_held(),
        }
    }

    fn write_held(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut self.held);
        disk::write_all(&self.file, &self.path, &bytes).at("write", &self.path)
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            // Only a run that broke off leaves something here, and that error is the one to tell.
            let _ = self.write_held();
        }
    }
}

impl Store {
    /// Begins `log/runs/<run>.jsonl`. The run lives as long as this store is open.
    pub fn start_run_log(&self, run: &str) -> Result<RunLog> {
        if !self.lease(run)? {
            return Err(StoreError::Busy {
                path: self.root().to_owned(),
                what: format!("it is run `{run}`, too"),
            });
        }
        let path = self.layout.run_log(run);
        super::create_parent(&path)?;
        let file =
            disk::open(OpenOptions::new().append(true).create(true), &path).at("open", &path)?;
        let file = Arc::new(file);
        Ok(RunLog {
            path,
            file,
            held: Vec::new(),
        })
    }

    /// Ids of all runs, newest first.
    pub fn runs(&self) -> Result<Vec<String>> {
        let mut runs: Vec<String> = children(&self.layout.run_logs())?
            .into_iter()
            .filter_map(|it| it.strip_suffix(".jsonl").map(str::to_owned))
            .collect();
        runs.sort_by(|a, b| b.cmp(a));
        Ok(runs)
    }

    /// How a run began, with the stages of the run that it repeats, if it tells none. None where its log was cut off before.
    pub(super) fn start_of(&self, run: &str) -> Result<Option<Arc<RunStarted>>> {
        let [first, second] = self.first_lines(run)?;
        let event = |line: &[u8]| Some(serde_json::from_slice::<Line>(line).ok()?.event);
        let Some(Event::RunStarted(mut started)) = event(&first) else {
            return Ok(None);
        };
        if started.stages.is_empty()
            && let Some(Event::RunRepeated { of, .. }) = event(&second)
            && let Ok([before, _]) = self.first_lines(&of)
            && let Some(Event::RunStarted(before)) = event(&before)
        {
            let started = Arc::make_mut(&mut started);
            started.stages.clone_from(&before.stages);
            started.others.clone_from(&before.others);
        }
        Ok(Some(started))
    }

    /// Whether a run ended well and executed no stage. One whose end is not told may have.
    pub(super) fn had_nothing_to_do(&self, run: &str) -> Result<bool> {
        let path = self.layout.run_log(run);
        let mut file = regular::open(&path).at("read", &path)?;
        let bytes = file.metadata().at("read", &path)?.len();
        file.seek(SeekFrom::Start(bytes.saturating_sub(LONGEST_END)))
            .at("read", &path)?;
        let mut end = Vec::new();
        file.read_to_end(&mut end).at("read", &path)?;
        let last = end.trim_ascii_end().rsplit(|it| *it == b'\n').next();
        let line: Option<Line> = last.and_then(|line| serde_json::from_slice(line).ok());
        let Some(Event::RunFinished(finished)) = line.map(|line| line.event) else {
            return Ok(false);
        };
        Ok(finished.status == RunStatus::Done && finished.ran == 0)
    }

    fn first_lines(&self, run: &str) -> Result<[Vec<u8>; 2]> {
        let path = self.layout.run_log(run);
        let file = regular::open(&path).at("read", &path)?;
        let mut lines = BufReader::new(file).split(b'\n');
        let mut next = || lines.next().transpose().at("read", &path);
        Ok([next()?, next()?].map(Option::unwrap_or_default))
    }

    /// Writes a run's page for a browser, which may be kept from folders outside of the project. It lies in `tmp/`: a later
    /// run sweeps it away.
    pub fn write_page(&self, run: &str, html: &str) -> Result<PathBuf> {
        let name = format!("page-{}", file_name(run));
        let path = self.layout.scratch().join(name).join("page.html");
        replace(&path, html.as_bytes())?;
        Ok(path)
    }

    /// A run's story. A line that was cut off by a crash is left out. Stages that are as they were in earlier runs are told
    /// as those told them.
    pub fn read_run(&self, run: &str) -> Result<Vec<Line>> {
        let mut lines = self.read_lines(run)?;
        let before: Vec<_> = self.told_before(run).collect();
        let Some(first) = lines.first_mut().filter(|_| !before.is_empty()) else {
            return Ok(lines);
        };
        let (at, Event::RunStarted(started)) = (first.at, &mut first.event) else {
            return Ok(lines);
        };
        let started = Arc::make_mut(started);
        let mut told: HashSet<String> = HashSet::new();
        let mut others = Vec::new();
        for (of, besides) in before {
            told.extend(besides);
            // Where that log is gone, the rest is told.
            for line in self.read_lines(&of).unwrap_or_default() {
                match line.event {
                    Event::RunStarted(old) if started.stages.is_empty() => {
                        started.stages.clone_from(&old.stages);
                        started.after.clone_from(&old.after);
                        started.others.clone_from(&old.others);
                    }
                    event if found(&event).is_some_and(|it| !told.contains(it)) => {
                        others.push(event);
                    }
                    _ => {}
                }
            }
        }
        let own = started.stages.iter().enumerate();
        let own: HashMap<&String, usize> = own.map(|(place, stage)| (stage, place)).collect();
        let place = |event: &Event| found(event).and_then(|stage| own.get(stage).copied());
        others.retain(|it| place(it).is_some());
        others.sort_by_key(place);
        let others = others.into_iter().map(|event| Line { at, event });
        lines.splice(1..1, others);
        Ok(lines)
    }

    /// Bytes of the logs that tell a run, counted until they are more than `enough`; none where it has no log.
    pub fn run_bytes(&self, run: &str, enough: u64) -> u64 {
        let bytes = |run: &str| fs::metadata(self.layout.run_log(run)).map_or(0, |it| it.len());
        let mut sum = bytes(run);
        let mut before = self.told_before(run);
        while sum <= enough
            && let Some((of, _)) = before.next()
        {
            sum += bytes(&of);
        }
        sum
    }

    /// The runs whose logs tell of stages that a run's own does not, each with the stages that the log told that names it.
    fn told_before(&self, run: &str) -> impl Iterator<Item = (String, Vec<String>)> {
        let mut next = run.to_owned();
        let mut named = HashSet::from([next.clone()]);
        iter::from_fn(move || {
            let [_, second] = self.first_lines(&next).ok()?;
            let line: Line = serde_json::from_slice(&second).ok()?;
            let Event::RunRepeated { of, besides } = line.event else {
                return None;
            };
            next.clone_from(&of);
            named.insert(of.clone()).then_some((of, besides))
        })
    }

    fn read_lines(&self, run: &str) -> Result<Vec<Line>> {
        let path = self.layout.run_log(run);
        let bytes = match regular::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::Missing(path));
            }
            Err(error) => return Err(StoreError::io("read", &path, error)),
        };
        Ok(bytes
            .split(|it| *it == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }
}

/// The stage that was found in the store, if the event tells of one.
fn found(event: &Event) -> Option<&String> {
    match event {
        Event::StageReady { stage, .. } | Event::StageCached { stage, .. } => Some(stage),
        _ => None,
    }
}
