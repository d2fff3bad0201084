//! What must not be seen of a run: the values of its stages' secrets, in all that it tells and keeps.

use std::{collections::BTreeSet, sync::Arc};

use pipe_schema::{
    protocol::Done,
    remote::without_credentials,
    run::{Event, Failure, Reason},
};
use serde_json::Value;

use super::Options;
use crate::{exec::mask::Mask, plan::Stage};

/// Hides what the stages of a run are given as secrets.
pub fn mask_of(stages: &[&Stage], options: &Options) -> Arc<Mask> {
    let names: BTreeSet<&String> = stages.iter().flat_map(|it| &it.control.secrets).collect();
    let values: Vec<String> = names
        .into_iter()
        .filter_map(|it| options.host.get(it))
        .collect();
    Arc::new(Mask::new(values.iter().map(String::as_str)))
}

/// An event as it may be told. What a record says of its key stays: it names what the spec holds.
pub fn hide_in_event(mask: &Mask, event: Event) -> Event {
    let text = |it: String| mask.apply(it);
    match event {
        Event::RunStarted(mut started) => {
            let shown = Arc::make_mut(&mut started);
            hide_in_value(mask, &mut shown.vars);
            for text in &mut shown.overrides {
                hide(mask, text);
            }
            Event::RunStarted(started)
        }
        Event::StageStarted {
            stage,
            attempt,
            mut reasons,
            log,
        } => {
            for reason in &mut reasons {
                hide_in_reason(mask, reason);
            }
            Event::StageStarted {
                stage,
                attempt,
                reasons,
                log,
            }
        }
        Event::StageProgress {
            stage,
            done,
            total,
            unit,
        } => Event::StageProgress {
            stage,
            done,
            total,
            unit: text(unit),
        },
        Event::StageMetric {
            stage,
            name,
            step,
            value,
        } => Event::StageMetric {
            stage,
            name: text(name),
            step,
            value,
        },
        Event::StageLog { stage, text: line } => Event::StageLog {
            stage,
            text: text(line),
        },
        Event::OutSetAside {
            stage,
            path,
            kept,
            difference,
        } => Event::OutSetAside {
            stage,
            path: text(path),
            kept: text(kept),
            difference: text(difference),
        },
        Event::StageRetried {
            stage,
            mut failure,
            delay_ms,
        } => {
            hide_in_failure(mask, &mut failure);
            Event::StageRetried {
                stage,
                failure,
                delay_ms,
            }
        }
        Event::StageFailed { stage, mut failure } => {
            hide_in_failure(mask, &mut failure);
            Event::StageFailed { stage, failure }
        }
        Event::RunRepeated { .. }
        | Event::StageReady { .. }
        | Event::StageWaiting { .. }
        | Event::StageCached { .. }
        | Event::StageDone { .. }
        | Event::StageSkipped { .. }
        | Event::RunFinished(_) => event,
    }
}

/// What a job says of its results, which records keep: the names of metrics are its own.
pub fn hide_in_done(mask: &Mask, done: Done) -> Done {
    if mask.is_empty() {
        return done;
    }
    let metrics = done.metrics.into_iter();
    let measured = done.measured.into_iter();
    Done {
        metrics: metrics.map(|(name, it)| (mask.apply(name), it)).collect(),
        measured: measured.map(|(name, it)| (mask.apply(name), it)).collect(),
        ..done
    }
}

fn hide_in_failure(mask: &Mask, failure: &mut Failure) {
    let Failure {
        kind: _,
        message,
        hint,
        tail,
        // A path of the store.
        log: _,
        alone,
    } = failure;
    let texts = [Some(message), hint.as_mut(), alone.as_mut()];
    for text in texts.into_iter().flatten().chain(tail) {
        hide(mask, text);
    }
}

fn hide_in_reason(mask: &Mask, reason: &mut Reason) {
    match reason {
        Reason::Changed { part, old, new } => {
            hide(mask, part);
            for value in [old, new].into_iter().flatten() {
                hide_in_value(mask, value);
            }
        }
        Reason::OutputDamaged { output, what } => {
            hide(mask, output);
            hide(mask, what);
        }
        Reason::Revoked { because } => hide(mask, because),
        Reason::NeverRun
        | Reason::RecordMissing
        | Reason::NotCached
        | Reason::Forced
        | Reason::Compared => {}
    }
}

fn hide_in_value(mask: &Mask, value: &mut Value) {
    match value {
        Value::String(text) => hide(mask, text),
        Value::Array(items) => items.iter_mut().for_each(|it| hide_in_value(mask, it)),
        Value::Object(entries) => entries.values_mut().for_each(|it| hide_in_value(mask, it)),
        _ => {}
    }
}

/// Hides secrets, and keys in addresses.
fn hide(mask: &Mask, text: &mut String) {
    let shown = without_credentials(text).into_owned();
    *text = mask.apply(shown);
}
