//! Stages of DVC on their way into the spec: groups as variants, instances with their names bound. Writes nothing.

use std::sync::Arc;

use super::{
    group::{self, Variant},
    note::Notes,
    place::{Bindings, Place},
    scope::{self, Reader, Scope},
    template::Parsing,
    top::Pipeline,
    vars::legal_name,
};
use crate::spec::{Diagnostic, Entry, Node, Source, Span, Value};

/// A stage of DVC on its way into the spec.
pub struct Job {
    pub name: String,
    /// Its name in dvc.yaml.
    pub span: Span,
    /// What is repeated: the stage itself, or what stands under `do`.
    pub template: Node,
    pub variant: Variant,
    /// The folder of its dvc.yaml.
    pub folder: String,
    pub scope: Arc<Scope>,
    pub instances: Vec<Instance>,
    pub is_frozen: bool,
    pub above: Vec<String>,
}

/// One instance, with all its names bound.
pub struct Instance {
    pub bindings: Bindings,
    /// Seen from the spec's folder.
    pub wdir: String,
}

impl Job {
    /// Where an instance's texts stand.
    pub fn place<'a>(&'a self, instance: &'a Instance, parsing: Parsing) -> Place<'a> {
        Place {
            scope: &self.scope,
            bindings: &instance.bindings,
            parsing,
        }
    }
}

/// The stages of the files, in their order; groups taken apart where they must be.
pub fn of(
    pipelines: &[Pipeline],
    parsing: Parsing,
    reader: &mut Reader<'_>,
    notes: &mut Notes,
) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for pipeline in pipelines {
        let stages = pipeline.root.get("stages").map_or(&[][..], Node::entries);
        let mut n_comments = 0;
        for entry in stages {
            let none = Bindings::new();
            let place = Place {
                scope: &pipeline.scope,
                bindings: &none,
                parsing,
            };
            let variants = group::variants(entry, place, &mut reader.found);
            let mut above = comments_above(&reader.sources, entry);
            n_comments += above.len();
            let (mut names, mut axes): (Vec<String>, Vec<String>) = Default::default();
            for variant in variants {
                let mut wanted = match &variant.suffix {
                    Some(suffix) => legal_name(&format!("{}_{suffix}", entry.key)),
                    None => legal_name(&entry.key),
                };
                if jobs.iter().any(|it| it.name == wanted) && !pipeline.folder.is_empty() {
                    wanted = legal_name(&format!("{}_{wanted}", pipeline.folder));
                }
                while jobs.iter().any(|it| it.name == wanted) {
                    wanted.push('_');
                }
                names.push(wanted.clone());
                axes = variant.axes.iter().map(|it| it.name.clone()).collect();
                let job = job(pipeline, entry, variant, parsing, reader);
                jobs.push(Job {
                    name: wanted,
                    above: std::mem::take(&mut above),
                    ..job
                });
            }
            note_names(entry, &names, &axes, notes);
        }
        let span = pipeline.root.span;
        let source = reader.sources.get(span.file as usize);
        let lines = source.map_or("", |it| &it.text).lines();
        let n_all = lines.filter(|it| it.trim_start().starts_with('#')).count();
        if n_all > n_comments {
            let what = format!(
                "{} of {n_all} lines of comments do not stand right above a stage",
                n_all - n_comments
            );
            notes.changed(span, what, "copy those that matter");
        }
    }
    jobs
}

/// Says what a stage is called in the spec.
fn note_names(entry: &Entry, names: &[String], axes: &[String], notes: &mut Notes) {
    let key = &entry.key;
    let mut instance = String::new();
    for axis in axes {
        instance.push_str(&format!("@{axis}=…"));
    }
    let what = match names {
        [] => format!("`{key}` has no values, so it is no stage"),
        [name] if axes.is_empty() && name == key => return,
        [name] if axes.is_empty() => format!("the stage `{key}` is `{name}` here"),
        [name] => format!("instances of `{key}` are `{name}{instance}`"),
        [first, .., last] => format!(
            "`{key}` becomes {} stages, `{first}{instance}` to `{last}{instance}`: \
             an axis of a spec takes no maps and lists",
            names.len()
        ),
    };
    let remedy = match names {
        [_, _, ..] => "a further value needs a stage of its own here",
        _ => "",
    };
    notes.changed(entry.key_span, what, remedy);
}

fn job(
    pipeline: &Pipeline,
    entry: &Entry,
    variant: Variant,
    parsing: Parsing,
    reader: &mut Reader<'_>,
) -> Job {
    let template = entry.node.get("do").unwrap_or(&entry.node).clone();
    let folder_of = |scope: &Scope, bindings: &Bindings, errors: &mut Vec<Diagnostic>| {
        let place = Place {
            scope,
            bindings,
            parsing,
        };
        let wdir = template.get("wdir").map(|it| place.read(it, errors));
        scope::beside(&pipeline.folder, &wdir.unwrap_or_default())
    };
    let all = variant.instances();
    let mut scope = Arc::clone(&pipeline.scope);
    if let Some(own) = template.get("vars") {
        let first = all.first().unwrap_or(&variant.bindings);
        let folder = folder_of(&scope, first, &mut Vec::new());
        Arc::make_mut(&mut scope).extend(reader, &folder, Some(own));
    }
    let instances = all.into_iter().map(|bindings| {
        let wdir = folder_of(&scope, &bindings, &mut reader.found);
        Instance { bindings, wdir }
    });
    let instances = instances.collect();
    let is_frozen = template.get("frozen").map(|it| &it.value) == Some(&Value::Bool(true));
    Job {
        name: String::new(),
        span: entry.key_span,
        template,
        variant,
        folder: pipeline.folder.clone(),
        scope,
        instances,
        is_frozen,
        above: Vec::new(),
    }
}

/// The lines of comments right above a stage.
fn comments_above(sources: &[Arc<Source>], entry: &Entry) -> Vec<String> {
    let text = sources
        .get(entry.key_span.file as usize)
        .and_then(|it| it.text.get(..entry.key_span.start as usize))
        .unwrap_or_default();
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        // The stage's own line, up to its name.
        .skip(usize::from(!text.ends_with('\n')))
        .map_while(|it| it.trim().strip_prefix('#'))
        .map(|it| it.trim().to_owned())
        .collect();
    lines.reverse();
    lines
}
