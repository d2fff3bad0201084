//! Runs: ids, logs, locks, attempts, links, and small answers.

use pipe_schema::{
    key::EnvironmentClass,
    run::{Event, Line as RunLine},
};

use super::*;

pub(super) fn line(text: &str) -> RunLine {
    let event = Event::StageLog {
        stage: "fit".to_owned(),
        text: text.to_owned(),
    };
    RunLine { at: 1, event }
}

#[test]
fn run_ids_sort_by_time_and_are_never_given_twice() {
    let place = Place::new();
    let other = place.reopened();
    let mut ids: Vec<String> = (0..20)
        .map(|it| {
            if it % 2 == 0 { &place.store } else { &other }
                .new_run()
                .unwrap()
        })
        .collect();
    assert!(
        ids.iter()
            .all(|it| it.len() == "20261123T153012Z-ab12".len()),
        "{ids:?}"
    );
    let given = ids.clone();
    ids.sort();
    ids.dedup();
    assert_eq!(ids, given, "one second's runs are in order, too");
}

#[test]
fn a_run_s_log_reads_back_and_the_newest_run_comes_first() {
    let place = Place::new();
    for run in ["20260101T000000Z-aaaa", "20260102T000000Z-aaaa"] {
        let mut log = place.store.start_run_log(run).unwrap();
        log.append(&line(run)).unwrap();
        log.append(&line("größer\nals")).unwrap();
    }
    assert_eq!(
        place.reopened().runs().unwrap(),
        ["20260102T000000Z-aaaa", "20260101T000000Z-aaaa"]
    );
    assert_eq!(
        place.reopened().read_run("20260101T000000Z-aaaa").unwrap(),
        [line("20260101T000000Z-aaaa"), line("größer\nals")]
    );
    assert!(place.store.read_run("gone").unwrap_err().is_missing());
}

#[test]
fn a_key_is_held_by_one_and_free_when_its_holder_is_gone() {
    let place = Place::new();
    let other = place.reopened();
    let held = place.store.try_lock(&key(1)).unwrap();
    assert!(held.is_some());
    assert!(other.try_lock(&key(1)).unwrap().is_none());
    assert!(
        place.store.try_lock(&key(1)).unwrap().is_none(),
        "nor is it held twice by one"
    );
    assert!(
        other.try_lock(&key(2)).unwrap().is_some(),
        "keys do not wait for each other"
    );
    drop(held);
    assert!(other.try_lock(&key(1)).unwrap().is_some());
    let held = place.store.try_lock(&key(1)).unwrap();
    // As if somebody had tidied up: who has it keeps it, and the next ones agree on another file.
    fs::remove_file(place.store.layout.key_locks()).unwrap();
    let again = place.reopened();
    let again = again.try_lock(&key(1)).unwrap();
    assert!(again.is_some());
    assert!(place.reopened().try_lock(&key(1)).unwrap().is_none());
    drop(held);
    assert!(other.try_lock(&key(1)).unwrap().is_none());
    drop(again);
    assert!(other.try_lock(&key(1)).unwrap().is_some());
}

#[test]
fn who_gets_a_key_after_another_finds_what_that_one_made() {
    let place = Place::new();
    let store = place.reopened();
    for seed in 1..50 {
        let held = place.store.try_lock(&key(seed)).unwrap().unwrap();
        assert_eq!(stale(&store, &key(seed)), "");
        place.make("fit", seed, &[("a", &seed.to_string())]);
        drop(held);
        let _held = store.try_lock(&key(seed)).unwrap().unwrap();
        assert_fresh(&store, &key(seed));
    }
}

#[test]
fn who_holds_a_key_can_be_told() {
    let place = Place::new();
    let run = place.store.new_run().unwrap();
    place.store.claim(&run, &[key(2).0, key(1).0]).unwrap();
    assert_eq!(place.reopened().holder(&key(1).0, "other"), Some(run));
    assert_eq!(place.reopened().holder(&key(3).0, "other"), None);
    let Place {
        folder: _folder,
        store,
    } = place;
    let other = Store::open_existing(store.root()).unwrap();
    drop(store);
    assert_eq!(other.holder(&key(1).0, "other"), None);
}

#[test]
fn an_attempt_starts_empty_and_leaves_only_its_log() {
    let place = Place::new();
    let attempt = place.store.attempt("r", "score@fold=a/b", 2, true).unwrap();
    let output = attempt.output("main");
    assert!(output.parent().unwrap().is_dir() && !output.exists());
    assert_ne!(attempt.output("a/b"), attempt.output("a"));
    fs::create_dir(&output).unwrap();
    fs::write(attempt.log(), "said").unwrap();
    let log = attempt.log().to_owned();
    assert!(
        log.ends_with("log/attempts/r/score@fold=a%2Fb.2.log"),
        "{log:?}"
    );
    drop(attempt);
    assert!(!output.parent().unwrap().exists());
    assert_eq!(fs::read_to_string(log).unwrap(), "said");
}

#[test]
fn a_run_that_ended_leaves_nothing_in_the_way() {
    let place = Place::new();
    let store = place.reopened();
    let run = store.new_run().unwrap();
    drop(store.attempt(&run, "fit", 1, true).unwrap());
    make(&store, "fit", 1, &[("a", "a")]);
    drop(store);
    for folder in [place.store.layout.leases(), place.store.layout.scratch()] {
        assert_eq!(
            record::children(&folder).unwrap(),
            Vec::<String>::new(),
            "{folder:?}"
        );
    }
}

#[test]
fn a_run_has_one_process() {
    let place = Place::new();
    place.store.attempt("r", "fit", 1, true).unwrap();
    let error = place.reopened().attempt("r", "fit", 1, true).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
}

#[test]
fn current_points_at_the_last_success_and_runs_list_what_they_made() {
    let place = Place::new();
    let (_attempt, mut publication) = written(&place.store, "fit", 1, &[("a", "1")]);
    publication.observed.run = "r1".to_owned();
    let one = place.store.publish(publication).unwrap();
    place.store.link_current("fit", &one).unwrap();
    let root = place.store.root();
    let current = root.join("current/fit/a");
    assert_eq!(fs::read_to_string(current).unwrap(), "1");
    place
        .store
        .list_run("r1", [("fit", &one)].into_iter())
        .unwrap();
    let list = fs::read_to_string(root.join("runs/r1")).unwrap();
    let path = list.trim().strip_prefix("fit\tmain\t").unwrap();
    assert_eq!(fs::read_to_string(root.join(path).join("a")).unwrap(), "1");
    let two = place.make("fit", 2, &[("a", "2")]);
    place.store.link_current("fit", &two).unwrap();
    place.store.link_current("fit", &two).unwrap();
    assert_eq!(
        fs::read_to_string(place.store.current("fit").join("a")).unwrap(),
        "2"
    );
    assert!(
        fs::read_link(place.store.current("fit"))
            .unwrap()
            .is_relative()
    );
}

#[test]
fn a_stage_with_several_outputs_has_a_folder_of_links_and_may_lose_it_again() {
    let place = Place::new();
    let record = |seed: u64, names: &[&str]| {
        let attempt = place
            .store
            .attempt("r", "audit", seed as u32, true)
            .unwrap();
        let outputs = names.iter().map(|name| {
            fs::write(attempt.output(name), name).unwrap();
            (
                (*name).to_owned(),
                ArtifactType::Files,
                attempt.output(name),
            )
        });
        let outputs = outputs.collect();
        let record = place.store.publish(Publication {
            parts: parts(seed),
            name: "stage".to_owned(),
            outputs,
            outs: Vec::new(),
            observed: seen("audit"),
        });
        let record = record.unwrap();
        place.store.link_current("audit", &record).unwrap();
        record
    };
    let current = place.store.current("audit");
    record(1, &["one"]);
    assert!(current.is_symlink());
    record(2, &["one", "two"]);
    assert_eq!(fs::read_to_string(current.join("two/two")).unwrap(), "two");
    record(3, &["two", "three"]);
    assert_eq!(picture_names(&current), ["three", "two"]);
    record(4, &["four"]);
    assert_eq!(fs::read_to_string(current.join("four")).unwrap(), "four");
}

fn picture_names(folder: &Path) -> Vec<String> {
    let mut names = record::children(folder).unwrap();
    names.sort();
    names
}

#[test]
fn answers_are_kept_by_question() {
    let place = Place::new();
    let class = EnvironmentClass {
        libtorch: "2.11.0".to_owned(),
        device: "cpu".to_owned(),
        compute_capability: None,
        cpu_capability: "AVX512".to_owned(),
        threads: 1,
        precision: "f32".to_owned(),
    };
    assert_eq!(place.store.cached_environment("worker 1"), None);
    place
        .store
        .remember_environment("worker 1", std::slice::from_ref(&class))
        .unwrap();
    assert_eq!(
        place.reopened().cached_environment("worker 1"),
        Some(vec![class])
    );
    assert_eq!(place.store.cached_environment("worker 2"), None);
    place
        .store
        .remember("python3 --version", "Python 3.12.3\n")
        .unwrap();
    assert_eq!(
        place.store.recall("python3 --version").unwrap(),
        "Python 3.12.3\n"
    );
    let path = place.store.layout.answer("python3 --version");
    fs::write(path, "torn").unwrap();
    assert_eq!(place.store.recall("python3 --version"), None);
}

#[test]
fn checkpoints_are_shared_by_the_rungs_of_a_training() {
    let place = Place::new();
    let rung = |until| {
        place
            .store
            .checkpoints(&KeyParts { until, ..parts(1) })
            .unwrap()
    };
    assert_eq!(rung(Some(1)), rung(None));
    assert!(rung(None).is_dir());
    assert_ne!(rung(None), place.store.checkpoints(&parts(2)).unwrap());
}

#[test]
fn checkpoints_go_when_a_training_came_to_its_last_epoch() {
    let place = Place::new();
    let until = |until| KeyParts {
        config: Config::new(&serde_json::json!({"epochs": 9})).unwrap(),
        until: Some(until),
        ..parts(1)
    };
    let folder = place.store.checkpoints(&until(9)).unwrap();
    fs::write(folder.join("state"), "weights").unwrap();
    place.store.drop_checkpoints(&until(3)).unwrap();
    assert!(folder.join("state").exists(), "more epochs may be wanted");
    place.store.drop_checkpoints(&until(9)).unwrap();
    assert!(!folder.exists());
    place.store.drop_checkpoints(&until(9)).unwrap();
}

#[test]
fn a_lease_that_is_being_taken_is_never_swept_as_dead() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let place = &place;
            scope.spawn(move || {
                for round in 0..40 {
                    // The first lease of a store that was just opened sweeps.
                    let store = place.reopened();
                    let run = format!("run-{thread}-{round}");
                    assert!(store.lease(&run).unwrap(), "{run}");
                    assert!(store.layout.lease(&run).exists(), "{run}");
                }
            });
        }
    });
    assert!(place.store.sweep().unwrap().is_empty());
}
