//! A dataset's part in a form for commands. Knows no command.

use std::{fs::File, io, path::Path};

use pipe_schema::{dataset::Target, stage::command::InputForm};

use crate::{
    dataset::{Dataset, TargetValues},
    error::DataError,
    infer,
};

/// Writes a part to the file `out`: `row`, the features, the targets; classes by their names, labels as `true` and `false`.
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
    for name in schema.target.columns() {
        writer.write_field(name)?;
    }
    writer.write_record(None::<&[u8]>)?;
    let width = rows.features.width;
    let features = rows.features.values.chunks_exact(width.max(1));
    for ((at, id), features) in rows.rows.iter().enumerate().zip(features) {
        writer.write_field(id.to_string())?;
        for value in features {
            writer.write_field(format!("{value}"))?;
        }
        for text in texts(&rows.target, &schema.target, at) {
            writer.write_field(text)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush().map_err(Failure::Write)
}

/// The targets of a row.
fn texts(values: &TargetValues, target: &Target, row: usize) -> Vec<String> {
    match values {
        TargetValues::Classes(codes) => {
            let name = target.classes().get(codes[row] as usize);
            vec![name.cloned().unwrap_or_default()]
        }
        TargetValues::Numbers(numbers) => vec![infer::number_text(numbers[row])],
        TargetValues::Several(grid) => {
            let numbers = grid.row(row).iter();
            numbers.map(|it| infer::number_text(*it)).collect()
        }
        TargetValues::Labels(grid) => grid.row(row).iter().map(bool::to_string).collect(),
    }
}
