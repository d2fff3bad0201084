//! Stages that are executed again under an equal key: other bytes are told and remembered, and `run --check` compares on purpose.

use crate::{
    rot::{COMMANDS, commands, done, pipe, result, workers},
    steered::Steered,
};

const IRREPRODUCIBLE: &str = "
  fit:
    command: {cmd: 'echo same > ${outputs.o}/a; date +%s%N > ${outputs.o}/b; cp ${outputs.o}/b out.txt', outputs: {o: {type: files}}, outs: [out.txt]}
  other:
    command: {cmd: 'mkdir -p made; echo same > made/x', outs: [made]}
";

fn irreproducible() -> Steered {
    commands(&IRREPRODUCIBLE.replace(
        "echo same > ${outputs.o}/a",
        "mkdir -p ${outputs.o}; echo same > ${outputs.o}/a",
    ))
}

#[test]
fn a_forced_stage_that_makes_other_bytes_is_told_and_remembered() {
    let steered = irreproducible();
    done(&steered, &["run"]);
    let forced = done(&steered, &["run", "--force", "-v"]);
    assert!(
        forced
            .out
            .contains("it is not reproducible: `o/b`, `out.txt` have other bytes"),
        "{forced}"
    );
    assert_eq!(
        forced.out.matches("not reproducible").count(),
        1,
        "{forced}"
    );
    let explained = done(&steered, &["explain", "fit"]);
    assert!(
        explained
            .out
            .contains("it is not reproducible: `o/b`, `out.txt`"),
        "{explained}"
    );
    let explained = done(&steered, &["explain", "other"]);
    assert!(!explained.out.contains("reproducible"), "{explained}");
}

#[test]
fn run_check_compares_and_keeps_the_result() {
    let steered = irreproducible();
    done(&steered, &["run"]);
    let before = (result(&steered, "fit"), steered.project.read("out.txt"));
    let check = pipe(&steered, &["run", "--check", "fit"]);
    assert_eq!(check.code, Some(1), "{check}");
    assert!(
        check
            .out
            .contains("it is not reproducible: `o/b`, `out.txt` have other bytes"),
        "{check}"
    );
    assert_eq!(
        (result(&steered, "fit"), steered.project.read("out.txt")),
        before
    );
    assert!(done(&steered, &["run"]).out.contains("2 cached"));
    let explained = done(&steered, &["explain", "fit"]);
    assert!(
        explained.out.contains("it is not reproducible"),
        "{explained}"
    );

    let check = done(&steered, &["run", "--check", "other", "-v"]);
    assert!(check.out.contains("it is reproducible"), "{check}");
    assert_eq!(steered.project.read("made/x"), "same\n");
    done(&steered, &["run"]);
}

#[test]
fn run_check_compares_what_workers_make() {
    let steered = workers();
    done(&steered, &["run"]);
    let check = done(
        &steered,
        &[
            "run", "--check", "fit", "--check", "score", "--format", "json",
        ],
    );
    assert_eq!(check.stages("stage_started"), ["fit", "score"], "{check}");
    assert_eq!(
        check.stages("stage_cached"),
        ["prepare", "fit", "score"],
        "{check}"
    );
    assert_eq!(check.stages("stage_done"), [""; 0], "{check}");
}

#[test]
fn run_check_of_a_stage_without_a_result_says_so() {
    let steered = commands(COMMANDS);
    let check = pipe(&steered, &["run", "--check", "table"]);
    assert_eq!(check.code, Some(1), "{check}");
    assert!(
        check
            .out
            .contains("it has no result to be compared with: never run"),
        "{check}"
    );
    let unknown = pipe(&steered, &["run", "--check", "nothing"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
}
