//! The `preprocess` stage: read, split, fit, write. Knows no store.

mod division;
mod typed;

use std::{collections::BTreeMap, path::Path};

use pipe_schema::{
    dataset::{Column, DatasetSchema, FittedStep},
    stage::preprocess::{Columns, Preprocess, Read, Step},
};

use self::{division::Division, typed::TypedTable};
use crate::{
    codes::Codes,
    dataset::{FeatureRows, TargetValues},
    error::DataError,
    file_names::short_names,
    files::Files,
    frame::Frame,
    infer::Missing,
    input::{self, read_all},
    join, named,
    picture::{broken, column},
    raw,
    size::{self, FeaturesSize, Room},
    split,
    steps::{self, Goal, one_hot},
    summary::{self, Outline},
    table::{Selection, Table},
    windows, write,
};

/// What is told while the work goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    Progress {
        done: u64,
        total: u64,
        unit: &'static str,
    },
    /// A line for people that belongs to the result.
    Log(String),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows by part, in the order train, val, test.
    pub rows: Vec<(&'static str, u64)>,
    /// Columns of `features`.
    pub features: u64,
    /// Names of the classes; empty where there are none.
    pub classes: Vec<String>,
    /// Bytes of the features of all parts.
    pub bytes: u64,
    /// Bytes that they would take if none were sparse.
    pub dense_bytes: u64,
}

/// Reads the files, splits the rows, fits the steps on the train part and writes the dataset into the folder `out`.
///
/// Types, classes, categories and all that steps learn come from the train part alone: a change elsewhere cannot change
/// the schema. A value elsewhere that does not fit is an error that names its place.
pub fn preprocess(
    block: &Preprocess,
    files: &Files,
    out: &Path,
    report: &mut dyn FnMut(Note),
) -> Result<Summary, DataError> {
    preprocess_within(block, files, out, &|| u64::MAX, report)
}

/// Likewise, and refuses features that are larger than the `room` in memory that is left.
pub fn preprocess_within(
    block: &Preprocess,
    files: &Files,
    out: &Path,
    room: &Room<'_>,
    report: &mut dyn FnMut(Note),
) -> Result<Summary, DataError> {
    make(block, files, Some(out), room, report)
}

/// Returns what `preprocess_within` would make of these files, and writes nothing.
pub fn forecast(block: &Preprocess, files: &Files, room: &Room<'_>) -> Result<Summary, DataError> {
    make(block, files, None, room, &mut |_| {})
}

fn make(
    block: &Preprocess,
    files: &Files,
    out: Option<&Path>,
    room: &Room<'_>,
    report: &mut dyn FnMut(Note),
) -> Result<Summary, DataError> {
    let read = &block.reading();
    let mut table = read_table(block, files, read, report)?;
    let missing = Missing::of(read);
    let division = Division::of(block, files, &table, &missing, report)?;
    named::check_wide(block, &table)?;
    let mut typed = TypedTable::of(block, &mut table, &missing, &division, report)?;
    for (name, why) in &typed.unread {
        report(Note::Log(format!("column `{name}` is left out: {why}")));
    }
    let block = &without(block, &typed.unread);

    let mut outlines = outline_parts(block, &typed, &division, report);
    if let Some(out) = out {
        let series = division.series.as_deref();
        raw::write(&typed.frame, &division.parts, out)?;
        raw::rest::write(&typed.frame, &division.parts, series, &block.steps, out)?;
    }
    let (fitted, codes) = fit(block, &mut typed, &division, room, report)?;
    for ((_, rows), outline) in division.parts.iter().zip(&mut outlines) {
        outline.note_unseen(&typed.frame.met, rows);
    }

    let sizes = division.features_sizes(&typed.frame)?;
    sizes.iter().try_for_each(|size| size.check(room))?;
    let TypedTable {
        frame,
        raw,
        target,
        targets,
        ..
    } = typed;
    let mut schema = DatasetSchema {
        columns: raw,
        target,
        steps: fitted,
        features: frame.feature_names(),
        shape: frame.shape(),
        codes: codes.left(&frame, &division.train),
        windows: block.windows.as_deref().cloned(),
        read: read.clone(),
    };
    if let Some(spec) = &block.windows {
        schema.shape = Some(vec![schema.features.len() as u32, spec.length]);
        schema.features = windows::names(&schema.features, spec.length);
        schema.codes.clear();
    }
    if let Some(out) = out {
        write::schema(&schema, out)?;
        write_parts(&frame, &targets, &division, &outlines, read, room, out)?;
    }
    Ok(Summary {
        bytes: sizes.iter().map(FeaturesSize::bytes).sum(),
        dense_bytes: sizes.iter().map(FeaturesSize::dense_bytes).sum(),
        rows: (division.parts.iter())
            .map(|(part, rows)| (*part, rows.len() as u64))
            .collect(),
        features: schema.features.len() as u64,
        classes: schema.target.classes().to_vec(),
    })
}

/// Reads all files, joins them, and leaves out images that cannot be read, if that is asked for.
fn read_table(
    block: &Preprocess,
    files: &Files,
    read: &Read,
    report: &mut dyn FnMut(Note),
) -> Result<Table, DataError> {
    let paths = input::paths(block, files)?;
    let mut table = read_all(&paths, read, &Selection::of_source(block), report)?;
    if let Some(note) = broken::leave_out(&mut table, read)? {
        if table.rows() == 0 {
            return Err(DataError::wrong(note).hint("no image is left to learn from"));
        }
        report(Note::Log(note));
    }
    let mut table = join::all(table, block, &files.joins, report)?;
    named::check(block, &table)?;
    block.target.iter().for_each(|name| table.flatten(name));
    Ok(table)
}

/// Describes each part before any step, and reports rows that are in the train part, too.
fn outline_parts(
    block: &Preprocess,
    typed: &TypedTable,
    division: &Division,
    report: &mut dyn FnMut(Note),
) -> Vec<Outline> {
    let TypedTable {
        frame,
        raw,
        target,
        targets,
        ..
    } = typed;
    let in_train = match &division.series {
        None => split::leak::count(frame, &division.parts, &dropped(block, raw)),
        // Single rows may well be equal.
        Some(all) => vec![0; all.len()],
    };
    let mut outlines = Vec::with_capacity(division.parts.len());
    for (at, ((part, rows), in_train)) in division.parts.iter().zip(in_train).enumerate() {
        if in_train > 0 {
            report(Note::Log(format!(
                "{in_train} of {} rows of the {part} part have the same inputs as a row of the train part",
                rows.len()
            )));
        }
        let mut outline = summary::outline(frame, target, targets, rows);
        outline.part.in_train = in_train;
        if let Some(all) = &division.series {
            outline.keep_windows(&all[at], frame);
        }
        outlines.push(outline);
    }
    outlines
}

/// Fits the steps on the train part and applies them to all rows.
fn fit(
    block: &Preprocess,
    typed: &mut TypedTable,
    division: &Division,
    room: &Room<'_>,
    report: &mut dyn FnMut(Note),
) -> Result<(Vec<FittedStep>, Codes), DataError> {
    let train = &division.train;
    let TypedTable {
        frame,
        raw,
        target,
        targets,
        ..
    } = typed;
    column::settle(&block.steps, frame, train, raw)?;
    let mut fitted = Vec::with_capacity(block.steps.len());
    let mut codes = Codes::default();
    let goal = Goal {
        target,
        values: targets,
    };
    for (at, step) in block.steps.iter().enumerate() {
        let name_step = |mut error: DataError| {
            error.message = format!("step {} ({}): {}", at + 1, step.name(), error.message);
            error
        };
        if matches!(step, Step::OneHot(_)) {
            warn_of_names(frame, train, report);
        }
        size::check_step(step, frame, room).map_err(name_step)?;
        let rows = division.is_train.len();
        let mut tell = |fitted: &FittedStep| {
            size::tell(fitted, rows, &mut |line| report(Note::Log(line)));
        };
        let step = steps::fit_apply(step, frame, train, goal, &mut tell).map_err(name_step)?;
        codes.note(&step, frame, train);
        fitted.push(step);
    }
    frame.check_numbers()?;
    Ok((fitted, codes))
}

/// Writes a folder for each part.
fn write_parts(
    frame: &Frame,
    targets: &TargetValues,
    division: &Division,
    outlines: &[Outline],
    read: &Read,
    room: &Room<'_>,
    out: &Path,
) -> Result<(), DataError> {
    let files = (read.has_file_rows(read.form())).then(|| {
        let rows = 0..division.is_train.len();
        let paths = rows.filter_map(|row| frame.places.file_of(row));
        short_names(&paths.collect::<Vec<_>>())
    });
    for (at, ((part, rows), outline)) in division.parts.iter().zip(outlines).enumerate() {
        let features = match &division.series {
            Some(all) => FeatureRows::Dense(all[at].features(frame, room)?),
            None => frame.feature_rows(rows, room)?,
        };
        let folder = out.join(part);
        write::part(&folder, &features, targets, rows, outline)?;
        if let (Some(names), None) = (&files, &division.series) {
            let names: Vec<&String> = rows.iter().map(|row| &names[*row]).collect();
            write::file_names(&folder, &names)?;
        }
    }
    Ok(())
}

/// The block without the columns that its `drop` steps name and that are not there.
fn without(block: &Preprocess, unread: &BTreeMap<String, String>) -> Preprocess {
    let mut block = block.clone();
    for step in &mut block.steps {
        if let Step::Drop(drop) = step
            && let Columns::Named(names) = &mut drop.columns
        {
            names.retain(|name| !unread.contains_key(name));
        }
    }
    block
}

/// The raw columns that are left out by name or by type.
fn dropped<'a>(block: &'a Preprocess, raw: &'a [Column]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for step in &block.steps {
        let Step::Drop(step) = step else { continue };
        match &step.columns {
            Columns::All => {}
            Columns::OfType(it) => {
                let of_type = raw.iter().filter(|column| column.r#type == *it);
                names.extend(of_type.map(|it| it.name.as_str()));
            }
            Columns::Named(them) => names.extend(them.iter().map(String::as_str)),
        }
    }
    names
}

fn warn_of_names(frame: &Frame, train: &[usize], report: &mut dyn FnMut(Note)) {
    for name in one_hot::names_of_rows(frame, train) {
        report(Note::Log(format!(
            "column `{name}` has another value in every row: it is a name rather than a category; consider to drop it"
        )));
    }
}
