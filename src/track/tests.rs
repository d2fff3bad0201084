//! The index against stores with logs: what it lists, what it reads again, what it survives.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use pipe_schema::{
    key::{Config, Key, KeyParts},
    manifest::Digest,
    record::{Observed, Record},
    run::{Event, Line, RunFinished, RunStarted, RunStatus},
};

use super::{Index, StageUses};
use crate::store::Store;

fn started(run: &str) -> Event {
    Event::RunStarted(Arc::new(RunStarted {
        run: run.to_owned(),
        name: "digits".to_owned(),
        spec: "pipe.yaml".to_owned(),
        overrides: vec!["lr=0.01".to_owned()],
        stages: vec!["fit".to_owned()],
        after: Vec::new(),
        others: Vec::new(),
        vars: serde_json::json!({}),
        git: None,
        pipe: "0".to_owned(),
        boot: None,
    }))
}

fn finished() -> Event {
    Event::RunFinished(RunFinished {
        status: RunStatus::Done,
        ran: 0,
        cached: 1,
        failed: 0,
        skipped: 0,
        seconds: 1.5,
    })
}

fn log(store: &Store, run: &str, events: &[Event]) {
    let mut log = store.start_run_log(run).unwrap();
    for event in events {
        log.append(&Line {
            at: 7,
            event: event.clone(),
        })
        .unwrap();
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("artifacts")).unwrap();
    (folder, store)
}

const FIRST: &str = "20260101T000000Z-aaaa";
const SECOND: &str = "20260102T000000Z-bbbb";

#[test]
fn runs_are_listed_newest_first() {
    let (_folder, store) = store();
    log(&store, FIRST, &[started(FIRST), finished()]);
    log(&store, SECOND, &[started(SECOND)]);
    let entries = Index::open(&store).unwrap().newest(10, None).unwrap();
    let runs: Vec<_> = entries
        .iter()
        .map(|it| (it.run.as_str(), it.status))
        .collect();
    assert_eq!(runs, [(SECOND, None), (FIRST, Some(RunStatus::Done))]);
    assert_eq!(
        (entries[1].overrides.join(" "), entries[1].seconds),
        ("lr=0.01".to_owned(), 1.5)
    );
    assert_eq!(
        Index::open(&store).unwrap().newest(1, None).unwrap().len(),
        1
    );
}

#[test]
fn a_log_that_has_grown_is_read_again() {
    let (_folder, store) = store();
    log(&store, FIRST, &[started(FIRST)]);
    assert_eq!(
        Index::open(&store).unwrap().newest(1, None).unwrap()[0].status,
        None
    );
    let path = store.root().join("log/runs").join(format!("{FIRST}.jsonl"));
    let line = serde_json::to_string(&Line {
        at: 8,
        event: finished(),
    })
    .unwrap();
    let text = std::fs::read_to_string(&path).unwrap() + &line + "\n";
    std::fs::write(&path, text).unwrap();
    assert_eq!(
        Index::open(&store).unwrap().newest(1, None).unwrap()[0].status,
        Some(RunStatus::Done)
    );
}

#[test]
fn a_damaged_index_is_made_anew() {
    let (_folder, store) = store();
    log(&store, FIRST, &[started(FIRST), finished()]);
    drop(Index::open(&store).unwrap());
    std::fs::write(
        store.root().join("pipe.db"),
        "this is no database, but it is long enough to be looked at",
    )
    .unwrap();
    assert_eq!(
        Index::open(&store).unwrap().newest(10, None).unwrap().len(),
        1
    );
}

#[test]
fn an_index_of_another_version_is_made_anew() {
    let (_folder, store) = store();
    log(&store, FIRST, &[started(FIRST), finished()]);
    let other = rusqlite::Connection::open(store.root().join("pipe.db")).unwrap();
    other
        .execute_batch("CREATE TABLE runs (x); PRAGMA user_version = 99;")
        .unwrap();
    drop(other);
    assert_eq!(
        Index::open(&store).unwrap().newest(10, None).unwrap().len(),
        1
    );
}

#[test]
fn a_rebuilt_index_says_the_same() {
    let (_folder, store) = store();
    log(&store, FIRST, &[started(FIRST), finished()]);
    let before = Index::open(&store).unwrap().newest(10, None).unwrap();
    assert_eq!(Index::rebuild(&store).unwrap(), 1);
    assert_eq!(
        Index::open(&store).unwrap().newest(10, None).unwrap(),
        before
    );
}

#[test]
fn a_run_whose_log_is_gone_is_forgotten() {
    let (_folder, store) = store();
    log(&store, FIRST, &[started(FIRST), finished()]);
    drop(Index::open(&store).unwrap());
    std::fs::remove_file(store.root().join("log/runs").join(format!("{FIRST}.jsonl"))).unwrap();
    assert!(
        Index::open(&store)
            .unwrap()
            .newest(10, None)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn uses_are_counted_by_stage_and_in_all_also_where_a_log_names_no_stages() {
    let (_folder, store) = store();
    let record = |seconds: f64| {
        let digest = Digest([1; 32]);
        Arc::new(Record {
            key: Key(digest),
            parts: parts(),
            outputs: IndexMap::new(),
            outs: IndexMap::new(),
            observed: Observed {
                seconds,
                ..Observed::default()
            },
        })
    };
    let stage = "fit".to_owned();
    let done = |seconds| Event::StageDone {
        stage: stage.clone(),
        record: record(seconds),
    };
    let cached = Event::StageCached {
        stage: stage.clone(),
        record: record(2.0),
    };
    log(&store, FIRST, &[started(FIRST), done(2.0), ended(1, 0)]);
    log(&store, SECOND, &[started(SECOND), cached, ended(0, 1)]);
    log(&store, "20260103T000000Z-cccc", &[ended(0, 7)]);
    let uses = Index::open(&store).unwrap().uses().unwrap();
    assert_eq!((uses.runs, uses.ran, uses.reused), (3, 1, 8));
    let fit = StageUses {
        ran: 1,
        reused: 1,
        seconds_spent: 2.0,
        seconds_saved: 2.0,
    };
    assert_eq!(uses.stages, IndexMap::from([(stage, fit)]));
    Index::rebuild(&store).unwrap();
    assert_eq!(Index::open(&store).unwrap().uses().unwrap(), uses);
}

fn ended(ran: u32, cached: u32) -> Event {
    let Event::RunFinished(finished) = finished() else {
        unreachable!("it is the end of a run")
    };
    Event::RunFinished(RunFinished {
        ran,
        cached,
        ..finished
    })
}

fn parts() -> KeyParts {
    KeyParts {
        kind: "train".to_owned(),
        revision: 1,
        config: Config::new(&serde_json::json!({})).unwrap(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        env: BTreeMap::new(),
        tools: BTreeMap::new(),
        environment: None,
        until: None,
    }
}
