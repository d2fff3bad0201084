//! Whether the store's place can be written, has room, and locks as pipe needs it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use super::Check;
use crate::{
    cli::Context,
    report::figures,
    store::{FileSystem, Store},
    track::Index,
};

/// Free space below which a check warns, and fails.
const TIGHT: u64 = 2_000_000_000;
const FULL: u64 = 100_000_000;

/// Looks at the store, or at the place where the first run would make it.
pub fn check(root: &Path, context: &Context) -> Vec<Check> {
    let is_there = Store::is_at(root);
    let place = if is_there {
        root.to_owned()
    } else {
        nearest_folder(root)
    };
    let mut checks = vec![store(root, is_there, context)];
    checks.extend(file_system(&place));
    checks.push(locks(&place));
    if is_there {
        checks.push(index(root));
    }
    checks
}

fn store(root: &Path, is_there: bool, context: &Context) -> Check {
    let place = context.display(root);
    let remedy = "name another folder with `--store DIR` or PIPE_STORE";
    let folder = if is_there {
        root.to_owned()
    } else {
        nearest_folder(root)
    };
    if let Err(error) = tempfile::tempfile_in(&folder) {
        return Check::fail(
            "store",
            format!("{} cannot be written: {error}", context.display(&folder)),
            remedy,
        );
    }
    if !is_there {
        return Check::ok("store", format!("none yet; the first run makes {place}"));
    }
    match Store::open_existing(root) {
        Ok(_) => Check::ok("store", place),
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| remedy.to_owned());
            Check::fail("store", error.to_string(), hint)
        }
    }
}

fn file_system(place: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Ok(found) = rustix::fs::statvfs(place) {
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let text = format!("{} free", figures::bytes(free));
        let remedy = "free some, or let `pipe gc` remove what no recent run needs";
        checks.push(match free {
            FULL.. if free >= TIGHT => Check::ok("disk", text),
            FULL.. => Check::warn("disk", text, remedy),
            _ => Check::fail("disk", text, remedy),
        });
    }
    if let Ok(found) = FileSystem::of(place) {
        checks.push(match found {
            Ok(FileSystem {
                name,
                is_local: true,
            }) => Check::ok("file system", name),
            Ok(FileSystem { name, .. }) => Check::warn(
                "file system",
                format!("{name}: locks and times may not be reliable on it, and there is no gc"),
                "keep the store on a local disk with `--store DIR` or PIPE_STORE",
            ),
            Err(magic) => Check::ok("file system", format!("unknown ({magic:#x})")),
        });
    }
    checks
}

/// Whether a lock that is held keeps others out.
fn locks(place: &Path) -> Check {
    let works = || -> std::io::Result<bool> {
        let file = tempfile::NamedTempFile::new_in(place)?;
        file.as_file().try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => std::io::Error::other("it is locked by nobody"),
        })?;
        let other = File::open(file.path())?;
        Ok(matches!(other.try_lock(), Err(TryLockError::WouldBlock)))
    };
    let remedy = "two runs at once may do the same work twice; keep the store on a local disk";
    match works() {
        Ok(true) => Check::ok("locks", "work"),
        Ok(false) => Check::warn("locks", "do not keep others out", remedy),
        Err(error) => Check::warn("locks", format!("do not work: {error}"), remedy),
    }
}

fn index(root: &Path) -> Check {
    let opened = Store::open_existing(root)
        .map_err(Into::into)
        .and_then(|it| Index::open(&it)?.newest(1, None));
    match opened {
        Ok(newest) => {
            let last = newest.first().map_or("no runs yet".to_owned(), |it| {
                format!("last run {}", it.run)
            });
            Check::ok("index", last)
        }
        Err(error) => Check::warn(
            "index",
            error.to_string(),
            "`pipe doctor --rebuild` makes it anew",
        ),
    }
}

/// The path, or the nearest folder above it that exists.
fn nearest_folder(path: &Path) -> PathBuf {
    path.ancestors()
        .find(|it| fs::metadata(it).is_ok_and(|it| it.is_dir()))
        .unwrap_or(Path::new("/"))
        .to_owned()
}
