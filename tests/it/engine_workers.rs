//! Worker processes end to end: stopping, fresh ones, conversions, and the death of those who watch over them.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    project::Answer,
    steered::{SPEC, Steered, children_of, end_with_signal, failure, is_alive, send, wait_for},
};

/// Waits until the training of a run has begun.
fn wait_for_training(steered: &Steered) {
    wait_for("the training", || {
        steered.journal().iter().any(|it| it == "train")
    });
}

fn steer_training(steered: &Steered, more: &serde_json::Value) {
    let mut behaviour = json!({"journal": steered.path("journal")});
    for (name, value) in more.as_object().unwrap() {
        behaviour[name] = value.clone();
    }
    steered.steer(&json!({"train": behaviour}));
}

#[test]
fn an_interrupted_training_is_asked_to_stop_and_keeps_its_checkpoint() {
    let steered = Steered::new(SPEC);
    steer_training(
        &steered,
        &json!({"until_stop_ms": 60000, "checkpoint": "starts"}),
    );
    let child = steered.start(&[]);
    wait_for_training(&steered);
    let answer = end_with_signal(child, "INT");
    assert_eq!(answer.code, Some(130), "{answer}");
    assert!(answer.seconds < 5.0, "{}", answer.seconds);
    let failed = failure(&answer, "fit");
    assert_eq!(failed["kind"], "interrupted");
    assert!(
        failed["message"].as_str().unwrap().contains("checkpoint"),
        "{failed}"
    );
    steer_training(&steered, &json!({"checkpoint": "starts"}));
    let answer = steered.run(&[]);
    let lines = answer.lines();
    let fit = lines
        .iter()
        .map(|it| &it["event"]["stage_done"])
        .find(|it| it["stage"] == "fit")
        .unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(fit["record"]["observed"]["metrics"]["resumed"], 2.0);
}

#[test]
fn a_forced_training_begins_without_checkpoints() {
    let steered = Steered::new(SPEC);
    steer_training(&steered, &json!({"checkpoint": "starts", "fail": "wrong"}));
    assert_eq!(steered.run(&[]).code, Some(1));
    steer_training(&steered, &json!({"checkpoint": "starts"}));
    let answer = steered.run(&["--force=fit"]);
    let lines = answer.lines();
    let fit = lines
        .iter()
        .map(|it| &it["event"]["stage_done"])
        .find(|it| it["stage"] == "fit")
        .unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(fit["record"]["observed"]["metrics"]["resumed"], 1.0);
}

#[test]
fn a_stage_with_variables_of_its_own_gets_a_fresh_worker_that_sees_them() {
    let spec = SPEC.replace(
        "seed: \"${seed}\"\n",
        "seed: \"${seed}\"\n    env: {FAKE: '{\"fail\": \"wrong\"}'}\n    secrets: [TOKEN]\n",
    );
    let steered = Steered::new(&spec);
    let mut command = steered.command(&[]);
    command.env("TOKEN", "worker");
    let answer = Answer::new(&command.output().unwrap(), Duration::ZERO);
    let failed = failure(&answer, "fit");
    assert_eq!(failed["message"], "asked to fail: wrong", "{failed}");
    // What it said is in its log, without the secret.
    assert_eq!(failed["tail"][0], "fake ***: train", "{failed}");

    let answer = steered.run(&[]);
    assert_eq!(
        failure(&answer, "fit")["message"],
        "the secret `TOKEN` is not set"
    );
}

#[test]
fn a_command_gets_a_part_as_csv() {
    let spec = format!(
        "{SPEC}  rows:
    command:
      cmd: cat ${{inputs.one}} ${{inputs.two}} > ${{outputs.copy}}
      inputs:
        one: {{from: prepare.test, as: csv}}
        two: {{from: prepare.test, as: csv}}
      outputs: {{copy: {{type: files}}}}
"
    );
    let steered = Steered::new(&spec);
    let journal = steered.path("journal");
    steered.steer(&json!({"convert": {"journal": journal}}));
    let answer = steered.run(&["rows"]);
    assert_eq!(answer.code, Some(0), "{answer}");
    let text = steered.project.read("artifacts/current/rows/copy");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("row,rows\n"), "{text}");
    assert_eq!(steered.journal(), ["convert"]);
}

#[test]
fn a_zygote_that_is_killed_costs_one_attempt() {
    let spec = SPEC.replace("seed: \"${seed}\"\n", "seed: \"${seed}\"\n    retries: 1\n");
    let steered = Steered::new(&spec);
    let counter = steered.path("count");
    steer_training(
        &steered,
        &json!({"sleep_ms": 60000, "times": 1, "counter": counter}),
    );
    let child = steered.start(&[]);
    wait_for_training(&steered);
    let supervisor = children_of(child.id() as i32)[0].0;
    let zygote = children_of(supervisor)
        .into_iter()
        .find(|(_, words)| words.contains("zygote"))
        .unwrap()
        .0;
    let orphans = children_of(zygote);
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    send(&zygote.to_string(), "KILL");
    let answer = Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(answer.stages("stage_retried"), ["fit"]);
    wait_for("the orphan's end", || !is_alive(orphans[0].0));
}

#[test]
fn a_supervisor_that_is_killed_fails_what_runs_and_leaves_nothing() {
    let steered = Steered::new(SPEC);
    steer_training(&steered, &json!({"sleep_ms": 60000}));
    let child = steered.start(&[]);
    wait_for_training(&steered);
    let supervisor = children_of(child.id() as i32)[0].0;
    let mut below = children_of(supervisor);
    for (pid, _) in below.clone() {
        below.extend(children_of(pid));
    }
    assert!(below.len() >= 2, "{below:?}");
    send(&supervisor.to_string(), "KILL");
    let answer = Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert!(
        failure(&answer, "fit")["message"]
            .as_str()
            .unwrap()
            .contains("lost"),
        "{answer}"
    );
    for (pid, words) in below {
        wait_for(&words, || !is_alive(pid));
    }
}

#[test]
fn a_worker_that_cannot_load_shows_what_it_said() {
    let steered = Steered::new(SPEC);
    assert_eq!(steered.run(&["prepare"]).code, Some(0));
    fs::write(
        steered.path("worker.sh"),
        "#!/bin/sh\necho 'libfake.so: cannot open shared object file' >&2\nexit 127\n",
    )
    .unwrap();
    steered.project.write("train.csv", "x,y\n3,new\n");
    let answer = steered.run(&["prepare"]);
    let failed = failure(&answer, "prepare");
    assert!(
        failed["tail"].to_string().contains("libfake.so"),
        "{failed}"
    );
    assert!(
        failed["message"].as_str().unwrap().contains("code 127"),
        "{failed}"
    );
}
