//! `VERSION`, which makes a folder a store: made first and in one step, repaired by who writes where it is damaged and all else is a store's,
//! refused where it is another version. Also what is done when the store was removed beside this process.

use std::{
    fs,
    io::{ErrorKind, Read},
    path::Path,
    sync::atomic::Ordering,
};

use pipe_data::regular;

use super::{
    IGNORE_ALL, Store, closed, disk,
    error::{At, Result, StoreError},
    journal,
    layout::{Layout, VERSION},
    record::children,
    removal, replace,
    stat::Stat,
};

/// Folders of a store.
const FOLDERS: [&str; 13] = [
    "blobs",
    "checkpoints",
    "current",
    "index",
    "journal",
    "locks",
    "log",
    "objects",
    "partial",
    "quarantine",
    "roots",
    "runs",
    "tmp",
];
/// Files in `locks/`: they are empty.
const LOCKS: [&str; 7] = ["gc", "keys", "outs", "sources", "sweep", "trial", "use"];
/// A version is no longer than this.
const MAX_BYTES: u64 = 64;

/// What is at the place of `VERSION` in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    Whole,
    /// Something else, or nothing, while all else is a store's of this layout.
    Damaged,
}

/// Whether there is a store that this pipe knows. Changes nothing.
pub fn check(layout: &Layout) -> Result<VersionState> {
    let root = layout.root();
    let path = layout.version();
    let found = read(&path)?;
    let text = found.as_deref().map(String::from_utf8_lossy);
    let text = text.as_deref().unwrap_or_default().trim();
    if text.parse() == Ok(VERSION) {
        return Ok(VersionState::Whole);
    }
    let is_version = text.starts_with(|it: char| it.is_ascii_digit())
        && text.chars().all(|it| it.is_ascii_digit() || it == '.');
    // A number that rotted cannot be told from another layout, whose store must stay as it is.
    if is_version {
        return Err(StoreError::UnknownVersion {
            path: root.to_owned(),
            found: text.chars().take(20).collect(),
            known: VERSION,
        });
    }
    if is_like_a_store(root) {
        Ok(VersionState::Damaged)
    } else if fs::symlink_metadata(&path).is_ok() {
        Err(StoreError::DamagedVersion {
            path,
            known: VERSION,
        })
    } else {
        Err(StoreError::NotAStore(root.to_owned()))
    }
}

/// Makes an empty store: `VERSION` comes in one step, so that there is a whole store or none.
pub fn create(layout: &Layout) -> Result<()> {
    let root = layout.root();
    disk::create_dir_all(root).at("create", root)?;
    // A folder that is kept in a repository may have its own `.gitignore`; `clean` leaves what was set aside.
    let is_free = |name: &String| {
        name.starts_with('.')
            || name == "quarantine"
            || FOLDERS.contains(&name.as_str()) && is_hollow(&root.join(name))
    };
    if !children(root)?.iter().all(is_free) {
        // Another process may have made the store since we looked; in a store, `VERSION` comes first.
        if fs::symlink_metadata(layout.version()).is_ok() {
            return Ok(());
        }
        if !is_like_a_store(root) {
            return Err(StoreError::NotEmpty(root.to_owned()));
        }
    }
    let ignore = root.join(".gitignore");
    if ignore.symlink_metadata().is_err() {
        disk::write(&ignore, IGNORE_ALL).at("write", &ignore)?;
    }
    write(root)
}

fn write(root: &Path) -> Result<()> {
    replace::replace_for_good(&root.join("VERSION"), format!("{VERSION}\n").as_bytes())
}

/// None where there is no file: nothing, a folder, a link that leads to none.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match closed::open_file(path) {
        Ok(file) => file,
        Err(error) => {
            let is_none = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                || fs::symlink_metadata(path).is_ok_and(|it| !it.is_file());
            return if is_none {
                Ok(None)
            } else {
                Err(StoreError::io("read", path, error))
            };
        }
    };
    if !file.metadata().at("read", path)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .at("read", path)?;
    Ok(Some(bytes))
}

/// Whether there are only folders and empty files, as a process leaves them whose store is removed beside it.
fn is_hollow(folder: &Path) -> bool {
    let mut entries = walkdir::WalkDir::new(folder).into_iter();
    entries.all(|entry| {
        let metadata = entry.and_then(|it| it.metadata());
        metadata.is_ok_and(|it| it.is_dir() || it.is_file() && it.len() == 0)
    })
}

/// Whether a folder has nothing but what a store has, and something that is surely a store's.
fn is_like_a_store(root: &Path) -> bool {
    let Ok(names) = children(root) else {
        return false;
    };
    let is_known = |name: &String| {
        let path = root.join(name);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|it| it.is_dir());
        name.starts_with('.')
            || name == "VERSION"
            || name.starts_with("pipe.db") && !is_folder
            || is_folder && FOLDERS.contains(&name.as_str()) && fs::read_dir(&path).is_ok()
    };
    // Names alone tell little: other programs have folders called `log` and `tmp`, too.
    let ignores_all =
        || regular::read_to_string(&root.join(".gitignore")).is_ok_and(|it| it == IGNORE_ALL);
    let has_journals = || names.iter().any(|name| name == "journal");
    names.iter().all(is_known)
        && (journal::has_any(&root.join("journal")) || has_journals() && ignores_all())
}

impl Store {
    /// Whether there is a store at `root`, perhaps with a `VERSION` that the next run repairs.
    pub fn is_at(root: &Path) -> bool {
        let layout = Layout::new(root.to_owned());
        fs::symlink_metadata(layout.version()).is_ok() || is_like_a_store(root)
    }

    /// Writes `VERSION` anew where it was damaged as the store was opened. A link is replaced, and what it leads to stays; a
    /// folder is set aside.
    pub(super) fn repair_version(&self) -> Result<()> {
        if !self.is_writable || !self.is_version_damaged.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let path = self.layout.version();
        if fs::symlink_metadata(&path).is_ok_and(|it| it.is_dir()) {
            self.set_aside(&path)?;
        }
        write(self.root())
    }

    /// An error where the store was removed since it was opened.
    pub(super) fn must_be_there(&self) -> Result<()> {
        if self.is_removed() {
            return Err(StoreError::Removed(self.root().to_owned()));
        }
        Ok(())
    }

    /// Whether the store was removed or replaced since it was opened.
    pub(super) fn is_removed(&self) -> bool {
        let own = Stat::of_file(&self.folder).map(|it| it.ino);
        let now = Stat::of(self.root()).map(|it| it.ino);
        match (own, now) {
            (Ok(own), Ok(now)) if own == now => {
                !self.is_version_damaged.load(Ordering::Relaxed)
                    && fs::symlink_metadata(self.layout.version()).is_err()
            }
            (Ok(_), Ok(_)) => true,
            (_, Err(error)) => error.kind() == ErrorKind::NotFound,
            (Err(_), Ok(_)) => false,
        }
    }

    /// Removes what this process wrote where the store was, after it was removed: a later run would take it for something
    /// else. Nothing of anybody else is touched, as somebody may have put other things there. Where there are journals,
    /// `VERSION` alone is gone: the next run makes it again.
    pub(super) fn leave_nothing(&self) {
        if journal::has_any(&self.layout.journals()) {
            return;
        }
        for path in self.own_paths() {
            let _ = removal::remove_tree(&path);
        }
        let is_empty_file =
            |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() == 0);
        for name in LOCKS {
            let path = self.layout.lock(name);
            if is_empty_file(&path) {
                let _ = disk::remove_file(&path);
            }
        }
        // Folders that have something in them stay. The longest paths come first: folders in folders.
        let mut folders: Vec<_> = self.layout.folders().collect();
        folders.sort_by_key(|path| std::cmp::Reverse(path.as_os_str().len()));
        for folder in folders {
            let _ = disk::remove_dir(&folder);
        }
        let _ = disk::remove_dir(self.root());
    }
}
