//! Damage of every kind is found by the next lookup, set aside, and the same work makes it whole again.

use super::*;

/// Damages an artifact of two files and a folder, and returns what the lookup says.
fn damaged(harm: impl Fn(&Path)) -> (Place, String) {
    let place = Place::new();
    let files = [("model.json", "{\"inputs\":4}"), ("sub/weights", "weights")];
    let record = place.make("fit", 1, &files);
    assert_fresh(&place.store, &key(1));
    harm(&place.object(&record));
    let text = stale(&place.reopened(), &key(1));
    assert_eq!(
        stale(&place.store, &key(1)),
        "output `main` is damaged: it is gone"
    );
    place.make("fit", 1, &files);
    assert_fresh(&place.reopened(), &key(1));
    (place, text)
}

#[test]
fn an_edited_file_is_found() {
    let (place, text) = damaged(|it| overwrite(&it.join("sub/weights"), "Weights"));
    assert_eq!(
        text,
        "output `main` is damaged: `sub/weights` is not what it was"
    );
    assert_eq!(place.store.quarantined().unwrap(), 1);
}

#[test]
fn an_edited_file_with_its_old_times_is_found() {
    let (_, text) = damaged(|it| {
        let path = it.join("sub/weights");
        let times = fs::metadata(&path).unwrap().modified().unwrap();
        overwrite(&path, "Weights");
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(times)
            .unwrap();
    });
    assert_eq!(
        text,
        "output `main` is damaged: `sub/weights` is not what it was"
    );
}

#[test]
fn a_truncated_and_a_zeroed_file_are_found() {
    let (_, text) = damaged(|it| overwrite(&it.join("model.json"), "{\"inp"));
    assert_eq!(
        text,
        "output `main` is damaged: `model.json` is not what it was"
    );
    let (_, text) = damaged(|it| overwrite(&it.join("model.json"), &"\0".repeat(12)));
    assert_eq!(
        text,
        "output `main` is damaged: `model.json` is not what it was"
    );
}

#[test]
fn a_missing_file_and_a_missing_folder_are_found() {
    let (_, text) = damaged(|it| {
        removal::make_writable(it).unwrap();
        fs::remove_file(it.join("model.json")).unwrap();
    });
    assert_eq!(text, "output `main` is damaged: `model.json` is gone");
    let (place, text) = damaged(|it| removal::remove_tree(it).unwrap());
    assert_eq!(text, "output `main` is damaged: it is gone");
    assert_eq!(place.store.quarantined().unwrap(), 0);
}

#[test]
fn a_file_that_does_not_belong_there_is_found() {
    let (_, text) = damaged(|it| overwrite(&it.join("notes.txt"), "mine"));
    assert_eq!(
        text,
        "output `main` is damaged: `notes.txt` does not belong to it"
    );
}

#[test]
fn a_swapped_kind_is_found() {
    let (_, text) = damaged(|it| {
        overwrite(&it.join("x"), "");
        removal::remove_tree(&it.join("model.json")).unwrap();
        link("/etc/hostname", &it.join("model.json"));
    });
    assert_eq!(
        text,
        "output `main` is damaged: `model.json` is a link that leaves its folder"
    );
    let (_, text) = damaged(|it| {
        removal::remove_tree(it).unwrap();
        fs::write(it, "a file").unwrap();
    });
    assert_eq!(text, "output `main` is damaged: it is not a folder");
}

#[test]
fn an_artifact_that_became_a_link_is_found_even_if_it_leads_to_the_same_bytes() {
    let (_place, what) = damaged(|object| {
        let elsewhere = object.with_extension("elsewhere");
        fs::set_permissions(object, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(object, &elsewhere).unwrap();
        link(elsewhere.to_str().unwrap(), object);
    });
    assert!(what.contains("it is not a folder"), "{what}");
}

#[test]
fn a_file_made_writable_is_made_read_only_again_and_nothing_is_lost() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a"), ("d/b", "b")]);
    let object = place.object(&record);
    for path in ["", "a", "d"] {
        fs::set_permissions(object.join(path), fs::Permissions::from_mode(0o777)).unwrap();
    }
    // The executable bit is part of an artifact.
    fs::set_permissions(object.join("a"), fs::Permissions::from_mode(0o666)).unwrap();
    assert_fresh(&place.reopened(), &key(1));
    assert_eq!(
        (
            mode(&object),
            mode(&object.join("a")),
            mode(&object.join("d"))
        ),
        (0o555, 0o444, 0o555)
    );
    assert_eq!(place.store.quarantined().unwrap(), 0);
}

#[test]
fn a_touched_file_is_read_again_once_and_is_fine() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a")]);
    set_time(&place.object(&record).join("a"), 1_000_000_000);
    assert_fresh(&place.reopened(), &key(1));
    assert_eq!(place.store.quarantined().unwrap(), 0);
}

#[test]
fn a_damaged_manifest_is_made_anew_from_the_bytes() {
    type Harm = fn(&mut [u8]);
    let harms: [Harm; 3] = [|it| it.fill(0), |it| it[10] ^= 1, |it| it[0] = b'\n'];
    for harm in harms {
        let place = Place::new();
        let record = place.make("fit", 1, &[("a", "a")]);
        let good = place.store.manifest(&main(&record)).unwrap();
        harm_frame(&place.store, Kind::Tree, &main(&record), harm);
        assert_eq!(place.reopened().manifest(&main(&record)).unwrap(), good);
        assert_fresh(&place.reopened(), &key(1));
        let verified = place.reopened().verify(&mut |_, _| {}).unwrap();
        assert_eq!(verified.objects, 1);
        assert_eq!(place.reopened().manifest(&main(&record)).unwrap(), good);
        let again = place.reopened().verify(&mut |_, _| {}).unwrap();
        assert_eq!(again.damage, []);
    }
}

#[test]
fn a_damaged_record_costs_its_stage_and_no_other() {
    type Harm = fn(&mut [u8]);
    let harms: [Harm; 3] = [|it| it.fill(0), |it| it[20] ^= 1, |it| it[0] = 0x1e];
    for harm in harms {
        let place = Place::new();
        place.make("before", 2, &[("b", "b")]);
        place.make("fit", 1, &[("a", "a")]);
        place.make("after", 3, &[("c", "c")]);
        harm_frame(&place.store, Kind::Record, &key(1).0, harm);
        // Who wrote the journal leaves it as it is; then nobody writes to it.
        let Place { folder, store } = place;
        drop(store);
        let open = || Store::open_existing(&folder.path().join("artifacts")).unwrap();
        let store = open();
        for _ in 0..2 {
            let text = stale(&store, &key(1));
            assert_eq!(text, "output `record` is damaged: its checksum is wrong");
        }
        for other in [2, 3] {
            assert_fresh(&store, &key(other));
        }
        drop(store);
        assert_eq!(open().quarantined().unwrap(), 1);
        assert_eq!(stale(&open(), &key(1)), "");
        make(&open(), "fit", 1, &[("a", "a")]);
        for all in 1..4 {
            assert_fresh(&open(), &key(all));
        }
        assert_eq!(open().verify(&mut |_, _| {}).unwrap().damage, []);
    }
}

#[test]
fn who_asks_again_is_told_what_was_found_and_not_that_it_is_gone() {
    let place = Place::new();
    let record = place.make("fit", 1, &[("a", "a")]);
    overwrite(&place.object(&record).join("a"), "A");
    for _ in 0..2 {
        let text = stale(&place.store, &key(1));
        assert_eq!(text, "output `main` is damaged: `a` is not what it was");
    }
    place.make("fit", 1, &[("a", "a")]);
    assert_fresh(&place.store, &key(1));
}

#[test]
fn a_damaged_head_of_a_frame_hides_it_and_no_other() {
    let place = Place::new();
    place.make("before", 2, &[("b", "b")]);
    place.make("fit", 1, &[("a", "a")]);
    place.make("after", 3, &[("c", "c")]);
    let (path, range) = frame(&place.store, Kind::Record, &key(1).0);
    for at in [
        range.start - journal::frame::HEAD,
        range.start - 30,
        range.start - 100,
    ] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] = b'?';
        let other = Place::new();
        let copy = other.store.layout.journals().join("copy");
        fs::create_dir(other.store.layout.journals()).unwrap();
        fs::write(&copy, bytes).unwrap();
        let keys = other.reopened().record_keys().unwrap();
        let mut expected = vec![key(2), key(3)];
        expected.sort();
        assert_eq!(keys, expected, "{at}");
        assert_eq!(other.store.quarantined().unwrap(), 1);
    }
}

#[test]
fn a_journal_that_is_no_file_is_set_aside() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "a")]);
    let folder = place.store.layout.journals();
    fs::create_dir(folder.join("folder")).unwrap();
    nix::unistd::mkfifo(&folder.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_fresh(&place.reopened(), &key(1));
    assert_eq!(place.store.quarantined().unwrap(), 2);
}

#[test]
fn what_a_journal_had_is_found_again_in_the_logs_of_runs() {
    let place = Place::new();
    let mut log = place.store.start_run_log("r").unwrap();
    let mut records = Vec::new();
    for seed in 1..4 {
        let record = place.make("fit", seed, &[("a", &seed.to_string())]);
        let event = pipe_schema::run::Event::StageDone {
            stage: "fit".to_owned(),
            record: Arc::new(record.clone()),
        };
        log.append(&pipe_schema::run::Line { at: 1, event })
            .unwrap();
        records.push(record);
    }
    drop(log);
    // One of which the result is gone, too.
    removal::remove_tree(&place.object(&records[1])).unwrap();
    for path in journals(&place.store) {
        fs::remove_file(path).unwrap();
    }
    let store = place.reopened();
    assert_eq!(assert_fresh(&store, &key(1)), records[0]);
    assert_eq!(stale(&store, &key(2)), "");
    assert_eq!(assert_fresh(&store, &key(3)), records[2]);
    assert_eq!(store.last_record("fit").unwrap(), records[2]);
}

#[test]
fn a_lack_of_descriptors_is_no_damage() {
    let error = StoreError::io("read", "x", rustix::io::Errno::MFILE.into());
    assert!(!error.is_missing());
    assert!(error.hint().unwrap().contains("ulimit"));
}
