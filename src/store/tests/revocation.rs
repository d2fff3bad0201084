//! Records that read rotten bytes are revoked with all that was made of them, and no frame nor log brings one back.

use std::collections::BTreeSet;

use pipe_schema::run::{Event, Line as RunLine};

use sha2::Digest as _;

use super::*;
use crate::store::{
    journal::{FullRead, Note, Stamp},
    revocation::wall_time,
};

/// A stage that read the whole output `main` of others.
fn make_from(store: &Store, stage: &str, seed: u64, text: &str, from: &[&Record]) -> Record {
    let (attempt, mut publication) = written(store, stage, seed, &[("a", text)]);
    for source in from {
        let role = format!("inputs/{}", source.observed.stage);
        publication.parts.inputs.insert(role.clone(), main(source));
        publication.observed.upstream.insert(role, source.key);
    }
    publication.observed.run = format!("run-of-{stage}-{seed}");
    let record = store.publish(publication).unwrap();
    drop(attempt);
    record
}

/// Changes a file of an artifact as a disk does behind our back: the store knows the stats that it has now, and nothing of
/// what it knows is later than the change.
fn rot(place: &Place, record: &Record, file: &str) {
    let store = place.reopened();
    let digest = main(record);
    let object = store.artifact(&digest);
    overwrite(&object.join(file), "rotten");
    object::seal(
        &object,
        &tree::list(&object, tree::Rules::Artifact).unwrap(),
    )
    .unwrap();
    let nodes = tree::list(&object, tree::Rules::Artifact).unwrap();
    let known = store
        .with_contents(|it| it.last_full_read(&digest))
        .unwrap();
    let note = store.stamp_note(&digest, &nodes, 0).unwrap();
    let stamp: Vec<&str> = std::str::from_utf8(&note.content)
        .unwrap()
        .split(' ')
        .collect();
    let stamp = Stamp {
        stats: stamp[0].parse().unwrap(),
        read: known.map(|(_, read)| FullRead {
            changed: stamp[2].parse().unwrap(),
            ..read
        }),
    };
    let note = Note::new(Kind::Stamp, digest, stamp.text());
    store.append(vec![note]).unwrap();
}

fn revoked(verified: &Verified) -> Vec<String> {
    let mut stages: Vec<String> = verified.revoked.iter().map(|it| it.stage.clone()).collect();
    stages.sort();
    stages
}

fn verify(store: &Store) -> Verified {
    store.verify(&mut |_, _| {}).unwrap()
}

/// `prepare` is read by `fit`, of which `score` is made; `other` reads something else.
fn chain(place: &Place) -> [Record; 4] {
    let store = &place.store;
    let prepare = make_from(store, "prepare", 1, "rows", &[]);
    let fit = make_from(store, "fit", 2, "weights", &[&prepare]);
    let score = make_from(store, "score", 3, "figures", &[&fit]);
    let other = make_from(store, "other", 4, "other", &[]);
    [prepare, fit, score, other]
}

#[test]
fn verify_revokes_all_that_was_made_of_rotten_bytes() {
    let place = Place::new();
    let [prepare, fit, score, other] = chain(&place);
    rot(&place, &prepare, "a");
    for record in [&prepare, &fit, &score, &other] {
        assert_fresh(&place.reopened(), &record.key);
    }
    let verified = verify(&place.reopened());
    assert_eq!(revoked(&verified), ["fit", "score"]);
    assert_eq!(
        stale(&place.reopened(), &fit.key),
        "taken back: it read the output of prepare, which was damaged on disk"
    );
    assert_eq!(
        stale(&place.reopened(), &score.key),
        "taken back: it was made of the output of fit, which was taken back"
    );
    assert_fresh(&place.reopened(), &other.key);
    let again = verify(&place.reopened());
    assert_eq!((again.damage, again.revoked), (vec![], vec![]));
}

#[test]
fn a_revoked_record_counts_again_once_it_was_made_again() {
    let place = Place::new();
    let [prepare, ..] = chain(&place);
    rot(&place, &prepare, "a");
    verify(&place.reopened());
    // Of the same bytes as before: what read the rotten ones must be made again all the same.
    let [prepare, fit, score, _] = chain(&place);
    for record in [&prepare, &fit, &score] {
        assert_fresh(&place.reopened(), &record.key);
    }
}

#[test]
fn damage_that_a_lookup_finds_revokes_its_readers_too() {
    let place = Place::new();
    let [prepare, fit, ..] = chain(&place);
    rot(&place, &prepare, "a");
    // The index is lost, so that the lookup reads the artifact.
    unwrite(&place.store, |it| it.kind == Kind::Stamp);
    let store = place.reopened();
    assert_eq!(
        stale(&store, &prepare.key),
        "output `main` is damaged: `a` is not what it was"
    );
    assert!(stale(&store, &fit.key).starts_with("taken back: "));
    let stages: BTreeSet<String> = (store.take_revoked().into_iter())
        .map(|it| it.stage)
        .collect();
    assert!(stages.iter().eq(["fit", "score"]));
}

#[test]
fn what_was_made_before_the_last_full_read_is_not_revoked() {
    let place = Place::new();
    let [prepare, fit, score, _] = chain(&place);
    let began = wall_time();
    assert_eq!(verify(&place.reopened()).damage, []);
    let late = make_from(&place.store, "late", 5, "late", &[&prepare]);
    assert!(began > 0);
    rot(&place, &prepare, "a");
    assert_eq!(revoked(&verify(&place.reopened())), ["late"]);
    for record in [&fit, &score] {
        assert_fresh(&place.reopened(), &record.key);
    }
    assert!(stale(&place.reopened(), &late.key).starts_with("taken back: "));
}

#[test]
fn damage_with_a_later_change_time_revokes_no_record_that_was_checked_before_it() {
    let place = Place::new();
    let [prepare, fit, ..] = chain(&place);
    overwrite(&place.object(&prepare).join("a"), "edited");
    let verified = verify(&place.reopened());
    assert_eq!((verified.damage.len(), verified.revoked.len()), (1, 0));
    assert_fresh(&place.reopened(), &fit.key);
}

#[test]
fn a_stamp_of_an_older_version_revokes_every_reader() {
    let place = Place::new();
    let [prepare, ..] = chain(&place);
    let digest = main(&prepare);
    let stats = place
        .store
        .with_contents(|it| it.stamp(&digest))
        .unwrap()
        .unwrap()
        .stats;
    let old = Note::new(Kind::Stamp, digest, stats.to_string());
    place.store.append(vec![old]).unwrap();
    assert_fresh(&place.reopened(), &prepare.key);
    overwrite(&place.object(&prepare).join("a"), "edited");
    assert_eq!(revoked(&verify(&place.reopened())), ["fit", "score"]);
}

#[test]
fn only_readers_of_the_rotten_part_are_revoked() {
    let place = Place::new();
    let files = [("train/x", "1"), ("test/x", "2")];
    let (attempt, publication) = written(&place.store, "prepare", 1, &files);
    let prepare = place.store.publish(publication).unwrap();
    drop(attempt);
    for (seed, part) in [(2, "train"), (3, "test")] {
        let parts = place
            .store
            .subdigest(&main(&prepare), &[part.to_owned()])
            .unwrap();
        let (attempt, mut publication) = written(&place.store, part, seed, &[("a", part)]);
        let role = format!("data/{part}");
        publication.parts.inputs.insert(role, parts[part]);
        publication
            .observed
            .upstream
            .insert("data".to_owned(), prepare.key);
        place.store.publish(publication).unwrap();
        drop(attempt);
    }
    rot(&place, &prepare, "test/x");
    assert_eq!(revoked(&verify(&place.reopened())), ["test"]);
}

#[test]
fn neither_an_older_frame_nor_a_log_brings_a_revoked_record_back() {
    let place = Place::new();
    let [prepare, fit, ..] = chain(&place);
    {
        let mut log = place.store.start_run_log("run-1").unwrap();
        for record in [&prepare, &fit] {
            let event = Event::StageDone {
                stage: record.observed.stage.clone(),
                record: Arc::new(record.clone()),
            };
            log.append(&RunLine { at: 0, event }).unwrap();
        }
    }
    rot(&place, &prepare, "a");
    verify(&place.reopened());
    // The journal that took it back is lost, and with it all frames: the logs are asked.
    for journal in journals(&place.store) {
        fs::remove_file(journal).unwrap();
    }
    let text = stale(&place.reopened(), &fit.key);
    assert!(text.starts_with("taken back: "), "{text}");
    // An older frame of it turns up.
    let note = record::note_of(&fit).unwrap();
    let store = place.reopened();
    store.append(vec![note]).unwrap();
    let text = stale(&place.reopened(), &fit.key);
    assert!(text.starts_with("taken back: "), "{text}");
}

#[test]
fn a_rotten_fetched_file_revokes_what_read_it() {
    let place = Place::new();
    let sha256 = Digest(sha2::Sha256::digest("rows").into());
    let draft = place.work().join("draft");
    fs::create_dir(&draft).unwrap();
    fs::write(draft.join("rows.csv"), "rows").unwrap();
    place.store.publish_blob(&draft, &sha256).unwrap();
    let (attempt, mut publication) = written(&place.store, "prepare", 1, &[("a", "a")]);
    publication
        .parts
        .inputs
        .insert("source/0".to_owned(), sha256);
    let prepare = place.store.publish(publication).unwrap();
    drop(attempt);
    let fit = make_from(&place.store, "fit", 2, "weights", &[&prepare]);
    overwrite(&place.store.blob(&sha256).join("rows.csv"), "rotten");
    assert_eq!(revoked(&verify(&place.reopened())), ["fit", "prepare"]);
    for record in [&prepare, &fit] {
        assert!(stale(&place.reopened(), &record.key).starts_with("taken back: "));
    }
}
