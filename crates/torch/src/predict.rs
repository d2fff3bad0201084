//! Predictions of a package for raw rows: a file in, a file out. Knows no stage.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use pipe_data::{CommonFolder, RawRows, form_of_rows, read_rows_by};
use pipe_package::{ManifestCheck, OpenOptions};
use pipe_schema::{
    dataset::RowFindings,
    protocol::{Done, Predict, Request, RowForm},
    stage::preprocess::Form as DataForm,
};
use pipe_wire::Reporter;
use serde_json::{Map, Value};

use crate::{
    answer::{self, Answers, FILE_COLUMN, Form, number_text, shortest},
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
    let schema = &package.schema;
    let paths = rows(request)?;
    let first = match (work.input, paths.first()) {
        (Some(form), _) => Some(form),
        (None, Some(path)) => Some(form_of_rows(path, schema)?),
        (None, None) => None,
    };
    let output = match work.output {
        RowForm::AsRows if first == Some(DataForm::Jsonl) => RowForm::Jsonl,
        RowForm::AsRows => RowForm::Csv,
        given => given,
    };
    let path = Path::new(&request.output).join(match output {
        RowForm::Csv | RowForm::AsRows => "predictions.csv",
        RowForm::Jsonl => "predictions.jsonl",
    });
    let work = Predict { output, ..*work };
    // A row of its own is known by its file's name.
    let are_files = first.is_some_and(|form| schema.read.has_file_rows(form));
    let folder = are_files.then(|| {
        CommonFolder::of(paths.iter().map(|path| {
            let above = path.parent().unwrap_or(path);
            if path.is_dir() { path } else { above }
        }))
    });
    let mut table = Table::create(path, work, &package.form, folder)?;
    let mut findings = RowFindings::default();
    let at_a_time = rows_at_a_time(schema.features.len(), package.batch);
    for path in paths {
        read_rows_by(at_a_time, path, work.input, schema, &mut |rows| {
            rows.losses.iter().for_each(|note| reporter.log(note));
            if rows.is_empty() && !rows.losses.is_empty() {
                return Ok(());
            }
            let (answers, found) = package.answers(&rows)?;
            findings.add(found);
            table.write(&answers, &rows)
        })?;
    }
    table.finish()?;
    Ok(Done {
        findings: Some(Box::new(findings)),
        ..Done::default()
    })
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
    /// Where rows are files: the folder that they have in common.
    folder: Option<CommonFolder>,
}

impl<'a> Table<'a> {
    fn create(
        path: PathBuf,
        work: Predict,
        form: &'a Form,
        folder: Option<CommonFolder>,
    ) -> Result<Self> {
        let file = File::create(&path).map_err(|error| Error::io(&path, &error))?;
        let mut table = Self {
            path,
            file: BufWriter::new(file),
            output: work.output,
            probabilities: work.probabilities,
            form,
            folder,
        };
        if work.output == RowForm::Csv {
            let mut header = form.header(work.probabilities);
            if table.folder.is_some() {
                header.insert(0, FILE_COLUMN.to_owned());
            }
            table.line(&header)?;
        }
        Ok(table)
    }

    fn write(&mut self, answers: &Answers, rows: &RawRows) -> Result<()> {
        for position in 0..answers.len() {
            let file = (self.folder.as_ref())
                .map(|folder| folder.name(rows.file(position).unwrap_or_default().as_ref()));
            match self.output {
                RowForm::Csv | RowForm::AsRows => {
                    let shares = self.probabilities;
                    let mut fields =
                        answer::fields(answers, position, self.form, shares, number_text);
                    if let Some(file) = file {
                        fields.insert(0, file);
                    }
                    self.line(&fields)?;
                }
                RowForm::Jsonl => {
                    let row = self.object(answers, position, file);
                    writeln!(self.file, "{row}").map_err(|it| Error::io(&self.path, &it))?;
                }
            }
        }
        Ok(())
    }

    fn object(&self, answers: &Answers, position: usize, file: Option<String>) -> Value {
        let mut row = Map::new();
        if let Some(file) = file {
            row.insert(FILE_COLUMN.to_owned(), Value::from(file));
        }
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
