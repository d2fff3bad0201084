//! The files of a package: each is opened once, compared with the manifest, and what was compared is what is handed out.
//! Knows no format but the manifest's.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use pipe_schema::{
    model::{MODEL_FILE, WEIGHTS_FILE},
    package::{CHECKSUM_FILE, GOLDEN_FILE, PACKAGE_FILE, PACKAGE_FILES, TORCHSCRIPT_FILE},
};
use sha2::{Digest, Sha256};

use crate::{
    error::{PackageError, Result},
    folder::{FileDigest, PackageFolder, RegularFile},
    manifest::{MOST_MANIFEST_BYTES, parse_manifest},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// Whether a package is compared with its manifest before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestCheck {
    Always,
    /// For who must: the files are taken as they are.
    Skipped,
}

/// What is read of a package.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions<'a> {
    pub manifest: ManifestCheck,
    /// The files whose content is wanted, where they are there.
    pub wanted: &'a [&'a str],
    /// The most bytes that weights, or a program, may have where they are wanted.
    pub memory: Option<u64>,
}

/// The files of a package that are in memory, and the names of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageFiles {
    path: PathBuf,
    names: BTreeSet<String>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl PackageFiles {
    /// Reads the wanted files of a package. With `ManifestCheck::Always`, all files are those of the manifest, and no other
    /// with a name of `PACKAGE_FILES` lies beside them; this is known before any of them is looked into. What else is in the
    /// folder is not looked at: people work there.
    pub fn read(path: &Path, options: &ReadOptions<'_>) -> Result<Self> {
        let folder = PackageFolder::open(path)?;
        let mut names = BTreeSet::new();
        for name in PACKAGE_FILES {
            if folder.has(name)? {
                names.insert(name.to_owned());
            }
        }
        if !names.contains(PACKAGE_FILE) {
            return Err(
                PackageError::wrong(format!("{} is not a package", path.display()))
                    .hint(format!("a package is a folder with a {PACKAGE_FILE}")),
            );
        }
        let mut files = Self {
            path: path.to_owned(),
            names,
            contents: BTreeMap::new(),
        };
        match options.manifest {
            ManifestCheck::Always => files.read_listed(&folder, options)?,
            ManifestCheck::Skipped => files.read_wanted(&folder, options)?,
        }
        Ok(files)
    }

    /// Compares all files of a package with its manifest; keeps none of them.
    pub fn check(path: &Path) -> Result<()> {
        let options = ReadOptions {
            manifest: ManifestCheck::Always,
            wanted: &[],
            memory: None,
        };
        Self::read(path, &options).map(drop)
    }

    /// Whether a file of this name belongs to the package in this folder, there or not.
    pub fn owns(path: &Path, name: &str) -> bool {
        PACKAGE_FILES.contains(&name)
            || PackageFolder::open(path)
                .and_then(|folder| Self::default().read_manifest(&folder))
                .is_ok_and(|listed| listed.contains_key(name))
    }

    /// Files that are at hand by name, as if they had been read from `path`. Nothing is compared.
    pub fn from_contents(path: &Path, contents: BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            path: path.to_owned(),
            names: contents.keys().cloned().collect(),
            contents,
        }
    }

    /// Whether the package has this file.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The path of a file, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a wanted file, which must be there.
    pub fn content(&self, name: &str) -> Result<&[u8]> {
        let content = self.contents.get(name).map(Vec::as_slice);
        content.ok_or_else(|| PackageError::damaged(&self.path_of(name), "is missing"))
    }

    /// The bytes of a wanted file, to keep.
    pub fn take(&mut self, name: &str) -> Result<Vec<u8>> {
        let content = self.contents.remove(name);
        content.ok_or_else(|| PackageError::damaged(&self.path_of(name), "is missing"))
    }

    fn read_listed(&mut self, folder: &PackageFolder, options: &ReadOptions<'_>) -> Result<()> {
        let listed = self.read_manifest(folder)?;
        let mut found = self.names.iter().filter(|it| *it != CHECKSUM_FILE);
        if let Some(name) = found.find(|it| !listed.contains_key(*it)) {
            return Err(PackageError::damaged(
                &folder.path_of(name),
                "is not in the package's manifest",
            ));
        }
        for (name, expected) in listed {
            let path = folder.path_of(&name);
            if !folder.has(&name)? {
                return Err(PackageError::damaged(&path, "is missing"));
            }
            let file = folder.open_file(&name)?;
            let is_wanted = options.wanted.contains(&name.as_str());
            check_size(&file, &name, options.memory.filter(|_| is_wanted))?;
            let found: FileDigest = if is_wanted {
                let bytes = file.read()?;
                let digest = Sha256::digest(&bytes).into();
                self.contents.insert(name.clone(), bytes);
                digest
            } else {
                file.digest()?
            };
            if found != expected {
                return Err(PackageError::damaged(&path, "is not as it was packed"));
            }
            self.names.insert(name);
        }
        Ok(())
    }

    fn read_manifest(&self, folder: &PackageFolder) -> Result<BTreeMap<String, FileDigest>> {
        let path = folder.path_of(CHECKSUM_FILE);
        let file = folder.open_file(CHECKSUM_FILE).map_err(|error| {
            if self.has(CHECKSUM_FILE) {
                return error;
            }
            PackageError::wrong(format!(
                "{} has no {CHECKSUM_FILE}: nothing tells whether its files are those that were packed",
                folder.path().display()
            ))
            .hint("get the package again from where it comes; `--no-verify` takes its files as they are")
        })?;
        file.check_size(MOST_MANIFEST_BYTES)?;
        parse_manifest(&file.read()?).map_err(|why| PackageError::unreadable(&path, why))
    }

    fn read_wanted(&mut self, folder: &PackageFolder, options: &ReadOptions<'_>) -> Result<()> {
        for name in options.wanted {
            if !self.names.contains(*name) {
                continue;
            }
            let file = folder.open_file(name)?;
            check_size(&file, name, options.memory)?;
            self.contents.insert((*name).to_owned(), file.read()?);
        }
        Ok(())
    }
}

/// Refuses a file of more bytes than one of this name may have.
fn check_size(file: &RegularFile, name: &str, memory: Option<u64>) -> Result<()> {
    let is_by_memory = memory.is_some() && [WEIGHTS_FILE, TORCHSCRIPT_FILE].contains(&name);
    file.check_size(most_bytes(name, memory)).map_err(|error| {
        if is_by_memory {
            return error.hint("`--max-memory SIZE` allows more");
        }
        error
    })
}

/// The most bytes that a file of a package may have. Weights and programs are bounded by the memory that they may take.
fn most_bytes(name: &str, memory: Option<u64>) -> u64 {
    match name {
        PACKAGE_FILE => 256 * KIB,
        MODEL_FILE => 16 * MIB,
        WEIGHTS_FILE | TORCHSCRIPT_FILE => memory.unwrap_or(TIB),
        GOLDEN_FILE => 256 * MIB,
        _ => 64 * MIB,
    }
}
