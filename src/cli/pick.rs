//! `pipe pick`: prints some values of a file. A stage that runs it ends early where they did not change, and with it
//! all that reads them. Knows nothing of the project.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use super::{Context, UserError, failure};
use crate::{
    bounded,
    import::values::{self, PickError},
    spec::Source,
};

/// What `pipe pick` takes.
#[derive(clap::Args)]
pub struct Args {
    /// A YAML or JSON file
    file: PathBuf,
    /// Which values, such as `train.lr` or `layers.0` [default: all]
    keys: Vec<String>,
}

/// Prints them as JSON, a key a line.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let path = args.file.display().to_string();
    let text =
        bounded::read_to_string(&args.file).with_context(|| format!("cannot read {path}"))?;
    let source = Source {
        path: path.clone(),
        text,
    };
    match values::pick(source, &args.keys) {
        Ok(text) => {
            write!(context.data_output(), "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(PickError::Missing(key)) => {
            Err(UserError::failed(format!("{path} has no `{key}`")).into())
        }
        Err(PickError::Unreadable(found)) => {
            failure::write_error(found.render(context.color_error).trim_end(), context);
            Ok(ExitCode::from(failure::FAILED))
        }
    }
}
