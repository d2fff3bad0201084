//! Specs and what becomes of them, without files.

mod chance;
mod lineage;

use super::*;
use crate::spec::{self, Diagnostics, Source};

struct Anything;

impl Loader for Anything {
    fn include(&self, path: &str) -> Result<String, String> {
        match path {
            "good_common.inc.yaml" => Ok("vars: {seed: 7}\n".to_owned()),
            _ => Err("no such file".to_owned()),
        }
    }

    fn exists(&self, _: &str) -> bool {
        true
    }

    fn columns(&self, _: &str, _: &pipe_schema::stage::preprocess::Read) -> Option<Vec<String>> {
        None
    }
}

const FULL: &str = include_str!("../../../tests/cases/good/full.yaml");

fn resolve_with(text: &str, overrides: &Overrides) -> Result<(Plan, Diagnostics), Diagnostics> {
    let spec = spec::parse(Source {
        path: "pipe.yaml".to_owned(),
        text: text.to_owned(),
    })?;
    resolve(spec, overrides, &Anything)
}

fn plan_with(text: &str, set: &[(&str, &str)]) -> Plan {
    let overrides = Overrides {
        set: set
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect(),
        ..Overrides::default()
    };
    resolve_with(text, &overrides)
        .unwrap_or_else(|it| panic!("{}", it.render(false)))
        .0
}

fn reads<'a>(plan: &'a Plan, stage: &str, role: &str) -> &'a [String] {
    let input = plan.stages[stage]
        .inputs
        .iter()
        .find(|it| it.role == role)
        .unwrap();
    &input.reads
}

#[test]
fn only_a_stage_that_slices_reads_raw_columns() {
    let sliced = FULL.replace("data: prepare.test", "data: prepare.test, slices: [zip]");
    assert_ne!(sliced, FULL, "the spec has such a stage");
    let plan = plan_with(&sliced, &[]);
    assert_eq!(
        reads(&plan, "score", "data"),
        [
            "schema.json",
            "test",
            "raw/columns.json",
            "raw/test.safetensors"
        ]
    );
    assert_eq!(reads(&plan, "fit", "data"), ["schema.json", "train", "val"]);
    assert_eq!(reads(&plan, "bundle", "data"), ["schema.json", "test"]);
}

#[test]
fn readers_of_a_part_read_that_part_and_the_schema() {
    let plan = plan_with(FULL, &[]);
    assert_eq!(reads(&plan, "fit", "data"), ["schema.json", "train", "val"]);
    assert_eq!(
        reads(&plan, "small", "data"),
        ["schema.json", "train", "val"]
    );
    assert_eq!(reads(&plan, "score", "data"), ["schema.json", "test"]);
    assert_eq!(reads(&plan, "bundle", "data"), ["schema.json", "test"]);
    assert_eq!(
        reads(&plan, "audit", "inputs/rows"),
        ["schema.json", "test"]
    );
}

#[test]
fn a_model_is_evaluated_by_its_network_and_not_by_its_history() {
    let plan = plan_with(FULL, &[]);
    assert_eq!(
        reads(&plan, "score", "model"),
        ["model.json", "weights.safetensors", "schema.json"]
    );
    assert!(reads(&plan, "small", "model").is_empty());
    assert!(reads(&plan, "bundle", "model").is_empty());
}

#[test]
fn a_set_var_changes_what_uses_it_and_is_remembered() {
    let plan = plan_with(FULL, &[("epochs", "5")]);
    let Task::Train(fit) = &plan.stages["fit"].task else {
        panic!()
    };
    assert_eq!(fit.epochs, 5);
    assert_eq!(plan.overrides, ["--set epochs=5"]);
    assert!(!plan.has_field_overrides);
}

#[test]
fn a_set_field_changes_that_field_alone_and_is_marked() {
    let plan = plan_with(
        FULL,
        &[
            ("fit.optimizer.sgd.lr", "0.5"),
            ("fit.timeout", "5m"),
            ("fit.model.mlp.hidden.0", "8"),
        ],
    );
    let Task::Train(fit) = &plan.stages["fit"].task else {
        panic!()
    };
    assert!(
        matches!(&fit.optimizer, pipe_schema::stage::train::Optimizer::Sgd(it) if it.lr == 0.5)
    );
    assert!(
        matches!(&fit.model, pipe_schema::stage::train::Network::Mlp(it) if it.hidden == [8, 32])
    );
    assert_eq!(plan.stages["fit"].control.timeout.unwrap().millis, 300_000);
    assert!(plan.has_field_overrides);
}

#[test]
fn a_profile_changes_vars_and_set_has_the_last_word() {
    let overrides = Overrides {
        profiles: vec!["ci".to_owned()],
        set: vec![("hidden".to_owned(), "4".to_owned())],
        allow_outside: false,
    };
    let (plan, _) = resolve_with(FULL, &overrides).unwrap();
    assert_eq!(plan.vars["hidden"], 4);
    assert_eq!(plan.vars["epochs"], 1);
}

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let plan = plan_with(FULL, &[]);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn what_changes_nothing_in_the_plan_changes_nothing() {
    let with_comment = FULL.replace("stages:", "# a comment\nstages:");
    let in_other_form = FULL.replace(
        "optimizer: {adamw: {lr: \"${lr}\", weight_decay: 0.01}}",
        "optimizer:\n        adamw:\n          lr: 0.001",
    );
    assert_eq!(plan_with(FULL, &[]), plan_with(&with_comment, &[]));
    let fit = |text: &str| plan_with(text, &[]).stages["fit"].task.clone();
    assert_eq!(fit(FULL), fit(&in_other_form));
}

#[test]
fn a_target_is_a_number_where_all_that_is_trained_on_it_takes_it_for_one() {
    let target = |loss: &str, other: &str| {
        let text = format!(
            "version: 1\nname: m\nstages:\n\
             \x20 prepare: {{preprocess: {{source: {{csv: a.csv}}, target: y}}}}\n\
             \x20 fit: {{train: {{data: prepare, model: {{mlp: {{hidden: [4]}}}}, loss: {loss}, epochs: 1}}}}\n\
             \x20 other: {{train: {{data: prepare, model: {{mlp: {{hidden: [4]}}}}, loss: {other}, epochs: 1}}}}\n\
             \x20 fresh: {{preprocess: {{source: {{csv: b.csv}}, target: y}}}}\n\
             \x20 score: {{evaluate: {{model: fit, data: fresh.test}}}}\n"
        );
        let plan = plan_with(&text, &[]);
        ["prepare", "fresh"].map(|stage| match &plan.stages[stage].task {
            Task::Preprocess(block) => block
                .columns
                .get("y")
                .map(pipe_schema::stage::preprocess::DeclaredColumn::r#type),
            _ => panic!(),
        })
    };
    let number = Some(pipe_schema::stage::preprocess::ColumnType::Numeric);
    assert_eq!(target("mse", "mse"), [number, number]);
    assert_eq!(target("mse", "cross_entropy"), [None, number]);
    assert_eq!(target("cross_entropy", "cross_entropy"), [None, None]);
}

const MATRIX: &str = "version: 1\nname: m\nstages:\n\
  \x20 prepare:\n    matrix: {fold: [0, 1]}\n    preprocess: {source: {csv: a.csv}, target: y, split: {random: {train: 0.8, val: 0.1, test: 0.1, seed: \"${matrix.fold}\"}}}\n\
  \x20 fit:\n    matrix: {lr: [0.1, 0.010], exclude: [{fold: 1, lr: 0.1}]}\n    train: {data: prepare, model: {mlp: {hidden: [4]}}, loss: mse, epochs: 1, optimizer: {adam: {lr: \"${matrix.lr}\"}}}\n\
  \x20 score:\n    evaluate: {model: fit, data: prepare.val}\n\
  \x20 mean:\n    summarize: {reports: score, over: [fold]}\n\
  \x20 best:\n    choose: {model: fit, by: score.rmse, over: [fold, lr], goal: minimize}\n\
  \x20 final:\n    evaluate: {model: best, data: prepare.test@fold=0}\n\
  \x20 bundle:\n    package: {model: best, report: final}\n";

#[test]
fn axes_join_by_name_cross_otherwise_and_end_where_they_are_ended() {
    let plan = plan_with(MATRIX, &[]);
    let ids: Vec<&str> = plan.stages.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "prepare@fold=0",
            "prepare@fold=1",
            "fit@fold=0@lr=0.1",
            "fit@fold=0@lr=0.01",
            "fit@fold=1@lr=0.01",
            "score@fold=0@lr=0.1",
            "score@fold=0@lr=0.01",
            "score@fold=1@lr=0.01",
            "mean@lr=0.1",
            "mean@lr=0.01",
            "best",
            "final",
            "bundle",
        ]
    );
    let roles = |id: &str| {
        plan.stages[id]
            .inputs
            .iter()
            .map(|it| format!("{} {}", it.role, it.stage))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        roles("mean@lr=0.01"),
        [
            "reports/fold=0 score@fold=0@lr=0.01",
            "reports/fold=1 score@fold=1@lr=0.01"
        ]
    );
    // Of each of three instances the model, the metric and the dataset.
    assert_eq!(roles("best").len(), 9);
    assert!(roles("best").contains(&"by/fold=1@lr=0.01 score@fold=1@lr=0.01".to_owned()));
    assert_eq!(
        roles("final"),
        ["model best", "data prepare@fold=0", "trained/0 best"]
    );
    assert_eq!(
        roles("bundle"),
        ["model best", "report final", "data prepare@fold=0"]
    );
}

#[test]
fn matrices_that_cross_too_often_are_refused_before_they_cost_anything() {
    let axis: Vec<String> = (0..90).map(|it| it.to_string()).collect();
    let mut text = "version: 1\nname: m\nstages:\n".to_owned();
    for (stage, one, other) in [("a", "x", "y"), ("b", "u", "v")] {
        text.push_str(&format!(
            "  {stage}:\n    matrix: {{{one}: [{0}], {other}: [{0}]}}\n    command: {{cmd: \"true\"}}\n    needs: [{1}]\n",
            axis.join(", "),
            if stage == "a" { "c" } else { "a" },
        ));
    }
    text.push_str("  c:\n    command: {cmd: \"true\"}\n");
    let started = std::time::Instant::now();
    let errors = resolve_with(&text, &Overrides::default())
        .unwrap_err()
        .render(false);
    assert!(
        errors.contains("the matrices make the plan too large"),
        "{errors}"
    );
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
