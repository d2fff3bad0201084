//! The journal that this process writes. Its lock says that somebody does; nobody else ever writes to it.

use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::super::{
    disk,
    error::{At, Result},
    lock::{self, Hold},
    stat::Stat,
};

#[derive(Debug)]
pub struct Own {
    pub name: String,
    pub inode: u64,
    path: PathBuf,
    file: File,
    end: u64,
    /// When the first was added that does not survive a loss of power yet.
    unsynced: Option<Instant>,
}

impl Own {
    /// Makes a new journal in `folder`, under a name that sorts by time.
    pub fn create(folder: &Path) -> Result<Self> {
        loop {
            let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
            let name = format!("{now}-{:016x}", RandomState::new().hash_one(0));
            let path = folder.join(&name);
            // Who tidies up may have it between the moment in which it is made and the one in which it is locked.
            let Some(file) = lock::take(&path, Hold::Alone, false)? else {
                continue;
            };
            let stat = Stat::of_file(&file).at("read", &path)?;
            if stat.size == 0 {
                return Ok(Self {
                    name,
                    inode: stat.ino,
                    path,
                    file,
                    end: 0,
                    unsynced: None,
                });
            }
        }
    }

    /// Adds frames; where they begin. After an error the journal must not be used any more: its end may be torn.
    pub fn append(&mut self, frames: &[u8]) -> Result<u64> {
        disk::write_all(&self.file, &self.path, frames).at("write", &self.path)?;
        let at = self.end;
        self.end += frames.len() as u64;
        self.unsynced.get_or_insert_with(Instant::now);
        Ok(at)
    }

    /// The file, if something was added so long ago that does not survive a loss of power yet.
    pub fn take_unsynced(&mut self, patience: Duration) -> Result<Option<Unsynced>> {
        if self.unsynced.is_none_or(|it| it.elapsed() < patience) {
            return Ok(None);
        }
        let file = self.file.try_clone().at("write", &self.path)?;
        self.unsynced = None;
        let path = self.path.clone();
        Ok(Some(Unsynced { file, path }))
    }

    /// Makes all of it survive a loss of power.
    pub fn sync(&self) -> Result<()> {
        disk::sync(&self.file, &self.path).at("write", &self.path)
    }
}

/// A journal that is to survive a loss of power.
pub struct Unsynced {
    file: File,
    path: PathBuf,
}

impl Unsynced {
    pub fn sync(&self) -> Result<()> {
        disk::sync(&self.file, &self.path).at("write", &self.path)
    }
}
