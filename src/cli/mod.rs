//! The command line: what can be typed, and who answers it. One file a command: its `Args` and `run`.
//! Knows nothing of YAML, tensors or the store's layout; the only module that reads the process environment.

#![allow(
    clippy::needless_pass_by_value,
    reason = "a command owns its arguments"
)]

pub mod output;
pub mod context;
pub mod failure;
pub mod discovery;
mod special;
mod glance;
pub mod project;
mod overview;

mod backup;
mod browser;
mod cache;
mod check;
mod clean;
mod completions;
mod doctor;
mod explain;
mod export;
mod gc;
mod help;
mod import;
mod init;
mod outlook;
mod path;
mod pick;
mod plan;
mod predict;
mod quote;
mod report;
mod run;
mod runs;
mod schema;
mod show;
mod status;
mod subject;
mod supervise;
mod fetch;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use self::{context::Context, failure::UserError};

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    failure::install_panic_hook();
    let cli = match command()
        .try_get_matches()
        .and_then(|it| Cli::from_arg_matches(&it))
    {
        Ok(cli) => cli,
        Err(error) => return failure::print_usage(&error),
    };
    let context = match Context::new(&cli.globals) {
        Ok(context) => context,
        Err(error) => return failure::print(&error, &Context::plain()),
    };
    #[cfg(debug_assertions)]
    if let Some(plan) = context.environment.get(std::ffi::OsStr::new("PIPE_FAULT"))
        && !crate::store::fault::arm(&plan.to_string_lossy())
    {
        let error = UserError::usage(format!("PIPE_FAULT: `{}` is no plan", plan.display()));
        return failure::print(&error.into(), &context);
    }
    let code = match dispatch(cli.command, &context) {
        Ok(code) => code,
        // That what was written did not arrive is told below, once for all commands.
        Err(error) if failure::is_of_output(&error, &context) => ExitCode::SUCCESS,
        Err(error) => failure::print(&error, &context),
    };
    match context.delivery.failure() {
        Some(error) => failure::print_undelivered(error, code, &context),
        None => code,
    }
}

/// The whole command line, for parsing, help and completions.
pub fn command() -> clap::Command {
    overview::with_groups(Cli::command())
}

/// From one YAML file to a trained, measured, compressed, packaged model; the same work is never done twice.
#[derive(Parser)]
#[command(
    name = "pipe",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Args)]
pub struct Globals {
    /// Where results are kept [default: `artifacts` in the project]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PIPE_STORE",
        hide_env_values = true
    )]
    #[arg(help_heading = "Global options")]
    store: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(help_heading = "Global options")]
    color: context::When,
    /// Say only what went wrong
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true, help_heading = "Global options")]
    verbose: bool,
    /// Work as if started in this folder
    #[arg(
        short = 'C',
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    directory: Option<PathBuf>,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Write a first spec, from a table of yours or from the digits
    Init(init::Args),
    /// Write a spec from a DVC pipeline, and say what it could not carry over
    Import(import::Args),
    /// Find every error in a spec without running anything
    Check(check::Args),
    /// Bring stages up to date: run what is stale, reuse the rest
    Run(run::Args),
    /// Look into a stage's result: data, model, report, package
    Show(show::Args),
    /// Apply a package to rows: raw rows in, predictions out
    Predict(predict::Args),
    /// Show the stages as resolved: text, mermaid, dot or json
    Plan(plan::Args),
    /// Say what a run would do: cached, run or blocked, and why
    Status(status::Args),
    /// Say what a stage's result depends on and what changed
    Explain(explain::Args),
    /// Write a run as one HTML page: graph, metrics, curves, plots
    Report(report::Args),
    /// List the runs so far
    Runs(runs::Args),
    /// Print where a stage's result lies
    Path(path::Args),
    /// Copy a stage's result out of the store
    Export(export::Args),
    /// Print some values of a YAML or JSON file, for a stage that depends on them alone
    Pick(pick::Args),
    /// Print the JSON Schema of specs, for editors
    Schema(schema::Args),
    /// Explain a stage kind's options, or a command
    Help(help::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Check this installation
    Doctor(doctor::Args),
    /// Say what takes room in the store, and how often results were used again
    Cache(cache::Args),
    /// Read everything in the store again, or what one run made
    Verify(verify::Args),
    /// Remove results that no kept run needs
    Gc(gc::Args),
    /// Remove the store, or what a killed run left behind
    Clean(clean::Args),
    /// Watch over a run's processes; started by `run`
    #[command(hide = true)]
    Supervise(supervise::Args),
    /// Fetch a file into the store; started by `run`
    #[command(hide = true)]
    Fetch(fetch::Args),
}

fn dispatch(command: Command, context: &Context) -> anyhow::Result<ExitCode> {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Run(args) => run::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Predict(args) => predict::run(args, context),
        Command::Plan(args) => plan::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Runs(args) => runs::run(args, context),
        Command::Path(args) => path::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Pick(args) => pick::run(args, context),
        Command::Schema(args) => schema::run(args, context),
        Command::Help(args) => help::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Cache(args) => cache::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Gc(args) => gc::run(args, context),
        Command::Clean(args) => clean::run(args, context),
        Command::Supervise(args) => supervise::run(args, context),
        Command::Fetch(args) => Ok(fetch::run(args, context)),
    }
}
