//! Rulesets of Landlock, by which the kernel keeps a process from files (landlock(7)). Knows no stage.

use std::{io, os::fd::OwnedFd, path::PathBuf, sync::OnceLock};

use landlock::{
    AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, make_bitflags,
};

/// What a process may do with what it may read.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});
/// The same for a file.
const READ_FILE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | Execute});

/// Whether this kernel can hold processes to a ruleset.
pub fn is_supported() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| matches!(around(&[]), Ok(Some(_))))
}

/// The ruleset of a process that reads and executes nothing but these files, and what is in these folders. It may write
/// anywhere. Those that are not there do not count. None where the kernel has no Landlock.
pub fn around(reads: &[PathBuf]) -> io::Result<Option<OwnedFd>> {
    let fence = build(reads).map_err(|error| io::Error::other(format!("Landlock: {error}")))?;
    Ok(fence.into())
}

fn build(reads: &[PathBuf]) -> Result<RulesetCreated, landlock::RulesetError> {
    // Unless it is allowed, nothing could be moved from one folder to another.
    let mut fence = Ruleset::default()
        .handle_access(READ)?
        .handle_access(AccessFs::Refer)?
        .create()?;
    if let Ok(root) = PathFd::new("/") {
        fence = fence.add_rule(PathBeneath::new(root, AccessFs::Refer))?;
    }
    for path in reads {
        let Ok(opened) = PathFd::new(path) else {
            continue;
        };
        let access = if path.is_dir() { READ } else { READ_FILE };
        fence = fence.add_rule(PathBeneath::new(opened, access))?;
    }
    Ok(fence)
}
