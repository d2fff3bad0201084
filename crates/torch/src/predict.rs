//! Predictions of a package for raw rows: a file in, a file out. Knows no stage.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use pipe_data::read_rows_by;
use pipe_package::{ManifestCheck, OpenOptions};
use pipe_schema::protocol::{Done, Predict, Request, RowForm};
use pipe_wire::Reporter;
use serde_json::{Map, Value};

use crate::{
    answer::{self, Answers, Form, shortest},
    error::{Error, Result},
    package::Opened,
    request::input,
};

/// The most rows in memory: files may be larger than it is.
const AT_A_TIME: usize = 1 << 14;
/// The most numbers of rows in memory.
const NUMBERS: usize = 1 << 26;

/// Reads the inputs `package` and `rows`, one file or several; writes `predictions.<form>`.
pub fn predict(work: &Predict, request: &Request, reporter: &mut Reporter) -> Result<Done> {
    let options = OpenOptions {
        manifest: if work.no_verify {
            ManifestCheck::Skipped
        } else {
            ManifestCheck::Always
        },
        allow_script: work.allow_script,
        golden: work.verify,
        memory: work.memory,
    };
    let package = Opened::open(input(request, "package")?.path.as_ref(), &options)?;
    if work.verify {
        package.check_golden()?;
    }
    let path = Path::new(&request.output).join(match work.output {
        RowForm::Csv => "predictions.csv",
        RowForm::Jsonl => "predictions.jsonl",
    });
    let mut table = Table::create(path, *work, &package.form)?;
    let mut is_first = true;
    let schema = &package.schema;
    let at_a_time = rows_at_a_time(schema.features.len(), package.batch);
    for path in rows(request)? {
        read_rows_by(at_a_time, path, work.input, schema, &mut |rows| {
            if std::mem::take(&mut is_first) {
                rows.notes.iter().for_each(|note| reporter.log(note));
            }
            table.write(&package.answers(&rows)?)
        })?;
    }
    table.finish()?;
    Ok(Done::default())
}

/// How many rows of this width are in memory at once: whole steps of the network, as far as there is room.
fn rows_at_a_time(width: usize, batch: usize) -> usize {
    let room = (NUMBERS / width.max(1)).clamp(1, AT_A_TIME);
    if room < batch {
        return room;
    }
    room - room % batch
}

/// The files of rows: `rows`, or `rows/0`, `rows/1` and so on, in the order of their roles.
fn rows(request: &Request) -> Result<Vec<&Path>> {
    let several = request.inputs.iter().filter(|it| it.0.starts_with("rows/"));
    let several: Vec<&Path> = several.map(|it| it.1.path.as_ref()).collect();
    if several.is_empty() {
        return Ok(vec![input(request, "rows")?.path.as_ref()]);
    }
    Ok(several)
}

/// Predictions on their way into a file.
struct Table<'a> {
    path: PathBuf,
    file: BufWriter<File>,
    output: RowForm,
    probabilities: bool,
    form: &'a Form,
}

impl<'a> Table<'a> {
    fn create(path: PathBuf, work: Predict, form: &'a Form) -> Result<Self> {
        let file = File::create(&path).map_err(|error| Error::io(&path, &error))?;
        let mut table = Self {
            path,
            file: BufWriter::new(file),
            output: work.output,
            probabilities: work.probabilities,
            form,
        };
        if work.output == RowForm::Csv {
            table.line(&form.header(work.probabilities))?;
        }
        Ok(table)
    }

    fn write(&mut self, answers: &Answers) -> Result<()> {
        for position in 0..answers.len() {
            match self.output {
                RowForm::Csv => {
                    let fields = answer::fields(answers, position, self.form, self.probabilities);
                    self.line(&fields)?;
                }
                RowForm::Jsonl => {
                    let row = self.object(answers, position);
                    writeln!(self.file, "{row}").map_err(|it| Error::io(&self.path, &it))?;
                }
            }
        }
        Ok(())
    }

    fn object(&self, answers: &Answers, position: usize) -> Value {
        let mut row = Map::new();
        let prediction = answers.prediction(position, self.form);
        row.insert("prediction".to_owned(), prediction);
        let shares = answers.probabilities(position);
        if self.probabilities && !shares.is_empty() {
            let shares = shares.iter().map(|it| Value::from(shortest(*it)));
            let names = self.form.names().iter().cloned();
            let shares: Map<String, Value> = names.zip(shares).collect();
            row.insert("probabilities".to_owned(), Value::Object(shares));
        }
        Value::Object(row)
    }

    fn line(&mut self, fields: &[String]) -> Result<()> {
        csv::Writer::from_writer(&mut self.file)
            .write_record(fields)
            .map_err(|error| Error::io(&self.path, &io::Error::from(error)))
    }

    fn finish(mut self) -> Result<()> {
        self.file
            .flush()
            .map_err(|error| Error::io(&self.path, &error))
    }
}

#[cfg(test)]
mod tests;
