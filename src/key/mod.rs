//! Action -> Key: what a result depends on, as printable parts, and their hash.
//! Knows what counts in a stage's block; not where inputs come from, nor what is in the store.

mod config;
mod difference;
mod encoding;
pub mod reason;

use pipe_schema::key::{Key, KeyParts};

pub use self::{
    config::{ConfigError, config_of},
    difference::{diff, is_full, name_inputs},
};

/// The key of an action: SHA-256 of its parts in canonical form.
pub fn of(parts: &KeyParts) -> Key {
    encoding::hash(parts, parts.until)
}

/// The key that the action would have if it went to its end: what the rungs of one training share.
pub fn without_until(parts: &KeyParts) -> Key {
    encoding::hash(parts, None)
}

#[cfg(test)]
mod tests;
