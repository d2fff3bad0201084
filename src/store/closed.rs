//! What somebody closed: files and folders of the store are opened again where we may. Knows modes, not what is in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use super::{
    disk,
    error::{At, Result},
    removal::make_writable,
};

const FILE_MODE: u32 = 0o644;

/// Opens a file for reading; what is no file is left for the caller to find out, and not waited for.
pub fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(nix::libc::O_NONBLOCK);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            // Where that is not ours to do, what was refused is the better answer.
            disk::set_mode(path, FILE_MODE).map_err(|_| error)?;
            options.open(path)
        }
        opened => opened,
    }
}

/// Lets the owner list, enter and change all folders of a tree.
pub fn open_folders(folder: &Path) -> Result<()> {
    open(folder, &|_| Ok(()))
}

/// The same, and lets the owner read all files.
pub fn open_tree(folder: &Path) -> Result<()> {
    open(folder, &|path| {
        let mode = fs::symlink_metadata(path)
            .at("read", path)?
            .permissions()
            .mode();
        if mode & 0o400 == 0 {
            disk::set_mode(path, mode & 0o7777 | 0o400).at("change the mode of", path)?;
        }
        Ok(())
    })
}

/// Each folder is opened before it is listed.
fn open(folder: &Path, open_file: &dyn Fn(&Path) -> Result<()>) -> Result<()> {
    make_writable(folder)?;
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        let kind = entry.file_type().at("read", entry.path())?;
        if kind.is_dir() {
            open(&entry.path(), open_file)?;
        } else if kind.is_file() {
            open_file(&entry.path())?;
        }
    }
    Ok(())
}
