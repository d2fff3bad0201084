//! `quarantine/`: what is damaged, and what was in the way of outs, is kept there under a name of its own. Never replaces
//! anything there. Knows no key and no stage.

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pipe_schema::manifest::Digest;

use super::{
    Store, copy, disk,
    error::{At, Result, StoreError},
    mark::outline,
    removal,
};

const MAX_NAME_BYTES: usize = 200;

/// How names of outs begin that were set aside: gc keeps these for 30 days.
pub(super) const OUT_ASIDE: &str = "out-";

/// Something that was in the way of an out and is not in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it was.
    pub path: PathBuf,
    /// Where it is kept.
    pub kept: PathBuf,
    /// How it differs from what the store holds; empty if the two cannot be compared.
    pub difference: String,
    /// What it would be as an artifact, if it can be one.
    pub(super) digest: Option<Digest>,
}

impl Store {
    /// Moves something damaged to `quarantine/`, for people to look at. Nothing there is fine.
    pub(super) fn set_aside(&self, path: &Path) -> Result<()> {
        let name = path.strip_prefix(self.layout.root()).unwrap_or(path);
        let name = name.to_string_lossy().replace('/', "-");
        self.move_aside(path, &name).map(drop)
    }

    /// Moves what is in the way of an out to `quarantine/`; over to another disk it is copied first. Returns where it is
    /// kept; None if nothing was there. `name` is that of `name_aside`.
    pub(super) fn set_out_aside(&self, path: &Path, name: &str) -> Result<Option<PathBuf>> {
        match self.move_aside(path, name) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::CrossesDevices => {
                self.copy_over(path, name).map(Some)
            }
            moved => moved,
        }
    }

    /// The name under which an out is set aside; a number is added.
    pub(super) fn name_aside(path: &Path) -> String {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{OUT_ASIDE}{name}")
    }

    /// Keeps a copy of a damaged file in `quarantine/`.
    pub(super) fn copy_aside(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let name = path.strip_prefix(self.layout.root()).unwrap_or(path);
        let to = self.place_aside(&name.to_string_lossy().replace('/', "-"))?;
        disk::write(&to, bytes).at("write", &to)
    }

    /// A path in `quarantine/` that nothing has.
    pub(super) fn place_aside(&self, name: &str) -> Result<PathBuf> {
        self.place_aside_beside(name, &BTreeSet::new())
    }

    /// The same, and none of those that are taken.
    pub(super) fn place_aside_beside(
        &self,
        name: &str,
        taken: &BTreeSet<PathBuf>,
    ) -> Result<PathBuf> {
        let folder = self.layout.quarantine();
        disk::create_dir_all(&folder).at("create", &folder)?;
        // With the number behind it, it must still be a name.
        let name = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
        let mut number = 1_u32;
        loop {
            let to = folder.join(format!("{name}.{number}"));
            if !taken.contains(&to) && fs::symlink_metadata(&to).is_err() {
                return Ok(to);
            }
            number += 1;
        }
    }

    /// Removes what was set aside, because the store holds the same now. It is no loss if that fails.
    pub(super) fn drop_aside(aside: &SetAside) {
        let _ = removal::remove_tree(&aside.kept);
    }

    /// Puts back what was just set aside, unless something else is there by now.
    pub(super) fn put_back(aside: &SetAside) -> bool {
        disk::rename_new(&aside.kept, &aside.path).is_ok()
    }

    fn move_aside(&self, path: &Path, name: &str) -> Result<Option<PathBuf>> {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(None);
        };
        if !self.is_writable {
            return Ok(None);
        }
        if metadata.is_dir() {
            // An ordinary user cannot move a folder that is read-only.
            removal::make_writable(path)?;
        }
        loop {
            let to = self.place_aside(name)?;
            match disk::rename_new(path, &to) {
                Ok(()) => return Ok(Some(to)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                // Another process took the name.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io("set aside", path, error)),
            }
        }
    }

    /// Copies to `quarantine/`, then removes. The copy is complete, and on the disk, before anything goes, and nothing goes that
    /// changed meanwhile.
    fn copy_over(&self, path: &Path, name: &str) -> Result<PathBuf> {
        let to = self.place_aside(name)?;
        let before = outline(path);
        let copied =
            copy::whole(path, &to)
                .and_then(|()| self.sync())
                .and_then(|()| match outline(path) {
                    now if now.is_some() && now == before => Ok(()),
                    _ => Err(StoreError::Changing(path.to_owned())),
                });
        if let Err(error) = copied {
            let _ = removal::remove_tree(&to);
            return Err(error);
        }
        removal::remove_tree(path)?;
        Ok(to)
    }
}
