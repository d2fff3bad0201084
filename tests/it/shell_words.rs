//! Paths and values in commands: each is one word for the shell, whatever the project's folder and the value are called.

use std::{fs, path::Path, time::Duration};

use crate::project::{Answer, Project};

/// Names that shells dread. Each would leave a file called `pwned` if it were run.
const FOLDERS: [&str; 10] = [
    "a b",
    "a$(touch pwned)b",
    "a`touch pwned`b",
    "it's",
    "a\"; touch pwned; \"b",
    "a';touch pwned;'b",
    "-rf",
    "a\ntouch pwned\nb",
    "größe ${HOME}",
    "a\\",
];

const SPEC: &str = r#"version: 1
name: words
vars: {line: "a `b` $(c)"}
stages:
  one: {command: {cmd: 'echo hi > "${outputs.o}"', outputs: {o: {type: files}}}}
  two: {command: {cmd: 'cat "${inputs.i}/o" > out.txt', inputs: {i: one}, outs: [out.txt]}}
  three:
    command:
      cmd:
        - printf '<%s>' ${inputs.i} '${inputs.i}' "$(dirname "${inputs.i}/o")" > ${outputs.o}
        - cp ${outputs.o} path.txt
        - |
          cat <<END > here.txt
          ${line}
          END
      inputs: {i: one}
      outputs: {o: {type: files}}
      outs: [path.txt, here.txt]
"#;

fn run_in(project: &Project, folder: &str, words: &[&str]) -> Answer {
    let mut command = project.command(words);
    command.current_dir(project.path(folder));
    Answer::new(&command.output().unwrap(), Duration::ZERO)
}

fn is_unharmed(project: &Project) {
    let files = walkdir::WalkDir::new(project.path("")).into_iter();
    let harm = files
        .flatten()
        .find(|it| it.file_name() == "pwned" || it.file_name() == "x");
    assert!(harm.is_none(), "{harm:?}");
}

#[test]
fn shell_words_of_paths_are_whole_in_a_folder_of_any_name() {
    for folder in FOLDERS {
        for sandbox in [&[][..], &["--sandbox"]] {
            let project = Project::new();
            let place = format!("{folder}/in/it");
            // The store lies where the project has its root.
            fs::create_dir_all(project.path(&place).join(".git")).unwrap();
            project.write(&format!("{place}/pipe.yaml"), SPEC);
            let words = [&["run"], sandbox].concat();
            let answer = run_in(&project, &place, &words);
            assert_eq!(answer.code, Some(0), "{folder:?} {words:?}\n{answer}");
            let read = |path: &str| project.read(&format!("{place}/{path}"));
            assert_eq!(read("out.txt"), "hi\n");
            assert_eq!(read("here.txt"), "a `b` $(c)\n");
            let paths = read("path.txt");
            let file = paths[1..].split("><").next().unwrap();
            let path = file.strip_suffix("/o").unwrap();
            assert_eq!(paths, format!("<{file}><{file}><{path}>"), "{folder:?}");
            let root = project.path(&place).canonicalize().unwrap();
            assert!(Path::new(path).starts_with(root), "{folder:?}: {path}");
            is_unharmed(&project);
        }
    }
}

#[test]
fn shell_words_of_values_are_whole_wherever_they_come_from() {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        r#"version: 1
name: values
vars: {set: none, own: "it's $(touch pwned) `x` \"q\" \\ $${HOME} ;|&", list: [a b, "$(touch pwned)", 3]}
stages:
  values:
    matrix: {axis: ["; touch pwned", "a'b"]}
    command:
      cmd: printf '<%s>' ${set} "${set}" '${set}' x${own} "${own}" ${list} "${matrix.axis}" > ${outputs.o}
      outputs: {o: {type: files}}
"#,
    );
    let own = "it's $(touch pwned) `x` \"q\" \\ ${HOME} ;|&";
    for set in [
        "\"a; touch pwned; $(touch pwned)\"",
        "\"'\\\"\\n`touch pwned`\"",
        "2",
        "\"\"",
    ] {
        let value: String = match set {
            "2" => "2".to_owned(),
            _ => serde_json::from_str(set).unwrap(),
        };
        project.done(&["run", "--set", &format!("set={set}")]);
        for axis in ["; touch pwned", "a'b"] {
            let mut held = fs::read_dir(project.path("artifacts/current"))
                .unwrap()
                .flatten()
                .map(|it| fs::read_to_string(it.path().join("o")).unwrap());
            let meant = format!(
                "<{value}><{value}><{value}><x{own}><{own}><a b><$(touch pwned)><3><{axis}>"
            );
            assert!(held.any(|it| it == meant), "{meant}");
        }
    }
    is_unharmed(&project);
}

#[test]
fn raw_commands_take_values_as_shell_text() {
    let spec = |raw: &str| {
        format!(
            "version: 1\nname: raw\nvars: {{args: --a 1 --b 2, lines: [echo one, echo two]}}\nstages:\n  \
             a: {{command: {{{raw}cmd: \"printf '<%s>' ${{args}} > ${{outputs.o}}\", outputs: {{o: {{type: files}}}}}}}}\n"
        )
    };
    let project = Project::new();
    project.write("pipe.yaml", &spec(""));
    project.done(&["run"]);
    assert_eq!(project.read("artifacts/current/a/o"), "<--a 1 --b 2>");
    project.write("pipe.yaml", &spec("raw: true, "));
    project.done(&["run"]);
    assert_eq!(project.read("artifacts/current/a/o"), "<--a><1><--b><2>");
    // The lines of a command are code, too.
    let lines = spec("").replace("\"printf '<%s>' ${args} > ${outputs.o}\"", "\"${lines}\"");
    project.write("pipe.yaml", &lines);
    let check = project.pipe(&["check"]);
    assert_eq!(check.code, Some(2), "{check}");
    assert!(check.err.contains("raw: true"), "{check}");
}

#[test]
fn shell_words_in_the_command_to_run_alone_are_whole() {
    let project = Project::new();
    let place = "a $(touch pwned)'b";
    project.write(
        &format!("{place}/pipe.yaml"),
        "version: 1\nname: alone\nvars: {v: \"$(touch pwned)'\"}\nstages:\n  \
         a: {command: {cmd: 'printf \"<%s>\" \"$PWD\" ${v} \"$E\"; exit 3', outs: []}, env: {E: \"${v}\"}}\n",
    );
    let answer = run_in(&project, place, &["run", "--format", "json"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let lines = answer.lines();
    let mut alone = lines
        .iter()
        .filter_map(|it| it["event"]["stage_failed"]["failure"]["alone"].as_str());
    let output = std::process::Command::new("sh")
        .args(["-c", alone.next().unwrap()])
        .current_dir("/")
        .output()
        .unwrap();
    let root = project.path(place).canonicalize().unwrap();
    let meant = format!("<{}><$(touch pwned)'><$(touch pwned)'>", root.display());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), meant);
    assert_eq!(output.status.code(), Some(3));
    is_unharmed(&project);
}
