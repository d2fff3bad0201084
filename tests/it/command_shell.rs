//! The shell of commands: what fails inside a command, which shell runs it, and the paths that it is given.

use std::{fs, os::unix::fs::symlink};

use crate::project::{Answer, Project};

/// A project of one stage with this block.
fn project(block: &str) -> Project {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: t\nstages:\n  a:\n    command:\n{block}"),
    );
    project.write("fail.sh", "echo made\nexit 3\n");
    project
}

fn run(block: &str) -> Answer {
    project(block).pipe(&["run"])
}

#[test]
fn shell_of_a_command_fails_it_where_a_part_or_a_line_fails() {
    for block in [
        "      cmd: sh fail.sh | cat > out\n      outs: [out]\n",
        "      cmd: sh fail.sh; echo done > out\n      outs: [out]\n",
        "      cmd: |\n        sh fail.sh\n        echo done > out\n      outs: [out]\n",
        "      cmd: |\n        x=$(sh fail.sh)\n        echo $x > out\n      outs: [out]\n",
        "      cmd:\n        - echo done > out\n        - sh fail.sh | cat\n      outs: [out]\n",
        "      cmd: (sh fail.sh) | (cat; echo) > out\n      outs: [out]\n",
    ] {
        let answer = run(block);
        assert_eq!(answer.code, Some(1), "{block}{answer}");
        assert!(answer.out.contains("code 3"), "{block}{answer}");
    }
    let unset = run("      cmd: echo \"$NOT_SET\" > out\n      outs: [out]\n");
    assert_eq!(unset.code, Some(1), "{unset}");
}

#[test]
fn shell_of_a_command_accepts_failures_that_the_text_expects() {
    for block in [
        "      cmd: (sh fail.sh || true) | cat > out\n      outs: [out]\n",
        "      cmd: |\n        if sh fail.sh; then false; fi\n        echo done > out\n      outs: [out]\n",
        "      cmd: |\n        set +e\n        sh fail.sh\n        echo done > out\n      outs: [out]\n",
    ] {
        let answer = run(block);
        assert_eq!(answer.code, Some(0), "{block}{answer}");
    }
}

#[test]
fn shell_of_a_command_is_the_one_that_it_names() {
    let block = |shell: &str| {
        format!(
            "      shell: {shell}\n      cmd: |\n        sh fail.sh\n        echo done > out\n      outs: [out]\n"
        )
    };
    for (shell, code) in [("bash", 1), ("sh", 1), ("plain_sh", 0)] {
        let answer = run(&block(shell));
        assert_eq!(answer.code, Some(code), "{shell} {answer}");
    }
    let bash = run(
        "      shell: bash\n      cmd: '[[ a == a ]] && echo ${outputs.o} > ${outputs.o}'\n      outputs: {o: {}}\n",
    );
    assert_eq!(bash.code, Some(0), "{bash}");
    let unknown = run(&block("fish"));
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.err.contains("plain_sh"), "{unknown}");
}

#[test]
fn shell_of_a_command_is_sh_with_a_note_where_there_is_no_bash() {
    let project =
        project("      cmd: |\n        sh fail.sh > out\n        true\n      outs: [out]\n");
    let programs = project.path("programs");
    fs::create_dir(&programs).unwrap();
    for name in ["sh", "cat"] {
        symlink(format!("/bin/{name}"), programs.join(name)).unwrap();
    }
    let with_path = |words: &[&str]| {
        let output = project.command(words).env("PATH", &programs).output();
        Answer::new(&output.unwrap(), std::time::Duration::ZERO)
    };
    // A line that fails is noticed by any shell.
    let failed = with_path(&["run"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    project.edit("fail.sh", "exit 3", "exit 0");
    assert_eq!(with_path(&["run"]).code, Some(0));
    let shown = project.done(&["show", "a"]);
    assert!(shown.out.contains("note: there is no bash here"), "{shown}");
    // The key does not depend on which shell there is.
    assert!(project.done(&["run"]).out.contains("1 cached"));
    project.edit("pipe.yaml", "cmd: |", "shell: bash\n      cmd: |");
    let refused = with_path(&["run"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(
        refused.out.contains("there is no bash on this machine"),
        "{refused}"
    );
}

#[test]
fn shell_of_a_command_tells_of_a_pipeline_whose_reader_ended() {
    let answer = run("      cmd: yes | head -n 1 > out\n      outs: [out]\n");
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(answer.out.contains("set +o pipefail"), "{answer}");
}

#[test]
fn path_of_an_input_that_is_one_file_is_that_file() {
    let spec = "version: 1
name: t
stages:
  one: {command: {cmd: 'echo hi > \"${outputs.t}\"', outputs: {t: {type: files}}}}
  many: {command: {cmd: 'mkdir ${outputs.t}; echo hi > ${outputs.t}/t', outputs: {t: {type: files}}}}
  score: {command: {cmd: 'printf \"{}\" > ${outputs.r}', outputs: {r: {type: report}}}}
  file: {command: {cmd: 'cat ${inputs.t} \"${inputs.t}\" ${inputs.t}/t \"${inputs.t}\"/t > file.txt', inputs: {t: one}, outs: [file.txt]}}
  folder: {command: {cmd: 'ls ${inputs.t} > folder.txt', inputs: {t: many}, outs: [folder.txt]}}
  report: {command: {cmd: 'cat ${inputs.r} ${inputs.r}/metrics.json > report.txt', inputs: {r: score}, outs: [report.txt]}}
";
    for folder in [".", "my project/it's"] {
        for sandbox in [&[][..], &["--sandbox"]] {
            let project = Project::new();
            project.write(&format!("{folder}/pipe.yaml"), spec);
            let mut command = project.command(&[&["run"], sandbox].concat());
            command.current_dir(project.path(folder));
            let answer = Answer::new(&command.output().unwrap(), std::time::Duration::ZERO);
            assert_eq!(answer.code, Some(0), "{answer}");
            let read = |name: &str| project.read(&format!("{folder}/{name}"));
            assert_eq!(read("file.txt"), "hi\nhi\nhi\nhi\n");
            assert_eq!(read("folder.txt"), "t\n");
            assert_eq!(read("report.txt"), "{}{}");
        }
    }
}

#[test]
fn path_of_an_input_changes_with_what_the_stage_before_makes_of_it() {
    let spec = |made: &str| {
        format!(
            "version: 1
name: t
stages:
  one: {{command: {{cmd: '{made}', outputs: {{t: {{type: files}}}}}}}}
  two: {{command: {{cmd: 'ls -d ${{inputs.t}} > two.txt', inputs: {{t: one}}, outs: [two.txt]}}}}
"
        )
    };
    let project = Project::new();
    project.write("pipe.yaml", &spec("echo hi > ${outputs.t}"));
    project.done(&["run"]);
    assert!(project.read("two.txt").ends_with("/t\n"));
    // The same bytes under the same name, but in a folder that the stage made.
    project.write(
        "pipe.yaml",
        &spec("mkdir ${outputs.t}; echo hi > ${outputs.t}/t"),
    );
    project.done(&["run"]);
    assert!(!project.read("two.txt").ends_with("/t\n"));
}
