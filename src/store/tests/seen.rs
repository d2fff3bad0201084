//! Witnesses: what was seen and stands, seen once more, and told from what was noted since. And the logs of runs that have
//! nothing to tell of their own.

use std::{collections::BTreeSet, sync::Arc, thread, time::Duration};

use pipe_schema::{
    key::Key,
    run::{Event, Line, RunStarted},
};

use super::{super::seen::Finding, *};

const FINDING: Finding = Finding {
    text: "text",
    aside: b"aside",
};

/// A store that watches, in which nothing was made a moment ago.
fn watching(place: &Place) -> Store {
    thread::sleep(Duration::from_millis(30));
    let store = place.reopened();
    store.watch();
    store
}

#[test]
fn what_was_seen_is_seen_once_more_with_what_is_new() {
    for touched in ["old", "new", "source"] {
        let place = Place::new();
        let [old, new, source] = ["old", "new", "source"].map(|it| place.write(it, "1"));
        place.make("fit", 1, &[("a", "1")]);
        let store = watching(&place);
        store.look(&old);
        let sources = [source.clone()];
        store.keep_witness("q", FINDING, &sources).unwrap();
        let witness = Arc::new(place.reopened().witness("q").unwrap());
        let aside = witness.aside();
        assert_eq!((&*witness.text, aside), ("text", Some(b"aside".to_vec())));

        fs::write(&source, "12").unwrap();
        let store = watching(&place);
        assert!(!store.sources_stand(&witness) && store.others_stand(&witness));
        assert!(store.journals_stand(&witness));
        store.saw_again(Arc::clone(&witness));
        store.look(&new);
        store.keep_witness("r", FINDING, &sources).unwrap();
        let renewed = Arc::new(store.witness("r").unwrap());
        assert!(store.sources_stand(&renewed) && store.others_stand(&renewed));

        // What is looked at anew is not remembered beside that.
        let again = watching(&place);
        again.saw_again(Arc::clone(&renewed));
        again.look(&old);
        again.look(&new);
        again.keep_witness("s", FINDING, &sources).unwrap();
        let size = |question: &str| fs::metadata(store.layout.witness(question)).unwrap().len();
        assert_eq!(size("r"), size("s"));

        let last = store.witness("s").unwrap();
        fs::write(place.work().join(touched), "123").unwrap();
        let is_source = touched == "source";
        assert_eq!(store.sources_stand(&last), !is_source, "{touched}");
        assert_eq!(store.others_stand(&last), is_source, "{touched}");
    }
}

#[test]
fn what_was_noted_since_shows_in_the_journals_alone() {
    let place = Place::new();
    let file = place.write("file", "1");
    place.make("fit", 1, &[("a", "1")]);
    let store = watching(&place);
    store.look(&file);
    store.keep_witness("q", FINDING, &[]).unwrap();
    let store = place.reopened();
    let witness = store.witness("q").unwrap();
    fs::write(&file, "12").unwrap();
    assert!(store.journals_stand(&witness) && !store.others_stand(&witness));
    place.make("fit", 2, &[("a", "2")]);
    assert!(!store.journals_stand(&witness));
}

#[test]
fn what_lies_aside_and_is_damaged_is_not_there() {
    let place = Place::new();
    let file = place.write("file", "1");
    place.make("fit", 1, &[("a", "1")]);
    let store = watching(&place);
    store.look(&file);
    store.keep_witness("q", FINDING, &[]).unwrap();
    let path = store.layout.witness("q");
    let whole = fs::read(&path).unwrap();
    let aside = FINDING.aside.len() + 32;
    for cut in 1..=aside {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let witness = store.witness("q").unwrap();
        assert!(
            store.others_stand(&witness) && witness.aside().is_none(),
            "{cut} bytes less"
        );
    }
    fs::write(&path, &whole[..whole.len() - aside - 1]).unwrap();
    assert!(store.witness("q").is_none());
}

fn started(stages: &[&str]) -> Event {
    Event::RunStarted(Arc::new(RunStarted {
        run: "r".to_owned(),
        name: "spec".to_owned(),
        spec: "pipe.yaml".to_owned(),
        overrides: Vec::new(),
        stages: stages.iter().map(|it| (*it).to_owned()).collect(),
        after: Vec::new(),
        others: Vec::new(),
        vars: serde_json::Value::Null,
        git: None,
        pipe: String::new(),
        boot: None,
    }))
}

fn ready(stage: &str, seed: u64) -> Event {
    Event::StageReady {
        stage: stage.to_owned(),
        key: key(seed),
    }
}

fn repeated(of: &str, besides: &[&str]) -> Event {
    Event::RunRepeated {
        of: of.to_owned(),
        besides: besides.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn write_log(place: &Place, run: &str, events: Vec<Event>) {
    let mut log = place.store.start_run_log(run).unwrap();
    for event in events {
        log.append(&Line { at: 1, event }).unwrap();
    }
}

/// The stages of a run's story in order, with their keys, and those that it began with.
fn told(place: &Place, run: &str) -> (Vec<(String, Key)>, Vec<String>) {
    let lines = place.store.read_run(run).unwrap();
    let stages = lines.iter().filter_map(|it| match &it.event {
        Event::StageReady { stage, key } => Some((stage.clone(), *key)),
        _ => None,
    });
    let Event::RunStarted(started) = &lines[0].event else {
        panic!("{lines:?}");
    };
    (stages.collect(), started.stages.clone())
}

#[test]
fn stages_are_told_by_the_last_run_that_looked_at_them() {
    let place = Place::new();
    let full = vec![
        started(&["a", "b", "c"]),
        ready("a", 1),
        ready("b", 2),
        ready("c", 3),
    ];
    write_log(&place, "r1", full);
    write_log(
        &place,
        "r2",
        vec![
            started(&["c", "b", "d"]),
            repeated("r1", &["b", "d"]),
            ready("b", 4),
            ready("d", 5),
        ],
    );
    write_log(&place, "r3", vec![started(&[]), repeated("r2", &[])]);
    write_log(
        &place,
        "r4",
        vec![
            started(&["d", "c", "e"]),
            repeated("r3", &["e"]),
            ready("e", 6),
        ],
    );
    let all = |stages: &[(&str, u64)]| -> Vec<(String, Key)> {
        stages
            .iter()
            .map(|(it, seed)| ((*it).to_owned(), key(*seed)))
            .collect()
    };
    let names =
        |names: &[&str]| -> Vec<String> { names.iter().map(|it| (*it).to_owned()).collect() };
    assert_eq!(
        told(&place, "r3"),
        (
            all(&[("c", 3), ("b", 4), ("d", 5)]),
            names(&["c", "b", "d"])
        )
    );
    let (stages, own) = told(&place, "r4");
    let stages: BTreeSet<(String, Key)> = stages.into_iter().collect();
    assert_eq!(
        stages,
        all(&[("c", 3), ("d", 5), ("e", 6)]).into_iter().collect()
    );
    assert_eq!(own, names(&["d", "c", "e"]));
    let bytes = |run: &str| fs::metadata(place.store.layout.run_log(run)).unwrap().len();
    let sum: u64 = ["r1", "r2", "r3", "r4"].map(bytes).iter().sum();
    assert_eq!(place.store.run_bytes("r4", u64::MAX), sum);
    let own = bytes("r4");
    assert_eq!(place.store.run_bytes("r4", own - 1), own);
    // Without the first log, only what the others tell is told.
    fs::remove_file(place.store.layout.run_log("r1")).unwrap();
    assert_eq!(
        told(&place, "r3"),
        (all(&[("b", 4), ("d", 5)]), names(&["c", "b", "d"]))
    );
}

#[test]
fn logs_that_name_each_other_end() {
    let place = Place::new();
    write_log(&place, "r1", vec![started(&["a"]), repeated("r2", &[])]);
    write_log(
        &place,
        "r2",
        vec![started(&["a"]), repeated("r1", &["a"]), ready("a", 1)],
    );
    assert_eq!(told(&place, "r1").0, [("a".to_owned(), key(1))]);
    assert!(place.store.run_bytes("r1", u64::MAX) > 0);
}
