//! Putting outs in their places in the workspace. What came there meanwhile is set aside, never replaced.

use std::{io::ErrorKind, path::Path};

use super::{
    Store,
    aside::SetAside,
    copy, disk,
    error::{At, Result, StoreError},
    outs::find_place,
    removal,
    stat::Stat,
};
use crate::protected::ProtectedPaths;

/// How often an out is put in its place while others put something there.
const ATTEMPTS: u32 = 3;

impl Store {
    /// Puts an out that a job made elsewhere in its place, which `clear_outs` has cleared for it. What came there meanwhile is
    /// set aside, and told even if this fails.
    pub fn deliver_out(
        &self,
        protected: &ProtectedPaths,
        made: &Path,
        out: &str,
        set_aside: &mut Vec<SetAside>,
    ) -> Result<()> {
        let place = find_place(protected, out)?;
        let path = &place.real;
        let stat = Stat::of_link(made).at("read", made)?;
        if stat.is_directory() {
            // An ordinary user cannot move a folder that is read-only.
            removal::make_writable(made)?;
        }
        let near = path.parent().unwrap_or(Path::new("/"));
        match self.put(made, path, set_aside) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::CrossesDevices => {
                let copied = disk::temporary_folder(".pipe-deliver-", near)
                    .at("create a folder in", near)?;
                let mut from = copied.path().to_owned();
                copy::out(made, &stat, &from)?;
                if !stat.is_directory() {
                    from.push(copy::name_of(made)?);
                }
                self.put(&from, path, set_aside)?;
                removal::remove_tree(made)
            }
            put => put,
        }
    }

    /// Gives something its place. What came there meanwhile is set aside, and told even if this fails.
    pub(super) fn put(
        &self,
        made: &Path,
        path: &Path,
        set_aside: &mut Vec<SetAside>,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS {
            match disk::rename_new(made, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let kept = self.set_out_aside(path, &Self::name_aside(path))?;
                    set_aside.extend(kept.map(|kept| SetAside {
                        path: path.to_owned(),
                        kept,
                        digest: None,
                        difference: String::new(),
                    }));
                }
                put => return put.at("write", path),
            }
        }
        Err(StoreError::Changing(path.to_owned()))
    }
}
