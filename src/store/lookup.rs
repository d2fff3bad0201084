//! What the store has for a key: a record whose outputs are all there and whole, or nothing.

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Reason};

use super::{Store, error::Result, record::Found};

/// What the store says to a key.
#[derive(Debug)]
pub enum Lookup {
    /// All that the key made is there and whole.
    Fresh(Box<Record>),
    /// It must be made. Empty where nothing is known of the key; else what was found damaged.
    /// `Store::reasons` turns this into what users are told.
    Stale(Vec<Reason>),
}

impl Store {
    /// What the store has for `key`. Damage that is found is set aside, so that the producer runs again.
    /// An error is trouble with the machine (no more descriptors, a failing disk), which says nothing of the result.
    pub fn lookup(&self, key: &Key) -> Result<Lookup> {
        let record = match self.record(key)? {
            Found::Record(record) => record,
            Found::Nothing => return Ok(Lookup::Stale(Vec::new())),
            Found::Damaged(what) => {
                let reason = Reason::OutputDamaged {
                    output: "record".to_owned(),
                    what: what.to_owned(),
                };
                return Ok(Lookup::Stale(vec![reason]));
            }
        };
        let mut reasons = Vec::new();
        for (name, digest) in named_objects(&record) {
            if let Some(what) = self.check_object(&digest, false)? {
                reasons.push(Reason::OutputDamaged {
                    output: name.to_owned(),
                    what,
                });
            }
        }
        Ok(if reasons.is_empty() {
            Lookup::Fresh(record)
        } else {
            Lookup::Stale(reasons)
        })
    }
}

/// The artifacts that a record speaks of, outputs and outs, by name.
pub(super) fn named_objects(record: &Record) -> impl Iterator<Item = (&str, Digest)> {
    let outputs = record
        .outputs
        .iter()
        .map(|(name, it)| (name.as_str(), it.digest));
    let outs = record
        .outs
        .iter()
        .map(|(name, it)| (name.as_str(), it.digest));
    outputs.chain(outs)
}
