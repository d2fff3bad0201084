//! Texts from files to predictions, with the real worker: words as codes, an embedding, and names of folders as classes.

use crate::{project::Project, workers};

const SPEC: &str = "version: 1
name: films
stages:
  prepare:
    preprocess:
      source: {text: \"films/*/*\"}
      target: label
      split: {random: {train: 0.8, test: 0.2, stratify: label, seed: 1}}
      steps:
        - tokens: {length: 8}
  fit:
    train:
      data: prepare
      model:
        layers:
          - embedding: {embedding_dim: 4}
          - conv1d: {out_channels: 4, kernel_size: 3, padding: 1}
          - relu
          - global_avg_pool
          - linear: {out_features: 2}
      loss: cross_entropy
      optimizer: {adam: {lr: 0.05}}
      epochs: 30
      batch_size: 8
      seed: 1
  score:
    evaluate: {model: fit, data: prepare.test}
  bundle:
    package: {model: fit, report: score, formats: [torchscript]}
";

fn project() -> Project {
    workers::real();
    let project = Project::new();
    for film in 0..20 {
        let text = |word| format!("Film no{film}\nis a truly {word} film, minute{film} by minute");
        project.write(&format!("films/très bon/{film} .txt"), &text("fine"));
        project.write(&format!("films/#bad/{film}"), &text("dull"));
    }
    project.write("pipe.yaml", SPEC);
    project
}

fn first_of_each_line(text: &str) -> Vec<&str> {
    of_each_line(text, 0)
}

fn of_each_line(text: &str, column: usize) -> Vec<&str> {
    let lines = text.lines().skip(1);
    lines.map(|it| it.split(',').nth(column).unwrap()).collect()
}

#[test]
fn texts_in_folders_are_learned_by_their_words_and_new_ones_predicted() {
    let project = project();
    project.done(&["run"]);
    let shown = project.done(&["show", "score", "--format", "json"]).json();
    let accuracy = &shown["outputs"][0]["content"]["metrics"]["accuracy"];
    assert_eq!(accuracy.as_f64(), Some(1.0), "{shown}");
    // A file, a folder, and rows of a form of their own.
    let file = project.done(&["predict", "bundle", "--verify", "films/#bad/3"]);
    assert_eq!(of_each_line(&file.out, 0), ["3"]);
    assert_eq!(of_each_line(&file.out, 1), ["#bad"]);
    let folder = project.done(&["predict", "bundle", "films/très bon"]);
    assert_eq!(of_each_line(&folder.out, 1), ["très bon"; 20]);
    project.write(
        "new.csv",
        "text\na dull film\n\"FINE, truly fine\"\nunheard words\n",
    );
    let table = project.done(&["predict", "bundle", "new.csv"]);
    let found = first_of_each_line(&table.out);
    assert_eq!((found.len(), &found[..2]), (3, &["#bad", "très bon"][..]));
    project.write("broken", "a\u{0}b");
    let refused = project.pipe(&["predict", "bundle", "broken"]);
    assert!(
        refused.err.contains("broken: byte 2 is 0"),
        "{}",
        refused.err
    );
    // The content and its order are the same: only a label is another.
    let [from, to] = ["films/très bon/0 .txt", "films/#bad/99"].map(|it| project.path(it));
    std::fs::rename(from, to).unwrap();
    let again = project.done(&["run", "--format", "json", "pipe.yaml", "prepare"]);
    assert_eq!(again.stages("stage_started"), ["prepare"]);
}
