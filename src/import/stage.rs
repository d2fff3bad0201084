//! One stage of DVC as a command of a spec. Knows the fields of both; not where the text goes.

use pipe_schema::stage::shell::is_one_program;

use super::{
    Workspace,
    group::Axis,
    jobs::Job,
    note::Notes,
    params::{self, Picks},
    place::{Place, Spliced},
    scope, shell,
    survey::{Reach, Survey, reach},
    template::{self, Parsing, Piece},
    vars::{self, Vars},
    write::Yaml,
};
use crate::{
    plan,
    spec::{Diagnostic, Node, Span, Value},
};

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
    let cmd = writer.cmd();
    let is_loose = match &cmd {
        Yaml::Text(line) => !is_one_program(line),
        Yaml::Lines(lines) => !lines.iter().all(|line| is_one_program(line)),
        _ => false,
    };
    let mut command = vec![("cmd".to_owned(), cmd)];
    if is_loose {
        // As DVC runs it.
        command.push(("shell".to_owned(), Yaml::Text("plain_sh".to_owned())));
    }
    if writer.is_raw() {
        command.push(("raw".to_owned(), Yaml::Plain("true".to_owned())));
    }
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
        let role = params.role(listed.len() > 1);
        let hand = &mut *writer.hand;
        let (name, draft) = params::pick(params, &role, wdir.as_deref(), job, place, hand);
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
        let what = "meta; stages of a spec have none";
        hand.notes
            .lost(meta.key_span, what, "write it as a comment");
    }
    if job.is_frozen {
        hand.notes.changed(
            job.span,
            format!(
                "`{}` is frozen: it never runs, its outs are read as they lie there",
                job.name
            ),
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

/// A stage with what it is written with.
pub struct Writer<'w, 'h> {
    pub job: &'w Job,
    pub place: Place<'w>,
    /// Whether it reads or writes what pipe does not see.
    pub runs_always: bool,
    pub hand: &'w mut Hand<'h>,
}

impl Writer<'_, '_> {
    pub fn write(&mut self, node: &Node) -> String {
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

    /// Whether values with blanks or signs of the shell go into the command, where DVC does not quote them.
    fn is_raw(&mut self) -> bool {
        let Some(cmd) = self.job.template.get("cmd") else {
            return false;
        };
        let hand = &mut *self.hand;
        let names = match &cmd.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(cmd),
        };
        let is_odd = |it: &Value| !plan::shell::is_plain(&template::text_of(it));
        let mut values = names.iter().flat_map(|it| self.place.spliced(it));
        let is_raw = values.any(|spliced| match spliced {
            Spliced::Value(value) => is_odd(&value),
            Spliced::Axis(name) => {
                let axis = self.job.variant.axes.iter().find(|it| it.name == name);
                axis.is_some_and(|it| it.values.iter().any(|it| is_odd(&it.value)))
            }
        });
        if is_raw {
            hand.notes.changed(
                cmd.span,
                "values with blanks or signs of the shell go into the command as they are, as in DVC (`raw: true`)",
                "take `raw` away if each value is meant as one word: pipe quotes it then",
            );
        }
        is_raw
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

    pub fn is_outside(&self, path: &Node) -> bool {
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
                let what = format!(
                    "dep `{}`: pipe sees files of the project only",
                    dep.value.canonical()
                );
                let remedy = "the stage runs every time (`cache: false`); \
                              fetch it in a stage of its own, and read that one's out";
                self.hand.notes.lost(dep.span, what, remedy);
            } else {
                deps.push(self.write(dep));
            }
        }
        deps
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
                    // No name goes on behind it.
                    Piece::Name(_) => "\u{1}".to_owned(),
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
