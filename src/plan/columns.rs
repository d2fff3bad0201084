//! Names of columns in a preprocess block, against the table where the loader can tell its columns.
//! Knows names; not what is in them.

use pipe_schema::{
    reference::PathOrStage,
    stage::{
        Preprocess, Task,
        preprocess::{Columns, Step},
    },
};

use super::{Loader, paths};
use crate::spec::{Diagnostic, Node, Span, suggest::lacking};

/// Checks that the columns that a block names are there.
pub fn check(task: &Task, block: &Node, loader: &dyn Loader, found: &mut Vec<Diagnostic>) {
    let Task::Preprocess(task) = task else { return };
    let Some((path, columns)) = first_table(task, loader) else {
        return;
    };
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut check = |name: &str, span: Span| {
        if !columns.contains(&name) {
            found.push(lacking(&path, "column", name, &columns, span));
        }
    };
    for (i, name) in task.target.iter().enumerate() {
        check(name, block.nearest(["target", &i.to_string()]).span);
    }
    for entry in block.get("columns").map_or(&[][..], Node::entries) {
        check(&entry.key, entry.key_span);
    }
    for (option, column) in task.split.columns() {
        let node = block.nearest(["split", task.split.name(), option]);
        check(column, node.span);
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

/// The columns of a dataset before any step, where they can be told.
pub fn known(task: &Preprocess, loader: &dyn Loader) -> Option<Vec<String>> {
    first_table(task, loader).map(|it| it.1)
}

/// The columns of the first file that is read, where it is one of the project.
fn first_table(task: &Preprocess, loader: &dyn Loader) -> Option<(String, Vec<String>)> {
    let path = first_file(task)?;
    let names = &task.source.read.names;
    if !names.is_empty() {
        return Some((path.to_owned(), names.clone()));
    }
    let columns = loader.columns(&first_path(task)?, &task.reading())?;
    Some((path.to_owned(), columns))
}

/// The path of the first file that is read, relative to the spec's folder.
pub fn first_path(task: &Preprocess) -> Option<String> {
    paths::join("", first_file(task)?, usize::MAX).ok()
}

/// The same as written.
fn first_file(task: &Preprocess) -> Option<&str> {
    match task.first_file()? {
        PathOrStage::Path(path) => Some(path),
        PathOrStage::Stage(_) => None,
    }
}
