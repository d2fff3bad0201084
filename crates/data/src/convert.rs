//! A dataset's part in a form for commands. Knows no command.

use std::path::Path;

use pipe_schema::stage::command::InputForm;

use crate::{dataset::Dataset, error::DataError};

/// Writes a part to the file `out`: `row`, the features, the target.
pub fn convert(
    dataset: &Dataset,
    part: &str,
    form: InputForm,
    out: &Path,
) -> Result<(), DataError> {
    let _ = (dataset, part, form, out);
    Err(DataError::wrong("datasets are not converted yet"))
}
