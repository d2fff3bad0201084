//! What a finished attempt hands to the store: outputs, outs, and what was observed.

use std::collections::BTreeMap;

use pipe_schema::record::Observed;

use super::{
    cycle::Cycle,
    state::{Finished, Running},
};
use crate::{exec::commit::Commit, store::Publication};

/// Notes that a record keeps; more are in the log of the run that made it.
const KEPT_NOTES: usize = 100;

impl Cycle<'_> {
    pub(super) fn publication(
        &self,
        at: usize,
        running: &Running,
        finished: &Finished,
    ) -> Publication {
        let stage = self.order[at];
        let outputs = stage
            .outputs
            .iter()
            .map(|(name, r#type)| {
                let written = running.place.output(name);
                let path = finished.elsewhere.get(name).cloned().unwrap_or(written);
                (name.clone(), *r#type, path)
            })
            .collect();
        let outs = stage
            .outs
            .iter()
            .map(|out| (out.clone(), self.options.folder.join(out)))
            .collect();
        let measured: BTreeMap<String, f64> = finished
            .measured
            .iter()
            .map(|(name, value)| (name.clone(), *value))
            .collect();
        Publication {
            parts: running.pending.action.parts.clone(),
            name: self.full_name(&stage.id),
            outputs,
            outs,
            observed: Observed {
                started: running.started.clone(),
                seconds: running.since.elapsed().as_secs_f64(),
                cpu_seconds: running.cpu_seconds,
                peak_bytes: running.peak_bytes,
                host: self.host_name.clone(),
                run: self.options.run.clone(),
                stage: stage.id.clone(),
                attempt: running.pending.attempt,
                pipe: env!("CARGO_PKG_VERSION").to_owned(),
                git: self.options.git.as_ref().map(Commit::text),
                metrics: finished.metrics.clone(),
                measured,
                upstream: running.pending.action.upstream.clone(),
                environment: running.pending.action.class.clone(),
                notes: kept_notes(&running.notes),
                differing: Vec::new(),
            },
        }
    }
}

/// The first notes of a stage, each once.
fn kept_notes(notes: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for note in notes {
        if !kept.contains(note) {
            if kept.len() == KEPT_NOTES {
                kept.push("… there are more, which the log of the run has".to_owned());
                break;
            }
            kept.push(note.clone());
        }
    }
    kept
}
