//! What goes wrong in tensor work, in users' words with a remedy. Unaware of who asked for the work.

use std::{fmt, io, path::Path};

use pipe_data::DataError;
use pipe_package::PackageError;
use pipe_schema::{protocol::Failed, run::FailureKind};
use tch::TchError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure as the runner is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(Failed);

impl Error {
    /// The input or the configuration is wrong; trying again would not help.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Wrong, message)
    }

    /// Reading or writing failed. What is not there will not be there the next time.
    pub fn io(path: impl AsRef<Path>, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => FailureKind::Wrong,
            _ => FailureKind::Io,
        };
        Self::of(kind, format!("{}: {error}", path.as_ref().display()))
    }

    /// A file is not what it should be.
    pub fn unreadable(path: impl AsRef<Path>, why: impl fmt::Display) -> Self {
        Self::wrong(format!("{}: {why}", path.as_ref().display()))
    }

    /// Something that cannot happen, happened.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Bug, message)
    }

    /// A failure of libtorch: its first words, without the trace through its own code.
    pub fn libtorch(text: &str) -> Self {
        let cause = text.split("Exception raised from").next().unwrap_or(text);
        // Of a TorchScript program that failed, its last word: before it stands the program's own text.
        let last = cause.rsplit_once("RuntimeError: ").map(|(_, last)| last);
        let cause = last.unwrap_or(cause);
        let cause = cause.trim().trim_end_matches(['.', '(']).trim_end();
        if [
            "out of memory",
            "not enough memory",
            "can't allocate memory",
        ]
        .iter()
        .any(|words| cause.to_lowercase().contains(words))
        {
            return Self::wrong(format!("not enough memory: {cause}"))
                .hint("a smaller `batch_size` or a smaller network needs less");
        }
        Self::wrong(format!("libtorch: {cause}"))
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says before the message where it happened.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    fn of(kind: FailureKind, message: impl Into<String>) -> Self {
        Self(Failed {
            kind,
            message: message.into(),
            hint: None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)?;
        match &self.0.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        match error {
            TchError::Torch(text) => Self::libtorch(&text),
            other => Self::wrong(other.to_string()),
        }
    }
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self(error.into())
    }
}

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        Self(error.into())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        error.0
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn libtorch_is_cut_before_its_trace() {
        let a = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        let error = Error::from(a.f_matmul(&a).unwrap_err());
        assert_eq!(
            error.0.message,
            "libtorch: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"
        );
    }

    #[test]
    fn libtorch_is_told_without_the_text_of_a_program() {
        let text = "The following operation failed in the TorchScript interpreter.\nTraceback\n  a = b\nRuntimeError: unable to open file\nException raised from f";
        assert_eq!(
            Error::libtorch(text).0.message,
            "libtorch: unable to open file"
        );
    }

    #[test]
    fn lack_of_memory_names_the_batch_size() {
        let error =
            Error::from(Tensor::f_zeros([1 << 44], (Kind::Float, Device::Cpu)).unwrap_err());
        assert!(error.0.message.starts_with("not enough memory"), "{error}");
        assert!(error.0.hint.unwrap().contains("batch_size"));
    }
}
