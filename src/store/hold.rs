//! Outs that stages read: each is held, as the run made it, while it is read. Other runs that make something else of it wait
//! meanwhile; afterwards each brings back what is its own. Nobody waits while holding anything.

use std::{collections::HashSet, path::Path};

use pipe_schema::{manifest::Digest, record::Out};

use super::{
    Store,
    aside::SetAside,
    error::{Result, StoreError},
    layout::path_id,
    lock::range::Range,
    outs::real_place,
};
use crate::protected::ProtectedPaths;

/// Keeps outs as they are; given up when dropped.
#[derive(Debug)]
pub struct OutsHold {
    locks: Vec<Range>,
}

impl OutsHold {
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }
}

impl Store {
    /// What an out is known by, relative to a folder: one for all names of a place.
    pub fn out_id(folder: &Path, out: &str) -> Digest {
        path_id(&real_place(folder, out))
    }

    /// Holds outs, by name, and brings back those that other runs replaced. `OutBusy`, with nothing held, where another run uses
    /// one of them. What was in their way is told in any case: it is kept in `quarantine/`, and nothing else names it.
    pub fn hold_outs(
        &self,
        protected: &ProtectedPaths,
        outs: &[(String, Out)],
        set_aside: &mut Vec<SetAside>,
    ) -> Result<OutsHold> {
        let mut hold = OutsHold {
            locks: Vec::with_capacity(outs.len()),
        };
        if !self.is_writable {
            return Ok(hold);
        }
        let mut known = HashSet::new();
        for (name, out) in outs {
            let path = real_place(protected.folder(), name);
            // Another name of what is held already.
            if !known.insert(path.clone()) {
                continue;
            }
            let id = path_id(&path);
            let shared = self.out_locks.try_share(&id)?;
            let is_held = match &shared {
                // While the lock is held, nobody can replace it; if nobody else was here, nobody did.
                Some(_) => !self.has_company() || self.is_as_made(&path, out)?,
                None => false,
            };
            if is_held {
                hold.locks.extend(shared);
                continue;
            }
            drop(shared);
            let lock = self.out_locks.try_lock(&id)?;
            let lock = lock.ok_or_else(|| StoreError::OutBusy(name.clone()))?;
            self.bring_back(protected, name, out, set_aside)?;
            lock.share()?;
            hold.locks.push(lock);
        }
        Ok(hold)
    }
}
