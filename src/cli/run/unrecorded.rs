//! A run beside a store that cannot be written: it may find that nothing is to be done, and leaves no trace.

use super::super::{Context, UserError, context::Verbosity, failure, outlook, project::Project};
use crate::{schedule::Forecast, store::Store};

/// Stands for the name of such a run.
pub const NAME: &str = "unrecorded";
/// Stages that the refusal names.
const NAMED: usize = 5;

/// Refuses before anything is begun where a stage would have to run.
pub fn must_have_nothing_to_do(
    project: &Project,
    wish: &outlook::Wish,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    let outlook = outlook::of(project, wish, context)?;
    let stale: Vec<_> = (outlook.iter())
        .filter(|(_, forecast)| !matches!(forecast, Forecast::Cached(_)))
        .collect();
    match stale.first() {
        None => return Ok(()),
        Some((stage, Forecast::Broken { message, hint })) => {
            let error = UserError::failed(format!("{stage}: {message}"));
            return Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
            .into());
        }
        Some(_) => {}
    }
    let stale: Vec<&str> = stale.iter().map(|it| it.0.as_str()).collect();
    let mut names = stale[..stale.len().min(NAMED)].join(", ");
    if stale.len() > NAMED {
        names.push_str(&format!(" and {} more", stale.len() - NAMED));
    }
    let place = context.display(store.root());
    Err(UserError::failed(format!(
        "the store {place} cannot be written, and these stages are not in it: {names}"
    ))
    .hint("make the store writable, or name another with `--store DIR`; `pipe status` says why they are stale")
    .into())
}

/// Says that the run left no trace.
pub fn tell(store: &Store, context: &Context) {
    if context.verbosity > Verbosity::Quiet {
        let place = context.display(store.root());
        failure::warn(
            &format!("this run is not recorded: the store {place} cannot be written"),
            "its results are as good as any; `pipe runs` does not list it",
            context,
        );
    }
}
