//! From the files of DVC to the text of a spec: reads them, surveys them, writes stage by stage. Knows the order of it.

use std::sync::Arc;

use super::{
    Imported, Workspace, grammar, group,
    jobs::{self, Job},
    note::Notes,
    outs,
    params::{self, Picks},
    scope::{self, Reader, Scope},
    stage::{self, Draft, Hand, items},
    survey::{Reach, Read, Survey, reach},
    template::Parsing,
    top::{self, Pipeline},
    vars::{Vars, legal_name},
    write::{self, Yaml},
};
use crate::{
    plan::paths,
    spec::{Diagnostic, Diagnostics, Node},
};

/// Makes a spec of one or several dvc.yaml. All that is wrong with them is told at once.
pub fn from_dvc(
    files: &[String],
    name: &str,
    workspace: &dyn Workspace,
) -> Result<Imported, Diagnostics> {
    let mut reader = Reader::new(workspace);
    let pipelines = read(files, &mut reader);
    let is_broken = |reader: &Reader<'_>| !reader.found.is_empty();
    if is_broken(&reader) {
        return Err(Diagnostics::new(reader.sources, reader.found));
    }
    let parsing = parsing(workspace);
    let mut notes = Notes::default();
    let jobs = jobs::of(&pipelines, parsing, &mut reader, &mut notes);
    let survey = survey(&pipelines, &jobs);
    let axes = pipelines.iter().flat_map(|it| {
        let stages = it.root.get("stages").map_or(&[][..], Node::entries);
        stages.iter().flat_map(|it| group::axis_names(&it.node))
    });
    let mut hand = Hand {
        survey: &survey,
        workspace,
        parsing,
        vars: Vars::new(axes),
        picks: Picks::default(),
        notes,
        errors: Vec::new(),
        names: jobs.iter().map(|it| it.name.clone()).collect(),
        uncached: None,
    };
    let mut drafts: Vec<Draft> = Vec::new();
    for job in &jobs {
        drafts.extend(stage::drafts(job, &mut hand));
        trace(job, files, parsing, &mut reader, &mut hand);
    }
    for pipeline in &pipelines {
        pipeline.note_rest(&survey, &mut hand.notes);
    }
    note_rest(&pipelines, &mut hand);
    reader.found.extend(std::mem::take(&mut hand.errors));
    if is_broken(&reader) {
        return Err(Diagnostics::new(reader.sources, reader.found));
    }
    let has_outs = survey.outs.iter().any(|it| workspace.exists(it));
    Ok(Imported {
        text: spec(files, name, &hand.vars, &drafts),
        notes: hand.notes.finish(&reader.sources),
        n_stages: drafts.iter().filter(|it| !it.is_off).count(),
        has_outs,
    })
}

fn read(files: &[String], reader: &mut Reader<'_>) -> Vec<Pipeline> {
    let mut pipelines = Vec::new();
    for path in files {
        let Some(root) = reader.tree(path) else {
            if reader.found.is_empty() {
                let error = Diagnostic::error(format!("`{path}` does not exist"));
                reader.found.push(error);
            }
            continue;
        };
        let before = reader.found.len();
        grammar::check(&root, &mut reader.found);
        let folder = paths::folder(path).to_owned();
        if reader.found.len() > before {
            continue;
        }
        let scope = Scope::of_file(reader, &folder, root.get("vars"));
        pipelines.push(Pipeline {
            folder,
            root,
            scope: Arc::new(scope),
        });
    }
    pipelines
}

/// DVC's own settings, in the nearest `.dvc` upwards.
fn parsing(workspace: &dyn Workspace) -> Parsing {
    (0..=workspace.levels_up().min(64))
        .find_map(|n| {
            let path = format!("{}.dvc/config", "../".repeat(n));
            workspace.read(&path).ok().flatten()
        })
        .map_or_else(Parsing::default, |text| Parsing::read(&text))
}

fn survey(pipelines: &[Pipeline], jobs: &[Job]) -> Survey {
    let mut survey = Survey::default();
    survey
        .metrics
        .extend(pipelines.iter().flat_map(top::metrics));
    for job in jobs {
        for (_, path, _) in outs::paths_written(&job.template) {
            for instance in &job.instances {
                let path = job
                    .place(instance, Parsing::default())
                    .read(&path, &mut Vec::new());
                let path = scope::beside(&instance.wdir, &path);
                if job.is_frozen {
                    survey.frozen.insert(path);
                } else {
                    survey.outs.insert(path);
                }
            }
        }
    }
    survey
}

/// Says where the files that a stage reads come from, and which of its params are read by scripts.
fn trace(
    job: &Job,
    files: &[String],
    parsing: Parsing,
    reader: &mut Reader<'_>,
    hand: &mut Hand<'_>,
) {
    if job.is_frozen {
        return;
    }
    let workspace = reader.workspace;
    for instance in &job.instances {
        let place = job.place(instance, parsing);
        for dep in items(&job.template, "deps") {
            let path = place.read(dep, &mut reader.found);
            if reach(workspace, &instance.wdir, &path) == Reach::Project {
                let read = Read {
                    path: scope::beside(&instance.wdir, &path),
                    span: dep.span,
                };
                hand.survey.trace(&read, files, workspace, &mut hand.notes);
            }
        }
        for params in params::read(job.template.get("params")) {
            let file = place.read(&params.file, &mut reader.found);
            let path = scope::beside(&instance.wdir, &file);
            if hand.survey.is_made(&path) || scope::is_unread(&file) {
                continue;
            }
            if !workspace.exists(&path) {
                let what = format!("params: `{path}` is not there");
                hand.notes
                    .lost(params.span, what, "put it there before the first run");
                continue;
            }
            let tree = reader.tree(&path);
            for key in &params.keys {
                let name = place.read(key, &mut reader.found);
                let steps: Vec<&str> = name.split('.').collect();
                if tree
                    .as_ref()
                    .is_some_and(|it| scope::descend(it, &steps).is_none())
                {
                    let what = format!("params: `{path}` has no `{name}`");
                    hand.notes
                        .lost(key.span, what, "add it, or the stage cannot run");
                }
                hand.picks.reads.push((path.clone(), Some(name), key.span));
            }
            if params.keys.is_empty() {
                hand.picks.reads.push((path, None, params.span));
            }
        }
    }
}

fn note_rest(pipelines: &[Pipeline], hand: &mut Hand<'_>) {
    let loaded = |path: &str| pipelines.iter().any(|it| it.scope.has_file(path));
    for (path, key, span) in std::mem::take(&mut hand.picks.reads) {
        let var = match &key {
            Some(key) if loaded(&path) => hand.vars.at(key),
            _ => None,
        };
        if let (Some(var), Some(key)) = (var, key) {
            let what = format!(
                "`{key}` stands in two places now: the var `{var}` for commands, {path} for scripts"
            );
            hand.notes.lost(
                span,
                what,
                "change both, or let the script take it from the command",
            );
        }
    }
    let ignores = hand.workspace.read(".dvcignore").ok().flatten();
    let is_rule = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if let Some(first) = pipelines.first()
        && ignores.is_some_and(|it| it.lines().any(is_rule))
    {
        let what = "what .dvcignore leaves out counts in folders that are deps";
        let remedy =
            "a stage may run more often; name the files that it reads instead of the folder";
        hand.notes.lost(first.root.span, what, remedy);
    }
    if let Some((span, n)) = hand.uncached {
        let outs = if n == 1 { "out" } else { "outs" };
        let what = format!("{n} {outs} with `cache: false`: pipe keeps every out in its store");
        hand.notes
            .changed(span, what, "git may track them all the same");
    }
    if let Some(first) = pipelines.first() {
        hand.notes.changed(
            first.root.span,
            "commands see PATH, HOME and a few variables more, not the whole environment",
            "name what scripts read, PYTHONPATH for example, in a stage's `pass_env`",
        );
    }
    if let Some(first) = pipelines.first().filter(|_| !hand.vars.is_empty()) {
        let stages = first
            .root
            .entry("stages")
            .map_or(first.root.span, |it| it.key_span);
        hand.notes.changed(
            stages,
            "values that commands name are `vars` of the spec now, wherever they stood before",
            "change them in the spec, or with `--set NAME=VALUE`",
        );
    }
}

fn spec(files: &[String], name: &str, vars: &Vars, drafts: &[Draft]) -> String {
    let mut text = format!(
        "# Written by `pipe import {}`.\nversion: 1\n",
        files.join(" ")
    );
    text.push_str(&write::entry("name", &Yaml::Text(legal_name(name)), 0));
    if !vars.is_empty() {
        text.push_str("vars:\n");
        for (name, value, path) in vars.iter() {
            let line = write::entry(name, &value, 2);
            match path {
                Some(path) if line.matches('\n').count() == 1 => {
                    text.push_str(&format!("{}  # {path}\n", line.trim_end()));
                }
                _ => text.push_str(&line),
            }
        }
    }
    text.push_str("\nstages:\n");
    for (i, draft) in drafts.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        for line in &draft.above {
            text.push_str(&write::comment(line, 2));
        }
        for line in &draft.comments {
            text.push_str(&write::comment(&format!("import: {line}"), 2));
        }
        let block = write::entry(&draft.name, &Yaml::Block(draft.block.clone()), 2);
        if draft.is_off {
            for line in block.lines() {
                let line = line.strip_prefix("  ").unwrap_or(line);
                text.push_str(format!("  # {line}").trim_end());
                text.push('\n');
            }
        } else {
            text.push_str(&block);
        }
    }
    text
}
