//! A table at a glance: types, missing values, ranges, classes. Knows forms that are tables by themselves; no spec.

use std::{collections::BTreeMap, path::Path};

use indexmap::IndexMap;
use pipe_data::{
    DataError,
    infer::{self, Glance, Missing},
    recognize::recognize,
    stray,
    table::{self, csv},
};
use pipe_schema::stage::preprocess::{ColumnType, DeclaredColumn, Form, MissingWords, Read};

use crate::{
    cli::{UserError, quote},
    report::{figures, style::BOLD, style::PLAIN, table::Table},
};

/// Columns shown; a wide table is told by its first and last ones.
const MOST_SHOWN: usize = 30;

/// A word that hardly ever is a value: where it occurs it is taken for a missing one.
const UNKNOWN: &str = "?";

/// What is known of a table.
pub struct Survey {
    /// As it is shown.
    pub name: String,
    pub rows: u64,
    /// Whether the table has more rows, which were not looked at.
    is_cut: bool,
    pub columns: Vec<(String, Glance)>,
    /// Columns that cannot be read, each with the reason.
    pub unread: BTreeMap<String, String>,
    pub read: Read,
    /// The columns whose values are written otherwise than usual.
    pub declared: IndexMap<String, DeclaredColumn>,
    /// What is worth telling of the values.
    pub notes: Vec<String>,
}

impl Survey {
    /// Reads a table in the form that its name tells; the delimiter is told from its first line.
    pub fn of(path: &Path, name: &str) -> Result<Self, UserError> {
        let form = path.file_name().and_then(|it| Form::of_name(it.to_str()?));
        let mut read = match form.unwrap_or_default() {
            Form::Csv => reading(path).map_err(told)?,
            form @ (Form::Jsonl | Form::Parquet) => Read {
                form: Some(form),
                ..Read::default()
            },
            form => return Err(by_hand(&format!("{name} is of the form {}", form.name()))),
        };
        let (mut table, is_cut) =
            table::glance(path, &read.settled(None, None, &[])).map_err(told)?;
        if let Some((wide, _)) = table.blocks.first() {
            return Err(by_hand(&format!(
                "column `{wide}` of {name} has many numbers a row"
            )));
        }
        if read.form() == Form::Csv
            && table
                .names()
                .iter()
                .all(|it| infer::number(it.as_bytes()).is_some())
        {
            return Err(UserError::usage(format!(
                "the first line of {name} holds numbers, not the names of the columns"
            ))
            .hint("put a line of names on top of it"));
        }
        let mut columns = glances(&table, &read);
        let mut words = Vec::new();
        if columns.iter().any(|it| it.1.counts.contains_key(UNKNOWN)) {
            words.push(UNKNOWN.to_owned());
        }
        let (declared, mut notes) = find_notations(&mut table, &read, &columns);
        if !declared.is_empty() {
            columns = glances(&table, &read);
        }
        notes.extend(find_strays(&table, &read, &columns, &mut words));
        if !words.is_empty() {
            read.na = MissingWords::List(words);
            columns = glances(&table, &read);
        }
        Ok(Self {
            notes,
            declared,
            name: name.to_owned(),
            rows: table.rows() as u64,
            is_cut,
            columns,
            unread: table.unread,
            read,
        })
    }

    /// The column of this name, or an error with the nearest.
    pub fn column(&self, name: &str) -> Result<&Glance, UserError> {
        if let Some((_, glance)) = self.columns.iter().find(|it| it.0 == name) {
            return Ok(glance);
        }
        if let Some(why) = self.unread.get(name) {
            let message = format!("{}: column `{name}` cannot be read: {why}", self.name);
            return Err(UserError::usage(message).hint("name another column with `--target`"));
        }
        let names: Vec<&str> = self.columns.iter().map(|it| it.0.as_str()).collect();
        let error = UserError::usage(format!("{} has no column `{name}`", self.name));
        Err(match infer::closest(name, names.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("its columns are {}", infer::listed(&names))),
        })
    }

    /// The error where no target is named; the last column is only offered.
    pub fn no_target(&self, command: &str) -> UserError {
        let last = self.columns.last().map_or("", |it| it.0.as_str());
        UserError::usage("which column is to be predicted?").hint(format!(
            "name it, e.g. the last one: {command} --target {}",
            quote::shell(last)
        ))
    }

    /// The table of columns, ending with the target's classes or range.
    pub fn render(&self, target: Option<&str>, width: usize) -> String {
        let mut table = Table::new(&["column", "type", "#missing", "#distinct", "values"]);
        for (at, (name, glance)) in self.columns.iter().enumerate() {
            if self.columns.len() > MOST_SHOWN
                && (MOST_SHOWN - 2..self.columns.len() - 1).contains(&at)
            {
                if at == MOST_SHOWN - 2 {
                    table.row(["…", "", "", "", ""]);
                }
                continue;
            }
            let is_target = target == Some(name.as_str());
            let style = if is_target { BOLD } else { PLAIN };
            let role = if is_target { " (target)" } else { "" };
            let missing = match glance.missing {
                0 => String::new(),
                count => figures::count(count),
            };
            let cells = [
                format!("{name}{role}"),
                type_word(glance).to_owned(),
                missing,
                figures::count(glance.distinct),
                values(glance, is_target),
            ];
            table.styled(cells.into_iter().map(|it| (style, it)));
        }
        let first = if self.is_cut { "the first " } else { "" };
        let rows = format!("{first}{}", figures::plural(self.rows, "row"));
        let columns = figures::plural(self.columns.len() as u64, "column");
        let mut text = format!("{}: {rows}, {columns}\n\n", self.name);
        text.push_str(&table.render(width));
        text.push('\n');
        text
    }
}

fn missing_of(read: &Read) -> Missing {
    Missing::of(&read.settled(None, None, &[]))
}

fn glances(table: &table::Table, read: &Read) -> Vec<(String, Glance)> {
    let missing = missing_of(read);
    let columns = table.columns.iter();
    columns
        .map(|it| (it.name.clone(), infer::glance(&it.fields, &missing)))
        .collect()
}

/// Looks for dates and numbers that are written otherwise than usual, as a run does, and reads the table's columns so.
fn find_notations(
    table: &mut table::Table,
    read: &Read,
    columns: &[(String, Glance)],
) -> (IndexMap<String, DeclaredColumn>, Vec<String>) {
    let missing = missing_of(read);
    let (mut declared, mut notes) = (IndexMap::new(), Vec::new());
    for (column, (name, glance)) in table.columns.iter_mut().zip(columns) {
        if !matches!(glance.r#type, ColumnType::Categorical | ColumnType::Text) {
            continue;
        }
        let mut counts: IndexMap<&str, u64> = IndexMap::new();
        for text in column.fields.iter().filter(|text| !missing.has(text)) {
            *counts.entry(infer::text_of(text)).or_default() += 1;
        }
        let Some(found) = recognize(&counts.iter().map(|(text, count)| (*text, *count))) else {
            continue;
        };
        let (finding, other) = found.finding(name);
        notes.push(format!("{finding}: read as `{}`{other}", found.column));
        let settled = read.settled(None, None, &[]);
        if let Some(fields) = column.fields.rewritten(&settled, &found.column) {
            column.fields = fields;
        }
        declared.insert(name.clone(), found.column);
    }
    (declared, notes)
}

/// Looks for a few words among numbers or dates, as a run does, and tells of them. Those that are hardly values, as the
/// others are numbers or dates for the most part, are added to the `words` that stand for a missing value.
fn find_strays(
    table: &table::Table,
    read: &Read,
    columns: &[(String, Glance)],
    words: &mut Vec<String>,
) -> Vec<String> {
    let missing = missing_of(&Read {
        na: MissingWords::List(words.clone()),
        ..read.clone()
    });
    let everywhere = vec![true; table.rows()];
    let mut notes = Vec::new();
    for (column, (name, glance)) in table.columns.iter().zip(columns) {
        let stray = stray::find(&column.fields, glance.r#type, &missing, &everywhere);
        let Some(stray) = stray else { continue };
        let finding = stray.finding(name, &table.places);
        let counts = stray.counts();
        // A word may be a value in another column.
        let is_value = |word: &str| {
            columns.iter().any(|(other, glance)| {
                other != name && !glance.is_mixed && glance.counts.contains_key(word)
            })
        };
        if stray.is_mostly_fitting() && !stray.words().any(is_value) {
            notes.push(format!("{finding}: taken for a missing value ({counts})"));
            for word in stray.words() {
                if !words.iter().any(|known| known == word) {
                    words.push(word.to_owned());
                }
            }
        } else {
            notes.push(format!("{finding}: taken for words ({counts})"));
        }
    }
    notes
}

/// The refusal of what a first spec is not written for.
fn by_hand(what: &str) -> UserError {
    UserError::usage(format!("{what}: no first spec is written for it"))
        .hint("write the spec by hand: `pipe help language` tells how each form is read")
}

/// An error of the data as one of the command.
fn told(error: DataError) -> UserError {
    let user = UserError::usage(error.message);
    match error.hint {
        Some(hint) => user.hint(hint),
        None => user,
    }
}

/// How the file is read: with the delimiter that gives its first line the most fields, a comma if it gives two.
fn reading(path: &Path) -> Result<Read, DataError> {
    let with = |delimiter| Read {
        delimiter,
        ..Read::default()
    };
    let first = csv::columns(path, &with(','));
    if first.as_ref().is_ok_and(|it| it.len() > 1) {
        return Ok(with(','));
    }
    let counted = [';', '\t', '|'].into_iter().filter_map(|delimiter| {
        let names = csv::columns(path, &with(delimiter)).ok()?;
        (names.len() > 1).then_some((names.len(), delimiter))
    });
    match counted.max_by_key(|it| it.0) {
        Some((_, delimiter)) => Ok(with(delimiter)),
        None => first.map(|_| with(',')),
    }
}

fn type_word(glance: &Glance) -> &'static str {
    match glance.r#type {
        _ if glance.distinct == 0 => "empty",
        it => it.name(),
    }
}

/// A range, or the most frequent values with their shares.
fn values(glance: &Glance, is_target: bool) -> String {
    const SHOWN: usize = 4;
    let are_classes = is_target && glance.means_classes;
    if let (Some(min), Some(max), false) = (glance.min, glance.max, are_classes) {
        return format!("{} … {}", figures::number(min), figures::number(max));
    }
    if let Some([first, last]) = &glance.dates {
        return format!("{first} … {last}");
    }
    let total: u64 = glance.counts.values().sum();
    let mut counts: Vec<(&String, &u64)> = glance.counts.iter().collect();
    counts.sort_by(|a, b| b.1.cmp(a.1));
    let mut shown: Vec<String> = counts
        .iter()
        .take(SHOWN)
        .map(|(text, count)| {
            let share = 100.0 * **count as f64 / total.max(1) as f64;
            format!("{} {share:.0} %", quote::prose(text))
        })
        .collect();
    if counts.len() > SHOWN {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
