//! The machine's boots: the log of a run names the one in which it was going on.

use std::{fs, sync::OnceLock};

/// One boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's name for it.
    pub id: String,
}

impl Boot {
    /// The one that goes on; nothing where the kernel does not tell.
    pub fn current() -> Option<&'static Self> {
        static CURRENT: OnceLock<Option<Boot>> = OnceLock::new();
        CURRENT.get_or_init(Self::find).as_ref()
    }

    fn find() -> Option<Self> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self {
            id: id.trim().to_owned(),
        })
    }
}
