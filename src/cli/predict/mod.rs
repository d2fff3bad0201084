//! `pipe predict`: applies a package to rows. The worker does it; this finds the package, the rows and a place for the answer.
//! Needs no spec, and no store where the package is a folder.

mod limits;
mod rows;
mod target;

use std::{
    fs::{self, Metadata},
    iter,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use crossbeam_channel::{Receiver, at, never, select};
use pipe_schema::{
    dataset::RowFindings,
    package::PACKAGE_FILE,
    protocol::{InputPath, Predict, Request, RowForm, Work},
    run::Failure,
    scalar::{self, ByteSize},
    stage::{ArtifactType, preprocess::Form},
    text::one_line,
};

use self::{
    limits::{Limits, parse_duration, parse_size},
    rows::{Interrupted, Rows, form_of},
    target::Target,
};
use super::{
    Context, Format, UserError,
    context::Verbosity,
    failure,
    subject::{self, SpecOption},
};
use crate::exec::{
    Executor, Job, JobWork, Message, Stop, WorkerJob,
    environment::Host,
    interrupt,
    local::{Config, Local},
};

/// What `pipe predict` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The package: its folder, or the stage that made it
    package: PathBuf,
    /// The rows, plain or gzip, or pictures or texts; of several files one after another. `-`, or nothing: standard input
    rows: Vec<PathBuf>,
    /// Where the predictions go; `-` is standard output [default: -]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    spec: SpecOption,
    /// The form of the rows [default: as the file's name says, else as its first character shows: JSON, or the package's own form]
    #[arg(long, value_name = "FORM", value_parser = data_form())]
    input_format: Option<Form>,
    /// The form of the predictions [default: as FILE's name says; jsonl for rows of that form, else csv]
    #[arg(long, value_name = "FORM")]
    output_format: Option<AnswerForm>,
    /// Leave out the classes' probabilities
    #[arg(long)]
    no_probabilities: bool,
    /// Refuse rows with a category, a missing value or a column that the training data does not have
    #[arg(long)]
    strict: bool,
    /// For people or for programs: how standard error tells what the rows have that the training data does not have
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// First check the package's golden rows; where no rows are given, do nothing else
    #[arg(long)]
    verify: bool,
    /// Take the package's files as they are, without comparing them with its manifest first
    #[arg(long, conflicts_with = "verify")]
    no_verify: bool,
    /// Load the package's TorchScript where it has no weights and layers, and with --verify: it is a program, and runs with what the worker may do
    #[arg(long)]
    allow_script: bool,
    /// The most memory that the worker may take, like 4GiB [default: half of this machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<ByteSize>,
    /// The longest that all may take, reading standard input included, like 90s or 12h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    timeout: scalar::Duration,
}

/// A form of predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum AnswerForm {
    Csv,
    Jsonl,
}

/// Predicts.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let package = find_package(&args, context)?;
    let limits = Limits::of(args.max_memory, args.timeout);
    let end = Instant::now() + limits.time;
    let target = Target::find(args.output.as_deref(), &package, context)?;
    refuse_overwriting(&target, &args, context)?;
    let interrupts = interrupt::watch()?;
    let draft = target.draft()?;
    let rows = match Rows::find(&args, draft.path(), end, &interrupts, context) {
        Err(error) if error.is::<Interrupted>() => {
            return Ok(ExitCode::from(failure::INTERRUPTED));
        }
        rows => rows?,
    };
    let input = args
        .input_format
        .or_else(|| form_of(rows.files.first()?.given.as_deref()?));
    let alike = |form| match form {
        Form::Csv => Some(AnswerForm::Csv),
        Form::Jsonl => Some(AnswerForm::Jsonl),
        _ => None,
    };
    let output = args
        .output_format
        .or_else(|| form_of(args.output.as_deref()?).and_then(alike))
        .or_else(|| input.and_then(alike));
    // Without a name that tells, the worker looks at the rows.
    let output = match (output, input) {
        (Some(form), _) => form.into(),
        (None, Some(_)) => RowForm::Csv,
        (None, None) => RowForm::AsRows,
    };
    let folder = draft.path().join("predictions");
    fs::create_dir(&folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let path_of = |path: &Path| InputPath {
        path: path.display().to_string(),
        part: None,
    };
    let request = Request {
        work: Work::Predict(Predict {
            input,
            output,
            probabilities: !args.no_probabilities,
            verify: args.verify,
            no_verify: args.no_verify,
            allow_script: args.allow_script,
            memory: Some(limits.memory),
        }),
        inputs: iter::once(("package".to_owned(), path_of(&package)))
            .chain(rows.files.iter().enumerate().map(|(at, it)| {
                let role = format!("rows/{at:08}");
                (role, path_of(&it.path))
            }))
            .collect(),
        output: folder.display().to_string(),
        checkpoints: None,
        threads: crate::threads::cores() as u32,
        device: "cpu".to_owned(),
        until: None,
    };
    match ask(
        request,
        limits.memory,
        end,
        draft.path(),
        &interrupts,
        context,
    )? {
        Answer::Done(findings) => tell(&findings, &args, context)?,
        Answer::Failed(failure) => return Err(rows.refusal(limits.explain(failure)).into()),
        Answer::OutOfTime => {
            return Err(rows.refusal(Limits::out_of_time(args.timeout)).into());
        }
        Answer::Interrupted => return Ok(ExitCode::from(failure::INTERRUPTED)),
    }
    if rows.are_none {
        say(
            context,
            "the package is whole and gives its golden rows' predictions",
        );
        return Ok(ExitCode::SUCCESS);
    }
    target.take(&only_file(&folder)?, context)?;
    Ok(ExitCode::SUCCESS)
}

/// The package's folder, absolute.
fn find_package(args: &Args, context: &Context) -> anyhow::Result<PathBuf> {
    let given = args.package.as_path();
    let folder = context.folder.join(given);
    if folder.join(PACKAGE_FILE).is_file() {
        return Ok(folder.canonicalize()?);
    }
    let refusal = if folder.is_dir() {
        UserError::usage(format!("{} is not a package", given.display())).hint(format!(
            "a package is a folder with a {PACKAGE_FILE}, made by a package stage"
        ))
    } else {
        UserError::usage(format!("there is no package at {}", given.display()))
            .hint("name a package's folder, or the stage that made it")
    };
    let Some(stage) = given.to_str().filter(|it| !it.contains('/')) else {
        return Err(refusal.into());
    };
    if folder.exists() {
        return Err(refusal.into());
    }
    let store = subject::open_store(context).map_err(|_| refusal)?;
    let place = subject::find(&store, args.spec.spec.as_deref(), stage, context)?.place(&store)?;
    if place.r#type != ArtifactType::Package {
        return Err(UserError::usage(format!(
            "`{stage}` is a {}, not a package",
            place.r#type.name()
        ))
        .hint("name a package stage, or a package's folder")
        .into());
    }
    if !args.no_verify {
        place.check(stage, &store)?;
    }
    Ok(place.path.canonicalize()?)
}

/// Refuses to put the predictions where the rows are: in the place of one, under any name, or into a folder of rows, of which
/// all files are read.
fn refuse_overwriting(target: &Target, args: &Args, context: &Context) -> Result<(), UserError> {
    let Target::File(target) = target else {
        return Ok(());
    };
    let id = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    let replaced = fs::metadata(target).ok().map(|found| id(&found));
    for given in &args.rows {
        let Ok(rows) = context.folder.join(given).canonicalize() else {
            continue;
        };
        let is_below = rows.is_dir() && target.starts_with(&rows);
        let mut entries = walkdir::WalkDir::new(&rows)
            .follow_links(true)
            .into_iter()
            .flatten();
        let is_row = replaced.is_some()
            && entries.any(|entry| entry.metadata().is_ok_and(|it| Some(id(&it)) == replaced));
        let shown = args.output.as_deref().unwrap_or(target).display();
        if is_row {
            return Err(UserError::usage(format!("the rows are in {shown}"))
                .hint("name another file for the predictions: they would replace the rows"));
        }
        if is_below {
            let rows = given.display();
            return Err(UserError::usage(format!(
                "{shown} lies in {rows}, of which all files are rows"
            ))
            .hint("name a file in another folder for the predictions"));
        }
    }
    Ok(())
}

/// Takes the words of the forms.
fn data_form() -> impl TypedValueParser<Value = Form> {
    PossibleValuesParser::new(Form::ALL.map(Form::name)).try_map(|word| {
        let form = Form::ALL.into_iter().find(|it| it.name() == word);
        form.ok_or("is no form")
    })
}

/// Tells what the rows have that the train part had not, or refuses them for it.
fn tell(findings: &RowFindings, args: &Args, context: &Context) -> anyhow::Result<()> {
    let line = findings.line();
    if args.format == Format::Json {
        failure::write_error(&serde_json::to_string(findings)?, context);
    }
    match line {
        Some(line) if args.strict => Err(UserError::failed(line)
            .hint(
                "the training data has none of it; correct the rows, or predict without `--strict`",
            )
            .into()),
        Some(line) if args.format == Format::Text => {
            say(context, &line);
            Ok(())
        }
        _ => Ok(()),
    }
}

enum Answer {
    Done(Box<RowFindings>),
    Failed(Failure),
    OutOfTime,
    Interrupted,
}

/// Has a worker do it.
fn ask(
    request: Request,
    memory: u64,
    end: Instant,
    draft: &Path,
    interrupts: &Receiver<()>,
    context: &Context,
) -> anyhow::Result<Answer> {
    let mut executor = Local::new(Config {
        program: "/proc/self/exe".into(),
        worker: context.worker.clone(),
        host: Host::new(context.environment.clone()),
        logs: draft.to_owned(),
    });
    let id = 1;
    executor.start(Job {
        id,
        stage: "predict".to_owned(),
        work: JobWork::Worker(WorkerJob {
            request: Box::new(request),
            env: Vec::new(),
            mask: std::sync::Arc::default(),
            has_secrets: false,
            check: None,
            is_fresh: true,
        }),
        log: draft.join("log"),
        memory: Some(memory),
    });
    let messages = executor.messages().clone();
    let mut deadline = at(end);
    let (mut is_interrupted, mut is_late) = (false, false);
    loop {
        select! {
            recv(interrupts) -> _ => {
                is_interrupted = true;
                executor.stop(id, Stop::Kill);
            }
            recv(deadline) -> _ => {
                is_late = true;
                deadline = never();
                executor.stop(id, Stop::Kill);
            }
            recv(messages) -> message => match message? {
                Message::Log { text, .. } | Message::Note { text, .. } => say(context, &text),
                Message::Progress { .. } | Message::Metric { .. } => {}
                Message::Finished { .. } if is_interrupted => return Ok(Answer::Interrupted),
                Message::Finished { outcome, .. } if is_late && outcome.result.is_err() => {
                    return Ok(Answer::OutOfTime);
                }
                Message::Finished { outcome, .. } => return Ok(match outcome.result {
                    Ok(done) => Answer::Done(done.findings.unwrap_or_default()),
                    Err(failure) => Answer::Failed(failure),
                }),
            },
        }
    }
}

/// Tells people something beside the predictions.
fn say(context: &Context, text: &str) {
    if context.verbosity > Verbosity::Quiet {
        failure::write_error(&one_line(text), context);
    }
}

fn only_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let entry = fs::read_dir(folder)?.next();
    Ok(entry.context("the worker gave no predictions")??.path())
}

impl From<AnswerForm> for RowForm {
    fn from(form: AnswerForm) -> Self {
        match form {
            AnswerForm::Csv => Self::Csv,
            AnswerForm::Jsonl => Self::Jsonl,
        }
    }
}
