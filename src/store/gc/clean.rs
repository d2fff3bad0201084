//! Removing a whole store, and how large it is.

use pipe_data::regular;

use super::{
    super::{IGNORE_ALL, Store, disk, error::Result, record::children, removal},
    is_kept, tree_bytes,
};

impl Store {
    /// Removes the whole store, whatever is in it. Only a store: a folder without `VERSION` was refused when it was opened.
    /// Hidden files stay, such as the `.gitignore` of a folder that is kept in a repository; so does what was in the way of
    /// outs, for 30 days. Returns how many things that are.
    pub fn clean(self) -> Result<usize> {
        let (Some(alone), Some(_no_reader)) = (self.alone()?, self.close_gate()?) else {
            return Err(self.in_use());
        };
        let root = self.root().to_owned();
        // `VERSION` last: what is left of a removal that was broken off is a store still.
        let mut names = children(&root)?;
        names.sort_by_key(|it| it == "VERSION");
        let mut kept = 0;
        // Hidden files are not the store's, whoever put them there.
        for name in names.iter().filter(|it| !it.starts_with('.')) {
            if name != "quarantine" {
                removal::remove_tree(&root.join(name))?;
                continue;
            }
            let folder = self.layout.quarantine();
            for name in children(&folder)? {
                let path = folder.join(name);
                if is_kept(&path) {
                    kept += 1;
                } else {
                    removal::remove_tree(&path)?;
                }
            }
            let _ = disk::remove_dir(&folder);
        }
        drop(alone);
        let ignore = root.join(".gitignore");
        if children(&root)? == [".gitignore"]
            && regular::read_to_string(&ignore).is_ok_and(|it| it == IGNORE_ALL)
        {
            removal::remove_tree(&root)?;
        }
        Ok(kept)
    }

    /// Bytes on disk of everything in the store.
    pub fn size(&self) -> u64 {
        tree_bytes(self.root())
    }
}
