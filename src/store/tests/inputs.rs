//! Source files: read when they must be, not when they need not, and never believed when they may have changed.
//! Clocks and stats are made up here: on a fast clock a naive test of the racy rule would pass for nothing.

use std::time::{Duration, SystemTime};

use super::{
    super::{
        sources::Sources,
        stat::{Moment, Stat},
    },
    *,
};

const SECOND: i64 = 1_000_000_000;

fn stat() -> Stat {
    Stat {
        dev: 1,
        ino: 2,
        size: 3,
        mode: 0o100_644,
        mtime: 100 * SECOND,
        ctime: 100 * SECOND,
    }
}

/// A file that was read, of the bytes `content`.
fn held(path: &str, stat: Stat, content: u8) -> std::iter::Once<(String, Stat, Digest)> {
    std::iter::once((path.to_owned(), stat, Digest([content; 32])))
}

/// What the index says of `now` when the file was read as `then` at this time, with this margin.
fn finds(then: Stat, moment: Moment, now: Stat) -> bool {
    let mut sources = Sources::default();
    sources.put("/data", held("a", then, 7), moment);
    sources.find("/data", "a", &now).is_some()
}

#[test]
fn a_file_is_known_by_every_part_of_its_stat() {
    let moment = Moment {
        now: 200 * SECOND,
        margin: SECOND,
        is_fine: false,
    };
    assert!(finds(stat(), moment, stat()));
    for changed in [
        Stat { dev: 9, ..stat() },
        Stat { ino: 9, ..stat() },
        Stat { size: 9, ..stat() },
        Stat {
            mode: 0o100_755,
            ..stat()
        },
        Stat {
            mtime: 101 * SECOND,
            ..stat()
        },
        Stat {
            mtime: 100 * SECOND + 1,
            ..stat()
        },
        // `touch -d` restores the time of modification, never this one.
        Stat {
            ctime: 101 * SECOND,
            ..stat()
        },
    ] {
        assert!(!finds(stat(), moment, changed), "{changed:?}");
    }
}

#[test]
fn a_file_that_changed_within_the_margin_of_its_reading_is_read_again() {
    let read_at = |now, margin| {
        finds(
            stat(),
            Moment {
                now,
                margin,
                is_fine: false,
            },
            stat(),
        )
    };
    assert!(!read_at(100 * SECOND, 0));
    assert!(read_at(100 * SECOND + 1, 0));
    assert!(!read_at(102 * SECOND, 2 * SECOND));
    assert!(read_at(102 * SECOND + 1, 2 * SECOND));
    // A clock that runs behind the one that stamped the file.
    assert!(!read_at(50 * SECOND, 0));
}

#[test]
fn either_time_alone_makes_a_reading_unsure() {
    let moment = Moment {
        now: 200 * SECOND,
        margin: SECOND,
        is_fine: false,
    };
    for unsure in [
        Stat {
            mtime: 200 * SECOND,
            ..stat()
        },
        Stat {
            ctime: 200 * SECOND,
            ..stat()
        },
        Stat {
            mtime: 900 * SECOND,
            ..stat()
        },
    ] {
        assert!(!finds(unsure, moment, unsure), "{unsure:?}");
    }
}

#[test]
fn the_index_reads_back_as_saved_and_merges_what_others_learned() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sources");
    let put = |sources: &mut Sources, file: &str, byte: u8, now: i64| {
        let moment = Moment {
            now: now * SECOND,
            margin: SECOND,
            is_fine: false,
        };
        sources.put("/data", held(file, stat(), byte), moment);
    };
    let mut one = Sources::default();
    put(&mut one, "a", 1, 200);
    put(&mut one, "b\n", 2, 200);
    one.save(&path).unwrap();
    assert_eq!(
        Sources::load(&path).find("/data", "b\n", &stat()),
        Some(Digest([2; 32]))
    );

    let mut two = Sources::default();
    put(&mut two, "a", 3, 300);
    put(&mut two, "b\n", 4, 150);
    two.merge(Sources::load(&path));
    let found = |file| two.find("/data", file, &stat());
    assert_eq!(
        (found("a"), found("b\n")),
        (Some(Digest([3; 32])), Some(Digest([2; 32])))
    );

    two.retain("/data", |file| file == "a");
    two.merge(Sources::load(&path));
    assert_eq!(two.find("/data", "b\n", &stat()), None);
}

/// Makes the file look as if it had been written long ago, to all but its ctime.
fn age(path: &Path) {
    let past = SystemTime::now() - Duration::from_secs(1000);
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(past)
        .unwrap();
}

#[test]
fn a_change_that_keeps_size_and_time_of_modification_is_seen() {
    let place = Place::new();
    let path = place.write("a.csv", "one");
    age(&path);
    let before = place.store.digest_path(&path).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    // Read again: now it is old enough to be trusted.
    let again = place.store.digest_path(&path).unwrap();
    assert_eq!(again.digest, before.digest);
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "two").unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(times)
        .unwrap();
    assert_ne!(
        place.store.digest_path(&path).unwrap().digest,
        before.digest
    );
}

#[test]
fn an_old_file_is_not_read_twice() {
    let place = Place::new();
    let path = place.write("a.csv", "one");
    std::thread::sleep(Duration::from_millis(50));
    let digest = place.store.digest_path(&path).unwrap().digest;
    place.store.flush().unwrap();
    let stat = Stat::of(&path).unwrap();
    let group = path.to_str().unwrap();
    let saved = Sources::load(&place.store.layout.sources());
    assert!(saved.find(group, "", &stat).is_some());
    assert_eq!(place.reopened().digest_path(&path).unwrap().digest, digest);
}

#[test]
fn two_processes_lose_nothing_of_what_either_learned() {
    let place = Place::new();
    let paths: Vec<PathBuf> = (0..8)
        .map(|it| place.write(&format!("{it}"), &"x".repeat(it)))
        .collect();
    std::thread::sleep(Duration::from_millis(50));
    std::thread::scope(|scope| {
        for pair in paths.chunks(2) {
            let place = &place;
            scope.spawn(move || {
                let store = place.reopened();
                for path in pair {
                    store.digest_path(path).unwrap();
                }
                store.flush().unwrap();
            });
        }
    });
    let saved = Sources::load(&place.store.layout.sources());
    for path in &paths {
        let stat = Stat::of(path).unwrap();
        assert!(
            saved.find(path.to_str().unwrap(), "", &stat).is_some(),
            "{path:?}"
        );
    }
}

#[test]
fn an_input_that_is_touched_during_a_job_is_noticed() {
    let place = Place::new();
    let folder = place.work().join("data");
    let path = place.write("data/a.csv", "one");
    place.write("data/sub/b.csv", "two");
    let digest = |path: &Path| place.store.digest_path(path).unwrap();
    let unchanged = |input: &PathDigest| place.store.is_unchanged(input).unwrap();

    let (file, all) = (digest(&path), digest(&folder));
    assert!(unchanged(&file) && unchanged(&all));
    fs::hard_link(&path, place.work().join("another name")).unwrap();
    assert!(unchanged(&file) && unchanged(&all));
    fs::write(&path, "one").unwrap();
    assert!(
        !unchanged(&file) && !unchanged(&all),
        "the same bytes, but written during the job"
    );

    let all = digest(&folder);
    place.write("data/new", "");
    assert!(!unchanged(&all));
    let all = digest(&folder);
    place.write("data/__pycache__/a.pyc", "");
    assert!(unchanged(&all), "what interpreters leave is no input");
    let file = digest(&path);
    fs::remove_file(&path).unwrap();
    assert!(!unchanged(&file));
}

#[test]
fn a_folder_counts_its_names_and_a_file_does_not_count_its_own() {
    let place = Place::new();
    let one = place.store.digest_path(&place.write("a/x", "1")).unwrap();
    let two = place.store.digest_path(&place.write("b/y", "1")).unwrap();
    assert_eq!(one.digest, two.digest);
    let folder = |name: &str| place.store.digest_path(&place.work().join(name)).unwrap();
    assert_ne!(folder("a").digest, folder("b").digest);
    assert_eq!((folder("a").is_directory, folder("a").bytes), (true, 1));
}

#[test]
fn a_link_in_a_source_folder_stands_for_the_file_it_leads_to() {
    let place = Place::new();
    let file = place.write("far/a", "1");
    fs::create_dir(place.work().join("data")).unwrap();
    link(file.to_str().unwrap(), &place.work().join("data/a"));
    let digest = || {
        place
            .store
            .digest_path(&place.work().join("data"))
            .unwrap()
            .digest
    };
    let before = digest();
    assert_eq!(
        before,
        place
            .store
            .digest_path(&place.work().join("far"))
            .unwrap()
            .digest
    );
    fs::write(&file, "22").unwrap();
    assert_ne!(digest(), before);
    link("/etc", &place.work().join("data/etc"));
    let error = place
        .store
        .digest_path(&place.work().join("data"))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("/data/etc` is a link that leaves its folder, and not to a file")
    );
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let place = Place::new();
    let error = place
        .store
        .digest_path(&place.work().join("gone.csv"))
        .unwrap_err();
    assert!(error.is_missing());
    assert!(
        error.to_string().ends_with("/gone.csv` does not exist"),
        "{error}"
    );
}
