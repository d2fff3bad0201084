//! The data crate from outside: files in, datasets and features out.

#![allow(
    clippy::needless_pass_by_value,
    reason = "blocks are written out as `json!({…})` where they are used"
)]

mod prepare;
mod split;
mod sparse;
mod steps;
mod dirty;
mod arrays;
mod images;
mod join;
mod jsonl;
mod limits;
mod limits_parquet;
mod numpy;
mod parquet;
mod reading;
mod refit;
mod refit_targets;
mod text;
mod types;
mod values;
mod rows;
mod selection;
mod targets;
mod windows;
mod words;
mod writers;

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe_data::{DataError, Dataset, Files, Note, Summary, preprocess};
use pipe_schema::stage::preprocess::Preprocess;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with files, and the datasets made of them.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Preprocesses `data.csv` of this text into `out`.
    fn run(&self, text: impl AsRef<[u8]>, block: Value) -> Result<Dataset, DataError> {
        self.run_into("out", text, block)
    }

    fn run_into(
        &self,
        out: &str,
        text: impl AsRef<[u8]>,
        block: Value,
    ) -> Result<Dataset, DataError> {
        let files = Files {
            source: vec![self.write("data.csv", text)],
            ..Files::default()
        };
        self.run_files(out, &files, block).map(|it| it.0)
    }

    fn run_files(
        &self,
        out: &str,
        files: &Files,
        block: Value,
    ) -> Result<(Dataset, Summary, Vec<String>), DataError> {
        let block: Preprocess = serde_json::from_value(block).unwrap();
        let folder = self.path(out);
        fs::create_dir_all(&folder).unwrap();
        let mut logs = Vec::new();
        let mut report = |note| {
            if let Note::Log(text) = note {
                logs.push(text);
            }
        };
        let summary = preprocess(&block, files, &folder, &mut report)?;
        Ok((Dataset::open(&folder).unwrap(), summary, logs))
    }

    /// The message of an error with the lab's folder left out, and its hint.
    fn told(&self, error: &DataError) -> (String, String) {
        let folder = format!("{}/", self.folder.path().display());
        (
            error.message.replace(&folder, ""),
            error.hint.clone().unwrap_or_default(),
        )
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// A block for target `y` with these steps; half of the rows are trained on.
fn halves(steps: Value) -> Value {
    json!({
        "target": "y",
        "split": {"random": {"train": 0.5, "test": 0.5, "seed": 3}},
        "steps": steps,
    })
}

fn all_train(more: Value) -> Value {
    let mut block = json!({"target": "y", "split": {"random": {"train": 1.0}}});
    for (key, value) in more.as_object().unwrap() {
        block[key] = value.clone();
    }
    block
}

/// The features of a table whose rows are all trained on.
fn features(text: impl AsRef<[u8]>, more: Value) -> Vec<f32> {
    let lab = Lab::new();
    let dataset = lab
        .run(text, all_train(more))
        .unwrap_or_else(|it| panic!("{it:?}"));
    dataset.part("train").unwrap().features.values
}

/// The message for a table, and its hint.
fn refusal(text: impl AsRef<[u8]>, more: Value) -> (String, String) {
    let lab = Lab::new();
    let error = lab.run(text, all_train(more)).unwrap_err();
    lab.told(&error)
}

#[track_caller]
fn assert_refusal(text: impl AsRef<[u8]>, more: Value, message: &str, hint: &str) {
    let told = refusal(text, more);
    assert_eq!(told.0, message);
    assert!(told.1.contains(hint), "{told:?}");
}
