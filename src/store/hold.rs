//! Outs that stages read: each is held, as the run made it, while it is read. Other runs that make something else of it wait
//! meanwhile; afterwards each brings back what is its own. Nobody waits while holding anything.

use std::path::Path;

use pipe_schema::{manifest::Digest, record::Out};

use super::{
    Store,
    aside::SetAside,
    error::{Result, StoreError},
    layout::path_id,
    lock::range::Range,
    outs::clean,
};
use crate::protected::ProtectedPaths;

/// Keeps outs as they are; given up when dropped.
#[derive(Debug)]
pub struct OutsHold {
    locks: Vec<Range>,
    /// What was in their way and is kept in `quarantine/`.
    pub set_aside: Vec<SetAside>,
}

impl OutsHold {
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }
}

impl Store {
    /// What an out is known by, relative to a folder.
    pub fn out_id(folder: &Path, out: &str) -> Digest {
        path_id(&clean(folder, out))
    }

    /// Holds outs, by name, and brings back those that other runs replaced. `OutBusy`, with nothing held, where another run uses
    /// one of them.
    pub fn hold_outs(
        &self,
        protected: &ProtectedPaths,
        outs: &[(String, Out)],
    ) -> Result<OutsHold> {
        let mut hold = OutsHold {
            locks: Vec::with_capacity(outs.len()),
            set_aside: Vec::new(),
        };
        if !self.is_writable {
            return Ok(hold);
        }
        for (name, out) in outs {
            let path = clean(protected.folder(), name);
            let id = path_id(&path);
            let shared = self.out_locks.try_share(&id)?;
            let is_held = match &shared {
                // While the lock is held, nobody can replace it; if nobody else was here, nobody did.
                Some(_) => !self.has_company() || self.holds(&path)? == Some(out.digest),
                None => false,
            };
            if is_held {
                hold.locks.extend(shared);
                continue;
            }
            drop(shared);
            let lock = self.out_locks.try_lock(&id)?;
            let lock = lock.ok_or_else(|| StoreError::OutBusy(name.clone()))?;
            hold.set_aside
                .extend(self.bring_back(protected, name, out)?);
            lock.share()?;
            hold.locks.push(lock);
        }
        Ok(hold)
    }
}
