//! Reads CSV files into one table. Knows headers and the order of columns; no types, and no quotes.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use pipe_schema::stage::preprocess::Read;

use super::{
    NULL, Portion, Selection, Table, Take, extra_column, file::Count, lacking_columns,
    missing_columns, positions, records::Records,
};
use crate::{error::DataError, infer::number, written::Notation};

/// Reads files of the same columns, one after another: all, or a portion of each. Says whether there is more. `progress` is
/// told the bytes read.
pub fn read(
    paths: &[PathBuf],
    read: &Read,
    selection: &Selection<'_>,
    portion: Portion,
    progress: &mut dyn FnMut(u64),
) -> Result<(Table, bool), DataError> {
    let count = Count::default();
    let mut table: Option<Table> = None;
    let (mut is_more, mut trailing) = (false, None);
    for path in paths {
        let mut records = Records::open(path, read, &count)?;
        let header = header(&mut records, read, selection)?;
        trailing = (header.last().cloned()).filter(|_| records.ends_in_delimiter());
        let table = match &mut table {
            None => {
                let taken = header.iter().filter(|name| selection.takes(name));
                table.insert(Table::of(taken.cloned().collect()))
            }
            Some(table) => table,
        };
        let mut order = goals(order(table, &header, path, selection)?, table, read);
        let rows = table.rows();
        start(table, &records);
        let is_over = append(
            table,
            &mut records,
            (order.as_mut_slice(), selection),
            portion,
            &mut |_| progress(count.get()),
        )?;
        is_more |= !is_over && records.next()?;
        if table.rows() == rows {
            return Err(DataError::wrong(format!(
                "{}: has no rows, only a header",
                path.display()
            )));
        }
    }
    let mut table = table.ok_or_else(|| DataError::wrong("there are no files to read"))?;
    if let Some(name) = trailing
        && let Some(column) = table.column(&name)
        && column.fields.iter().all(|text| text == NULL)
    {
        let why = "has neither name nor values: all lines end with the delimiter";
        table.unread.insert(name, why.to_owned());
    }
    Ok((table, is_more))
}

/// Reads the columns `wanted` of one file, at most `limit` rows at a time; `take` gets them with the names of the columns
/// that were left out, once at least.
/// A file without a header, or with other names than `read.names`, is told by its number of columns; it may lack `targets`.
pub fn read_wanted<E: From<DataError>>(
    path: &Path,
    read: &Read,
    targets: &[String],
    wanted: &[&str],
    limit: usize,
    take: &mut Take<'_, E>,
) -> Result<(), E> {
    let mut records = Records::open(path, read, &Count::default())?;
    let header = loose_header(&mut records, read, targets, wanted)?;
    let places: HashMap<&str, usize> = positions(&header);
    let missing: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|it| !places.contains_key(it))
        .collect();
    if !missing.is_empty() {
        return Err(missing_columns(path, &missing, &header).into());
    }
    let mut order = vec![None; header.len()];
    for (at, name) in wanted.iter().enumerate() {
        order[places[name]] = Some(at);
    }
    let unused: Vec<String> = header
        .iter()
        .zip(&order)
        .filter(|(name, at)| at.is_none() && !targets.contains(name))
        .map(|(name, _)| name.clone())
        .collect();
    let portion = Portion::of_rows(limit);
    let empty = || Table::of(wanted.iter().map(|it| (*it).to_owned()).collect());
    let mut order = goals(order, &empty(), read);
    loop {
        let mut table = empty();
        start(&mut table, &records);
        let places = (order.as_mut_slice(), &Selection::ALL);
        let is_over = append(&mut table, &mut records, places, portion, &mut |_| {})?;
        take(table, &unused)?;
        if is_over {
            return Ok(());
        }
    }
}

/// Names of the columns of a file; reads no row.
pub fn columns(path: &Path, read: &Read) -> Result<Vec<String>, DataError> {
    let mut records = Records::open(path, read, &Count::default())?;
    header(&mut records, read, &Selection::ALL)
}

/// Where a field goes.
struct Goal {
    /// The table's column.
    column: usize,
    notation: Option<Notation>,
}

fn goals(order: Vec<Option<usize>>, table: &Table, read: &Read) -> Vec<Option<Goal>> {
    let names = table.columns.iter().map(|column| column.name.as_str());
    let notations = Notation::all(read, names);
    let goal = |column: usize| Goal {
        column,
        notation: notations[column].clone(),
    };
    order.into_iter().map(|column| column.map(goal)).collect()
}

/// What follows comes from this file.
fn start(table: &mut Table, records: &Records<'_>) {
    let name = records.path().display().to_string();
    table.places.start_file(table.rows(), name);
}

/// Adds rows until there is a portion of them, or no more: then it is over. A column that may be left out goes no further where
/// it holds no text.
fn append(
    table: &mut Table,
    records: &mut Records<'_>,
    (order, selection): (&mut [Option<Goal>], &Selection<'_>),
    portion: Portion,
    progress: &mut dyn FnMut(usize),
) -> Result<bool, DataError> {
    let mut bytes = 0;
    while !portion.is_full(table.rows(), bytes) {
        if !records.next()? {
            return Ok(true);
        }
        bytes += records.bytes() + records.len();
        if records.len() != order.len() {
            return Err(records.ragged(order.len()));
        }
        while let Some(fault) = records.bad_text(|at| order[at].is_some()) {
            let goal = order[fault.field].as_ref();
            let name = goal.map_or("", |goal| &table.columns[goal.column].name);
            let error = records.not_text(&fault, Some(name));
            if !selection.is_optional(name) {
                return Err(error);
            }
            table.unread.insert(name.to_owned(), error.message);
            order[fault.field] = None;
        }
        for (at, column) in order.iter().enumerate() {
            if let Some(Goal { column, notation }) = column {
                let text = records.field(at);
                let column = &mut table.columns[*column];
                let fields = &mut column.fields;
                if let Some(notation) = notation {
                    let plain = notation.read(text).map_err(|why| {
                        let place = format!("{}:{}", records.path().display(), records.line());
                        notation.misfit(&place, &column.name, &why)
                    })?;
                    fields.push(&plain);
                    continue;
                }
                match records.plain_number(text) {
                    Some(number) => fields.push(&number),
                    None if text.trim_ascii().is_empty() => fields.push(NULL),
                    None => fields.push(text),
                }
            }
        }
        table.close_row(records.line());
        if table.rows().is_multiple_of(1 << 16) {
            progress(table.rows());
        }
    }
    Ok(false)
}

/// The names of the columns: the first line, or `names`.
fn header(
    records: &mut Records<'_>,
    read: &Read,
    selection: &Selection<'_>,
) -> Result<Vec<String>, DataError> {
    if !read.header && read.names.is_empty() {
        return Err(
            DataError::wrong("`header: false` leaves the columns without names")
                .hint("give them: `read: {header: false, names: [a, b, c]}`"),
        );
    }
    let first = records.first(read)?;
    if !read.names.is_empty() && first.len() != read.names.len() {
        return Err(DataError::wrong(format!(
            "{}:{}: {} columns, but `read.names` gives {} names",
            records.path().display(),
            records.line(),
            first.len(),
            read.names.len()
        )));
    }
    let names = if read.names.is_empty() {
        first
    } else {
        read.names.clone()
    };
    unique(names, selection, records.path())
}

fn loose_header(
    records: &mut Records<'_>,
    read: &Read,
    targets: &[String],
    wanted: &[&str],
) -> Result<Vec<String>, DataError> {
    let first = records.first(read)?;
    if read.names.is_empty()
        || (read.header && wanted.iter().all(|it| first.iter().any(|name| name == it)))
    {
        return unique(first, &Selection::of_names(wanted), records.path());
    }
    let mut names = read.names.clone();
    if first.len() + targets.len() == names.len() {
        names.retain(|it| !targets.contains(it));
    }
    if first.len() != names.len() {
        return Err(DataError::wrong(format!(
            "{}: {} columns where {} are expected: {}",
            records.path().display(),
            first.len(),
            names.len(),
            names.join(", ")
        )));
    }
    Ok(names)
}

/// Refuses a name given twice, where its column is taken; names those that have none by their position.
fn unique(
    mut names: Vec<String>,
    selection: &Selection<'_>,
    path: &Path,
) -> Result<Vec<String>, DataError> {
    // Another column may be called so.
    let prefix = "unnamed_";
    let alike = names.iter().filter(|name| name.starts_with(prefix));
    let alike: HashSet<String> = alike.cloned().collect();
    for (at, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = format!("{prefix}{}", at + 1);
            while alike.contains(name.as_str()) {
                name.push('_');
            }
        }
    }
    let mut seen = HashMap::new();
    let taken = names.iter().enumerate();
    for (at, name) in taken.filter(|(_, name)| selection.takes(name)) {
        if let Some(before) = seen.insert(name.as_str(), at) {
            return Err(DataError::wrong(format!(
                "{}: columns {} and {} are both named `{name}`",
                path.display(),
                before + 1,
                at + 1
            ))
            .hint(if names.iter().all(|it| number(it.as_bytes()).is_some()) {
                "the first line seems to hold values: `read: {header: false, names: […]}` gives names"
            } else {
                "rename one in the file, or name all columns with `read: {names: […]}`"
            }));
        }
    }
    Ok(names)
}

/// For each column of a file that is read, the table's column that it belongs to.
fn order(
    table: &mut Table,
    header: &[String],
    path: &Path,
    selection: &Selection<'_>,
) -> Result<Vec<Option<usize>>, DataError> {
    let places = positions(header);
    let lacking = table.columns.iter().map(|it| it.name.as_str());
    let lacking = lacking.filter(|name| !places.contains_key(name));
    let lacking: Vec<String> = lacking.map(str::to_owned).collect();
    let needed = lacking.iter().map(String::as_str);
    let needed: Vec<&str> = needed.filter(|name| !selection.is_optional(name)).collect();
    if !needed.is_empty() {
        return Err(lacking_columns(table, path, &needed, header));
    }
    for name in lacking {
        let why = format!("is not in {}", path.display());
        table.unread.insert(name, why);
    }
    let (mut extra, mut order) = (Vec::new(), Vec::with_capacity(header.len()));
    let columns = table.positions();
    for name in header {
        let column = columns.get(name.as_str()).copied();
        if column.is_none() && selection.takes(name) {
            extra.push(name);
        }
        order.push(column.filter(|_| !table.unread.contains_key(name)));
    }
    drop(columns);
    if let Some(name) = extra.iter().find(|name| !selection.is_optional(name)) {
        return Err(extra_column(table, path, name));
    }
    for name in extra {
        let why = format!("is not in {}", table.places.first());
        table.unread.entry(name.clone()).or_insert(why);
    }
    let skipped = header.iter().filter(|name| !selection.takes(name));
    table.skipped.extend(skipped.cloned());
    Ok(order)
}
