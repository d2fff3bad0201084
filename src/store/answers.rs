//! Small answers that cost time to find out and depend on their question alone: environment classes, versions of tools.
//! An answer that is lost is found out again.

use std::path::PathBuf;

use pipe_data::regular;
use pipe_schema::key::{EnvironmentClass, KeyParts};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    removal,
    replace::replace,
};
use crate::key;

impl Store {
    /// An answer kept by `remember`: a tool's version, by its path and stat.
    pub fn recall(&self, question: &str) -> Option<String> {
        let path = self.layout.answer(question);
        self.look(&path);
        let text = regular::read_to_string(&path).ok()?;
        let (asked, answer): (String, String) = serde_json::from_str(&text).ok()?;
        (asked == question).then_some(answer)
    }

    /// Keeps an answer. A store that cannot be written forgets it.
    pub fn remember(&self, question: &str, answer: &str) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        let path = self.layout.answer(question);
        let text = serde_json::Value::from(vec![question, answer]).to_string();
        replace(&path, text.as_bytes())
    }

    /// Environment classes probed earlier under this identity of worker, libtorch, CPU and driver.
    pub fn cached_environment(&self, identity: &str) -> Option<Vec<EnvironmentClass>> {
        serde_json::from_str(&self.recall(&environment_question(identity))?).ok()
    }

    pub fn remember_environment(&self, identity: &str, classes: &[EnvironmentClass]) -> Result<()> {
        let answer = serde_json::to_string(classes).map_err(|error| StoreError::Damaged {
            path: self.layout.answer(identity),
            what: error.to_string(),
        })?;
        self.remember(&environment_question(identity), &answer)
    }

    /// Where checkpoints of this training are kept, whatever its `until`; for the holder of its key's lock.
    pub fn checkpoints(&self, parts: &KeyParts) -> Result<PathBuf> {
        self.must_write()?;
        let path = self.checkpoints_of(parts);
        disk::create_dir_all(&path).at("create", &path)?;
        Ok(path)
    }

    /// Removes the checkpoints of a training that is published; for the holder of its key's lock. One that was to stop
    /// before its last epoch keeps them: whoever wants more epochs goes on from there.
    pub fn drop_checkpoints(&self, parts: &KeyParts) -> Result<()> {
        if parts.until.is_some() && key::is_full(parts) {
            return removal::remove_tree(&self.checkpoints_of(parts));
        }
        Ok(())
    }

    fn checkpoints_of(&self, parts: &KeyParts) -> PathBuf {
        let name = key::without_until(parts).0.to_string();
        self.layout.checkpoints().join(name)
    }
}

fn environment_question(identity: &str) -> String {
    format!("environment {identity}")
}
