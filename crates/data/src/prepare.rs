//! The `preprocess` stage: read, split, fit, write. Knows no store.

use std::{collections::BTreeMap, path::Path};

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Column, DatasetSchema, FittedStep},
    stage::preprocess::{ColumnType, Columns, DeclaredColumn, Preprocess, Step},
};

use crate::{
    codes::Codes,
    dataset::FeatureRows,
    error::DataError,
    file_names::short_names,
    files::Files,
    frame::{Frame, Misfit, Values, expected},
    infer::{self, Missing},
    input::{self, read_all},
    join,
    met::Met,
    moment, named,
    picture::{broken, column},
    raw,
    size::{self, FeaturesSize, Room},
    split,
    steps::{self, Goal, one_hot},
    summary,
    table::{self, Selection},
    target, tell, windows, write,
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
    block.target.iter().for_each(|it| table.flatten(it));
    let missing = Missing::of(read);
    let counts = [&files.train, &files.val, &files.test].map(|files| table::count(files, read));
    let mut parts = split::divide(&block.split, counts, &table, &missing)?;
    target::folds::check(block, &table, &missing)?;
    let train = &parts[0].1.clone();
    let mut log = |text| report(Note::Log(text));
    let series = windows::divide(block, &table, &missing, &mut parts, &mut log)?;
    let mut is_train = vec![false; table.rows()];
    for row in train {
        is_train[*row] = true;
    }

    named::check_wide(block, &table)?;
    let columns = std::mem::take(&mut table.columns);
    let blocks = std::mem::take(&mut table.blocks);
    let places = std::mem::take(&mut table.places);
    let pictures = table.pictures.take();
    let mut frame = Frame {
        columns: IndexMap::with_capacity(columns.len()),
        places,
        met: Met::default(),
    };
    let mut raw = Vec::with_capacity(columns.len());
    let (predicted, mut columns): (Vec<_>, Vec<_>) = columns
        .into_iter()
        .partition(|it| block.target.contains(&it.name));
    if block.windows.as_ref().is_some_and(|it| it.with_target) {
        columns.extend(predicted.iter().cloned());
    }
    let mut types = block.columns.clone();
    for name in table.truths.iter().filter(|it| block.target.contains(it)) {
        types
            .entry(name.clone())
            .or_insert(DeclaredColumn::Plain(ColumnType::Boolean));
    }
    let (target, targets) = target::read(
        &block.target,
        &predicted,
        &types,
        &missing,
        &is_train,
        &frame.places,
    )?;
    let mut unread = std::mem::take(&mut table.unread);
    for column in &predicted {
        let is_words = infer::means_classes(&column.fields, &missing, &is_train);
        if is_words && block.column_type(&column.name).is_none() {
            let r#type = ColumnType::Categorical;
            tell::strays(column, r#type, &missing, &is_train, &frame.places, report);
        }
    }
    for column in columns {
        let given = block.column_type(&column.name);
        let (r#type, values) = match given {
            Some(it) => (it, Values::of(&column.fields, it, &missing)),
            None => Values::infer(&column.fields, &missing, &is_train),
        };
        if let Err(misfit) = &values
            && block.drops(&column.name, Some(r#type))
        {
            let (place, text) = (frame.places.of(misfit.row), &misfit.text);
            let why = format!("in {place}, `{text}` is not {}", expected(r#type));
            unread.insert(column.name, why);
            continue;
        }
        let mut values =
            values.map_err(|it| misfit(&it, &column.name, r#type, given.is_some(), &frame))?;
        if given.is_none() {
            tell::strays(&column, r#type, &missing, &is_train, &frame.places, report);
            if let Values::Words(words) = &values {
                tell::notation(&column.name, words, train, report);
            }
        }
        if let Values::Words(words) = &mut values
            && r#type == ColumnType::Categorical
        {
            words.unite(train);
        }
        raw.push(Column {
            name: column.name.clone(),
            r#type,
            shape: None,
            depth: None,
            notation: read.notations.get(&column.name).cloned(),
        });
        frame.columns.insert(column.name, values);
    }
    for (name, why) in &unread {
        report(Note::Log(format!("column `{name}` is left out: {why}")));
    }
    let block = &without(block, &unread);
    for (name, block) in blocks {
        raw.push(Column {
            name: name.clone(),
            r#type: ColumnType::Numeric,
            shape: Some(block.shape().to_vec()),
            depth: None,
            notation: None,
        });
        frame.add_block(&name, block, None)?;
    }
    column::add(pictures, &mut frame, &mut raw)?;
    if let Some(note) = column::keep_depth(&mut frame, train, &mut raw) {
        report(Note::Log(note));
    }

    let mut outlines = Vec::with_capacity(parts.len());
    let in_train = match &series {
        None => split::leak::count(&frame, &parts, &dropped(block, &raw)),
        // Single rows may well be equal.
        Some(all) => vec![0; all.len()],
    };
    for (at, ((part, rows), in_train)) in parts.iter().zip(in_train).enumerate() {
        if in_train > 0 {
            report(Note::Log(format!(
                "{in_train} of {} rows of the {part} part have the same inputs as a row of the train part",
                rows.len()
            )));
        }
        let mut outline = summary::outline(&frame, &target, &targets, rows);
        outline.part.in_train = in_train;
        if let Some(all) = &series {
            outline.keep_windows(&all[at], &frame);
        }
        outlines.push(outline);
    }
    if let Some(out) = out {
        raw::write(&frame, &parts, out)?;
        raw::rest::write(&frame, &parts, series.as_deref(), &block.steps, out)?;
    }
    column::settle(&block.steps, &mut frame, train, &mut raw)?;
    let mut fitted = Vec::with_capacity(block.steps.len());
    let mut codes = Codes::default();
    let goal = Goal {
        target: &target,
        values: &targets,
    };
    for (at, step) in block.steps.iter().enumerate() {
        let place = |mut it: DataError| {
            it.message = format!("step {} ({}): {}", at + 1, step.name(), it.message);
            it
        };
        if matches!(step, Step::OneHot(_)) {
            warn_of_names(&frame, train, report);
        }
        size::check_step(step, &frame, room).map_err(place)?;
        let mut tell = |fitted: &FittedStep| {
            size::tell(fitted, is_train.len(), &mut |line| report(Note::Log(line)));
        };
        let step = steps::fit_apply(step, &mut frame, train, goal, &mut tell).map_err(place)?;
        codes.note(&step, &frame, train);
        fitted.push(step);
    }
    frame.check_numbers()?;
    for ((_, rows), outline) in parts.iter().zip(&mut outlines) {
        outline.note_unseen(&frame.met, rows);
    }

    let mut schema = DatasetSchema {
        columns: raw,
        target,
        steps: fitted,
        features: frame.feature_names(),
        shape: frame.shape(),
        codes: codes.left(&frame, train),
        windows: block.windows.as_deref().cloned(),
        read: read.clone(),
    };
    if let Some(spec) = &block.windows {
        schema.shape = Some(vec![schema.features.len() as u32, spec.length]);
        schema.features = windows::names(&schema.features, spec.length);
        schema.codes.clear();
    }
    let mut sizes = Vec::with_capacity(parts.len());
    for (at, (_, rows)) in parts.iter().enumerate() {
        sizes.push(match &series {
            Some(all) => all[at].size(&frame),
            None => frame.features_size(rows)?,
        });
    }
    sizes.iter().try_for_each(|size| size.check(room))?;
    if let Some(out) = out {
        write::schema(&schema, out)?;
        let files = (read.has_file_rows(read.form())).then(|| {
            let paths = (0..is_train.len()).filter_map(|row| frame.places.file_of(row));
            short_names(&paths.collect::<Vec<_>>())
        });
        for (at, ((part, rows), outline)) in parts.iter().zip(&outlines).enumerate() {
            let features = match &series {
                Some(all) => FeatureRows::Dense(all[at].features(&frame, room)?),
                None => frame.feature_rows(rows, room)?,
            };
            let folder = out.join(part);
            write::part(&folder, &features, &targets, rows, outline)?;
            if let (Some(names), None) = (&files, &series) {
                let names: Vec<&String> = rows.iter().map(|row| &names[*row]).collect();
                write::file_names(&folder, &names)?;
            }
        }
    }
    Ok(Summary {
        bytes: sizes.iter().map(FeaturesSize::bytes).sum(),
        dense_bytes: sizes.iter().map(FeaturesSize::dense_bytes).sum(),
        rows: parts
            .iter()
            .map(|(part, rows)| (*part, rows.len() as u64))
            .collect(),
        features: schema.features.len() as u64,
        classes: schema.target.classes().to_vec(),
    })
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

fn misfit(
    it: &Misfit,
    column: &str,
    r#type: ColumnType,
    is_given: bool,
    frame: &Frame,
) -> DataError {
    let expected = expected(r#type);
    let place = frame.places.of(it.row);
    let text = &it.text;
    let error = DataError::wrong(format!(
        "{place}: column `{column}`: `{text}` is not {expected}"
    ));
    error.hint(if is_given && r#type == ColumnType::Datetime {
        moment::EXPECTED.to_owned()
    } else if is_given {
        format!("if `{text}` stands for a missing value, add it to `source: {{read: {{na: […]}}}}`")
    } else {
        format!(
            "all values of the train part are; if `{text}` stands for a missing value, add it to \
             `source: {{read: {{na: […]}}}}`, else set `columns: {{{column}: categorical}}`"
        )
    })
}

fn warn_of_names(frame: &Frame, train: &[usize], report: &mut dyn FnMut(Note)) {
    for name in one_hot::names_of_rows(frame, train) {
        report(Note::Log(format!(
            "column `{name}` has another value in every row: it is a name rather than a category; consider to drop it"
        )));
    }
}
