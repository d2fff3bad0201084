//! A worker without tensors, for the runner's tests. It speaks the real protocol through `pipe-wire`, and its outputs are
//! a function of the task and the inputs' bytes, in the layout of the real ones.
//!
//! Run pipe with `PIPE_WORKER` naming this program, or a script that sets variables and executes it:
//!
//! | variable | means |
//! |---|---|
//! | `FAKE` | a `Behaviour` as JSON, for every job of a process that sees it: give it as a stage's `env` |
//! | `FAKE_PLAN` | a JSON file with a `Behaviour` by kind of task, read at the start of each job |
//! | `FAKE_THREADS` | so many threads are started before the zygote serves, so that it must not fork |
//!
//! What a `Behaviour` can ask for is said at its fields.

mod behaviour;
mod content;

use std::{process::ExitCode, thread};

use pipe_schema::{
    key::EnvironmentClass,
    protocol::{Done, Failed, Request, Work},
    run::FailureKind,
    stage::Task,
};
use pipe_wire::{Reporter, job, zygote};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("zygote") => {
            let threads = std::env::var("FAKE_THREADS").map_or(0, |it| it.parse().unwrap_or(0));
            for _ in 0..threads {
                thread::spawn(thread::park);
            }
            zygote::serve(handle)
        }
        Some("job") => job::serve(handle),
        _ => {
            eprintln!("usage: fake-worker zygote|job");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of a handler")]
fn handle(request: Request, reporter: &mut Reporter) -> Result<Done, Failed> {
    let kind = kind_of(&request.work);
    let behaviour = behaviour::read(kind).map_err(|message| Failed {
        kind: FailureKind::Bug,
        message,
        hint: None,
    })?;
    eprintln!("fake worker: {kind}");
    if let Some(done) = behaviour.begin(kind, &request, reporter)? {
        return Ok(done);
    }
    let mut done = match &request.work {
        Work::Probe => Done {
            environments: vec![class()],
            ..Done::default()
        },
        Work::Stage(task) => {
            report(task, reporter);
            content::write(&request).map_err(io)?
        }
        Work::Convert { .. } | Work::Predict(_) | Work::Fetch(_) => {
            content::write(&request).map_err(io)?
        }
    };
    behaviour.finish(&request, &mut done).map_err(io)?;
    Ok(done)
}

fn kind_of(work: &Work) -> &'static str {
    match work {
        Work::Stage(task) => task.kind(),
        Work::Predict(_) => "predict",
        Work::Convert { .. } => "convert",
        Work::Probe => "probe",
        Work::Fetch(_) => "fetch",
    }
}

/// What the real worker would tell on its way.
fn report(task: &Task, reporter: &mut Reporter) {
    if let Task::Train(train) = task {
        for epoch in 1..=train.epochs {
            reporter.metric("train.loss", u64::from(epoch), 1.0 / f64::from(epoch));
            reporter.progress(u64::from(epoch), u64::from(train.epochs), "epochs");
        }
    }
    reporter.log(format!("{} is done", task.kind()));
}

fn class() -> EnvironmentClass {
    EnvironmentClass {
        libtorch: "0.0.0".to_owned(),
        device: "cpu".to_owned(),
        compute_capability: None,
        cpu_capability: "FAKE".to_owned(),
        threads: 1,
        precision: "f32".to_owned(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn io(error: std::io::Error) -> Failed {
    Failed {
        kind: FailureKind::Io,
        message: error.to_string(),
        hint: None,
    }
}
