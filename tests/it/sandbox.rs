//! Commands in a sandbox find what their stages declare and nothing else, and what they write comes out of it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Stdio,
    time::Duration,
};

use crate::{
    left_out,
    project::{Answer, Project},
};

/// All that a run says.
fn said(answer: &Answer) -> String {
    format!("{}{}", answer.out, answer.err)
}

fn project(stages: &str) -> Project {
    let project = Project::new();
    for (name, text) in [
        ("in.txt", "in\n"),
        ("secret.txt", "secret\n"),
        ("data/a.csv", "a\n"),
        ("data/below/b.csv", "b\n"),
    ] {
        project.write(name, text);
    }
    symlink("../secret.txt", project.path("data/link")).unwrap();
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: sandbox\nstages:\n{stages}"),
    );
    project
}

/// Whether this kernel can keep a process from files that it knows the whole path of.
fn is_held(project: &Project) -> bool {
    project.done(&["doctor"]).out.contains("Landlock keeps")
}

#[test]
fn what_is_declared_is_found_as_it_would_be_without() {
    let stages = r"
  outs:
    command:
      cmd: 'test -f in.txt; mkdir out/folder; cp in.txt out/folder/x; ln -s x out/folder/y; cat in.txt > lines.txt; cat lines.txt'
      deps: [in.txt]
      outs: [lines.txt, out/folder]
  folder:
    command:
      cmd: 'find -L data -type f | sort > ${outputs.list}; cp -rL data copied; cat data/link'
      deps: [data]
      outs: [copied]
      outputs: {list: {type: files}}
  below:
    command:
      cmd: 'cat ../in.txt ../data/a.csv ${inputs.list} > made.txt; cat made.txt > ${outputs.all}'
      wdir: work
      deps: [../in.txt, '../data/*.csv']
      inputs: {list: folder.list}
      outs: [made.txt]
      outputs: {all: {type: files}}
  scratch:
    command:
      cmd: 'x=$(mktemp -d); echo x > $x/a; mkdir $x/b; mv $x/a $x/b/a; cat $x/b/a'
      outs: []
";
    let (plain, fenced) = (project(stages), project(stages));
    for it in [&plain, &fenced] {
        fs::create_dir(it.path("work")).unwrap();
    }
    plain.done(&["run"]);
    let answer = fenced.done(&["run", "--sandbox"]);
    assert!(!said(&answer).contains("warning"), "{answer}");
    for path in [
        "lines.txt",
        "out/folder/x",
        "out/folder/y",
        "copied/a.csv",
        "copied/below/b.csv",
        "copied/link",
        "work/made.txt",
        "artifacts/current/folder/list",
        "artifacts/current/below/all",
    ] {
        assert_eq!(plain.read(path), fenced.read(path), "{path}");
    }
    // What was made in a sandbox is as good without one.
    let again = fenced.done(&["run"]);
    assert!(said(&again).contains("nothing to do"), "{again}");
    fenced.done(&["verify"]);
}

#[test]
fn what_is_not_declared_is_kept_away_and_named() {
    let project = project(
        r"
  near:
    command: {cmd: 'cat in.txt secret.txt > ${outputs.x}', deps: [in.txt], outputs: {x: {type: files}}}
",
    );
    let answer = project.pipe(&["run", "--sandbox"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let hint = "without `secret.txt`: name what it reads in `deps`";
    assert!(said(&answer).contains(hint), "{answer}");
    // The same without a word about it.
    project.write(
        "pipe.yaml",
        "version: 1\nname: x\nstages:\n  near: {command: {cmd: 'test -e data/a.csv', outs: []}}\n",
    );
    let answer = project.pipe(&["run", "--sandbox"]);
    assert!(said(&answer).contains("without `data/a.csv`"), "{answer}");
    let allowed = project.path("data");
    project.done(&[
        "run",
        "--sandbox",
        "--allow-read",
        allowed.to_str().unwrap(),
    ]);
}

#[test]
fn odd_places_are_found() {
    let project = project(
        r#"
  above: {command: {cmd: 'sh ../src/go.sh > above.txt; python3 -c "" 2>/dev/null; cat ../src/data/a', wdir: work, deps: [../src/go.sh, ../src/data], outs: [above.txt]}}
  here: {command: {cmd: 'cat go.sh data/a > ../here.txt', wdir: src, deps: [.], outs: [../here.txt]}}
  names: {command: {cmd: 'cat -- "-dash" "ünï côde.txt" > "an out.txt"', deps: ['-dash', 'ünï côde.txt'], outs: ['an out.txt']}}
  closed: {command: {cmd: 'cp -r ${inputs.x} closed; stat -c %a keys/own; mktemp -d', inputs: {x: made}, deps: [keys/own], outs: [closed]}}
  made: {command: {cmd: 'mkdir ${outputs.x}; echo 1 > ${outputs.x}/a', outputs: {x: {type: files}}, outs: []}}
"#,
    );
    for (name, text) in [
        ("src/go.sh", "echo go\n"),
        ("src/data/a", "a\n"),
        ("work/x", ""),
        ("-dash", "1\n"),
        ("ünï côde.txt", "2\n"),
        ("keys/own", "key\n"),
    ] {
        project.write(name, text);
    }
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(project.path("keys/own"), private).unwrap();
    let answer = project.ordinary(&["run", "--sandbox"]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(project.read("work/above.txt"), "go\n");
    assert_eq!(project.read("here.txt"), "echo go\na\n");
    assert_eq!(project.read("an out.txt"), "1\n2\n");
    assert_eq!(project.read("closed/a"), "1\n");
    let told = said(&answer);
    assert!(told.contains("closed  600"), "{answer}");
    // Nothing is left behind.
    let temporary = told.lines().find_map(|it| it.strip_prefix("closed  /"));
    let temporary = Path::new("/").join(temporary.unwrap());
    assert!(
        !temporary.parent().unwrap().exists(),
        "{}",
        temporary.display()
    );
    assert!(
        fs::read_dir(project.path("artifacts/tmp"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn metrics_are_written_and_read() {
    let project = project(
        r#"
  one: {command: {cmd: 'echo "{\"name\": \"loss\", \"value\": 0.5}" >> $PIPE_METRICS; cat $PIPE_METRICS; cat < $PIPE_METRICS > ${outputs.x}', outputs: {x: {type: files}}}}
"#,
    );
    let answer = project.done(&["run", "--sandbox"]);
    assert!(said(&answer).contains("loss"), "{answer}");
    assert!(project.read("artifacts/current/one/x").contains("0.5"));
}

#[test]
fn a_command_whose_time_is_up_before_its_sandbox_is_made_is_not_begun() {
    let project = project(
        r"
  one: {command: {cmd: 'sleep 1; echo late > $MARKER', deps: [large], outs: []}, timeout: 20ms, pass_env: [MARKER]}
",
    );
    let large = fs::File::create(project.path("large")).unwrap();
    large.set_len(300 << 20).unwrap();
    let marker = project.path("marker");
    let mut command = project.command(&["run", "--sandbox"]);
    let output = command.env("MARKER", &marker).stdin(Stdio::null()).output();
    let answer = Answer::new(&output.unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(
        said(&answer).contains("longer than its timeout of 20ms"),
        "{answer}"
    );
    assert!(!marker.exists());
}

#[test]
fn a_folder_that_holds_the_project_can_be_allowed() {
    let project = project(
        "  one: {command: {cmd: 'test ! -e secret.txt; cat in.txt', deps: [in.txt], outs: []}}\n",
    );
    project.done(&["run", "--sandbox", "--allow-read", "."]);
}

#[test]
fn modules_beside_a_script_are_named() {
    let project = project(
        r"
  learn: {command: {cmd: 'sh code/learn.sh', outs: []}}
",
    );
    project.write(
        "code/learn.sh",
        "echo \"No module named 'helper'\" >&2; exit 1\n",
    );
    project.write("code/helper.py", "");
    let answer = project.pipe(&["run", "--sandbox"]);
    assert!(
        said(&answer).contains("without `code/helper.py`"),
        "{answer}"
    );
}

#[test]
fn whole_paths_lead_to_what_is_declared_only() {
    let project = project("");
    if !is_held(&project) {
        left_out::for_lack_of_kernel_feature("whole paths in a sandbox", "no Landlock");
        return;
    }
    let folder = project.path("").canonicalize().unwrap();
    let folder = folder.display();
    project.write(
        "pipe.yaml",
        &format!(
            r"
version: 1
name: whole
stages:
  good: {{command: {{cmd: 'cat {folder}/in.txt; ls {folder}/data; cat /etc/passwd > /dev/null', deps: [in.txt, data], outs: []}}}}
  read: {{command: {{cmd: 'cat {folder}/secret.txt', outs: []}}}}
  list: {{command: {{cmd: 'ls {folder}', outs: []}}}}
  start: {{command: {{cmd: 'x=tool; {folder}/$x', outs: []}}}}
  write: {{command: {{cmd: 'echo x > {folder}/whole.txt', outs: [whole.txt]}}}}
"
        ),
    );
    fs::copy("/bin/true", project.path("tool")).unwrap();
    let answer = project.pipe(&["run", "--sandbox", "--keep-going"]);
    for (stage, is_done) in [
        ("good", true),
        ("read", false),
        ("list", false),
        ("start", false),
        ("write", true),
    ] {
        let is_told = said(&answer).contains(&format!("{stage} failed"));
        assert_eq!(is_told, !is_done, "{stage}: {answer}");
    }
    assert!(said(&answer).contains("without `secret.txt`"), "{answer}");
    assert_eq!(project.read("whole.txt"), "x\n");
    // Without a sandbox all of it works.
    project.done(&["run"]);
}

#[test]
fn what_is_written_and_not_declared_is_told_and_stays_behind() {
    let project = project(
        r"
  one: {command: {cmd: 'echo x > side.txt; echo x > .hidden; cp in.txt out.txt; echo more >> data/a.csv', deps: [in.txt, data], outs: [out.txt]}}
",
    );
    let answer = project.done(&["run", "--sandbox"]);
    let told = "warning: `side.txt` was lost with its sandbox";
    assert!(said(&answer).contains(told), "{answer}");
    assert_eq!(project.read("out.txt"), "in\n");
    assert!(!project.path("side.txt").exists());
    assert_eq!(project.read("data/a.csv"), "a\n");
    // An out that is missing is missed with a sandbox, too.
    project.write(
        "pipe.yaml",
        "version: 1\nname: x\nstages:\n  one: {command: {cmd: 'true', outs: [none.txt]}}\n",
    );
    let answer = project.pipe(&["run", "--sandbox"]);
    assert!(said(&answer).contains("none.txt"), "{answer}");
}

#[test]
fn a_run_can_be_told_to_use_it_by_its_environment() {
    let project = project("  one: {command: {cmd: 'cat secret.txt', outs: []}}\n");
    let mut command = project.command(&["run"]);
    let output = command
        .env("PIPE_SANDBOX", "1")
        .stdin(Stdio::null())
        .output();
    let answer = Answer::new(&output.unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(1), "{answer}");
    let answer = project.pipe(&["run", "--allow-read", "data"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    let answer = project.pipe(&["run", "--sandbox", "--allow-read", "nothing"]);
    assert_eq!(answer.code, Some(2), "{answer}");
    assert!(said(&answer).contains("`--allow-read nothing`"), "{answer}");
}
