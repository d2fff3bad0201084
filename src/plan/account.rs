//! What binding has come to over a whole spec. Knows names and sizes, no values.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
};

/// Bytes that all bound values together may have: this, and a multiple of the spec.
const MOST_BYTES: usize = 4 << 20;
const MOST_BYTES_A_BYTE: usize = 64;

/// What binding has come to: which vars were asked for, and how much more may be written.
pub struct Account {
    names: RefCell<HashSet<String>>,
    /// Those of the stage at hand.
    recent: RefCell<HashSet<String>>,
    bytes_left: Cell<usize>,
}

impl Account {
    /// For a spec of so many bytes. Texts that are bound may become much longer than what is written, but not boundlessly.
    pub fn new(n_bytes: usize) -> Self {
        Self {
            names: RefCell::default(),
            recent: RefCell::default(),
            bytes_left: Cell::new(MOST_BYTES + MOST_BYTES_A_BYTE * n_bytes),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.borrow().contains(name)
    }

    /// Which vars were asked for since this was asked last.
    pub fn take_recent(&self) -> HashSet<String> {
        self.recent.take()
    }

    pub fn note(&self, name: &str) {
        for names in [&self.names, &self.recent] {
            if !names.borrow().contains(name) {
                names.borrow_mut().insert(name.to_owned());
            }
        }
    }

    /// Whether so many bytes may still be written.
    pub fn spend(&self, n_bytes: usize) -> bool {
        let left = self.bytes_left.get().checked_sub(n_bytes);
        self.bytes_left.set(left.unwrap_or(0));
        left.is_some()
    }
}
