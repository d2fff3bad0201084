//! What stays and what goes: gc, clean, opening, and stores that cannot be written.

use std::time::Duration;

use pipe_schema::run::{Event, Line as RunLine};

use super::*;

const ALL: Policy = Policy {
    keep_runs: 0,
    older_than: Duration::ZERO,
    max_bytes: None,
    dry_run: false,
};

/// A run of one stage, as its log tells it.
fn run(store: &Store, name: &str, stage: &str, record: &Record) {
    let mut log = store.start_run_log(name).unwrap();
    let event = Event::StageDone {
        stage: stage.to_owned(),
        record: Arc::new(record.clone()),
    };
    log.append(&RunLine { at: 0, event }).unwrap();
}

/// Two runs of `fit`, of which the second is current, and a stage that is in no run.
fn two_runs() -> (TempDir, Vec<Record>) {
    let Place { folder, store } = Place::new();
    let mut records = Vec::new();
    for (seed, name) in [(1, "20260101T000000Z-aaaa"), (2, "20260102T000000Z-aaaa")] {
        let record = make(&store, "fit", seed, &[("a", &seed.to_string())]);
        store.link_current("fit", &record).unwrap();
        run(&store, name, "fit", &record);
        records.push(record);
    }
    records.push(make(&store, "old", 3, &[("a", "3")]));
    fs::create_dir_all(store.layout.quarantine().join("x")).unwrap();
    (folder, records)
}

fn open(folder: &TempDir) -> Store {
    Store::open_existing(&folder.path().join("artifacts")).unwrap()
}

fn is_there(store: &Store, seed: u64) -> bool {
    matches!(store.lookup(&key(seed)).unwrap(), Lookup::Fresh(_))
}

#[test]
fn gc_keeps_recent_runs_and_removes_the_rest() {
    let (folder, _) = two_runs();
    let policy = Policy {
        keep_runs: 1,
        ..ALL
    };
    let would = open(&folder)
        .gc(&Policy {
            dry_run: true,
            ..policy
        })
        .unwrap();
    assert!(is_there(&open(&folder), 1) && is_there(&open(&folder), 3));
    let did = open(&folder).gc(&policy).unwrap();
    assert_eq!(would, did);
    assert_eq!(
        (did.records, did.objects, did.kept_runs, did.kept_objects),
        (2, 2, 1, 1)
    );
    assert!(did.bytes > 0);
    let store = open(&folder);
    assert_eq!(
        [1, 2, 3].map(|it| is_there(&store, it)),
        [false, true, false]
    );
    assert_eq!(store.object_digests().unwrap().len(), 1);
    assert_eq!(store.quarantined().unwrap(), 0);
    assert_eq!(store.verify(&mut |_, _| {}).unwrap().damage, []);
    // What is gone can be made again.
    make(&store, "fit", 1, &[("a", "1")]);
    assert!(is_there(&store, 1));
}

#[test]
fn gc_keeps_what_current_points_at_until_the_link_is_removed() {
    let (folder, _) = two_runs();
    open(&folder).gc(&ALL).unwrap();
    assert!(is_there(&open(&folder), 2));
    fs::remove_file(folder.path().join("artifacts/current/fit")).unwrap();
    open(&folder).gc(&ALL).unwrap();
    assert!(!is_there(&open(&folder), 2));
}

#[test]
fn gc_keeps_what_current_points_at_though_its_name_was_lost() {
    let (folder, records) = two_runs();
    let last = records[1].key;
    unwrite(&open(&folder), |it| {
        it.kind == Kind::Last && it.id == last.0
    });
    open(&folder).gc(&ALL).unwrap();
    assert!(is_there(&open(&folder), 2));
    let (folder, _) = two_runs();
    unwrite(&open(&folder), |it| it.kind == Kind::Last);
    open(&folder).gc(&ALL).unwrap();
    assert!(is_there(&open(&folder), 2));
}

#[test]
fn gc_keeps_what_is_young() {
    let (folder, _) = two_runs();
    let collected = open(&folder)
        .gc(&Policy {
            older_than: Duration::from_hours(1),
            ..ALL
        })
        .unwrap();
    assert_eq!((collected.records, collected.objects), (0, 0));
    assert!(is_there(&open(&folder), 3));
}

#[test]
fn gc_keeps_an_object_that_any_kept_record_shares() {
    let (folder, _) = two_runs();
    // The same bytes as the first run made.
    let store = open(&folder);
    let shared = make(&store, "other", 4, &[("a", "1")]);
    run(&store, "20260103T000000Z-aaaa", "other", &shared);
    drop(store);
    open(&folder)
        .gc(&Policy {
            keep_runs: 1,
            ..ALL
        })
        .unwrap();
    let store = open(&folder);
    assert_eq!([1, 4].map(|it| is_there(&store, it)), [false, true]);
}

#[test]
fn clean_does_not_start_beside_a_run() {
    let (folder, _) = two_runs();
    let live = open(&folder);
    let run = live.new_run().unwrap();
    let error = open(&folder).clean().unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }));
    assert!(error.to_string().contains(&run), "{error}");
    drop(live);
    open(&folder).clean().unwrap();
}

#[test]
fn gc_beside_a_run_spares_what_it_said_that_it_needs_and_what_it_makes() {
    let (folder, _) = two_runs();
    let live = open(&folder);
    let run = live.new_run().unwrap();
    live.claim(&run, &[key(1).0]).unwrap();
    // Made, and published while gc is done.
    let (attempt, publication) = written(&live, "new", 4, &[("a", "4")]);
    live.claim(&run, &[key(4).0]).unwrap();
    let made = make(&live, "new", 5, &[("a", "5")]);
    live.claim(&run, &[made.key.0]).unwrap();
    let collected = open(&folder).gc(&ALL).unwrap();
    assert_eq!((collected.records, collected.objects), (1, 1));
    assert_eq!(
        [1, 2, 3, 5].map(|it| is_there(&live, it)),
        [true, true, false, true]
    );
    live.publish(publication).unwrap();
    drop(attempt);
    assert!(is_there(&open(&folder), 4));
    drop(live);
    // It ended.
    open(&folder).gc(&ALL).unwrap();
    assert!(!is_there(&open(&folder), 1));
}

#[test]
fn gc_waits_for_who_is_about_to_say_what_it_found() {
    let (folder, _) = two_runs();
    let live = open(&folder);
    let run = live.new_run().unwrap();
    let calm = live.calm().unwrap();
    std::thread::scope(|scope| {
        let gc = scope.spawn(|| open(&folder).gc(&ALL).unwrap());
        std::thread::sleep(Duration::from_millis(50));
        assert!(is_there(&live, 1));
        live.claim(&run, &[key(1).0]).unwrap();
        drop(calm);
        gc.join().unwrap();
    });
    assert!(is_there(&open(&folder), 1));
}

#[test]
fn gc_keeps_the_last_outs_of_stages_that_their_spec_still_has() {
    let place = Place::new();
    let mut log = place.store.start_run_log("20260101T000000Z-aaaa").unwrap();
    let started = |stages: &[&str], others: &[&str]| {
        let names = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
        Event::RunStarted(Arc::new(pipe_schema::run::RunStarted {
            run: "r".to_owned(),
            name: "spec".to_owned(),
            spec: "pipe.yaml".to_owned(),
            overrides: Vec::new(),
            stages: names(stages),
            after: Vec::new(),
            others: names(others),
            vars: serde_json::Value::Null,
            git: None,
            pipe: "0".to_owned(),
            boot: None,
        }))
    };
    let event = started(&["one"], &["two"]);
    log.append(&RunLine { at: 0, event }).unwrap();
    drop(log);
    for (seed, stage) in [(1, "one"), (2, "two"), (3, "gone")] {
        place.write("out", &seed.to_string());
        let publication = Publication {
            parts: parts(seed),
            name: format!("spec/{stage}"),
            outputs: Vec::new(),
            outs: vec![("out".to_owned(), place.work().join("out"))],
            observed: seen(stage),
        };
        place.store.publish(publication).unwrap();
    }
    let Place { folder, store } = place;
    drop(store);
    let collected = open(&folder).gc(&ALL).unwrap();
    assert_eq!((collected.records, collected.objects), (1, 1));
    assert_eq!(
        [1, 2, 3].map(|it| is_there(&open(&folder), it)),
        [true, true, false]
    );
}

#[test]
fn checkpoints_of_finished_trainings_go_and_others_stay() {
    let place = Place::new();
    // `make` trains without `until`; a rung that is done may still be gone on from.
    let done = place
        .store
        .checkpoints(&KeyParts {
            until: Some(3),
            ..parts(1)
        })
        .unwrap();
    let broken_off = place.store.checkpoints(&parts(2)).unwrap();
    let record = place.make("fit", 1, &[("a", "1")]);
    place.store.link_current("fit", &record).unwrap();
    let Place { folder, store } = place;
    drop(store);
    let collected = open(&folder).gc(&ALL).unwrap();
    assert_eq!(collected.checkpoints, 1);
    assert!(!done.exists() && broken_off.exists());
}

#[test]
fn gc_removes_what_a_kill_left_of_files_that_were_being_replaced() {
    let (folder, _) = two_runs();
    let root = folder.path().join("artifacts");
    let drafts = [".draft-a", "index/.draft-b", "index/answers/.draft-c"];
    for draft in drafts {
        fs::create_dir_all(root.join(draft).parent().unwrap()).unwrap();
        fs::write(root.join(draft), "half").unwrap();
    }
    open(&folder).gc(&ALL).unwrap();
    for draft in drafts {
        assert!(!root.join(draft).exists(), "{draft}");
    }
}

#[test]
fn clean_removes_a_store_with_its_read_only_folders_and_keeps_what_a_repository_needs() {
    let (folder, _) = two_runs();
    let root = folder.path().join("artifacts");
    open(&folder).clean().unwrap();
    assert!(!root.exists());

    Store::open(&root).unwrap();
    fs::write(root.join(".gitignore"), "*\n!.gitignore\n").unwrap();
    open(&folder).clean().unwrap();
    assert_eq!(record::children(&root).unwrap(), [".gitignore"]);
    assert!(matches!(
        Store::open_existing(&root),
        Err(StoreError::NotAStore(_))
    ));
    Store::open(&root).unwrap();
}

#[test]
fn a_new_store_is_ignored_by_git_and_names_its_layout() {
    let place = Place::new();
    let root = place.store.root();
    assert_eq!(fs::read_to_string(root.join("VERSION")).unwrap(), "2\n");
    assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn an_unknown_layout_is_refused_and_not_guessed() {
    let place = Place::new();
    fs::write(place.store.root().join("VERSION"), "1\n").unwrap();
    let error = Store::open(place.store.root()).unwrap_err();
    assert!(error.to_string().contains("layout version `1`"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_folder_with_other_things_does_not_become_a_store() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.tex"), "").unwrap();
    assert!(matches!(
        Store::open(folder.path()),
        Err(StoreError::NotEmpty(_))
    ));
    assert!(matches!(
        Store::open_existing(folder.path()),
        Err(StoreError::NotAStore(_))
    ));
    assert!(!folder.path().join("VERSION").exists());
}

#[test]
fn two_that_open_a_new_store_at_once_both_have_it() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("artifacts");
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let root = &root;
            scope.spawn(move || {
                let store = Store::open(root).unwrap();
                make(&store, "s", seed, &[("a", "a")]);
            });
        }
    });
    let store = Store::open_existing(&root).unwrap();
    assert!((0..8).all(|it| is_there(&store, it)));
}

/// As an ordinary user only: the system refuses root nothing.
#[test]
fn a_store_that_cannot_be_written_still_answers() {
    let (folder, records) = two_runs();
    let root = folder.path().join("artifacts");
    if nix::unistd::geteuid().is_root() {
        return;
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o555)).unwrap();
    let store = Store::open(&root).unwrap();
    assert!(!store.is_writable());
    assert!(is_there(&store, 2));
    assert_eq!(store.last_record("fit").unwrap().key, key(2));
    assert_eq!(store.manifest(&main(&records[0])).unwrap().bytes, 1);
    store.link_current("fit", &records[1]).unwrap();
    store.flush().unwrap();
    for error in [
        store.try_lock(&key(9)).map(drop).unwrap_err(),
        store.attempt("r", "s", 1, true).map(drop).unwrap_err(),
        store.gc(&ALL).map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::ReadOnly(_)), "{error}");
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_a_team_shares_can_be_read_by_all_of_it() {
    let place = Place::new();
    let path = place.write("a.csv", "1");
    place.store.digest_path(&path).unwrap();
    place.store.remember("tool", "1.0").unwrap();
    place.make("fit", 1, &[("a", "a")]);
    place.store.flush().unwrap();
    let usual = mode(&path) & 0o444;
    for entry in walkdir::WalkDir::new(place.store.root()) {
        let entry = entry.unwrap();
        if !entry.file_type().is_symlink() {
            assert_eq!(mode(entry.path()) & 0o444, usual, "{:?}", entry.path());
        }
    }
}

#[test]
fn a_run_does_not_begin_in_a_store_that_was_removed_meanwhile() {
    let place = Place::new();
    make(&place.reopened(), "a", 1, &[("x", "1")]);
    let late = place.reopened();
    let root = late.root().to_owned();
    place.reopened().clean().unwrap();
    let error = late.new_run().unwrap_err();
    assert!(matches!(error, StoreError::Removed(_)), "{error}");
    // A new store can be made there.
    let store = Store::open(&root).unwrap();
    store.new_run().unwrap();
    make(&store, "a", 1, &[("x", "1")]);
}
