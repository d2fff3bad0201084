//! Removing trees, read-only ones too: an ordinary user cannot empty a folder that is not writable.

use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::Path};

use super::{
    closed, disk,
    error::{At, Result, StoreError},
};

/// Removes what is at `path`, be it a file, a link or a tree; nothing there is fine. Links are not followed.
pub fn remove_tree(path: &Path) -> Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", path, error)),
    };
    if !metadata.is_dir() {
        return disk::remove_file(path).at("remove", path);
    }
    match disk::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        removed => return removed.at("remove", path),
    }
    closed::open_folders(path)?;
    disk::remove_dir_all(path).at("remove", path)
}

/// Lets the owner list, enter and change a folder.
pub fn make_writable(folder: &Path) -> Result<()> {
    let mode = fs::symlink_metadata(folder)
        .at("read", folder)?
        .permissions()
        .mode();
    if mode & 0o700 == 0o700 {
        return Ok(());
    }
    disk::set_mode(folder, mode & 0o7777 | 0o700).at("change the mode of", folder)
}
