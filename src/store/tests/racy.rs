//! Changes within one tick of the clock, which no stat shows, on a clock that tests turn by hand: what the kernel says of
//! times is not asked. A reader that trusted equal stats would be wrong in each of these.

use super::{
    super::stat::{
        Moment,
        made_up::{self, Times},
    },
    *,
};

const SECOND: i64 = 1_000_000_000;
/// Not a whole second: a clock with ticks.
const THEN: i64 = 1_000 * SECOND + 7_000_000;
const TICK_MARGIN: i64 = 20_000_000;
const COARSE_MARGIN: i64 = 3 * SECOND;

/// All files have this time, and it is `later` than that.
fn set(time: i64, later: i64) {
    made_up::set(Times {
        mtime: time,
        ctime: time,
        now: time + later,
        pace: 0,
    });
}

fn digest(store: &Store, path: &Path) -> Digest {
    store.digest_path(path).unwrap().digest
}

/// Whether another content under the same stat is seen, if the first was read so much later than the file's time.
fn is_seen(time: i64, later: i64, name: &str) -> bool {
    let place = Place::new();
    let file = place.write("data/a", "one");
    let path = place.work().join(name);
    set(time, later);
    let before = digest(&place.store, &path);
    let inode = Stat::of(&file).unwrap();
    fs::write(&file, "two").unwrap();
    assert_eq!(Stat::of(&file).unwrap(), inode);
    // However late it is now.
    set(time, 1_000 * SECOND);
    digest(&place.store, &path) != before
}

#[test]
fn a_change_in_the_tick_in_which_a_file_was_read_is_seen() {
    for name in ["data/a", "data"] {
        for later in [0, 1, TICK_MARGIN - 1, TICK_MARGIN] {
            assert!(is_seen(THEN, later, name), "{name} after {later} ns");
        }
        // From here on the stat is believed: no clock lets a later change keep this time.
        assert!(!is_seen(THEN, TICK_MARGIN + 1, name), "{name}");
        // A clock behind the one that stamped the file.
        assert!(is_seen(THEN, -SECOND, name), "{name}");
    }
}

#[test]
fn a_clock_of_whole_seconds_is_given_more_of_them() {
    let then = 1_000 * SECOND;
    for name in ["data/a", "data"] {
        for later in [0, SECOND, 2 * SECOND, COARSE_MARGIN] {
            assert!(is_seen(then, later, name), "{name} after {later} ns");
        }
        assert!(!is_seen(then, COARSE_MARGIN + SECOND, name), "{name}");
    }
}

#[test]
fn a_restored_time_of_modification_hides_nothing() {
    let place = Place::new();
    let file = place.write("a", "one");
    let times = Times {
        mtime: THEN,
        ctime: THEN,
        now: THEN + SECOND,
        pace: 0,
    };
    made_up::set(times);
    let before = digest(&place.store, &file);
    fs::write(&file, "two").unwrap();
    made_up::set(Times {
        ctime: THEN + SECOND,
        now: THEN + 2 * SECOND,
        ..times
    });
    assert_ne!(digest(&place.store, &file), before);
}

#[test]
fn the_clock_is_asked_before_the_file_is_read() {
    for name in ["data/a", "data"] {
        let place = Place::new();
        let file = place.write("data/a", "one");
        let path = place.work().join(name);
        // Reading takes long: what is asked after it says that the file is old.
        made_up::set(Times {
            mtime: THEN,
            ctime: THEN,
            now: THEN,
            pace: 10 * SECOND,
        });
        let before = digest(&place.store, &path);
        fs::write(&file, "two").unwrap();
        assert_ne!(digest(&place.store, &path), before, "{name}");
    }
}

#[test]
fn an_input_that_changed_during_a_job_in_the_tick_of_its_reading_is_noticed() {
    for name in ["data/a", "data"] {
        let place = Place::new();
        let file = place.write("data/a", "one");
        let path = place.work().join(name);
        set(THEN, 0);
        let input = place.store.digest_path(&path).unwrap();
        assert!(place.store.is_unchanged(&input).unwrap());
        fs::write(&file, "two").unwrap();
        set(THEN, 1_000 * SECOND);
        assert!(!place.store.is_unchanged(&input).unwrap(), "{name}");
    }
}

#[test]
fn an_out_that_was_edited_in_the_tick_in_which_it_was_read_is_not_overwritten() {
    let place = Place::new();
    let file = place.write("out", "one");
    set(THEN, 0);
    let lock = (place.store)
        .clear_outs(&place.protected(), &["out".to_owned()], None)
        .unwrap();
    fs::write(&file, "one").unwrap();
    let publication = Publication {
        parts: parts(1),
        name: "stage".to_owned(),
        outputs: Vec::new(),
        outs: vec![("out".to_owned(), file.clone())],
        observed: seen("s"),
    };
    let record = place.store.publish(publication).unwrap();
    place.store.release_outs(lock).unwrap();
    drop(
        (place.store)
            .restore_outs(&place.protected(), &record)
            .unwrap(),
    );
    fs::write(&file, "two").unwrap();
    let mut lock = (place.store)
        .clear_outs(&place.protected(), &["out".to_owned()], None)
        .unwrap();
    let kept = &lock.take_set_aside()[0].kept;
    assert_eq!(fs::read_to_string(kept).unwrap(), "two");
}

#[test]
fn where_the_clock_is_said_to_be_fine_each_change_after_a_look_shows() {
    let folder = tempfile::tempdir().unwrap();
    if !Moment::probe(folder.path()).unwrap().is_fine {
        return;
    }
    let path = folder.path().join("file");
    for _ in 0..500 {
        fs::write(&path, "one").unwrap();
        let before = Stat::of(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_ne!(Stat::of(&path).unwrap(), before);
    }
}
