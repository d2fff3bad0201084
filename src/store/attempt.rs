//! Where a job writes: folders under `tmp/` that go with it, and a log that stays. Knows no job.

use std::path::{Path, PathBuf};

use super::{
    Store, disk,
    error::{At, Result},
    removal,
};
use crate::plan::file_name;

/// The places of one attempt to execute a stage. What lies there is removed when this is dropped; the log stays.
#[derive(Debug)]
pub struct Attempt {
    /// Made when something is to lie in it.
    folder: PathBuf,
    log: PathBuf,
    metrics: PathBuf,
}

impl Attempt {
    /// Where output `name` is to be written. Its parent exists, if there are to be outputs; it does not.
    pub fn output(&self, name: &str) -> PathBuf {
        self.folder.join("out").join(file_name(name))
    }

    /// What holds all of it but the log and the metrics. It may not exist.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a job may put something of its own. It does not exist, and its parent may not.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.join(format!("place-{}", file_name(name)))
    }

    /// The file in which a command may write live metrics. Its parent exists; it does not.
    pub fn metrics(&self) -> &Path {
        &self.metrics
    }

    /// The log file of the attempt. Its parent exists.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // What cannot be removed now is swept by a later run; the metrics go with the run.
        let _ = removal::remove_tree(&self.folder);
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
        let (scratch, logs) = self.run_folders(run)?;
        let folder = scratch.join(&name);
        if has_outputs {
            removal::remove_tree(&folder)?;
            let outputs = folder.join("out");
            disk::create_dir_all(&outputs).at("create", &outputs)?;
        }
        Ok(Attempt {
            folder,
            log: logs.join(format!("{name}.log")),
            metrics: scratch.join(format!("{name}.metrics")),
        })
    }
}
