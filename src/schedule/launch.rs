//! From a stage that must be executed to a job: places, variables, the request or the script. Runs nothing itself.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
    fs,
    path::Path,
    sync::Arc,
};

use pipe_schema::{
    protocol::{InputPath, Request, Work},
    run::{Failure, FailureKind},
    stage::{Command, Task, shell::Shell},
};

use super::{
    Options,
    action::Action,
    capacity::DEVICES,
    fetches,
    sandbox::folder_of,
    script,
    state::{Conversion, Preparation, Running},
    trouble::{of_store, text_of},
};
use crate::{
    exec::{
        CommandJob, CommandShell, Confinement, JobWork, WorkerJob, failure, local::typed,
        mask::Mask,
    },
    plan::{Stage, file_name, shell},
    store::{Attempt, Store},
};

/// What must be done before the stage's own job: files are fetched, inputs converted, each once.
pub fn preparations(
    stage: &Stage,
    running: &Running,
    store: &Store,
    options: &Options,
) -> Result<VecDeque<Preparation>, Failure> {
    let (action, place) = (&running.pending.action, &running.place);
    let mut all = VecDeque::new();
    for fetch in fetches::needed(action, place, store, options)? {
        create_folder(&fetch.output)?;
        all.push_back(Preparation::Fetch(fetch));
    }
    let conversions = conversions(stage, action, place)?;
    all.extend(conversions.into_iter().map(Preparation::Convert));
    Ok(all)
}

/// The job that prepares.
pub fn prepare(preparation: &Preparation, store: &Store) -> Result<JobWork, Failure> {
    match preparation {
        Preparation::Convert(it) => convert(it),
        Preparation::Fetch(it) => fetches::fetch(it, store),
    }
}

/// A command's inputs that must be converted before it starts, each once.
fn conversions(
    stage: &Stage,
    action: &Action,
    place: &Attempt,
) -> Result<VecDeque<Conversion>, Failure> {
    let mut found: VecDeque<Conversion> = VecDeque::new();
    let Task::Command(command) = &stage.task else {
        return Ok(found);
    };
    for (name, input) in &command.inputs {
        let (Some(form), Some(path)) = (input.r#as, action.inputs.get(&format!("inputs/{name}")))
        else {
            continue;
        };
        let output = place.place(&format!("converted-{name}"));
        if found.iter().any(|it| &it.input == path && it.form == form) {
            continue;
        }
        create_folder(&output)?;
        found.push_back(Conversion {
            input: path.clone(),
            form,
            output,
        });
    }
    Ok(found)
}

/// The job that converts an input.
fn convert(conversion: &Conversion) -> Result<JobWork, Failure> {
    let request = Request {
        work: Work::Convert {
            form: conversion.form,
        },
        inputs: BTreeMap::from([("data".to_owned(), conversion.input.clone())]),
        output: text_of(&conversion.output)?,
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    };
    Ok(JobWork::Worker(WorkerJob {
        request: Box::new(request),
        env: Vec::new(),
        mask: Arc::default(),
        has_secrets: false,
        check: None,
        is_fresh: false,
    }))
}

/// The stage's own job.
pub fn work(
    stage: &Stage,
    running: &Running,
    store: &Store,
    options: &Options,
    mask: &Arc<Mask>,
) -> Result<JobWork, Failure> {
    let Running { pending, place, .. } = running;
    let action = &pending.action;
    let own = variables(stage, options)?;
    let mut env = Vec::new();
    if !running.gpus.is_empty() {
        // Before the stage's own, which may know better.
        env.push((DEVICES.to_owned(), running.gpus.join(",")));
    }
    env.extend(own);
    if let Task::Command(command) = &stage.task {
        return script_of(stage, command, running, options, (env, mask));
    }
    let output = place.output("main");
    create_folder(&output)?;
    let checkpoints = match &stage.task {
        Task::Train(_) => Some(checkpoints(store, action, pending.is_forced)?),
        _ => None,
    };
    let is_fresh = !env.is_empty() || action.device != "cpu";
    let request = Request {
        work: Work::Stage(stage.task.clone()),
        inputs: action.inputs.clone(),
        output: text_of(&output)?,
        checkpoints,
        threads: action.threads,
        device: action.device.clone(),
        until: action.parts.until,
    };
    Ok(JobWork::Worker(WorkerJob {
        request: Box::new(request),
        env,
        mask: Arc::clone(mask),
        has_secrets: !stage.control.secrets.is_empty(),
        check: None,
        is_fresh,
    }))
}

/// Where checkpoints are kept. A forced run begins anew.
fn checkpoints(store: &Store, action: &Action, is_forced: bool) -> Result<String, Failure> {
    let folder = store
        .checkpoints(&action.parts)
        .map_err(|error| of_store(&error))?;
    if is_forced {
        fs::remove_dir_all(&folder)
            .and_then(|()| fs::create_dir(&folder))
            .map_err(|error| cannot("empty", &folder, &error))?;
    }
    text_of(&folder)
}

type Variables = Vec<(String, String)>;

/// The stage's own variables, with its secrets.
fn variables(stage: &Stage, options: &Options) -> Result<Variables, Failure> {
    let control = &stage.control;
    let mut env = Vec::new();
    for name in &control.pass_env {
        env.extend(options.host.get(name).map(|value| (name.clone(), value)));
    }
    env.extend(
        control
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    for name in &control.secrets {
        let Some(value) = options.host.get(name) else {
            let hint = format!("set it: `export {name}=…`");
            return Err(failure::plain(
                FailureKind::Wrong,
                format!("the secret `{name}` is not set"),
                Some(&hint),
            ));
        };
        env.push((name.clone(), value));
    }
    Ok(env)
}

fn script_of(
    stage: &Stage,
    command: &Command,
    running: &Running,
    options: &Options,
    (env, mask): (Variables, &Arc<Mask>),
) -> Result<JobWork, Failure> {
    let (action, place) = (&running.pending.action, &running.place);
    let folder = folder_of(command, &options.folder);
    if command.wdir.is_some() && !folder.is_dir() {
        let message = format!("the folder `{}` does not exist", folder.display());
        let hint = "`wdir` is relative to the spec's folder";
        return Err(failure::plain(FailureKind::Wrong, message, Some(hint)));
    }
    let metrics = match &running.sandbox {
        Some(sandbox) => sandbox.metrics(),
        None => place.metrics(),
    };
    let mut all = vec![
        ("PIPE_STAGE".to_owned(), stage.id.clone()),
        ("PIPE_METRICS".to_owned(), text_of(metrics)?),
    ];
    let start = match &running.sandbox {
        Some(sandbox) => {
            // What it keeps for itself must be readable.
            all.push(("TMPDIR".to_owned(), text_of(sandbox.temporary())?));
            sandbox.start()
        }
        None => folder,
    };
    all.extend(env);
    let find = |name: &str, is_folder: bool| match name.split_once('.')? {
        ("inputs", name) => input_path(command, action, place, (name, is_folder)),
        ("outputs", name) => place.output(name).to_str().map(str::to_owned),
        _ => None,
    };
    Ok(JobWork::Command(CommandJob {
        shell: shell_of(command, options)?,
        lines: command
            .cmd
            .0
            .iter()
            .map(|line| script::fill(line, &find))
            .collect::<Result<_, _>>()?,
        env: all,
        mask: Arc::clone(mask),
        has_secrets: !stage.control.secrets.is_empty(),
        folder: start,
        metrics: metrics.to_owned(),
        confinement: (running.sandbox.clone()).map(|it| it as Arc<dyn Confinement>),
    }))
}

/// The shell that runs a command.
fn shell_of(command: &Command, options: &Options) -> Result<CommandShell, Failure> {
    let bash = || {
        let path = options.host.bash()?;
        path.to_str()
            .map(|path| CommandShell::Bash(path.to_owned()))
    };
    match command.shell {
        Some(Shell::PlainSh) => Ok(CommandShell::PlainSh),
        Some(Shell::Sh) => Ok(CommandShell::Sh),
        Some(Shell::Bash) => bash().ok_or_else(|| {
            let message = "there is no bash on this machine";
            let hint = "install it, or leave out `shell`: then `sh` runs the command where there is no bash";
            failure::plain(FailureKind::Wrong, message, Some(hint))
        }),
        None if !command.depends_on_shell() => Ok(CommandShell::PlainSh),
        None => Ok(bash().unwrap_or(CommandShell::Sh)),
    }
}

/// What is to be told of the shell that runs a command.
pub fn note_on_shell(stage: &Stage, options: &Options) -> Option<String> {
    let Task::Command(command) = &stage.task else {
        return None;
    };
    let falls_back = command.shell.is_none()
        && command.depends_on_shell()
        && shell_of(command, options) == Ok(CommandShell::Sh);
    falls_back.then(|| {
        "there is no bash here, so `sh` ran the command: it may not notice that a part of a pipeline failed".to_owned()
    })
}

/// Where a command finds an input: as the store holds it, or as it was converted.
fn input_path(
    command: &Command,
    action: &Action,
    place: &Attempt,
    (name, is_folder): (&str, bool),
) -> Option<String> {
    let input = command.inputs.get(name)?;
    let path = action.inputs.get(&format!("inputs/{name}"))?;
    let Some(form) = input.r#as else {
        return stored_path(action, name, is_folder);
    };
    // The first input with the same part and form was converted for all.
    let (first, _) = command.inputs.iter().find(|(other, it)| {
        it.r#as == Some(form) && action.inputs.get(&format!("inputs/{other}")) == Some(path)
    })?;
    let converted = place
        .place(&format!("converted-{first}"))
        .join(form.file_name());
    converted.to_str().map(str::to_owned)
}

/// The path of an input in the store: of an output that is a file, that file, unless the command names what is in the folder
/// around it.
fn stored_path(action: &Action, name: &str, is_folder: bool) -> Option<String> {
    let role = format!("inputs/{name}");
    let path = whole_path(action.inputs.get(&role)?);
    Some(match action.lone_files.get(&role) {
        Some(file) if !is_folder => format!("{path}/{file}"),
        _ => path,
    })
}

/// A command that reads a part gets the part's folder.
fn whole_path(input: &InputPath) -> String {
    match &input.part {
        Some(part) => format!("{}/{part}", input.path),
        None => input.path.clone(),
    }
}

/// How to run a stage's command by hand: outputs go to a folder of one's own.
pub fn alone(stage: &Stage, action: &Action, options: &Options) -> Option<String> {
    let Task::Command(command) = &stage.task else {
        return None;
    };
    let scratch = format!("/tmp/pipe-{}", file_name(&stage.id));
    let find = |name: &str, is_folder: bool| match name.split_once('.')? {
        ("inputs", name) => {
            let input = command.inputs.get(name)?;
            match input.r#as {
                None => stored_path(action, name, is_folder),
                // Only a run converts.
                Some(_) => None,
            }
        }
        ("outputs", name) => Some(format!("{scratch}/{name}")),
        _ => None,
    };
    let mut text = format!(
        "cd {}",
        shell::quote(&folder_of(command, &options.folder).display().to_string())
    );
    if !stage.outputs.is_empty() {
        let _ = write!(text, " && mkdir -p {}", shell::quote(&scratch));
    }
    let env: Vec<String> = stage
        .control
        .env
        .iter()
        .map(|(name, value)| format!("{name}={}", shell::quote(value)))
        .chain(["PIPE_METRICS=/dev/null".to_owned()])
        .collect();
    let env = env.join(" ");
    let typed = typed(&shell_of(command, options).ok()?);
    for line in &command.cmd.0 {
        let line = shell::quote(&script::fill(line, &find).ok()?);
        let _ = write!(text, " && {env} {typed} {line}");
    }
    Some(text)
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    failure::plain(
        FailureKind::Io,
        format!("cannot {what} `{}`: {error}", path.display()),
        None,
    )
}
