//! Runs end to end with the fake worker: what runs and what does not, and what survives which death.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use crate::{
    project::Answer,
    steered::{SPEC, Steered, end_with_signal, failure, is_alive, number_in, wait_for},
    workers,
};

#[test]
fn second_run_is_cached_and_starts_no_worker() {
    let steered = Steered::new(SPEC);
    let first = steered.run(&[]);
    assert_eq!(first.code, Some(0), "{first}");
    assert_eq!(
        first.stages("stage_done"),
        ["prepare", "fit", "score", "bundle"]
    );
    // A worker that cannot be started would be noticed.
    let worker = fs::read(steered.path("worker.sh")).unwrap();
    let stat = fs::metadata(steered.path("worker.sh")).unwrap();
    fs::set_permissions(steered.path("worker.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    let second = steered.run(&[]);
    assert_eq!(second.code, Some(0), "{second}");
    assert_eq!(second.stages("stage_cached").len(), 4, "{second}");
    assert!(second.stages("stage_started").is_empty());
    assert_eq!(worker.len() as u64, stat.len());
}

#[test]
fn a_comment_and_an_unused_var_run_nothing() {
    let steered = Steered::new(SPEC);
    steered.run(&[]);
    steered.project.edit(
        "pipe.yaml",
        "vars: {seed: 7}",
        "vars: {seed: 7, other: 1} # why",
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_cached").len(), 4, "{answer}");
}

#[test]
fn changed_seed_reruns_training_and_what_reads_its_changed_output() {
    let steered = Steered::new(SPEC);
    steered.run(&[]);
    let answer = steered.run(&["--set", "seed=8"]);
    assert_eq!(answer.stages("stage_cached"), ["prepare"], "{answer}");
    assert_eq!(answer.stages("stage_done"), ["fit", "score", "bundle"]);
    let reason = answer
        .lines()
        .iter()
        .find(|it| it["event"]["stage_started"]["stage"] == "fit")
        .unwrap()["event"]["stage_started"]["reasons"][0]["changed"]
        .clone();
    assert_eq!(reason["part"], "config.seed");
    assert_eq!((&reason["old"], &reason["new"]), (&7.into(), &8.into()));
}

#[test]
fn a_result_of_any_machine_names_the_one_that_made_it() {
    let spec = SPEC.replace(
        "seed: \"${seed}\"\n",
        "seed: \"${seed}\"\n    reuse: any_machine\n",
    );
    let steered = Steered::new(&spec);
    let answer = steered.run(&[]);
    let lines = answer.lines();
    let record = |stage: &str| {
        let done = lines
            .iter()
            .map(|it| &it["event"]["stage_done"])
            .find(|it| it["stage"] == stage);
        done.unwrap_or_else(|| panic!("{answer}"))["record"].clone()
    };
    let class = |stage: &str| record(stage)["observed"]["environment"]["cpu_capability"].clone();
    assert_eq!(
        (class("fit"), class("score")),
        ("FAKE".into(), "FAKE".into())
    );
    assert!(record("fit")["parts"].get("environment").is_none());
    assert_eq!(record("score")["parts"]["environment"]["threads"], 1);
    assert!(record("prepare")["parts"].get("environment").is_none());
}

#[test]
fn a_changed_test_part_does_not_train_again() {
    let steered = Steered::new(SPEC);
    steered.run(&[]);
    steered.project.write("test.csv", "x,y\n2,other\n");
    let answer = steered.run(&[]);
    assert_eq!(
        answer.stages("stage_done"),
        ["prepare", "score", "bundle"],
        "{answer}"
    );
    assert_eq!(answer.stages("stage_cached"), ["fit"]);
}

#[test]
fn an_unchanged_output_cuts_off_what_is_below() {
    let steered = Steered::new(
        r"
version: 1
name: cut
stages:
  first:
    command: {cmd: 'tr -d \# < in.txt > ${outputs.text}', deps: [in.txt], outputs: {text: {type: files}}}
  second:
    command: {cmd: 'cat ${inputs.text}/text > ${outputs.copy}', inputs: {text: first}, outputs: {copy: {type: files}}}
",
    );
    steered.project.write("in.txt", "content");
    let first = steered.run(&[]);
    assert_eq!(first.code, Some(0), "{first}");
    steered.project.write("in.txt", "#content");
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_done"), ["first"], "{answer}");
    assert_eq!(answer.stages("stage_cached"), ["second"]);
}

#[test]
fn a_killed_runner_leaves_no_process_and_the_next_run_goes_on() {
    let steered = Steered::new(SPEC);
    let grandchild = steered.path("grandchild");
    steered.steer(&serde_json::json!({
        "train": {"sleep_ms": 60000, "grandchild": grandchild, "checkpoint": "starts"}
    }));
    let child = steered.start(&[]);
    let pid = number_in(&grandchild);
    assert!(is_alive(pid));
    let killed = end_with_signal(child, "KILL");
    assert_eq!(killed.code, None);
    wait_for("the grandchild's end", || !is_alive(pid));
    let worker = workers::fake().to_str().unwrap();
    wait_for("the workers' end", || {
        !commands_with(&steered.path("worker.sh"))
            .iter()
            .any(|it| it.contains(worker))
    });

    steered.steer(&serde_json::json!({"train": {"checkpoint": "starts"}}));
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(answer.stages("stage_cached"), ["prepare"], "{answer}");
    assert_eq!(answer.stages("stage_done"), ["fit", "score", "bundle"]);
    let done = answer.lines();
    let fit = done
        .iter()
        .find(|it| it["event"]["stage_done"]["stage"] == "fit")
        .unwrap();
    // The killed attempt's checkpoint was found.
    assert_eq!(
        fit["event"]["stage_done"]["record"]["observed"]["metrics"]["resumed"],
        2.0
    );
}

/// Command lines of processes that have this path in their environment.
fn commands_with(path: &Path) -> Vec<String> {
    let path = path.to_str().unwrap();
    let read = |pid: &str, what: &str| {
        String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default())
            .into_owned()
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|it| it.file_name().into_string().ok())
        .filter(|pid| pid.parse::<i32>().is_ok_and(is_alive))
        .filter(|pid| read(pid, "environ").contains(path.trim_end_matches("worker.sh")))
        .map(|pid| read(&pid, "cmdline"))
        .collect()
}

#[test]
fn a_worker_that_dies_fails_with_its_signal_and_is_retried_where_asked() {
    let steered = Steered::new(SPEC);
    steered.steer(&serde_json::json!({"train": {"signal": 9}}));
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let failed = failure(&answer, "fit");
    assert_eq!(failed["kind"]["signal"], 9, "{failed}");
    assert!(
        failed["message"].as_str().unwrap().contains("SIGKILL"),
        "{failed}"
    );
    assert_eq!(failed["tail"][0], "fake worker: train", "{failed}");
    assert_eq!(answer.stages("stage_skipped"), ["score", "bundle"]);

    steered.project.edit(
        "pipe.yaml",
        "      seed: \"${seed}\"\n",
        "      seed: \"${seed}\"\n    retries: 1\n",
    );
    steered.steer(&serde_json::json!({
        "train": {"signal": 9, "times": 1, "counter": steered.path("count")}
    }));
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(answer.stages("stage_retried"), ["fit"]);
    assert_eq!(answer.stages("stage_done"), ["fit", "score", "bundle"]);
}

#[test]
fn wrong_answers_and_panics_are_not_retried() {
    let spec = SPEC.replace("seed: \"${seed}\"\n", "seed: \"${seed}\"\n    retries: 3\n");
    let steered = Steered::new(&spec);
    steered.steer(&serde_json::json!({"train": {"fail": "wrong"}}));
    let answer = steered.run(&[]);
    assert!(answer.stages("stage_retried").is_empty(), "{answer}");
    assert_eq!(failure(&answer, "fit")["kind"], "wrong");
    steered.steer(&serde_json::json!({"train": {"panic": true}}));
    let answer = steered.run(&[]);
    assert!(answer.stages("stage_retried").is_empty(), "{answer}");
    let failed = failure(&answer, "fit");
    assert_eq!(failed["kind"], "bug");
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("asked to panic"),
        "{failed}"
    );
}

#[test]
fn a_worker_without_output_fails_and_nothing_is_kept() {
    let steered = Steered::new(SPEC);
    steered.steer(&serde_json::json!({"train": {"no_output": true}}));
    let answer = steered.run(&[]);
    assert_eq!(failure(&answer, "fit")["kind"], "output", "{answer}");
    steered.steer(&serde_json::json!({}));
    let answer = steered.run(&[]);
    assert_eq!(
        answer.stages("stage_done"),
        ["fit", "score", "bundle"],
        "{answer}"
    );
}

#[test]
fn a_worker_that_cannot_be_started_is_named() {
    let steered = Steered::new(SPEC);
    let mut command = steered.command(&[]);
    command.env("PIPE_WORKER", steered.path("nowhere"));
    let answer = Answer::new(&command.output().unwrap(), Duration::ZERO);
    let failed = failure(&answer, "prepare");
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("could not be started"),
        "{failed}"
    );
    assert!(
        failed["hint"].as_str().unwrap().contains("nowhere"),
        "{failed}"
    );
}

#[test]
fn two_runs_at_once_execute_each_key_once() {
    let steered = Steered::new(SPEC);
    let journal = steered.path("journal");
    let behaviour = serde_json::json!({"journal": journal, "sleep_ms": 300});
    steered.steer(&serde_json::json!({
        "preprocess": behaviour, "train": behaviour, "evaluate": behaviour, "package": behaviour
    }));
    let runs = [steered.start(&[]), steered.start(&[])];
    let answers: Vec<Answer> = runs
        .into_iter()
        .map(|it| Answer::new(&it.wait_with_output().unwrap(), Duration::ZERO))
        .collect();
    for answer in &answers {
        assert_eq!(answer.code, Some(0), "{answer}");
    }
    assert_eq!(
        steered.journal(),
        ["preprocess", "train", "evaluate", "package"]
    );
    let waited: usize = answers
        .iter()
        .map(|it| it.stages("stage_waiting").len())
        .sum();
    assert!(waited > 0, "{}", answers[0]);
}
