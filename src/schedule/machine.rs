//! The classes of this machine, as the worker's probe tells them, remembered under all that they depend on.
//! Knows no stage.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crossbeam_channel::{Receiver, never, select};
use pipe_schema::{
    key::EnvironmentClass,
    protocol::{Request, Work},
    run::{Failure, FailureKind},
};

use super::{
    Options, elf,
    trouble::{of_store, text_of},
};
use crate::{
    exec::{Executor, Job, JobWork, Message, Stop, WorkerJob, environment::Host, failure},
    store::Store,
};

/// The job number of the probe; stages count from 1.
const PROBE: u64 = 0;
/// Libraries that decide what is computed, by the beginning of their names.
const LIBRARIES: [&str; 5] = ["libtorch", "libc10", "libgomp", "libcudart", "libcudnn"];

/// What is known of this machine.
#[derive(Clone, Debug)]
pub struct Machine {
    classes: Result<Vec<EnvironmentClass>, Failure>,
}

impl Machine {
    /// A machine on which no tensors will be computed.
    pub fn unknown() -> Self {
        Self {
            classes: Ok(Vec::new()),
        }
    }

    /// Remembers the machine, or probes it if it is not known or has changed. Costs nothing where it is known.
    /// A message on `interrupts` ends the probe.
    pub fn look(
        store: &Store,
        executor: &mut dyn Executor,
        options: &Options,
        interrupts: &Receiver<()>,
    ) -> Self {
        let identity = identity(&options.worker, &options.host);
        if let Some(classes) = store.cached_environment(&identity) {
            return Self {
                classes: Ok(classes),
            };
        }
        let classes = probe(store, executor, options, interrupts);
        if let Ok(classes) = &classes {
            // What is not remembered is probed again.
            let _ = store.remember_environment(&identity, classes);
        }
        Self { classes }
    }

    /// Whether it was not let finish its probe.
    pub fn is_interrupted(&self) -> bool {
        matches!(&self.classes, Err(failure) if failure.kind == FailureKind::Interrupted)
    }

    /// The classes by device, with 1 thread; or why the worker could not tell.
    pub fn classes(&self) -> Result<&[EnvironmentClass], Failure> {
        self.classes.as_deref().map_err(Clone::clone)
    }
}

fn probe(
    store: &Store,
    executor: &mut dyn Executor,
    options: &Options,
    interrupts: &Receiver<()>,
) -> Result<Vec<EnvironmentClass>, Failure> {
    let of_store = |error| of_store(&error);
    let attempt = (store.attempt(&options.run, "probe", 1, true)).map_err(of_store)?;
    let output = attempt.output("main");
    fs::create_dir(&output).map_err(|error| {
        let message = format!("cannot create `{}`: {error}", output.display());
        failure::plain(FailureKind::Io, message, None)
    })?;
    let request = Request {
        work: Work::Probe,
        inputs: std::collections::BTreeMap::new(),
        output: text_of(&output)?,
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    };
    executor.start(Job {
        id: PROBE,
        stage: "probe".to_owned(),
        // A zygote must never touch a GPU, and a probe does.
        work: JobWork::Worker(WorkerJob {
            request: Box::new(request),
            env: Vec::new(),
            mask: std::sync::Arc::default(),
            has_secrets: false,
            check: None,
            is_fresh: true,
        }),
        log: attempt.log().to_owned(),
        memory: None,
    });
    let messages = executor.messages().clone();
    let mut interrupts = interrupts.clone();
    loop {
        select! {
            recv(messages) -> message => match message {
                Ok(Message::Finished { job: PROBE, outcome }) => {
                    return outcome.result.map(|done| done.environments).map_err(untold);
                }
                Ok(_) => {}
                Err(_) => {
                    let message = "the executor ended before it answered";
                    return Err(failure::plain(FailureKind::Bug, message, None));
                }
            },
            recv(interrupts) -> interrupt => match interrupt {
                Ok(()) => {
                    executor.stop(PROBE, Stop::Kill);
                    return Err(failure::plain(FailureKind::Interrupted, "it was interrupted", None));
                }
                Err(_) => interrupts = never(),
            },
        }
    }
}

fn untold(mut failure: Failure) -> Failure {
    failure.message = format!(
        "the worker cannot tell what this machine is: {}",
        failure.message
    );
    failure
}

/// A text that changes whenever a probe might answer differently: worker, libraries, CPU, driver, visible devices.
pub fn identity(worker: &Path, host: &Host) -> String {
    let worker = worker.canonicalize().unwrap_or_else(|_| worker.to_owned());
    let mut text = format!("worker {}", stamp(&worker));
    for folder in library_folders(&worker, host) {
        for library in libraries(&folder) {
            let _ = write!(text, "; {}", stamp(&library));
        }
    }
    let _ = write!(text, "; cpu {}", cpu());
    if let Ok(driver) = fs::read_to_string("/proc/driver/nvidia/version") {
        let _ = write!(text, "; driver {}", driver.trim());
    }
    if let Some(devices) = host.get("CUDA_VISIBLE_DEVICES") {
        let _ = write!(text, "; devices {devices}");
    }
    text
}

fn library_folders(worker: &Path, host: &Host) -> Vec<PathBuf> {
    let origin = worker.parent().unwrap_or(Path::new("/"));
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(path) = host.get("LD_LIBRARY_PATH") {
        folders.extend(
            path.split(':')
                .filter(|it| !it.is_empty())
                .map(PathBuf::from),
        );
    }
    for path in elf::run_paths(worker) {
        folders.push(PathBuf::from(
            path.replace("${ORIGIN}", "$ORIGIN")
                .replace("$ORIGIN", &origin.to_string_lossy()),
        ));
    }
    folders.dedup();
    folders
}

fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            LIBRARIES.iter().any(|it| name.starts_with(it))
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn stamp(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(stat) => format!(
            "{} {} {}.{}",
            path.display(),
            stat.size(),
            stat.mtime(),
            stat.mtime_nsec()
        ),
        Err(_) => format!("{} is not there", path.display()),
    }
}

/// Model and abilities of the first core.
fn cpu() -> String {
    let Ok(text) = fs::read_to_string("/proc/cpuinfo") else {
        return "unknown".to_owned();
    };
    let first = text.split("\n\n").next().unwrap_or_default();
    first
        .lines()
        .filter(|line| {
            ["model name", "flags", "Features", "CPU part"]
                .iter()
                .any(|it| line.starts_with(it))
        })
        .filter_map(|line| line.split_once(':'))
        .map(|(_, value)| value.trim())
        .collect::<Vec<_>>()
        .join(" ")
}
