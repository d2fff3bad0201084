//! `pipe status`: what a run would do, stage by stage, and why. Starts no stage and changes nothing.

use std::process::ExitCode;

use super::{
    Context, Format, outlook,
    project::{self, Overriding},
    run::words,
};

/// What `pipe status` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The spec [default: pipe.yaml in this folder or above it in the project, else that of the last run], then the stages that are wanted [default: all]
    #[arg(value_name = "SPEC] [STAGE")]
    words: Vec<String>,
    #[command(flatten)]
    overriding: Overriding,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Says it.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let words = words::tell_apart(&args.words, context)?;
    let project = project::load(words.spec.as_deref(), &args.overriding, context)?;
    let wish = outlook::Wish {
        targets: words.targets,
        ..outlook::Wish::default()
    };
    let outlook = outlook::of(&project, &wish, context)?;
    outlook::print(&outlook, args.format, context)?;
    Ok(ExitCode::SUCCESS)
}
