//! Params that scripts read themselves: a stage of its own picks their values out of the file, so that its reader is
//! stale when they change, and not when others do.

use super::{
    group::Axis,
    jobs::Job,
    place::{self, Place},
    scope::{self, DEFAULT_PARAMS},
    stage::{Draft, Hand, matrix_of},
    vars::legal_name,
    write::Yaml,
};
use crate::{
    plan::paths,
    spec::{Node, Span, Value},
};

/// The params that a stage names of one file.
#[derive(Clone, Debug)]
pub struct Params {
    pub file: Node,
    /// None: the whole file.
    pub keys: Vec<Node>,
    pub span: Span,
}

/// Stages that pick values, each once.
#[derive(Debug, Default)]
pub struct Picks {
    /// What each does, with its name.
    made: Vec<(Vec<(String, Yaml)>, String)>,
    /// Which values of which files scripts read.
    pub reads: Vec<(String, Option<String>, Span)>,
}

impl Params {
    /// What its values are called among a command's inputs.
    pub fn role(&self, is_one_of_several: bool) -> String {
        let path = self.file.as_text().unwrap_or_default();
        let stem = paths::file_name(path).split('.').next().unwrap_or(path);
        if path == DEFAULT_PARAMS || stem.is_empty() || !is_one_of_several {
            return "params".to_owned();
        }
        format!("params_{}", &legal_name(&format!("_{stem}"))[1..])
    }
}

/// Reads `params`: `lr`, `config.yaml:` and `config.yaml: [a.b]`, by file.
pub fn read(node: Option<&Node>) -> Vec<Params> {
    let mut found: Vec<Params> = Vec::new();
    let mut add = |file: Node, keys: &[Node], is_whole: bool, span: Span| {
        let known = found
            .iter_mut()
            .find(|it| it.file.as_text() == file.as_text());
        match known {
            Some(known) if is_whole => known.keys.clear(),
            Some(known) if known.keys.is_empty() => {}
            Some(known) => known.keys.extend_from_slice(keys),
            None => found.push(Params {
                file,
                keys: keys.to_vec(),
                span,
            }),
        }
    };
    for item in node.map_or(&[][..], Node::items) {
        if matches!(item.value, Value::Text(_)) {
            let file = Node::new(item.span, Value::Text(DEFAULT_PARAMS.to_owned()));
            add(file, std::slice::from_ref(item), false, item.span);
        }
        for entry in item.entries() {
            let file = Node::new(entry.key_span, Value::Text(entry.key.clone()));
            let keys = entry.node.items();
            add(file, keys, keys.is_empty(), entry.key_span);
        }
    }
    found
}

/// The stage that picks these values: new, or one that is there. One that is off serves nobody else.
pub fn pick(
    params: &Params,
    role: &str,
    wdir: Option<&str>,
    job: &Job,
    place: Place<'_>,
    hand: &mut Hand<'_>,
) -> (String, Option<Draft>) {
    let (stage, is_off) = (&job.name, job.is_frozen);
    let is_fixed = wdir.is_none_or(|it| !it.contains("${"));
    let mut file = place.write(&params.file, false, &mut hand.vars, &mut hand.errors);
    if is_fixed {
        file = scope::beside(wdir.unwrap_or_default(), &file);
    }
    let mut words = vec![quote(&file)];
    for key in &params.keys {
        words.push(quote(&place.write(
            key,
            false,
            &mut hand.vars,
            &mut hand.errors,
        )));
    }
    let cmd = format!("pipe pick {} > ${{outputs.values}}", words.join(" "));
    let mut command = vec![("cmd".to_owned(), Yaml::Text(cmd.clone()))];
    if let Some(wdir) = wdir.filter(|_| !is_fixed) {
        command.push(("wdir".to_owned(), Yaml::Text(wdir.to_owned())));
    }
    command.push(("deps".to_owned(), Yaml::texts([file.clone()])));
    let values = ("values".to_owned(), Yaml::Map(Vec::new()));
    command.push(("outputs".to_owned(), Yaml::Map(vec![values])));
    let all = format!("{cmd} {}", wdir.filter(|_| !is_fixed).unwrap_or_default());
    let used: Vec<Axis> = job
        .variant
        .axes
        .iter()
        .filter(|it| all.contains(&format!("${{matrix.{}}}", it.name)))
        .cloned()
        .collect();
    let mut block = Vec::new();
    if !used.is_empty() {
        block.push(("matrix".to_owned(), matrix_of(&used, &mut hand.vars)));
    }
    block.push(("command".to_owned(), Yaml::Block(command)));
    if let Some((_, name)) = hand.picks.made.iter().find(|it| it.0 == block) {
        return (name.clone(), None);
    }
    let name = hand.free_name(&format!("{stage}_{role}"));
    if !is_off {
        hand.picks.made.push((block.clone(), name.clone()));
    }
    let draft = Draft {
        name: name.clone(),
        above: Vec::new(),
        comments: Vec::new(),
        block,
        is_off,
    };
    (name, Some(draft))
}

/// A word for the shell; vars and axes in it stay as they are.
fn quote(text: &str) -> String {
    if text.contains("${") {
        text.to_owned()
    } else {
        place::quote(text)
    }
}
