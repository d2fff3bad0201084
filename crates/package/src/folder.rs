//! A folder that somebody else may have made: opened once, and only its regular files are read. Links, pipes, sockets and
//! devices are refused before a byte of them is read.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};
use sha2::{Digest, Sha256};

use crate::error::{PackageError, Result};

/// The most files that a package may have.
pub const MOST_FILES: usize = 1024;
/// Bytes that are hashed at a time where a file's content is not kept.
const CHUNK: usize = 1 << 17;

/// A SHA-256.
pub type FileDigest = [u8; 32];

/// An open folder.
#[derive(Debug)]
pub struct PackageFolder {
    path: PathBuf,
    descriptor: OwnedFd,
}

/// An open regular file.
#[derive(Debug)]
pub struct RegularFile {
    path: PathBuf,
    file: File,
    /// As the open file says.
    size: u64,
}

impl PackageFolder {
    /// Opens a folder. The folder itself may be reached by a link; what is in it may not.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = openat(CWD, path, flags, Mode::empty())
            .map_err(|error| PackageError::io(path, &error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            descriptor,
        })
    }

    /// The path of a file in it, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names in it, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let failed = |error: Errno| PackageError::io(&self.path, &error.into());
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_bytes().to_vec();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == MOST_FILES {
                return Err(PackageError::unreadable(
                    &self.path,
                    format!("more than {MOST_FILES} files"),
                ));
            }
            let name = String::from_utf8(name).map_err(|error| {
                let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
                PackageError::unreadable(&self.path, format!("odd file name {name:?}"))
            })?;
            names.push(name);
        }
        names.sort();
        Ok(names)
    }

    /// Whether something is there by this name, whatever it is.
    pub fn has(&self, name: &str) -> Result<bool> {
        match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(PackageError::io(&self.path_of(name), &error.into())),
        }
    }

    /// Opens a regular file. Nothing is read of anything else, and nothing is waited for.
    pub fn open_file(&self, name: &str) -> Result<RegularFile> {
        let path = self.path_of(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = flags | OFlags::NOCTTY;
        let descriptor = match openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            // A link; a socket, or a device without a driver.
            Err(Errno::LOOP | Errno::MLINK) => return Err(odd(&path, FileType::Symlink)),
            Err(Errno::NXIO | Errno::NODEV) => return Err(odd(&path, FileType::Unknown)),
            Err(error) => return Err(PackageError::io(&path, &error.into())),
        };
        let stat = fstat(&descriptor).map_err(|error| PackageError::io(&path, &error.into()))?;
        let file_type = FileType::from_raw_mode(stat.st_mode);
        if file_type != FileType::RegularFile {
            return Err(odd(&path, file_type));
        }
        let size = u64::try_from(stat.st_size)
            .map_err(|_| PackageError::unreadable(&path, "a size below 0"))?;
        Ok(RegularFile {
            path,
            file: File::from(descriptor),
            size,
        })
    }
}

impl RegularFile {
    /// Refuses a file of more bytes than this.
    pub fn check_size(&self, limit: u64) -> Result<()> {
        if self.size <= limit {
            return Ok(());
        }
        Err(PackageError::unreadable(
            &self.path,
            format!("{} bytes, at most {limit} are read", self.size),
        ))
    }

    /// Its bytes. `check_size` comes first: as much memory is taken.
    pub fn read(mut self) -> Result<Vec<u8>> {
        let failed = |error: &io::Error| PackageError::io(&self.path, error);
        let mut bytes = Vec::new();
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        bytes
            .try_reserve_exact(size)
            .map_err(|_| failed(&io::ErrorKind::OutOfMemory.into()))?;
        let mut reader = (&mut self.file).take(self.size);
        reader
            .read_to_end(&mut bytes)
            .map_err(|error| failed(&error))?;
        if bytes.len() != size {
            return Err(PackageError::damaged(
                &self.path,
                "was changed while it was read",
            ));
        }
        Ok(bytes)
    }

    /// Its digest; the content is not kept.
    pub fn digest(mut self) -> Result<FileDigest> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        let mut reader = (&mut self.file).take(self.size);
        loop {
            let read = reader.read(&mut buffer);
            match read.map_err(|error| PackageError::io(&self.path, &error))? {
                0 => return Ok(hash.finalize().into()),
                read => hash.update(&buffer[..read]),
            }
        }
    }
}

fn odd(path: &Path, file_type: FileType) -> PackageError {
    let what = match file_type {
        FileType::Symlink => "a link",
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something else",
    };
    PackageError::wrong(format!("{} is {what}, not a file", path.display()))
        .hint("a package holds regular files alone; get it again from where it comes")
}
