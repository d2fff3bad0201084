//! What the file system says of a file, when that may be believed, and what time it is there.
//! Two states of a file within one tick of the clock look alike; see `Moment`.

use std::{fs::File, io, path::Path, time::SystemTime};

use rustix::fs::{AtFlags, FileType, Timespec, Timestamps, UTIME_NOW};

use super::{disk, fault};

const SECOND: i64 = 1_000_000_000;
/// Clocks of file systems move with the kernel's tick, at most 10 ms.
const TICK_MARGIN: i64 = 20_000_000;
/// No tick of a kernel is shorter: what lies nearer together was told apart by a finer clock.
const SHORTEST_TICK: i64 = 900_000;
/// Where times have whole seconds (or two, on FAT), or come from another machine.
const COARSE_MARGIN: i64 = 3 * SECOND;
/// Where another machine stamps files by its own clock, which may be slow.
const FOREIGN_MARGIN: i64 = 3600 * SECOND;

/// What tells two states of a file apart. Times in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    pub mode: u32,
    pub mtime: i64,
    /// Set by the kernel alone: `touch -d` restores the other one, never this.
    pub ctime: i64,
}

#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "the fields' types differ between platforms"
)]
impl From<&rustix::fs::Stat> for Stat {
    fn from(stat: &rustix::fs::Stat) -> Self {
        let time = |seconds: i64, nanos: i64| seconds.saturating_mul(SECOND).saturating_add(nanos);
        let stat = Self {
            dev: stat.st_dev as u64,
            ino: stat.st_ino as u64,
            size: stat.st_size as u64,
            mode: stat.st_mode as u32,
            mtime: time(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime: time(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        };
        #[cfg(test)]
        let stat = made_up::seen(stat);
        if fault::hides_change_times() {
            return Self { ctime: 0, ..stat };
        }
        stat
    }
}

impl Stat {
    /// Of what a path means, links followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&rustix::fs::stat(path)?))
    }

    /// Of the path itself.
    pub fn of_link(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&rustix::fs::lstat(path)?))
    }

    pub fn of_file(file: &File) -> io::Result<Self> {
        #[cfg(test)]
        made_up::pass();
        Ok(Self::from(&rustix::fs::fstat(file)?))
    }

    pub fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }

    pub fn is_directory(&self) -> bool {
        self.kind() == FileType::Directory
    }

    /// As git sees it: by the owner's bit.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Whether both are of one file.
    pub fn is_of(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }

    /// How many bytes the fields take.
    pub const BYTES: usize = 44;

    /// The fields as bytes, for hashing many of them into one stamp.
    pub fn bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let fields = [
            self.dev,
            self.ino,
            self.size,
            self.mtime as u64,
            self.ctime as u64,
        ];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        bytes[40..].copy_from_slice(&self.mode.to_be_bytes());
        bytes
    }

    /// From `bytes`.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (fields, mode) = bytes.split_at(40);
        let mut fields = (fields.chunks_exact(8))
            .map(|it| it.iter().fold(0, |sum, it| sum << 8 | u64::from(*it)));
        let mut next = || fields.next().unwrap_or_default();
        Self {
            dev: next(),
            ino: next(),
            size: next(),
            mtime: next() as i64,
            ctime: next() as i64,
            mode: mode.iter().fold(0, |sum, it| sum << 8 | u32::from(*it)),
        }
    }
}

/// A time by the clock that stamps the files in question, and how far apart two changes must be for their times to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub now: i64,
    pub margin: i64,
    /// Whether each change after a look has a time of its own, as in Linux from 6.13 on: then there is nothing to be unsure of.
    pub is_fine: bool,
}

impl Moment {
    /// By a probe file in `folder`: the clock of its file system.
    pub fn probe(folder: &Path) -> io::Result<Self> {
        #[cfg(test)]
        if let Some(now) = made_up::now() {
            return Ok(Self::at(now));
        }
        let probe = disk::nameless_file(folder)?;
        let touch = || -> io::Result<Stat> {
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_NOW,
            };
            let times = Timestamps {
                last_access: now,
                last_modification: now,
            };
            rustix::fs::futimens(&probe, &times)?;
            Stat::of_file(&probe)
        };
        let (first, second) = (touch()?, touch()?);
        let is_fine = (1..SHORTEST_TICK).contains(&(second.ctime - first.ctime));
        Ok(Self {
            is_fine,
            ..Self::at(second.mtime)
        })
    }

    /// By what the clock says: one that knows whole seconds only shows itself by them.
    fn at(now: i64) -> Self {
        let is_coarse = now % SECOND == 0;
        Self {
            now,
            margin: if is_coarse {
                COARSE_MARGIN
            } else {
                TICK_MARGIN
            },
            is_fine: false,
        }
    }

    /// The same by the kernel's clock, from which the file system takes its times, as a probe has shown.
    pub fn by(clock: Clock) -> Self {
        #[cfg(test)]
        if let Some(now) = made_up::now() {
            return Self::at(now);
        }
        Self {
            now: kernel_time(),
            margin: clock.margin,
            is_fine: clock.is_fine,
        }
    }

    /// By this machine's clock, for file systems that cannot be probed: of this machine, or of another.
    pub fn guess(is_local: bool) -> Self {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |it| i64::try_from(it.as_nanos()).unwrap_or(i64::MAX));
        Self {
            now,
            margin: if is_local {
                COARSE_MARGIN
            } else {
                FOREIGN_MARGIN
            },
            is_fine: false,
        }
    }

    /// Whether a change of the file after this moment shows in its stat.
    pub fn is_sure_of(self, stat: &Stat) -> bool {
        stat.mtime.max(stat.ctime) < self.sure_before()
    }

    /// Whether the file had its last change before this moment, and any later one would show.
    pub fn is_after(self, stat: &Stat) -> bool {
        let margin = if self.is_fine { 0 } else { self.margin };
        stat.mtime.max(stat.ctime) < self.now.saturating_sub(margin)
    }

    /// Files whose times are before this had their last change seen by what is read from now on.
    pub fn sure_before(self) -> i64 {
        if self.is_fine {
            return i64::MAX;
        }
        self.now.saturating_sub(self.margin)
    }
}

/// How a file system whose times are those of the kernel's clock stamps files.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    margin: i64,
    is_fine: bool,
}

impl Clock {
    /// What a probe tells, if it lies between two looks at the kernel's clock.
    pub fn of(probed: Moment, before: i64, after: i64) -> Option<Self> {
        let is_kernels = (before - probed.margin..=after + TICK_MARGIN).contains(&probed.now);
        is_kernels.then_some(Self {
            margin: probed.margin,
            is_fine: probed.is_fine,
        })
    }
}

/// The clock from which the kernel takes the times of files, in nanoseconds since 1970. Far cheaper than a probe.
pub fn kernel_time() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    now.tv_sec
        .saturating_mul(SECOND)
        .saturating_add(now.tv_nsec)
}

/// Of a name in an open folder.
pub fn stat_at(
    folder: impl rustix::fd::AsFd,
    name: impl rustix::path::Arg,
    follow: bool,
) -> io::Result<rustix::fs::Stat> {
    let flags = if follow {
        AtFlags::empty()
    } else {
        AtFlags::SYMLINK_NOFOLLOW
    };
    Ok(rustix::fs::statat(folder, name, flags)?)
}

/// Times for tests, of this thread alone: on a fast clock, what goes wrong within one tick never happens.
#[cfg(test)]
pub mod made_up {
    use std::cell::Cell;

    use super::Stat;

    /// What the file system says, whatever is true.
    #[derive(Clone, Copy)]
    pub struct Times {
        pub mtime: i64,
        pub ctime: i64,
        pub now: i64,
        /// How much later it is after each look at an open file.
        pub pace: i64,
    }

    thread_local! {
        static TIMES: Cell<Option<Times>> = const { Cell::new(None) };
    }

    pub fn set(times: Times) {
        TIMES.set(Some(times));
    }

    pub fn now() -> Option<i64> {
        TIMES.get().map(|it| it.now)
    }

    pub fn pass() {
        TIMES.set(TIMES.get().map(|it| Times {
            now: it.now + it.pace,
            ..it
        }));
    }

    pub fn seen(stat: Stat) -> Stat {
        match TIMES.get() {
            Some(Times { mtime, ctime, .. }) => Stat {
                mtime,
                ctime,
                ..stat
            },
            None => stat,
        }
    }
}
