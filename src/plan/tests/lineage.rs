//! What stages read where a model meets a dataset that is not its own, and that nothing changes where it does not.

use super::*;

const OTHER: &str = include_str!("../../../tests/cases/good/other_data.yaml");

/// Inputs by role: stage, output and what is read of it.
fn inputs(plan: &Plan, stage: &str) -> Vec<(String, String, String)> {
    let inputs = plan.stages[stage].inputs.iter();
    inputs
        .map(|it| {
            let source = format!("{}.{}", it.stage, it.output);
            (it.role.clone(), source, it.reads.join(" "))
        })
        .collect()
}

fn of(role: &str, source: &str, reads: &str) -> (String, String, String) {
    (role.to_owned(), source.to_owned(), reads.to_owned())
}

const RAW_TEST: &str =
    "raw/columns.json raw/rest.json raw/test.safetensors raw/test.rest.safetensors";
const RAW_TRAIN: &str =
    "raw/columns.json raw/rest.json raw/train.safetensors raw/train.rest.safetensors";
const MODEL: &str = "model.json weights.safetensors schema.json";

#[test]
fn best_data_is_the_dataset_of_the_best_model_and_is_read_like_its_own() {
    let plan = plan_with(OTHER, &[]);
    let names: Vec<&String> = plan.stages["best"].outputs.keys().collect();
    assert_eq!(names, ["main", "data"]);
    let roles: Vec<String> = inputs(&plan, "best").into_iter().map(|it| it.0).collect();
    assert_eq!(
        roles,
        [
            "model/fold=0",
            "model/fold=1",
            "by/fold=0",
            "by/fold=1",
            "data/fold=0",
            "data/fold=1"
        ]
    );
    assert_eq!(
        inputs(&plan, "own"),
        [
            of("model", "best.main", MODEL),
            of("data", "best.data", "schema.json test")
        ]
    );
    assert_eq!(
        inputs(&plan, "small"),
        [
            of("model", "best.main", ""),
            of("data", "best.data", "schema.json train val")
        ]
    );
}

#[test]
fn evaluate_on_another_dataset_reads_its_raw_columns_and_what_the_model_learned_from() {
    let plan = plan_with(OTHER, &[]);
    let data = format!("schema.json test {RAW_TEST}");
    for (stage, model, dataset, learned) in [
        ("fold", "best.main", "folds@fold=0.main", "best.data"),
        (
            "crossed",
            "fit@fold=1.main",
            "folds@fold=0.main",
            "folds@fold=1.main",
        ),
        ("newer_score", "small.main", "newer.main", "best.data"),
    ] {
        assert_eq!(
            inputs(&plan, stage),
            [
                of("model", model, MODEL),
                of("data", dataset, &data),
                of("trained/0", learned, "schema.json train"),
            ]
        );
    }
    assert_eq!(
        inputs(&plan, "tuned")[1].2,
        format!("schema.json train val {RAW_TRAIN} raw/val.safetensors raw/val.rest.safetensors")
    );
    // A pass that trains makes the model one of that dataset, too; that one's train part has other steps.
    assert_eq!(
        inputs(&plan, "tuned_score")[2..],
        [
            of("trained/0", "best.data", "schema.json train"),
            of(
                "trained/1",
                "newer.main",
                &format!("schema.json train {RAW_TRAIN}")
            ),
        ]
    );
}

#[test]
fn choose_among_models_of_one_dataset_reads_what_it_ever_read() {
    let text = OTHER
        .replace("{fold: [0, 1]}", "{never: [0, 1]}")
        .replace("    matrix: {never: [0, 1]}\n", "")
        .replace("fold: \"${matrix.fold}\"", "fold: 0")
        .replace("  fit:\n", "  fit:\n    matrix: {fold: [1, 2]}\n")
        .replace("best.data", "folds")
        .replace("folds.test@fold=0", "folds.test");
    let plan = plan_with(&text, &[]);
    assert_eq!(inputs(&plan, "best").len(), 4);
    assert_eq!(plan.stages["best"].outputs.len(), 1);
    assert_eq!(inputs(&plan, "fold").len(), 2);
    assert_eq!(inputs(&plan, "fold")[1].2, "schema.json test");
}

#[test]
fn train_part_whose_rows_look_at_the_target_is_read_as_new_rows() {
    let text = OTHER.replace("standardize]", "target_encode: {columns: [age]}]");
    let text = text.replace("data: best.data.test", "data: best.data.train");
    let plan = plan_with(&text, &[]);
    assert_eq!(
        inputs(&plan, "own")[1].2,
        format!("schema.json train {RAW_TRAIN}")
    );
    let learned = format!("schema.json train {RAW_TRAIN}");
    assert_eq!(
        inputs(&plan, "fold")[2],
        of("trained/0", "best.data", &learned)
    );
}
