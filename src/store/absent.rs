//! Restoring outs from a store that cannot be written. Nothing can be set aside, and nothing marked: only what is absent is
//! restored, and what lies in its place stays.

use std::{fs, path::Path};

use pipe_schema::record::{Out, Record};

use super::{
    Store, disk,
    error::{At, Result, StoreError},
    outs::{OutPlace, find_place, real_place},
};
use crate::protected::ProtectedPaths;

impl Store {
    /// Finds an out of a record that cannot be restored while the store cannot be written, because something else lies in its
    /// place. None where the store can be written.
    pub fn find_blocked_out(&self, folder: &Path, record: &Record) -> Option<String> {
        if self.is_writable {
            return None;
        }
        let is_blocked = |(name, out): &(&String, &Out)| {
            let path = real_place(folder, name);
            fs::symlink_metadata(&path).is_ok() && !matches!(self.is_as_made(&path, out), Ok(true))
        };
        let blocked = record.outs.iter().find(is_blocked);
        blocked.map(|(name, _)| name.clone())
    }

    /// Restores an out whose place is free.
    pub(super) fn restore_absent(
        &self,
        protected: &ProtectedPaths,
        (place, name): (&OutPlace, &str),
        out: &Out,
    ) -> Result<()> {
        let path = &place.real;
        if fs::symlink_metadata(path).is_ok() {
            return Err(StoreError::ReadOnly(self.root().to_owned()));
        }
        self.lose_sight();
        super::create_parent(path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let beside =
            disk::temporary_folder(".pipe-restore-", folder).at("create a folder in", folder)?;
        let copied = self.copy_out(out, path, beside.path())?;
        // Copying takes its time: a link above it may lead elsewhere by now.
        if find_place(protected, name)? != *place {
            return Err(StoreError::Changing(place.path.clone()));
        }
        disk::rename_new(&copied, path).at("write", path)
    }
}
