//! Results by spec and stage: links, names of older versions, gc.

use super::*;

const ALL: Policy = Policy {
    keep_runs: 0,
    older_than: std::time::Duration::ZERO,
    max_bytes: None,
    dry_run: false,
};

/// Makes a result as a run of a spec does.
fn result(place: &Place, name: &str, seed: u64) -> Record {
    let stage = name.split_once('/').map_or(name, |it| it.1);
    let (attempt, mut publication) =
        written(&place.store, stage, seed, &[("a", &seed.to_string())]);
    name.clone_into(&mut publication.name);
    let record = place.store.publish(publication).unwrap();
    drop(attempt);
    place.store.link_current(name, &record).unwrap();
    place.store.note_last(name, &record).unwrap();
    record
}

fn spec(place: &Place, path: &str) {
    fs::write(place.store.root().parent().unwrap().join(path), "").unwrap();
}

fn is_there(store: &Store, seed: u64) -> bool {
    matches!(store.lookup(&key(seed)).unwrap(), Lookup::Fresh(_))
}

#[test]
fn link_of_a_stage_stays_with_the_spec_that_had_it_first() {
    let place = Place::new();
    spec(&place, "a.yaml");
    spec(&place, "b.yaml");
    let one = result(&place, "t@a.yaml/fit", 1);
    let two = result(&place, "t@b.yaml/fit", 2);
    let other = result(&place, "t@b.yaml/other", 3);
    let place = Place {
        store: place.reopened(),
        ..place
    };
    let target = |name: &str| {
        let link = place.store.current(name);
        let target = fs::canonicalize(&link).unwrap();
        (
            link.strip_prefix(place.store.root()).unwrap().to_owned(),
            target,
        )
    };
    let object = |record: &Record| fs::canonicalize(place.store.artifact(&main(record))).unwrap();
    for (name, link, record) in [
        ("t@a.yaml/fit", "current/fit", &one),
        ("t@b.yaml/fit", "current/@b.yaml/fit", &two),
        ("t@b.yaml/other", "current/other", &other),
    ] {
        assert_eq!(
            target(name),
            (PathBuf::from(link), object(record)),
            "{name}"
        );
        assert_eq!(place.store.last_record(name).unwrap(), *record);
    }
    let place = Place {
        store: place.reopened(),
        ..place
    };
    let Place { folder, store } = place;
    drop(store);
    let store = Store::open_existing(&folder.path().join("artifacts")).unwrap();
    store.gc(&ALL).unwrap();
    drop(store);
    let store = Store::open_existing(&folder.path().join("artifacts")).unwrap();
    assert_eq!([1, 2, 3].map(|it| is_there(&store, it)), [true; 3]);
}

#[test]
fn names_of_an_older_version_are_kept_until_the_spec_is_noted_by_its_path() {
    let place = Place::new();
    spec(&place, "a.yaml");
    result(&place, "one/fit", 1);
    let two = result(&place, "two/fit", 2);
    let folder = place.folder.path().to_owned();
    let reopen = || Store::open_existing(&folder.join("artifacts")).unwrap();
    drop(place.store);
    reopen().gc(&ALL).unwrap();
    assert_eq!([1, 2].map(|it| is_there(&reopen(), it)), [true; 2]);
    let found = reopen().last_record("two@b.yaml/fit").unwrap();
    assert_eq!(found.key, two.key);
    let place = Place {
        store: reopen(),
        folder: place.folder,
    };
    result(&place, "one@a.yaml/fit", 3);
    drop(place.store);
    reopen().gc(&ALL).unwrap();
    assert_eq!(
        [1, 2, 3].map(|it| is_there(&reopen(), it)),
        [false, true, true]
    );
}
