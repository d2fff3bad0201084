//! Reading everything again: what is found, whose it is told to be, and that each loss is told once.

use pipe_schema::run::{Event, Line as RunLine};
use sha2::{Digest as _, Sha256};

use super::*;

fn verify(store: &Store) -> Verified {
    store.verify(&mut |_, _| {}).unwrap()
}

/// What was found, with the stages whose it is.
fn told(verified: &Verified) -> Vec<String> {
    let mut told: Vec<String> = verified
        .damage
        .iter()
        .map(|it| format!("{}: {}", it.stages.join(" "), it.what))
        .collect();
    told.sort();
    told
}

#[test]
fn verify_finds_what_no_stat_shows_and_names_the_stages() {
    let place = Place::new();
    let one = place.make("fit", 1, &[("a", "a")]);
    place.make("score", 2, &[("b", "b")]);
    let object = place.object(&one);
    overwrite(&object.join("a"), "A");
    // As a disk that turned a bit behind our back: the index knows the stats of the damaged file.
    object::seal(
        &object,
        &tree::list(&object, tree::Rules::Artifact).unwrap(),
    )
    .unwrap();
    let nodes = tree::list(&object, tree::Rules::Artifact).unwrap();
    let stamp = place.store.stamp_note(&main(&one), &nodes, 0).unwrap();
    place.store.append(vec![stamp]).unwrap();
    assert_fresh(&place.reopened(), &key(1));

    let mut heard = Vec::new();
    let verified = place
        .reopened()
        .verify(&mut |done, total| heard.push((done, total)))
        .unwrap();
    assert_eq!(heard, [(1, 2), (2, 2)]);
    assert_eq!(
        (verified.objects, verified.records, verified.bytes),
        (2, 2, 1)
    );
    let [damage] = verified.damage.as_slice() else {
        panic!("{:?}", verified.damage)
    };
    assert_eq!(
        (damage.what.as_str(), damage.stages.as_slice()),
        ("`a` is not what it was", &["fit".to_owned()][..])
    );
    assert_eq!(
        stale(&place.reopened(), &key(1)),
        "output `main` is damaged: it is gone"
    );
    assert_fresh(&place.reopened(), &key(2));
}

#[test]
fn what_was_set_aside_is_told_once_and_its_reader_hears_why_it_must_be_made_again() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a")]);
    place.make("score", 2, &[("b", "b")]);
    overwrite(&place.object(&record).join("a"), "A");
    let first = verify(&place.reopened());
    assert_eq!(told(&first), ["fit: `a` is not what it was"]);
    assert_eq!(
        stale(&place.reopened(), &key(1)),
        "output `main` is damaged: it is gone"
    );
    let second = verify(&place.reopened());
    assert_eq!((told(&second), second.forgotten), (vec![], 1));
    let third = verify(&place.reopened());
    assert_eq!((told(&third), third.forgotten), (vec![], 0));
    assert_eq!((third.objects, third.records), (1, 1));
    place.make("fit", 1, &[("a", "a")]);
    assert_fresh(&place.reopened(), &key(1));
}

#[test]
fn what_a_run_set_aside_and_nobody_made_again_is_no_news() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a")]);
    overwrite(&place.object(&record).join("a"), "A");
    stale(&place.reopened(), &key(1));
    let verified = verify(&place.reopened());
    assert_eq!((told(&verified), verified.forgotten), (vec![], 1));
}

#[test]
fn what_somebody_removed_is_told_once_with_all_that_lose_it() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a")]);
    place.make("twin", 2, &[("a", "a")]);
    removal::remove_tree(&place.object(&record)).unwrap();
    let first = verify(&place.reopened());
    let [damage] = first.damage.as_slice() else {
        panic!("{:?}", first.damage)
    };
    assert_eq!(damage.what, "output `main` is gone");
    let mut stages = damage.stages.clone();
    stages.sort();
    assert_eq!(
        (stages.as_slice(), damage.is_set_aside),
        (&["fit".to_owned(), "twin".to_owned()][..], false)
    );
    assert_eq!(told(&verify(&place.reopened())), [""; 0]);
    for seed in [1, 2] {
        place.make("fit", seed, &[("a", "a")]);
        assert_fresh(&place.reopened(), &key(seed));
    }
}

#[test]
fn of_two_losses_of_one_record_none_is_told_for_ever() {
    let place = Place::new();
    let (attempt, mut publication) = written(&place.store, "fit", 1, &[("a", "a")]);
    publication.outs = vec![("out".to_owned(), place.write("out", "out"))];
    let record = place.store.publish(publication).unwrap();
    drop(attempt);
    overwrite(&place.object(&record).join("a"), "A");
    assert_eq!(
        told(&verify(&place.reopened())),
        ["fit: `a` is not what it was"]
    );
    // As gc does, which keeps the record.
    removal::remove_tree(&place.store.layout.quarantine()).unwrap();
    let out = record.outs["out"].digest;
    harm_frame(&place.store, Kind::Pack, &out, <[u8]>::reverse);
    let wrong = format!("fit: result {}: its checksum is wrong", out.short());
    let mut expected = ["fit: output `main` is gone".to_owned(), wrong];
    expected.sort();
    assert_eq!(told(&verify(&place.reopened())), expected);
    assert_eq!(told(&verify(&place.reopened())), [""; 0]);
}

#[test]
fn a_result_that_a_run_is_making_again_is_left_to_it() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a")]);
    let lock = place.store.try_lock(&key(1)).unwrap().unwrap();
    removal::remove_tree(&place.object(&record)).unwrap();
    assert_eq!(told(&verify(&place.reopened())), [""; 0]);
    drop(lock);
    assert_eq!(
        told(&verify(&place.reopened())),
        ["fit: output `main` is gone"]
    );
    assert_eq!(told(&verify(&place.reopened())), [""; 0]);
}

#[test]
fn a_damaged_record_is_told_once_with_the_stage_that_it_was_the_last_of() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "a")]);
    harm_frame(&place.store, Kind::Record, &key(1).0, |it| it[7] ^= 4);
    let first = verify(&place.reopened());
    let [damage] = first.damage.as_slice() else {
        panic!("{:?}", first.damage)
    };
    assert!(damage.path.starts_with("journal/"), "{}", damage.path);
    let short = key(1).0.short();
    assert_eq!(
        told(&first),
        [format!("fit: record {short}: its checksum is wrong")]
    );
    assert_eq!(told(&verify(&place.reopened())), [""; 0]);
}

#[test]
fn a_journal_with_nonsense_in_it_is_told_once() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "a")]);
    place.make("score", 2, &[("b", "b")]);
    let (path, range) = frame(&place.store, Kind::Record, &key(1).0);
    let Place { folder, store } = place;
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    bytes[range.start - journal::frame::HEAD..range.end].fill(0);
    fs::write(&path, bytes).unwrap();
    let open = || Store::open_existing(&folder.path().join("artifacts")).unwrap();
    assert_eq!(told(&verify(&open())), [": some of it cannot be read"]);
    assert_eq!(told(&verify(&open())), [""; 0]);
    assert_eq!(open().quarantined().unwrap(), 1);
    assert_fresh(&open(), &key(2));
}

#[test]
fn a_gc_does_not_begin_while_everything_is_read() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "a")]);
    let Place { folder, store } = place;
    drop(store);
    let root = folder.path().join("artifacts");
    let policy = Policy {
        keep_runs: 0,
        older_than: std::time::Duration::ZERO,
        max_bytes: None,
        dry_run: false,
    };
    let mut refused = 0;
    let store = Store::open_existing(&root).unwrap();
    store
        .verify(&mut |_, _| {
            let gc = Store::open_existing(&root).unwrap().gc(&policy);
            refused += u32::from(matches!(gc, Err(StoreError::Busy { .. })));
        })
        .unwrap();
    assert_eq!(refused, 1);
    assert_fresh(&store, &key(1));
    drop(store);
    let collected = Store::open_existing(&root).unwrap().gc(&policy).unwrap();
    assert_eq!(collected.records, 1);
}

#[test]
fn a_fetched_file_is_read_again_though_its_stat_says_nothing() {
    let place = Place::new();
    let sha256 = Digest(Sha256::digest(b"rows").into());
    let put = |text: &str| {
        let draft = place.folder.path().join("draft");
        fs::create_dir(&draft).unwrap();
        fs::write(draft.join("rows.csv"), text).unwrap();
        place.store.publish_blob(&draft, &sha256).unwrap();
    };
    put("rows");
    let (attempt, mut publication) = written(&place.store, "prepare", 1, &[("a", "a")]);
    publication.parts.inputs = [("source".to_owned(), sha256)].into();
    place.store.publish(publication).unwrap();
    drop(attempt);
    let verified = verify(&place.reopened());
    assert_eq!(
        (verified.blobs, verified.bytes, told(&verified).len()),
        (1, 5, 0)
    );

    let path = place.store.blob(&sha256).join("rows.csv");
    // As a disk that turned a bit: the stat index knows the bad bytes by the digest of the good ones.
    overwrite(&path, "rowz");
    let stat = Stat::of(&path).unwrap();
    let moment = stat::Moment {
        now: i64::MAX,
        margin: 0,
        is_fine: false,
    };
    let mut sources = Sources::default();
    let held = std::iter::once((String::new(), stat, sha256));
    sources.put(path.to_str().unwrap(), held, moment);
    sources.save(&place.store.layout.sources()).unwrap();
    assert!(place.reopened().has_blob(&sha256).unwrap());
    let verified = verify(&place.reopened());
    assert_eq!(
        told(&verified),
        ["prepare: its content is not what its name says"]
    );
    assert_eq!(told(&verify(&place.reopened())), [""; 0]);
    put("rows");
    assert!(place.reopened().has_blob(&sha256).unwrap());
}

#[test]
fn one_run_is_verified_by_what_its_log_says_it_made_and_used() {
    let place = Place::new();
    let log = |run: &str, records: &[&Record]| {
        let store = place.reopened();
        let mut log = store.start_run_log(run).unwrap();
        for record in records {
            let event = Event::StageDone {
                stage: record.observed.stage.clone(),
                record: Arc::new((*record).clone()),
            };
            log.append(&RunLine { at: 0, event }).unwrap();
        }
    };
    let [fit, score] = [
        place.make("fit", 1, &[("a", "a")]),
        place.make("score", 2, &[("b", "bb")]),
    ];
    log("one", &[&fit]);
    log("two", &[&fit, &score]);
    let verify = |run: &str| {
        place
            .reopened()
            .verify_run(run, 1.0, &mut |_, _| {})
            .unwrap()
    };
    let one = verify("one");
    assert_eq!((one.objects, one.records, one.bytes), (1, 1, 1));
    assert_eq!((verify("two").objects, verify("two").bytes), (2, 3));

    overwrite(&place.object(&score).join("b"), "BB");
    assert_eq!(told(&verify("one")), [""; 0]);
    assert_eq!(told(&verify("two")), ["score: `b` is not what it was"]);
    // Of this run it stays true.
    assert_eq!(told(&verify("two")), ["score: output `main` is gone"]);
    unwrite_record(&place.store, &key(1));
    assert_eq!(told(&verify("one")), ["fit: it is gone"]);
    assert!(
        place
            .reopened()
            .verify_run("three", 1.0, &mut |_, _| {})
            .unwrap_err()
            .is_missing()
    );
}
