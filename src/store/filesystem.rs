//! Which file systems locks and clocks can be relied on, by what the kernel says they are. Tries nothing.

use std::path::Path;

/// A file system that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    pub name: &'static str,
    /// Whether a lock keeps all others out and files bear this machine's time: not where other machines write, too.
    pub is_local: bool,
}

/// By magic number (statfs(2)).
const KNOWN: [(u64, &str, bool); 14] = [
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
    (0x00C3_6400, "Ceph", false),
    (0x5346_414F, "AFS", false),
];

impl FileSystem {
    /// The one that a path is on; the number of one that is not known.
    pub fn of(path: &Path) -> std::io::Result<Result<Self, u64>> {
        let magic = rustix::fs::statfs(path)?.f_type as u64 & 0xFFFF_FFFF;
        Ok(Self::known(magic).ok_or(magic))
    }

    fn known(magic: u64) -> Option<Self> {
        let (_, name, is_local) = *KNOWN.iter().find(|it| it.0 == magic)?;
        Some(Self { name, is_local })
    }

    /// Whether the path is surely on a file system of this machine alone.
    pub fn is_local(path: &Path) -> bool {
        matches!(Self::of(path), Ok(Ok(it)) if it.is_local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_other_machines_are_told_from_local_ones() {
        let is_local = |magic| FileSystem::known(magic).map(|it| it.is_local);
        assert_eq!(is_local(0x6969), Some(false));
        assert_eq!(is_local(0x6573_5546), Some(false));
        assert_eq!(is_local(0xEF53), Some(true));
        assert_eq!(is_local(1), None);
        assert_eq!(FileSystem::of(Path::new("/proc")).unwrap(), Err(0x9FA0));
        assert!(!FileSystem::is_local(Path::new("/proc")));
    }
}
