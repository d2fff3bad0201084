//! The right to execute a key. Knows no key's meaning.

use pipe_schema::key::Key;

use super::{Store, error::Result, lock::range::Range};

/// The right to execute a key; given up when dropped.
#[derive(Debug)]
pub struct KeyLock {
    _range: Range,
}

impl Store {
    /// None where another run executes `key`, or this one does. Look the key up again afterwards: it may have been made
    /// meanwhile.
    pub fn try_lock(&self, key: &Key) -> Result<Option<KeyLock>> {
        self.must_write()?;
        let range = self.key_locks.try_lock(&key.0)?;
        Ok(range.map(|range| KeyLock { _range: range }))
    }
}
