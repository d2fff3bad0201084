//! Records: what was made for a key. Knows no artifact; a record may name what is gone.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Reason};

use super::{
    Store,
    error::{At, Result, StoreError},
    journal::{Content, Kind, Note},
    names::{self, StageName},
};
use crate::key;

/// What there is for a key.
pub(super) enum Found {
    Record(Arc<Record>),
    Nothing,
    Damaged(&'static str),
}

/// The record, to be written down.
pub(super) fn note_of(record: &Record) -> Result<Note> {
    let json = serde_json::to_vec(record).map_err(|error| StoreError::Damaged {
        path: record.key.0.to_string().into(),
        what: format!("the record cannot be written as JSON: {error}"),
    })?;
    Ok(Note::new(Kind::Record, record.key.0, json))
}

/// That the record is the last one of a stage.
pub(super) fn last_note(name: &StageName<'_>, key: &Key) -> Note {
    Note::new(Kind::Last, key.0, name.text())
}

impl Store {
    /// The record of a key, whatever became of its outputs. One that is damaged is set aside.
    pub(super) fn record(&self, key: &Key) -> Result<Found> {
        let content = self.content(Kind::Record, &key.0)?;
        let place = self.with_contents(|contents| contents.place(Kind::Record, &key.0))?;
        let number = place.map(|place| place.number);
        Ok(match content {
            Content::Whole(json) => match serde_json::from_slice::<Record>(&json) {
                // An older frame, or one that was copied.
                Ok(record) if record.key == *key && self.is_revoked(&record, number) => {
                    Found::Nothing
                }
                Ok(record) if record.key == *key => Found::Record(Arc::new(record)),
                Ok(_) => Found::Damaged("it is the record of another key"),
                Err(_) => Found::Damaged("it is not a record of this version"),
            },
            Content::Nothing => Found::Nothing,
            Content::Damaged => {
                self.lose_sight();
                Found::Damaged("its checksum is wrong")
            }
        })
    }

    /// The record of a key, if there is a whole one.
    pub fn find_record(&self, key: &Key) -> Option<Record> {
        match self.record(key) {
            Ok(Found::Record(record)) => Some(Arc::unwrap_or_clone(record)),
            _ => None,
        }
    }

    /// The newest record that was made or used for this stage, whichever spec it is of.
    pub fn last_record_of_any(&self, stage: &str) -> Option<Record> {
        let key = self.with_contents(|it| it.last(stage)).ok()??;
        self.find_record(&key)
    }

    /// The newest record that was made or used for a stage, by its name among the stages of all specs.
    pub fn last_record(&self, name: &str) -> Option<Record> {
        self.find_record(&self.last_key(name)?)
    }

    /// The same for the spec of this path, as logs name it. The stage is that of an older version's store if no spec of this
    /// path was noted.
    pub fn last_record_of_spec(&self, spec: &str, stage: &str) -> Option<Record> {
        let identity = names::identity(&names::spec_name(spec), stage);
        let key = self.with_contents(|it| it.last(&identity)).ok()?;
        let key = key.or_else(|| {
            let project = self.project_of(spec)?;
            let name = format!("{project}/{stage}");
            let key = self.with_contents(|contents| {
                let mut names = contents.names();
                names.find(|it| it.0 == name).map(|(_, key)| key)
            });
            key.ok()?
        })?;
        self.find_record(&key)
    }

    /// The `name` that the spec of this path had in its newest run.
    fn project_of(&self, spec: &str) -> Option<String> {
        let runs = self.runs().ok()?;
        let mut starts = runs.iter().filter_map(|run| self.start_of(run).ok()?);
        let start = starts.find(|start| start.spec == spec)?;
        Some(start.name.clone())
    }

    /// The paths of the specs that have a result of this stage, as logs name them, sorted.
    pub fn specs_with(&self, stage: &str) -> Vec<String> {
        let found = self.with_contents(|contents| {
            let identities = contents.names();
            let parts = identities.filter_map(|(name, _)| names::parts_of_identity(name));
            let specs = parts.filter(|(_, id)| *id == stage);
            specs.map(|(spec, _)| names::path_of_spec(spec)).collect()
        });
        let found: Vec<Option<PathBuf>> = found.unwrap_or_default();
        let mut specs: Vec<String> = (found.into_iter().flatten())
            .map(|path| path.display().to_string())
            .collect();
        specs.sort();
        specs
    }

    /// The key of the last record of a stage. A spec that was never run under its path may have been moved, or an older
    /// version may have noted it by its `name` alone.
    fn last_key(&self, name: &str) -> Option<Key> {
        let name = StageName::parse(name);
        let found = self.with_contents(|contents| {
            let own = contents.last(&name.identity());
            own.or_else(|| contents.last(name.aliases().first().filter(|_| name.spec.is_some())?))
        });
        found.ok().flatten()
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
        let Some(last) = self.last_key(name) else {
            return vec![Reason::NeverRun];
        };
        let changes = self
            .find_record(&last)
            .map_or_else(Vec::new, |last| key::diff(&last.parts, parts));
        if changes.is_empty() {
            let because = self.revocation_of(&last);
            vec![because.map_or(Reason::RecordMissing, |because| Reason::Revoked { because })]
        } else {
            changes
        }
    }

    /// The parts of all keys that have a whole record.
    pub fn all_parts(&self) -> Result<Vec<pipe_schema::key::KeyParts>> {
        let keys = self.record_keys()?;
        let records = keys.iter().filter_map(|key| self.find_record(key));
        Ok(records.map(|it| it.parts).collect())
    }

    /// Keys of all records.
    pub(super) fn record_keys(&self) -> Result<Vec<Key>> {
        let mut keys: Vec<Key> = self.with_fresh_contents(|it| it.keys().copied().collect())?;
        keys.sort();
        Ok(keys)
    }
}

/// The digests that files in a folder of folders `ab/<62>` stand for, sorted.
pub(super) fn names(folder: &Path) -> Result<Vec<Digest>> {
    let mut names = Vec::new();
    for shelf in children(folder)? {
        for name in children(&folder.join(&shelf))? {
            names.extend(super::layout::joined(&shelf, &name));
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
