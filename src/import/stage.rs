//! One stage of DVC as a command of a spec. Knows the fields of both; not where the text goes.

use indexmap::IndexMap;

use super::{
    Workspace,
    convert::Job,
    group::Axis,
    note::Notes,
    params::{self, Picks},
    place::Place,
    scope,
    shell,
    survey::{Reach, Survey, reach},
    template::{self, Parsing, Piece},
    vars::{self, Vars},
    write::Yaml,
};
use crate::spec::{Diagnostic, Node, Span, Value};

/// A stage of the spec, before it is written.
#[derive(Clone, Debug)]
pub struct Draft {
    pub name: String,
    /// Comments that stood above it, without their `#`.
    pub above: Vec<String>,
    pub comments: Vec<String>,
    pub block: Vec<(String, Yaml)>,
    /// Written as a comment: it never runs.
    pub is_off: bool,
}

/// What stages are written with, and what they leave behind.
pub struct Hand<'a> {
    pub survey: &'a Survey,
    pub workspace: &'a dyn Workspace,
    pub parsing: Parsing,
    pub vars: Vars,
    pub picks: Picks,
    pub notes: Notes,
    pub errors: Vec<Diagnostic>,
    pub names: Vec<String>,
    /// The first out that DVC keeps in git, and how many there are.
    pub uncached: Option<(Span, usize)>,
}

impl Hand<'_> {
    /// A name that no stage has.
    pub fn free_name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while self.names.contains(&name) {
            name.push('_');
        }
        self.names.push(name.clone());
        name
    }
}

/// The stages that a stage becomes: those that pick its params, then itself.
pub fn drafts(job: &Job, hand: &mut Hand<'_>) -> Vec<Draft> {
    let before = hand.notes.len();
    let template = &job.template;
    let place = Place {
        scope: &job.scope,
        bindings: &job.variant.bindings,
        parsing: hand.parsing,
    };
    let mut picked = Vec::new();
    let mut writer = Writer {
        job,
        place,
        runs_always: false,
        hand,
    };
    let mut command = vec![("cmd".to_owned(), writer.cmd())];
    let wdir = writer.wdir();
    if let Some(wdir) = &wdir {
        command.push(("wdir".to_owned(), Yaml::Text(wdir.clone())));
    }
    let mut deps = writer.deps();
    let mut inputs = Vec::new();
    let listed = params::read(template.get("params"));
    for params in &listed {
        let file = params.file.as_text().unwrap_or_default();
        if scope::is_unread(file) {
            writer.hand.notes.lost(
                params.span,
                format!("params: `{file}` is neither YAML nor JSON, so the whole file counts"),
                "it runs again when anything in the file changes; move its params to a YAML file",
            );
            deps.push(writer.write(&params.file));
            continue;
        }
        let axes = &job.variant.axes;
        let hand = &mut *writer.hand;
        let (name, draft) = params::pick(
            params,
            &job.name,
            wdir.as_deref(),
            axes,
            place,
            job.is_frozen,
            hand,
        );
        let role = params.role(listed.len() > 1);
        inputs.push((role, Yaml::Text(name)));
        picked.extend(draft);
    }
    if !inputs.is_empty() {
        command.push(("inputs".to_owned(), Yaml::Map(inputs)));
    }
    let (outs, metrics) = writer.outs();
    for (field, paths) in [("deps", deps), ("outs", outs), ("metrics", metrics)] {
        if !paths.is_empty() {
            command.push((field.to_owned(), Yaml::texts(paths)));
        }
    }
    let mut block = Vec::new();
    if let Some(desc) = template.get("desc") {
        block.push(("description".to_owned(), Yaml::Text(writer.write(desc))));
    }
    let (runs_always, pass_env) = (writer.runs_always(), writer.environment());
    if !job.variant.axes.is_empty() {
        let matrix = matrix_of(&job.variant.axes, &mut hand.vars);
        block.push(("matrix".to_owned(), matrix));
    }
    block.push(("command".to_owned(), Yaml::Block(command)));
    if runs_always {
        block.push(("cache".to_owned(), Yaml::Plain("false".to_owned())));
    }
    if !pass_env.is_empty() {
        block.push(("pass_env".to_owned(), Yaml::texts(pass_env)));
    }
    if let Some(meta) = template.entry("meta") {
        let what = "meta: a spec has no place for it";
        hand.notes.lost(meta.key_span, what, "write it as a comment");
    }
    if job.is_frozen {
        hand.notes.changed(
            job.span,
            format!("`{}` is frozen: it never runs, its outs are read as they lie there", job.name),
            "take the `#` away in the spec to have it run",
        );
    }
    let mut comments: Vec<String> = Vec::new();
    for what in hand.notes.since(before) {
        if !comments.iter().any(|it| it == what) {
            comments.push(what.to_owned());
        }
    }
    let draft = Draft {
        name: job.name.clone(),
        above: job.above.clone(),
        comments,
        block,
        is_off: job.is_frozen,
    };
    picked.push(draft);
    picked
}

/// A `matrix` of these axes.
pub fn matrix_of(axes: &[Axis], vars: &mut Vars) -> Yaml {
    let entries = axes.iter().map(|axis| {
        let list = Value::List(axis.values.clone());
        let var = axis
            .path
            .as_ref()
            .and_then(|path| vars.name_of(path, &list));
        let value = match var {
            Some(name) => Yaml::Text(format!("${{{name}}}")),
            None => vars::yaml(&list),
        };
        (axis.name.clone(), value)
    });
    Yaml::Map(entries.collect())
}

struct Writer<'w, 'h> {
    job: &'w Job,
    place: Place<'w>,
    runs_always: bool,
    hand: &'w mut Hand<'h>,
}

impl Writer<'_, '_> {
    fn write(&mut self, node: &Node) -> String {
        let hand = &mut *self.hand;
        self.place
            .write(node, false, &mut hand.vars, &mut hand.errors)
    }

    /// DVC runs the lines of a text one by one, and the items of a list as they are.
    fn cmd(&mut self) -> Yaml {
        let Some(cmd) = self.job.template.get("cmd") else {
            return Yaml::Text(String::new());
        };
        let mut write = |node: &Node| {
            let hand = &mut *self.hand;
            self.place
                .write(node, true, &mut hand.vars, &mut hand.errors)
        };
        if matches!(cmd.value, Value::List(_)) {
            return Yaml::Lines(cmd.items().iter().map(write).collect());
        }
        let text = write(cmd);
        let lines: Vec<&str> = text.lines().filter(|it| !it.trim().is_empty()).collect();
        match lines.as_slice() {
            [] | [_] => Yaml::Text(text.trim_end().to_owned()),
            lines => Yaml::Lines(lines.iter().map(|it| (*it).to_owned()).collect()),
        }
    }

    /// Where it runs, seen from the spec's folder.
    fn wdir(&mut self) -> Option<String> {
        let own = self.job.template.get("wdir").map(|it| self.write(it));
        let own = own.unwrap_or_default();
        let folder = &self.job.folder;
        let wdir = if own.contains("${") {
            let start = if folder.is_empty() { "" } else { "/" };
            format!("{folder}{start}{own}")
        } else {
            scope::beside(folder, &own)
        };
        (!wdir.is_empty() && wdir != ".").then_some(wdir)
    }

    fn is_outside(&self, path: &Node) -> bool {
        self.job.instances.iter().any(|instance| {
            let place = Place {
                bindings: &instance.bindings,
                ..self.place
            };
            let path = place.read(path, &mut Vec::new());
            reach(self.hand.workspace, &instance.wdir, &path) == Reach::Outside
        })
    }

    fn deps(&mut self) -> Vec<String> {
        let mut deps = Vec::new();
        for dep in items(&self.job.template, "deps") {
            if self.is_outside(dep) {
                self.runs_always = true;
                let what = format!("dep `{}`: pipe does not look there", dep.value.canonical());
                let remedy = "the stage runs every time (`cache: false`); \
                              fetch it in a stage of its own, and read that one's out";
                self.hand.notes.lost(dep.span, what, remedy);
            } else {
                deps.push(self.write(dep));
            }
        }
        deps
    }

    /// Outs, and those of them that hold metrics.
    fn outs(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut outs, mut metrics) = (Vec::new(), Vec::new());
        for (field, path, options) in paths_written(&self.job.template) {
            if self.is_outside(&path) {
                self.runs_always = true;
                let what = format!("out `{}`: pipe cannot keep it", path.value.canonical());
                let remedy = "the stage runs every time (`cache: false`); \
                              write into the project, and copy it from there";
                self.hand.notes.lost(path.span, what, remedy);
                continue;
            }
            self.note_options(field, &path, &options);
            let written = self.write(&path);
            let is_named = self.job.instances.iter().any(|instance| {
                let place = Place {
                    bindings: &instance.bindings,
                    ..self.place
                };
                let path = place.read(&path, &mut Vec::new());
                let metrics = &self.hand.survey.metrics;
                metrics.contains(&scope::beside(&instance.wdir, &path))
            });
            let is_json = written.ends_with(".json");
            if field == "metrics" && !is_json {
                self.hand.notes.lost(
                    path.span,
                    format!("metrics: `{written}` is kept as an out; pipe reads numbers from JSON"),
                    "let the command write JSON, and move the path to `metrics`",
                );
            }
            if is_json && (field == "metrics" || is_named) {
                metrics.push(written);
            } else {
                outs.push(written);
            }
        }
        (outs, metrics)
    }

    fn note_options(&mut self, field: &str, path: &Node, options: &[&Node]) {
        let shown = path.value.canonical();
        let mut drawing: Option<Span> = None;
        for entry in options.iter().flat_map(|it| it.entries()) {
            let (key, span) = (entry.key.as_str(), entry.key_span);
            let is_on = entry.node.value == Value::Bool(true);
            let notes = &mut self.hand.notes;
            match key {
                "cache" if !is_on => {
                    let (_, n) = self.hand.uncached.get_or_insert((span, 0));
                    *n += 1;
                }
                "persist" if is_on => notes.lost(
                    span,
                    format!("`{shown}`: persist; pipe clears outs before a command runs"),
                    "a command that builds on its last result must keep that in a file that is no out",
                ),
                "checkpoint" if is_on => notes.lost(
                    span,
                    format!("`{shown}`: checkpoint"),
                    "pipe keeps checkpoints of its own `train` stages only",
                ),
                "push" | "remote" if key == "remote" || !is_on => notes.lost(
                    span,
                    format!("`{shown}`: {key}; pipe has no remotes"),
                    "nothing to do: results stay in the local store",
                ),
                "cache" | "persist" | "checkpoint" | "push" => {}
                "desc" | "type" | "labels" | "meta" => notes.lost(
                    span,
                    format!("`{shown}`: {key}; a spec has no place for it"),
                    "write it as a comment",
                ),
                _ => drawing = drawing.or(Some(span)),
            }
        }
        if field == "plots" {
            self.hand.notes.lost(
                drawing.unwrap_or(path.span),
                format!("`{shown}`: kept as an out; pipe draws no plots of a command's files"),
                "keep dvc.yaml for `dvc plots`, or draw it in a stage",
            );
        }
    }

    fn runs_always(&mut self) -> bool {
        let template = &self.job.template;
        if template.get("always_changed").map(|it| &it.value) == Some(&Value::Bool(true)) {
            return true;
        }
        let fields = ["deps", "params", "outs", "metrics", "plots"];
        let is_idle = fields.iter().all(|it| items(template, it).is_empty());
        if is_idle {
            self.hand.notes.changed(
                self.job.span,
                "no deps and no outs: it runs every time, as in DVC",
                "take `cache: false` away to have it run once",
            );
        }
        is_idle || self.runs_always
    }

    /// Variables that the command is to be passed; and what else it asks of its shell.
    fn environment(&mut self) -> Vec<String> {
        let Some(cmd) = self.job.template.get("cmd") else {
            return Vec::new();
        };
        let lines = match &cmd.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(cmd),
        };
        let mut passed: Vec<String> = Vec::new();
        for line in lines {
            let pieces = template::split(line.as_text().unwrap_or_default());
            let text: String = pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    Piece::Name(_) => "x".to_owned(),
                })
                .collect();
            if let Some(found) = shell::bashism(&text) {
                self.hand.notes.lost(
                    line.span,
                    format!("cmd: `{found}` is bash; pipe runs `sh`, DVC your $SHELL"),
                    "write it as `bash -c '…'`",
                );
            }
            for name in shell::variables(&text) {
                if ["DVC_ROOT", "DVC_STAGE"].contains(&name.as_str()) {
                    let what = format!("cmd: ${name} is not set");
                    let remedy = "write the value out, or set it with `env`";
                    self.hand.notes.lost(line.span, what, remedy);
                } else if !passed.contains(&name) {
                    self.hand.notes.changed(
                        line.span,
                        format!("cmd: ${name} is passed on (`pass_env`), and makes it stale"),
                        "a secret belongs under `secrets`",
                    );
                    passed.push(name);
                }
            }
        }
        passed
    }
}

/// The items of a field.
pub fn items<'n>(template: &'n Node, field: &str) -> &'n [Node] {
    template.get(field).map_or(&[][..], Node::items)
}

/// The paths that a stage writes: with the field, and with their options.
pub fn paths_written(template: &Node) -> Vec<(&'static str, Node, Vec<&Node>)> {
    let mut found: IndexMap<String, (&'static str, Node, Vec<&Node>)> = IndexMap::new();
    for field in ["outs", "metrics", "plots"] {
        for item in items(template, field) {
            if let Some(path) = item.as_text() {
                let known = found.entry(path.to_owned());
                known.or_insert_with(|| (field, item.clone(), Vec::new()));
            }
            for entry in item.entries() {
                let path = Node::new(entry.key_span, Value::Text(entry.key.clone()));
                let known = found.entry(entry.key.clone());
                let (_, _, options) = known.or_insert_with(|| (field, path, Vec::new()));
                match &entry.node.value {
                    Value::List(items) => options.extend(items),
                    _ => options.push(&entry.node),
                }
            }
        }
    }
    found.into_values().collect()
}
