//! The positive class from the spec to the run, its report, its page and its package.

use std::fmt::Write;

use serde_json::Value;

use crate::{project::Project, workers};

const SPEC: &str = "version: 1
name: rare
stages:
  prep:
    preprocess:
      source: {csv: d.csv}
      target: y
      split: {random: {train: 0.6, val: 0.2, test: 0.2, stratify: y}}
      steps: [standardize]
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: bce_with_logits, epochs: 3}}
  score: {evaluate: {model: fit, data: prep.test, metrics: [average_precision, roc_auc]}}
  bundle: {package: {model: fit, report: score}}
";

/// Noise: nothing tells the 5 % fraud, the first class by alphabet.
fn project() -> Project {
    workers::real();
    let project = Project::new();
    let mut table = "a,b,y\n".to_owned();
    for row in 0..800u32 {
        let class = if row % 20 == 7 { "fraud" } else { "legit" };
        let (a, b) = (row * 7919 % 1009, row * 104_729 % 997);
        writeln!(table, "{a},{b},{class}").unwrap();
    }
    project.write("d.csv", &table);
    project.write("pipe.yaml", SPEC);
    project
}

fn report(project: &Project) -> Value {
    let shown = project.done(&["show", "score", "--format", "json"]).json();
    shown["outputs"][0]["content"]["report"].clone()
}

#[test]
fn positive_class_is_the_rare_one_and_named_wherever_its_figures_are() {
    let project = project();
    let run = project.done(&["run"]);
    let named = "positive class: `fraud` (the rarer of two in the train part)";
    assert!(run.to_string().contains(named), "{}", run.to_string());
    assert!(
        run.to_string().contains("average_precision (fraud)"),
        "{}",
        run.to_string()
    );
    let found = report(&project);
    let of_noise = found["metrics"]["average_precision"].as_f64().unwrap();
    assert!(of_noise < 0.2, "{found}");
    let shown = project.done(&["show", "score"]).out;
    assert!(
        shown.contains(named) && shown.contains("average_precision (fraud)"),
        "{shown}"
    );
    let card = std::fs::read_to_string(project.path("artifacts/current/bundle/README.md")).unwrap();
    assert!(card.contains("| average_precision of fraud |"), "{card}");
    assert!(card.contains("Figures of one class look for"), "{card}");
    project.done(&["report", "-o", "page.html"]);
    let page = project.read("page.html");
    assert!(page.contains("average_precision (fraud)"));
    assert!(page.contains("positive class: `fraud`"));
}

#[test]
fn positive_class_of_an_evaluate_stage_makes_only_its_report_anew() {
    let project = project();
    project.done(&["run"]);
    project.edit(
        "pipe.yaml",
        "data: prep.test,",
        "data: prep.test, positive: legit,",
    );
    let again = project.done(&["run", "--format", "json"]);
    assert_eq!(again.stages("stage_started"), ["score", "bundle"]);
    let found = report(&project);
    assert_eq!(found["positive"]["class"], "legit");
    assert!(found["metrics"]["average_precision"].as_f64().unwrap() > 0.9);
    // That of the target makes it for all.
    project.edit("pipe.yaml", " positive: legit,", "");
    project.edit(
        "pipe.yaml",
        "target: y",
        "target: {column: y, positive: legit}",
    );
    project.done(&["run"]);
    assert_eq!(report(&project)["positive"]["why"], "named");
    project.edit("pipe.yaml", "positive: legit}", "positive: legal}");
    let refused = project.pipe(&["check"]);
    assert_eq!(refused.code, Some(2));
    let words = refused.to_string();
    assert!(words.contains("`y` has no class `legal`"), "{words}");
    assert!(
        words.contains("its classes: `fraud` and `legit`"),
        "{words}"
    );
}

#[test]
fn threshold_of_a_model_decides_in_its_report_its_package_and_in_predictions() {
    let project = project();
    // All fraud must be found: most rows are predicted as it, though none is likely to be.
    let chosen = "epochs: 3, threshold: {recall: 1.0}}}";
    project.edit("pipe.yaml", "epochs: 3}}", chosen);
    project.edit(
        "pipe.yaml",
        "report: score}",
        "report: score, formats: [torchscript]}",
    );
    let run = project.done(&["run"]).to_string();
    assert!(
        run.contains("threshold: `fraud` from a probability of"),
        "{run}"
    );
    let shown = project.done(&["show", "fit"]).out;
    assert!(shown.contains("on the val part precision"), "{shown}");
    assert!(shown.contains("recall 1"), "{shown}");
    let at = report(&project)["threshold"]["at"].as_f64().unwrap();
    assert!(at < 0.5, "{at}");
    let predictions = project.read("artifacts/current/score/predictions.csv");
    let mut frauds = 0;
    for line in predictions.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let is_fraud = fields[3].parse::<f64>().unwrap() >= at;
        assert_eq!(fields[2] == "fraud", is_fraud, "{line} {at}");
        frauds += u32::from(is_fraud);
    }
    assert!(frauds > 0, "{predictions}");
    for words in [
        ["predict", "bundle", "d.csv", "--verify"].as_slice(),
        &["predict", "bundle", "d.csv", "--verify", "--allow-script"],
    ] {
        let answer = project.done(words);
        let mut frauds = 0;
        for line in answer.out.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let is_fraud = fields[1].parse::<f64>().unwrap() >= at;
            assert_eq!(fields[0] == "fraud", is_fraud, "{line} {at}");
            frauds += u32::from(is_fraud);
        }
        assert!(frauds > 10, "{}", answer.out);
    }
    let card = project.read("artifacts/current/bundle/README.md");
    assert!(card.contains("where its probability is at least"), "{card}");
    project.done(&["report", "-o", "page.html"]);
    assert!(project.read("page.html").contains("threshold of fit"));
}
