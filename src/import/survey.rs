//! The project around the stages: who writes what, what is there, what `.dvc` files track. Knows paths, not fields.

use std::collections::{BTreeSet, HashSet};

use super::{Workspace, note::Notes};
use crate::{
    plan::{paths, shell::quote},
    spec::Span,
};

/// A path that a stage reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Seen from the spec's folder.
    pub path: String,
    pub span: Span,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Project,
    /// A URL, a data set of DVC, or a path out of the project: pipe does not look there.
    Outside,
}

/// What stages write.
#[derive(Debug, Default)]
pub struct Survey {
    /// Outs of stages that run.
    pub outs: BTreeSet<String>,
    /// Outs of frozen stages, which never run.
    pub frozen: HashSet<String>,
    /// Files that `metrics` at the top names.
    pub metrics: HashSet<String>,
}

/// Where a path leads that is written in a folder.
pub fn reach(workspace: &dyn Workspace, folder: &str, path: &str) -> Reach {
    let is_url = path.contains("://");
    if is_url || paths::join(folder, path, workspace.levels_up()).is_err() {
        Reach::Outside
    } else {
        Reach::Project
    }
}

impl Survey {
    /// Whether a stage that runs writes something of a path.
    pub fn is_made(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.outs.contains(path)
            || self.holder(path).is_some()
            || self
                .outs
                .range(below.clone()..)
                .next()
                .is_some_and(|it| it.starts_with(&below))
    }

    /// The out that a path lies in.
    pub fn holder<'p>(&self, path: &'p str) -> Option<&'p str> {
        folders(path).find(|it| self.outs.contains(*it))
    }

    /// Says where what is read comes from, if no stage makes it.
    pub fn trace(
        &self,
        read: &Read,
        files: &[String],
        workspace: &dyn Workspace,
        notes: &mut Notes,
    ) {
        let Read { path, span } = read;
        if self.is_made(path) {
            return;
        }
        let is_there = workspace.exists(path);
        if self.frozen.iter().any(|it| paths::overlap(it, path)) {
            if !is_there {
                let what = format!("`{path}` is an out of a frozen stage, and is not there");
                notes.lost(*span, what, "bring it with `dvc checkout` or `dvc pull`");
            }
            return;
        }
        if let Some(tracker) = tracker(path, workspace) {
            if is_there {
                let what =
                    format!("`{path}`: tracked by {tracker}; pipe reads what lies in the folder");
                notes.changed(*span, what, "bring it with `dvc pull`, as before");
            } else {
                let what = format!("`{path}`: tracked by {tracker}, and not there");
                notes.lost(
                    *span,
                    what,
                    format!("bring it with `dvc pull {}`", quote(&tracker)),
                );
            }
        } else if !is_there {
            let what = format!("`{path}`: not there, and no stage makes it");
            let other = folders(path)
                .map(|it| join(it, "dvc.yaml"))
                .find(|it| !files.contains(it) && workspace.exists(it));
            let remedy = match other {
                Some(other) => {
                    let words: Vec<String> = files.iter().map(|it| quote(it)).collect();
                    format!(
                        "import {other} with it: `pipe import {} {}`",
                        words.join(" "),
                        quote(&other)
                    )
                }
                None => "put it there before the first run".to_owned(),
            };
            notes.lost(*span, what, remedy);
        }
    }
}

/// The `.dvc` file that tracks a path, or a folder that it lies in.
fn tracker(path: &str, workspace: &dyn Workspace) -> Option<String> {
    std::iter::once(path)
        .chain(folders(path))
        .filter(|it| !it.is_empty())
        .map(|it| format!("{it}.dvc"))
        .find(|it| workspace.exists(it))
}

/// The folders that a path lies in, from within; the spec's own is empty.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |it| (!it.is_empty()).then(|| paths::folder(it))).skip(1)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
