//! Whether two executions of the same action made the same bytes: the files in which their outputs and outs differ.
//! Knows records and manifests; reads no output.

use std::{cell::OnceCell, sync::Arc};

use pipe_schema::{
    manifest::{Digest, Entry, Manifest},
    record::Record,
};

use super::{
    Store,
    error::{Result, StoreError},
    lease::Scratch,
    publish::{Publication, Ready},
    record::{Found, note_of},
};

/// Files that are named; of more, the number says enough.
const MOST_NAMED: usize = 20;

impl Store {
    /// Compares what a job wrote with the record of the same key. Nothing is published: the result stays as it is, and a
    /// difference is noted in its record. `NotReproducible` where there is one.
    pub fn compare(&self, publication: Publication, before: &Record) -> Result<()> {
        let scratch = OnceCell::new();
        let scratch = || -> Result<Arc<Scratch>> {
            if let Some(made) = scratch.get() {
                return Ok(Arc::clone(made));
            }
            let made = Arc::new(self.own_scratch()?);
            Ok(Arc::clone(scratch.get_or_init(|| made)))
        };
        let ready = self.stage(publication, &scratch)?;
        let differing = self.differing_files(before, &ready)?;
        if differing.is_empty() {
            return Ok(());
        }
        let mut record = before.clone();
        add(&mut record, &differing);
        if record != *before {
            self.append(vec![note_of(&record)?])?;
        }
        Err(StoreError::NotReproducible(differing))
    }

    /// Notes in a record that is about to be written where it differs from the one that the store has for its key. A result of
    /// another class of machine is not compared.
    pub(super) fn note_differences(&self, ready: &mut Ready) -> Result<()> {
        let Found::Record(before) = self.record(&ready.record.key)? else {
            return Ok(());
        };
        if before.observed.environment == ready.record.observed.environment {
            let differing = self.differing_files(&before, ready)?;
            add(&mut ready.record, &before.observed.differing);
            add(&mut ready.record, &differing);
        }
        Ok(())
    }

    /// The files in which a new execution differs from the one before.
    fn differing_files(&self, before: &Record, new: &Ready) -> Result<Vec<String>> {
        let mut differing = Vec::new();
        let outputs = (before.outputs.iter()).map(|(name, it)| (name, it.digest, true));
        let outs = (before.outs.iter()).map(|(name, it)| (name, it.digest, it.is_directory));
        let is_only = before.outputs.len() + before.outs.len() == 1;
        for (name, old_digest, is_folder) in outputs.chain(outs) {
            let output = new.record.outputs.get(name).map(|it| it.digest);
            let Some(digest) = output.or_else(|| Some(new.record.outs.get(name)?.digest)) else {
                differing.push(name.clone());
                continue;
            };
            if digest == old_digest {
                continue;
            }
            let old = self.known_manifest(&old_digest)?;
            let found = match new.manifest(&digest) {
                Some(manifest) => Some(manifest),
                None => self.known_manifest(&digest)?,
            };
            match (old, found) {
                (Some(old), Some(found)) if is_folder => {
                    let prefix = if is_only {
                        String::new()
                    } else {
                        format!("{name}/")
                    };
                    let files = differing_paths(&old, &found);
                    differing.extend(files.into_iter().map(|file| format!("{prefix}{file}")));
                }
                _ => differing.push(name.clone()),
            }
        }
        let more = differing.len().saturating_sub(MOST_NAMED);
        differing.truncate(MOST_NAMED);
        if more > 0 {
            differing.push(format!("{more} more files"));
        }
        Ok(differing)
    }

    fn known_manifest(&self, digest: &Digest) -> Result<Option<Manifest>> {
        match self.find_manifest(digest)? {
            Some(manifest) => Ok(Some(manifest)),
            None => self.packed_manifest(digest),
        }
    }
}

/// Adds files to those in which executions of the record's action differ.
fn add(record: &mut Record, differing: &[String]) {
    for file in differing {
        if !record.observed.differing.contains(file) {
            record.observed.differing.push(file.clone());
        }
    }
}

/// Paths of files and links at which two trees differ; of folders only those that one of them lacks.
fn differing_paths(one: &Manifest, other: &Manifest) -> Vec<String> {
    let is_folder = |manifest: &Manifest, path: &str| {
        matches!(manifest.entries.get(path), Some(Entry::Directory { .. }))
    };
    let mut paths: Vec<&String> = one.entries.keys().chain(other.entries.keys()).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| {
        one.entries.get(*path) != other.entries.get(*path)
            && !(is_folder(one, path) && is_folder(other, path))
    });
    paths.into_iter().cloned().collect()
}
