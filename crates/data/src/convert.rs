//! A dataset's part in a form for commands. Knows no command.

use std::{fs::File, io, path::Path};

use pipe_schema::{dataset::TargetKind, stage::command::InputForm};

use crate::{
    dataset::{Dataset, TargetValues},
    error::DataError,
    infer,
};

/// Writes a part to the file `out`: `row`, the features, the target; classes by their names.
pub fn convert(
    dataset: &Dataset,
    part: &str,
    form: InputForm,
    out: &Path,
) -> Result<(), DataError> {
    match form {
        InputForm::Csv => write_csv(dataset, part, out).map_err(|it| match it {
            Failure::Data(error) => error,
            Failure::Write(error) => DataError::io(out, &error),
        }),
    }
}

enum Failure {
    Data(DataError),
    Write(io::Error),
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        Self::Write(error.into())
    }
}

fn write_csv(dataset: &Dataset, part: &str, out: &Path) -> Result<(), Failure> {
    let schema = dataset.schema();
    let rows = dataset.part(part).map_err(Failure::Data)?;
    let file = File::create(out).map_err(Failure::Write)?;
    let mut writer = csv::Writer::from_writer(file);
    writer.write_field("row")?;
    for name in &schema.features {
        writer.write_field(name)?;
    }
    writer.write_field(&schema.target.name)?;
    writer.write_record(None::<&[u8]>)?;
    let width = rows.features.width;
    let features = rows.features.values.chunks_exact(width.max(1));
    for ((at, id), features) in rows.rows.iter().enumerate().zip(features) {
        writer.write_field(id.to_string())?;
        for value in features {
            writer.write_field(format!("{value}"))?;
        }
        writer.write_field(match (&rows.target, &schema.target.kind) {
            (TargetValues::Classes(codes), TargetKind::Classes { names, .. }) => {
                names.get(codes[at] as usize).cloned().unwrap_or_default()
            }
            (TargetValues::Classes(codes), TargetKind::Number { .. }) => codes[at].to_string(),
            (TargetValues::Numbers(numbers), _) => infer::number_text(numbers[at]),
        })?;
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush().map_err(Failure::Write)
}
