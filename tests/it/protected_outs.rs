//! Outs never destroy anything: what is not a stage's is refused, what is in the way is kept.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::project::{Answer, Project};

/// A project with one command that has these outs.
fn project(cmd: &str, outs: &str) -> Project {
    let project = Project::new();
    write_spec(&project, cmd, outs);
    project
}

fn write_spec(project: &Project, cmd: &str, outs: &str) {
    let text = format!(
        "version: 1\nname: outs\nstages:\n  a: {{command: {{cmd: '{cmd}', outs: [{outs}]}}}}\n"
    );
    project.write("pipe.yaml", &text);
}

/// All files of a folder with what they hold, the store left out.
fn picture(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter();
    let entries = entries.filter_entry(|it| it.file_name() != "artifacts");
    let files = entries.flatten().filter(|it| !it.file_type().is_dir());
    files
        .map(|it| {
            let path = it.path().to_owned();
            let bytes = if it.file_type().is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            (path, bytes)
        })
        .collect()
}

/// Check and run refuse the outs, and nothing changes.
fn is_refused(project: &Project, why: &str) -> Answer {
    let before = picture(&project.path(""));
    let checked = project.pipe(&["check"]);
    assert_eq!(checked.code, Some(2), "{checked}");
    assert!(checked.err.contains(why), "{why}: {checked}");
    assert!(checked.err.contains("pipe.yaml:"), "{checked}");
    for words in [&["run"][..], &["run", "--force"]] {
        let answer = project.pipe(words);
        assert_ne!(answer.code, Some(0), "{answer}");
    }
    assert_eq!(picture(&project.path("")), before);
    checked
}

#[test]
fn outs_in_version_control_are_refused() {
    for out in [
        ".git",
        ".git/config",
        ".hg",
        ".svn",
        ".jj",
        "sub/../.git",
        "./.git/",
        "sub",
        ".GIT",
    ] {
        let project = project("echo x > made", out);
        project.write(".git/config", "[core]\n");
        project.write("sub/.git/HEAD", "ref\n");
        is_refused(&project, "version control");
    }
}

#[test]
fn outs_that_are_the_store_the_registry_or_the_spec_are_refused() {
    for (out, why) in [
        ("artifacts", "is the store"),
        ("artifacts/x", "lies in the store"),
        ("registry", "reserved for a registry"),
        ("registry/models/x", "reserved for a registry"),
        ("pipe.yaml", "is the spec"),
        ("link-to-spec", "is the spec"),
        ("hard-link", "is the spec"),
        (".", "the project"),
        ("deep/..", "the project"),
    ] {
        let project = project("true", out);
        fs::create_dir(project.path("deep")).unwrap();
        symlink("pipe.yaml", project.path("link-to-spec")).unwrap();
        fs::hard_link(project.path("pipe.yaml"), project.path("hard-link")).unwrap();
        is_refused(&project, why);
    }
}

#[test]
fn outs_that_hold_an_include_or_a_store_elsewhere_are_refused() {
    let project = project("true", "common");
    project.write("common/vars.yaml", "vars: {n: 1}\n");
    project.edit("pipe.yaml", "name:", "include: [common/vars.yaml]\nname:");
    is_refused(&project, "which the spec includes");
    write_spec(&project, "true", "results/kept");
    for store in ["results", "results/kept/deep"] {
        let answer = project.pipe(&["check", "--store", store]);
        assert_eq!(answer.code, Some(2), "{answer}");
        assert!(answer.err.contains("the store"), "{answer}");
    }
    let answer = project.pipe(&["run", "--store", "results"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(!project.path("results/kept").exists());
}

#[test]
fn outs_whose_real_path_leaves_the_project_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("keep"), "precious").unwrap();
    for out in [
        "away/keep",
        "away",
        "dangling/x",
        "dangling",
        "around/away/keep",
    ] {
        let project = project("true", out);
        symlink(outside.path(), project.path("away")).unwrap();
        symlink(outside.path().join("later"), project.path("dangling")).unwrap();
        symlink(".", project.path("around")).unwrap();
        let is_link = !out.contains('/');
        let why = if is_link {
            "out of the project"
        } else {
            "outside the project"
        };
        is_refused(&project, why);
    }
    assert_eq!(
        fs::read_to_string(outside.path().join("keep")).unwrap(),
        "precious"
    );
}

#[test]
fn a_link_that_an_earlier_stage_makes_is_seen_by_the_run_before_an_out_is_cleared() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("keep"), "precious").unwrap();
    let project = Project::new();
    let target = outside.path().display();
    project.write(
        "pipe.yaml",
        &format!(
            "version: 1
name: outs
stages:
  link: {{command: {{cmd: 'rm -rf folder; ln -s {target} folder; echo > made', outs: [made]}}}}
  write: {{command: {{cmd: 'echo x > folder/keep', outs: [folder/keep]}}, needs: [link]}}
"
        ),
    );
    project.done(&["check"]);
    let answer = project.pipe(&["run"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(answer.out.contains("outside the project"), "{answer}");
    assert_eq!(
        fs::read_to_string(outside.path().join("keep")).unwrap(),
        "precious"
    );
}

#[test]
fn outs_of_a_matrix_and_metrics_are_refused_like_others() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1
name: outs
stages:
  a:
    matrix: {folder: [.git, fine]}
    command: {cmd: 'true', outs: ['${matrix.folder}/x']}
  b: {command: {cmd: 'true', metrics: [artifacts/metrics.json]}}
",
    );
    let answer = is_refused(&project, "`.git/x` cannot be an out");
    assert!(answer.err.contains("lies in the store"), "{answer}");
    assert!(!answer.err.contains("fine/x"), "{answer}");
}

#[test]
fn two_outs_that_are_one_file_through_a_link_are_refused() {
    let project = project("true", "one/x, two/x");
    fs::create_dir(project.path("one")).unwrap();
    symlink("one", project.path("two")).unwrap();
    is_refused(&project, "are one file");
}

#[test]
fn outs_that_are_in_the_way_and_come_out_equal_are_taken_over() {
    let project = project("echo 1 > a.txt; mkdir -p b; echo 2 > b/c", "a.txt, b");
    project.done(&["run"]);
    project.done(&["clean", "--yes"]);
    let answer = project.done(&["run"]);
    assert!(!answer.out.contains("in the way"), "{answer}");
    assert!(
        !project.path("artifacts/quarantine").exists()
            || is_empty(&project.path("artifacts/quarantine"))
    );
    assert_eq!(project.read("a.txt"), "1\n");
    assert_eq!(project.read("b/c"), "2\n");
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn what_is_in_the_way_of_an_out_is_kept_and_the_summary_tells_how_to_have_it_back() {
    for words in [&["run"][..], &["run", "--force"], &["run", "-q"]] {
        let project = project("echo 1 > \"a b.txt\"", "\"a b.txt\"");
        project.write("a b.txt", "by hand\n");
        let answer = project.done(words);
        assert_eq!(project.read("a b.txt"), "1\n");
        let told = format!("{}{}", answer.out, answer.err);
        assert!(
            told.contains("`a b.txt` was in the way of an out"),
            "{answer}"
        );
        let back = told.split('`').find(|it| it.starts_with("mv "));
        let back = back.unwrap_or_else(|| panic!("{answer}"));
        let moved = std::process::Command::new("sh")
            .args(["-c", back])
            .current_dir(project.path(""))
            .status()
            .unwrap();
        assert!(moved.success(), "{back}");
        assert_eq!(project.read("a b.txt"), "by hand\n");
        // Neither gc nor a second run takes it, and it is kept once more.
        project.done(&["run"]);
        project.done(&["gc", "--keep-runs", "0"]);
        let kept = project.read("artifacts/quarantine/out-a b.txt.1");
        assert_eq!(kept, "by hand\n");
    }
}

#[test]
fn what_is_in_the_way_of_an_out_is_told_with_the_line_breaks_of_its_name() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        "version: 1\nname: outs\nstages:\n  a: {command: {cmd: sh make.sh, outs: [\"n\\nl\"]}}\n",
    );
    project.write("make.sh", "echo 1 > 'n\nl'\n");
    project.write("n\nl", "by hand\n");
    let answer = project.done(&["run"]);
    assert!(
        answer
            .out
            .contains(r"`mv -- $'artifacts/quarantine/out-n\012l.1' $'n\012l'` brings it back"),
        "{answer}"
    );
    let kept = project.read("artifacts/quarantine/out-n\nl.1");
    assert_eq!(kept, "by hand\n");
}

#[test]
fn what_is_in_the_way_of_a_failing_stage_is_kept_and_told() {
    let project = project("echo half > a; exit 3", "a");
    project.write("a", "by hand\n");
    let answer = project.pipe(&["run"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(answer.out.contains("brings it back"), "{answer}");
    assert_eq!(project.read("artifacts/quarantine/out-a.1"), "by hand\n");
}

#[test]
fn what_a_killed_run_moved_out_of_the_way_is_told_by_the_next() {
    let project = project("echo half > a; test -e go || sleep 60; echo whole > a", "a");
    project.write("a", "by hand\n");
    let mut child = project.command(&["run"]).spawn().unwrap();
    crate::steered::wait_for("the out", || {
        project.path("a").exists() && project.read("a") == "half\n"
    });
    child.kill().unwrap();
    child.wait().unwrap();
    project.wait_for_jobs();
    project.write("go", "");
    let answer = project.done(&["run"]);
    assert!(
        answer.out.contains("artifacts/quarantine/out-a.1 a"),
        "{answer}"
    );
    assert_eq!(project.read("artifacts/quarantine/out-a.1"), "by hand\n");
    assert_eq!(project.read("a"), "whole\n");
}

#[test]
fn outs_that_hold_the_stage_s_own_script_or_folder_are_refused() {
    for (cmd, out) in [
        ("python train.py -o model", "train.py"),
        ("./scripts/run.sh", "scripts"),
        ("mkdir -p x && sh scripts/run.sh", "scripts/run.sh"),
    ] {
        let project = project(cmd, out);
        project.write("train.py", "print(1)");
        project.write("scripts/run.sh", "exit 1");
        is_refused(&project, "which its command runs");
    }
    let project = project("true", "../work");
    project.write("work/a", "1");
    project.edit("pipe.yaml", "outs:", "wdir: work, outs:");
    is_refused(&project, "holds the folder in which its command runs");
}
