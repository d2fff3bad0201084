//! Looking after a store as its users do: how much it holds, whether that is whole, what may go.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::project::Project;

const SPEC: &str = "version: 1
name: upkeep
vars: {n: 1}
stages:
  large:
    command: {cmd: '(yes ${n} || true) | head -c 50000 > ${outputs.o}', outputs: {o: {type: files}}}
";

/// Results of four values, one after another.
fn four_runs() -> Project {
    let project = Project::new();
    project.write("pipe.yaml", SPEC);
    for n in 1..=4 {
        project.done(&["run", "--set", &format!("n={n}")]);
    }
    project
}

fn is_cached(project: &Project, n: u32) -> bool {
    let set = format!("n={n}");
    let answer = project.done(&["status", "--set", &set]);
    answer.out.contains("cached")
}

#[test]
fn gc_stops_at_the_size_it_is_given_and_says_where_that_leads() {
    let project = four_runs();
    let words = ["gc", "--keep-runs", "1", "--max-size", "170kB"];
    let would = project.done(&[&words[..], &["--dry-run"]].concat());
    assert!(would.out.contains("that would leave 1"), "{would}");
    assert!((1..=4).all(|n| is_cached(&project, n)));
    let did = project
        .done(&[&words[..], &["--format", "json"]].concat())
        .json();
    assert_eq!(did["results"], 1, "{did}");
    assert!(did["left"].as_u64().unwrap() <= 170_000, "{did}");
    let cached = [1, 2, 3, 4].map(|n| is_cached(&project, n));
    assert_eq!(cached, [false, true, true, true]);

    let all = project.done(&["gc", "--keep-runs", "1", "--max-size", "1kB"]);
    assert!(all.out.contains("hint: that is more than 1.0 kB"), "{all}");
    let cached = [1, 2, 3, 4].map(|n| is_cached(&project, n));
    assert_eq!(cached, [false, false, false, true]);
    let without = project.done(&["gc", "--format", "json"]).json();
    assert_eq!(without["left"], Value::Null);
}

#[test]
fn a_span_or_a_size_that_is_none_is_refused_with_one_that_is() {
    let project = four_runs();
    for (words, hint) in [
        (["--max-size", "20 gigs"], "`500MB`, `20GB`"),
        (["--older-than", "long"], "`12h`, `30d`"),
    ] {
        let answer = project.pipe(&[&["gc"], &words[..]].concat());
        assert_eq!(answer.code, Some(2), "{answer}");
        assert!(answer.err.contains(hint), "{answer}");
    }
}

#[test]
fn verify_tells_each_damage_once_and_can_be_asked_of_one_run() {
    let project = four_runs();
    let runs = project.done(&["runs", "--format", "json"]).json();
    let [fourth, third] = [0, 1].map(|at| runs[at]["run"].as_str().unwrap().to_owned());
    let object = fs::canonicalize(project.path("artifacts/current/large")).unwrap();
    let file = object.join("o");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "other").unwrap();

    let whole = project.done(&["verify", &third]);
    assert!(
        whole.out.contains("whole  1 result (50 kB) and 1 record"),
        "{whole}"
    );
    let damaged = project.pipe(&["verify", &fourth]);
    assert_eq!(damaged.code, Some(1), "{damaged}");
    assert!(
        damaged.out.contains("(of large): `o` is not what it was"),
        "{damaged}"
    );
    assert!(
        damaged
            .out
            .contains("was set aside in artifacts/quarantine"),
        "{damaged}"
    );
    // Nothing of it is left to be damaged.
    let all = project.done(&["verify"]);
    assert!(
        all.out
            .contains("set aside 1 record of results that were found damaged before"),
        "{all}"
    );
    assert!(all.out.contains("whole  3 results"), "{all}");
    let missing = project.pipe(&["verify", &fourth]);
    assert!(missing.out.contains("output `o` is gone"), "{missing}");
    assert!(
        missing.out.contains("hint: `pipe run` makes it again"),
        "{missing}"
    );

    let run = project.done(&["run", "--set", "n=4"]);
    assert!(run.out.contains("its record was removed"), "{run}");
    project.done(&["verify", &fourth]);
    let unknown = project.pipe(&["verify", &fourth[..fourth.len() - 1]]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.err.contains("did you mean"), "{unknown}");
}

#[test]
fn cache_tells_what_takes_room_and_how_often_it_was_used_again() {
    let project = four_runs();
    project.done(&["run", "--set", "n=2"]);
    let cache = project.done(&["cache"]);
    let words = |start: &str| -> Vec<String> {
        let line = cache.out.lines().find(|it| it.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("{start}: {cache}"));
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words("command"), ["command", "4", "200", "kB"]);
    let large = words("large");
    assert_eq!(large[..7], ["large", "command", "4", "200", "kB", "4", "1"]);
    assert!(
        cache.out.contains("reused in 5 runs: 1 of 5 results (20%)"),
        "{cache}"
    );

    let all = project.done(&["cache", "--format", "json"]).json();
    assert_eq!(all["kinds"]["command"]["bytes"], 200_000);
    assert_eq!((&all["ran"], &all["reused"]), (&4.into(), &1.into()));
    // The index is made anew from the logs, whatever became of it.
    fs::write(project.path("artifacts/pipe.db"), "zeros and worse").unwrap();
    let again = project.done(&["cache", "--format", "json"]).json();
    assert_eq!(again["stages"], all["stages"]);
}
