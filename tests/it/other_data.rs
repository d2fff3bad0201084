//! Models that meet rows of another dataset than their own, with the real worker: what `evaluate` says of these rows is what the
//! package says of them in a file, and rows that the model was trained on are told.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    project::{Answer, Project},
    workers,
};

/// Rows of two classes; `shift` moves the numbers, so that statistics of other rows are others.
fn table(rows: u32, shift: f64) -> String {
    let mut text = "id,x,z,c,y\n".to_owned();
    for row in 0..rows {
        let noise = f64::from(row * 7919 % 101) / 50.0 - 1.0;
        let is_high = row * 31 % 17 > 8;
        let x = noise * 4.0 + if is_high { 6.0 } else { 0.0 } + shift;
        let z = f64::from(row * 37 % 53) * 10.0 - shift * 20.0;
        let c = ["red", "green", "blue"][(row * 5 % 7 % 3) as usize];
        let y = if is_high { "yes" } else { "no" };
        let _ = writeln!(text, "{row},{x:.4},{z},{c},{y}");
    }
    text
}

const MODEL: &str = "\
version: 1
name: t
stages:
  prep: {preprocess: {source: {csv: a.csv}, target: y, split: {random: {train: 0.7, val: 0.1, test: 0.2, seed: 1}}, steps: [drop: {columns: [id]}, standardize, one_hot]}}
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: cross_entropy, epochs: 20, optimizer: {adam: {lr: 0.02}}}}
  score: {evaluate: {model: fit, data: prep.test}}
  bundle: {package: {model: fit, report: score}}
";

const OTHER: &str = "  outside: {preprocess: {source: {csv: ext.csv}, target: y, split: {random: {train: 0.4, val: 0.2, test: 0.4, seed: 1}}, steps: [drop: {columns: [id]}, min_max, one_hot]}}
  ext_score: {evaluate: {model: fit, data: outside.test, metrics: [accuracy, log_loss]}}
  ext_bundle: {package: {model: fit, report: ext_score}}
";

fn project(spec: &str) -> Project {
    workers::real();
    let project = Project::new();
    project.write("a.csv", &table(200, 0.0));
    project.write("ext.csv", &table(120, 3.0));
    project.write("pipe.yaml", spec);
    project
}

/// The folder of a stage's last result.
fn place(project: &Project, stage: &str) -> String {
    project.done(&["path", stage]).out.trim().to_owned()
}

fn json(project: &Project, stage: &str, file: &str) -> Value {
    let path = format!("{}/{file}", place(project, stage));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Rows of a CSV file by column name.
fn rows(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    table
        .records()
        .map(|record| {
            let fields = record.unwrap();
            let fields = fields.iter().map(str::to_owned);
            header.iter().cloned().zip(fields).collect()
        })
        .collect()
}

/// Checks the predictions of a report against those of a package for the rows of a file; gives how many rows were right.
#[track_caller]
fn assert_as_the_package_says(project: &Project, report: &str, package: &str, file: &str) -> f64 {
    let reported = format!("{}/predictions.csv", place(project, report));
    let reported = rows(&std::fs::read_to_string(reported).unwrap());
    let bundle = place(project, package);
    let predicted = rows(&project.done(&["predict", &bundle, file]).out);
    assert!(reported.len() > 10);
    let mut right = 0;
    for row in &reported {
        let ours = &predicted[row["row"].parse::<usize>().unwrap()];
        for (name, value) in ours {
            let said = &row[name];
            match (said.parse::<f64>(), value.parse::<f64>()) {
                (Ok(one), Ok(other)) => {
                    let off = (one - other).abs();
                    assert!(
                        off <= 1e-5 * (1.0 + other.abs()),
                        "{name}: {row:?}, not {ours:?}"
                    );
                }
                _ => assert_eq!(said, value, "{row:?}, not {ours:?}"),
            }
        }
        right += u32::from(row["target"] == ours["prediction"]);
    }
    f64::from(right) / reported.len() as f64
}

#[test]
fn evaluate_on_another_dataset_counts_categories_that_the_model_never_saw() {
    let project = project(&format!("{MODEL}{OTHER}"));
    // Every category is new to the model; the other dataset's own train part has them all.
    let text = table(120, 3.0);
    let text = ["red", "green", "blue"]
        .iter()
        .fold(text, |text, c| text.replace(c, &format!("dark{c}")));
    project.write("ext.csv", &text);
    let run = project.done(&["run", "ext_score"]);
    let measured = json(&project, "ext_score", "report.json")["rows"].clone();
    let line = format!(
        "column `c`: {measured} of {measured} rows have a category that the train part does not have"
    );
    assert!(run.out.contains(&line), "{run}");
}

#[test]
fn evaluate_on_another_dataset_agrees_with_the_package() {
    let project = project(&format!("{MODEL}{OTHER}"));
    project.done(&["run"]);
    let right = assert_as_the_package_says(&project, "ext_score", "bundle", "ext.csv");
    let metrics = json(&project, "ext_score", "metrics.json");
    assert!((metrics["accuracy"].as_f64().unwrap() - right).abs() < 1e-12);
    assert_as_the_package_says(&project, "ext_score", "ext_bundle", "ext.csv");
    // The trivial prediction is what the model's own train part tells.
    let report = json(&project, "ext_score", "report.json");
    assert_eq!(report["in_train"], 0);
    assert_eq!(report["classes"], serde_json::json!(["no", "yes"]));
    assert!(
        json(&project, "score", "report.json")
            .get("in_train")
            .is_none()
    );
}

#[test]
fn evaluate_on_another_dataset_takes_other_categories_columns_and_classes() {
    let project = project(&format!("{MODEL}{OTHER}"));
    let ext = table(120, 3.0);
    let mut other = "y,more,c,z,x,id\n".to_owned();
    for (at, line) in ext.lines().skip(1).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let c = if at % 3 == 0 { "violet" } else { fields[3] };
        let _ = writeln!(
            other,
            "{},{},{c},{},{},{}",
            fields[4],
            at % 5,
            fields[2],
            fields[1],
            fields[0]
        );
    }
    project.write("ext.csv", &other.replace("blue", "green"));
    project.edit(
        "pipe.yaml",
        "seed: 1}}, steps: [drop: {columns: [id]}, standardize, one_hot]",
        "seed: 1}}, steps: [drop: {columns: [id]}, standardize, one_hot: {unknown: ignore}]",
    );
    project.done(&["run"]);
    assert_as_the_package_says(&project, "ext_score", "bundle", "ext.csv");
}

#[test]
fn compress_measures_and_tunes_on_another_dataset_with_the_models_steps() {
    let more = "  ext_val: {evaluate: {model: fit, data: outside.val, metrics: [accuracy]}}
  small: {compress: {model: fit, data: outside, passes: [{prune: {sparsity: 0.3, finetune: {epochs: 3}}}]}}
  small_val: {evaluate: {model: small, data: outside.val, metrics: [accuracy]}}
  small_train: {evaluate: {model: small, data: outside.train, metrics: [accuracy]}}
";
    let project = project(&format!("{MODEL}{OTHER}{more}"));
    project.done(&["run"]);
    let compression = json(&project, "small", "compression.json");
    let accuracy = |stage: &str| {
        json(&project, stage, "metrics.json")["accuracy"]
            .as_f64()
            .unwrap()
    };
    let near = |value: &Value, other: f64| (value.as_f64().unwrap() - other).abs() < 1e-6;
    assert!(
        near(&compression["before"]["metric"], accuracy("ext_val")),
        "{compression}"
    );
    assert!(
        near(&compression["after"][0][1]["metric"], accuracy("small_val")),
        "{compression}"
    );
    // It learned from the other dataset, too.
    let report = json(&project, "small_train", "report.json");
    assert_eq!(report["in_train"], report["rows"]);
}

#[test]
fn evaluate_on_another_dataset_of_texts_and_joined_tables_agrees_with_the_package() {
    let spec = |name: &str, file: &str, steps: &str, split: &str| {
        format!(
            "  {name}: {{preprocess: {{source: {{csv: {file}, join: {{csv: cities.csv, on: city}}}}, target: price, columns: {{note: text, price: numeric}}, split: {{random: {split}}}, steps: [{steps}]}}}}\n"
        )
    };
    let text = |rows: u32, shift: u32| {
        let mut text = "note,city,price\n".to_owned();
        for row in 0..rows {
            let key = row * 7 + shift;
            let size = ["small", "large", "wide", "old"][(key % 4) as usize];
            let what = ["flat", "house", "barn"][(key % 3) as usize];
            let _ = writeln!(
                text,
                "{size} {what} of number {key},{},{}",
                ["Graz", "Linz", "Wien"][(row % 3) as usize],
                1000 + key % 29 * 50
            );
        }
        text
    };
    let cities = "city,people,river\nGraz,290,Mur\nLinz,210,Donau\nWien,1900,Donau\n";
    let spec = format!(
        "version: 1\nname: t\nstages:\n{}{}{}",
        spec("prep", "a.csv", "bag_of_words: {columns: [note]}, standardize: {columns: [people]}, one_hot", "{train: 0.7, test: 0.3}"),
        spec("outside", "ext.csv", "drop: {columns: [note]}, ordinal", "{train: 0.5, test: 0.5}"),
        "  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: mse, scale_target: true, epochs: 5}}
  score: {evaluate: {model: fit, data: prep.test}}
  bundle: {package: {model: fit, report: score}}
  ext_score: {evaluate: {model: fit, data: outside.test}}
",
    );
    let project = project(&spec);
    project.write("a.csv", &text(90, 0));
    project.write("ext.csv", &text(60, 5));
    project.write("cities.csv", cities);
    project.done(&["run"]);
    let mut joined = "note,city,people,river\n".to_owned();
    let cities: std::collections::BTreeMap<&str, &str> =
        cities.lines().filter_map(|it| it.split_once(',')).collect();
    for line in text(60, 5).lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let _ = writeln!(joined, "{},{},{}", fields[0], fields[1], cities[fields[1]]);
    }
    project.write("joined.csv", &joined);
    assert_as_the_package_says(&project, "ext_score", "bundle", "joined.csv");
}

#[test]
fn evaluate_counts_rows_that_the_model_was_trained_on_in_any_dataset() {
    let project = project(&format!("{MODEL}{OTHER}"));
    // All rows of the other file are rows of the first.
    let rows: Vec<String> = table(200, 0.0).lines().map(str::to_owned).collect();
    project.write("ext.csv", &(rows[..101].join("\n") + "\n"));
    let answer = project.done(&["run"]);
    let train: Vec<u64> = {
        let schema = place(&project, "prep");
        pipe_data_rows(&schema, "train")
    };
    let measured = pipe_data_rows(&place(&project, "outside"), "test");
    let expected = measured.iter().filter(|row| train.contains(row)).count();
    let report = json(&project, "ext_score", "report.json");
    assert_eq!(report["in_train"], expected as u64);
    let said = format!(
        "{expected} of {} rows have the same inputs as a row that the model was trained on",
        measured.len()
    );
    assert!(
        answer.out.contains(&said) || answer.err.contains(&said),
        "{answer}"
    );
    let card =
        std::fs::read_to_string(format!("{}/README.md", place(&project, "ext_bundle"))).unwrap();
    assert!(
        card.contains(&format!("of which {expected} have the same inputs")),
        "{card}"
    );
}

/// The ids of a part's rows.
fn pipe_data_rows(dataset: &str, part: &str) -> Vec<u64> {
    pipe_data::Dataset::open(dataset)
        .unwrap()
        .part(part)
        .unwrap()
        .rows
}

const FOLDS: &str = "\
version: 1
name: t
stages:
  prep:
    matrix: {fold: [0, 1, 2]}
    preprocess: {source: {csv: a.csv}, target: y, split: {random: {train: 0.7, val: 0.15, test: 0.15, seed: \"${matrix.fold}\"}}, steps: [drop: {columns: [id]}, standardize, one_hot]}
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: cross_entropy, epochs: 8, optimizer: {adam: {lr: 0.02}}}}
  score: {evaluate: {model: fit, data: prep.val}}
  best: {choose: {model: fit, by: score.log_loss, over: [fold], goal: minimize}}
  final: {evaluate: {model: best, data: best.data.test}}
  bundle: {package: {model: best, report: final}}
  each: {evaluate: {model: fit, data: prep.test}}
";

/// The fold whose model the choose stage took.
fn best_fold(project: &Project) -> u32 {
    let model = place(project, "best");
    let is_best = |fold: &u32| {
        let canonical = |path: &str| std::fs::canonicalize(path).unwrap();
        canonical(&place(project, &format!("fit@fold={fold}"))) == canonical(&model)
    };
    (0..3).find(is_best).unwrap()
}

#[test]
fn choose_hands_on_the_dataset_of_the_best_one() {
    let project = project(FOLDS);
    let answer = project.done(&["check"]);
    assert!(!format!("{answer}").contains("warning"), "{answer}");
    project.done(&["run"]);
    let fold = best_fold(&project);
    let own = json(&project, &format!("each@fold={fold}"), "metrics.json");
    assert_eq!(json(&project, "final", "metrics.json"), own);
    assert!(
        json(&project, "final", "report.json")
            .get("in_train")
            .is_none()
    );
    let data = place(&project, "best.data");
    let prep = place(&project, &format!("prep@fold={fold}"));
    assert_eq!(
        std::fs::canonicalize(data).unwrap(),
        std::fs::canonicalize(prep).unwrap()
    );
    assert_as_the_package_says(&project, "final", "bundle", "a.csv");
    let model = project.path("artifacts/current/best/model.json");
    assert!(model.is_file(), "the stage's name alone is its model");
    // All that is asked again is there.
    let again: Answer = project.done(&["run", "--format", "json"]);
    assert_eq!(again.stages("stage_started"), Vec::<String>::new());
}

#[test]
fn model_of_another_fold_is_measured_with_its_own_steps_and_told_of() {
    let project = project(&FOLDS.replace("best.data.test", "prep.test@fold=0"));
    let told = format!("{}", project.done(&["check"]));
    assert!(
        told.contains("the model may have been trained on rows of `prep.test@fold=0`"),
        "{told}"
    );
    assert!(told.contains("`best.data.test`"), "{told}");
    project.done(&["run"]);
    assert_as_the_package_says(&project, "final", "bundle", "a.csv");
    let fold = best_fold(&project);
    let train = pipe_data_rows(&place(&project, &format!("prep@fold={fold}")), "train");
    let measured = pipe_data_rows(&place(&project, "prep@fold=0"), "test");
    let expected = measured.iter().filter(|row| train.contains(row)).count();
    assert_eq!(
        json(&project, "final", "report.json")["in_train"],
        expected as u64
    );
}
