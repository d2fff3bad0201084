//! Packages that are not as they were packed, or that a stranger made, with the real worker: predict, export and show.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use crate::{
    project::{Answer, Project},
    workers,
};

const SPEC: &str = "\
version: 1
name: t
stages:
  prep:
    preprocess:
      source: {csv: d.csv}
      target: y
      split: {random: {train: 0.6, val: 0.2, test: 0.2, seed: 1}}
      steps: [standardize, one_hot]
  fit: {train: {data: prep, model: {mlp: {hidden: [8]}}, loss: cross_entropy, epochs: 3}}
  score: {evaluate: {model: fit, data: prep.test}}
  bundle: {package: {model: fit, report: score, formats: [safetensors, torchscript]}}
";

/// A project whose package lies in the store, and as a copy in `pkg`.
fn packed() -> Project {
    workers::real();
    let project = Project::new();
    let mut rows = "x,c,z,y\n".to_owned();
    for row in 0..120 {
        let (x, c) = (row * 37 % 100, ["a", "b", "c"][row % 3]);
        let z = row as f64 / 40.0 - 1.5;
        let y = if x > 50 { "yes" } else { "no" };
        rows.push_str(&format!("{x},{c},{z},{y}\n"));
    }
    project.write("d.csv", &rows);
    project.write("pipe.yaml", SPEC);
    project.done(&["run"]);
    project.done(&["export", "bundle", "pkg"]);
    project
}

/// Turns some bits near the end of a file, which keeps its times.
fn rot(file: &Path) {
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let times = fs::metadata(file).unwrap().modified().unwrap();
    let mode = fs::metadata(file).unwrap().permissions().mode();
    open(file, 0o644);
    let mut bytes = fs::read(file).unwrap();
    let end = bytes.len();
    for at in (1..130).step_by(4) {
        bytes[end - at] ^= 0x80;
    }
    fs::write(file, bytes).unwrap();
    let opened = fs::File::options().write(true).open(file).unwrap();
    opened.set_modified(times).unwrap();
    open(file, mode & 0o777);
}

fn assert_refused(answer: &Answer, code: i32, words: &[&str]) {
    assert_eq!(answer.code, Some(code), "{answer}");
    assert_eq!(answer.out, "", "{answer}");
    for word in words {
        assert!(answer.err.contains(word), "`{word}`: {answer}");
    }
}

/// The names in the project's folder.
fn names(project: &Project) -> Vec<String> {
    let entries = fs::read_dir(project.path(".")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn predict_refuses_a_package_that_is_not_as_it_was_packed_unless_no_verify_is_given() {
    let project = packed();
    let good = project.done(&["predict", "pkg", "d.csv"]).out;
    let before = names(&project);
    for name in [
        "weights.safetensors",
        "schema.json",
        "README.md",
        "model.pt",
    ] {
        let file = project.path("pkg").join(name);
        let bytes = fs::read(&file).unwrap();
        rot(&file);
        let said = format!("pkg/{name} is not as it was packed");
        for words in [
            &["predict", "pkg", "d.csv"][..],
            &["predict", "pkg", "--verify"],
        ] {
            assert_refused(&project.pipe(words), 1, &[&said, "hint: "]);
        }
        assert_refused(
            &project.pipe(&["predict", "pkg", "d.csv", "-o", "out.csv"]),
            1,
            &[&said],
        );
        if name == "weights.safetensors" {
            let taken = project
                .done(&["predict", "pkg", "d.csv", "--no-verify"])
                .out;
            assert!(taken.lines().count() == good.lines().count() && taken != good);
        }
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!(names(&project), before);
    assert_eq!(project.done(&["predict", "pkg", "d.csv"]).out, good);
}

#[test]
fn predict_export_and_show_find_rot_in_the_store_and_a_run_mends_it() {
    let project = packed();
    let good = project.done(&["predict", "bundle", "d.csv"]).out;
    for words in [
        &["predict", "bundle", "d.csv"][..],
        &["export", "bundle", "copy"],
        &["predict", "artifacts/current/bundle", "d.csv"],
        &["show", "bundle"],
    ] {
        let weights = project.path("artifacts/current/bundle/weights.safetensors");
        rot(&weights.canonicalize().unwrap());
        let refused = project.pipe(words);
        assert_refused(&refused, 1, &["weights.safetensors", "hint: "]);
        assert!(!project.path("copy").exists(), "{refused}");
        if words[1] != "bundle" || words[0] == "show" {
            project.pipe(&["verify"]);
        }
        project.done(&["run"]);
        assert_eq!(project.done(&["predict", "bundle", "d.csv"]).out, good);
    }
    project.done(&["export", "bundle", "copy"]);
    assert!(project.path("copy").exists());
}

#[test]
fn export_refuses_any_artifact_that_is_not_what_it_was_unless_no_verify_is_given() {
    let project = packed();
    for (stage, file) in [
        ("fit", "weights.safetensors"),
        ("prep", "train/rows.safetensors"),
        ("prep.train", "train/rows.safetensors"),
        ("score", "predictions.csv"),
    ] {
        let name = stage.split('.').next().unwrap();
        let current = project.path("artifacts/current").join(name);
        rot(&current.join(file).canonicalize().unwrap());
        project.done(&["export", stage, "as it is", "--no-verify"]);
        fs::remove_dir_all(project.path("as it is")).unwrap();
        let refused = project.pipe(&["export", stage, "copy"]);
        assert_refused(
            &refused,
            1,
            &[&format!("`{stage}` is damaged: "), file, "hint: `pipe run`"],
        );
        assert!(!project.path("copy").exists());
        project.done(&["run"]);
        project.done(&["export", stage, "copy"]);
        fs::remove_dir_all(project.path("copy")).unwrap();
    }
}

/// Puts something at a path.
type Make = fn(&Path);

#[test]
fn predict_reads_no_link_and_no_pipe_of_a_package() {
    let project = packed();
    let stand_ins: [(&str, Make); 3] = [
        ("is a link", |path| symlink("/dev/zero", path).unwrap()),
        ("is a pipe", |path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("is a folder", |path| fs::create_dir(path).unwrap()),
    ];
    for name in ["weights.safetensors", "MANIFEST.sha256", "README.md"] {
        for (what, make) in stand_ins {
            let file = project.path("pkg").join(name);
            let aside = project.path("aside");
            fs::rename(&file, &aside).unwrap();
            make(&file);
            let refused = project.pipe(&["predict", "pkg", "d.csv"]);
            assert_refused(&refused, 1, &[&format!("{name} {what}"), "hint: "]);
            if file.is_dir() && !file.is_symlink() {
                fs::remove_dir(&file).unwrap();
            } else {
                fs::remove_file(&file).unwrap();
            }
            fs::rename(&aside, &file).unwrap();
        }
    }
}

/// Takes files out of a package, and out of its manifest.
fn take_out(package: &Path, names: &[&str]) {
    let manifest = package.join("MANIFEST.sha256");
    let text = fs::read_to_string(&manifest).unwrap();
    let is_kept = |line: &&str| {
        !names
            .iter()
            .any(|name| line.ends_with(&format!("  {name}")))
    };
    let kept: Vec<String> = text
        .lines()
        .filter(is_kept)
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&manifest, kept.concat()).unwrap();
    for name in names {
        fs::remove_file(package.join(name)).unwrap();
    }
}

/// The numbers of predictions: each line's fields behind the first.
fn shares(text: &str) -> Vec<f64> {
    let fields = text
        .lines()
        .skip(1)
        .flat_map(|line| line.split(',').skip(1));
    fields.map(|field| field.parse().unwrap()).collect()
}

#[test]
fn predict_runs_a_package_with_a_program_alone_with_allow_script_only() {
    let project = packed();
    let good = project.done(&["predict", "pkg", "d.csv"]).out;
    take_out(&project.path("pkg"), &["model.json", "weights.safetensors"]);
    let refused = project.pipe(&["predict", "pkg", "d.csv"]);
    let words = [
        "nothing but a program, model.pt",
        "runs code",
        "hint: ",
        "--allow-script",
    ];
    assert_refused(&refused, 1, &words);
    let taken = project
        .done(&["predict", "pkg", "d.csv", "--allow-script"])
        .out;
    let (good, taken) = (shares(&good), shares(&taken));
    assert_eq!(good.len(), taken.len());
    let far = good
        .iter()
        .zip(&taken)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(far < 1e-4, "off by {far}");
    take_out(&project.path("pkg"), &["model.pt"]);
    let refused = project.pipe(&["predict", "pkg", "d.csv", "--allow-script"]);
    assert_refused(&refused, 1, &["is missing"]);
}

#[test]
fn predict_gives_up_at_its_timeout_and_leaves_nothing() {
    let project = packed();
    let before = names(&project);
    let words = [
        "predict",
        "pkg",
        "d.csv",
        "-o",
        "out.csv",
        "--timeout",
        "1ms",
    ];
    let late = project.pipe(&words);
    assert_refused(&late, 1, &["not made within 1ms", "hint: `--timeout"]);
    assert_eq!(names(&project), before);
}

#[test]
fn predict_takes_bounds_of_memory_and_time_that_make_sense_alone() {
    let project = packed();
    for (option, value) in [
        ("--max-memory", "1MB"),
        ("--max-memory", "much"),
        ("--timeout", "soon"),
        ("--timeout", "0s"),
    ] {
        let refused = project.pipe(&["predict", "pkg", "d.csv", option, value]);
        assert_refused(&refused, 2, &[value]);
    }
    let most = [
        "predict",
        "pkg",
        "d.csv",
        "--max-memory",
        "4GiB",
        "--timeout",
        "2h",
    ];
    project.done(&most);
}

#[test]
fn what_was_set_aside_is_refused_in_the_same_words_by_every_command() {
    let project = packed();
    let weights = project.path("artifacts/current/bundle/weights.safetensors");
    rot(&weights.canonicalize().unwrap());
    project.pipe(&["predict", "bundle", "d.csv"]);
    for words in [
        &["predict", "bundle", "d.csv"][..],
        &["predict", "bundle", "d.csv", "--no-verify"],
        &["export", "bundle", "copy"],
        &["export", "bundle", "copy", "--no-verify"],
        &["export", "bundle.weights", "copy"],
        &["show", "bundle"],
        &["show", "bundle", "--format", "json"],
        &["path", "bundle"],
    ] {
        let refused = project.pipe(words);
        assert_refused(&refused, 1, &["`bundle` is damaged: ", "hint: `pipe run`"]);
    }
    project.done(&["run"]);
    project.done(&["show", "bundle"]);
}
