//! What can go wrong with data, in the words of its owner. Knows no stage.

use std::{fmt, io, path::Path};

use pipe_schema::{protocol::Failed, run::FailureKind};

use crate::limits::TooLarge;

/// A message that names file, line and column where there are any, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    /// `Wrong` for what the data or its description says, `Io` for what the machine could not do.
    pub kind: FailureKind,
    /// A lowercase fragment.
    pub message: String,
    pub hint: Option<String>,
}

impl DataError {
    /// The data, or what is asked of it, is wrong.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Wrong,
            message: message.into(),
            hint: None,
        }
    }

    /// A file could not be read or written.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof => FailureKind::Wrong,
            _ => FailureKind::Io,
        };
        let is_too_large = error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooLarge>);
        Self {
            kind,
            message: format!("{}: {error}", path.display()),
            hint: is_too_large.then(|| TooLarge::HINT.to_owned()),
        }
    }

    /// A packed file unpacks to more than it may.
    pub fn too_large(path: &Path, error: TooLarge) -> Self {
        Self::wrong(format!("{}: {error}", path.display())).hint(TooLarge::HINT)
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DataError {}

impl From<DataError> for Failed {
    fn from(error: DataError) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
        }
    }
}
