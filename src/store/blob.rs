//! Files that were fetched, each in a folder named by its SHA-256: `blobs/sha256/ab/<62>/iris.csv`.
//! Knows no address. Trusts no file that it did not hash, also not one that was put there by hand.

use std::{
    collections::HashSet,
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pipe_schema::manifest::Digest;
use rustix::fs::FileType;

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    journal::{FullRead, Kind, Note, Stamp},
    lock::{self, Hold},
    record::{children, names},
    rot::{Rot, RottenPlace},
    stat::Stat,
};

const FILE_MODE: u32 = 0o444;

/// The right to fetch a file; given up when dropped.
#[derive(Debug)]
pub struct BlobLock {
    _file: File,
}

impl Store {
    /// The folder of a file with this content, whether it is there or not.
    pub fn blob(&self, sha256: &Digest) -> PathBuf {
        self.layout.blob(sha256)
    }

    /// Whether the file is there and whole. What lies in its place and is another is set aside.
    pub fn has_blob(&self, sha256: &Digest) -> Result<bool> {
        let folder = self.layout.blob(sha256);
        let is_whole = match children(&folder)?.as_slice() {
            [name] => {
                let path = folder.join(name);
                let is_changed_visibly = self.shows_change(&path);
                let found = self.digest_of_blob(&path)?;
                if found.is_some_and(|found| found != *sha256) && !is_changed_visibly {
                    self.revoke_readers_of_file(name, sha256)?;
                }
                found == Some(*sha256)
            }
            _ => false,
        };
        if !is_whole {
            self.set_aside(&folder)?;
        }
        Ok(is_whole)
    }

    /// Notes that a fetched file was read from `began` on and was whole.
    pub(super) fn note_blob_read(&self, sha256: &Digest, stat: &Stat, began: i64) {
        let stamp = Stamp {
            stats: *sha256,
            read: Some(FullRead {
                began,
                changed: stat.ctime,
            }),
        };
        self.note(Note::new(Kind::Stamp, *sha256, stamp.text()));
    }

    pub(super) fn bytes_of_blob(&self, sha256: &Digest) -> u64 {
        let folder = self.layout.blob(sha256);
        let names = children(&folder).unwrap_or_default();
        let sizes = names
            .iter()
            .filter_map(|name| Stat::of(&folder.join(name)).ok());
        sizes.map(|stat| stat.size).sum()
    }

    /// Revokes what was made of a fetched file, which is not what it was.
    pub(super) fn revoke_readers_of_file(&self, name: &str, digest: &Digest) -> Result<()> {
        self.revoke_readers(&Rot {
            place: RottenPlace::File { digest, name },
            digests: HashSet::from([*digest]),
        })
    }

    fn digest_of_blob(&self, path: &Path) -> Result<Option<Digest>> {
        match Stat::of_link(path) {
            Ok(stat) if stat.kind() == FileType::RegularFile => {
                self.lone_sha256(path, &stat).map(Some)
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", path, error)),
        }
    }

    /// Waits until no other run fetches the file. Ask `has_blob` again afterwards.
    pub fn lock_blob(&self, sha256: &Digest, wait: bool) -> Result<Option<BlobLock>> {
        self.must_write()?;
        let file = lock::take(&self.layout.blob_lock(sha256), Hold::Alone, wait)?;
        Ok(file.map(|file| BlobLock { _file: file }))
    }

    /// Makes a folder with the one file of this content the store's: all or nothing, also if the machine stops.
    pub fn publish_blob(&self, draft: &Path, sha256: &Digest) -> Result<()> {
        self.must_write()?;
        for name in children(draft)? {
            let path = draft.join(name);
            disk::set_mode(&path, FILE_MODE).at("change the mode of", &path)?;
            File::open(&path)
                .and_then(|it| disk::sync(&it, &path))
                .at("write", &path)?;
        }
        let folder = self.layout.blob(sha256);
        super::create_parent(&folder)?;
        match disk::rename(draft, &folder) {
            // Another run was faster: it has the same content.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            moved => moved.at("publish", &folder)?,
        }
        disk::sync_all(&self.folder, self.root()).at("write", self.root())
    }

    /// The folder for what was fetched so far of a file, made if it is not there. It outlives its run, so that a later one
    /// goes on; gc removes it. Only who has the right to fetch the file may use it.
    pub fn partial(&self, sha256: &Digest) -> Result<PathBuf> {
        let folder = self.layout.partial(sha256);
        disk::create_dir_all(&folder).at("create", &folder)?;
        Ok(folder)
    }

    /// Removes what was fetched so far of a file.
    pub fn forget_partial(&self, sha256: &Digest) -> Result<()> {
        super::removal::remove_tree(&self.layout.partial(sha256))
    }

    /// The folders of files that were fetched in part, and that nobody goes on fetching now.
    pub(super) fn idle_partials(&self) -> Result<Vec<PathBuf>> {
        let is_idle = |name: &String| {
            let lock = name.parse().map(|it| {
                let lock = self.layout.blob_lock(&it);
                lock::take(&lock, Hold::Alone, false)
            });
            matches!(lock, Ok(Ok(Some(_))))
        };
        let names = children(&self.layout.partials())?;
        let idle = names.into_iter().filter(is_idle);
        Ok(idle.map(|it| self.layout.partials().join(it)).collect())
    }

    /// All files that were fetched.
    pub(super) fn blob_digests(&self) -> Result<Vec<Digest>> {
        names(&self.layout.blobs())
    }
}
