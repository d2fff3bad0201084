//! Paths that are not as one writes them: out of the project, through links, with names that shells and terminals dread.

use std::{fs, os::unix::fs::symlink};

use crate::project::Project;

#[test]
fn results_with_links_out_of_themselves_are_refused_by_name_and_nothing_is_kept() {
    let project = Project::new();
    project.write("secret", "mine\n");
    project.write(
        "pipe.yaml",
        "version: 1
name: links
vars: {target: /etc/hostname}
stages:
  tree: {command: {cmd: 'mkdir ${outputs.o}; ln -s ${target} ${outputs.o}/h', outputs: {o: {type: files}}}}
  out: {command: {cmd: 'ln -s ../secret latest', outs: [latest]}}
  folder: {command: {cmd: 'mkdir made; ln -s ../secret made/h', outs: [made]}}
",
    );
    let run = project.pipe(&["run", "--keep-going"]);
    assert_eq!(run.code, Some(1), "{run}");
    for name in ["/h` is a link", "`latest` is a link", "`made/h` is a link"] {
        assert!(
            run.out.contains(&format!("{name} that leaves its folder")),
            "{name}: {run}"
        );
    }
    // A link that a failed stage left in the place of its out blocks no run.
    assert!(!project.path("latest").is_symlink(), "{run}");
    // Neither through a folder that comes back.
    let run = project.pipe(&["run", "tree", "--set", "target=x/../../y"]);
    assert!(
        run.out.contains("/h` is a link that leaves its folder"),
        "{run}"
    );
    assert!(!project.path("artifacts/objects").exists());
    assert_eq!(project.read("secret"), "mine\n");
    // A link that stays is kept as it is.
    project.done(&["run", "tree", "--set", "target=./x"]);
    let link = fs::read_link(project.path("artifacts/current/tree/h")).unwrap();
    assert_eq!(link.to_str(), Some("./x"));
}

#[test]
fn a_source_that_is_a_link_stands_for_what_it_leads_to() {
    let project = Project::new();
    fs::create_dir(project.path("data")).unwrap();
    project.write("far/a", "one\n");
    symlink(project.path("far/a"), project.path("data/a")).unwrap();
    symlink("data/a", project.path("near")).unwrap();
    project.write(
        "pipe.yaml",
        "version: 1
name: links
stages:
  folder: {command: {cmd: 'cat data/a > ${outputs.o}', deps: [data], outputs: {o: {type: files}}}}
  file: {command: {cmd: 'cat near > ${outputs.o}', deps: [near], outputs: {o: {type: files}}}}
",
    );
    project.done(&["run"]);
    assert!(project.done(&["run"]).out.contains("nothing to do"));
    project.write("far/a", "two\n");
    project.done(&["run"]);
    for stage in ["folder", "file"] {
        assert_eq!(
            project.read(&format!("artifacts/current/{stage}/o")),
            "two\n"
        );
    }
}

#[test]
fn odd_names_are_read_written_brought_back_and_told_apart() {
    let names = [
        "line\nbreak",
        "-rf",
        "a b",
        "e\u{301}",
        "\u{e9}",
        "\u{202e}txt.exe",
        "🦀",
        "`id`",
        "$HOME",
        "'\"",
        "%2F",
    ];
    let project = Project::new();
    let mut stages = String::new();
    for (at, name) in names.iter().enumerate() {
        project.write(&format!("in/{name}"), &format!("{at}\n"));
        let quoted = |folder: &str| serde_json::to_string(&format!("{folder}/{name}")).unwrap();
        stages += &format!(
            "  s{at}:\n    command: {{cmd: \"mkdir -p out && cp \\\"$FROM\\\" \\\"$TO\\\"\", deps: [{}], outs: [{}]}}\n    \
             env: {{FROM: {}, TO: {}}}\n",
            quoted("in"),
            quoted("out"),
            quoted("in"),
            quoted("out"),
        );
    }
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: names\nstages:\n{stages}"),
    );
    project.done(&["run"]);
    fs::remove_dir_all(project.path("out")).unwrap();
    let again = project.done(&["run"]);
    assert!(again.out.contains("nothing to do"), "{again}");
    for (at, name) in names.iter().enumerate() {
        assert_eq!(project.read(&format!("out/{name}")), format!("{at}\n"));
    }
    // One letter is two names here; each is itself.
    project.write("in/e\u{301}", "other\n");
    let changed = project.done(&["run"]);
    assert_eq!(changed.out.matches(" ran ").count(), 1, "{changed}");
    assert_eq!(project.read("out/\u{e9}"), "4\n");
    assert_eq!(project.done(&["verify"]).code, Some(0));
}
