//! Logs of runs: one file a run, one JSON line an event, appended and never changed. They are the truth about runs.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, ErrorKind},
    path::PathBuf,
    sync::Arc,
};

use pipe_schema::run::{Event, Line, RunStarted};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    record::children,
    replace::replace,
};
use crate::plan::file_name;

/// A run that repeats another has a short log.
const SHORT: u64 = 100_000;

/// Bytes of lines that may be held back.
const MOST_HELD: usize = 64 * 1024;

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
        self.expect_writes_outside(&file, &path);
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

    /// How a run began, with the stages of the run that it repeats, if it does. None where its log was cut off before.
    pub(super) fn start_of(&self, run: &str) -> Result<Option<RunStarted>> {
        let [first, second] = self.first_lines(run)?;
        let Some(Event::RunStarted(mut started)) = first else {
            return Ok(None);
        };
        if let Some(Event::RunRepeated { of }) = second
            && let Ok([Some(Event::RunStarted(before)), _]) = self.first_lines(&of)
        {
            started.stages = before.stages;
            started.others = before.others;
        }
        Ok(Some(started))
    }

    fn first_lines(&self, run: &str) -> Result<[Option<Event>; 2]> {
        let path = self.layout.run_log(run);
        let file = File::open(&path).at("read", &path)?;
        let mut lines = BufReader::new(file).split(b'\n');
        let mut next = || -> Result<Option<Event>> {
            let line = lines.next().transpose().at("read", &path)?;
            let line = line.and_then(|it| serde_json::from_slice::<Line>(&it).ok());
            Ok(line.map(|it| it.event))
        };
        Ok([next()?, next()?])
    }

    /// Writes a run's page for a browser, which may be kept from folders outside of the project. It lies in `tmp/`: a later
    /// run sweeps it away.
    pub fn write_page(&self, run: &str, html: &str) -> Result<PathBuf> {
        let name = format!("page-{}", file_name(run));
        let path = self.layout.scratch().join(name).join("page.html");
        replace(&path, html.as_bytes())?;
        Ok(path)
    }

    /// A run's story. A line that was cut off by a crash is left out. Of a run that repeats an earlier one, the stages are
    /// told as that one told them.
    pub fn read_run(&self, run: &str) -> Result<Vec<Line>> {
        let mut lines = self.read_lines(run)?;
        let repeated = lines.iter().find_map(|line| match &line.event {
            Event::RunRepeated { of } => Some(of.clone()),
            _ => None,
        });
        // Where that log is gone, the rest is told.
        let Some(before) = repeated.and_then(|it| self.read_lines(&it).ok()) else {
            return Ok(lines);
        };
        let Some(at) = lines.first().map(|it| it.at) else {
            return Ok(lines);
        };
        let mut stages = Vec::new();
        for line in before {
            match (line.event, lines.first_mut()) {
                (
                    Event::RunStarted(old),
                    Some(Line {
                        event: Event::RunStarted(started),
                        ..
                    }),
                ) => {
                    started.stages = old.stages;
                    started.after = old.after;
                    started.others = old.others;
                }
                (event @ (Event::StageReady { .. } | Event::StageCached { .. }), _) => {
                    stages.push(Line { at, event });
                }
                _ => {}
            }
        }
        lines.splice(1..1, stages);
        Ok(lines)
    }

    /// Bytes of all logs that tell a run; none where it has no log.
    pub fn run_bytes(&self, run: &str) -> u64 {
        let bytes = |run: &str| fs::metadata(self.layout.run_log(run)).map_or(0, |it| it.len());
        let own = bytes(run);
        if own > SHORT {
            return own;
        }
        let lines = self.read_lines(run).unwrap_or_default();
        let repeated = lines.iter().map(|line| match &line.event {
            Event::RunRepeated { of } => bytes(of),
            _ => 0,
        });
        own + repeated.sum::<u64>()
    }

    fn read_lines(&self, run: &str) -> Result<Vec<Line>> {
        let path = self.layout.run_log(run);
        let bytes = match fs::read(&path) {
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
