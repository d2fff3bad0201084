//! `predictions.csv`: answers beside the truth, by row. Numbers are written in their shortest exact form.

use std::{fs::File, io, path::Path};

use pipe_data::TargetValues;

use super::Answers;
use crate::error::{Error, Result};

/// A report's predictions, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// Ids of the rows.
    pub rows: Vec<u64>,
    pub answers: Answers,
}

/// The columns that say what is predicted.
pub fn header(names: &[String], probabilities: bool) -> Vec<String> {
    let columns = names.iter().filter(|_| probabilities);
    std::iter::once("prediction".to_owned())
        .chain(columns.map(|name| format!("p={name}")))
        .collect()
}

/// The fields under `header`.
pub fn fields(
    answers: &Answers,
    position: usize,
    names: &[String],
    probabilities: bool,
) -> Vec<String> {
    let prediction = match answers {
        Answers::Classes { chosen, .. } => names[chosen[position]].clone(),
        Answers::Numbers(numbers) => number_text(numbers[position]),
    };
    let shares = answers.probabilities(position).iter();
    std::iter::once(prediction)
        .chain(shares.filter(|_| probabilities).map(|it| number_text(*it)))
        .collect()
}

/// The shortest text that reads back as this number.
pub fn number_text(number: f32) -> String {
    format!("{number:?}")
}

/// Writes answers beside the truth.
pub fn write(
    path: &Path,
    rows: &[u64],
    truth: &TargetValues,
    answers: &Answers,
    names: &[String],
) -> Result<()> {
    let file = File::create(path).map_err(|error| Error::io(path, &error))?;
    let mut table = csv::Writer::from_writer(io::BufWriter::new(file));
    let mut record = vec!["row".to_owned(), "target".to_owned()];
    record.extend(header(names, true));
    table.write_record(&record).map_err(|it| failed(path, it))?;
    for (position, row) in rows.iter().enumerate() {
        let target = match truth {
            TargetValues::Classes(truth) => names[truth[position] as usize].clone(),
            TargetValues::Numbers(truth) => format!("{:?}", truth[position]),
        };
        record.clear();
        record.extend([row.to_string(), target]);
        record.extend(fields(answers, position, names, true));
        table.write_record(&record).map_err(|it| failed(path, it))?;
    }
    table.flush().map_err(|error| Error::io(path, &error))
}

/// Reads what `write` wrote. `names` are the classes of the model that is meant to have made it.
pub fn read(path: &Path, names: &[String]) -> Result<Reported> {
    let mut table = csv::Reader::from_path(path).map_err(|it| failed(path, it))?;
    let mut wanted = vec!["row".to_owned(), "target".to_owned()];
    wanted.extend(header(names, true));
    let found = table.headers().map_err(|it| failed(path, it))?;
    if found != &csv::StringRecord::from(wanted.clone()) {
        let found = found.iter().collect::<Vec<_>>().join(",");
        let wanted = wanted.join(",");
        return Err(Error::unreadable(
            path,
            format!("the columns are {found}, not {wanted}: the predictions of another model"),
        ));
    }
    let mut rows = Vec::new();
    let mut chosen = Vec::new();
    let mut numbers = Vec::new();
    for (line, record) in (2..).zip(table.records()) {
        let record = record.map_err(|it| failed(path, it))?;
        let bad =
            |field: &str| Error::unreadable(path, format!("line {line}: `{field}` is unexpected"));
        rows.push(record[0].parse().map_err(|_| bad(&record[0]))?);
        let from = if names.is_empty() {
            2
        } else {
            let class = names.iter().position(|it| *it == record[2]);
            chosen.push(class.ok_or_else(|| bad(&record[2]))?);
            3
        };
        for field in record.iter().skip(from) {
            numbers.push(field.parse().map_err(|_| bad(field))?);
        }
    }
    let answers = if names.is_empty() {
        Answers::Numbers(numbers)
    } else {
        Answers::Classes {
            chosen,
            probabilities: numbers,
        }
    };
    Ok(Reported { rows, answers })
}

fn failed(path: &Path, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::io(path, &error),
        other => Error::unreadable(path, format!("{other:?}")),
    }
}
