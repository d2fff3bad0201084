//! Results that are gone though records speak of them. Each loss is told once: the record is taken back.

use pipe_schema::{manifest::Digest, record::Record};

use super::{
    super::{
        Store,
        error::Result,
        journal::Kind,
        record::{Found, children},
    },
    Damage, Verified,
};

/// A result that a record speaks of and that is not there.
pub struct Missing {
    digest: Digest,
    /// Where it would be.
    path: String,
    output: String,
    is_out: bool,
}

impl Store {
    /// Tells which outputs of a record are gone, and takes the record back, so that it is told once.
    pub(super) fn verify_outputs(&self, record: &Record, verified: &mut Verified) -> Result<()> {
        if self.missing_results(record)?.is_empty() {
            return Ok(());
        }
        let _lock = match self
            .is_writable
            .then(|| self.try_lock(&record.key))
            .transpose()?
        {
            // A run is making it again.
            Some(None) => return Ok(()),
            lock => lock,
        };
        let Found::Record(record) = self.record(&record.key)? else {
            return Ok(());
        };
        let missing = self.missing_results(&record)?;
        let is_found_now = |it: &Missing| {
            let mut damage = verified.damage.iter().filter(|it| it.is_set_aside);
            verified.lost.contains(&it.digest) || damage.any(|damage| damage.path == it.path)
        };
        // The next who wants it is told what was found.
        let is_awaited = missing.iter().any(&is_found_now);
        let aside = children(&self.layout.quarantine())?;
        let is_aside = |it: &Missing| -> Result<bool> {
            let name = format!("{}.", it.path.replace('/', "-"));
            let is_revoked = self.with_contents(|all| all.is_revoked(Kind::Pack, &it.digest))?;
            Ok(aside.iter().any(|it| it.starts_with(&name)) || it.is_out && is_revoked)
        };
        let mut unexplained = Vec::new();
        for missing in &missing {
            if !is_found_now(missing) && !is_aside(missing)? {
                unexplained.push(missing);
            }
        }
        // A second loss of this record must not be told again the next time.
        let stays = missing.is_empty() || is_awaited && unexplained.is_empty();
        if !stays && self.is_writable {
            verified.forgotten += u64::from(unexplained.is_empty());
            self.revoke(Kind::Record, record.key.0);
        }
        for missing in unexplained {
            verified.note_missing(missing, record.observed.stage.clone());
        }
        Ok(())
    }

    /// Journals that were found damaged, where nothing else tells of it.
    pub(super) fn tell_of_mended(&self, verified: &mut Verified) {
        self.write_notes();
        for (name, lost) in self.take_mended() {
            let path = format!("journal/{name}");
            let what = lost.iter().map(|(kind, id)| match kind {
                Kind::Record => format!("record {}: ", id.short()),
                _ => format!("result {}: ", id.short()),
            });
            let mut what: Vec<String> = what.collect();
            if lost.is_empty() {
                what.push("some of ".to_owned());
            }
            for what in what {
                let is_told = |it: &Damage| it.path == path && it.what.starts_with(&what);
                if !verified.damage.iter().any(is_told) {
                    verified.damage.push(Damage {
                        path: path.clone(),
                        what: what + "it cannot be read",
                        stages: Vec::new(),
                        is_set_aside: true,
                    });
                }
            }
        }
    }

    /// What a record speaks of and is not there.
    pub(super) fn missing_results(&self, record: &Record) -> Result<Vec<Missing>> {
        let mut missing = Vec::new();
        let outputs = record.outputs.iter().map(|(name, it)| (name, it.digest));
        let outs = record.outs.iter().map(|(name, it)| (name, it.digest));
        let all = outputs
            .map(|it| (it, false))
            .chain(outs.map(|it| (it, true)));
        for ((name, digest), is_out) in all {
            let is_kept = is_out && self.with_contents(|it| it.has(Kind::Pack, &digest))?;
            if !is_kept && !self.has_object(&digest) {
                missing.push(Missing {
                    digest,
                    path: self.relative(&self.layout.object(&digest)),
                    output: name.clone(),
                    is_out,
                });
            }
        }
        Ok(missing)
    }
}

impl Verified {
    /// Each object once, with all stages that miss it.
    pub fn note_missing(&mut self, missing: &Missing, stage: String) {
        match self.damage.iter_mut().find(|it| it.path == missing.path) {
            Some(damage) if !damage.stages.contains(&stage) => damage.stages.push(stage),
            Some(_) => {}
            None => self.damage.push(Damage {
                path: missing.path.clone(),
                what: format!("output `{}` is gone", missing.output),
                stages: vec![stage],
                is_set_aside: false,
            }),
        }
    }
}
