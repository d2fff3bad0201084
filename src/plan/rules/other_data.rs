//! A model beside a dataset that is not its own: whether its steps can be applied to the rows, as far as blocks and headers
//! tell; and whether it may have been trained on them.

use pipe_schema::{
    reference::Reference,
    stage::preprocess::{Columns, Preprocess, Step, Windows},
};

use super::{
    super::{
        Input,
        lineage::{CHOSEN_DATA, ModelLineage, share_rows},
        outline::stage_name,
        upstream::Upstream,
        wiring::Output,
    },
    Rules,
};
use crate::spec::{
    Diagnostic,
    suggest::{list, nearest},
};

/// Checks that the model named in `model` can be applied to the rows that `data` names.
pub fn check(data: &Reference, inputs: &[Input], upstream: &Upstream<'_>, rules: &mut Rules<'_>) {
    let lineage = upstream
        .output("model")
        .and_then(|it| it.lineage.as_deref());
    let input = inputs.iter().find(|input| input.role == "data");
    let (Some(lineage), Some(input), Some(found)) = (lineage, input, upstream.output("data"))
    else {
        return;
    };
    if !lineage.is_foreign(input) {
        return;
    }
    let before = rules.found.len();
    check_target(data, lineage, found, rules);
    check_windows(data, lineage, found, rules);
    check_columns(data, lineage, found, rules);
    if rules.found.len() == before {
        warn_of_seen_rows(data, input, lineage, found, rules);
    }
}

fn check_target(data: &Reference, lineage: &ModelLineage, found: &Output, rules: &mut Rules<'_>) {
    let (Some(mine), Some(theirs)) = (&lineage.facts.target, &found.target) else {
        return;
    };
    let (mine, theirs) = (mine.names(), theirs.names());
    let stage = &data.stage;
    if let Some(name) = mine.iter().find(|name| !theirs.contains(name)) {
        rules.say(
            &["data"],
            format!("the model's target `{name}` is no target of `{stage}`"),
            format!("its target is {}", list(theirs.iter().copied())),
            &format!("write `target: {name}` in `{stage}`"),
        );
    }
}

/// The block of a dataset if there is one alone.
fn block(of: &Output) -> Option<&Preprocess> {
    match of.blocks.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

fn check_windows(data: &Reference, lineage: &ModelLineage, found: &Output, rules: &mut Rules<'_>) {
    let (Some(mine), Some(theirs)) = (block(&lineage.facts), block(found)) else {
        return;
    };
    let shape = |block: &Preprocess| {
        let windows = block.windows.as_deref();
        windows.map(|it: &Windows| (it.length, it.horizon, it.with_target))
    };
    if shape(mine) != shape(theirs) {
        let words = |block: &Preprocess| match &block.windows {
            Some(it) => format!(
                "windows of {} rows, with a horizon of {}{}",
                it.length,
                it.horizon,
                if it.with_target {
                    " and the target's past"
                } else {
                    ""
                }
            ),
            None => "single rows".to_owned(),
        };
        rules.say(
            &["data"],
            format!("the model takes {}", words(mine)),
            format!("`{}` has {}", data.stage, words(theirs)),
            "give both preprocess stages the same `windows`",
        );
    }
}

fn check_columns(data: &Reference, lineage: &ModelLineage, found: &Output, rules: &mut Rules<'_>) {
    let (Some(needed), Some(columns)) = (needed(&lineage.facts), &found.columns) else {
        return;
    };
    let targets = found.target.as_ref().map_or_else(Vec::new, |it| it.names());
    let has = |name: &str| columns.iter().any(|it| it == name) && !targets.contains(&name);
    let lacking: Vec<&str> = needed.into_iter().filter(|name| !has(name)).collect();
    let Some(first) = lacking.first() else { return };
    let stage = &data.stage;
    let noun = if lacking.len() == 1 {
        "column"
    } else {
        "columns"
    };
    let title = format!(
        "the model takes the {noun} {}",
        list(lacking.iter().copied())
    );
    let inputs: Vec<&str> = columns
        .iter()
        .map(String::as_str)
        .filter(|it| has(it))
        .collect();
    let (label, hint) = if targets.contains(first) {
        (
            format!("`{first}` is the target of `{stage}`"),
            "what a model takes must be an input of both datasets".to_owned(),
        )
    } else {
        let hint = match nearest(first, inputs.iter().copied()) {
            Some(meant) => {
                format!("perhaps `{meant}` is meant: give it the same name in both datasets")
            }
            None => format!("it has {}", list(inputs.iter().copied())),
        };
        (format!("not in `{stage}`"), hint)
    };
    rules.say(&["data"], title, label, &hint);
}

/// The raw columns that a model of a dataset takes, without those that a step drops by name.
fn needed(facts: &Output) -> Option<Vec<&str>> {
    let block = block(facts)?;
    let columns = facts.columns.as_ref()?;
    let is_dropped = |name: &str| {
        block.steps.iter().any(|step| match step {
            Step::Drop(drop) => match &drop.columns {
                Columns::Named(names) => names.iter().any(|it| it == name),
                // Types of columns are not known yet.
                Columns::All | Columns::OfType(_) => true,
            },
            _ => false,
        })
    };
    let is_target = |name: &str| block.target.iter().any(|it| it == name);
    let names = columns.iter().map(String::as_str);
    Some(
        names
            .filter(|it| !is_target(it) && !is_dropped(it))
            .collect(),
    )
}

/// Warns of rows that another division of the same rows gave to the model's train part.
fn warn_of_seen_rows(
    data: &Reference,
    input: &Input,
    lineage: &ModelLineage,
    found: &Output,
    rules: &mut Rules<'_>,
) {
    let blocks = || lineage.facts.blocks.iter();
    let shares = |theirs: &Preprocess| blocks().any(|mine| share_rows(mine, theirs));
    if !found.blocks.iter().any(|block| shares(block)) {
        return;
    }
    let own = &lineage.dataset;
    let part = input
        .part
        .as_ref()
        .map_or_else(String::new, |part| format!(".{part}"));
    let (whose, written) = if own.output == CHOSEN_DATA {
        (
            "the best model's dataset".to_owned(),
            format!("{}.{CHOSEN_DATA}{part}", own.stage),
        )
    } else {
        let stage = stage_name(&own.stage);
        let axes = &own.stage[stage.len()..];
        (
            format!("the model's dataset `{}`", own.stage),
            format!("{stage}{part}{axes}"),
        )
    };
    let warning = Diagnostic::warning(format!(
        "the model may have been trained on rows of `{data}`"
    ))
    .at(
        rules.place(&["data"]).span,
        format!("{whose} divides the same rows in another way"),
    )
    .hint(format!(
        "measure on the rows that it was not trained on: `{written}`"
    ));
    rules.push(warning);
}
