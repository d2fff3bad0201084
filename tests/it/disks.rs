//! Real shortages: a small file system that is full, a process that may open few files, or start few threads. Told in plain words, nothing is
//! published half, and the next run works.

use std::{
    fs,
    os::unix::{self, process::CommandExt},
    process::Command,
};

use crate::{left_out, project::Project, scenes::told};

const SPEC: &str = "version: 1
name: disks
stages:
  large:
    command: {cmd: '(yes || true) | head -c 50000 > ${outputs.o}', outputs: {o: {type: files}}}
  copy:
    command: {cmd: 'cat ${inputs.i}/o in > ${outputs.o}', deps: [in], inputs: {i: large}, outputs: {o: {type: files}}}
  out:
    command: {cmd: 'cat in > out.txt', deps: [in], outs: [out.txt]}
";

/// A user without rights, and its group.
const NOBODY: u32 = 65534;

fn is_full() -> bool {
    std::env::var_os("PIPE_PROOF").is_some_and(|it| it == "full")
}

fn project() -> Project {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    project.write("in", "text\n");
    project
}

/// One run, and the next one after the shortage is over, with the store on a file system of its own.
const SMALL_DISK: &str = r#"
mkdir artifacts && mount -t tmpfs -o size="$1" none artifacts || exit 77
"$2" run --jobs 1 > .git/short 2>&1; echo $? > .git/code
mount -o remount,size=64m artifacts || exit 77
"$2" run --jobs 1 > .git/free 2>&1 || exit 1
"$2" verify > .git/free 2>&1 || exit 2
"$2" run > .git/free 2>&1; grep -q 'nothing to do' .git/free || exit 3
cat artifacts/current/copy/o > .git/result
"#;

#[test]
fn a_run_on_a_full_disk_says_so_and_the_next_one_works() {
    let step = if is_full() { 4 } else { 28 };
    let (mut refused, mut passed) = (0, 0);
    for kilobytes in (4..=320).step_by(step) {
        let project = project();
        let output = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount"])
            .args(["sh", "-c", SMALL_DISK, "sh", &format!("{kilobytes}k")])
            .arg(env!("CARGO_BIN_EXE_pipe"))
            .current_dir(project.path(""))
            .env_remove("PIPE_STORE")
            .output();
        let Ok(output) = output else {
            left_out::for_lack_of_tool("disks", "there is no `unshare`", "install util-linux");
            return;
        };
        let is_allowed = output.status.code() != Some(77) && project.path(".git/code").exists();
        if !is_allowed {
            left_out::for_lack_of_kernel_feature(
                "disks",
                &format!("no file system can be mounted here: {}", told(&output)),
            );
            return;
        }
        let short = project.read(".git/short");
        match project.read(".git/code").trim() {
            "0" => passed += 1,
            "1" if short.to_lowercase().contains("no space left") => refused += 1,
            code => panic!("{kilobytes} kB: {code}\n{short}"),
        }
        let free = fs::read_to_string(project.path(".git/free")).unwrap_or_default();
        assert!(
            output.status.success(),
            "{kilobytes} kB: {}\n{free}",
            told(&output)
        );
        assert_eq!(project.read(".git/result").len(), 50_005, "{kilobytes} kB");
    }
    println!("a full disk of 4 to 320 kB: {refused} runs refused, {passed} passed");
    assert!(refused > 0 && passed > 0);
}

#[test]
fn a_run_that_may_open_few_files_says_so_and_the_next_one_works() {
    let step = if is_full() { 1 } else { 3 };
    let (mut refused, mut passed) = (0, 0);
    for limit in (4..=40).step_by(step) {
        let project = project();
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -n \"$1\" && exec \"$2\" run --jobs 1", "sh"])
            .arg(limit.to_string())
            .arg(env!("CARGO_BIN_EXE_pipe"))
            .current_dir(project.path(""))
            .env_remove("PIPE_STORE");
        let output = command.output().unwrap();
        let text = told(&output);
        match output.status.code() {
            Some(0) => passed += 1,
            Some(1 | 2) if text.to_lowercase().contains("too many open files") => refused += 1,
            // Not even the program's libraries can be opened.
            Some(127) => refused += 1,
            _ => panic!("{limit} files: {text}"),
        }
        project.done(&["run"]);
        project.done(&["verify"]);
        let again = project.done(&["run"]);
        assert!(
            again.out.contains("nothing to do"),
            "{limit} files: {again}"
        );
        assert_eq!(project.read("artifacts/current/copy/o").len(), 50_005);
    }
    println!("4 to 40 open files: {refused} runs refused, {passed} passed");
    assert!(refused > 0 && passed > 0);
}

#[test]
fn a_run_that_may_start_few_threads_says_so_and_the_next_one_works() {
    let is_root = rustix::process::geteuid().is_root();
    let step = if is_full() { 1 } else { 3 };
    let (mut refused, mut passed) = (0, 0);
    for limit in (1..=40).step_by(step) {
        let project = project();
        let own = project.path(".git/pipe");
        fs::copy(env!("CARGO_BIN_EXE_pipe"), &own).unwrap();
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--nproc={limit}:{limit}"))
            .arg(&own)
            .args(["run", "--jobs", "1"])
            .current_dir(project.path(""))
            .env_remove("PIPE_STORE");
        if is_root {
            // Root is held to no such limit.
            for path in ["", "pipe.yaml", "in"] {
                unix::fs::chown(project.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        let Ok(output) = command.output() else {
            left_out::for_lack_of_tool("threads", "there is no `prlimit`", "install util-linux");
            return;
        };
        let text = told(&output);
        match output.status.code() {
            Some(0) => passed += 1,
            Some(1 | 2) if limit > 1 || text.contains("starts no more threads") => refused += 1,
            _ => panic!("{limit} threads: {text}"),
        }
        assert!(!text.contains("this is a bug"), "{limit} threads: {text}");
        fs::remove_file(own).unwrap();
        project.done(&["run"]);
        project.done(&["verify"]);
        assert!(project.done(&["run"]).out.contains("nothing to do"));
        assert_eq!(project.read("artifacts/current/copy/o").len(), 50_005);
    }
    println!("1 to 40 threads: {refused} runs refused, {passed} passed");
    assert!(refused > 0);
    // Another user may have more processes than that already.
    assert!(passed > 0 || !is_root);
}
