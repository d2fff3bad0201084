//! What `${name}` finds: params.yaml, then `vars`, files and maps merged. Reads through the workspace; knows no stage.

use std::{collections::HashMap, sync::Arc};

use super::{Workspace, template};
use crate::{
    plan::paths,
    spec::{Diagnostic, Entry, Node, Source, Span, Value, yaml},
};

/// The file that DVC reads unasked.
pub const DEFAULT_PARAMS: &str = "params.yaml";

/// Reads files once, and keeps them for messages.
pub struct Reader<'w> {
    pub workspace: &'w dyn Workspace,
    pub sources: Vec<Arc<Source>>,
    pub found: Vec<Diagnostic>,
    trees: HashMap<String, Option<Arc<Node>>>,
}

impl<'w> Reader<'w> {
    pub fn new(workspace: &'w dyn Workspace) -> Self {
        Self {
            workspace,
            sources: Vec::new(),
            found: Vec::new(),
            trees: HashMap::new(),
        }
    }

    /// A YAML or JSON file's tree; `None` where there is no file, or none that can be read, which is told.
    pub fn tree(&mut self, path: &str) -> Option<Arc<Node>> {
        if let Some(known) = self.trees.get(path) {
            return known.clone();
        }
        let tree = self.read(path).map(Arc::new);
        self.trees.insert(path.to_owned(), tree.clone());
        tree
    }

    fn read(&mut self, path: &str) -> Option<Node> {
        let text = match self.workspace.read(path) {
            Ok(text) => text?,
            Err(why) => {
                self.found
                    .push(Diagnostic::error(format!("cannot read {path}: {why}")));
                return None;
            }
        };
        let file = self.sources.len() as u32;
        let tree = yaml::read(&text, file);
        let is_empty = text.trim().is_empty();
        self.sources.push(Arc::new(Source {
            path: path.to_owned(),
            text,
        }));
        match tree {
            Ok(tree) => {
                self.found.extend(tree.found);
                Some(tree.root)
            }
            Err(_) if is_empty && path.rsplit('/').next() != Some("dvc.yaml") => {
                let span = Span {
                    file,
                    ..Span::default()
                };
                Some(Node::new(span, Value::Map(Vec::new())))
            }
            Err(found) => {
                self.found.extend(found);
                None
            }
        }
    }
}

/// Values by name.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    entries: Vec<Entry>,
    /// Files that are in, and which of their keys; `None`: all.
    files: HashMap<String, Option<Vec<String>>>,
}

impl Scope {
    /// The scope of a dvc.yaml: the params.yaml beside it, then its `vars`.
    pub fn of_file(reader: &mut Reader<'_>, folder: &str, vars: Option<&Node>) -> Self {
        let mut scope = Self::default();
        let default = beside(folder, DEFAULT_PARAMS);
        if reader.workspace.exists(&default) {
            scope.load(reader, DEFAULT_PARAMS, folder, Span::default());
        }
        scope.extend(reader, folder, vars);
        scope
    }

    /// Adds `vars`: names of files, `file:key,key`, and maps.
    pub fn extend(&mut self, reader: &mut Reader<'_>, folder: &str, vars: Option<&Node>) {
        for item in vars.map_or(&[][..], Node::items) {
            match &item.value {
                _ if template::has_names(item) => reader.found.push(
                    Diagnostic::error("`vars` cannot refer to other values")
                        .at(item.span, "has a `${…}` in it")
                        .hint("put the two together where they are used"),
                ),
                Value::Text(text) => self.load(reader, text, folder, item.span),
                _ => merge(&mut self.entries, item.entries(), &mut reader.found),
            }
        }
    }

    /// The value at a path of keys and indices.
    pub fn find(&self, steps: &[&str]) -> Option<&Node> {
        let (first, rest) = steps.split_first()?;
        let node = &self.entries.iter().find(|it| it.key == *first)?.node;
        descend(node, rest)
    }

    /// Whether a file's values are in.
    pub fn has_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The names that stand beside the one that a path misses.
    pub fn names_near(&self, steps: &[&str]) -> Vec<String> {
        for n in (1..steps.len()).rev() {
            if let Some(found) = self.find(&steps[..n]) {
                let before = steps[..n].join(".");
                let places = (0..found.items().len()).map(|i| format!("{before}.{i}"));
                let below = |it: &Entry| format!("{before}.{}", it.key);
                return found.entries().iter().map(below).chain(places).collect();
            }
        }
        self.entries.iter().map(|it| it.key.clone()).collect()
    }

    fn load(&mut self, reader: &mut Reader<'_>, item: &str, folder: &str, span: Span) {
        let (file, keys) = match item.split_once(':') {
            Some((file, keys)) => (file, keys),
            None => (item, ""),
        };
        let keys: Vec<String> = keys
            .split(',')
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect();
        let path = beside(folder, file);
        match self.files.get(&path) {
            // The whole file is in.
            Some(None) => return,
            Some(Some(known)) if keys.iter().all(|it| known.contains(it)) && !keys.is_empty() => {
                return;
            }
            _ => {}
        }
        if is_unread(file) {
            reader.found.push(
                Diagnostic::error(format!("the values of `{file}` cannot be read"))
                    .at(span, "neither YAML nor JSON")
                    .hint("write them as YAML, and name that file here"),
            );
            return;
        }
        if !reader.workspace.exists(&path) {
            reader.found.push(
                Diagnostic::error(format!("`{path}` does not exist")).at(span, "no such file"),
            );
            return;
        }
        let Some(tree) = reader.tree(&path) else {
            return;
        };
        if !matches!(tree.value, Value::Map(_)) {
            reader.found.push(
                Diagnostic::error(format!("`{path}` must hold a map of values"))
                    .at(tree.span, format!("found {}", tree.value.describe())),
            );
            return;
        }
        for key in keys.iter().filter(|it| tree.get(it).is_none()) {
            reader.found.push(
                Diagnostic::error(format!("`{path}` has no `{key}`")).at(span, "asked for here"),
            );
        }
        let wanted: Vec<Entry> = tree
            .entries()
            .iter()
            .filter(|it| keys.is_empty() || keys.contains(&it.key))
            .cloned()
            .collect();
        merge(&mut self.entries, &wanted, &mut reader.found);
        let known = self.files.entry(path).or_insert(Some(Vec::new()));
        match known {
            Some(known) if !keys.is_empty() => known.extend(keys),
            _ => *known = None,
        }
    }
}

/// Whether a file of values is in a format that is not read here.
pub fn is_unread(file: &str) -> bool {
    ["toml", "py"].contains(&ending(file).as_str())
}

/// What a file's name ends with, in small letters.
pub fn ending(path: &str) -> String {
    let ending = path.rsplit_once('.').map_or("", |it| it.1);
    ending.to_ascii_lowercase()
}

/// The value below a node.
pub fn descend<'n>(node: &'n Node, steps: &[&str]) -> Option<&'n Node> {
    let mut node = node;
    for step in steps {
        node = match &node.value {
            Value::Map(_) => node.get(step)?,
            Value::List(items) => items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(node)
}

/// A path written in a folder, seen from the spec's. What leaves the project stays readable in messages.
pub fn beside(folder: &str, path: &str) -> String {
    paths::join(folder, path, usize::MAX).unwrap_or_else(|_| path.to_owned())
}

/// Maps grow together; a value given twice is an error, as in DVC.
fn merge(into: &mut Vec<Entry>, given: &[Entry], found: &mut Vec<Diagnostic>) {
    for entry in given {
        match into.iter_mut().find(|it| it.key == entry.key) {
            None => into.push(entry.clone()),
            Some(known) => match (&mut known.node.value, &entry.node.value) {
                (Value::Map(inner), Value::Map(more)) => merge(inner, more, found),
                _ => found.push(
                    Diagnostic::error(format!("`{}` is given twice", entry.key))
                        .at(entry.key_span, "given again here")
                        .at(known.key_span, "first given here"),
                ),
            },
        }
    }
}
