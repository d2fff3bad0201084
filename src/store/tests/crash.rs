//! What a kill leaves at each step is as if nothing had happened, or as if all had; the next run ends like a clean one.

use std::io::Write;

use super::*;

/// The files of the stage in these tests.
const FILES: [(&str, &str); 2] = [("model.json", "{}"), ("sub/weights", "w")];

/// A place where stage `fit` was published, and its record.
fn published() -> (Place, Record) {
    let place = Place::new();
    let record = place.make("fit", 1, &FILES);
    (place, record)
}

/// The next run: the stage is made again and all is well.
fn runs_again(place: &Place) {
    let store = place.reopened();
    make(&store, "fit", 1, &FILES);
    let record = assert_fresh(&place.reopened(), &key(1));
    let object = place.object(&record);
    assert_eq!(mode(&object.join("sub/weights")), 0o444);
    assert_eq!(mode(&object), 0o555);
    let verified = place.reopened().verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.objects, verified.damage), (1, Vec::new()));
}

#[test]
fn killed_while_the_job_writes() {
    let place = Place::new();
    let (attempt, _) = written(&place.store, "fit", 1, &FILES);
    std::mem::forget(attempt);
    assert_eq!(stale(&place.store, &key(1)), "");
    runs_again(&place);
}

/// As if the process had been killed when the artifact had its place and the journal said nothing of it.
fn killed_before_the_journal() -> (Place, Record) {
    let (place, record) = published();
    unwrite(&place.store, |_| true);
    (place, record)
}

#[test]
fn killed_between_folder_and_journal() {
    let (place, record) = killed_before_the_journal();
    // Not sealed yet.
    for path in ["", "sub", "model.json"] {
        fs::set_permissions(
            place.object(&record).join(path),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    }
    fs::set_permissions(
        place.object(&record).join("model.json"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert_eq!(stale(&place.reopened(), &key(1)), "");
    runs_again(&place);
    assert_eq!(place.store.quarantined().unwrap(), 0);
}

#[test]
fn killed_between_folder_and_journal_with_bytes_that_never_reached_the_disk() {
    let (place, record) = killed_before_the_journal();
    overwrite(&place.object(&record).join("sub/weights"), "");
    runs_again(&place);
    assert_eq!(place.store.quarantined().unwrap(), 1);
}

#[test]
fn killed_in_the_middle_of_the_write_to_the_journal() {
    let (place, _) = published();
    let [path] = journals(&place.store).try_into().unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        fs::remove_file(&path).unwrap();
        fs::write(&path, &whole[..cut]).unwrap();
        let store = place.reopened();
        let is_there = matches!(store.lookup(&key(1)).unwrap(), Lookup::Fresh(_));
        let verified = store.verify(&mut |_, _| {}).unwrap();
        assert_eq!(verified.damage, [], "{cut}");
        make(&store, "fit", 1, &FILES);
        assert_fresh(&place.reopened(), &key(1));
        assert!(!is_there || cut + 200 > whole.len(), "{cut}");
        removal::remove_tree(&place.store.layout.journals()).unwrap();
        fs::create_dir(place.store.layout.journals()).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(place.store.quarantined().unwrap(), 0);
}

#[test]
fn killed_after_the_record_and_before_the_name() {
    let (place, record) = published();
    unwrite(&place.store, |it| it.kind == Kind::Last);
    assert_eq!(assert_fresh(&place.reopened(), &key(1)), record);
}

#[test]
fn a_record_without_its_object_is_stale() {
    let (place, record) = published();
    removal::remove_tree(&place.object(&record)).unwrap();
    assert_eq!(
        stale(&place.reopened(), &key(1)),
        "output `main` is damaged: it is gone"
    );
    runs_again(&place);
}

#[test]
fn what_a_dead_run_left_is_swept_and_what_a_live_one_writes_is_not() {
    let place = Place::new();
    let live = place.reopened();
    let (attempt, publication) = written(&live, "live", 2, &FILES);
    let dead = place.store.layout.scratch().join("dead-run");
    fs::create_dir_all(dead.join("fit.1/out/main/closed")).unwrap();
    fs::set_permissions(
        dead.join("fit.1/out/main/closed"),
        fs::Permissions::from_mode(0o555),
    )
    .unwrap();
    fs::write(place.store.layout.lease("dead-run"), "dead-run\n").unwrap();

    runs_again(&place);
    assert!(!dead.exists());
    assert!(!place.store.layout.lease("dead-run").exists());
    live.publish(publication).unwrap();
    drop(attempt);
    assert_fresh(&place.reopened(), &key(2));
}

#[test]
fn killed_while_the_stat_index_is_saved() {
    let place = Place::new();
    let path = place.write("a.csv", "1");
    let digest = place.store.digest_path(&path).unwrap().digest;
    place.store.flush().unwrap();
    let index = place.store.layout.sources();
    for length in [0, 5, fs::metadata(&index).unwrap().len() - 1] {
        fs::OpenOptions::new()
            .write(true)
            .open(&index)
            .unwrap()
            .set_len(length)
            .unwrap();
        assert_eq!(place.reopened().digest_path(&path).unwrap().digest, digest);
    }
}

#[test]
fn killed_while_a_run_s_log_is_written() {
    let place = Place::new();
    let mut log = place.store.start_run_log("r").unwrap();
    for text in ["one", "two"] {
        log.append(&runs::line(text)).unwrap();
    }
    drop(log);
    let path = place.store.layout.run_log("r");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"at\":1,\"event\":{\"stage_l").unwrap();
    assert_eq!(place.store.read_run("r").unwrap().len(), 2);
}
