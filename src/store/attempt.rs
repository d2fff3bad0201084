//! The place of one attempt: where a job writes, and where its log is. Knows no process.

use std::path::{Path, PathBuf};

use super::{
    Store, disk,
    error::{At, Result},
    lease::Scratch,
};
use crate::plan::file_name;

/// A place for one attempt of a job; removed when dropped, but for the log.
#[derive(Debug)]
pub struct Attempt {
    scratch: Scratch,
    outputs: PathBuf,
    log: PathBuf,
}

impl Attempt {
    /// Where output `name` is to be written. Its parent exists, if there are to be outputs; it does not.
    pub fn output(&self, name: &str) -> PathBuf {
        self.outputs.join(file_name(name))
    }

    /// A folder of the attempt's own, for what is no output: `name` does not exist in it yet.
    pub fn place(&self, name: &str) -> PathBuf {
        self.scratch.path.join(format!("place-{}", file_name(name)))
    }

    /// Where the job's standard error goes; kept after success and failure. Its folder exists.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Store {
    /// `tmp/<run>/<stage>.<number>/`, empty. The run lives as long as this store is open.
    pub fn attempt(
        &self,
        run: &str,
        stage: &str,
        number: u32,
        has_outputs: bool,
    ) -> Result<Attempt> {
        let name = format!("{}.{number}", file_name(stage));
        let scratch = self.scratch(run, &name)?;
        let outputs = scratch.path.join("out");
        if has_outputs {
            disk::create_dir(&outputs).at("create", &outputs)?;
        }
        let log = self
            .layout
            .attempt_logs()
            .join(file_name(run))
            .join(format!("{name}.log"));
        super::create_parent(&log)?;
        Ok(Attempt {
            scratch,
            outputs,
            log,
        })
    }
}
