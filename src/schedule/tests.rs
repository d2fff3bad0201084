//! Tests of the loop with a fake executor and a real store: commands are `put PATH TEXT`, which the fake understands.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, never, unbounded};
use indexmap::IndexMap;
use pipe_schema::{
    protocol::Done,
    run::{Event, Failure, FailureKind, Reason, RunStatus, Skip},
    stage::{ArtifactType, Cache, Command, Control, Reuse, Task},
};
use serde_json::json;

use super::*;
use crate::{
    exec::{Job, JobWork, failure, fake::Fake},
    graph::{self, Graph, Selection},
    plan::{Input, Plan, Stage},
    protected::ProtectedPaths,
    store::Store,
};

mod matrix;
mod sharing;
mod view;

struct Fixture {
    _folder: tempfile::TempDir,
    plan: Plan,
    store: Store,
    options: Options,
    started: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    fn new(stages: Vec<Stage>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("artifacts")).unwrap();
        let options = Options {
            offline: false,
            run: store.new_run().unwrap(),
            spec: "pipe.yaml".to_owned(),
            folder: folder.path().to_owned(),
            project: folder.path().canonicalize().unwrap(),
            worker: folder.path().join("worker"),
            host: Host::default(),
            jobs: 4,
            capacity: Capacity {
                cpus: 4,
                memory: u64::MAX,
                gpus: Vec::new(),
            },
            keep_going: false,
            force: BTreeSet::new(),
            check: BTreeSet::new(),
            protected: ProtectedPaths::new(folder.path(), folder.path(), false),
            sandbox: None,
            untouched: Untouched::default(),
            git: None,
        };
        let stages = stages
            .into_iter()
            .map(|it| (it.id.clone(), Box::new(it)))
            .collect();
        Self {
            _folder: folder,
            plan: Plan {
                name: "test".to_owned(),
                vars: IndexMap::new(),
                overrides: Vec::new(),
                has_field_overrides: false,
                stages,
                sweeps: IndexMap::new(),
                promote: IndexMap::new(),
            },
            store,
            options,
            started: Arc::default(),
        }
    }

    fn graph(&self) -> (Graph, Selection) {
        let graph = graph::build(&self.plan).unwrap();
        let all = graph.select([], false);
        (graph, all)
    }

    fn run(&self) -> (Summary, Vec<Event>) {
        self.run_with(Fake::new(obey), &never())
    }

    fn run_with(&self, mut executor: Fake, interrupts: &Receiver<()>) -> (Summary, Vec<Event>) {
        let (graph, all) = self.graph();
        executor.started = Arc::clone(&self.started);
        self.started.lock().unwrap().clear();
        let mut events = Vec::new();
        let summary = run(
            &self.plan,
            &graph,
            &all,
            &self.store,
            &mut executor,
            interrupts,
            &self.options,
            &mut |event| events.push(event),
        )
        .unwrap();
        (summary, events)
    }

    /// Stages whose jobs were started in the last run, by name.
    fn started(&self) -> Vec<String> {
        let mut started = self.started.lock().unwrap().clone();
        started.sort();
        started
    }

    fn forecast(&self) -> Vec<(StageId, Forecast)> {
        let (graph, all) = self.graph();
        let mut executor = Fake::new(obey);
        let forecasts = forecast(
            &self.plan,
            &graph,
            &all,
            &self.store,
            &mut executor,
            &self.options,
        )
        .unwrap();
        assert!(executor.started.lock().unwrap().is_empty());
        forecasts
    }

    fn edit(&mut self, stage: &str, line: &str) {
        let Task::Command(command) = &mut self.plan.stages[stage].task else {
            panic!("{stage} is no command")
        };
        command.cmd.0 = vec![line.to_owned()];
    }
}

/// Does what the lines of a command say.
fn obey(job: &Job, stop: &AtomicBool) -> Result<Done, Failure> {
    let JobWork::Command(command) = &job.work else {
        panic!("no command: {job:?}")
    };
    for line in &command.lines {
        let mut words = line.splitn(3, ' ');
        match (words.next().unwrap(), words.next()) {
            ("put", Some(path)) => fs::write(path, words.next().unwrap_or_default()).unwrap(),
            ("wait", None) => {
                while !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                return Err(failure::plain(FailureKind::Signal(15), "ended", None));
            }
            ("fail", _) => return Err(failure::plain(FailureKind::Exit(1), "failed", None)),
            _ => {}
        }
    }
    Ok(Done::default())
}

fn stage(id: &str, task: Task) -> Stage {
    Stage {
        id: id.to_owned(),
        name: id.split('@').next().unwrap().to_owned(),
        instance: IndexMap::new(),
        task,
        control: Control::default(),
        reuse: Reuse::Exact,
        inputs: Vec::new(),
        files: Vec::new(),
        outputs: IndexMap::new(),
        outs: Vec::new(),
        after: Vec::new(),
    }
}

fn command(id: &str, line: &str, output: Option<ArtifactType>) -> Stage {
    let block: Command = serde_json::from_value(json!({"cmd": line})).unwrap();
    let mut made = stage(id, Task::Command(block));
    made.outputs.extend(output.map(|it| ("out".to_owned(), it)));
    made
}

/// A file with this text.
fn source(id: &str, text: &str) -> Stage {
    command(
        id,
        &format!("put ${{outputs.out}} {text}"),
        Some(ArtifactType::Files),
    )
}

fn read(mut stage: Stage, role: &str, from: &str, metric: Option<&str>) -> Stage {
    stage.inputs.push(Input {
        role: role.to_owned(),
        stage: from.to_owned(),
        output: "out".to_owned(),
        r#type: ArtifactType::Files,
        part: None,
        metric: metric.map(str::to_owned),
        file: None,
        reads: Vec::new(),
    });
    stage
}

fn chain() -> Vec<Stage> {
    vec![
        source("a", "one"),
        read(source("b", "two"), "inputs/x", "a", None),
        read(source("c", "three"), "inputs/x", "b", None),
    ]
}

fn kinds(forecasts: &[(StageId, Forecast)]) -> Vec<String> {
    let word = |it: &Forecast| match it {
        Forecast::Cached(_) => "cached".to_owned(),
        Forecast::Run { .. } => "run".to_owned(),
        Forecast::Blocked { on } => format!("blocked by {on:?}"),
        Forecast::Broken { message, .. } => message.clone(),
    };
    forecasts.iter().map(|(_, it)| word(it)).collect()
}

#[test]
fn forecasts_say_what_runs_do() {
    let mut fixture = Fixture::new(chain());
    assert_eq!(
        kinds(&fixture.forecast()),
        [
            "run",
            r#"blocked by Stage("a")"#,
            r#"blocked by Stage("a")"#
        ]
    );
    let (summary, _) = fixture.run();
    assert_eq!(summary.finished.ran, 3);
    assert_eq!(kinds(&fixture.forecast()), ["cached"; 3]);
    let (summary, events) = fixture.run();
    assert_eq!((summary.finished.cached, summary.finished.ran), (3, 0));
    assert!(fixture.started().is_empty(), "{events:?}");

    fixture.edit("b", "put ${outputs.out} changed");
    assert_eq!(
        kinds(&fixture.forecast()),
        ["cached", "run", r#"blocked by Stage("b")"#]
    );
    fixture.run();
    assert_eq!(fixture.started(), ["b", "c"]);
}

#[test]
fn changes_are_told_against_the_last_result_of_the_same_spec() {
    let mut fixture = Fixture::new(chain());
    fixture.run();
    let reasons = |fixture: &Fixture| match fixture.forecast().swap_remove(0).1 {
        Forecast::Run { reasons, .. } => reasons,
        other => panic!("{other:?}"),
    };
    fixture.plan.name = "other".to_owned();
    fixture.options.spec = "other.yaml".to_owned();
    fixture.edit("a", "put ${outputs.out} of the other spec");
    assert_eq!(reasons(&fixture), [Reason::NeverRun]);
    fixture.run();
    fixture.plan.name = "test".to_owned();
    fixture.options.spec = "pipe.yaml".to_owned();
    fixture.edit("a", "put ${outputs.out} changed");
    let [Reason::Changed { old: Some(old), .. }] = &reasons(&fixture)[..] else {
        panic!("{:?}", reasons(&fixture))
    };
    assert_eq!(old, "put ${outputs.out} one");
}

#[test]
fn equal_output_of_changed_work_cuts_off_what_reads_it() {
    let mut fixture = Fixture::new(chain());
    fixture.run();
    let Task::Command(block) = &mut fixture.plan.stages["b"].task else {
        panic!()
    };
    block.cmd.0.push("nothing".to_owned());
    let (summary, _) = fixture.run();
    assert_eq!(fixture.started(), ["b"]);
    assert_eq!((summary.finished.cached, summary.finished.ran), (2, 1));
}

#[test]
fn forced_and_uncached_stages_run_with_that_reason() {
    let mut fixture = Fixture::new(chain());
    fixture.run();
    fixture.options.force.insert("a".to_owned());
    fixture.plan.stages["c"].control.cache = Cache::Off;
    let (_, events) = fixture.run();
    assert_eq!(fixture.started(), ["a", "c"]);
    let reasons: Vec<&Reason> = events
        .iter()
        .filter_map(|it| match it {
            Event::StageStarted { reasons, .. } => Some(&reasons[0]),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [&Reason::Forced, &Reason::NotCached]);
}

#[test]
fn what_may_pass_is_tried_again_and_what_is_wrong_is_not() {
    for (kind, attempts) in [(FailureKind::Io, 2), (FailureKind::Exit(1), 1)] {
        let mut fixture = Fixture::new(vec![source("a", "one")]);
        fixture.plan.stages["a"].control.retries = 1;
        let fake = Fake::new(move |_, _| Err(failure::plain(kind, "no", None)));
        let (summary, events) = fixture.run_with(fake, &never());
        assert_eq!(fixture.started().len(), attempts, "{kind:?}");
        assert_eq!(summary.finished.status, RunStatus::Failed);
        let retries = events
            .iter()
            .filter(|it| matches!(it, Event::StageRetried { delay_ms: 1000, .. }));
        assert_eq!(retries.count(), attempts - 1);
    }
}

#[test]
fn a_failure_skips_what_is_below_and_ends_the_rest_unless_kept_going() {
    let stages = || {
        vec![
            command("bad", "fail", Some(ArtifactType::Files)),
            read(source("below", "x"), "inputs/x", "bad", None),
            source("other", "y"),
        ]
    };
    let mut fixture = Fixture::new(stages());
    fixture.options.jobs = 1;
    let (summary, events) = fixture.run();
    assert_eq!(fixture.started(), ["bad"]);
    assert_eq!((summary.finished.failed, summary.finished.skipped), (1, 2));
    let skips: Vec<&Skip> = events
        .iter()
        .filter_map(|it| match it {
            Event::StageSkipped { because, .. } => Some(because),
            _ => None,
        })
        .collect();
    assert_eq!(skips, [&Skip::Upstream("bad".to_owned()), &Skip::RunEnded]);

    let mut fixture = Fixture::new(stages());
    fixture.options.keep_going = true;
    let (summary, _) = fixture.run();
    assert_eq!(fixture.started(), ["bad", "other"]);
    assert_eq!((summary.finished.ran, summary.finished.skipped), (1, 1));
}

#[test]
fn an_interrupt_ends_what_runs_and_starts_nothing_more() {
    let mut last = source("last", "x");
    last.after.push("slow".to_owned());
    let fixture = Fixture::new(vec![command("slow", "wait", None), last]);
    let (sender, interrupts) = unbounded();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        sender.send(()).unwrap();
    });
    let (summary, events) = fixture.run_with(Fake::new(obey), &interrupts);
    assert_eq!(summary.finished.status, RunStatus::Interrupted);
    assert_eq!(fixture.started(), ["slow"]);
    assert!(events.iter().any(|it| matches!(
        it,
        Event::StageFailed { failure, .. } if failure.kind == FailureKind::Interrupted
    )));
}

#[test]
fn a_missing_file_fails_its_stage_alone() {
    let mut lost = source("lost", "x");
    lost.files.push(crate::plan::FileInput {
        role: "dep".to_owned(),
        path: "nowhere/*.csv".to_owned(),
        remote: None,
    });
    let mut fixture = Fixture::new(vec![lost, source("fine", "y")]);
    fixture.options.keep_going = true;
    assert_eq!(
        kinds(&fixture.forecast())[0],
        "nothing matches `nowhere/*.csv`"
    );
    let (summary, _) = fixture.run();
    assert_eq!(fixture.started(), ["fine"]);
    assert_eq!(summary.finished.failed, 1);
}
