//! JSON files, read and written. Knows no types of ours.

use std::{fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};

/// Reads a JSON file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::unreadable(path, error))
}

/// Writes JSON for people and programs.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|it| Error::unreadable(path, it))?;
    text.push('\n');
    fs::write(path, text).map_err(|error| Error::io(path, &error))
}
