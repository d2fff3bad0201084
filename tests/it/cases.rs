//! Specs as data: tests/cases/good with the plans they make, tests/cases/bad with what is said of them.
//! A case is a file; its text beside it is compared, or written anew where PIPE_BLESS is set. Knows no command.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pipe::{
    plan::{self, Evidence, Loader, Overrides, Plan},
    spec::{self, Diagnostics, Source},
};
use pipe_schema::stage::preprocess::Read;

/// A project in which every path exists that has no `missing` in it.
struct Project {
    folder: PathBuf,
}

impl Loader for Project {
    fn include(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.folder.join(path)).map_err(|_| "no such file".to_owned())
    }

    fn levels_up(&self) -> usize {
        1
    }

    fn exists(&self, path: &str) -> bool {
        !path.contains("missing")
    }

    fn columns(&self, path: &str, _: &Read) -> Option<Vec<String>> {
        let words: &[&str] = match path {
            "data/customers.csv" => &["age", "income", "zip", "churned"],
            "data/other.csv" => &["age;income;churned"],
            "data/regions.csv" => &["code", "rent", "income"],
            _ => return None,
        };
        Some(words.iter().map(|it| (*it).to_owned()).collect())
    }

    fn values(&self, path: &str, _: &Read, column: &str) -> Option<Vec<String>> {
        let are_known = (path, column) == ("data/customers.csv", "churned");
        are_known.then(|| ["no", "yes"].map(str::to_owned).to_vec())
    }

    fn evidence(&self, _: &str, _: &Read, column: &str) -> Option<Evidence> {
        match column {
            "zip" => Some(Evidence::Word("N1 9GU".to_owned())),
            "income" => Some(Evidence::Fraction("1200.50".to_owned())),
            _ => None,
        }
    }
}

/// What `# --set x=y` and `# --profile x` in the first lines ask for.
fn overrides(text: &str) -> Overrides {
    let mut overrides = Overrides::default();
    for line in text.lines().map_while(|it| it.strip_prefix("# ")) {
        if let Some((path, value)) = line
            .strip_prefix("--set ")
            .and_then(|it| it.split_once('='))
        {
            overrides.set.push((path.to_owned(), value.to_owned()));
        }
        if let Some(name) = line.strip_prefix("--profile ") {
            overrides.profiles.push(name.to_owned());
        }
    }
    overrides
}

fn resolve(path: &Path) -> Result<(Plan, Diagnostics), Diagnostics> {
    resolve_text(path, fs::read_to_string(path).unwrap())
}

fn resolve_text(path: &Path, text: String) -> Result<(Plan, Diagnostics), Diagnostics> {
    let project = Project {
        folder: path.parent().unwrap().to_owned(),
    };
    let overrides = overrides(&text);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let spec = spec::parse(Source { path: name, text })?;
    plan::resolve(spec, &overrides, &project)
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "yaml"))
        .filter(|it| !it.to_string_lossy().ends_with(".inc.yaml"))
        .collect();
    paths.sort();
    paths
}

/// Compares a case with the text beside it.
fn compare(path: &Path, found: &str, different: &mut Vec<String>) {
    let beside = path.with_extension("txt");
    if std::env::var_os("PIPE_BLESS").is_some() {
        fs::write(beside, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    if expected != found {
        different.push(format!(
            "{}: expected\n{expected}\nbut found\n{found}",
            path.display()
        ));
    }
}

fn assert_none(different: &[String]) {
    assert!(
        different.is_empty(),
        "{} cases differ (PIPE_BLESS=1 writes their texts anew: read them):\n\n{}",
        different.len(),
        different.join("\n\n")
    );
}

#[test]
fn good_specs_make_the_plans_beside_them() {
    let mut different = Vec::new();
    let paths = cases("good");
    assert!(!paths.is_empty());
    for path in paths {
        let found = match resolve(&path) {
            Ok((plan, warnings)) if warnings.is_empty() => plan.outline(),
            Ok((plan, warnings)) => format!("{}\n{}", plan.outline(), warnings.render(false)),
            Err(errors) => panic!("{}:\n{}", path.display(), errors.render(false)),
        };
        compare(&path, &found, &mut different);
    }
    assert_none(&different);
}

#[test]
fn bad_specs_are_told_what_is_beside_them() {
    let mut different = Vec::new();
    let paths = cases("bad");
    assert!(paths.len() >= 40, "only {} cases", paths.len());
    for path in paths {
        let found = match resolve(&path) {
            Ok(_) => panic!("{}: nothing is found wrong", path.display()),
            Err(errors) => errors.render(false),
        };
        compare(&path, &found, &mut different);
    }
    assert_none(&different);
}

/// Whether it is a plan, what is told of it, and its stages but for those that make it long.
fn told(resolved: Result<(Plan, Diagnostics), Diagnostics>) -> (bool, Vec<String>, Vec<String>) {
    let (plan, found) = match resolved {
        Ok((plan, warnings)) => (Some(plan), warnings),
        Err(errors) => (None, errors),
    };
    let titles = found.iter().map(|it| it.title.clone()).collect();
    let stages = plan.iter().flat_map(|it| it.stages.values());
    let stages = stages.filter(|it| !it.name.starts_with(FILLER));
    let stages = stages.map(|it| serde_json::to_string(it).unwrap());
    (plan.is_some(), titles, stages.collect())
}

const FILLER: &str = "filler";

/// Long specs are read by more than one thread.
#[test]
fn a_case_in_a_long_spec_is_as_in_a_short_one() {
    let about = "x".repeat(100);
    let fillers: Vec<String> = (0..600)
        .map(|i| format!("  {FILLER}{i}: {{description: {about}, command: {{cmd: 'true'}}}}\n"))
        .collect();
    let fillers = fillers.concat();
    let mut n_compared = 0;
    for path in [cases("good"), cases("bad")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let long = text.replacen("\nstages:\n", &format!("\nstages:\n{fillers}"), 1);
        // What may be large depends on what is written.
        let short = told(resolve(&path));
        if long == text || short.1.iter().any(|it| it.contains("too large")) {
            continue;
        }
        let long = told(resolve_text(&path, long));
        assert!(long == short, "{}: {:?}", path.display(), long.1);
        n_compared += 1;
    }
    assert!(n_compared >= 70, "only {n_compared} cases");
}

#[test]
fn every_text_has_its_spec() {
    for folder in ["good", "bad"] {
        let specs: BTreeSet<PathBuf> = cases(folder)
            .iter()
            .map(|it| it.with_extension("txt"))
            .collect();
        let texts = fs::read_dir(specs.first().unwrap().parent().unwrap()).unwrap();
        for path in texts.map(|it| it.unwrap().path()) {
            let is_text = path.extension().is_some_and(|it| it == "txt");
            assert!(
                !is_text || specs.contains(&path),
                "{} has no spec",
                path.display()
            );
        }
    }
}
