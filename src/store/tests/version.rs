//! `VERSION` that is lost, and folders that only look like a store.

use super::*;

/// All files below a folder, with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn a_version_that_is_lost_beside_a_process_costs_nothing_else() {
    let Place { folder, store } = Place::new();
    let root = folder.path().join("artifacts");
    let (attempt, publication) = written(&store, "fit", 1, &[("a", "text")]);
    let record = store.publish(publication).unwrap();
    drop(attempt);
    store.flush().unwrap();
    let object = store.artifact(&main(&record));
    fs::remove_file(root.join("VERSION")).unwrap();
    drop(store);
    assert_eq!(fs::read_to_string(object.join("a")).unwrap(), "text");
    let store = Store::open(&root).unwrap();
    assert!(matches!(
        store.lookup(&record.key).unwrap(),
        Lookup::Fresh(_)
    ));
}

#[test]
fn what_somebody_puts_in_the_place_of_a_removed_store_stays() {
    let Place { folder, store } = Place::new();
    let root = folder.path().join("artifacts");
    let other = folder.path().join("other");
    fs::create_dir_all(other.join("objects")).unwrap();
    fs::create_dir_all(other.join("log")).unwrap();
    fs::write(other.join("objects/mine"), "mine").unwrap();
    fs::write(other.join("log/mine"), "mine").unwrap();
    let before = files(&other);
    fs::rename(&root, folder.path().join("moved")).unwrap();
    symlink(&other, &root).unwrap();
    drop(store);
    assert_eq!(files(&other), before);
}

#[test]
fn a_folder_with_names_of_a_store_alone_is_no_store() {
    for (name, text) in [
        ("roots/tree", "precious"),
        ("locks/keys.cad", "precious"),
        ("log/today", "precious"),
        ("journal/monday", "precious"),
    ] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let existing = Store::open_existing(folder.path()).unwrap_err();
        assert!(
            matches!(existing, StoreError::NotAStore(_)),
            "{name}: {existing}"
        );
        let opened = Store::open(folder.path()).unwrap_err();
        assert!(
            matches!(opened, StoreError::NotEmpty(_)),
            "{name}: {opened}"
        );
        assert_eq!(files(folder.path()), [(path, text.into())].into());
    }
}

#[test]
fn clean_leaves_hidden_files() {
    let Place { folder, store } = Place::new();
    let hidden = folder.path().join("artifacts/.env");
    fs::write(&hidden, "mine").unwrap();
    store.clean().unwrap();
    assert_eq!(fs::read_to_string(hidden).unwrap(), "mine");
}

#[test]
fn a_list_of_revoked_records_that_is_no_file_is_told_and_not_waited_for() {
    let Place { folder, store } = Place::new();
    drop(store);
    let root = folder.path().join("artifacts");
    let list = root.join("log/revoked.jsonl");
    fs::create_dir_all(root.join("log")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &list, 0o600.into()).unwrap();
    let error = Store::open(&root).unwrap_err();
    assert!(matches!(error, StoreError::Unfit { .. }), "{error}");
}
