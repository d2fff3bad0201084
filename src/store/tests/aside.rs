//! What is in the way of outs: it is kept, and nothing is overwritten.

use super::{
    super::{
        outs::find_place,
        stat::made_up::{self, Times},
        way::Way,
    },
    outs::{command, names, publish, restore},
    *,
};

#[test]
fn what_the_store_does_not_hold_is_set_aside_and_never_overwritten() {
    let place = Place::new();
    let record = command(&place, 1, &["out.csv"], || {
        drop(place.write("out.csv", "1"));
    });
    let path = place.work().join("out.csv");
    place.write("out.csv", "hours of work by hand");
    let mut lock = place
        .store
        .restore_outs(&place.protected(), &record)
        .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "1");
    assert_eq!(told(&mut lock, &path), "hours of work by hand");
    place.store.release_outs(lock).unwrap();
    place.write("out.csv", "more of it");
    let mut lock = (place.store)
        .clear_outs(&place.protected(), &names(&["out.csv"]), None)
        .unwrap();
    assert!(!path.exists());
    assert_eq!(told(&mut lock, &path), "more of it");
    // The job makes the same: then nothing needs to be kept.
    place.store.release_outs(lock).unwrap();
    assert_eq!(place.store.quarantined().unwrap(), 2);
}

/// What the only thing holds that was set aside, from this path.
pub(super) fn told(lock: &mut OutsLock, path: &Path) -> String {
    let told = lock.take_set_aside();
    let [aside] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(aside.path, path);
    fs::read_to_string(&aside.kept).unwrap()
}

#[test]
fn what_a_job_makes_again_is_taken_over() {
    for (text, kept) in [("same", 0), ("other", 1)] {
        let place = Place::new();
        place.write("out", "same");
        place.write("folder/a", "same");
        let outs = names(&["out", "folder"]);
        let mut lock = place
            .store
            .clear_outs(&place.protected(), &outs, None)
            .unwrap();
        place.write("out", text);
        place.write("folder/a", "same");
        let record = publish(&place, kept, &["out", "folder"]);
        place.store.take_over(&mut lock, &record, &place.work());
        assert_eq!(lock.take_set_aside().len() as u64, kept);
        assert_eq!(place.store.quarantined().unwrap() as u64, kept);
        place.store.release_outs(lock).unwrap();
    }
}

#[test]
fn what_stands_in_the_way_and_is_no_file_is_set_aside_as_it_is() {
    use std::os::unix::net::UnixListener;
    let place = Place::new();
    fs::create_dir_all(place.work().join("locked/deep")).unwrap();
    place.write("locked/deep/a", "1");
    fs::set_permissions(
        place.work().join("locked"),
        fs::Permissions::from_mode(0o555),
    )
    .unwrap();
    let fifo = place.work().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(place.work().join("socket")).unwrap();
    link("/nowhere", &place.work().join("inner"));
    let outs = names(&["fifo", "socket", "locked"]);
    let mut lock = place
        .store
        .clear_outs(&place.protected(), &outs, None)
        .unwrap();
    let told = lock.take_set_aside();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|it| fs::symlink_metadata(&it.kept).is_ok()));
    assert_eq!(
        fs::read_to_string(place.store.root().join("quarantine/out-locked.1/deep/a")).unwrap(),
        "1"
    );
    assert!(outs.iter().all(|it| !place.work().join(it).exists()));
}

#[test]
fn a_link_that_came_after_the_check_is_seen_before_an_out_gives_way() {
    let place = Place::new();
    let record = command(&place, 1, &["sub/out"], || {
        drop(place.write("sub/out", "1"));
    });
    let outside = place.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("out"), "precious").unwrap();
    fs::remove_dir_all(place.work().join("sub")).unwrap();
    link(outside.to_str().unwrap(), &place.work().join("sub"));
    let errors = [
        place
            .store
            .restore_outs(&place.protected(), &record)
            .unwrap_err(),
        (place.store)
            .clear_outs(&place.protected(), &names(&["sub/out"]), None)
            .unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::NotAnOut { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(outside.join("out")).unwrap(), "precious");
}

#[test]
fn one_out_that_cannot_give_way_keeps_all_of_them() {
    let place = Place::new();
    place.write("a", "mine");
    place.write("shut/b", "mine");
    fs::set_permissions(place.work().join("shut"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(place.work().join("shut/probe"), "").is_ok() {
        eprintln!("left out: modes do not hold for this user");
        return;
    }
    let outs = names(&["a", "shut/b"]);
    let error = place
        .store
        .clear_outs(&place.protected(), &outs, None)
        .unwrap_err();
    assert!(error.to_string().contains("cannot set aside"), "{error}");
    assert_eq!(fs::read_to_string(place.work().join("a")).unwrap(), "mine");
    assert_eq!(
        fs::read_to_string(place.work().join("shut/b")).unwrap(),
        "mine"
    );
}

#[test]
fn outs_of_one_name_that_a_killed_run_set_aside_are_told_with_what_is_kept_of_each() {
    let place = Place::new();
    place.write("a/x", "from a");
    place.write("b/x", "from b");
    let outs = names(&["a/x", "b/x"]);
    let killed = place.reopened();
    drop(killed.clear_outs(&place.protected(), &outs, None).unwrap());
    let mut lock = (place.store)
        .clear_outs(&place.protected(), &outs, None)
        .unwrap();
    let told: Vec<(PathBuf, String)> = (lock.take_set_aside().into_iter())
        .map(|aside| (aside.path, fs::read_to_string(aside.kept).unwrap()))
        .collect();
    let expected = ["a", "b"].map(|folder| {
        let path = place.work().join(folder).join("x");
        (path, format!("from {folder}"))
    });
    assert_eq!(told, expected);
}

#[test]
fn what_is_written_after_it_was_decided_that_an_out_may_go_is_set_aside() {
    for (name, file) in [("out", "out"), ("tree", "tree/deep/a")] {
        let place = Place::new();
        let one = command(&place, 1, &[name], || drop(place.write(file, "1")));
        let found = find_place(&place.protected(), name).unwrap();
        let way = place.store.way_out(&found, None).unwrap();
        assert!(matches!(way, Way::Remove(_)), "{name}");
        // As while what comes in its place is copied.
        place.write(file, "precious");
        let aside = place.store.clear(&found, &way).unwrap().unwrap();
        assert_eq!(aside.path, found.path);
        let inside = Path::new(file).strip_prefix(name).unwrap();
        let kept = aside.kept.components().chain(inside.components());
        let kept: PathBuf = kept.collect();
        assert_eq!(fs::read_to_string(kept).unwrap(), "precious");
        assert!(!found.real.exists());
        restore(&place.store, &place, &one).unwrap();
        // What did not change goes, read-only folders too.
        if found.real.is_dir() {
            fs::set_permissions(&found.real, fs::Permissions::from_mode(0o555)).unwrap();
        }
        let way = place.store.way_out(&found, None).unwrap();
        assert_eq!(place.store.clear(&found, &way).unwrap(), None);
        assert!(!found.real.exists());
        assert_eq!(place.store.quarantined().unwrap(), 1);
    }
}

#[test]
fn what_was_set_aside_after_an_edit_is_not_taken_over_as_what_it_was_before() {
    let place = Place::new();
    place.write("out", "same");
    let found = find_place(&place.protected(), "out").unwrap();
    let way = place.store.way_out(&found, None).unwrap();
    place.write("out", "precious");
    let aside = place.store.clear(&found, &way).unwrap().unwrap();
    assert_eq!(aside.digest, None);
    assert_eq!(fs::read_to_string(aside.kept).unwrap(), "precious");
}

#[test]
fn an_out_whose_copy_in_the_store_rotted_unseen_is_set_aside() {
    let (text, rotten) = ("x".repeat(100_000), "y".repeat(100_000));
    // Nothing tells the two states of a file apart.
    made_up::set(Times {
        mtime: 1_000_007_000_000,
        ctime: 1_000_007_000_000,
        now: 2_000_000_000_000,
        pace: 0,
    });
    let place = Place::new();
    let one = command(&place, 1, &["out"], || drop(place.write("out", &text)));
    let two = command(&place, 2, &["out"], || drop(place.write("out", "2")));
    restore(&place.store, &place, &one).unwrap();
    let object = place.store.artifact(&one.outs["out"].digest).join("out");
    overwrite(&object, &rotten);
    let mut lock = (place.store)
        .restore_outs(&place.protected(), &two)
        .unwrap();
    assert_eq!(told(&mut lock, &place.work().join("out")), text);
    assert_eq!(fs::read_to_string(place.work().join("out")).unwrap(), "2");
}

#[test]
fn an_out_with_what_no_artifact_could_hold_is_set_aside_and_brought_back() {
    let fifo = |path: &Path| {
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o600.into(), 0).unwrap();
    };
    let changes: [&dyn Fn(&Path); 3] = [
        &|folder| fifo(&folder.join("pipe")),
        &|folder| {
            use std::os::unix::ffi::OsStrExt;
            fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff")), "1").unwrap();
        },
        &|folder| {
            fs::remove_dir_all(folder).unwrap();
            fifo(folder);
        },
    ];
    for change in changes {
        let place = Place::new();
        let record = command(&place, 1, &["d"], || drop(place.write("d/a", "1")));
        let before = picture(&place.work());
        change(&place.work().join("d"));
        let mut lock = (place.store)
            .restore_outs(&place.protected(), &record)
            .unwrap();
        let aside = lock.take_set_aside();
        assert!(fs::symlink_metadata(&aside[0].kept).is_ok());
        place.store.release_outs(lock).unwrap();
        assert_eq!(picture(&place.work()), before);
        change(&place.work().join("d"));
        let outs: Vec<_> = record.outs.clone().into_iter().collect();
        let mut told = Vec::new();
        // Held by nobody else, but others were here.
        let other = place.reopened();
        let _lease = other.claim("other", &[]);
        let hold = place.store.hold_outs(&place.protected(), &outs, &mut told);
        assert!(!hold.unwrap().is_empty());
    }
}

#[test]
fn what_was_in_the_way_of_a_held_out_is_told_where_the_next_one_is_busy() {
    let place = Place::new();
    let record = command(&place, 1, &["a", "b"], || {
        place.write("a", "1");
        place.write("b", "1");
    });
    let other = place.reopened();
    let _busy = other
        .clear_outs(&place.protected(), &names(&["b"]), None)
        .unwrap();
    place.write("a", "mine");
    let outs: Vec<_> = record.outs.clone().into_iter().collect();
    let mut told = Vec::new();
    let hold = place.store.hold_outs(&place.protected(), &outs, &mut told);
    assert!(matches!(hold, Err(StoreError::OutBusy(_))));
    let [aside] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(fs::read_to_string(&aside.kept).unwrap(), "mine");
}

#[test]
fn what_is_told_of_an_out_set_aside_survives_any_name() {
    let name = "n\nkept elsewhere";
    let place = Place::new();
    place.write(name, "by hand");
    drop(
        (place.store)
            .clear_outs(&place.protected(), &names(&[name]), None)
            .unwrap(),
    );
    // Killed before it told.
    let mut lock = (place.reopened())
        .clear_outs(&place.protected(), &names(&[name]), None)
        .unwrap();
    assert_eq!(told(&mut lock, &place.work().join(name)), "by hand");
}
