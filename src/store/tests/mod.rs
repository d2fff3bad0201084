//! The store as its users see it, and as crashes, damage and other processes leave it.

mod aside;
mod crash;
mod damage;
mod hashing;
mod identities;
mod inputs;
mod journals;
mod keeping;
mod outs;
mod paths;
mod publishing;
mod revocation;
mod racy;
mod room;
mod runs;
mod seen;
mod trees;
mod version;
mod verify;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use pipe_schema::{
    key::{Config, Key, KeyParts},
    manifest::Digest,
    record::{Observed, Record},
    stage::ArtifactType,
};
use serde_json::json;
use tempfile::TempDir;

use super::{
    journal::{Head, Kind},
    *,
};
use crate::protected::ProtectedPaths;

/// A store in a folder of its own, beside a workspace.
struct Place {
    folder: TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(&folder.path().join("artifacts")).unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder, store }
    }

    /// As another process would: with nothing in memory.
    fn reopened(&self) -> Store {
        Store::open_existing(self.store.root()).unwrap()
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// What no out of the place may replace.
    fn protected(&self) -> ProtectedPaths {
        ProtectedPaths::new(&self.work(), &self.work(), false)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A stage that wrote these files.
    fn make(&self, stage: &str, seed: u64, files: &[(&str, &str)]) -> Record {
        make(&self.store, stage, seed, files)
    }

    fn object(&self, record: &Record) -> PathBuf {
        self.store.artifact(&main(record))
    }
}

fn make(store: &Store, stage: &str, seed: u64, files: &[(&str, &str)]) -> Record {
    let (attempt, publication) = written(store, stage, seed, files);
    let record = store.publish(publication).unwrap();
    drop(attempt);
    record
}

/// A stage that wrote these files and is not published yet.
fn written(
    store: &Store,
    stage: &str,
    seed: u64,
    files: &[(&str, &str)],
) -> (Attempt, Publication) {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = format!("run-{}", RUNS.fetch_add(1, Ordering::Relaxed));
    let attempt = store.attempt(&run, stage, 1, true).unwrap();
    let folder = attempt.output("main");
    fs::create_dir(&folder).unwrap();
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let publication = Publication {
        parts: parts(seed),
        name: stage.to_owned(),
        outputs: vec![("main".to_owned(), ArtifactType::Files, folder)],
        outs: Vec::new(),
        observed: seen(stage),
    };
    (attempt, publication)
}

fn parts(seed: u64) -> KeyParts {
    KeyParts {
        kind: "train".to_owned(),
        revision: 1,
        config: Config::new(&json!({"seed": seed})).unwrap(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        env: BTreeMap::new(),
        tools: BTreeMap::new(),
        environment: None,
        until: None,
    }
}

fn key(seed: u64) -> Key {
    crate::key::of(&parts(seed))
}

fn seen(stage: &str) -> Observed {
    Observed {
        started: jiff::Timestamp::now().to_string(),
        stage: stage.to_owned(),
        ..Observed::default()
    }
}

fn main(record: &Record) -> Digest {
    record.outputs["main"].digest
}

#[track_caller]
fn assert_fresh(store: &Store, key: &Key) -> Record {
    let _calm = store.calm().unwrap();
    match store.lookup(key).unwrap() {
        Lookup::Fresh(record) => Arc::unwrap_or_clone(record),
        Lookup::Stale(reasons) => panic!("stale: {reasons:?}"),
    }
}

/// What is told of a result that cannot be used.
#[track_caller]
fn stale(store: &Store, key: &Key) -> String {
    let _calm = store.calm().unwrap();
    match store.lookup(key).unwrap() {
        Lookup::Fresh(_) => panic!("fresh"),
        Lookup::Stale(reasons) => crate::key::reason::summary(&reasons),
    }
}

/// The journals of a store.
fn journals(store: &Store) -> Vec<PathBuf> {
    let folder = store.layout.journals();
    let names = record::children(&folder).unwrap();
    names.into_iter().map(|it| folder.join(it)).collect()
}

/// Where the content of the newest frame about this lies: the journal, and the range of bytes.
fn frame(store: &Store, kind: Kind, id: &Digest) -> (PathBuf, std::ops::Range<usize>) {
    let mut newest = None;
    for path in journals(store) {
        let file = fs::File::open(&path).unwrap();
        journal::scan::scan(&file, 0, true, &mut |head, at, content| {
            let is_newer = |it: &(u64, _, _)| it.0 < head.number;
            if head.kind == kind && head.id == *id && newest.as_ref().is_none_or(is_newer) {
                let from = at as usize + journal::frame::HEAD;
                newest = Some((head.number, path.clone(), from..from + content.len()));
            }
        })
        .unwrap();
    }
    let (_, path, range) = newest.unwrap();
    (path, range)
}

/// As if such frames had never been written.
fn unwrite(store: &Store, is_unwritten: impl Fn(&Head) -> bool) {
    for path in journals(store) {
        let file = fs::File::open(&path).unwrap();
        let mut rest = Vec::new();
        journal::scan::scan(&file, 0, true, &mut |head, _, content| {
            if !is_unwritten(head) {
                journal::frame::encode(head.kind, &head.id, head.number, content, &mut rest);
            }
        })
        .unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, rest).unwrap();
    }
}

/// As if a record had never been written.
fn unwrite_record(store: &Store, key: &Key) {
    unwrite(store, |it| {
        matches!(it.kind, Kind::Record | Kind::Last) && it.id == key.0
    });
}

/// Changes bytes of a journal where they lie, as a disk may.
fn harm_frame(store: &Store, kind: Kind, id: &Digest, harm: impl Fn(&mut [u8])) {
    let (path, range) = frame(store, kind, id);
    let mut bytes = fs::read(&path).unwrap();
    harm(&mut bytes[range]);
    fs::write(&path, bytes).unwrap();
}

/// As a user who insists may do: writes where it is read-only.
fn overwrite(path: &Path, text: &str) {
    let folder = path.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    if path.exists() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::write(path, text).unwrap();
}

/// As if it had been written at this time, in seconds since 1970.
fn set_time(path: &Path, seconds: i64) {
    let time = rustix::fs::Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty()).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// All there is in a tree: kind, executable bit and content by path.
fn picture(folder: &Path) -> BTreeMap<String, String> {
    walkdir::WalkDir::new(folder)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path();
            let what = if entry.path_is_symlink() {
                format!("-> {}", fs::read_link(path).unwrap().display())
            } else if path.is_dir() {
                "folder".to_owned()
            } else {
                let executable = mode(path) & 0o100 != 0;
                format!("{executable} {:?}", fs::read(path).unwrap())
            };
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            (name.to_owned(), what)
        })
        .collect()
}

fn link(target: &str, path: &Path) {
    symlink(target, path).unwrap();
}
