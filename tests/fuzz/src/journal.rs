//! What the store's other users wrote: journals and logs of runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pipe::{store::Store, track::Story};
use tempfile::TempDir;

use crate::input::folder;

thread_local! {
    static STORE: (TempDir, PathBuf) = {
        let place = folder();
        let root = place.path().join("store");
        Store::open(&root).expect("a store can be made");
        (place, root)
    };
}

/// A journal, read by a store that cannot lock it and so leaves it alone.
pub fn journal(bytes: &[u8]) {
    let root = STORE.with(|it| it.1.clone());
    let place = root.join("journal/20260101T000000Z-0000000000000000");
    write(&place, bytes);
    let store = Store::open_existing(&root).expect("the store is there");
    let _ = store.last_record("fit");
    let _ = store.calm();
    drop(store);
    // Mending may have given it another name.
    for entry in fs::read_dir(root.join("journal"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let _ = fs::remove_file(entry.path());
    }
}

pub fn run_log(bytes: &[u8]) {
    let root = STORE.with(|it| it.1.clone());
    write(&root.join("log/runs/one.jsonl"), bytes);
    let store = Store::open_existing(&root).expect("the store is there");
    if let Ok(lines) = store.read_run("one") {
        let story = Story::from_lines(&lines);
        let _ = story.status();
    }
}

fn write(path: &Path, bytes: &[u8]) {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).expect("a folder can be made");
    }
    fs::write(path, bytes).expect("a file can be written");
}
