//! Rulesets of Landlock, by which the kernel keeps a process from files (landlock(7)). Knows no stage.

use std::{io, os::fd::OwnedFd, path::PathBuf, sync::OnceLock};

use landlock::{
    AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, make_bitflags,
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
/// anywhere. Those that are not there do not count. None where the kernel has no Landlock, or one that would forbid to move
/// files from one folder to another (before Linux 5.19).
pub fn around(reads: &[PathBuf]) -> io::Result<Option<OwnedFd>> {
    let made = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(READ)
        .and_then(|it| it.handle_access(AccessFs::Refer))
        .and_then(Ruleset::create);
    let Ok(fence) = made else {
        return Ok(None);
    };
    let fence = fill(fence, reads);
    let fence = fence.map_err(|error| io::Error::other(format!("Landlock: {error}")))?;
    Ok(fence.into())
}

fn fill(mut fence: RulesetCreated, reads: &[PathBuf]) -> Result<RulesetCreated, RulesetError> {
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
