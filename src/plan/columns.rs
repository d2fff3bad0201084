//! Names of columns in a preprocess block, against the tables where the loader can tell their columns.
//! Knows names; not what is in them.

use pipe_data::find_class;
use pipe_schema::{
    reference::PathOrStage,
    stage::{
        Preprocess, Task,
        preprocess::{Columns, Join, Read, Step},
    },
};

use super::{Loader, draft::joins, paths};
use crate::spec::{Diagnostic, Node, Span, suggest::lacking};

/// Checks that the columns that a block names are there.
pub fn check(task: &Task, block: &Node, loader: &dyn Loader, found: &mut Vec<Diagnostic>) {
    let Task::Preprocess(task) = task else { return };
    let Some(whole) = whole_table(task, loader) else {
        return;
    };
    let left_out = check_selection(task, block, &whole, found);
    let mut table = whole.selected(task);
    for (join, node) in task.source.join.0.iter().zip(joins(block)) {
        let Some(other) = joined_table(join, loader) else {
            return;
        };
        if !check_join(join, node, &table, &other, found) {
            return;
        }
        table = table.with(&other, join);
    }
    check_names(task, block, &table, &left_out, found);
    check_positive(task, block, loader, found);
}

/// Checks that the positive class is one of the target's values, where one small table has them all.
fn check_positive(
    task: &Preprocess,
    block: &Node,
    loader: &dyn Loader,
    found: &mut Vec<Diagnostic>,
) {
    let (Some(class), [column]) = (task.target.positive(), &*task.target) else {
        return;
    };
    let named = task.source.named();
    let is_one_file = matches!(named.as_slice(), [(_, [_])]);
    let files = files(task);
    let ([(path, read)], true) = (files.as_slice(), is_one_file) else {
        return;
    };
    let Some(values) = loader.values(path, read, column) else {
        return;
    };
    let is_it = |value: &String| find_class(std::slice::from_ref(value), class).is_some();
    if !values.iter().any(is_it) {
        let known: Vec<&str> = values.iter().map(String::as_str).collect();
        let span = block.nearest(["target", "positive"]).span;
        found.push(lacking(column, "class", &class.0, &known, span));
    }
}

/// Checks the names in `source.columns`; returns the columns that it leaves out.
fn check_selection(
    task: &Preprocess,
    block: &Node,
    table: &Table,
    found: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let Some(columns) = &task.source.columns else {
        return Vec::new();
    };
    let known: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let node = block.nearest(["source", "columns"]);
    let node = node.get("except").unwrap_or(node);
    for (i, name) in columns.names().iter().enumerate() {
        if !known.contains(&name.as_str()) {
            let span = node.nearest([i.to_string().as_str()]).span;
            found.push(lacking(&table.name, "column", name, &known, span));
        }
    }
    let left_out = table.columns.iter().filter(|name| !columns.takes(name));
    left_out.cloned().collect()
}

fn check_names(
    task: &Preprocess,
    block: &Node,
    table: &Table,
    left_out: &[String],
    found: &mut Vec<Diagnostic>,
) {
    let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let hint = other_delimiter(&columns);
    let mut check = |name: &str, span: Span| {
        if left_out.iter().any(|it| it == name) {
            found.push(
                Diagnostic::error(format!("column `{name}` is not read"))
                    .at(span, "`source.columns` leaves it out")
                    .hint("add it to the columns that are read, or remove it here"),
            );
        } else if !columns.contains(&name) {
            let error = lacking(&table.name, "column", name, &columns, span);
            found.push(match &hint {
                Some(hint) => error.hint(hint.clone()),
                None => error,
            });
        }
    };
    for (i, name) in task.target.iter().enumerate() {
        check(name, target_place(block, i).span);
    }
    for entry in block.get("columns").map_or(&[][..], Node::entries) {
        check(&entry.key, entry.key_span);
    }
    for (option, column) in task.split.columns() {
        let node = block.nearest(["split", task.split.name(), option]);
        check(column, node.span);
    }
    for (option, column) in task.windows.iter().flat_map(|it| it.columns()) {
        check(column, block.nearest(["windows", option]).span);
    }
    for (i, step) in task.steps.iter().enumerate() {
        let may_be_made = task.steps[..i].iter().any(Step::adds_columns);
        let Columns::Named(names) = step.columns() else {
            continue;
        };
        let i = i.to_string();
        let node = block.nearest(["steps", i.as_str(), step.name(), "columns"]);
        for (n, name) in names.iter().enumerate() {
            let is_made = may_be_made
                && columns
                    .iter()
                    .any(|it| name.len() > it.len() && name.starts_with(it));
            if !is_made {
                check(name, node.nearest([n.to_string().as_str()]).span);
            }
        }
    }
}

/// Where a target is named: in a list, alone, or beside its positive class.
fn target_place(block: &Node, i: usize) -> &Node {
    let target = block.nearest(["target"]);
    match target.get("column") {
        Some(column) => column,
        None => target.nearest([i.to_string().as_str()]),
    }
}

/// Where the only column looks like several: with what they may be divided.
fn other_delimiter(columns: &[&str]) -> Option<String> {
    let [only] = columns else { return None };
    let mark = [";", "\t", "|", ","]
        .into_iter()
        .find(|it| only.contains(it))?;
    Some(format!(
        "it has a single column; if {mark:?} divides it, write `read: {{delimiter: {mark:?}}}`"
    ))
}

/// Checks a join of two tables; says whether it can be made.
fn check_join(
    join: &Join,
    node: &Node,
    left: &Table,
    right: &Table,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let before = found.len();
    let on = node.nearest(["on"]);
    for (i, (ours, theirs)) in join.on.0.iter().enumerate() {
        let i = i.to_string();
        let place = on.nearest([i.as_str()]);
        let entry = on.entries().iter().find(|it| it.key == *ours);
        let spans = entry.map_or((place.span, place.span), |it| (it.key_span, it.node.span));
        for (table, name, span) in [(left, ours, spans.0), (right, theirs, spans.1)] {
            if !table.columns.contains(name) {
                let known: Vec<&str> = table.columns.iter().map(String::as_str).collect();
                found.push(lacking(&table.name, "column", name, &known, span));
            }
        }
    }
    for (i, name) in join.columns.iter().enumerate() {
        if !right.columns.contains(name) {
            let known: Vec<&str> = right.columns.iter().map(String::as_str).collect();
            let span = node.nearest(["columns", &i.to_string()]).span;
            found.push(lacking(&right.name, "column", name, &known, span));
        }
    }
    if let Some(name) = right.added(join).find(|it| left.columns.contains(it)) {
        found.push(
            Diagnostic::error(format!(
                "`{}` and `{}` both have a column `{name}`",
                left.name, right.name
            ))
            .at(node.span, "columns of one name")
            .hint(
                "take other columns alone: `columns: […]`; or rename one: `read: {names: […]}` names all columns of a file",
            ),
        );
    }
    found.len() == before
}

/// The columns of a dataset before any step, where they can be told.
pub fn known(task: &Preprocess, loader: &dyn Loader) -> Option<Vec<String>> {
    let mut table = first_table(task, loader)?;
    for join in &task.source.join.0 {
        table = table.with(&joined_table(join, loader)?, join);
    }
    Some(table.columns)
}

/// A table by its columns.
struct Table {
    /// The files that it is of, as written.
    name: String,
    columns: Vec<String>,
}

impl Table {
    /// The names of the columns that a join adds of this table.
    fn added<'a>(&'a self, join: &'a Join) -> impl Iterator<Item = &'a String> {
        let names = self.columns.iter();
        names.filter(|it| join.adds(it))
    }

    /// The table without the columns that `source.columns` leaves out.
    fn selected(mut self, task: &Preprocess) -> Self {
        if let Some(columns) = &task.source.columns {
            self.columns.retain(|name| columns.takes(name));
        }
        self
    }

    fn with(self, other: &Self, join: &Join) -> Self {
        Self {
            name: format!("{} + {}", self.name, other.name),
            columns: self
                .columns
                .into_iter()
                .chain(other.added(join).cloned())
                .collect(),
        }
    }
}

/// The columns that are read of the first file, where it is one of the project.
fn first_table(task: &Preprocess, loader: &dyn Loader) -> Option<Table> {
    Some(whole_table(task, loader)?.selected(task))
}

/// The columns of the first file.
fn whole_table(task: &Preprocess, loader: &dyn Loader) -> Option<Table> {
    table(task.first_file()?, &task.reading(), loader)
}

fn joined_table(join: &Join, loader: &dyn Loader) -> Option<Table> {
    table(join.first_file()?, &join.reading(), loader)
}

fn table(file: &PathOrStage, read: &Read, loader: &dyn Loader) -> Option<Table> {
    // Other files have names of their own.
    let is_named = !read.names.is_empty() && read.form().takes_names();
    let columns = if is_named {
        read.names.clone()
    } else {
        loader.columns(&path(file)?, read)?
    };
    Some(Table {
        name: written(file)?.to_owned(),
        columns,
    })
}

/// The files that a column may be in, relative to the spec's folder, each with how it is read.
pub fn files(task: &Preprocess) -> Vec<(String, Read)> {
    let joins = task.source.join.0.iter();
    joins
        .map(|it| (it.first_file(), it.reading()))
        .chain([(task.first_file(), task.reading())])
        .filter_map(|(file, read)| Some((path(file?)?, read)))
        .collect()
}

/// The path of a file, relative to the spec's folder.
fn path(file: &PathOrStage) -> Option<String> {
    paths::join("", written(file)?, usize::MAX).ok()
}

fn written(file: &PathOrStage) -> Option<&str> {
    match file {
        PathOrStage::Path(path) => Some(path),
        PathOrStage::Stage(_) | PathOrStage::Url(_) => None,
    }
}
