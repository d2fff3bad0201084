//! What of a stage's block counts: all of it but the references and source paths, whose content is among the inputs.
//! Blocks are taken apart field by field, so that a field added to the language asks here whether it counts.

use pipe_schema::{
    reference::PathOrStage,
    stage::{
        ArtifactType, Choose, Command, Compress, Evaluate, Package, Preprocess, Summarize, Task,
        Train,
        command::{CommandInput, CommandOutput},
        preprocess::{FilesSplit, Join, Source, Split},
        shell::Shell,
    },
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::plan::{Input, Stage};

/// Why a block has no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// NaN is not equal to itself and infinity is no JSON: neither can be part of a key.
    #[error("stage `{stage}`: its `{kind}` block holds a number that is not finite")]
    NotFinite { stage: String, kind: &'static str },
    #[error("stage `{stage}`: its `{kind}` block cannot be written as JSON: {why}")]
    NoJson {
        stage: String,
        kind: &'static str,
        why: String,
    },
}

/// The stage's own block without its references, as JSON. Absent options are left out.
///
/// Of an input, its part, metric and file stay: `evaluate` on `prepare.val` differs from one on `prepare.test` even where rows are equal.
pub fn config_of(stage: &Stage) -> Result<Value, ConfigError> {
    let no_json = |error: serde_json::Error| ConfigError::NoJson {
        stage: stage.id.clone(),
        kind: stage.task.kind(),
        why: error.to_string(),
    };
    let mut config = block(&stage.task).map_err(no_json)?;
    if has_null(&config) && !reads_back(&stage.task).map_err(no_json)? {
        return Err(ConfigError::NotFinite {
            stage: stage.id.clone(),
            kind: stage.task.kind(),
        });
    }
    remove_nulls(&mut config);
    if let Value::Object(fields) = &mut config {
        let reads = reads(stage);
        if !reads.is_empty() {
            fields.insert("reads".to_owned(), Value::Object(reads));
        }
        if matches!(stage.task, Task::Summarize(_) | Task::Choose(_)) {
            // Of equals the first is chosen, and sums of floats depend on their order.
            let order: Vec<&str> = stage.inputs.iter().map(|it| it.role.as_str()).collect();
            fields.insert("order".to_owned(), order.into());
        }
    }
    Ok(config)
}

fn block(task: &Task) -> serde_json::Result<Value> {
    let fields = match task {
        Task::Preprocess(it) => preprocess(it),
        Task::Train(it) => train(it),
        Task::Evaluate(it) => evaluate(it),
        Task::Compress(it) => compress(it),
        Task::Package(it) => package(it),
        Task::Command(it) => command(it),
        Task::Summarize(it) => summarize(it),
        Task::Choose(it) => choose(it),
    }?;
    Ok(Value::Object(fields))
}

type Fields = serde_json::Result<Map<String, Value>>;

/// A map of the named fields.
macro_rules! fields {
    ($($name:ident),*) => {{
        let mut fields = Map::new();
        $(fields.insert(stringify!($name).to_owned(), to_value($name)?);)*
        fields
    }};
}

/// A map of those fields of a block that count; those after `not` are its references.
macro_rules! counted {
    ($block:ident: $type:ident { $($name:ident),* } not { $($other:ident),* }) => {{
        let $type { $($name,)* $($other: _),* } = $block;
        Ok(fields!($($name),*))
    }};
}

fn to_value<T: Serialize>(field: T) -> serde_json::Result<Value> {
    serde_json::to_value(field)
}

fn preprocess(block: &Preprocess) -> Fields {
    let Preprocess {
        source:
            Source {
                csv: _,
                jsonl: _,
                npz: _,
                idx: _,
                parquet: _,
                images: _,
                text: _,
                from: _,
                columns: taken,
                read: _,
                join,
            },
        target,
        columns,
        split,
        steps,
        windows,
    } = block;
    // The form counts, not how it is told.
    let read = block.reading();
    let split = match split {
        Split::Random(_) | Split::Group(_) | Split::Time(_) | Split::Kfold(_) => to_value(split)?,
        Split::Files(FilesSplit {
            train: _,
            val: _,
            test: _,
            val_share: None,
            stratify: _,
            seed: _,
        }) => json!({"files": {}}),
        Split::Files(FilesSplit {
            train: _,
            val: _,
            test: _,
            val_share,
            stratify,
            seed,
        }) => json!({"files": fields!(val_share, stratify, seed)}),
    };
    let join: Vec<Value> = join
        .0
        .iter()
        .map(|it| joined(it).map(Value::Object))
        .collect::<Result<_, _>>()?;
    // Without a join as if there were none in the language.
    let join = (!join.is_empty()).then_some(join);
    // Likewise where all columns are read.
    let source = taken.as_ref().map(|columns| json!({"columns": columns}));
    Ok(fields!(
        source, read, join, target, columns, split, steps, windows
    ))
}

fn joined(join: &Join) -> Fields {
    let Join {
        csv: _,
        jsonl: _,
        parquet: _,
        npz: _,
        from: _,
        read: _,
        on,
        how,
        columns,
    } = join;
    let read = join.reading();
    // A key of several columns is the same in any order.
    let mut on: Vec<(&String, &String)> = on.0.iter().collect();
    on.sort();
    Ok(fields!(read, on, how, columns))
}

fn train(block: &Train) -> Fields {
    let Train {
        model,
        loss,
        class_weights,
        pos_weight,
        label_smoothing,
        scale_target,
        optimizer,
        lr_scheduler,
        epochs,
        batch_size,
        shuffle,
        early_stopping,
        threshold,
        clip,
        seed,
        device,
        data: _,
        init_from: _,
    } = block;
    // Where it is off as if there were none in the language.
    let scale_target = scale_target.then_some(true);
    Ok(fields!(
        model,
        loss,
        class_weights,
        pos_weight,
        label_smoothing,
        scale_target,
        optimizer,
        lr_scheduler,
        epochs,
        batch_size,
        shuffle,
        early_stopping,
        threshold,
        clip,
        seed,
        device
    ))
}

fn evaluate(block: &Evaluate) -> Fields {
    let Evaluate {
        metrics,
        positive,
        bootstrap,
        slices,
        batch_size,
        device,
        model: _,
        data: _,
    } = block;
    // Without slices as if there were none in the language.
    let slices = (!slices.is_empty()).then_some(slices);
    Ok(fields!(
        metrics, positive, bootstrap, slices, batch_size, device
    ))
}

fn compress(block: &Compress) -> Fields {
    counted!(block: Compress {
        passes, seed, device
    } not { model, data })
}

fn package(block: &Package) -> Fields {
    counted!(block: Package {
        formats, name, description
    } not { model, report })
}

fn command(block: &Command) -> Fields {
    let Command {
        cmd,
        // What it does to the text is in the text.
        raw: _,
        shell,
        inputs,
        outputs,
        deps,
        outs,
        metrics,
        wdir,
        // Their versions are among the key's parts.
        tools: _,
    } = block;
    let inputs: Map<String, Value> = inputs
        .iter()
        .map(|(name, CommandInput { from: _, r#as })| {
            Ok((
                name.clone(),
                Value::Object(r#as.map_or_else(|| Ok(Map::new()), |form| as_form(&form))?),
            ))
        })
        .collect::<Result<_, serde_json::Error>>()?;
    let outputs: Map<String, Value> = outputs
        .iter()
        .map(|(name, CommandOutput { r#type, format })| {
            (name.clone(), output(*r#type, format.as_ref()))
        })
        .collect();
    // A command sees the names of the files that it reads and writes, but not their order in the spec.
    let mut deps: Vec<&String> = deps
        .iter()
        .filter_map(|it| match it {
            PathOrStage::Path(path) => Some(path),
            PathOrStage::Stage(_) | PathOrStage::Url(_) => None,
        })
        .collect();
    deps.sort();
    let (outs, metrics) = (sorted(outs), sorted(metrics));
    let mut fields = fields!(cmd, inputs, outputs, deps, outs, metrics, wdir);
    // The revision tells the default from `plain_sh`, which is what all commands had before there was a choice.
    if let Some(shell) = shell.filter(|shell| *shell != Shell::PlainSh) {
        fields.insert("shell".to_owned(), to_value(shell)?);
    }
    Ok(fields)
}

fn as_form(form: &impl Serialize) -> Fields {
    let mut fields = Map::new();
    fields.insert("as".to_owned(), to_value(form)?);
    Ok(fields)
}

fn output(r#type: ArtifactType, format: Option<&String>) -> Value {
    json!({"type": r#type.name(), "format": format})
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
}

fn summarize(block: &Summarize) -> Fields {
    counted!(block: Summarize {
        over, stats
    } not { reports })
}

fn choose(block: &Choose) -> Fields {
    counted!(block: Choose {
        over, goal
    } not { model, by })
}

/// JSON writes a float that is not finite as `null`, which would pass for an option that is not set.
fn reads_back(task: &Task) -> serde_json::Result<bool> {
    let value = serde_json::to_value(task)?;
    Ok(serde_json::from_value::<Task>(value).is_ok_and(|back| back == *task))
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(entries) => entries.values().any(has_null),
        _ => false,
    }
}

/// An option that is not set is as if it did not exist, so that options added later keep old keys.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        Value::Object(entries) => {
            entries.retain(|_, item| !item.is_null());
            entries.values_mut().for_each(remove_nulls);
        }
        _ => {}
    }
}

/// Which part, metric or file of its inputs the stage means, by role, where it does not mean all.
fn reads(stage: &Stage) -> Map<String, Value> {
    let mut reads = Map::new();
    for input in &stage.inputs {
        let Input {
            role,
            // The content stands for its origin.
            stage: _,
            output: _,
            r#type: _,
            part,
            metric,
            file,
            // They are roles of the key's inputs.
            reads: _,
        } = input;
        let meant: Map<String, Value> = [("part", part), ("metric", metric), ("file", file)]
            .into_iter()
            .filter_map(|(name, it)| Some((name.to_owned(), it.as_deref()?.into())))
            .collect();
        if !meant.is_empty() {
            reads.insert(role.clone(), Value::Object(meant));
        }
    }
    reads
}

#[cfg(test)]
mod tests;
