//! All that the store changes on disk, one function a kind of change. Each is a step, at which tests let the process die or
//! the disk fail. Knows paths and bytes, not what they mean.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{PermissionsExt, symlink as link},
    path::Path,
};

use rustix::{
    fd::AsFd,
    fs::{AtFlags, CWD, FileType, Mode, RenameFlags},
    io::Errno,
};
use tempfile::{NamedTempFile, TempDir};

use super::fault;

/// Replaces what is in a file, or makes it. Not in one step: see `replace` for that.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    write_all(&open(&options, path)?, path, bytes.as_ref())
}

/// Opens a file for writing; it is made where the options say so.
pub fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    fault::step("open", path)?;
    options.open(path)
}

/// Writes to an open file, which is at `path`.
pub fn write_all(mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(fault) = fault::next("write", path) {
        // A write that does not come to its end has come to its middle.
        file.write_all(&bytes[..bytes.len() / 2])?;
        return fault.strike();
    }
    file.write_all(bytes)
}

/// Copies the rest of one file to another, which is at `path`.
pub fn copy(source: &mut File, target: &mut File, path: &Path) -> io::Result<()> {
    if let Some(fault) = fault::next("copy", path) {
        let half = source.metadata()?.len() / 2;
        io::copy(&mut source.take(half), target)?;
        return fault.strike();
    }
    io::copy(source, target).map(drop)
}

/// Lets a file share the blocks of another, where the file system can.
pub fn reflink(source: &File, target: &File, path: &Path) -> io::Result<()> {
    fault::step("reflink", path)?;
    reflink_copy::reflink_file(source, target)
}

pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fault::step("rename", to)?;
    fs::rename(from, to)
}

/// Renames to a path at which there is nothing: `AlreadyExists` otherwise.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fault::step("rename", to)?;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot look and rename in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        renamed => Ok(renamed?),
    }
}

pub fn symlink(target: impl AsRef<Path>, at: &Path) -> io::Result<()> {
    fault::step("link", at)?;
    link(target, at)
}

/// Makes a FIFO or a socket to which nothing is bound.
pub fn make_node(path: &Path, kind: FileType, mode: u32) -> io::Result<()> {
    fault::step("mknod", path)?;
    Ok(rustix::fs::mknodat(
        CWD,
        path,
        kind,
        Mode::from_raw_mode(mode),
        0,
    )?)
}

pub fn create_dir(path: &Path) -> io::Result<()> {
    fault::step("mkdir", path)?;
    fs::create_dir(path)
}

/// With the folders above it; one that is there is fine.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    match create_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(above) = path.parent() else {
                return Err(error);
            };
            create_dir_all(above)?;
            create_dir_all(path)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        created => created,
    }
}

pub fn remove_file(path: &Path) -> io::Result<()> {
    fault::step("unlink", path)?;
    fs::remove_file(path)
}

pub fn remove_dir(path: &Path) -> io::Result<()> {
    fault::step("rmdir", path)?;
    fs::remove_dir(path)
}

/// A folder with all that is in it. Links are not followed.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    if !fault::is_armed() {
        return fs::remove_dir_all(path);
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_dir_all(&entry.path())?;
        } else {
            remove_file(&entry.path())?;
        }
    }
    remove_dir(path)
}

/// Links are followed.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fault::step("chmod", path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Of a name in an open folder, which is `folder`.
pub fn set_mode_at(top: impl AsFd, folder: &Path, name: &str, mode: u32) -> io::Result<()> {
    if fault::is_armed() {
        fault::step("chmod", &folder.join(name))?;
    }
    rustix::fs::chmodat(top, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
    Ok(())
}

/// Makes a file of a name that nobody else has; removed unless it is kept.
pub fn temporary_file(how: &tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    fault::step("open", folder)?;
    how.tempfile_in(folder)
}

/// Makes a folder of a name that nobody else has; removed unless it is kept.
pub fn temporary_folder(prefix: &str, folder: &Path) -> io::Result<TempDir> {
    fault::step("mkdir", folder)?;
    tempfile::Builder::new().prefix(prefix).tempdir_in(folder)
}

/// A file without a name.
pub fn nameless_file(folder: &Path) -> io::Result<File> {
    fault::step("open", folder)?;
    tempfile::tempfile_in(folder)
}

/// Gives a temporary file the name `path`, in the place of what is there.
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    fault::step("rename", path)?;
    file.persist(path).map(drop).map_err(|it| it.error)
}

/// Waits until the file, which is at `path`, would survive a loss of power.
pub fn sync(file: &File, path: &Path) -> io::Result<()> {
    fault::step("fsync", path)?;
    file.sync_all()?;
    fault::note_sync(Some(file));
    Ok(())
}

/// The same for all that was written to the file system of an open folder, which is at `path`.
pub fn sync_all(folder: &File, path: &Path) -> io::Result<()> {
    fault::step("syncfs", path)?;
    rustix::fs::syncfs(folder)?;
    fault::note_sync(None);
    Ok(())
}
