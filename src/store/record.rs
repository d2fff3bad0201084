//! Records: one file a key, a line of JSON and a line with its checksum. Knows no object; a record may name what is gone.

use std::{fs, io::ErrorKind, path::Path, sync::Arc};

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Reason};
use sha2::{Digest as _, Sha256};

use super::{
    Store, closed,
    error::{At, Result, StoreError},
};
use crate::key;

/// What stands in a record's place.
pub(super) enum Found {
    Record(Arc<Record>),
    Nothing,
    Damaged(&'static str),
}

/// The record's file.
pub(super) fn encode(record: &Record) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(record).map_err(|error| StoreError::Damaged {
        path: record.key.0.to_string().into(),
        what: format!("the record cannot be written as JSON: {error}"),
    })?;
    bytes.push(b'\n');
    let line = checksum_line(&bytes);
    bytes.extend(line.bytes());
    Ok(bytes)
}

/// Reads a record that must be of `key`.
pub(super) fn read(path: &Path, key: &Key) -> Result<Found> {
    let bytes = match closed::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Ok(Found::Damaged("it is not a file"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(StoreError::io("read", path, error)),
    };
    Ok(match decode(&bytes) {
        Ok(record) if record.key == *key => Found::Record(record),
        Ok(_) => Found::Damaged("it is the record of another key"),
        Err(why) => Found::Damaged(why),
    })
}

fn decode(bytes: &[u8]) -> std::result::Result<Arc<Record>, &'static str> {
    let end = bytes
        .iter()
        .position(|it| *it == b'\n')
        .ok_or("it is cut off")?
        + 1;
    let (body, checksum) = bytes.split_at(end);
    if checksum != checksum_line(body).as_bytes() {
        return Err("its checksum is wrong");
    }
    serde_json::from_slice(body)
        .map(Arc::new)
        .map_err(|_| "it is not a record of this version")
}

fn checksum_line(body: &[u8]) -> String {
    format!(
        "{{\"sha256\":\"{}\"}}\n",
        Digest(Sha256::digest(body).into())
    )
}

impl Store {
    /// The record of a key, whatever became of its outputs. One that is damaged is set aside.
    pub(super) fn record(&self, key: &Key) -> Result<Found> {
        let path = self.layout.record(key);
        let found = read(&path, key)?;
        self.look_at(&path);
        if let Found::Damaged(_) = found {
            self.lose_sight();
            self.set_aside(&path)?;
        }
        Ok(found)
    }

    /// The record of a key, if there is a whole one.
    pub fn find_record(&self, key: &Key) -> Option<Record> {
        match self.record(key) {
            Ok(Found::Record(record)) => Some(Arc::unwrap_or_clone(record)),
            _ => None,
        }
    }

    /// The newest record that was made or used for this stage.
    pub fn last_record(&self, stage: &str) -> Option<Record> {
        let key = self.with_index(|index| index.last(stage)).ok()??;
        self.find_record(&key)
    }

    /// Why a stage with these parts must run: `found` by `lookup`, else what changed since the last record that was
    /// noted under this name. Never empty.
    pub fn reasons(
        &self,
        name: &str,
        parts: &pipe_schema::key::KeyParts,
        found: Vec<Reason>,
    ) -> Vec<Reason> {
        if !found.is_empty() {
            return found;
        }
        let Ok(Some(last)) = self.with_index(|index| index.last(name)) else {
            return vec![Reason::NeverRun];
        };
        let changes = self
            .find_record(&last)
            .map_or_else(Vec::new, |last| key::diff(&last.parts, parts));
        if changes.is_empty() {
            vec![Reason::RecordMissing]
        } else {
            changes
        }
    }

    /// Keys of all records.
    pub(super) fn record_keys(&self) -> Result<Vec<Key>> {
        Ok(names(&self.layout.records(), ".jsonl")?
            .into_iter()
            .map(Key)
            .collect())
    }
}

/// The digests that files in a folder of folders `ab/<62><suffix>` stand for, sorted.
pub(super) fn names(folder: &Path, suffix: &str) -> Result<Vec<Digest>> {
    let mut names = Vec::new();
    for shelf in children(folder)? {
        for name in children(&folder.join(&shelf))? {
            let digest = name
                .strip_suffix(suffix)
                .and_then(|name| super::layout::joined(&shelf, name));
            names.extend(digest);
        }
    }
    names.sort();
    Ok(names)
}

/// Names in a folder; none if there is no folder. Names that are not UTF-8 are not ours.
pub(super) fn children(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(StoreError::io("read", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.at("read", folder)?.file_name().into_string());
    }
    Ok(names)
}
