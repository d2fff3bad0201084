//! Replacing a small file in one step: readers see the old one or the new one. Knows no content.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    disk,
    error::{At, Result},
    record::children,
};

/// Writes beside `path`, then renames. Not in `tmp/`: there, what no live run claims is swept away.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    swap(path, bytes, false)
}

/// The same for a file that must not be empty after a loss of power.
pub fn replace_for_good(path: &Path, bytes: &[u8]) -> Result<()> {
    swap(path, bytes, true)
}

fn swap(path: &Path, bytes: &[u8], is_for_good: bool) -> Result<()> {
    super::create_parent(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut how = tempfile::Builder::new();
    // As any program would make it, not for its owner alone: a team may share a store.
    how.prefix(PREFIX)
        .permissions(Permissions::from_mode(0o666));
    let file = disk::temporary_file(&how, folder).at("create a file in", folder)?;
    disk::write_all(file.as_file(), file.path(), bytes).at("write", file.path())?;
    if is_for_good {
        disk::sync(file.as_file(), file.path()).at("write", file.path())?;
    }
    disk::persist(file, path).at("replace", path)
}

const PREFIX: &str = ".draft-";

/// Whether a name is that of a replacement that is being written.
pub fn is_draft(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// What a kill left of replacements in this folder.
pub fn drafts(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(children(folder)?
        .into_iter()
        .filter(|it| is_draft(it))
        .map(|it| folder.join(it))
        .filter(|it| fs::symlink_metadata(it).is_ok_and(|it| it.is_file()))
        .collect())
}
