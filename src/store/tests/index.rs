//! The packed index finds, and whatever happens to it, nothing wrong is found.

use std::io::Write;

use super::{super::index, *};

#[test]
fn lines_read_back_as_they_were_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("index");
    let lines = [
        Line::Record {
            key: key(1),
            stage: "fit".to_owned(),
        },
        Line::Object {
            digest: Digest([1; 32]),
            stamp: Digest([2; 32]),
        },
        Line::Record {
            key: key(2),
            stage: "score@fold=\"a b\"\n%".to_owned(),
        },
        Line::Record {
            key: key(3),
            stage: "fit".to_owned(),
        },
    ];
    index::append(&path, &lines[..2]).unwrap();
    index::append(&path, &lines[2..]).unwrap();
    let mut read = Index::default();
    read.refresh(&path).unwrap().unwrap();
    assert_eq!(read.last("fit"), Some(key(3)));
    assert_eq!(read.last("score@fold=\"a b\"\n%"), Some(key(2)));
    assert_eq!(read.stamp(&Digest([1; 32])), Some(Digest([2; 32])));
    assert!(!read.is_worn());
}

#[test]
fn a_torn_line_costs_itself_and_no_other() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("index");
    let line = |seed, stage: &str| Line::Record {
        key: key(seed),
        stage: stage.to_owned(),
    };
    index::append(&path, &[line(1, "a")]).unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in 1..whole.len() - 1 {
        fs::write(&path, &whole[..cut]).unwrap();
        index::append(&path, &[line(2, "b")]).unwrap();
        let mut read = Index::default();
        read.refresh(&path).unwrap().unwrap();
        assert_eq!(
            (read.last("a"), read.last("b")),
            (None, Some(key(2))),
            "{cut}"
        );
    }
}

#[test]
fn a_line_with_a_wrong_letter_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("index");
    index::append(
        &path,
        &[Line::Object {
            digest: Digest([1; 32]),
            stamp: Digest([2; 32]),
        }],
    )
    .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("0202", "0203")).unwrap();
    let mut read = Index::default();
    read.refresh(&path).unwrap().unwrap();
    assert_eq!(read.stamp(&Digest([1; 32])), None);
    assert!(read.is_worn());
}

#[test]
fn what_another_process_appended_or_rewrote_is_seen() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("index");
    let line = |seed| Line::Record {
        key: key(seed),
        stage: "fit".to_owned(),
    };
    let mut read = Index::default();
    assert_eq!(read.refresh(&path).unwrap(), None);
    for seed in 1..4 {
        index::append(&path, &[line(seed)]).unwrap();
        read.refresh(&path).unwrap().unwrap();
        assert_eq!(read.last("fit"), Some(key(seed)));
    }
    index::rewrite(&path, &[line(9)]).unwrap();
    index::append(
        &path,
        &[Line::Record {
            key: key(8),
            stage: "x".repeat(500),
        }],
    )
    .unwrap();
    read.refresh(&path).unwrap().unwrap();
    assert_eq!(read.last("fit"), Some(key(9)));
}

#[test]
fn a_lost_or_damaged_index_is_rebuilt_from_the_records() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "1")]);
    place.make("fit", 2, &[("a", "2")]);
    let score = place.make("score", 3, &[("a", "3")]);
    let path = place.store.layout.index();
    let harms: [&dyn Fn(); 3] = [
        &|| fs::remove_file(&path).unwrap(),
        &|| {
            let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(b"\nnonsense\n").unwrap();
        },
        &|| fs::write(&path, [0xff; 1000]).unwrap(),
    ];
    for harm in harms {
        harm();
        // The torn tail alone is no sign of damage; the next line is.
        index::append(
            &path,
            &[Line::Record {
                key: score.key,
                stage: "score".to_owned(),
            }],
        )
        .unwrap();
        let store = place.reopened();
        assert_fresh(&store, &key(1));
        if path.exists() {
            assert_eq!(store.last_record("score").unwrap().key, key(3));
        }
        let mut read = Index::default();
        read.refresh(&path).unwrap().unwrap();
        assert!(!read.is_worn());
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(place.reopened().last_record("fit").unwrap().key, key(2));
}
