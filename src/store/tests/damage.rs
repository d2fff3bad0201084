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
    // The object and its manifest.
    assert_eq!(place.store.quarantined().unwrap(), 2);
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
    // The manifest that was left.
    assert_eq!(place.store.quarantined().unwrap(), 1);
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
    for harm in ["", "{", "edited", "other"] {
        let place = Place::new();
        let record = place.make("fit", 1, &[("a", "a")]);
        let path = place.store.layout.manifest(&main(&record));
        let good = fs::read_to_string(&path).unwrap();
        let text = match harm {
            "edited" => good.replace("\"size\":1", "\"size\":2"),
            "other" => {
                let other = place.make("fit", 2, &[("b", "b")]);
                fs::read_to_string(place.store.layout.manifest(&main(&other))).unwrap()
            }
            text => text.to_owned(),
        };
        overwrite(&path, &text);
        assert!(place.store.manifest(&main(&record)).is_err(), "{harm}");
        assert_fresh(&place.reopened(), &key(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), good, "{harm}");
    }
}

#[test]
fn a_damaged_record_is_set_aside() {
    type Harm = fn(&str) -> String;
    let harms: [(Harm, &str); 5] = [
        (|_| String::new(), "it is cut off"),
        (|good| good[..good.len() / 2].to_owned(), "it is cut off"),
        (
            |good| good.replace("\"seed\":1", "\"seed\":2"),
            "its checksum is wrong",
        ),
        (
            |good| good[..good.len() - 3].to_owned(),
            "its checksum is wrong",
        ),
        (|good| "\0".repeat(good.len()), "it is cut off"),
    ];
    for (harm, what) in harms {
        let place = Place::new();
        place.make("fit", 1, &[("a", "a")]);
        let path = place.store.layout.record(&key(1));
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, harm(&good)).unwrap();
        let text = stale(&place.reopened(), &key(1));
        assert_eq!(text, format!("output `record` is damaged: {what}"));
        assert_eq!(place.store.quarantined().unwrap(), 1);
        assert_eq!(stale(&place.reopened(), &key(1)), "");
        place.make("fit", 1, &[("a", "a")]);
        assert_fresh(&place.reopened(), &key(1));
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
    fs::write(place.store.layout.record(&key(1)), "torn").unwrap();
    for _ in 0..2 {
        let text = stale(&place.store, &key(1));
        assert_eq!(text, "output `record` is damaged: it is cut off");
    }
    place.make("fit", 1, &[("a", "a")]);
    fs::remove_file(place.store.layout.record(&key(1))).unwrap();
    assert_eq!(stale(&place.store, &key(1)), "");
}

#[test]
fn a_record_in_the_place_of_another_is_not_believed() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "a")]);
    place.make("fit", 2, &[("b", "b")]);
    let layout = &place.store.layout;
    fs::copy(layout.record(&key(2)), layout.record(&key(1))).unwrap();
    let text = stale(&place.reopened(), &key(1));
    assert_eq!(
        text,
        "output `record` is damaged: it is the record of another key"
    );
}

#[test]
fn a_lack_of_descriptors_is_no_damage() {
    let error = StoreError::io("read", "x", rustix::io::Errno::MFILE.into());
    assert!(!error.is_missing());
    assert!(error.hint().unwrap().contains("ulimit"));
}
