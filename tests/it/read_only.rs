//! A store that cannot be written: looking works, a run that makes nothing works, and one that has something to make begins
//! nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use walkdir::WalkDir;

use crate::{
    left_out,
    project::{Answer, Project},
};

const SPEC: &str = "version: 1
name: kept
stages:
  one: {command: {cmd: 'cat in.txt > ${outputs.x}; echo 1 > out.txt; echo ran >> trace', deps: [in.txt], outs: [out.txt], outputs: {x: {type: files}}}}
  two: {command: {cmd: 'cat ${inputs.x}/* > ${outputs.y}', inputs: {x: one}, outputs: {y: {type: files}}}}
";

/// Paths, sizes and times of all that is in the store.
fn picture(project: &Project) -> Vec<String> {
    let entries = WalkDir::new(project.path("artifacts")).sort_by_file_name();
    let entry = |it: walkdir::DirEntry| {
        let stat = it.metadata().unwrap();
        format!(
            "{} {} {:?}",
            it.path().display(),
            stat.len(),
            stat.modified()
        )
    };
    entries.into_iter().flatten().map(entry).collect()
}

fn set_modes(project: &Project, is_writable: bool) {
    for entry in WalkDir::new(project.path("artifacts"))
        .into_iter()
        .flatten()
    {
        if !entry.path_is_symlink() {
            let mode = entry.metadata().unwrap().permissions().mode();
            let mode = if is_writable {
                mode | 0o200
            } else {
                mode & !0o222
            };
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

fn check(project: &Project, pipe: &dyn Fn(&[&str]) -> Answer) {
    let before = picture(project);
    for words in [
        &["run"][..],
        &["run", "two"],
        &["run", "--format", "json"],
        &["--quiet", "run"],
    ] {
        let answer = pipe(words);
        assert_eq!(answer.code, Some(0), "{words:?} {answer}");
        let is_told = answer.err.contains("this run is not recorded");
        assert_eq!(is_told, words[0] != "--quiet", "{words:?} {answer}");
        assert!(
            words.len() > 1 || answer.out.contains("nothing to do: 2 cached"),
            "{answer}"
        );
    }
    for words in [
        &["status"][..],
        &["runs"],
        &["show", "one"],
        &["explain", "two"],
        &["path", "one"],
        &["cache"],
        &["report"],
    ] {
        let answer = pipe(words);
        assert_eq!(answer.code, Some(0), "{words:?} {answer}");
    }
    project.write("in.txt", "other\n");
    for words in [&["run"][..], &["run", "--keep-going"], &["run", "--force"]] {
        let answer = pipe(words);
        assert_eq!(answer.code, Some(1), "{words:?} {answer}");
        assert!(
            answer
                .err
                .contains("cannot be written, and these stages are not in it: one"),
            "{answer}"
        );
        assert!(answer.err.contains("hint: "), "{answer}");
    }
    project.write("in.txt", "x\n");
    // What is absent from the workspace is restored.
    fs::remove_file(project.path("out.txt")).unwrap();
    let answer = pipe(&["status"]);
    assert!(answer.out.contains("nothing to do"), "{answer}");
    assert!(!project.path("out.txt").exists(), "{answer}");
    let answer = pipe(&["run"]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(project.read("out.txt"), "1\n");
    // What else lies there cannot be kept, and so stays.
    project.write("out.txt", "mine\n");
    let answer = pipe(&["status"]);
    assert!(!answer.out.contains("nothing to do"), "{answer}");
    let answer = pipe(&["run"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let told = "one: its out `out.txt` would have to be restored";
    assert!(answer.err.contains(told), "{answer}");
    assert!(answer.err.contains("hint: move it away"), "{answer}");
    assert_eq!(project.read("out.txt"), "mine\n");
    let status = pipe(&["status", "--format", "json"]);
    assert!(status.out.contains("would have to be restored"), "{status}");
    assert_eq!(project.read("trace"), "ran\n");
    assert_eq!(picture(project), before);
}

#[test]
fn read_only_store_of_another_user_answers_a_run_with_nothing_to_do() {
    let project = Project::after_run(SPEC);
    set_modes(&project, false);
    check(&project, &|words| project.ordinary(words));
    set_modes(&project, true);
}

#[test]
fn read_only_store_on_a_read_only_mount_answers_a_run_with_nothing_to_do() {
    const TEST: &str = "read_only_store_on_a_read_only_mount_answers_a_run_with_nothing_to_do";
    let project = Project::after_run(SPEC);
    let mounted = |words: &[&str]| {
        let plain = project.command(words);
        let script =
            "mount --bind artifacts artifacts && mount -o remount,ro,bind artifacts && exec \"$@\"";
        let output = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh"])
            .arg(plain.get_program())
            .args(words)
            .current_dir(project.path(""))
            .env_remove("PIPE_STORE")
            .stdin(Stdio::null())
            .output();
        output.map(|it| Answer::new(&it, Duration::ZERO))
    };
    match mounted(&["--version"]) {
        Ok(answer) if answer.code == Some(0) => check(&project, &|words| mounted(words).unwrap()),
        Ok(answer) => left_out::for_lack_of_kernel_feature(TEST, &answer.err),
        Err(error) => left_out::for_lack_of_tool(TEST, &error.to_string(), "install util-linux"),
    }
}
