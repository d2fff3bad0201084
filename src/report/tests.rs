//! A whole run told by each face: what is said, in which order, and how wide.

use std::sync::Arc;

use pipe_schema::{
    key::{Config, Key, KeyParts},
    manifest::Digest,
    record::{Observed, Record},
    report::Metrics,
    run::{Event, Failure, FailureKind, Line, Reason, RunFinished, RunStarted, RunStatus, Skip},
};
use serde_json::json;

use super::{
    Face,
    json::Json,
    lines::Lines,
    plain::Plain,
    style,
    summary::{Measured, Place, Summary, Tally},
};
use crate::track::Story;

fn metrics(pairs: &[(&str, f64)]) -> Metrics {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

fn record(seconds: f64, found: &[(&str, f64)]) -> Arc<Record> {
    let parts = KeyParts {
        kind: "train".to_owned(),
        revision: 1,
        config: Config::new(&json!({})).unwrap(),
        inputs: std::collections::BTreeMap::new(),
        outputs: std::collections::BTreeMap::new(),
        env: std::collections::BTreeMap::new(),
        tools: std::collections::BTreeMap::new(),
        environment: None,
        until: None,
    };
    Arc::new(Record {
        key: Key(Digest([7; 32])),
        parts,
        outputs: indexmap::IndexMap::new(),
        outs: indexmap::IndexMap::new(),
        observed: Observed {
            seconds,
            metrics: metrics(found),
            ..Observed::default()
        },
    })
}

fn run(lr: f64, loss: f64, accuracy: f64, status: RunStatus) -> Vec<Line> {
    let name = str::to_owned;
    let reasons = vec![Reason::Changed {
        part: name("config.optimizer.adamw.lr"),
        old: Some(json!(0.001)),
        new: Some(json!(lr)),
    }];
    let failure = Failure {
        kind: FailureKind::Exit(1),
        message: name("the command ended with exit code 1"),
        hint: None,
        tail: vec![name("no such file")],
        log: Some(name("artifacts/log/audit.log")),
        alone: None,
    };
    let stages = ["prepare", "fit", "score", "audit", "last"];
    let events = [
        Event::RunStarted(Arc::new(RunStarted {
            run: name("r"),
            name: name("digits"),
            spec: name("pipe.yaml"),
            overrides: Vec::new(),
            stages: stages.map(name).to_vec(),
            after: Vec::new(),
            others: Vec::new(),
            vars: json!({}),
            git: None,
            pipe: name("0"),
            boot: None,
        })),
        Event::StageCached {
            stage: name("prepare"),
            record: record(1.0, &[]),
        },
        Event::StageStarted {
            stage: name("fit"),
            attempt: 1,
            reasons,
            log: name("log"),
        },
        Event::StageMetric {
            stage: name("fit"),
            name: name("train.loss"),
            step: 1,
            value: 2.0,
        },
        Event::StageDone {
            stage: name("fit"),
            record: record(12.1, &[("val.loss", loss)]),
        },
        Event::StageDone {
            stage: name("score"),
            record: record(0.2, &[("accuracy", accuracy)]),
        },
        Event::StageFailed {
            stage: name("audit"),
            failure,
        },
        Event::StageSkipped {
            stage: name("last"),
            because: Skip::Upstream(name("audit")),
        },
        Event::RunFinished(RunFinished {
            status,
            ran: 2,
            cached: 1,
            failed: 1,
            skipped: 1,
            seconds: 14.2,
        }),
    ];
    (0_u64..)
        .zip(events)
        .map(|(at, event)| Line {
            at: at * 1000,
            event,
        })
        .collect()
}

fn told(lines: &[Line], before: Option<Story>, columns: usize) -> String {
    let mut out = Vec::new();
    let mut face = Plain::new(&mut out, Lines::new(before, columns, true, false));
    let mut story = Story::default();
    for line in lines {
        story.hear(line);
        face.show(line, &story);
    }
    bare(&String::from_utf8(out).unwrap())
}

fn bare(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_run_is_told_in_lines_with_reasons_and_differences() {
    let before = Story::from_lines(&run(0.001, 0.1, 0.97, RunStatus::Done));
    let text = told(
        &run(0.01, 0.081, 0.98, RunStatus::Failed),
        Some(before),
        160,
    );
    assert_eq!(
        text,
        "prepare  cached
fit      running  changed: lr 0.001 → 0.01
fit      ran 12.1s  changed: lr 0.001 → 0.01  val.loss 0.081 (-0.019)
score    ran 0.20s  accuracy 0.98 (+0.01)
audit    failed: the command ended with exit code 1
last     skipped: audit failed
"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [20, 40, 60, 80] {
        for line in told(&run(0.01, 0.081, 0.98, RunStatus::Failed), None, columns).lines() {
            assert!(style::width(line) <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn stages_found_in_the_store_are_only_counted_where_there_are_many() {
    let cached = |at: u64| Line {
        at,
        event: Event::StageCached {
            stage: format!("s{at}"),
            record: record(0.0, &[]),
        },
    };
    let Event::RunStarted(mut started) = run(0.1, 0.1, 0.1, RunStatus::Done).remove(0).event else {
        panic!()
    };
    Arc::make_mut(&mut started).stages = (0..100).map(|it| format!("s{it}")).collect();
    let mut lines = vec![Line {
        at: 0,
        event: Event::RunStarted(started),
    }];
    lines.extend((0..100).map(cached));
    assert_eq!(told(&lines, None, 80), "");
}

#[test]
fn programs_get_every_event_as_it_is_logged() {
    let lines = run(0.01, 0.081, 0.98, RunStatus::Failed);
    let mut out = Vec::new();
    let mut face = Json(&mut out);
    for line in &lines {
        face.show(line, &Story::default());
    }
    let text = String::from_utf8(out).unwrap();
    let read: Vec<Line> = text
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(read, lines);
}

#[test]
fn a_summary_has_failures_figures_results_and_what_to_type_next() {
    let before = Story::from_lines(&run(0.001, 0.1, 0.97, RunStatus::Done));
    let story = Story::from_lines(&run(0.01, 0.081, 0.98, RunStatus::Failed));
    let summary = Summary {
        notes: Vec::new(),
        story: &story,
        tally: Tally::of(&story),
        before: Some(&before),
        again: "digits.yaml ",
        folder: std::path::Path::new("/home/me"),
        reports: vec![Measured {
            stage: "score".to_owned(),
            metrics: metrics(&[("accuracy", 0.98)]),
            baseline: metrics(&[("accuracy", 0.1)]),
            positive: None,
        }],
        results: vec![Place {
            path: "artifacts/current/score".to_owned(),
            bytes: 91_900,
        }],
        next: vec!["pipe show score".to_owned()],
    };
    assert_eq!(
        bare(&summary.render(80)),
        "
error: audit failed: the command ended with exit code 1
  its last words:
  │ no such file
log: artifacts/log/audit.log
again: pipe run digits.yaml audit

score  accuracy  0.98  +0.01  baseline 0.1

result  artifacts/current/score (92 kB)
next    pipe show score
failed after 14.2s: 2 ran, 1 cached, 1 failed, 1 skipped
"
    );
}
