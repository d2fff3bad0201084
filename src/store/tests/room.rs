//! gc with a size: what was used last stays as long as there is room, and what is needed stays in any case.

use std::{collections::BTreeSet, time::Duration};

use pipe_schema::run::{Event, Line as RunLine};
use proptest::prelude::*;

use super::*;

const KILOBYTE: usize = 1_000;

fn open(folder: &TempDir) -> Store {
    Store::open_existing(&folder.path().join("artifacts")).unwrap()
}

fn policy(max_bytes: u64) -> Policy {
    Policy {
        keep_runs: 0,
        older_than: Duration::ZERO,
        max_bytes: Some(max_bytes),
        dry_run: false,
    }
}

/// A result of this many kB, made at this time.
fn make_at(store: &Store, seed: u64, kilobytes: usize, time: i64) -> Record {
    let text = format!("{seed:08}").repeat(kilobytes * KILOBYTE / 8);
    make_of(store, seed, &text, time)
}

fn make_of(store: &Store, seed: u64, text: &str, time: i64) -> Record {
    let (_attempt, mut publication) = written(store, &format!("s{seed}"), seed, &[("a", text)]);
    let time = jiff::Timestamp::from_second(time).unwrap();
    publication.observed.started = time.to_string();
    store.publish(publication).unwrap()
}

/// A run that used these, at this time.
fn run_at(store: &Store, name: &str, records: &[&Record], time: i64) {
    let mut log = store.start_run_log(name).unwrap();
    for record in records {
        let event = Event::StageCached {
            stage: record.observed.stage.clone(),
            record: Arc::new((*record).clone()),
        };
        log.append(&RunLine { at: 0, event }).unwrap();
    }
    set_time(&store.layout.run_log(name), time);
}

fn there(store: &Store, seeds: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    seeds
        .filter(|it| matches!(store.lookup(&key(*it)).unwrap(), Lookup::Fresh(_)))
        .collect()
}

#[test]
fn the_longest_unused_goes_first_and_no_more_than_must() {
    let Place { folder, store } = Place::new();
    for (seed, time) in [(1, 3000), (2, 1000), (3, 4000), (4, 2000)] {
        make_at(&store, seed, 10, time);
    }
    drop(store);
    let size = open(&folder).size();
    let policy = policy(size - 15_000);
    let would = open(&folder)
        .gc(&Policy {
            dry_run: true,
            ..policy
        })
        .unwrap();
    assert_eq!(there(&open(&folder), 1..=4), [1, 2, 3, 4]);
    let did = open(&folder).gc(&policy).unwrap();
    assert_eq!(would, did);
    assert_eq!((did.records, did.objects), (2, 2));
    assert!(did.left.unwrap() <= size - 15_000);
    assert_eq!(there(&open(&folder), 1..=4), [1, 3]);
    assert_eq!(open(&folder).verify(&mut |_, _| {}).unwrap().damage, []);
}

#[test]
fn what_an_old_run_used_again_is_not_old() {
    let Place { folder, store } = Place::new();
    let old = make_at(&store, 1, 10, 1000);
    make_at(&store, 2, 10, 2000);
    run_at(&store, "20260101T000000Z-aaaa", &[&old], 3000);
    drop(store);
    let size = open(&folder).size();
    open(&folder).gc(&policy(size - 5_000)).unwrap();
    assert_eq!(there(&open(&folder), 1..=2), [1]);
}

#[test]
fn an_object_goes_with_the_last_record_that_speaks_of_it() {
    let Place { folder, store } = Place::new();
    let text = "x".repeat(10 * KILOBYTE);
    for (seed, time) in [(1, 1000), (2, 3000)] {
        make_of(&store, seed, &text, time);
    }
    make_at(&store, 3, 10, 2000);
    drop(store);
    let size = open(&folder).size();
    // The first record frees nothing but itself.
    open(&folder).gc(&policy(size - 5_000)).unwrap();
    assert_eq!(there(&open(&folder), 1..=3), [2]);
    open(&folder).gc(&policy(0)).unwrap();
    assert_eq!(open(&folder).object_digests().unwrap(), []);
}

#[test]
fn what_kept_runs_and_current_need_stays_however_large_it_is() {
    let Place { folder, store } = Place::new();
    let kept = make_at(&store, 1, 20, 1000);
    let current = make_at(&store, 2, 20, 1000);
    store.link_current("s2", &current).unwrap();
    make_at(&store, 3, 10, 5000);
    run_at(&store, "20260101T000000Z-aaaa", &[&kept], 1000);
    drop(store);
    let collected = open(&folder)
        .gc(&Policy {
            keep_runs: 1,
            ..policy(1_000)
        })
        .unwrap();
    assert_eq!(there(&open(&folder), 1..=3), [1, 2]);
    assert!(collected.left.unwrap() > 40_000);
}

#[test]
fn a_store_that_fits_loses_only_what_nobody_can_ask_for() {
    let Place { folder, store } = Place::new();
    make_at(&store, 1, 10, 1000);
    let orphan = make_at(&store, 2, 10, 1000);
    unwrite_record(&store, &key(2));
    fs::create_dir_all(store.layout.quarantine()).unwrap();
    fs::write(store.layout.quarantine().join("x"), "x").unwrap();
    run_at(&store, "20260101T000000Z-aaaa", &[], 1000);
    let logs = store.layout.attempt_logs().join("20260101T000000Z-aaaa");
    fs::create_dir_all(&logs).unwrap();
    drop(store);
    let collected = open(&folder).gc(&policy(1 << 30)).unwrap();
    assert_eq!(
        (collected.records, collected.objects, collected.leftovers),
        (0, 1, 1)
    );
    assert_eq!(there(&open(&folder), 1..=2), [1]);
    assert!(!open(&folder).artifact(&main(&orphan)).exists());
    assert!(logs.exists());
}

#[test]
fn a_fetched_file_stays_as_long_as_what_was_made_of_it() {
    let Place { folder, store } = Place::new();
    let sha256 = |byte: u8| Digest([byte; 32]);
    for byte in [1, 2] {
        let draft = folder.path().join(format!("draft{byte}"));
        fs::create_dir(&draft).unwrap();
        fs::write(draft.join("rows.csv"), "x".repeat(10 * KILOBYTE)).unwrap();
        store.publish_blob(&draft, &sha256(byte)).unwrap();
        set_time(&store.blob(&sha256(byte)), 1000);
    }
    let (attempt, mut publication) = written(&store, "prepare", 1, &[("a", "a")]);
    publication.parts.inputs = [("source".to_owned(), sha256(1))].into();
    publication.observed.started = "1970-01-01T00:33:20Z".to_owned();
    let record = store.publish(publication).unwrap();
    drop((attempt, store));
    let size = open(&folder).size();
    open(&folder).gc(&policy(size - 5_000)).unwrap();
    let store = open(&folder);
    assert!(store.blob(&sha256(1)).exists() && !store.blob(&sha256(2)).exists());
    assert_fresh(&store, &record.key);
}

#[test]
fn room_is_told_by_stage_and_kind_and_shared_results_count_once_in_a_kind() {
    let place = Place::new();
    for (stage, seed, text) in [
        ("fit@lr=1", 1, "aaaa"),
        ("fit@lr=2", 2, "bbbbbb"),
        ("twin", 3, "aaaa"),
    ] {
        place.make(stage, seed, &[("a", text)]);
    }
    let orphan = place.make("old", 4, &[("a", "cc")]);
    let gone = place.make("gone", 5, &[("a", "d")]);
    removal::remove_tree(&place.object(&gone)).unwrap();
    unwrite_record(&place.store, &key(4));
    let usage = place.reopened().usage().unwrap();
    let share = |count, bytes| Share { count, bytes };
    let train = |stage: &str| (stage.to_owned(), "train".to_owned());
    assert_eq!(
        usage.stages,
        [(train("fit"), share(2, 10)), (train("twin"), share(1, 4))].into()
    );
    assert_eq!(usage.kinds, [("train".to_owned(), share(2, 10))].into());
    assert_eq!(usage.unclaimed, share(1, 2));
    assert!(usage.bytes > 12 && place.object(&orphan).exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_the_policy_nothing_needed_goes_and_the_size_is_met_where_it_can_be(
        results in prop::collection::vec((0..12_usize, 0..5_i64, any::<bool>()), 1..8),
        uses in prop::collection::vec(prop::collection::vec(0..8_usize, 0..4), 0..3),
        keep_runs in 0..3_usize,
        share in 0..120_u64,
    ) {
        let Place { folder, store } = Place::new();
        let mut needed = BTreeSet::new();
        let mut records = Vec::new();
        for (at, (kilobytes, time, is_current)) in results.iter().enumerate() {
            let record = make_at(&store, at as u64, *kilobytes, 1000 + time);
            if *is_current {
                store.link_current(&record.observed.stage, &record).unwrap();
                needed.insert(at as u64);
            }
            records.push(record);
        }
        for (at, used) in uses.iter().enumerate() {
            let used: Vec<usize> = used.iter().map(|it| it % records.len()).collect();
            let name = format!("2026010{at}T000000Z-aaaa");
            let used_records: Vec<&Record> = used.iter().map(|it| &records[*it]).collect();
            run_at(&store, &name, &used_records, 1000 + at as i64);
            if at + keep_runs >= uses.len() {
                needed.extend(used.iter().map(|it| *it as u64));
            }
        }
        drop(store);
        let limit = open(&folder).size() * share / 100;
        let collected = open(&folder).gc(&Policy { keep_runs, ..policy(limit) }).unwrap();
        let store = open(&folder);
        let there: BTreeSet<u64> = there(&store, 0..=7).into_iter().collect();
        prop_assert!(there.is_superset(&needed), "{there:?} {needed:?}");
        if collected.left.unwrap() > limit {
            prop_assert_eq!(&there, &needed);
        }
        prop_assert_eq!(store.verify(&mut |_, _| {}).unwrap().damage, []);
        // Nobody is left without a record, no record without its object.
        prop_assert_eq!(store.record_keys().unwrap().len(), there.len());
    }
}
