//! What is in the way of outs: it is kept, and nothing is overwritten.

use super::{
    outs::{command, names, publish},
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
        .clear_outs(&place.protected(), &names(&["out.csv"]))
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
        let mut lock = place.store.clear_outs(&place.protected(), &outs).unwrap();
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
    let mut lock = place.store.clear_outs(&place.protected(), &outs).unwrap();
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
            .clear_outs(&place.protected(), &names(&["sub/out"]))
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
        .clear_outs(&place.protected(), &outs)
        .unwrap_err();
    assert!(error.to_string().contains("cannot set aside"), "{error}");
    assert_eq!(fs::read_to_string(place.work().join("a")).unwrap(), "mine");
    assert_eq!(
        fs::read_to_string(place.work().join("shut/b")).unwrap(),
        "mine"
    );
}
