//! What goes wrong around a stage's job, as the stage's failure. Knows no stage.

use std::path::Path;

use pipe_schema::run::{Failure, FailureKind};

use crate::{exec::failure, store::StoreError};

/// The store's trouble as a stage's failure.
pub fn of_store(error: &StoreError) -> Failure {
    let kind = match error {
        StoreError::OutputMissing { .. }
        | StoreError::Unfit { .. }
        | StoreError::NotReproducible(_) => FailureKind::Output,
        StoreError::Missing(_)
        | StoreError::InUse(_)
        | StoreError::NotAnOut { .. }
        | StoreError::ReadOnly(_)
        | StoreError::Removed(_) => FailureKind::Wrong,
        _ => FailureKind::Io,
    };
    failure::plain(kind, error.to_string(), error.hint().as_deref())
}

/// A path as a request can hold it.
pub fn text_of(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        failure::plain(
            FailureKind::Wrong,
            format!("the path `{}` is not valid UTF-8", path.display()),
            Some("rename it"),
        )
    })
}
