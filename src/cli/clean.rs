//! `pipe clean`: removes the store, read-only folders and all. Asks first.

use std::{
    ffi::OsStr,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use super::{Context, UserError, context::Verbosity, discovery};
use crate::{report::figures, store::Store};

/// What `pipe clean` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Removes it; only a store, and not beside a run.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let root = discovery::current_store_root(context);
    let shown = context.display(&root);
    let is_heard = context.verbosity > Verbosity::Quiet;
    let mut out = context.output();
    let is_kept = |name: &OsStr| name == ".gitignore" || name == "quarantine";
    let is_empty = root
        .read_dir()
        .is_ok_and(|mut it| it.all(|entry| entry.is_ok_and(|it| is_kept(&it.file_name()))));
    if !root.exists() || is_empty {
        if is_heard {
            writeln!(out, "there are no results in {shown}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let store = Store::open_existing(&root)?;
    let size = figures::bytes(store.size());
    if !args.yes {
        if !io::stdin().is_terminal() {
            let message = format!("this would remove {shown} ({size}) with all results");
            return Err(UserError::usage(message)
                .hint("`pipe clean --yes` does it without asking")
                .into());
        }
        write!(
            out,
            "remove {shown} ({size}) with all results, records and logs? [y/N] "
        )?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            writeln!(out, "nothing was removed")?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let kept = store.clean()?;
    if is_heard {
        writeln!(out, "removed {shown} ({size})")?;
    }
    if is_heard && kept > 0 {
        let things = figures::plural(kept as u64, "thing");
        let place = context.display(&root.join("quarantine"));
        writeln!(
            out,
            "kept {things} in {place}: in the way of outs once, and in no store"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
