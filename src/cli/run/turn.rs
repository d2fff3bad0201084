//! A run's turn to use its outs: it waits while a run with another store uses one of them.

use std::{path::Path, process, thread, time::Duration};

use super::super::{Context, context::Verbosity, failure};
use crate::store::{OutsReservation, Store, StoreError};

/// Waits until no run with another store uses any of the outs, and keeps such runs waiting from then on.
pub fn wait_for<'a>(
    outs: impl Iterator<Item = &'a String> + Clone,
    folder: &Path,
    store: &Store,
    context: &Context,
) -> anyhow::Result<OutsReservation> {
    // Of two that come at once, both may step back: they do not come again at once.
    let pause = Duration::from_millis(20 + u64::from(process::id() % 31));
    let mut is_told = context.verbosity == Verbosity::Quiet;
    loop {
        match store.reserve_outs(folder, outs.clone()) {
            Err(StoreError::OutBusy(out)) => {
                if !std::mem::replace(&mut is_told, true) {
                    failure::warn(
                        &format!("waits: a run with another store uses `{out}`"),
                        "runs with one store share results and wait for single stages only",
                        context,
                    );
                }
                thread::sleep(pause);
            }
            reserved => return Ok(reserved?),
        }
    }
}
