//! Removing a whole store, and how large it is.

use pipe_data::regular;

use super::{
    super::{IGNORE_ALL, Store, error::Result, record::children, removal},
    tree_bytes,
};

impl Store {
    /// Removes the whole store, whatever is in it. Only a store: a folder without `VERSION` was refused when it was opened.
    /// A folder that is kept in a repository stays, with its own `.gitignore`.
    pub fn clean(self) -> Result<()> {
        let (Some(alone), Some(_no_reader)) = (self.alone()?, self.close_gate()?) else {
            return Err(self.in_use());
        };
        let root = self.root().to_owned();
        // `VERSION` last: what is left of a removal that was broken off is a store still.
        let mut names = children(&root)?;
        names.sort_by_key(|it| it == "VERSION");
        for name in names.iter().filter(|it| !it.starts_with(".git")) {
            removal::remove_tree(&root.join(name))?;
        }
        drop(alone);
        let ignore = root.join(".gitignore");
        if children(&root)? == [".gitignore"]
            && regular::read_to_string(&ignore).is_ok_and(|it| it == IGNORE_ALL)
        {
            removal::remove_tree(&root)?;
        }
        Ok(())
    }

    /// Bytes on disk of everything in the store.
    pub fn size(&self) -> u64 {
        tree_bytes(self.root())
    }
}
