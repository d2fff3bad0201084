//! What is shipped says the truth about the language: its tables, its snippets, its specs, its tour of errors.
//! PIPE_BLESS writes generated parts anew. Knows the shipped files, not the language.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pipe::{
    plan::{self, Loader, Overrides, manual, schema},
    spec::{self, Source},
};
use pipe_schema::stage::preprocess::Read;

const PAGE: &str = "docs/language.md";
const MOVING: &str = "docs/coming-from.md";
const OTHER: &str = "docs/other-data.md";
const TOUR: &str = "examples/errors/README.md";

struct Anything;

impl Loader for Anything {
    fn include(&self, _: &str) -> Result<String, String> {
        Err("not in a snippet".to_owned())
    }

    fn exists(&self, _: &str) -> bool {
        true
    }

    fn columns(&self, _: &str, _: &Read) -> Option<Vec<String>> {
        None
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a shipped file with what it should be, or writes it.
fn hold(path: &str, expected: &str) {
    let path = root().join(path);
    if std::env::var_os("PIPE_BLESS").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == expected,
        "{}: not up to date; PIPE_BLESS=1 cargo test --test it language writes it anew",
        path.display()
    );
}

/// The text with what stands between two marks replaced.
fn replace_between(text: &str, start: &str, end: &str, inside: &str) -> String {
    let (before, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start:?}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("no {end:?}"));
    format!("{before}{start}{inside}{end}{after}")
}

#[test]
fn tables_of_the_page_are_those_of_the_types() {
    let mut page = fs::read_to_string(root().join(PAGE)).unwrap();
    for topic in manual::topics() {
        let start = format!("<!-- options: {topic} -->\n");
        page = replace_between(
            &page,
            &start,
            "<!-- end -->",
            &manual::table(topic).unwrap(),
        );
    }
    hold(PAGE, &page);
}

#[test]
fn snippets_of_the_pages_are_sound() {
    for (path, at_least) in [(PAGE, 5), (MOVING, 2), (OTHER, 2)] {
        let page = fs::read_to_string(root().join(path)).unwrap();
        let snippets: Vec<&str> = page
            .split("```yaml\n")
            .skip(1)
            .map(|it| it.split("```").next().unwrap())
            .collect();
        assert!(snippets.len() >= at_least, "{path}");
        for text in snippets {
            let source = Source {
                path: path.to_owned(),
                text: text.to_owned(),
            };
            let resolved = spec::parse(source)
                .and_then(|it| plan::resolve(it, &Overrides::default(), &Anything));
            let (_, warnings) = resolved.unwrap_or_else(|it| panic!("{}", it.render(false)));
            assert!(warnings.is_empty(), "{}", warnings.render(false));
        }
    }
}

#[test]
fn the_tour_of_errors_shows_what_is_said() {
    let spec = "examples/errors/pipe.yaml";
    let said = Command::new(env!("CARGO_BIN_EXE_pipe"))
        .args(["check", spec, "--color", "never"])
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(2));
    let text = String::from_utf8(said.stderr).unwrap();
    let tour = fs::read_to_string(root().join(TOUR)).unwrap();
    hold(TOUR, &replace_between(&tour, "```text\n", "```\n", &text));
}

/// All specs that are shipped to be run.
fn shipped() -> Vec<PathBuf> {
    let mut specs = Vec::new();
    let mut folders = vec![
        root().join("pipelines"),
        root().join("examples"),
        root().join("tests/cases/good"),
    ];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if path.is_dir() && !path.ends_with("errors") && !path.ends_with("artifacts") {
                folders.push(path);
            } else if is_spec(&path) {
                specs.push(path);
            }
        }
    }
    specs
}

fn is_spec(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".yaml")
        && !name.ends_with(".inc.yaml")
        && fs::read_to_string(path).unwrap().contains("version:")
}

#[test]
fn shipped_specs_satisfy_the_schema_for_editors() {
    let schema = schema::json_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let specs = shipped();
    assert!(specs.len() >= 5, "{specs:?}");
    for path in specs {
        let source = Source {
            path: path.display().to_string(),
            text: fs::read_to_string(&path).unwrap(),
        };
        let spec = spec::parse(source).unwrap_or_else(|it| panic!("{}", it.render(false)));
        let errors: Vec<String> = validator
            .iter_errors(&spec.root.to_json())
            .map(|it| format!("{it} at {}", it.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}
