//! What a reference means: which output of which instance, and whether its type is one that the place takes.
//! Knows outputs by type; not axes, not files.

use std::sync::Arc;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{PARTS, SCHEMA_FILE},
    model::{MODEL_FILE, WEIGHTS_FILE},
    package::TORCHSCRIPT_FILE,
    reference::Reference,
    report::METRICS_FILE,
    stage::{
        ArtifactType,
        preprocess::Preprocess,
        train::{Answer, Loss},
    },
};

use super::{
    Input, StageId,
    draft::{Link, Want},
    lineage::{CHOSEN_DATA, ModelLineage},
    target::Target,
};
use crate::spec::{
    Diagnostic, Span,
    suggest::{either, lacking},
};

/// What is known of an instance before anything runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub id: StageId,
    pub kind: &'static str,
    /// Empty where the stage itself is wrong: then nothing is said of its readers.
    pub outputs: IndexMap<String, Output>,
    /// Of train: what it reports each epoch.
    pub live_metrics: Vec<String>,
}

/// What is known of an output. `None` is: not known.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub r#type: ArtifactType,
    /// Whether a built-in stage made it, so that its files are known.
    pub is_built_in: bool,
    /// Of a dataset: its parts.
    pub parts: Option<Vec<&'static str>>,
    /// Of a dataset: whether its rows are flat for sure, as those of a table are.
    pub is_flat: bool,
    /// Of a dataset: whether a step makes codes of categories.
    pub has_codes: bool,
    /// Of a dataset: its raw columns.
    pub columns: Option<Vec<String>>,
    /// Of a dataset: its target.
    pub target: Option<Target>,
    /// Of a dataset: the block that makes it; of the best one of several datasets, those of all. Empty if not known.
    pub blocks: Vec<Arc<Preprocess>>,
    /// Of a model: what it comes from.
    pub lineage: Option<Box<ModelLineage>>,
    /// Of a report: its metrics.
    pub metrics: Option<Vec<String>>,
    /// Of a package: its files by format.
    pub files: Vec<(&'static str, &'static str)>,
    /// Of a model: what it was trained for.
    pub loss: Option<Loss>,
    /// Of a model: what it answers.
    pub answer: Option<Answer>,
    pub is_quantized: bool,
    /// Of an evaluate stage's report: the model and the rows that it measured.
    pub measured: Option<Box<Measured>>,
}

/// What a report is about.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The model, by stage and output.
    pub model: (StageId, String),
    pub data: Input,
}

/// The files of a package that have a name in references.
pub const PACKAGE_FILES: [(&str, &str); 2] = [
    ("safetensors", WEIGHTS_FILE),
    ("torchscript", TORCHSCRIPT_FILE),
];

/// The input that a reference to an instance is, or why it cannot be one.
/// `None`: nothing is known of the stage, because it is wrong itself.
pub fn input(
    kind: &str,
    link: &Link,
    reference: &Reference,
    target: &Facts,
) -> Result<Option<Input>, Diagnostic> {
    if target.outputs.is_empty() && target.kind != "command" {
        return Ok(None);
    }
    let (name, output, rest) = find_output(link, reference, target)?;
    let is_main = name == "main";
    let of_chosen = |error: Diagnostic| match target.outputs.get(CHOSEN_DATA) {
        Some(_) if target.kind == "choose" && is_main => error.hint(chosen_hint(link, reference)),
        _ => error,
    };
    let place = format!("{kind}.{}", field(&link.role));
    let mut input = Input {
        role: link.role.clone(),
        stage: target.id.clone(),
        output: name,
        r#type: output.r#type,
        part: None,
        metric: None,
        file: None,
        reads: Vec::new(),
    };
    check_type(&place, link, reference, target.kind, output, rest).map_err(of_chosen)?;
    match output.r#type {
        ArtifactType::Dataset => {
            if let [word] = rest {
                input.part = Some(part(reference, output, word, link.span)?.to_owned());
            }
            input.reads = match (&input.part, link.want) {
                (Some(part), _) => paths([SCHEMA_FILE, part]),
                (None, Want::Dataset) => paths([SCHEMA_FILE, "train", "val"]),
                _ => Vec::new(),
            };
        }
        ArtifactType::Report if !rest.is_empty() => {
            let metric = rest.join(".");
            if let Some(known) = &output.metrics
                && !known.contains(&metric)
            {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return Err(lacking(
                    &reference.stage,
                    "metric",
                    &metric,
                    &known,
                    link.span,
                ));
            }
            input.metric = Some(metric);
            input.reads = paths([METRICS_FILE]);
            if link.want == Want::Any {
                input.file = Some(METRICS_FILE.to_owned());
            }
        }
        ArtifactType::Report if link.want == Want::Reports => input.reads = paths([METRICS_FILE]),
        ArtifactType::Model if output.is_built_in && kind == "evaluate" => {
            input.reads = paths([MODEL_FILE, WEIGHTS_FILE, SCHEMA_FILE]);
        }
        ArtifactType::Model if output.is_built_in && link.role == "init_from" => {
            input.reads = paths([MODEL_FILE, WEIGHTS_FILE]);
        }
        ArtifactType::Package => {
            if let [word] = rest {
                let file = output.files.iter().find(|it| it.0 == word);
                let Some((_, file)) = file else {
                    let known: Vec<&str> = output.files.iter().map(|it| it.0).collect();
                    return Err(lacking(&reference.stage, "format", word, &known, link.span));
                };
                input.file = Some((*file).to_owned());
                input.reads = paths([*file]);
            }
        }
        _ => {}
    }
    Ok(Some(input))
}

/// How the dataset of the best one is written where its model was.
fn chosen_hint(link: &Link, reference: &Reference) -> String {
    let stage = &reference.stage;
    let part = reference.path.last().map_or("test", String::as_str);
    match link.want {
        Want::Dataset => format!("the dataset of the best one is `{stage}.{CHOSEN_DATA}`"),
        _ => format!("the {part} part of the best one's dataset is `{stage}.{CHOSEN_DATA}.{part}`"),
    }
}

fn paths<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

/// `source/0` is written in `source`.
fn field(role: &str) -> &str {
    role.split('/').next().unwrap_or(role)
}

/// The output that is meant, its name, and the words behind it.
fn find_output<'a>(
    link: &Link,
    reference: &'a Reference,
    target: &'a Facts,
) -> Result<(String, &'a Output, &'a [String]), Diagnostic> {
    if target.kind == "choose"
        && reference
            .path
            .first()
            .is_some_and(|word| word == CHOSEN_DATA)
        && let Some((name, data)) = target.outputs.get_key_value(CHOSEN_DATA)
    {
        return Ok((name.clone(), data, &reference.path[1..]));
    }
    if let Some(main) = target.outputs.get("main")
        && target.kind != "command"
    {
        return Ok(("main".to_owned(), main, &reference.path));
    }
    let stage = &reference.stage;
    let names: Vec<&str> = target.outputs.keys().map(String::as_str).collect();
    if let Some((name, output)) = reference
        .path
        .first()
        .and_then(|it| target.outputs.get_key_value(it))
    {
        return Ok((name.clone(), output, &reference.path[1..]));
    }
    match (target.outputs.len(), reference.path.first()) {
        (0, _) => Err(Diagnostic::error(format!("`{stage}` has no outputs that can be referred to"))
            .at(link.span, "a command without `outputs`")
            .hint("declare them: `outputs: {name: {type: files}}`; files in `outs` are read by their path, in `deps`")),
        (1, word) => {
            let (name, output) = &target.outputs[..].iter().next().ok_or_else(|| Diagnostic::error(""))?;
            let is_part = word.is_none() || matches!(output.r#type, ArtifactType::Dataset | ArtifactType::Report);
            if is_part {
                return Ok(((*name).clone(), output, &reference.path));
            }
            let word = word.map_or("", String::as_str);
            Err(lacking(stage, "output", word, &names, link.span))
        }
        (_, Some(word)) => Err(lacking(stage, "output", word, &names, link.span)),
        (_, None) => Err(Diagnostic::error(format!("`{stage}` has several outputs"))
            .at(link.span, "which one?")
            .hint(format!("name one: {}", either(names.iter().map(|it| format!("{stage}.{it}")).collect::<Vec<_>>().iter().map(String::as_str))))),
    }
}

fn check_type(
    place: &str,
    link: &Link,
    reference: &Reference,
    kind: &str,
    output: &Output,
    rest: &[String],
) -> Result<(), Diagnostic> {
    let stage = &reference.stage;
    let is = with_article(output.r#type);
    let wrong = |wanted: &str| {
        Diagnostic::error(format!("`{place}` takes {wanted}"))
            .at(link.span, format!("`{}` is {is}", named(reference, rest)))
    };
    let no_words = || match rest {
        [] => Ok(()),
        _ => Err(
            Diagnostic::error(format!("{is} has no part `{}`", rest.join(".")))
                .at(link.span, "not there")
                .hint(format!("write `{stage}`")),
        ),
    };
    match (link.want, output.r#type) {
        (Want::Dataset, ArtifactType::Dataset) if !rest.is_empty() => Err(Diagnostic::error(
            format!("`{place}` takes a whole dataset"),
        )
        .at(link.span, "a part of one")
        .hint(format!(
            "write `{stage}`: the stage itself takes the parts that it needs"
        ))),
        (Want::Part, ArtifactType::Dataset) if rest.len() != 1 => {
            let parts = output.parts.as_deref().unwrap_or(&PARTS);
            let last = parts.last().copied().unwrap_or("test");
            Err(
                Diagnostic::error(format!("`{place}` takes one part of a dataset"))
                    .at(link.span, "which part?")
                    .hint(format!(
                        "name the part: `{}.{last}`",
                        named(reference, rest)
                    )),
            )
        }
        // Where an evaluate stage does not know what it measures, what it reads is wrong, and said to be.
        (Want::Report, ArtifactType::Report)
            if rest.is_empty() && output.measured.is_none() && kind != "evaluate" =>
        {
            Err(
                Diagnostic::error(format!("`{place}` takes the report of an evaluate stage")).at(
                    link.span,
                    format!("`{stage}` does not measure one model on rows of a dataset"),
                ),
            )
        }
        (Want::Metric, ArtifactType::Report) if rest.is_empty() => {
            let metrics = output.metrics.as_ref().and_then(|it| it.first());
            let metric = metrics.map_or("accuracy", String::as_str);
            Err(Diagnostic::error(format!("`{place}` takes a metric"))
                .at(link.span, "which metric?")
                .hint(format!("name one of its metrics: `{stage}.{metric}`")))
        }
        (Want::Any, ArtifactType::Dataset | ArtifactType::Package) if rest.len() <= 1 => Ok(()),
        (Want::Any | Want::Metric, ArtifactType::Report)
        | (Want::Dataset | Want::Part, ArtifactType::Dataset) => Ok(()),
        (Want::Model, ArtifactType::Model)
        | (Want::Report | Want::Reports, ArtifactType::Report)
        | (Want::Files, ArtifactType::Files)
        | (Want::Choices | Want::Any, _) => no_words(),
        (Want::Model, ArtifactType::Package) => {
            Err(wrong("a model").hint("name the model stage that the package holds"))
        }
        (Want::Metric, ArtifactType::Model) => Err(wrong("a metric of a report").hint(format!(
            "measure `{stage}` with an evaluate stage and name a metric of that"
        ))),
        (Want::Files, ArtifactType::Dataset) => {
            Err(wrong("files of rows")
                .hint("a dataset is preprocessed already; train on it directly"))
        }
        (Want::Files, _) => {
            Err(wrong("files of rows").hint("a command's output of type `files` can be read"))
        }
        (Want::Dataset, _) => Err(wrong("a dataset")),
        (Want::Part, _) => Err(wrong("a part of a dataset")),
        (Want::Model, _) => Err(wrong("a model")),
        (Want::Report | Want::Reports, _) => Err(wrong("a report")),
        (Want::Metric, _) => Err(wrong("a metric of a report")),
    }
}

/// The reference without the words behind the output, as `several.b`.
fn named(reference: &Reference, rest: &[String]) -> String {
    let n = reference.path.len() - rest.len();
    let words = reference.path[..n].iter().map(|it| format!(".{it}"));
    std::iter::once(reference.stage.clone())
        .chain(words)
        .collect()
}

fn with_article(of: ArtifactType) -> String {
    match of {
        ArtifactType::Files => "plain files".to_owned(),
        _ => format!("a {}", of.name()),
    }
}

/// The part that a word means, if the dataset has it.
fn part(
    reference: &Reference,
    output: &Output,
    word: &str,
    span: Span,
) -> Result<&'static str, Diagnostic> {
    let meant = if word == "valid" { "val" } else { word };
    let parts = output.parts.as_deref().unwrap_or(&PARTS);
    if let Some(part) = parts.iter().find(|it| **it == meant) {
        return Ok(part);
    }
    let stage = &reference.stage;
    let mut error = lacking(stage, "part", word, parts, span);
    if PARTS.contains(&meant) {
        error = error.hint(format!("the split of `{stage}` gives `{meant}` nothing"));
    }
    Err(error)
}
