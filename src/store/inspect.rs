//! Inputs of jobs: the files that one will read with the content that they must have, and what is done about one that has
//! another. Knows files and digests; not who reads them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use pipe_schema::manifest::{Digest, Entry};

use super::{
    Store,
    error::{At, Result},
    hash::{self, Failure, Task},
    input::PathDigest,
    record::children,
    removal,
    rot::{Rot, RottenPlace},
    stat::Stat,
    verify::Verified,
};

/// A file that a job will read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    pub path: PathBuf,
    /// For people.
    pub name: String,
    pub bytes: u64,
    pub sha256: Digest,
}

/// Reads files and compares them with what is expected. The first that is another, or cannot be read, with what is wrong.
pub fn find_damaged(files: &[ExpectedFile]) -> Option<(&ExpectedFile, String)> {
    let mut stats = Vec::with_capacity(files.len());
    for file in files {
        match Stat::of(&file.path) {
            Ok(stat) => stats.push((file.path.to_string_lossy(), stat)),
            Err(error) => return Some((file, format!("it cannot be read: {error}"))),
        }
    }
    let task = |(path, stat)| Task {
        path,
        stat,
        follow: true,
    };
    let tasks: Vec<Task<'_>> = stats
        .iter()
        .map(|(path, stat)| task((&**path, stat)))
        .collect();
    let here = rustix::fs::CWD;
    for (file, answer) in files.iter().zip(hash::files(here, &tasks)) {
        let what = match answer {
            Ok(sha256) if sha256 == file.sha256 => continue,
            Ok(_) => "its content is not what it was".to_owned(),
            Err(Failure::Changed) => "it changes while it is read".to_owned(),
            Err(Failure::Io(error)) => format!("it cannot be read: {error}"),
        };
        return Some((file, what));
    }
    None
}

impl Store {
    /// The files of an input that lies in the store: those of an artifact at and below `parts` (all, where none is given), or
    /// a fetched file. None of what lies elsewhere.
    pub fn expected_files(&self, path: &Path, parts: &[String]) -> Result<Vec<ExpectedFile>> {
        if let Some(sha256) = self.digest_of_blob_folder(path) {
            let [name] = &children(path)?[..] else {
                return Ok(Vec::new());
            };
            let path = path.join(name);
            let bytes = Stat::of(&path).at("read", &path)?.size;
            return Ok(vec![ExpectedFile {
                path,
                name: name.clone(),
                bytes,
                sha256,
            }]);
        }
        let Some(digest) = self.digest_of_artifact(path) else {
            return Ok(Vec::new());
        };
        let folder = self.layout.object(&digest);
        let is_part = |file: &str| {
            let below = |part: &String| {
                let rest = file.strip_prefix(part.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            parts.is_empty() || parts.iter().any(below)
        };
        let manifest = self.manifest(&digest)?;
        let files = manifest
            .entries
            .iter()
            .filter_map(|(file, entry)| match entry {
                Entry::File { size, sha256, .. } if is_part(file) => Some(ExpectedFile {
                    path: folder.join(file),
                    name: file.clone(),
                    bytes: *size,
                    sha256: *sha256,
                }),
                _ => None,
            });
        Ok(files.collect())
    }

    /// Reads all of an input that is in the store. What is wrong with it, after it was set aside and what was made of it was
    /// revoked. None where it is whole, or lies elsewhere.
    pub fn inspect(&self, path: &Path) -> Result<Option<String>> {
        if let Some(sha256) = self.digest_of_blob_folder(path) {
            return Ok(self
                .verify_blob(&sha256, &mut Verified::default())?
                .map(str::to_owned));
        }
        match self.artifact_at(path) {
            Some(digest) => self.check_object(&digest, true),
            None => Ok(None),
        }
    }

    /// The artifact at a path, or that a path leads into.
    pub fn artifact_at(&self, path: &Path) -> Option<Digest> {
        path.ancestors().find_map(|it| self.digest_of_artifact(it))
    }

    /// Reads a source whose times say that it is unchanged. Returns whether its content is another all the same: then what
    /// was made of it is revoked, and runs see what it holds now.
    pub fn inspect_source(&self, known: &PathDigest) -> Result<bool> {
        self.distrust_path(&known.path);
        let now = self.digest_path(&known.path)?;
        if now.digest == known.digest {
            return Ok(false);
        }
        self.save_sources()?;
        self.forget_witnesses()?;
        let name = known.path.file_name().unwrap_or_default().to_string_lossy();
        self.revoke_readers(&Rot {
            place: RottenPlace::Source(&name),
            digests: HashSet::from([known.digest]),
        })?;
        Ok(true)
    }

    /// A run that finds nothing changed must look at everything again.
    fn forget_witnesses(&self) -> Result<()> {
        if self.is_writable {
            removal::remove_tree(&self.layout.witnesses())?;
        }
        Ok(())
    }

    fn digest_of_blob_folder(&self, path: &Path) -> Option<Digest> {
        let place = path.strip_prefix(self.layout.blobs()).ok()?.to_str()?;
        let (folder, name) = place.split_once('/')?;
        super::layout::joined(folder, name)
    }
}
