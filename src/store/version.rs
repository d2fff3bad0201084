//! `VERSION`, which makes a folder a store: made first and in one step, repaired where it is damaged and all else is a store's,
//! refused where it is another version. Also what is done when the store was removed beside this process.

use std::{fs, io::ErrorKind, io::Read, path::Path};

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
const FOLDERS: [&str; 12] = [
    "blobs",
    "checkpoints",
    "current",
    "index",
    "journal",
    "locks",
    "log",
    "objects",
    "quarantine",
    "roots",
    "runs",
    "tmp",
];
/// Folders that hardly anything else has.
const TELLING: [&str; 2] = ["locks", "roots"];
/// A version is no longer than this.
const MAX_BYTES: u64 = 64;

/// Whether a store is one that this pipe knows. A damaged `VERSION` is repaired.
pub fn check(layout: &Layout) -> Result<()> {
    let root = layout.root();
    let found = match read(&layout.version()) {
        Ok(found) => found,
        Err(StoreError::Io { source, .. })
            if matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory
            ) =>
        {
            if !is_like_a_store(root) {
                return Err(StoreError::NotAStore(root.to_owned()));
            }
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&found);
    let text = text.trim();
    if text.parse() == Ok(VERSION) {
        return Ok(());
    }
    let is_version = text.starts_with(|it: char| it.is_ascii_digit())
        && text.chars().all(|it| it.is_ascii_digit() || it == '.');
    if is_version {
        return Err(StoreError::UnknownVersion {
            path: root.to_owned(),
            found: text.chars().take(20).collect(),
            known: VERSION,
        });
    }
    if !is_like_a_store(root) {
        return Err(StoreError::DamagedVersion {
            path: layout.version(),
            known: VERSION,
        });
    }
    match write(root) {
        // Who may only read it reads it as it is.
        Err(error) if error.is_denied() => Ok(()),
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::ReadOnlyFilesystem => {
            Ok(())
        }
        written => written,
    }
}

/// Makes an empty store: `VERSION` comes in one step, so that there is a whole store or none.
pub fn create(layout: &Layout) -> Result<()> {
    let root = layout.root();
    disk::create_dir_all(root).at("create", root)?;
    // A folder that is kept in a repository may have its own `.gitignore`; `clean` leaves what was set aside.
    let is_free = |name: &String| name.starts_with('.') || name == "quarantine";
    if !children(root)?.iter().all(is_free) {
        // Another process may have made the store since we looked; in a store, `VERSION` comes first.
        if layout.version().exists() {
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

fn read(path: &Path) -> Result<Vec<u8>> {
    let file = closed::open_file(path).at("read", path)?;
    if !file.metadata().at("read", path)?.is_file() {
        return Err(StoreError::Unfit {
            path: path.to_owned(),
            why: "is not a file",
        });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .at("read", path)?;
    Ok(bytes)
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
    let ignores_all = fs::read_to_string(root.join(".gitignore")).is_ok_and(|it| it == IGNORE_ALL);
    let is_telling = |name: &String| TELLING.contains(&name.as_str());
    names.iter().all(is_known)
        && (ignores_all || names.iter().any(is_telling) || journal::has_any(&root.join("journal")))
}

impl Store {
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
            (Ok(own), Ok(now)) => own != now || !self.layout.version().exists(),
            (_, Err(error)) => error.kind() == ErrorKind::NotFound,
            (Err(_), Ok(_)) => false,
        }
    }

    /// Removes what this process wrote where the store was, after it was removed: a later run would take it for something
    /// else. What was set aside stays.
    pub(super) fn leave_nothing(&self) {
        let root = self.root();
        if self.layout.version().exists() {
            // Another run made a new store there.
            return;
        }
        for name in FOLDERS {
            if name == "quarantine" {
                let _ = disk::remove_dir(&root.join(name));
            } else {
                let _ = removal::remove_tree(&root.join(name));
            }
        }
        let _ = disk::remove_dir(root);
    }
}
