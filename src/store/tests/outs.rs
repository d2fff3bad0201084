//! Workspace outs: nothing of the user's is ever lost, and what was captured comes back as it was.

use super::{aside::told, *};

/// A command that writes these outs in the workspace.
pub(super) fn command(place: &Place, seed: u64, outs: &[&str], write: impl Fn()) -> Record {
    let names: Vec<String> = outs.iter().map(|it| (*it).to_owned()).collect();
    let lock = place
        .store
        .clear_outs(&place.protected(), &names, None)
        .unwrap();
    write();
    let record = publish(place, seed, outs);
    place.store.release_outs(lock).unwrap();
    record
}

/// Brings outs back; returns how many.
pub(super) fn restore(store: &Store, place: &Place, record: &Record) -> Result<usize> {
    let lock = store.restore_outs(&place.protected(), record)?;
    let count = lock.len();
    store.release_outs(lock)?;
    Ok(count)
}

pub(super) fn publish(place: &Place, seed: u64, outs: &[&str]) -> Record {
    publish_by(&place.store, place, seed, outs)
}

fn publish_by(store: &Store, place: &Place, seed: u64, outs: &[&str]) -> Record {
    let publication = Publication {
        parts: parts(seed),
        name: "stage".to_owned(),
        outputs: Vec::new(),
        outs: outs
            .iter()
            .map(|it| ((*it).to_owned(), place.work().join(it)))
            .collect(),
        observed: seen("features"),
    };
    store.publish(publication).unwrap()
}

pub(super) fn names(outs: &[&str]) -> Vec<String> {
    outs.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn outs_come_back_on_a_hit() {
    let place = Place::new();
    let record = command(&place, 1, &["out.csv", "plots/all"], || {
        place.write("out.csv", "1,2");
        place.write("plots/all/a.svg", "<svg/>");
        fs::set_permissions(
            place.work().join("out.csv"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    });
    assert_fresh(&place.reopened(), &key(1));
    let before = picture(&place.work());
    let restore = || restore(&place.store, &place, &record).unwrap();
    assert_eq!(restore(), 0, "they are there");
    fs::remove_dir_all(place.work()).unwrap();
    assert_eq!(restore(), 2);
    assert_eq!(picture(&place.work()), before);
    // Ordinary files again: the workspace is the user's.
    assert_ne!(mode(&place.work().join("out.csv")) & 0o200, 0);
    assert_eq!(restore(), 0);
}

#[test]
fn an_earlier_version_gives_way_and_can_be_had_again() {
    let place = Place::new();
    let one = command(&place, 1, &["out"], || drop(place.write("out", "1")));
    let two = command(&place, 2, &["out"], || drop(place.write("out", "2")));
    let path = place.work().join("out");
    assert_eq!(restore(&place.store, &place, &one).unwrap(), 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "1");
    assert_eq!(restore(&place.store, &place, &two).unwrap(), 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "2");
}

#[test]
fn bytes_of_which_the_store_s_copy_is_damaged_make_way_and_are_kept_aside() {
    let large = "x".repeat(100_000);
    for text in ["1", &large] {
        let place = Place::new();
        let record = command(&place, 1, &["out"], || drop(place.write("out", text)));
        let digest = record.outs["out"].digest;
        if text == "1" {
            harm_frame(&place.store, Kind::Pack, &digest, <[u8]>::reverse);
        } else {
            overwrite(&place.store.artifact(&digest).join("out"), "2");
        }
        let text_of = stale(&place.reopened(), &key(1));
        assert!(text_of.starts_with("output `out` is damaged"), "{text_of}");
        drop(claim(&place.reopened(), &place).unwrap());
        assert!(!place.work().join("out").exists());
        let aside = place.store.root().join("quarantine/out-out.1");
        assert_eq!(fs::read_to_string(aside).unwrap(), text);
    }
}

#[test]
fn small_outs_need_no_folder_of_their_own_and_large_ones_have_one() {
    let place = Place::new();
    let whole = "x".repeat(16 << 10);
    let outs = ["small", "whole", "large", "tree", "many", "empty"];
    let record = command(&place, 1, &outs, || {
        place.write("small", "1");
        place.write("whole", &whole);
        place.write("large", &format!("{whole}x"));
        place.write("tree/a/b", "b");
        place.write("tree/c", "c");
        link("c", &place.work().join("tree/link"));
        fs::create_dir(place.work().join("tree/hollow")).unwrap();
        fs::set_permissions(
            place.work().join("tree/c"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        for number in 0..40 {
            place.write(&format!("many/{number}"), "1");
        }
        fs::create_dir(place.work().join("empty")).unwrap();
    });
    let before = picture(&place.work());
    assert_eq!(place.store.object_digests().unwrap().len(), 2);
    fs::remove_dir_all(place.work()).unwrap();
    restore(&place.reopened(), &place, &record).unwrap();
    assert_eq!(picture(&place.work()), before);
    // Whoever wants to read one where the store has it gets a folder.
    for (name, out) in &record.outs {
        let mut kept = place.store.kept(&out.digest).unwrap();
        let mut there = place.work().join(name);
        if !out.is_directory {
            kept.push(name);
            assert_eq!(fs::read(&kept).unwrap(), fs::read(&there).unwrap());
            there = place.work();
        }
        if out.is_directory {
            assert_eq!(picture(&kept), picture(&there), "{name}");
        }
        assert_eq!(mode(&place.store.artifact(&out.digest)), 0o555);
    }
    assert_fresh(&place.reopened(), &key(1));
    let verified = place.reopened().verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.damage.len(), verified.objects), (0, 6 + 4));
}

#[test]
fn what_a_gc_took_before_its_job_was_done_with_makes_way() {
    let place = Place::new();
    let killed = place.reopened();
    let lock = claim(&killed, &place).unwrap();
    place.write("out", "1");
    publish_by(&killed, &place, 1, &["out"]);
    // Killed here: nothing says that the result is the stage's current one.
    drop((lock, killed));
    let store = place.reopened();
    let policy = Policy {
        keep_runs: 0,
        older_than: std::time::Duration::ZERO,
        max_bytes: None,
        dry_run: false,
    };
    assert_eq!(store.gc(&policy).unwrap().records, 1);
    drop(claim(&store, &place).unwrap());
    assert!(!place.work().join("out").exists());
}

#[test]
fn a_hit_takes_over_what_its_killed_job_left() {
    let place = Place::new();
    let lock = claim(&place.store, &place).unwrap();
    place.write("out", "1");
    let record = publish(&place, 1, &["out"]);
    drop(lock);
    restore(&place.reopened(), &place, &record).unwrap();
    place.write("out", "mine");
    let mut lock = claim(&place.store, &place).unwrap();
    assert_eq!(told(&mut lock, &place.work().join("out")), "mine");
}

/// The lock under which a job of the place may write its out `out`.
fn claim(store: &Store, place: &Place) -> Result<OutsLock> {
    store.clear_outs(&place.protected(), &names(&["out"]), None)
}

#[test]
fn what_a_killed_job_left_makes_way_and_is_kept_aside() {
    let place = Place::new();
    let lock = claim(&place.store, &place).unwrap();
    place.write("out", "half, or edited since");
    drop(lock);
    let store = place.reopened();
    let lock = claim(&store, &place).unwrap();
    assert!(!place.work().join("out").exists());
    let aside = store.root().join("quarantine/out-out.1");
    assert_eq!(fs::read_to_string(aside).unwrap(), "half, or edited since");
    place.write("out", "whole");
    publish(&place, 1, &["out"]);
    store.release_outs(lock).unwrap();
    // Published: from now on a change is the user's.
    place.write("out", "mine");
    let mut lock = claim(&place.store, &place).unwrap();
    assert_eq!(told(&mut lock, &place.work().join("out")), "mine");
}

#[test]
fn what_a_failed_job_left_may_go_until_somebody_edits_it() {
    let place = Place::new();
    let path = place.work().join("out");
    let fail = || {
        let lock = claim(&place.store, &place).unwrap();
        assert!(!path.exists());
        place.write("out/a/part", "half");
        place.store.leave_outs(lock).unwrap();
    };
    fail();
    fail();
    assert_eq!(place.store.quarantined().unwrap(), 0);
    place.write("out/a/part", "mine");
    let lock = claim(&place.reopened(), &place).unwrap().take_set_aside();
    assert!(!path.exists());
    assert_eq!(
        fs::read_to_string(lock[0].kept.join("a/part")).unwrap(),
        "mine"
    );
}

#[test]
fn an_out_that_another_process_writes_is_not_waited_for() {
    let place = Place::new();
    let record = command(&place, 1, &["out"], || drop(place.write("out", "1")));
    let other = place.reopened();
    let lock = claim(&other, &place).unwrap();
    let errors = [
        claim(&place.store, &place).unwrap_err(),
        (place.store)
            .restore_outs(&place.protected(), &record)
            .unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::OutBusy(_)), "{error}");
    }
    drop(lock);
    assert!(claim(&place.store, &place).is_ok());
}

#[test]
fn all_names_of_an_out_have_one_lock_and_one_mark() {
    let place = Place::new();
    fs::create_dir(place.work().join("sub")).unwrap();
    link("sub", &place.work().join("lnk"));
    let claim = |store: &Store, out| store.clear_outs(&place.protected(), &names(&[out]), None);
    for (one, two) in [
        ("sub/z", "lnk/z"),
        ("lnk/z", "sub/z"),
        ("sub/z", "lnk/../sub/./z"),
    ] {
        let id = |out| Store::out_id(&place.work(), out);
        assert_eq!(id(one), id(two));
        let other = place.reopened();
        let lock = claim(&other, one).unwrap();
        let error = claim(&place.store, two).unwrap_err();
        assert!(matches!(error, StoreError::OutBusy(_)), "{error}");
        place.write(one, "half");
        other.leave_outs(lock).unwrap();
        // Whichever name it has: it is known to be what a failed job left.
        let mut lock = claim(&place.store, two).unwrap();
        assert_eq!(lock.take_set_aside(), []);
    }
}

#[test]
fn an_out_that_was_not_written_publishes_nothing() {
    let place = Place::new();
    let _lock = place
        .store
        .clear_outs(&place.protected(), &names(&["out"]), None)
        .unwrap();
    let error = place
        .store
        .publish(Publication {
            parts: parts(1),
            name: "stage".to_owned(),
            outputs: Vec::new(),
            outs: vec![("out".to_owned(), place.work().join("out"))],
            observed: seen("features"),
        })
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("output `out` was not written"),
        "{error}"
    );
    assert_eq!(stale(&place.store, &key(1)), "");
}

#[test]
fn an_out_that_is_a_link_stays_a_link() {
    let place = Place::new();
    let record = command(&place, 1, &["latest"], || {
        link("model-3", &place.work().join("latest"));
    });
    fs::remove_file(place.work().join("latest")).unwrap();
    restore(&place.store, &place, &record).unwrap();
    assert_eq!(
        fs::read_link(place.work().join("latest")).unwrap(),
        Path::new("model-3")
    );
}

#[test]
fn an_out_that_was_made_elsewhere_comes_to_its_place() {
    let place = Place::new();
    let made = place.write("view/out/a", "1");
    let folder = made.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    let mut set_aside = Vec::new();
    let mut deliver = |made: &Path, out: &str| {
        (place.store).deliver_out(&place.protected(), made, out, &mut set_aside)
    };
    deliver(folder, "out").unwrap();
    assert_eq!(fs::read_to_string(place.work().join("out/a")).unwrap(), "1");
    let made = place.write("view/file", "2");
    deliver(&made, "file").unwrap();
    assert_eq!(fs::read_to_string(place.work().join("file")).unwrap(), "2");
    // What came there meanwhile is not the job's.
    let made = place.write("view/file", "3");
    deliver(&made, "file").unwrap();
    assert_eq!(fs::read_to_string(&set_aside[0].kept).unwrap(), "2");
    assert_eq!(set_aside.len(), 1);
}
