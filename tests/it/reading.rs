//! What a pipeline reads and what it leaves out, from the files to predictions, with the real worker.

use std::{fs, io::Write as _, path::Path, process::Stdio, time::Duration};

use serde_json::Value;

use crate::{
    project::{Answer, Project, copy, repository},
    workers,
};

/// Stages that learn from the stage `prep`.
const REST: &str = "
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: cross_entropy, epochs: 2}}
  score: {evaluate: {model: fit, data: prep.test, metrics: [accuracy, log_loss]}}
  bundle: {package: {model: fit, report: score}}
";

fn project(prep: &str) -> Project {
    workers::real();
    let project = Project::new();
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: t\nstages:\n  prep:\n    preprocess:\n{prep}{REST}"),
    );
    project
}

/// Rows of a number and a class that follows from it.
fn table(names: &str, positive: [&str; 2]) -> String {
    let row = |at: u32| format!("{at},{}\n", positive[usize::from(at % 40 > 20)]);
    let rows: String = (0..120).map(row).collect();
    format!("{names}\n{rows}")
}

fn predict(project: &Project, rows: &str) -> Answer {
    let mut command = project.command(&["predict", "bundle"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(rows.as_bytes())
        .unwrap();
    Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO)
}

#[test]
fn check_passes_hidden_files_over_as_run_does() {
    let project = project(
        "      source: {csv: \"data/*.csv\"}\n      target: y\n      steps: [standardize]\n",
    );
    project.write("data/.old.csv", "p,q\n1,2\n");
    project.write("data/.cache/b.csv", "r\n1\n");
    project.write("data/a.csv", &table("x,y", ["no", "yes"]));
    project.done(&["check"]);
    for source in ["data", "data/*", "*/*.csv"] {
        let spec = project.read("pipe.yaml").replace("data/*.csv", source);
        project.write("other.yaml", &spec);
        project.done(&["check", "other.yaml"]);
    }
    // A folder is looked into as well.
    let spec = project.read("pipe.yaml").replace("\"data/*.csv\"", "data");
    project.write("other.yaml", &spec.replace("target: y", "target: z"));
    let refused = project.pipe(&["check", "other.yaml"]);
    assert!(refused.err.contains("no column `z`"), "{}", refused.err);
    project.done(&["run", "pipe.yaml", "prep"]);
}

#[test]
fn a_boolean_target_is_predicted_as_true_and_false_and_rows_as_json_are_told_by_their_first_character()
 {
    let project =
        project("      source: {csv: a.csv}\n      target: y\n      steps: [standardize]\n");
    project.write("a.csv", &table("x,y", ["false", "true"]));
    project.done(&["run"]);
    let json = predict(&project, "{\"x\": 3}\n{\"x\": 35}\n");
    let first: Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
    assert!(
        first["prediction"].is_boolean(),
        "{} {}",
        json.out,
        json.err
    );
    let csv = predict(&project, "x\n3\n35\n");
    assert!(
        csv.out.starts_with("prediction,p=false,p=true\n"),
        "{}",
        csv.out
    );
    project.done(&["predict", "bundle", "--verify", "a.csv"]);
}

#[test]
fn predictions_csv_gives_the_metrics_of_the_report_to_twelve_digits() {
    let project =
        project("      source: {csv: a.csv}\n      target: y\n      steps: [standardize]\n");
    project.write("a.csv", &table("x,y", ["no", "yes"]));
    project.done(&["run"]);
    let folder = project.done(&["path", "score"]).out;
    let folder = Path::new(folder.trim());
    let text = fs::read_to_string(folder.join("predictions.csv")).unwrap();
    let (mut sum, mut rows) = (0.0_f64, 0.0);
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let share = if fields[1] == "no" {
            fields[3]
        } else {
            fields[4]
        };
        // The double, as pandas reads it.
        sum -= share.parse::<f64>().unwrap().ln();
        rows += 1.0;
    }
    let metrics: Value =
        serde_json::from_slice(&fs::read(folder.join("metrics.json")).unwrap()).unwrap();
    let told = metrics["log_loss"].as_f64().unwrap();
    assert!((sum / rows - told).abs() <= 1e-12, "{} {told}", sum / rows);
}

#[test]
fn a_csv_for_a_command_names_each_column_once() {
    let project =
        project("      source: {csv: a.csv}\n      target: y\n      steps: [standardize]\n");
    let spec = project.read("pipe.yaml");
    let look = "  look: {command: {cmd: \"head -1 ${inputs.r} > names.csv\", outs: [names.csv], inputs: {r: {from: prep.test, as: csv}}}}\n";
    project.write("pipe.yaml", &format!("{spec}{look}"));
    for (names, header) in [
        ("row,seat,y", "row_,row,seat,y"),
        ("row,row_,y", "row__,row,row_,y"),
        ("seat,x,row", "row_,seat,x,row"),
        ("seat,x,y", "row,seat,x,y"),
    ] {
        let row = |at: u32| format!("{at},{},{}\n", at + 1, ["no", "yes"][at as usize % 2]);
        let rows: String = (0..40).map(row).collect();
        project.write("a.csv", &format!("{names}\n{rows}"));
        let target = names.rsplit(',').next().unwrap();
        let spec = project.read("pipe.yaml");
        let now = spec.split("target: ").nth(1).unwrap();
        let now = now.split('\n').next().unwrap();
        project.edit(
            "pipe.yaml",
            &format!("target: {now}"),
            &format!("target: {target}"),
        );
        project.done(&["run", "pipe.yaml", "look"]);
        assert_eq!(project.read("names.csv").trim_end(), header);
    }
}

#[test]
fn broken_images_are_told_all_at_once_or_left_out_and_counted() {
    let project = project(
        "      source: {images: \"shoes/*/*\"}\n      target: label\n      steps: [{resize: {size: [6, 6]}}]\n",
    );
    let golden = repository().join("tests/golden/pictures");
    for at in 0..12 {
        for (folder, file) in [("a", "colour.png"), ("b", "lossless.webp")] {
            let path = project.path(&format!("shoes/{folder}/{at:02}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(golden.join(file), path).unwrap();
        }
    }
    for (name, file) in [("a/cut.png", "cut.png"), ("b/cut", "cut.webp")] {
        fs::copy(golden.join(file), project.path(&format!("shoes/{name}"))).unwrap();
    }
    project.write("shoes/a/notes.txt", "no picture");
    project.write("shoes/b/empty.png", "");
    let refused = project.pipe(&["run"]);
    for name in ["a/cut.png", "b/cut", "a/notes.txt", "b/empty.png"] {
        assert!(refused.out.contains(name), "{name}: {}", refused.out);
    }
    assert!(
        refused.out.contains("4 of 28 images are broken"),
        "{}",
        refused.out
    );
    assert!(refused.out.contains("broken: skip"), "{}", refused.out);

    project.edit("pipe.yaml", "*/*\"}", "*/*\", read: {broken: skip}}");
    project.done(&["run"]);
    let folder = project.done(&["path", "score"]).out;
    let text = fs::read_to_string(Path::new(folder.trim()).join("predictions.csv")).unwrap();
    assert!(text.starts_with("row,file,target,"), "{text}");
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[1].split('/').next(), Some(fields[2]), "{line}");
    }
    let found = project.pipe(&["predict", "bundle", "shoes/a"]);
    let names: Vec<&str> = found
        .out
        .lines()
        .map(|it| it.split(',').next().unwrap())
        .collect();
    assert_eq!(
        (names.len(), names[0], names[1]),
        (13, "file", "00"),
        "{}",
        found.out
    );
    assert!(
        found.err.contains("2 of 14 images are broken and left out"),
        "{}",
        found.err
    );
    let found = project.pipe(&[
        "predict",
        "bundle",
        "shoes/a/01",
        "shoes/a/notes.txt",
        "shoes/b/02",
    ]);
    let names: Vec<&str> = found
        .out
        .lines()
        .map(|it| it.split(',').next().unwrap())
        .collect();
    assert_eq!(
        names,
        ["file", "a/01", "b/02"],
        "{} {}",
        found.out,
        found.err
    );
    // A file that is renamed is another row in the table of predictions.
    fs::rename(project.path("shoes/a/00"), project.path("shoes/a/000")).unwrap();
    let again = project.done(&["run", "--format", "json", "pipe.yaml", "prep"]);
    assert_eq!(again.stages("stage_started"), ["prep"]);
}

#[test]
fn a_struct_that_is_dropped_does_not_matter_from_init_to_predict() {
    workers::real();
    let project = Project::new();
    let from = repository().join("tests/golden/unreadable");
    copy(&from, &project.path("."));
    let rows = (0..60).map(|at| {
        format!(
            "{{\"x\": {at}.5, \"meta\": {{\"a\": {at}}}, \"y\": \"{}\"}}\n",
            ["no", "yes"][usize::from(at > 30)]
        )
    });
    let rows = rows.collect::<Vec<_>>().concat();
    project.write("rows.jsonl", &rows);
    let init = project.done(&["init", "rows.jsonl", "--target", "y"]);
    assert!(
        init.out.contains("column `meta` is left out"),
        "{}",
        init.out
    );
    project.done(&["run"]);
    let stage = ["predict", "bundle", "rows.jsonl"];
    let found = project.pipe(&stage);
    assert_eq!(found.out.lines().count(), 60, "{} {}", found.out, found.err);
    let spec = "version: 1\nname: t\nstages:\n  prep: {preprocess: {source: {parquet: d.parquet, columns: [x, y]}, target: y, split: {random: {train: 0.8, test: 0.2}}}}\n";
    project.write("less.yaml", spec);
    project.done(&["run", "less.yaml"]);
    project.write("less.yaml", &spec.replace("[x, y]", "{except: [record]}"));
    let refused = project.pipe(&["run", "less.yaml"]);
    assert!(refused.out.contains("UUID"), "{}", refused.out);
    project.write("less.yaml", &spec.replace("[x, y]", "[x]"));
    let refused = project.pipe(&["check", "less.yaml"]);
    assert!(
        refused.err.contains("column `y` is not read"),
        "{}",
        refused.err
    );
}
