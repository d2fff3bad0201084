//! Why a package is refused, in users' words with a remedy.

use std::{fmt, io, path::Path};

use pipe_data::DataError;
use pipe_schema::{protocol::Failed, run::FailureKind};

pub type Result<T, E = PackageError> = std::result::Result<T, E>;

/// A package, or a file of it, that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageError {
    /// `Wrong` for what the package says, `Io` for what the machine could not do.
    pub kind: FailureKind,
    /// A lowercase fragment that begins with the path.
    pub message: String,
    pub hint: Option<String>,
}

impl PackageError {
    /// The package is not what it should be.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Wrong,
            message: message.into(),
            hint: None,
        }
    }

    /// A file does not hold what its name says.
    pub fn unreadable(path: &Path, why: impl fmt::Display) -> Self {
        Self::wrong(format!("{}: {why}", path.display()))
            .hint("get the package again from where it comes, or run the package stage again")
    }

    /// A file is not the one that was packed.
    pub fn damaged(path: &Path, what: impl fmt::Display) -> Self {
        Self::wrong(format!("{} {what}", path.display()))
            .hint("get the package again from where it comes; in a store, `pipe verify` sets it aside and `pipe run` makes it again")
    }

    /// Reading failed.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::PermissionDenied => FailureKind::Wrong,
            _ => FailureKind::Io,
        };
        Self {
            kind,
            message: format!("{}: {error}", path.display()),
            hint: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for PackageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for PackageError {}

impl From<DataError> for PackageError {
    fn from(error: DataError) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
        }
    }
}

impl From<PackageError> for Failed {
    fn from(error: PackageError) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
        }
    }
}
