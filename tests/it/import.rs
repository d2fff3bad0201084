//! DVC pipelines brought over: tests/cases/import has whole projects with edits and what runs after each, odd files with
//! what is said of them, and bad ones. PIPE_BLESS writes the texts anew. Knows no YAML; `compare_dvc.py` asks DVC itself.

use std::{fs, path::PathBuf};

use pipe::{
    import::{self, Imported, Weight, Workspace},
    plan::{self, Loader, Overrides},
    spec::{self, Source},
};
use pipe_schema::stage::preprocess::Read;
use serde_json::Value;

use crate::project::{Answer, Project, copy, repository};

fn cases(folder: &str) -> PathBuf {
    repository().join("tests/cases/import").join(folder)
}

/// Compares a text with the file beside a case, or writes it.
fn hold(path: &PathBuf, text: &str) {
    if std::env::var_os("PIPE_BLESS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == text,
        "{} differs; PIPE_BLESS=1 writes it anew\n{text}",
        path.display()
    );
}

/// A copy of a case, imported.
struct Pipeline {
    project: Project,
    case: &'static str,
    edits: Value,
    imported: Answer,
}

impl Pipeline {
    fn new(case: &'static str) -> Self {
        let project = Project::new();
        copy(&cases(case), &project.path(case));
        let edits = fs::read_to_string(project.path(&format!("{case}/edits.json"))).unwrap();
        let edits: Value = serde_json::from_str(&edits).unwrap();
        let files = edits["files"].as_array().unwrap();
        let mut words = vec!["-C", case, "import"];
        words.extend(files.iter().map(|it| it.as_str().unwrap()));
        let imported = project.done(&words);
        Self {
            project,
            case,
            edits,
            imported,
        }
    }

    fn run(&self) -> Answer {
        self.project
            .done(&["-C", self.case, "run", "--format", "json"])
    }

    /// The stages that ran, but those that only pick values.
    fn ran(&self) -> Vec<String> {
        let mut ran = self.run().stages("stage_done");
        ran.retain(|it| !it.contains("_params"));
        ran.sort();
        ran
    }

    fn change(&self, change: &Value) {
        let of = |field: &str| {
            let given = change["spec"].get(field).or(change.get(field));
            given.and_then(Value::as_str)
        };
        let path = format!("{}/{}", self.case, of("file").unwrap());
        match of("from") {
            Some(from) => self.project.edit(&path, from, of("to").unwrap()),
            None => self.project.write(&path, of("to").unwrap()),
        }
    }

    /// Makes each edit, and compares what runs with what DVC runs.
    fn edit_and_run(&self) {
        for edit in self.edits["edits"].as_array().unwrap() {
            for change in edit["changes"].as_array().unwrap() {
                self.change(change);
            }
            let mut expected: Vec<&str> = edit["runs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap())
                .collect();
            expected.sort_unstable();
            assert_eq!(self.ran(), expected, "{}: {}", self.case, edit["what"]);
        }
    }

    fn hold_texts(&self) {
        let spec = self.project.read(&format!("{}/pipe.yaml", self.case));
        hold(&cases(self.case).join("expected.yaml"), &spec);
        hold(&cases(self.case).join("expected.txt"), &self.imported.err);
    }

    fn read(&self, path: &str) -> String {
        self.project.read(&format!("{}/{path}", self.case))
    }
}

#[test]
fn params_and_metrics_mean_the_same() {
    let churn = Pipeline::new("churn");
    churn.hold_texts();
    assert_eq!(churn.ran(), ["evaluate", "prepare", "train"]);
    assert_eq!(churn.read("model.txt"), "12.460951\n");
    assert_eq!(
        churn.read("metrics.json"),
        "{\"accuracy\": 1.0000, \"rows\": {\"test\": 4}}\n"
    );
    let runs = churn.project.done(&["-C", "churn", "runs"]);
    assert!(runs.out.contains("accuracy"), "{runs}");
    churn.edit_and_run();
}

#[test]
fn groups_and_templates_mean_the_same() {
    let regions = Pipeline::new("regions");
    regions.hold_texts();
    assert_eq!(regions.ran().len(), 9);
    assert_eq!(
        regions.read("results/report.txt"),
        "--title\nsums by region\n--digits\n2\n--total\n--only\n1\n2\n64\n2176\n144\n10880\n"
    );
    regions.edit_and_run();
}

#[test]
fn folders_frozen_stages_and_tracked_data_mean_the_same() {
    let plant = Pipeline::new("plant");
    plant.hold_texts();
    assert_eq!(plant.ran().len(), 7);
    assert_eq!(plant.read("train/model.txt"), "64\n");
    assert_eq!(plant.read("features/last-bar.txt"), "11 bar\n");
    assert_eq!(plant.read("labels/labels.txt"), "good\nbad\ngood\n");
    plant.edit_and_run();
}

/// Files that a page shows: code whose first line is a comment with the name. With where each one's text stands.
fn shown_files(page: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = page[at..].find("```") {
        let code = at + open + page[at + open..].find('\n').unwrap() + 1;
        let end = code + page[code..].find("```").unwrap();
        let first = page[code..end].lines().next().unwrap();
        if let Some(name) = first.strip_prefix("# ").filter(|it| it.contains('.')) {
            let text = code + first.len() + 1;
            found.push((name.to_owned(), text..end));
        }
        at = end + 3;
    }
    found
}

#[test]
fn the_page_for_people_from_dvc_shows_what_is_written() {
    let path = repository().join("docs/from-dvc.md");
    let page = fs::read_to_string(&path).unwrap();
    let project = Project::new();
    let files = shown_files(&page);
    for (name, text) in files.iter().filter(|it| it.0 != "pipe.yaml") {
        project.write(&format!("prices/{name}"), &page[text.clone()]);
    }
    project.done(&["import", "prices"]);
    let (_, spec) = files.iter().find(|it| it.0 == "pipe.yaml").unwrap();
    let mut shown = page.clone();
    shown.replace_range(spec.clone(), &project.read("prices/pipe.yaml"));
    hold(&path, &shown);
    let ran = |words: &str| {
        let answer = project.done(&["-C", "prices", "run", "--format", "json"]);
        let mut done = answer.stages("stage_done");
        done.sort();
        assert_eq!(done.join(" "), words, "{answer}");
    };
    ran("clean clean_params top@item=1 top@item=2");
    assert_eq!(project.read("prices/top-1.csv"), "table,120\n");
    project.edit("prices/params.yaml", "euro", "yen");
    ran("clean_params");
    project.edit("prices/params.yaml", "column: 2", "column: 1");
    ran("clean clean_params top@item=1 top@item=2");
    project.edit("prices/pipe.yaml", "[1, 2]", "[1, 2, 3]");
    ran("top@item=3");
}

/// A folder with nothing in it but one dvc.yaml.
struct Single(String);

impl Workspace for Single {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        Ok((path == "dvc.yaml").then(|| self.0.clone()))
    }

    fn exists(&self, path: &str) -> bool {
        path == "dvc.yaml"
    }

    fn levels_up(&self) -> usize {
        0
    }
}

/// Every path is there.
struct Anything;

impl Loader for Anything {
    fn include(&self, _: &str) -> Result<String, String> {
        Err("no files here".to_owned())
    }

    fn exists(&self, _: &str) -> bool {
        true
    }

    fn columns(&self, _: &str, _: &Read) -> Option<Vec<String>> {
        None
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(cases(folder)).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    found.retain(|it| it.extension().is_some_and(|it| it == "yaml"));
    found.sort();
    assert!(!found.is_empty());
    found
}

fn told(imported: &Imported) -> String {
    let mut text = imported.text.clone();
    for (weight, word) in [(Weight::Lost, "lost"), (Weight::Changed, "changed")] {
        for note in imported.notes.iter().filter(|it| it.weight == weight) {
            let (path, line) = (&note.path, note.line);
            text.push_str(&format!("\n{word} {path}:{line} {}\n", note.what));
            if !note.remedy.is_empty() {
                text.push_str(&format!("  → {}\n", note.remedy));
            }
        }
    }
    text
}

#[test]
fn odd_pipelines_become_specs_that_are_sound_with_all_that_is_lost_named() {
    for path in files("odd") {
        let text = fs::read_to_string(&path).unwrap();
        let imported = import::from_dvc(&["dvc.yaml".to_owned()], "odd", &Single(text))
            .unwrap_or_else(|found| panic!("{}\n{}", path.display(), found.render(false)));
        hold(&path.with_extension("txt"), &told(&imported));
        let spec = spec::parse(Source {
            path: "pipe.yaml".to_owned(),
            text: imported.text.clone(),
        })
        .unwrap_or_else(|found| panic!("{}\n{}", imported.text, found.render(false)));
        let resolved = plan::resolve(spec, &Overrides::default(), &Anything);
        if let Err(found) = resolved {
            panic!(
                "{}\n{}\n{}",
                path.display(),
                imported.text,
                found.render(false)
            );
        }
    }
}

#[test]
fn bad_pipelines_are_refused_with_their_places() {
    for path in files("bad") {
        let text = fs::read_to_string(&path).unwrap();
        let found = import::from_dvc(&["dvc.yaml".to_owned()], "bad", &Single(text))
            .expect_err(&path.display().to_string());
        hold(&path.with_extension("txt"), &found.render(false));
    }
}

#[test]
fn a_spec_that_is_there_is_not_overwritten_unasked() {
    let project = Project::new();
    project.write(
        "dvc.yaml",
        "stages: {a: {cmd: echo a > a.txt, outs: [a.txt]}}\n",
    );
    project.write("pipe.yaml", "mine\n");
    let answer = project.pipe(&["import"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(
        answer.err.contains("pipe.yaml is there already"),
        "{answer}"
    );
    assert!(answer.err.contains("--force"), "{answer}");
    assert_eq!(project.read("pipe.yaml"), "mine\n");
    project.done(&["import", "--force"]);
    assert!(project.read("pipe.yaml").contains("echo a > a.txt"));
}

#[test]
fn a_spec_goes_to_standard_output_or_to_another_folder() {
    let project = Project::new();
    project.write("work/params.yaml", "n: 3\n");
    project.write(
        "work/dvc.yaml",
        "stages: {a: {cmd: 'seq ${n} > a.txt', outs: [a.txt]}}\n",
    );
    let printed = project.done(&["import", "work/dvc.yaml", "-o", "-"]);
    assert!(printed.out.starts_with("# Written by"), "{printed}");
    assert!(!printed.out.contains("wdir"), "{printed}");
    assert!(!project.path("work/pipe.yaml").exists());
    let answer = project.done(&["import", "work", "-o", "all.yaml"]);
    assert!(answer.out.contains("next: pipe run all.yaml"), "{answer}");
    assert!(project.read("all.yaml").contains("wdir: work"));
    project.done(&["run", "all.yaml"]);
    assert_eq!(project.read("work/a.txt"), "1\n2\n3\n");
}

#[test]
fn a_pipeline_that_is_not_there_or_broken_ends_with_2_and_writes_nothing() {
    let project = Project::new();
    let answer = project.pipe(&["import"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(answer.err.contains("there is no dvc.yaml"), "{answer}");
    project.write("dvc.yaml", "stages:\n  a:\n    cmd: echo ${b}\n");
    let answer = project.pipe(&["import"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(answer.err.contains("dvc.yaml:3:15"), "{answer}");
    assert!(!project.path("pipe.yaml").exists());
}

#[test]
fn data_that_is_not_there_is_named_with_the_way_to_bring_it() {
    let project = Project::new();
    project.write(
        "dvc.yaml",
        "stages:\n  a:\n    cmd: cp data/x.csv y.csv\n    deps: [data/x.csv]\n    outs: [y.csv]\n",
    );
    project.write("data.dvc", "outs: [{path: data}]\n");
    let answer = project.pipe(&["import"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(answer.err.contains("dvc pull data.dvc"), "{answer}");
    assert!(
        answer.err.contains("does not pass `pipe check` yet"),
        "{answer}"
    );
    project.write("data/x.csv", "1\n");
    project.write("y.csv", "old\n");
    let answer = project.done(&["import", "--force"]);
    assert!(answer.out.contains("pipe run"), "{answer}");
    let answer = project.done(&["run"]);
    assert_eq!(project.read("y.csv"), "1\n");
    assert!(answer.out.contains("brings it back"), "{answer}");
    let kept = project.read("artifacts/quarantine/out-y.csv.1");
    assert_eq!(kept, "old\n");
}

#[test]
fn picked_values_are_one_text_whatever_the_file_looks_like() {
    let project = Project::new();
    project.write("a.yaml", "b: {y: 2, x: [1.5, on]}\n# c\nd: text\n");
    project.write(
        "a.json",
        r#"{"d": "text", "b": {"x": [1.5, "on"], "y": 2}}"#,
    );
    let expected = "{\n  \"b\": {\"x\":[1.5,\"on\"],\"y\":2},\n  \"d\": \"text\"\n}\n";
    for file in ["a.yaml", "a.json"] {
        assert_eq!(project.done(&["pick", file]).out, expected, "{file}");
        let picked = project.done(&["pick", file, "b.x.0"]);
        assert_eq!(picked.out, "{\n  \"b.x.0\": 1.5\n}\n");
    }
    let answer = project.pipe(&["pick", "a.yaml", "b.z"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(answer.err.contains("a.yaml has no `b.z`"), "{answer}");
}
