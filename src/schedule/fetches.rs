//! Files elsewhere that a stage reads: which of them the store lacks, and the jobs that bring them. Fetches nothing itself.

use std::collections::BTreeMap;

use pipe_schema::{
    protocol::{InputPath, Request, Work},
    remote::Remote,
    run::{Failure, FailureKind},
};

use super::{
    Options,
    action::Action,
    state::Fetch,
    trouble::{of_store, text_of},
};
use crate::{
    exec::{JobWork, failure},
    plan::shell,
    store::{Attempt, Store},
};

/// The files that must be fetched, each once. Without a way to fetch them, they are named.
pub fn needed(
    action: &Action,
    place: &Attempt,
    store: &Store,
    options: &Options,
) -> Result<Vec<Fetch>, Failure> {
    let mut fetches: Vec<Fetch> = Vec::new();
    for remote in &action.remotes {
        let Some(digest) = remote.digest() else {
            continue;
        };
        if fetches.iter().any(|it| it.remote.digest() == Some(digest)) {
            continue;
        }
        if store.has_blob(&digest).map_err(|error| of_store(&error))? {
            continue;
        }
        if options.offline {
            let message = format!(
                "`{}` is not in the store, and the run is offline",
                remote.shown()
            );
            let hint = format!(
                "run once without `--offline`, or {}",
                by_hand(remote, store)?
            );
            return Err(failure::plain(FailureKind::Wrong, message, Some(&hint)));
        }
        fetches.push(Fetch {
            remote: remote.clone(),
            output: place.place(&format!("fetched-{}", fetches.len())),
        });
    }
    Ok(fetches)
}

/// The job that fetches a file.
pub fn fetch(fetch: &Fetch, store: &Store) -> Result<JobWork, Failure> {
    let root = InputPath {
        path: text_of(store.root())?,
        part: None,
    };
    Ok(JobWork::Fetch(Box::new(Request {
        work: Work::Fetch(fetch.remote.clone()),
        inputs: BTreeMap::from([("store".to_owned(), root)]),
        output: text_of(&fetch.output)?,
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    })))
}

/// How to provide a file without the network.
fn by_hand(remote: &Remote, store: &Store) -> Result<String, Failure> {
    let folder = remote.digest().map(|it| store.blob(&it));
    let name = remote.file_name();
    let place = text_of(&folder.unwrap_or_default().join(&name))?;
    let place = shell::quote(&place);
    Ok(format!("put the file there: `install -D {name} {place}`"))
}
