//! `pipe run`: brings stages up to date. Joins the spec, the store, the scheduler and a face; decides nothing itself.

mod again;
mod confinement;
mod ending;
mod git;
mod turn;
mod unrecorded;
pub mod words;

use std::{
    io::{self, Write},
    mem,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use pipe_schema::run::{Event, Line, RunStatus};

use self::{
    again::{Asked, Ended, Keys, Loaded, Question},
    confinement::Confinement,
};
use super::{Context, Format, context::Verbosity, failure, outlook, project::Overriding, quote};
use crate::{
    exec::{commit::Commit, interrupt},
    report::{
        Face,
        json::Json,
        lines::{LISTED, Lines},
        plain::Plain,
        summary::{Summary, Tally},
        terminal::Terminal,
    },
    schedule,
    store::Store,
    threads,
    track::{Story, story::State},
};

/// Bytes of a previous run's log beyond which it is not read for comparison: a run must not wait for it.
const LOG_LIMIT: u64 = 4_000_000;
/// How many runs back a run of the same spec is looked for.
const LOOK_BACK: usize = 5;

/// What `pipe run` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The spec [default: pipe.yaml in this folder or above it in the project, else that of the last run], then the stages that are wanted [default: all]
    #[arg(value_name = "SPEC] [STAGE")]
    words: Vec<String>,
    #[command(flatten)]
    overriding: Overriding,
    /// Stages at a time, within the cores that they ask for [default: the machine's cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Go on with what does not depend on a failed stage
    #[arg(short, long)]
    keep_going: bool,
    /// Run the wanted stages, or this one, even if nothing changed
    #[arg(long, value_name = "STAGE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    force: Option<Vec<String>>,
    /// Run this stage again beside its result and compare the two; the result stays, and exit code 1 says that they differ
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["force", "dry_run", "downstream"])]
    check: Vec<String>,
    /// Also run all that depends on the wanted stages
    #[arg(long)]
    downstream: bool,
    #[command(flatten)]
    confinement: Confinement,
    /// Fetch nothing: files elsewhere must be in the store
    #[arg(long, env = "PIPE_OFFLINE", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true)]
    offline: bool,
    /// Only say what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// For people, or one event a line for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let words = words::tell_apart(&args.words, context)?;
    let allowed = args.confinement.reads(context)?;
    let question = Question::new(&args, &words, context)?;
    let Loaded {
        project,
        watched,
        known,
        essence,
        reading,
    } = match again::ask(question.as_ref(), &args, &words, context)? {
        Asked::Answered(code) => return Ok(code),
        Asked::Loaded(loaded) => *loaded,
    };
    let mut targets = words.targets;
    targets.extend(args.check.iter().cloned());
    let wish = outlook::Wish {
        targets,
        check: args.check,
        downstream: args.downstream,
        force: args.force,
        keep_going: args.keep_going,
        jobs: args.jobs,
    };
    if args.dry_run {
        outlook::print(
            &outlook::of(&project, &wish, context)?,
            args.format,
            context,
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let (graph, selection) = outlook::select(&project.plan, &wish.targets, wish.downstream)?;
    let store = match watched {
        Some(store) => store,
        None => Arc::new(Store::open(&project.store)?),
    };
    let mut options = outlook::options(&project, &wish, &selection, context)?;
    let before = previous(&store, &options.spec);
    let is_recorded = store.is_writable();
    let outs = (selection.iter()).flat_map(|id| &project.plan.stages[id].outs);
    let _reservation = turn::wait_for(outs, &project.folder, &store, context)?;
    options.run = if is_recorded {
        store.new_run()?
    } else {
        unrecorded::must_have_nothing_to_do(&project, &wish, &store, context)?;
        unrecorded::NAME.to_owned()
    };
    if let Some(why) = store
        .distrust()
        .filter(|_| context.verbosity > Verbosity::Quiet)
    {
        let place = context.display(store.root());
        failure::warn(
            &format!(
                "locks do not count in {place}: {why}; two runs at once may do the same work twice, and must not write the same outs"
            ),
            "keep the store on a disk of this machine with `--store DIR` or PIPE_STORE",
            context,
        );
    }
    options.offline = args.offline;
    options.sandbox = allowed;
    options.git =
        git::commit(&project.folder).map(|name| Commit::new(name, project.folder.clone()));
    let interrupts = interrupt::watch().context(threads::REFUSED)?;
    let mut log = is_recorded
        .then(|| store.start_run_log(&options.run))
        .transpose()?;
    // Few stages are all shown, and so all looked up.
    let is_shown = context.verbosity > Verbosity::Quiet && selection.len() <= LISTED;
    let mut keys = Keys::default();
    let mut untouched_notes = Vec::new();
    if let (Some(known), Some(essence), false) = (known, &essence, is_shown)
        && let Some(found) =
            known.untouched(&project, essence, &graph, &selection, &options.run, &store)
    {
        (options.untouched, keys, untouched_notes) = found;
    }
    let mut face = face(args.format, before.clone(), context).context(threads::REFUSED)?;
    let mut story = Story::default();
    let mut executor = outlook::executor(&options, &store);
    let mut log_error = None;
    // Whether there is nothing to say that the next run with nothing to do would have to repeat.
    let mut is_plain = true;
    schedule::run(
        &project.plan,
        &graph,
        &selection,
        &store,
        &mut executor,
        &interrupts,
        &options,
        &mut |event| {
            let line = Line { at: now(), event };
            is_plain &= !matches!(line.event, Event::StageLog { .. });
            // How far a stage is says nothing afterwards.
            if let Some(log) = &mut log
                && !matches!(line.event, Event::StageProgress { .. })
            {
                log_error = log.append(&line).err().or(log_error.take());
            }
            story.hear(&line);
            face.show(&line, &story);
        },
    )?;
    drop((face, reading));
    list(&story, &store);
    tell_recovered(&store, context)?;
    if args.format == Format::Text {
        let mut finds = ending::find(&project.plan, &story, &options.untouched, &store, context);
        finds.notes.append(&mut untouched_notes);
        if let Some(question) = question.filter(|_| is_plain && log_error.is_none()) {
            let ended = Ended {
                story: &story,
                finds: finds.clone(),
                logs: options.untouched.logs,
                keys,
                essence,
            };
            question.keep(&project, ended, &store, context);
        }
        let summary = Summary {
            story: &story,
            tally: Tally::of(&story),
            before: before.as_ref(),
            again: &(args.confinement.words()
                + &repeated(words.spec.as_deref(), &args.overriding, context)),
            folder: &context.folder,
            reports: finds.reports,
            notes: finds.notes,
            results: finds.results,
            next: finds.next,
        };
        print(&summary, context);
    }
    if !is_recorded {
        unrecorded::tell(&store, context);
    }
    // The results are in the store; only their story is incomplete.
    log_error.map_or(Ok(()), Err)?;
    let status = story.status();
    // The process ends: what may be large is not taken apart for that.
    mem::forget((project, graph, selection, options, story));
    Ok(match status {
        Some(RunStatus::Done) => ExitCode::SUCCESS,
        Some(RunStatus::Failed) => ExitCode::from(failure::FAILED),
        Some(RunStatus::Interrupted) => ExitCode::from(failure::INTERRUPTED),
        None => ExitCode::from(failure::BUG),
    })
}

/// Says that records were lost with a journal, which no stage tells of.
fn tell_recovered(store: &Store, context: &Context) -> anyhow::Result<()> {
    let recovered = store.tell_recovered()?;
    if recovered > 0 && context.verbosity > Verbosity::Quiet {
        let text = super::verify::recovered(recovered);
        failure::warn(&text, "read all results again: `pipe verify`", context);
    }
    Ok(())
}

/// Lists what was made, for people who look for it. Its results are found without it, too.
fn list(story: &Story, store: &Store) {
    let Some(started) = &story.started else {
        return;
    };
    let made = story
        .stages
        .iter()
        .filter(|(_, it)| it.state == State::Done);
    let made = made.filter_map(|(id, it)| Some((id.as_str(), it.record.as_deref()?)));
    let _ = store.list_run(&started.run, made);
}

/// What stood on the command line before the stages, so that a run can be repeated.
fn repeated(spec: Option<&Path>, overriding: &Overriding, context: &Context) -> String {
    let mut words = Vec::new();
    if let Some(store) = context.typed_store() {
        words.extend(["--store".to_owned(), store.display().to_string()]);
    }
    for (option, values) in [
        ("--profile", &overriding.profiles),
        ("--set", &overriding.set),
    ] {
        words.extend(values.iter().flat_map(|it| [option.to_owned(), it.clone()]));
    }
    if overriding.allow_outside {
        words.push("--allow-outside".to_owned());
    }
    words.extend(spec.map(|it| it.display().to_string()));
    words
        .iter()
        .map(|it| match it.strip_prefix("--") {
            Some(_) => format!("{it} "),
            None => format!("{} ", quote::shell(it)),
        })
        .collect()
}

fn print(summary: &Summary, context: &Context) {
    if context.verbosity == Verbosity::Quiet {
        let failures = summary.failures() + &summary.set_aside();
        if !failures.is_empty() {
            failure::write_error(failures.trim(), context);
        }
        return;
    }
    // An error is told when the command ends.
    let _ = write!(context.output(), "{}", summary.render(context.width));
}

fn face(format: Format, before: Option<Story>, context: &Context) -> io::Result<Box<dyn Face>> {
    let is_complete = context.verbosity == Verbosity::Verbose;
    Ok(match format {
        Format::Json => Box::new(Json(context.output())),
        Format::Text if context.verbosity == Verbosity::Quiet => Box::new(Plain::new(
            std::io::sink(),
            Lines::new(None, context.width, false, false),
        )),
        Format::Text if context.is_terminal => {
            let lines = Lines::new(before, context.width, false, is_complete);
            Box::new(Terminal::new(
                lines,
                context.color,
                super::context::terminal_width,
            )?)
        }
        Format::Text => Box::new(Plain::new(
            context.output(),
            Lines::new(before, PLAIN_WIDTH, true, is_complete),
        )),
    })
}

/// Columns of lines that no terminal shows: logs are read in wide windows, but not in endless ones.
const PLAIN_WIDTH: usize = 160;

/// The story of the last finished run of the spec that logs name so.
fn previous(store: &Store, spec: &str) -> Option<Story> {
    let runs = store.runs().ok()?;
    runs.iter()
        .take(LOOK_BACK)
        .filter(|run| {
            let bytes = store.run_bytes(run, LOG_LIMIT);
            bytes > 0 && bytes <= LOG_LIMIT
        })
        .filter_map(|run| Some(Story::from_lines(&store.read_run(run).ok()?)))
        .find(|story| {
            story.status().is_some() && story.started.as_ref().is_some_and(|it| it.spec == spec)
        })
}

/// Milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |it| it.as_millis() as u64)
}
