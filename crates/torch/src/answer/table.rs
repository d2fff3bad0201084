//! `predictions.csv`: answers beside the truth, by row. Numbers have all digits of what was measured, so that whoever reads
//! them as doubles gets the same metrics.

use std::{fs::File, io, path::Path};

use pipe_data::{Grid, TargetValues};

use super::{Answers, Form};
use crate::error::{Error, Result};

/// A report's predictions, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// Ids of the rows.
    pub rows: Vec<u64>,
    pub answers: Answers,
}

/// The column of files' names, where each row is a file.
pub const FILE_COLUMN: &str = "file";

/// The fields under the form's header, with numbers written by `text`.
pub fn fields(
    answers: &Answers,
    position: usize,
    form: &Form,
    probabilities: bool,
    text: fn(f32) -> String,
) -> Vec<String> {
    let mut fields = match answers {
        Answers::Classes { chosen, .. } => vec![form.names()[chosen[position]].clone()],
        Answers::Numbers(numbers) => vec![text(numbers[position])],
        Answers::Labels { chosen, .. } => {
            let chosen = chosen.row(position).iter();
            chosen.map(bool::to_string).collect()
        }
        Answers::Several(numbers) => {
            let numbers = numbers.row(position).iter();
            numbers.map(|it| text(*it)).collect()
        }
    };
    if probabilities {
        let shares = answers.probabilities(position).iter();
        fields.extend(shares.map(|it| text(*it)));
    }
    fields
}

/// The shortest text that reads back as this number.
pub fn number_text(number: f32) -> String {
    format!("{number:?}")
}

/// The shortest text that reads back as the double that this number is: metrics are computed of these.
fn exact_text(number: f32) -> String {
    format!("{:?}", f64::from(number))
}

/// Writes answers beside the truth, by the rows' ids and, where there are any, the names of their files.
pub fn write(
    path: &Path,
    (rows, files): (&[u64], &[String]),
    truth: &TargetValues,
    answers: &Answers,
    form: &Form,
) -> Result<()> {
    let file = File::create(path).map_err(|error| Error::io(path, &error))?;
    let mut table = csv::Writer::from_writer(io::BufWriter::new(file));
    let header = header(form, !files.is_empty());
    table.write_record(&header).map_err(|it| failed(path, it))?;
    for (position, row) in rows.iter().enumerate() {
        let mut record = vec![row.to_string()];
        record.extend(files.get(position).cloned());
        match truth {
            TargetValues::Classes(truth) => {
                record.push(form.names()[truth[position] as usize].clone());
            }
            TargetValues::Numbers(truth) => record.push(format!("{:?}", truth[position])),
            TargetValues::Several(truth) => {
                record.extend(truth.row(position).iter().map(|it| format!("{it:?}")));
            }
            TargetValues::Labels(truth) => {
                record.extend(truth.row(position).iter().map(bool::to_string));
            }
        }
        record.extend(fields(answers, position, form, true, exact_text));
        table.write_record(&record).map_err(|it| failed(path, it))?;
    }
    table.flush().map_err(|error| Error::io(path, &error))
}

fn header(form: &Form, has_files: bool) -> Vec<String> {
    let mut header = vec!["row".to_owned()];
    header.extend(has_files.then(|| FILE_COLUMN.to_owned()));
    header.extend(form.truth_header());
    header.extend(form.header(true));
    header
}

/// Reads what `write` wrote. The form is that of the model that is meant to have made it.
pub fn read(path: &Path, form: &Form) -> Result<Reported> {
    let mut table = csv::Reader::from_path(path).map_err(|it| failed(path, it))?;
    let found = table.headers().map_err(|it| failed(path, it))?;
    let has_files = found.get(1) == Some(FILE_COLUMN);
    let wanted = header(form, has_files);
    if found != &csv::StringRecord::from(wanted.clone()) {
        let found = found.iter().collect::<Vec<_>>().join(",");
        let wanted = wanted.join(",");
        return Err(Error::unreadable(
            path,
            format!("the columns are {found}, not {wanted}: the predictions of another model"),
        ));
    }
    let names = form.names();
    // The row, its file and the truth come first.
    let first = 1 + usize::from(has_files) + form.truth_header().len();
    let (mut rows, mut chosen, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers = Vec::new();
    for (line, record) in (2..).zip(table.records()) {
        let record = record.map_err(|it| failed(path, it))?;
        let bad =
            |field: &str| Error::unreadable(path, format!("line {line}: `{field}` is unexpected"));
        rows.push(record[0].parse().map_err(|_| bad(&record[0]))?);
        let mut fields = record.iter().skip(first);
        match form {
            Form::Classes(_) => {
                let field = fields.next().unwrap_or_default();
                let class = names.iter().position(|it| it == field);
                chosen.push(class.ok_or_else(|| bad(field))?);
            }
            Form::Labels(_) => {
                for field in fields.by_ref().take(names.len()) {
                    labels.push(field.parse::<bool>().map_err(|_| bad(field))?);
                }
            }
            Form::Number | Form::Numbers(_) => {}
        }
        for field in fields {
            numbers.push(field.parse().map_err(|_| bad(field))?);
        }
    }
    let answers = match form {
        Form::Number => Answers::Numbers(numbers),
        Form::Numbers(_) => Answers::Several(Grid::new(form.width(), numbers)),
        Form::Classes(_) => Answers::Classes {
            chosen,
            probabilities: numbers,
        },
        Form::Labels(_) => Answers::Labels {
            chosen: Grid::new(form.width(), labels),
            probabilities: Grid::new(form.width(), numbers),
        },
    };
    Ok(Reported { rows, answers })
}

fn failed(path: &Path, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::io(path, &error),
        other => Error::unreadable(path, format!("{other:?}")),
    }
}
