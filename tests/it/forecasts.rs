//! What `status`, `explain` and a dry run say of stages that read files: that is what the run then does. Projects that were
//! foretold wrongly once, and others of their kind.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::project::Project;

/// What is foretold of each stage: `cached`, `run`, or the stage that it depends on.
type Foretold = BTreeMap<String, String>;

fn project(stages: &str) -> Project {
    let project = Project::new();
    project.write(
        "pipe.yaml",
        &format!("version: 1\nname: forecasts\n{stages}"),
    );
    project
}

fn foretold(project: &Project, words: &[&str]) -> Foretold {
    let list = project.done(words).json();
    let said = |it: &Value| {
        let state = it["state"].as_str().unwrap();
        let said = it["by"].as_str().unwrap_or(state);
        (it["stage"].as_str().unwrap().to_owned(), said.to_owned())
    };
    list.as_array().unwrap().iter().map(said).collect()
}

/// Asks every command that foretells, which must agree; then runs, which must do what was said. `expected` has what is said
/// of each stage.
#[track_caller]
fn holds(project: &Project, options: &[&str], expected: &[(&str, &str)]) {
    let with = |words: &[&'static str]| -> Vec<&str> { [words, options].concat() };
    let said = foretold(project, &with(&["run", "--dry-run", "--format", "json"]));
    let expected: Foretold = (expected.iter())
        .map(|(stage, said)| ((*stage).to_owned(), (*said).to_owned()))
        .collect();
    assert_eq!(said, expected);
    if !options.iter().any(|it| it.starts_with("--force")) {
        assert_eq!(
            foretold(project, &with(&["status", "--format", "json"])),
            said
        );
        let stages: Vec<&str> = said.keys().map(String::as_str).collect();
        let explain = [&["explain", "--format", "json"], options, &stages].concat();
        assert_eq!(foretold(project, &explain), said);
        let text = project.done(&with(&["status"])).out;
        for (stage, said) in &said {
            let line = text.lines().find(|it| it.split(' ').next() == Some(stage));
            let word = match said.as_str() {
                "cached" | "run" => said.clone(),
                by => format!("depends on what {by} makes"),
            };
            assert!(
                line.is_some_and(|it| it.contains(&word)),
                "{stage} {word}\n{text}"
            );
        }
    }
    let run = project.done(&with(&["run", "--format", "json"]));
    let (ran, cached) = (run.stages("stage_done"), run.stages("stage_cached"));
    for (stage, said) in &said {
        match said.as_str() {
            "cached" => assert!(cached.contains(stage), "{stage} was not cached\n{run}"),
            "run" => assert!(ran.contains(stage), "{stage} did not run\n{run}"),
            by => assert!(ran.iter().any(|it| it == by), "{by} did not run\n{run}"),
        }
    }
}

/// A source that two values of a var write, and what reads it.
fn chain(reader: &str) -> Project {
    project(&format!(
        "vars: {{n: 1, m: 1}}\nstages:\n  a: {{command: {{cmd: 'mkdir -p d/sub; echo ${{n}} > d/sub/a.txt', outs: [d]}}}}\n{reader}"
    ))
}

#[test]
fn a_forecast_reads_the_out_that_would_be_restored() {
    let project = project(
        "vars: {n: 1}
stages:
  a: {command: {cmd: 'echo ${n} > a.txt', outs: [a.txt]}}
  m: {command: {cmd: 'echo ${n} > ${outputs.o}', outputs: {o: {type: files}}}}
  b: {command: {cmd: 'cat a.txt ${inputs.o}/o > b.txt', inputs: {o: m}, deps: [a.txt], outs: [b.txt]}}
",
    );
    holds(&project, &[], &[("a", "run"), ("m", "run"), ("b", "m")]);
    holds(
        &project,
        &["--set", "n=2"],
        &[("a", "run"), ("m", "run"), ("b", "m")],
    );
    holds(
        &project,
        &["--set", "n=1"],
        &[("a", "cached"), ("m", "cached"), ("b", "cached")],
    );
}

#[test]
fn a_forecast_says_run_where_the_restored_out_is_new_to_its_reader() {
    let project = project(
        "vars: {n: 1, m: 1}
stages:
  a: {command: {cmd: 'echo ${n} > a.txt', outs: [a.txt]}}
  b: {command: {cmd: '(echo ${m}; cat a.txt) > b.txt', deps: [a.txt], outs: [b.txt]}}
",
    );
    holds(&project, &[], &[("a", "run"), ("b", "a")]);
    holds(
        &project,
        &["--set", "n=2", "--set", "m=2"],
        &[("a", "run"), ("b", "a")],
    );
    // The workspace holds the second content, of which `b` has a result: the first is what it will read.
    holds(
        &project,
        &["--set", "m=2"],
        &[("a", "cached"), ("b", "run")],
    );
}

#[test]
fn a_forecast_follows_outs_through_many_cached_stages() {
    let mut stages =
        "vars: {n: 1}\nstages:\n  s0: {command: {cmd: 'echo ${n} > 0.txt', outs: [0.txt]}}\n"
            .to_owned();
    for at in 1..6 {
        let before = at - 1;
        stages += &format!(
            "  s{at}: {{command: {{cmd: 'cat {before}.txt > {at}.txt', deps: [{before}.txt], outs: [{at}.txt]}}}}\n"
        );
    }
    let project = project(&stages);
    let all = |said: [&'static str; 6]| {
        ["s0", "s1", "s2", "s3", "s4", "s5"]
            .into_iter()
            .zip(said)
            .collect::<Vec<_>>()
    };
    let first = all(["run", "s0", "s0", "s0", "s0", "s0"]);
    holds(&project, &[], &first);
    holds(&project, &["--set", "n=2"], &first);
    holds(&project, &[], &all(["cached"; 6]));
    for at in 0..6 {
        fs::remove_file(project.path(&format!("{at}.txt"))).unwrap();
    }
    holds(&project, &["--set", "n=2"], &all(["cached"; 6]));
}

#[test]
fn a_forecast_follows_folders_patterns_and_links_to_outs() {
    for read in [
        "d",
        "d/sub",
        "d/sub/a.txt",
        "d/*",
        "d/**/*.txt",
        "d/sub/[a]*",
    ] {
        let project = chain(&format!(
            "  b: {{command: {{cmd: 'find d -type f | sort | xargs cat > b.txt; echo ${{m}}', deps: ['{read}'], outs: [b.txt]}}}}\n"
        ));
        let fresh = [("a", "run"), ("b", "a")];
        holds(&project, &[], &fresh);
        holds(&project, &["--set", "n=2"], &fresh);
        holds(&project, &[], &[("a", "cached"), ("b", "cached")]);
        holds(
            &project,
            &["--set", "n=2", "--set", "m=2"],
            &[("a", "cached"), ("b", "run")],
        );
        fs::remove_dir_all(project.path("d")).unwrap();
        holds(
            &project,
            &["--set", "m=2"],
            &[("a", "cached"), ("b", "run")],
        );
    }
    let project = chain(
        "  b: {command: {cmd: 'cat link > b.txt; echo ${m}', deps: [link], outs: [b.txt]}, needs: [a]}\n",
    );
    std::os::unix::fs::symlink("d/sub/a.txt", project.path("link")).unwrap();
    project.write("d/sub/a.txt", "1\n");
    project.done(&["run", "--force"]);
    holds(&project, &["--set", "n=2"], &[("a", "run"), ("b", "a")]);
    holds(&project, &[], &[("a", "cached"), ("b", "cached")]);
    holds(
        &project,
        &["--set", "n=2", "--set", "m=2"],
        &[("a", "cached"), ("b", "run")],
    );
}

#[test]
fn a_forecast_follows_scripts_and_tools_that_earlier_stages_write() {
    let project = project(
        "vars: {n: 1, m: 1}
stages:
  a: {command: {cmd: 'printf \"#!/bin/sh\\necho ${n}\\n\" > made.sh; chmod +x made.sh', outs: [made.sh]}}
  script: {command: {cmd: 'sh made.sh > s.txt; echo ${m}', outs: [s.txt]}, needs: [a]}
  tool: {command: {cmd: 'true ${m} > t.txt', tools: [./made.sh], outs: [t.txt]}, needs: [a]}
",
    );
    let fresh = [("a", "run"), ("script", "a"), ("tool", "a")];
    holds(&project, &[], &fresh);
    holds(&project, &["--set", "n=2"], &fresh);
    let cached = [("a", "cached"), ("script", "cached"), ("tool", "cached")];
    holds(&project, &[], &cached);
    fs::remove_file(project.path("made.sh")).unwrap();
    holds(&project, &["--set", "n=2"], &cached);
    let others = [("a", "cached"), ("script", "run"), ("tool", "run")];
    holds(&project, &["--set", "m=3"], &others);
}

#[test]
fn a_forecast_knows_what_only_comes_after_a_stage_that_runs() {
    let project = project(
        "vars: {n: 1}
stages:
  a: {command: {cmd: 'echo ${n} > a.txt', outs: [a.txt]}}
  near: {command: {cmd: 'cat in.txt > near.txt', deps: [in.txt], outs: [near.txt]}, needs: [a]}
  far: {command: {cmd: 'cat *.json > far.txt', deps: ['*.json'], outs: [far.txt]}, needs: [near]}
",
    );
    project.write("in.txt", "1");
    project.write("x.json", "1");
    holds(
        &project,
        &[],
        &[("a", "run"), ("near", "run"), ("far", "run")],
    );
    holds(
        &project,
        &["--set", "n=2"],
        &[("a", "run"), ("near", "cached"), ("far", "cached")],
    );
    project.write("in.txt", "2");
    holds(
        &project,
        &["--set", "n=3"],
        &[("a", "run"), ("near", "run"), ("far", "cached")],
    );
}

#[test]
fn a_forecast_says_what_force_and_missing_cache_make_of_readers() {
    let project = chain(
        "  b: {command: {cmd: 'cat d/sub/a.txt > b.txt', deps: [d], outs: [b.txt]}}
  c: {command: {cmd: 'cat b.txt > c.txt', deps: [b.txt], outs: [c.txt]}}
  always: {command: {cmd: 'cat c.txt', deps: [c.txt]}, cache: false}
",
    );
    let run = [("a", "run"), ("b", "a"), ("c", "a"), ("always", "run")];
    holds(&project, &[], &run);
    holds(
        &project,
        &["--force=b"],
        &[("a", "cached"), ("b", "run"), ("c", "b"), ("always", "run")],
    );
    fs::remove_file(project.path("c.txt")).unwrap();
    holds(
        &project,
        &[],
        &[
            ("a", "cached"),
            ("b", "cached"),
            ("c", "cached"),
            ("always", "run"),
        ],
    );
    holds(&project, &["--force", "--downstream", "a"], &run);
    let forced = ["a", "b", "c", "always"].map(|it| (it, "run"));
    holds(&project, &["--force"], &forced);
}

#[test]
fn a_forecast_says_that_stages_may_share_a_result() {
    let project = project(
        "vars: {n: 1}
stages:
  a: {command: {cmd: 'echo ${n} > ${outputs.o}', outputs: {o: {type: files}}}}
  z: {command: {cmd: 'echo ${n} > ${outputs.o}', outputs: {o: {type: files}}}}
",
    );
    holds(&project, &[], &[("a", "run"), ("z", "a")]);
    holds(&project, &[], &[("a", "cached"), ("z", "cached")]);
}

#[test]
fn a_forecast_says_that_it_depends_on_a_version_which_only_a_run_asks() {
    let project = project(
        "vars: {n: 1}\nstages:\n  a: {command: {cmd: 'echo ${n} > a.txt', tools: [told], outs: [a.txt]}}\n",
    );
    let programs = tempfile::tempdir().unwrap();
    let tool = programs.path().join("told");
    let version = |text: &str| {
        let _ = fs::remove_file(&tool);
        fs::write(&tool, format!("#!/bin/sh\necho {text}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&tool, mode).unwrap();
    };
    let pipe = |words: &[&str]| {
        let path = format!(
            "{}:{}",
            programs.path().display(),
            std::env::var("PATH").unwrap()
        );
        let output = project.command(words).env("PATH", path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    version("1");
    assert!(
        pipe(&["status"]).contains("never run"),
        "no result could be the one"
    );
    pipe(&["run"]);
    assert!(pipe(&["status"]).contains("nothing to do"));
    version("1 as ever, in a longer file # …");
    let status = pipe(&["status"]);
    assert!(
        status.contains("depends on the version of `told`"),
        "{status}"
    );
    let status = pipe(&["status", "--set", "n=2"]);
    assert!(status.contains("a  run "), "{status}");
    assert!(
        !status.contains("tool"),
        "the version may be what it was: {status}"
    );
    pipe(&["run"]);
    assert!(pipe(&["status"]).contains("nothing to do"));
}
