//! Inputs of workers' jobs are read before the job reads them, and compared with what they must be: a bit that turned on the
//! disk must not become a result. Of inputs that are too large for that, a share is read at the end of each run.

use std::{path::Path, sync::Arc};

use pipe_schema::{
    manifest::Digest,
    run::{Event, Failure, FailureKind},
};

use super::{
    action::Action,
    cycle::Cycle,
    inline,
    state::{Running, State},
};
use crate::{
    exec::{InputCheck, failure},
    plan::Stage,
    store::{ExpectedFile, StoreError, find_damaged, seconds_to_hash},
};

/// Inputs of up to so many bytes are always read: that takes less than starting a job does.
const MOST_ALWAYS_READ: u64 = 64 << 20;
/// Larger inputs are read where that takes at most this part of the time that the stage took the last time.
const MOST_PART: f64 = 0.1;
/// All that is read by stages and is too large to be read before is read within so many runs.
pub const RUNS_TO_READ_ALL: u32 = 20;

/// The files that a job reads, with what they must hold.
#[derive(Debug)]
struct Inputs {
    files: Vec<ExpectedFile>,
}

impl InputCheck for Inputs {
    fn read(&self) -> Result<(), Failure> {
        let Some((file, what)) = find_damaged(&self.files) else {
            return Ok(());
        };
        let message = format!("its input {} is damaged: {what}", file.name);
        Err(failure::plain(
            FailureKind::DamagedInput,
            message,
            Some("the next run makes it again"),
        ))
    }
}

impl Cycle<'_> {
    /// What a worker's job is to be preceded by; None where its inputs are too large.
    pub(super) fn input_check(
        &self,
        at: usize,
        running: &mut Running,
    ) -> Result<Option<Arc<dyn InputCheck>>, Failure> {
        if running.has_read_inputs {
            return Ok(None);
        }
        let stage = self.order[at];
        let action = &running.pending.action;
        let files = self.expected_files(stage, action).map_err(|error| {
            let hint = error.hint();
            failure::plain(
                FailureKind::DamagedInput,
                error.to_string(),
                hint.as_deref(),
            )
        })?;
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        if bytes > MOST_ALWAYS_READ {
            let last = self.store.last_record(&self.full_name(&stage.id));
            let took = last.map(|record| record.observed.cpu_seconds);
            if took.is_some_and(|took| seconds_to_hash(bytes) > MOST_PART * took) {
                return Ok(None);
            }
        }
        running.has_read_inputs = true;
        Ok(Some(Arc::new(Inputs { files })))
    }

    fn expected_files(
        &self,
        stage: &Stage,
        action: &Action,
    ) -> Result<Vec<ExpectedFile>, StoreError> {
        let mut files = Vec::new();
        for (role, place) in &action.inputs {
            let is_passed_on = role.starts_with("model/") || role.starts_with("data/");
            if inline::is_inline(&stage.task) && is_passed_on {
                continue;
            }
            let Some(input) = stage.inputs.iter().find(|input| input.role == *role) else {
                for mut file in self.store.expected_files(Path::new(&place.path), &[])? {
                    file.name = format!("`{}`", file.name);
                    files.push(file);
                }
                continue;
            };
            let path = Path::new(&place.path);
            let from = files.len();
            match (&input.file, self.store.artifact_at(path)) {
                (Some(file), Some(digest)) => {
                    let folder = self.store.artifact(&digest);
                    let file = std::slice::from_ref(file);
                    files.extend(self.store.expected_files(&folder, file)?);
                }
                _ => files.extend(self.store.expected_files(path, &input.reads)?),
            }
            for file in &mut files[from..] {
                file.name = format!("`{}` of {}", file.name, input.stage);
            }
        }
        files.extend(action.files.iter().filter_map(|file| {
            let name = file
                .path
                .strip_prefix(&self.options.folder)
                .unwrap_or(&file.path);
            Some(ExpectedFile {
                path: file.path.clone(),
                name: format!("`{}`", name.display()),
                bytes: file.bytes,
                sha256: file.sha256?,
            })
        }));
        Ok(files)
    }

    /// Notes what a stage read that was not read before it.
    pub(super) fn note_unread(&mut self, running: &Running) {
        if running.has_read_inputs {
            return;
        }
        let places = running.pending.action.inputs.values();
        let artifacts = places.filter_map(|place| self.store.artifact_at(Path::new(&place.path)));
        self.unread.extend(artifacts);
    }

    /// Reads a share of what stages read unchecked. What they made of rotten bytes does not count.
    pub(super) fn read_share(&mut self) {
        let unread: Vec<Digest> = std::mem::take(&mut self.unread).into_iter().collect();
        if unread.is_empty() || self.is_interrupted() {
            return;
        }
        let part = 1.0 / f64::from(RUNS_TO_READ_ALL);
        if let Err(error) = self.store.verify_share(&unread, part) {
            // It is read another time.
            let text = format!("warning: a share of the inputs could not be read again: {error}");
            if let Some(stage) = self.order.first() {
                let stage = stage.id.clone();
                (self.events)(Event::StageLog { stage, text });
            }
        }
        for revoked in self.store.take_revoked() {
            let Some(&at) = self.places.get(revoked.stage.as_str()) else {
                continue;
            };
            // One that was made again meanwhile counts.
            let record = self.records.get(&revoked.stage);
            let is_last = record.is_some_and(|record| revoked.is_of(record));
            if !is_last || !matches!(self.states[at], State::Done) {
                continue;
            }
            if let Some(record) = self.records.remove(&revoked.stage) {
                self.uncount(&record);
            }
            let message = format!("its result was taken back: {}", revoked.because);
            let hint = "`pipe run` makes it and what it was made of again";
            self.fail(
                at,
                failure::plain(FailureKind::DamagedInput, message, Some(hint)),
            );
        }
    }
}
