//! `pipe help`: a stage kind's options, the language on one page, or a command. Reads no spec.

use std::{io::Write, process::ExitCode};

use super::{Context, UserError};
use crate::{
    plan::manual,
    spec::suggest::{list, nearest},
};

/// What `pipe help` takes.
#[derive(clap::Args)]
pub struct Args {
    /// A stage kind, `control`, `sweeps`, `promote`, `language`, or a command
    topic: Option<String>,
}

/// The language on one page.
const LANGUAGE: &str = include_str!("help/language.txt");

/// Prints what is known of a topic.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut command = super::command();
    let mut out = context.output();
    let Some(topic) = args.topic else {
        write!(out, "{}", command.render_help().ansi())?;
        return Ok(ExitCode::SUCCESS);
    };
    if topic == "language" {
        write!(out, "{LANGUAGE}")?;
    } else if let Some(help) = manual::help(&topic, context.width.clamp(40, 100)) {
        write!(out, "{help}")?;
    } else if let Some(subcommand) = command.find_subcommand_mut(&topic) {
        let mut subcommand = subcommand.clone().bin_name(format!("pipe {topic}"));
        write!(out, "{}", subcommand.render_long_help().ansi())?;
    } else {
        let commands = command.get_subcommands().filter(|it| !it.is_hide_set());
        let names: Vec<&str> = commands.map(clap::Command::get_name).collect();
        let topics: Vec<&str> = manual::topics().chain(["language"]).collect();
        let error = UserError::usage(format!("there is no help on `{topic}`"));
        let near = nearest(&topic, topics.iter().chain(&names).copied());
        return Err(match near {
            Some(near) => error.hint(format!("did you mean `pipe help {near}`?")),
            None => error.hint(format!("topics: {}", list(topics))),
        }
        .into());
    }
    Ok(ExitCode::SUCCESS)
}
