//! What the store has for a key: a record whose outputs are all there and whole, or nothing.

use std::sync::Arc;

use pipe_schema::{key::Key, manifest::Digest, record::Record, run::Reason};

use super::{Store, error::Result, record::Found};

/// What the store says to a key.
#[derive(Debug)]
pub enum Lookup {
    /// All that the key made is there and whole.
    Fresh(Arc<Record>),
    /// It must be made. Empty where nothing is known of the key; else what was found damaged.
    /// `Store::reasons` turns this into what users are told.
    Stale(Vec<Reason>),
}

impl Store {
    /// What the store has for `key`, as far as was heard of it (`calm` hears). Damage that is found is set aside, so that the
    /// producer runs again. An error is trouble with the machine (no more descriptors, a failing disk), which says nothing of
    /// the result.
    pub fn lookup(&self, key: &Key) -> Result<Lookup> {
        let found = match self.record(key)? {
            Found::Record(record) => Ok(record),
            Found::Nothing => Err(self.known_damage(&key.0)),
            Found::Damaged(what) => {
                self.remember_damage(key.0, what);
                Err(Some(what.to_owned()))
            }
        };
        let record = match found {
            Ok(record) => record,
            Err(None) => {
                let because = self.revocation_of(key);
                let reason = because.map(|because| Reason::Revoked { because });
                return Ok(Lookup::Stale(reason.into_iter().collect()));
            }
            Err(what) => {
                let output = "record".to_owned();
                let reason = what.map(|what| Reason::OutputDamaged { output, what });
                return Ok(Lookup::Stale(reason.into_iter().collect()));
            }
        };
        let mut reasons = Vec::new();
        let mut complain = |output: &String, what: Option<String>| {
            let output = output.clone();
            reasons.extend(what.map(|what| Reason::OutputDamaged { output, what }));
        };
        for (name, output) in &record.outputs {
            complain(name, self.check_object(&output.digest, false)?);
        }
        for (name, out) in &record.outs {
            complain(name, self.check_kept(&out.digest)?);
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
