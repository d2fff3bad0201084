//! What can go wrong in the store, with the path it happened at and what to do about it.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use rustix::io::Errno;
use thiserror::Error;

use crate::protected::OutRefusal;

pub type Result<T> = std::result::Result<T, StoreError>;

/// A failure of the store. The message names the path; `hint` says what to do.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot {action} `{}`: {}", path.display(), plain(source))]
    Io {
        /// `read`, `write`, `create`, …
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("`{}` is a store of layout version `{found}`, which this pipe does not know (it knows {known})", path.display())]
    UnknownVersion {
        path: PathBuf,
        found: String,
        known: u32,
    },
    #[error("`{}` is damaged", path.display())]
    DamagedVersion { path: PathBuf, known: u32 },
    #[error("`{}` is not a store", .0.display())]
    NotAStore(PathBuf),
    #[error("the store `{}` was removed meanwhile", .0.display())]
    Removed(PathBuf),
    #[error("`{}` has files in it and is not a store", .0.display())]
    NotEmpty(PathBuf),
    #[error("the store `{}` cannot be written", .0.display())]
    ReadOnly(PathBuf),
    #[error("`{}` is {what}, where the store has a folder", path.display())]
    NoFolder { path: PathBuf, what: &'static str },
    /// Something in a tree that an artifact cannot hold.
    #[error("`{}` {why}", path.display())]
    Unfit { path: PathBuf, why: &'static str },
    #[error("`{}` does not exist", .0.display())]
    Missing(PathBuf),
    #[error("output `{output}` was not written: `{}` does not exist", path.display())]
    OutputMissing { output: String, path: PathBuf },
    #[error("`{}` changes while it is read", .0.display())]
    Changing(PathBuf),
    #[error("`{}` may be written by another run at this moment: locks do not count here", .0.display())]
    InUse(PathBuf),
    #[error("`{}` cannot be an out: it {}", path.display(), refusal.reason)]
    NotAnOut { path: PathBuf, refusal: OutRefusal },
    #[error("the store has no artifact {0}")]
    NoArtifact(String),
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("whether a run works with the store `{}` cannot be known: {why}", path.display())]
    Distrusted { path: PathBuf, why: String },
    #[error("it is not reproducible: {} {} other bytes when it was made again", quoted(.0), if .0.len() == 1 { "has" } else { "have" })]
    NotReproducible(Vec<String>),
    #[error("another run uses the out `{0}`")]
    OutBusy(String),
    #[error("another process works with the store `{}`: {what}", path.display())]
    Busy { path: PathBuf, what: String },
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Io { source, path, .. } => return io_hint(source, path),
            Self::UnknownVersion { known, .. } => {
                return Some(format!(
                    "use the pipe that made it, or another folder with `--store DIR`; if no other pipe ever used it, its `VERSION` is damaged: write `{known}` into it"
                ));
            }
            Self::DamagedVersion { known, .. } => {
                return Some(format!(
                    "if this folder is a store of pipe, write `{known}` into the file; else name another folder with `--store DIR`"
                ));
            }
            Self::NotAStore(_) => {
                "a store is made by the first `pipe run`; `--store DIR` names another folder"
            }
            Self::Removed(_) => "run again: a new one is made",
            Self::NotEmpty(_) => "give an empty or new folder with `--store DIR`",
            Self::ReadOnly(_) => {
                "results can be looked up but not made; `--store DIR` names another folder"
            }
            Self::NoFolder { .. } => {
                "move it away: what the store needs there is made anew; `--store DIR` puts the whole store elsewhere"
            }
            Self::Unfit { .. } => "remove it, or replace it by an ordinary file",
            Self::OutputMissing { .. } => {
                "the stage must write all outputs that it declares, at these paths"
            }
            Self::Changing(_) => "run again when nothing writes to it",
            Self::InUse(_) => "wait until no other run works here, or move it away",
            Self::NotAnOut { refusal, .. } => refusal.hint,
            Self::NoArtifact(_) | Self::Damaged { .. } => "run the stage again",
            Self::Distrusted { .. } => {
                "keep the store on a disk of this machine with `--store DIR`; `pipe clean` removes it as a whole"
            }
            Self::NotReproducible(_) => {
                "the result in the store is kept; look for times, random numbers without a seed, and the order of files"
            }
            Self::Busy { .. } | Self::OutBusy(_) => "wait until it is done",
            Self::Missing(_) => return None,
        };
        Some(text.to_owned())
    }

    /// Whether there simply is nothing at the path.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing(_) => true,
            Self::Io { source, .. } => {
                matches!(source.kind(), ErrorKind::NotFound)
            }
            _ => false,
        }
    }

    /// Whether there is something that no artifact could hold, or that cannot be read: it is not in the store.
    pub(super) fn is_of_what_none_holds(&self) -> bool {
        let is_no_name = |it: &io::Error| it.kind() == ErrorKind::InvalidFilename;
        match self {
            Self::Unfit { .. } => true,
            Self::Io { source, .. } => self.is_denied() || is_no_name(source),
            _ => false,
        }
    }

    /// Whether the system does not let us.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied)
    }
}

/// Adds action and path to an I/O error.
pub(super) trait At<T> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| StoreError::io(action, path, source))
    }
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|errno| StoreError::io(action, path, errno.into()))
    }
}

/// Names as a list of words in backquotes.
pub fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The system's words without its `(os error 28)`, starting small.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn io_hint(error: &io::Error, path: &Path) -> Option<String> {
    let errno = Errno::from_io_error(error)?;
    Some(match errno {
        Errno::NOSPC | Errno::DQUOT => {
            "free some space, or let `pipe gc` remove what no recent run needs; nothing was published".to_owned()
        }
        Errno::MFILE | Errno::NFILE => {
            "too many files are open: raise the limit (`ulimit -n 4096`) or lower `--jobs`".to_owned()
        }
        Errno::IO => "the disk reports an error: check it before you trust what is on it".to_owned(),
        Errno::ROFS => "the file system is read-only; `--store DIR` names another folder".to_owned(),
        Errno::ACCESS | Errno::PERM => format!(
            "check who owns it: `ls -ld {}`",
            path.parent().unwrap_or(path).display()
        ),
        Errno::NAMETOOLONG => "use shorter names".to_owned(),
        Errno::BUSY => "something is mounted there: unmount it, or name a folder in it".to_owned(),
        _ => return None,
    })
}
