//! Commands end to end: their processes, their time, their outs, and how they share the machine. No worker.

use std::{fs, time::Duration};

use crate::steered::{Steered, end_with_signal, failure, is_alive, number_in, send, wait_for};

fn commands(stages: &str) -> Steered {
    Steered::new(&format!("version: 1\nname: commands\nstages:\n{stages}"))
}

#[test]
fn a_timeout_ends_the_group_and_what_left_it() {
    let steered = commands(
        r"
  slow:
    command:
      cmd: (setsid sleep 1000 & echo $! > away); sleep 1000 & echo $! > near; wait
    timeout: 700ms
",
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let failed = failure(&answer, "slow");
    assert_eq!(failed["kind"], "timeout", "{failed}");
    assert!(
        failed["message"].as_str().unwrap().contains("700ms"),
        "{failed}"
    );
    assert!(answer.seconds < 10.0, "{}", answer.seconds);
    for name in ["away", "near"] {
        let pid = number_in(&steered.path(name));
        wait_for(name, || !is_alive(pid));
    }
}

#[test]
fn records_mark_the_commit_where_tracked_files_had_changes() {
    let steered =
        commands("  note:\n    command: {cmd: wc -c < in > out, deps: [in], outs: [out]}\n");
    let git = |words: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(words);
        assert!(
            git.current_dir(steered.path(""))
                .output()
                .unwrap()
                .status
                .success(),
            "{words:?}"
        );
    };
    let recorded = |input: &str| {
        steered.project.write("in", input);
        let answer = steered.run(&[]);
        assert_eq!(answer.code, Some(0), "{answer}");
        let shown = steered.project.done(&["show", "note", "--format", "json"]);
        shown.json()["observed"]["git"].clone()
    };
    steered.project.write("in", "1");
    steered.project.write("out", "");
    git(&["init", "-q"]);
    git(&["add", "in"]);
    git(&["commit", "-qm", "first"]);
    std::fs::remove_file(steered.path("out")).unwrap();
    let clean = recorded("1");
    let commit = clean.as_str().unwrap();
    assert_eq!(commit.len(), 40, "{clean}");
    assert_eq!(recorded("22"), format!("{commit}+"));
    // An out that is tracked is cleared by the run itself, which is no change.
    git(&["add", "-f", "in", "out"]);
    git(&["commit", "-qm", "second"]);
    let forced = steered.run(&["--force"]);
    assert_eq!(forced.code, Some(0), "{forced}");
    let third = recorded("22");
    assert_eq!(third.as_str().map(str::len), Some(40), "{third}");
}

#[test]
fn what_a_command_leaves_running_does_not_outlive_it() {
    let steered = commands(
        r"
  daemon:
    command:
      cmd: setsid sh -c 'echo $$ > left; exec sleep 1000' & while [ ! -s left ]; do sleep 0.01; done
",
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert!(answer.seconds < 10.0, "{}", answer.seconds);
    let pid = number_in(&steered.path("left"));
    wait_for("its end", || !is_alive(pid));
}

#[test]
fn an_interrupt_ends_with_130_and_keeps_what_is_finished() {
    let steered = commands(
        r"
  quick:
    command: {cmd: 'echo done > ${outputs.x}', outputs: {x: {type: files}}}
  slow:
    command: {cmd: 'touch begun; exec sleep 1000', inputs: {x: quick}}
  last:
    command: {cmd: 'true'}
    needs: [slow]
",
    );
    let child = steered.start(&[]);
    wait_for("the slow stage", || steered.path("begun").exists());
    let answer = end_with_signal(child, "INT");
    assert_eq!(answer.code, Some(130), "{answer}");
    assert!(answer.seconds < 5.0, "{}", answer.seconds);
    assert_eq!(failure(&answer, "slow")["kind"], "interrupted", "{answer}");
    assert_eq!(answer.stages("stage_skipped"), ["last"]);
    steered.project.edit("pipe.yaml", "exec sleep 1000", "true");
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_cached"), ["quick"], "{answer}");
    assert_eq!(answer.stages("stage_done"), ["slow", "last"]);
}

#[test]
fn a_second_interrupt_kills_at_once() {
    let steered = commands(
        r#"
  stubborn:
    command: {cmd: 'trap "" TERM INT; touch begun; while true; do sleep 0.1; done'}
"#,
    );
    let child = steered.start(&[]);
    wait_for("the stage", || steered.path("begun").exists());
    send(&child.id().to_string(), "INT");
    std::thread::sleep(Duration::from_millis(300));
    let answer = end_with_signal(child, "INT");
    assert_eq!(answer.code, Some(130), "{answer}");
    assert!(answer.seconds < 4.0, "{}", answer.seconds);
}

#[test]
fn keep_going_runs_what_does_not_depend_on_the_failure() {
    let stages = r"
  bad:
    command: {cmd: 'echo why it failed; exit 3'}
  reader:
    command: {cmd: 'true'}
    needs: [bad]
  other:
    command: {cmd: 'sleep 0.2'}
  later:
    command: {cmd: 'true'}
    needs: [other]
";
    let steered = commands(stages);
    let answer = steered.run(&["--jobs", "1"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let failed = failure(&answer, "bad");
    assert_eq!(failed["kind"]["exit"], 3, "{failed}");
    assert_eq!(failed["tail"][0], "why it failed", "{failed}");
    assert!(fs::exists(failed["log"].as_str().unwrap()).unwrap());
    assert!(
        failed["alone"].as_str().unwrap().contains("exit 3"),
        "{failed}"
    );
    assert!(answer.stages("stage_done").is_empty(), "{answer}");

    let answer = commands(stages).run(&["--keep-going", "--jobs", "1"]);
    assert_eq!(answer.code, Some(1), "{answer}");
    assert_eq!(answer.stages("stage_done"), ["other", "later"], "{answer}");
    assert_eq!(answer.stages("stage_skipped"), ["reader"]);
}

#[test]
fn independent_stages_run_side_by_side_within_jobs_and_cpus() {
    let stage = |name: &str, cpus: u32| {
        format!(
            "
  {name}:
    command: {{cmd: ': {name}; echo + >> trace; sleep 0.3; echo - >> trace'}}
    resources: {{cpus: {cpus}}}
"
        )
    };
    let most = |steered: &Steered| {
        let (mut now, mut most) = (0, 0);
        for line in steered.project.read("trace").lines() {
            now += if line == "+" { 1 } else { -1 };
            most = most.max(now);
        }
        most
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    if cores > 1 {
        let light = commands(&(stage("a", 1) + &stage("b", 1)));
        assert_eq!(light.run(&["--jobs", "2"]).code, Some(0));
        assert_eq!(most(&light), 2);
    }
    let single = commands(&(stage("a", 1) + &stage("b", 1)));
    assert_eq!(single.run(&["--jobs", "1"]).code, Some(0));
    assert_eq!(most(&single), 1);
    // Each asks for more than there is: they run, one after the other.
    let heavy = commands(&(stage("a", 5000) + &stage("b", 5000)));
    assert_eq!(heavy.run(&["--jobs", "2"]).code, Some(0));
    assert_eq!(most(&heavy), 1);
}

#[test]
fn commands_see_what_is_declared_and_nothing_else() {
    let steered = commands(
        r"
  look:
    command: {cmd: 'env | sort > ${outputs.env}; echo token is $TOKEN', outputs: {env: {type: files}}}
    env: {OWN: '1'}
    pass_env: [PASSED, ABSENT]
    secrets: [TOKEN]
",
    );
    let mut command = steered.command(&[]);
    command.env("PASSED", "host").env("HIDDEN", "host");
    command.env("TOKEN", "hunter2");
    let output = command.output().unwrap();
    let answer = crate::project::Answer::new(&output, Duration::ZERO);
    assert_eq!(answer.code, Some(0), "{answer}");
    let env = steered.project.read("artifacts/current/look/env");
    for line in ["OWN=1", "PASSED=host", "LANG=C.UTF-8", "PIPE_STAGE=look"] {
        assert!(env.lines().any(|it| it == line), "{line} is not in\n{env}");
    }
    assert!(!env.contains("HIDDEN") && !env.contains("ABSENT"), "{env}");
    assert!(answer.out.contains("token is ***"), "{answer}");
    assert!(!answer.out.contains("hunter2"), "{answer}");
    let log = answer
        .lines()
        .iter()
        .find_map(|it| {
            it["event"]["stage_started"]["log"]
                .as_str()
                .map(str::to_owned)
        })
        .unwrap();
    assert_eq!(fs::read_to_string(log).unwrap(), "token is ***\n");
    // The secret is not part of what makes the stage stale; the passed variable is.
    let mut command = steered.command(&[]);
    command.env("PASSED", "host").env("TOKEN", "other");
    let answer = crate::project::Answer::new(&command.output().unwrap(), Duration::ZERO);
    assert_eq!(answer.stages("stage_cached"), ["look"], "{answer}");
    let mut command = steered.command(&[]);
    command.env("PASSED", "changed").env("TOKEN", "other");
    let answer = crate::project::Answer::new(&command.output().unwrap(), Duration::ZERO);
    assert_eq!(answer.stages("stage_done"), ["look"], "{answer}");
}

#[test]
fn live_metrics_are_told_and_their_last_values_kept() {
    let steered = commands(
        r#"
  learn:
    command:
      cmd:
        - 'for i in 1 2 3; do echo "{\"name\": \"loss\", \"step\": $i, \"value\": 0.$i}" >> $PIPE_METRICS; done'
        - 'echo "{\"accuracy\": 0.5}" > ${outputs.report}'
      outputs: {report: {type: report}}
"#,
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(0), "{answer}");
    assert_eq!(answer.stages("stage_metric").len(), 3, "{answer}");
    let lines = answer.lines();
    let done = lines
        .iter()
        .find_map(|it| it["event"].get("stage_done"))
        .unwrap();
    let metrics = &done["record"]["observed"]["metrics"];
    assert_eq!(
        (&metrics["loss"], &metrics["accuracy"]),
        (&0.3.into(), &0.5.into())
    );
}

#[test]
fn a_changed_script_runs_its_command_again() {
    let steered = commands(
        r"
  made:
    command: {cmd: 'sh make.sh > ${outputs.x}', outputs: {x: {type: files}}}
",
    );
    steered.project.write("make.sh", "echo one");
    assert_eq!(steered.run(&[]).stages("stage_done"), ["made"]);
    assert_eq!(steered.run(&[]).stages("stage_cached"), ["made"]);
    steered.project.write("make.sh", "echo two");
    assert_eq!(steered.run(&[]).stages("stage_done"), ["made"]);
    assert_eq!(steered.project.read("artifacts/current/made/x"), "two\n");
}

#[test]
fn outs_are_restored_on_a_hit_and_a_stage_without_cache_always_runs() {
    let steered = commands(
        r"
  table:
    command: {cmd: 'cp in.txt out.txt', deps: [in.txt], outs: [out.txt]}
  always:
    command: {cmd: 'cat out.txt', deps: [out.txt]}
    cache: false
",
    );
    steered.project.write("in.txt", "content");
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(0), "{answer}");
    fs::remove_file(steered.path("out.txt")).unwrap();
    let status = steered.project.done(&["status"]);
    let line = status.out.lines().find(|it| it.starts_with("always"));
    assert!(line.unwrap().contains("run "), "{status}");
    let answer = steered.run(&[]);
    assert_eq!(answer.stages("stage_cached"), ["table"], "{answer}");
    assert_eq!(answer.stages("stage_done"), ["always"]);
    assert_eq!(steered.project.read("out.txt"), "content");
}

#[test]
fn an_input_that_changes_meanwhile_is_not_recorded() {
    let steered = commands(
        r"
  race:
    command: {cmd: 'sleep 0.1; echo more >> in.txt', deps: [in.txt]}
",
    );
    steered.project.write("in.txt", "content\n");
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let failed = failure(&answer, "race");
    assert!(
        failed["message"]
            .as_str()
            .unwrap()
            .contains("changed while"),
        "{failed}"
    );
    assert!(steered.run(&[]).stages("stage_cached").is_empty());
}

#[test]
fn a_memory_limit_ends_what_takes_more() {
    let steered = commands(
        r"
  greedy:
    command: {cmd: 'head -c 300m /dev/zero | tail -n 1 > /dev/null'}
    resources: {memory: 64MiB}
",
    );
    let answer = steered.run(&[]);
    assert_eq!(answer.code, Some(1), "{answer}");
    let tail = failure(&answer, "greedy")["tail"].to_string();
    assert!(tail.contains("memory exhausted"), "{tail}");
}

#[test]
fn versions_of_tools_that_say_much_or_leave_a_process_behind_are_told() {
    let steered = commands("  a: {command: {cmd: 'true', tools: [loud, lasting]}}\n");
    let programs = tempfile::tempdir().unwrap();
    let go = programs.path().join("go");
    let lasting = format!(
        "until test -e '{}'; do sleep 0.05; done & echo 2",
        go.display()
    );
    for (name, text) in [
        ("loud", "head -c 300000 /dev/zero | tr '\\0' x"),
        ("lasting", &lasting),
    ] {
        let path = programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
    }
    let path = format!(
        "{}:{}",
        programs.path().display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = steered.command(&[]);
    command.env("PATH", path);
    let run = std::cell::RefCell::new(command.spawn().unwrap());
    wait_for("the run", || run.borrow_mut().try_wait().unwrap().is_some());
    fs::write(go, "").unwrap();
    let status = run.borrow_mut().wait().unwrap();
    assert!(status.success(), "{status}");
}
