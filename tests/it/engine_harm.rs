//! Runs that meet what they must not stumble over: interrupts at bad moments, odd outputs, processes that will not go.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    project::Answer,
    steered::{
        SPEC, Steered, children_of, end_with_signal, failure, is_alive, number_in, send, wait_for,
    },
};

fn commands(stages: &str) -> Steered {
    Steered::new(&format!("version: 1\nname: commands\nstages:\n{stages}"))
}

#[test]
fn an_interrupt_during_the_first_probe_ends_the_run() {
    let steered = Steered::new(SPEC);
    let begun = steered.path("grandchild");
    steered.steer(&json!({"probe": {"grandchild": begun, "sleep_ms": 60000}}));
    let child = steered.start(&[]);
    number_in(&begun);
    let answer = end_with_signal(child, "TERM");
    assert_eq!(answer.code, Some(130), "{answer}");
    assert!(answer.seconds < 30.0, "{}", answer.seconds);
    assert_eq!(answer.stages("stage_skipped").len(), 4, "{answer}");
}

#[test]
fn a_run_that_does_not_hear_an_interrupt_is_ended_by_the_next() {
    let steered = commands(
        r"
  large:
    command: {cmd: 'true', deps: [large.bin]}
",
    );
    // Zeros that take no room on disk, and minutes to read.
    let file = fs::File::create(steered.path("large.bin")).unwrap();
    file.set_len(200 << 30).unwrap();
    let child = steered.start(&[]);
    wait_for("the beginning", || {
        fs::read_dir(steered.path("artifacts/log/runs")).is_ok_and(|it| it.count() > 0)
    });
    std::thread::sleep(Duration::from_millis(200));
    send(&child.id().to_string(), "INT");
    std::thread::sleep(Duration::from_millis(700));
    let answer = end_with_signal(child, "INT");
    assert_eq!(answer.code, Some(130), "{answer}");
    assert!(!answer.out.contains("run_finished"), "{answer}");
}

#[test]
fn a_pipe_in_the_place_of_a_report_or_of_metrics_is_refused_and_not_waited_for() {
    let steered = commands(
        r"
  report:
    command: {cmd: 'mkfifo ${outputs.r}', outputs: {r: {type: report}}}
  numbers:
    command: {cmd: 'mkfifo m.json', outs: [m.json], metrics: [m.json]}
  live:
    command: {cmd: 'mkfifo $PIPE_METRICS'}
",
    );
    let answer = steered.run(&["--keep-going"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let text = |stage: &str| failure(&answer, stage)["message"].to_string();
    assert!(text("report").contains("neither a file nor a folder"));
    assert!(text("numbers").contains("is a named pipe"));
    assert_eq!(answer.stages("stage_done"), ["live"], "{answer}");
}

#[test]
fn an_output_that_is_a_link_to_a_folder_leaves_that_folder_alone() {
    let steered = commands(
        r"
  linked:
    command: {cmd: 'mkdir real; echo 1 > real/a; ln -s $PWD/real ${outputs.x}', outputs: {x: {type: files}}}
",
    );
    assert_eq!(steered.run(&[]).code, Some(0));
    steered.project.write("real/a", "mine");
    assert_eq!(steered.run(&[]).stages("stage_cached"), ["linked"]);
    assert_eq!(steered.project.read("artifacts/current/linked/a"), "1\n");
}

#[test]
fn no_live_metric_is_lost_however_many_there_are_and_however_the_last_one_ends() {
    let steered = commands(
        r#"
  many:
    command:
      cmd: |
        (yes '{"name": "loss", "value": 1}' || true) | head -n 60000 > all
        printf '{"name": "last", "value": 2}' >> all
        cat all > $PIPE_METRICS
"#,
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_metric").len(), 60001, "{}", answer.err);
    let lines = answer.lines();
    let done = lines.iter().find_map(|it| it["event"].get("stage_done"));
    let metrics = &done.unwrap()["record"]["observed"]["metrics"];
    assert_eq!(metrics["last"], 2.0, "{metrics}");
}

#[test]
fn what_a_forked_worker_left_in_a_session_of_its_own_ends_with_the_stage() {
    let steered = Steered::new(SPEC);
    let left = steered.path("grandchild");
    steered.steer(&json!({"train": {"grandchild": left, "signal": 9}}));
    // Another stage goes on meanwhile, so that the run's end comes later.
    steered.project.edit(
        "pipe.yaml",
        "  score:\n",
        "  slow:\n    command: {cmd: 'sleep 60'}\n  score:\n",
    );
    let child = steered.start(&["--keep-going", "--jobs", "2"]);
    let pid = number_in(&left);
    wait_for("its end", || !is_alive(pid));
    assert!(is_alive(child.id() as i32));
    let answer = end_with_signal(child, "INT");
    assert_eq!(answer.code, Some(130), "{answer}");
}

#[test]
fn a_supervisor_that_is_killed_leaves_no_grandchild_of_a_command() {
    let steered = commands(
        r"
  tree:
    command: {cmd: '(setsid sleep 1000 & echo $! > away); sleep 1000 & echo $! > near; wait'}
",
    );
    let child = steered.start(&[]);
    let below = ["away", "near"].map(|it| number_in(&steered.path(it)));
    let supervisor = children_of(child.id() as i32)[0].0;
    send(&supervisor.to_string(), "KILL");
    let answer = Answer::new(&child.wait_with_output().unwrap(), Duration::ZERO);
    assert_eq!(answer.code, Some(1), "{answer}");
    for pid in below {
        wait_for("its end", || !is_alive(pid));
    }
}

#[test]
fn a_run_that_waits_for_outs_of_another_can_be_interrupted_and_goes_on_when_they_are_free() {
    let steered = commands(
        r"
  table:
    command: {cmd: 'echo ${n} > out.txt; until test -e go; do sleep 0.05; done', outs: [out.txt]}
",
    );
    steered.project.edit(
        "pipe.yaml",
        "name: commands\n",
        "name: commands\nvars: {n: 1}\n",
    );
    let first = steered.start(&[]);
    wait_for("the first run", || steered.path("out.txt").exists());
    let waits = |answer: &Answer| answer.out.contains("uses `out.txt`");

    let second = steered.start(&["--set", "n=2"]);
    std::thread::sleep(Duration::from_millis(500));
    let answer = end_with_signal(second, "INT");
    assert_eq!(answer.code, Some(130), "{answer}");
    assert!(waits(&answer), "{answer}");
    assert!(is_alive(first.id() as i32));

    let third = steered.start(&["--set", "n=3"]);
    std::thread::sleep(Duration::from_millis(500));
    steered.project.write("go", "");
    let answers =
        [first, third].map(|it| Answer::new(&it.wait_with_output().unwrap(), Duration::ZERO));
    for answer in &answers {
        assert_eq!(answer.stages("stage_done"), ["table"], "{answer}");
    }
    assert!(waits(&answers[1]), "{}", answers[1]);
    assert_eq!(steered.project.read("out.txt"), "3\n");
}

#[test]
fn what_a_failed_command_left_is_not_taken_for_it_once_it_was_edited() {
    let steered = commands(
        r"
  table:
    command: {cmd: 'echo half > out.txt; exit 1', outs: [out.txt]}
",
    );
    assert_eq!(failure(&steered.run(&[]), "table")["kind"]["exit"], 1);
    assert_eq!(failure(&steered.run(&[]), "table")["kind"]["exit"], 1);
    steered.project.write("out.txt", "mine\n");
    let answer = steered.run(&[]);
    assert_eq!(failure(&answer, "table")["kind"]["exit"], 1);
    assert!(
        answer.out.contains("OutSetAside") || answer.out.contains("out_set_aside"),
        "{answer}"
    );
    let kept = steered.project.read("artifacts/quarantine/out-out.txt.1");
    assert_eq!(kept, "mine\n");
}

#[test]
fn a_finished_training_keeps_no_checkpoint() {
    let steered = Steered::new(SPEC);
    let checkpoints = || {
        let found = fs::read_dir(steered.path("artifacts/checkpoints"));
        found.map_or(0, Iterator::count)
    };
    steered.steer(&json!({"train": {"checkpoint": "starts", "fail": "wrong"}}));
    assert_eq!(steered.run(&[]).code, Some(1));
    assert_eq!(checkpoints(), 1);
    steered.steer(&json!({"train": {"checkpoint": "starts"}}));
    assert_eq!(steered.run(&[]).code, Some(0));
    assert_eq!(checkpoints(), 0);
}

#[test]
fn a_python_command_leaves_no_compiled_files_in_its_outputs() {
    let steered = commands(
        r#"
  made:
    command: {cmd: 'mkdir o && echo x=1 > o/m.py && cd o && python3 -c "import m"', outs: [o]}
"#,
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert!(!steered.path("o/__pycache__").exists());
}

#[test]
fn a_stage_that_cannot_begin_ends_a_run_in_which_others_wait_for_room() {
    let steered = commands(
        r"
  before:
    command: {cmd: 'ln -s /tmp away'}
  first:
    command: {cmd: 'true', outs: [away/first.txt]}
    needs: [before]
  second:
    command: {cmd: 'echo 2 > second.txt', outs: [second.txt]}
",
    );
    let mut child = steered.start(&["--jobs", "1"]);
    let pid = child.id() as i32;
    wait_for("its end", || !is_alive(pid));
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn however_a_run_is_ended_no_grandchild_survives() {
    for signal in ["INT", "TERM", "KILL"] {
        // In a session of its own, without its environment, and without its parent.
        let steered = commands(
            r"
  tree:
    command:
      cmd: |
        (env -i setsid sh -c 'echo $$ > alone; exec sleep 1000' &)
        setsid sh -c 'trap : TERM INT HUP; echo $$ > deaf; while :; do sleep 1; done' &
        sleep 1000 & echo $! > near
        wait
",
        );
        let child = steered.start(&[]);
        let pids = ["alone", "deaf", "near"].map(|it| number_in(&steered.path(it)));
        let answer = end_with_signal(child, signal);
        let expected = (signal != "KILL").then_some(130);
        assert_eq!(answer.code, expected, "{signal}: {answer}");
        for pid in pids {
            wait_for(&format!("its end after {signal}"), || !is_alive(pid));
        }
    }
}

#[test]
fn a_command_that_changes_its_input_in_the_store_fails_and_no_other_stage_is_misled() {
    let steered = commands(
        r"
  table:
    command: {cmd: 'echo text > ${outputs.t}', outputs: {t: {type: files}}}
  early:
    command: {cmd: 'chmod -R u+w ${inputs.t}; echo more >> ${inputs.t}/t; cat ${inputs.t}/t > ${outputs.o}', inputs: {t: table}, outputs: {o: {type: files}}}
  late:
    command: {cmd: 'sleep 0.3; cat ${inputs.t}/t > ${outputs.o}', inputs: {t: table}, outputs: {o: {type: files}}}
",
    );
    let answer = steered.run(&["--keep-going", "--jobs", "2"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let message = failure(&answer, "early")["message"].to_string();
    assert!(
        message.contains("its input `t` was changed while it ran: `t` is not what it was"),
        "{message}"
    );
    assert_eq!(answer.stages("stage_done"), ["table"], "{answer}");

    steered.project.edit(
        "pipe.yaml",
        "chmod -R u+w ${inputs.t}; echo more >> ${inputs.t}/t; ",
        "",
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_done").len(), 3, "{answer}");
    for stage in ["early", "late"] {
        let text = steered
            .project
            .read(&format!("artifacts/current/{stage}/o"));
        assert_eq!(text, "text\n");
    }
}

#[test]
fn an_input_that_was_only_opened_is_closed_again_and_costs_nothing() {
    let steered = commands(
        r"
  table:
    command: {cmd: 'echo text > ${outputs.t}', outputs: {t: {type: files}}}
  opened:
    command: {cmd: 'chmod -R u+w ${inputs.t}; touch ${inputs.t}/t; cat ${inputs.t}/t > ${outputs.o}', inputs: {t: table}, outputs: {o: {type: files}}}
",
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_done").len(), 2, "{answer}");
    let file = fs::metadata(steered.path("artifacts/current/table/t")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.permissions());
    assert_eq!(mode & 0o777, 0o444);
    assert_eq!(steered.run(&[]).stages("stage_cached").len(), 2);
}
