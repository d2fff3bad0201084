//! Whether a process is alone with the store: told by the times of the folder of leases, which each process changes that comes
//! or goes. Costs one look at a folder where nobody does.

use std::sync::PoisonError;

use super::{Store, lease::Leases, record::children, stat::Stat};
use crate::plan::file_name;

/// Whether other processes had leases while this one had.
#[derive(Debug, Default)]
pub(super) struct Company {
    is_seen: bool,
    /// When the folder of leases changed last, as far as this process knows: it did that itself.
    changed: Option<i64>,
    /// Whether a change after that one would have another time.
    is_settled: bool,
}

/// Times of folders are those of the last tick of the kernel's clock.
const TICK: i64 = 20_000_000;

impl Store {
    /// Whether any other process may have worked with the store since this one took its first lease. Once it may have, it
    /// stays so.
    pub fn has_company(&self) -> bool {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_for_company(&mut leases);
        leases.company.is_seen
    }

    pub(super) fn look_for_company(&self, leases: &mut Leases) {
        if leases.company.is_seen {
            return;
        }
        let changed = self.leases_changed();
        if self.distrust().is_some() || changed.is_none() || changed != leases.company.changed {
            leases.company.is_seen = true;
            return;
        }
        if leases.company.is_settled {
            return;
        }
        let now = jiff::Timestamp::now().as_nanosecond() as i64;
        let names = children(&self.layout.leases()).unwrap_or_default();
        let is_own = |name: &String| leases.files.iter().any(|(run, _)| file_name(run) == *name);
        leases.company.is_seen = !names.iter().all(is_own);
        leases.company.is_settled = changed.is_some_and(|it| it + TICK < now);
    }

    fn leases_changed(&self) -> Option<i64> {
        Stat::of(&self.layout.leases()).ok().map(|it| it.mtime)
    }

    /// The next change of the folder is not this process's own.
    pub(super) fn note_own_lease(&self, leases: &mut Leases) {
        leases.company.changed = self.leases_changed();
        leases.company.is_settled = false;
    }
}
