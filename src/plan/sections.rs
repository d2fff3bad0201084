//! A spec with its includes -> its sections by name. Knows the top level; not what is inside a stage.

use std::sync::Arc;

use indexmap::IndexMap;
use pipe_schema::stage::Reuse;

use super::{Loader, name, paths};
use crate::spec::{
    Diagnostic, Entry, Node, Source, Span, Spec, Value,
    suggest::{list, nearest},
    yaml,
};

/// What a spec may have on its top level.
pub const FIELDS: [&str; 9] = [
    "version", "name", "include", "vars", "profiles", "reuse", "stages", "sweeps", "promote",
];
/// The version of the language.
pub const VERSION: i64 = 1;
/// More files than this are not included.
const MOST_FILES: usize = 64;

/// The sections of a spec and of all that it includes.
pub struct Sections {
    pub sources: Vec<Arc<Source>>,
    pub name: String,
    pub reuse: Option<Reuse>,
    pub vars: IndexMap<String, Entry>,
    pub profiles: IndexMap<String, Entry>,
    pub stages: IndexMap<String, Entry>,
    pub sweeps: IndexMap<String, Entry>,
    pub promote: IndexMap<String, Entry>,
}

/// Reads the top level of a spec and of what it includes.
pub fn gather(
    spec: Spec,
    loader: &dyn Loader,
    levels: usize,
    found: &mut Vec<Diagnostic>,
) -> Sections {
    found.extend(spec.found);
    let top = top(&spec.root);
    let mut gatherer = Gatherer {
        loader,
        levels,
        sections: Sections {
            sources: vec![Arc::clone(&spec.source)],
            name: String::new(),
            reuse: None,
            vars: IndexMap::new(),
            profiles: IndexMap::new(),
            stages: IndexMap::new(),
            sweeps: IndexMap::new(),
            promote: IndexMap::new(),
        },
        open: vec![(paths::file_name(&spec.source.path).to_owned(), None)],
        read: Vec::new(),
        has_said_why: false,
        found,
    };
    gatherer.take(spec.root, true, "");
    let has_said_why = gatherer.has_said_why;
    let sections = gatherer.sections;
    if sections.stages.is_empty() && !has_said_why {
        found.push(
            Diagnostic::error("the spec has no stages")
                .at(top, "expected `stages:` with at least one stage"),
        );
    }
    sections
}

/// The first key of a file.
fn top(root: &Node) -> Span {
    root.entries().first().map_or(root.span, |it| it.key_span)
}

struct Gatherer<'a> {
    loader: &'a dyn Loader,
    /// How far paths may go up.
    levels: usize,
    sections: Sections,
    /// The files being read, from the spec down, with the places that include them.
    open: Vec<(String, Option<Span>)>,
    read: Vec<String>,
    /// Whether it is said already why there are no stages.
    has_said_why: bool,
    found: &'a mut Vec<Diagnostic>,
}

impl Gatherer<'_> {
    fn take(&mut self, root: Node, is_first: bool, folder: &str) {
        let top = top(&root);
        let Value::Map(entries) = root.value else {
            self.found.push(
                Diagnostic::error("a spec is a map")
                    .at(root.span, format!("found {}", root.value.describe()))
                    .hint("begin with `version: 1`"),
            );
            self.has_said_why = true;
            return;
        };
        let mut lacking = Vec::new();
        if is_first {
            for (field, sample) in [("version", "version: 1"), ("name", "name: my-project")] {
                if !entries.iter().any(|it| it.key == field) {
                    lacking.push(
                        Diagnostic::error(format!("the spec lacks `{field}`"))
                            .at(top, format!("expected `{sample}`")),
                    );
                }
            }
        }
        let mut include = None;
        for entry in entries {
            match entry.key.as_str() {
                "version" => self.version(&entry.node),
                "name" if is_first => self.name(&entry.node),
                "reuse" if is_first => self.reuse(&entry.node),
                "include" => include = Some(entry.node),
                "vars" | "profiles" | "stages" | "sweeps" | "promote" => self.section(entry),
                "name" | "reuse" => self.found.push(
                    Diagnostic::error(format!("`{}` belongs into the spec itself", entry.key))
                        .at(entry.key_span, "not in a file that is included"),
                ),
                // A place for anchors.
                other if other.starts_with("x-") => {}
                _ => self.unknown(&entry),
            }
        }
        self.found.extend(lacking);
        if let Some(include) = include {
            self.includes(&include, folder);
        }
    }

    fn unknown(&mut self, entry: &Entry) {
        let near = nearest(&entry.key, FIELDS);
        let is_stage = entry
            .node
            .entries()
            .iter()
            .any(|it| super::grammar::kinds().words.contains_key(&it.key));
        self.has_said_why |= is_stage || near == Some("stages");
        let label = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if is_stage => "stages stand under `stages:`".to_owned(),
            None => "not known".to_owned(),
        };
        self.found.push(
            Diagnostic::error(format!("unknown field `{}` in the spec", entry.key))
                .at(entry.key_span, label)
                .hint(format!("legal here: {}", list(FIELDS))),
        );
    }

    fn version(&mut self, node: &Node) {
        if node.value != Value::Int(VERSION) {
            self.found.push(
                Diagnostic::error(format!("`version` must be {VERSION}"))
                    .at(node.span, format!("found {}", node.value.describe()))
                    .hint("this pipe reads version 1 of the language"),
            );
        }
    }

    fn name(&mut self, node: &Node) {
        match node.as_text() {
            Some(text) if name::is_legal(text) => text.clone_into(&mut self.sections.name),
            Some(text) => self.found.push(
                Diagnostic::error(format!("`{text}` is no name for a project"))
                    .at(node.span, name::explain(text))
                    .hint(name::RULE),
            ),
            None => self.found.push(
                Diagnostic::error("`name` must be a word")
                    .at(node.span, format!("found {}", node.value.describe()))
                    .hint(name::RULE),
            ),
        }
    }

    fn reuse(&mut self, node: &Node) {
        self.sections.reuse = match node.as_text() {
            Some("exact") => Some(Reuse::Exact),
            Some("any_machine") => Some(Reuse::AnyMachine),
            _ => {
                self.found.push(
                    Diagnostic::error("`reuse` must be `exact` or `any_machine`")
                        .at(node.span, format!("found {}", node.value.describe())),
                );
                None
            }
        };
    }

    fn section(&mut self, entry: Entry) {
        let Value::Map(all) = entry.node.value else {
            self.has_said_why |= entry.key == "stages";
            self.found.push(
                Diagnostic::error(format!("`{}` must be a map from names", entry.key)).at(
                    entry.node.span,
                    format!("found {}", entry.node.value.describe()),
                ),
            );
            return;
        };
        let (table, what) = match entry.key.as_str() {
            "vars" => (&mut self.sections.vars, "var"),
            "profiles" => (&mut self.sections.profiles, "profile"),
            "stages" => (&mut self.sections.stages, "stage"),
            "sweeps" => (&mut self.sections.sweeps, "sweep"),
            _ => (&mut self.sections.promote, "promotion"),
        };
        table.reserve(all.len());
        for given in all {
            if !name::is_legal(&given.key) {
                self.found.push(
                    Diagnostic::error(format!("`{}` is no name for a {what}", given.key))
                        .at(given.key_span, name::explain(&given.key))
                        .hint(name::RULE),
                );
            }
            if let Some(first) = table.get(&given.key) {
                self.found.push(
                    Diagnostic::error(format!("the {what} `{}` is defined twice", given.key))
                        .at(given.key_span, "defined again here")
                        .at(first.key_span, "first defined here")
                        .hint("rename one of the two, or remove it"),
                );
                continue;
            }
            table.insert(given.key.clone(), given);
        }
    }

    fn includes(&mut self, node: &Node, folder: &str) {
        let one = std::slice::from_ref(node);
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => one,
        };
        for item in items {
            match item.as_text() {
                Some(path) => self.include(path, item.span, folder),
                None => self.found.push(
                    Diagnostic::error("`include` must be a path or a list of paths")
                        .at(item.span, format!("found {}", item.value.describe())),
                ),
            }
        }
    }

    fn include(&mut self, written: &str, span: Span, folder: &str) {
        let Ok(path) = paths::join(folder, written, self.levels) else {
            self.found.push(paths::escape_error(written, span));
            return;
        };
        if let Some(at) = self.open.iter().position(|(it, _)| *it == path) {
            let mut chain: Vec<&str> = self.open[at..].iter().map(|it| it.0.as_str()).collect();
            chain.push(&path);
            let mut error =
                Diagnostic::error(format!("includes go in a circle: {}", chain.join(" → ")))
                    .at(span, "included again here");
            for (name, place) in &self.open[at + 1..] {
                error = error.at_some(*place, format!("`{name}` is included here"));
            }
            self.found.push(error);
            return;
        }
        if self.read.contains(&path) {
            return;
        }
        if self.sections.sources.len() >= MOST_FILES {
            self.found.push(
                Diagnostic::error(format!("more than {MOST_FILES} files")).at(span, "one too many"),
            );
            return;
        }
        let text = match self.loader.include(&path) {
            Ok(text) => text,
            Err(why) => {
                self.found
                    .push(Diagnostic::error(format!("cannot read `{path}`")).at(span, why));
                return;
            }
        };
        let file = self.sections.sources.len() as u32;
        let source = Arc::new(Source {
            path: paths::beside(&self.sections.sources[0].path, &path),
            text,
        });
        self.sections.sources.push(Arc::clone(&source));
        self.read.push(path.clone());
        match yaml::read(&source.text, file) {
            Ok(tree) => {
                self.found.extend(tree.found);
                let folder = paths::folder(&path).to_owned();
                self.open.push((path, Some(span)));
                self.take(tree.root, false, &folder);
                self.open.pop();
            }
            Err(found) => self.found.extend(found),
        }
    }
}
