//! A dataset's part in a form for commands. Knows no command.

use std::{collections::HashSet, fs::File, io, path::Path};

use pipe_schema::{
    dataset::{DatasetSchema, Target},
    stage::command::InputForm,
};

use crate::{
    dataset::{Dataset, TargetValues},
    error::DataError,
    infer,
};

/// Writes a part to the file `out`: the row's id, the features, the targets; classes by their names, labels as `true` and
/// `false`. The first column is `row`, the targets have their own names; where a column before is called so, a name is
/// followed by as many `_` as it takes.
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
    let rows = dataset.part_as_kept(part).map_err(Failure::Data)?;
    let file = File::create(out).map_err(Failure::Write)?;
    let mut writer = csv::Writer::from_writer(file);
    for name in header(schema) {
        writer.write_field(name)?;
    }
    writer.write_record(None::<&[u8]>)?;
    for (at, id) in rows.rows.iter().enumerate() {
        writer.write_field(id.to_string())?;
        for value in &*rows.features.row(at) {
            writer.write_field(format!("{value}"))?;
        }
        for text in texts(&rows.target, &schema.target, at) {
            writer.write_field(text)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush().map_err(Failure::Write)
}

/// The names of the columns, each once: the row's id gives way to the features and targets.
fn header(schema: &DatasetSchema) -> Vec<String> {
    let features = schema.features.iter();
    let written: Vec<&String> = features.chain(schema.target.columns()).collect();
    let all: HashSet<&str> = written.iter().map(|name| name.as_str()).collect();
    let mut taken = HashSet::new();
    let mut names: Vec<String> = Vec::with_capacity(written.len() + 1);
    for name in written.into_iter().map(String::as_str).chain(["row"]) {
        let mut free = name.to_owned();
        while taken.contains(&free) || (free != name && all.contains(free.as_str())) {
            free.push('_');
        }
        taken.insert(free.clone());
        names.push(free);
    }
    names.rotate_right(1);
    names
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
