//! House rules that the compiler cannot check. Reads the sources as text; runs nothing of pipe.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 400;

/// Where sources are.
const FOLDERS: [&str; 3] = ["src", "crates", "tests"];

/// Files outside `src/cli` that may ask the process for something, and why.
const READERS_OF_THE_PROCESS: [(&str, &str); 0] = [];

#[test]
fn modules_import_only_modules_above_them() {
    let order = module_order();
    for source in sources(&["src"]) {
        let Some(rank) = order.iter().position(|it| *it == source.module) else {
            continue;
        };
        for imported in imported_modules(&source.text) {
            let above = order.iter().position(|it| *it == imported);
            assert!(
                above.is_none_or(|above| above <= rank),
                "{}: `{}` may not import `{imported}`, which stands below it in src/lib.rs",
                source.path,
                source.module,
            );
        }
    }
}

#[test]
fn every_module_of_the_folder_stands_in_the_order() {
    let order: BTreeSet<String> = module_order().into_iter().collect();
    let found: BTreeSet<String> = sources(&["src"])
        .into_iter()
        .map(|it| it.module)
        .filter(|it| it != "lib" && it != "main")
        .collect();
    assert_eq!(found, order);
}

#[test]
fn only_cli_imports_report() {
    for source in sources(&["src"]) {
        let is_allowed = ["cli", "report", "lib"].contains(&source.module.as_str());
        assert!(
            is_allowed || !imported_modules(&source.text).contains("report"),
            "{}: only `cli` may import `report`",
            source.path,
        );
    }
}

#[test]
fn only_cli_reads_the_process_environment() {
    for source in sources(&["src"]) {
        let is_allowed = source.module == "cli"
            || READERS_OF_THE_PROCESS
                .iter()
                .any(|(path, _)| *path == source.path);
        let reads = without_tests(&source.text).lines().find(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("env::") && !code.contains("env!")
        });
        assert!(
            is_allowed || reads.is_none(),
            "{}: only `cli` reads the process environment, but here is `{}`",
            source.path,
            reads.unwrap_or_default().trim(),
        );
    }
}

#[test]
fn the_store_changes_the_disk_through_one_file() {
    let changes = [
        "fs::write(",
        "fs::rename(",
        "fs::copy(",
        "fs::create_dir",
        "fs::remove_",
        "fs::set_permissions(",
        "fs::hard_link(",
        "fs::chmodat(",
        "fs::syncfs(",
        "File::create",
        "create(true).open(",
        ".write_all(",
        "writeln!(",
        "io::copy(",
        " symlink(",
        ".set_len(",
        ".sync_",
        "tempfile_in(",
        "tempdir_in(",
        ".persist(",
        "reflink_file(",
    ];
    for source in sources(&["src/store"]) {
        let is_other = source.path.starts_with("src/store/tests")
            || ["src/store/disk.rs", "src/store/fault.rs"].contains(&source.path.as_str());
        for change in changes {
            let found = source.text.lines().any(|it| it.contains(change));
            assert!(
                is_other || !found,
                "{}: `{change}` belongs into src/store/disk.rs",
                source.path
            );
        }
    }
}

#[test]
fn no_field_of_a_block_is_left_out_of_the_key_unseen() {
    let text = fs::read_to_string(root().join("src/key/config.rs")).unwrap();
    // A pattern with `..` would let a new field pass without a decision; without it, the compiler asks for one.
    let rest = text.lines().find(|line| {
        let code = line.split("//").next().unwrap_or_default();
        code.contains("..")
    });
    assert_eq!(rest, None, "src/key/config.rs takes blocks apart in full");
}

#[test]
fn only_the_worker_names_libtorch() {
    let names = [concat!("t", "ch::"), concat!("torch", "_sys")];
    for source in sources(&FOLDERS) {
        let is_allowed = source.path.starts_with("crates/torch/");
        let is_word = |at: usize| {
            let before = source.text[..at].chars().next_back();
            before.is_none_or(|it| !it.is_alphanumeric() && it != '_')
        };
        for name in names {
            let found = source.text.match_indices(name).any(|(at, _)| is_word(at));
            assert!(
                is_allowed || !found,
                "{}: `{name}` belongs into crates/torch",
                source.path,
            );
        }
    }
}

#[test]
fn pipe_never_depends_on_libtorch() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            "pipe",
            "--edges",
            "normal,build",
        ])
        .args(["--prefix", "none", "--all-features"])
        .current_dir(root())
        .output()
        .unwrap();
    let packages = String::from_utf8(tree.stdout).unwrap();
    let errors = String::from_utf8_lossy(&tree.stderr).into_owned();
    assert!(
        packages.contains("pipe-schema"),
        "cargo tree did not answer: {errors}"
    );
    let libtorch = packages.lines().find(|it| {
        ["tch ", "torch-sys ", "pipe-torch "]
            .iter()
            .any(|name| it.starts_with(name))
    });
    assert_eq!(libtorch, None, "pipe must not load libtorch");
}

#[test]
fn every_file_says_what_it_is_and_fits_on_a_desk() {
    for source in sources(&FOLDERS) {
        assert!(
            source.text.starts_with("//!"),
            "{}: does not begin with `//!`",
            source.path
        );
        let lines = source.text.lines().count();
        assert!(
            lines <= MAX_LINES,
            "{}: {lines} lines, at most {MAX_LINES}",
            source.path
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("db", "g!("),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("allow(dead", "_code"),
    ];
    for source in sources(&FOLDERS) {
        for word in words {
            assert!(!source.text.contains(word), "{}: has `{word}`", source.path);
        }
    }
}

#[test]
fn standard_output_may_be_closed() {
    for source in sources(&["src"]) {
        if source.path.contains("/tests") {
            continue;
        }
        for word in ["println!(", "print!("] {
            let here = without_tests(&source.text).lines().any(|line| {
                line.trim_start().starts_with(word) || line.contains(&format!(" {word}"))
            });
            assert!(
                !here,
                "{}: `{word}` panics on a closed pipe; write to `context.output()`",
                source.path
            );
        }
    }
}

#[test]
fn a_module_has_a_name_that_says_something() {
    for source in sources(&["src", "crates"]) {
        let stem = Path::new(&source.path)
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for vague in [
            "core", "common", "util", "utils", "helper", "helpers", "manager", "misc",
        ] {
            assert_ne!(stem, vague, "{}", source.path);
        }
    }
}

#[test]
fn every_form_of_import_is_seen() {
    let seen = |text: &str| imported_modules(text).into_iter().collect::<Vec<_>>();
    assert_eq!(seen("use crate::plan::Plan;"), ["plan"]);
    assert_eq!(
        seen("use crate::{key, plan::{Plan, Stage}, store::Store};"),
        ["key", "plan", "store"]
    );
    assert_eq!(
        seen("crate::key::of(crate::graph::build(x))"),
        ["graph", "key"]
    );
    assert_eq!(
        seen("use crate::{\n    exec::{\n        a::{B, C},\n    },\n    track,\n};"),
        ["exec", "track"]
    );
}

/// The modules of `pipe` in reading order.
fn module_order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let order: Vec<String> = lib
        .lines()
        .filter_map(|it| it.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert!(
        order.len() > 5,
        "src/lib.rs lists its modules as `pub mod name;`"
    );
    order
}

/// The top-level modules that a file names with `crate::`.
fn imported_modules(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let tail = &text[at + "crate::".len()..];
        match tail.strip_prefix('{') {
            None => found.extend(first_word(tail)),
            Some(group) => found.extend(group_members(group)),
        }
    }
    found
}

/// The first words of the members of `a, b::{c, d}, e}…`, up to the brace that closes the group.
fn group_members(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                members.extend(first_word(group[start..at].trim_start()));
                start = at + 1;
                if sign == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    members
}

fn first_word(text: &str) -> Option<String> {
    let end = text
        .find(|it: char| !it.is_alphanumeric() && it != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The text above the unit tests, which stand last in a file.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {")
        .map_or(text, |at| &text[..at])
}

/// A Rust file of the project.
struct Source {
    /// Relative to the root.
    path: String,
    /// The top-level module it belongs to.
    module: String,
    text: String,
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in walkdir::WalkDir::new(root().join(folder)) {
            let entry = entry.unwrap();
            if entry.path().extension().is_none_or(|it| it != "rs") {
                continue;
            }
            let path = entry
                .path()
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let module = path
                .split('/')
                .nth(1)
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push(Source { path, module, text });
        }
    }
    assert!(!found.is_empty());
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
