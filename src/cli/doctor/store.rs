//! Whether the store's place can be written, has room, and locks as pipe needs it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use super::Check;
use crate::{cli::Context, report::figures, store::Store, track::Index};

/// Free space below which a check warns, and fails.
const TIGHT: u64 = 2_000_000_000;
const FULL: u64 = 100_000_000;

/// File systems by their magic number (statfs(2)): name, and whether locks and renames are to be trusted on it.
const FILE_SYSTEMS: [(u64, &str, bool); 12] = [
    (0xEF53, "ext4", true),
    (0x9123_683E, "btrfs", true),
    (0x5846_5342, "xfs", true),
    (0x0102_1994, "tmpfs (gone after a restart)", true),
    (0x794C_7630, "overlayfs", true),
    (0x2FC1_2FC1, "zfs", true),
    (0xF2F5_2010, "f2fs", true),
    (0x6969, "NFS", false),
    (0xFF53_4D42, "CIFS", false),
    (0xFE53_4D42, "SMB", false),
    (0x0102_1997, "9p", false),
    (0x6573_5546, "FUSE", false),
];

/// Looks at the store, or at the place where the first run would make it.
pub fn check(root: &Path, context: &Context) -> Vec<Check> {
    let is_there = root.join("VERSION").is_file();
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
    if let Ok(found) = rustix::fs::statfs(place) {
        let magic = found.f_type as u64 & 0xFFFF_FFFF;
        checks.push(match FILE_SYSTEMS.iter().find(|it| it.0 == magic) {
            Some((_, name, true)) => Check::ok("file system", *name),
            Some((_, name, false)) => Check::warn(
                "file system",
                format!("{name}: locks and times may not be reliable on it"),
                "keep the store on a local disk with `--store DIR` or PIPE_STORE",
            ),
            None => Check::ok("file system", format!("unknown ({magic:#x})")),
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
        .and_then(|it| Index::open(&it)?.newest(1));
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
