//! Brings a file elsewhere into the store: fetched once, checked before anybody can see it. What came of it stays until the
//! rest does.
//! Knows addresses and the store; not who needs the file.

mod download;
mod source;

use std::{fs, path::Path};

use pipe_schema::{
    manifest::Digest,
    protocol::{Done, Failed, Request, Work},
    remote::Remote,
    run::FailureKind,
};
use pipe_wire::Reporter;

use self::download::{DATA, Got, download, has_come};
use crate::{
    plan::shell,
    store::{Store, StoreError},
};

/// Does what a request to fetch asks for: afterwards the store has the file.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature of `pipe_wire::Handler`"
)]
pub fn perform(request: Request, reporter: &mut Reporter) -> Result<Done, Failed> {
    let (Work::Fetch(remote), Some(root)) = (&request.work, request.inputs.get("store")) else {
        return Err(failed(FailureKind::Bug, "the request is none to fetch"));
    };
    let store = Store::open_existing(Path::new(&root.path)).map_err(|it| of_store(&it))?;
    bring(remote, &store, Path::new(&request.output), reporter)?;
    Ok(Done::default())
}

/// `folder` is empty, on the store's file system, and removed by somebody else.
fn bring(
    remote: &Remote,
    store: &Store,
    folder: &Path,
    reporter: &mut Reporter,
) -> Result<(), Failed> {
    let shown = remote.shown();
    let Some(expected) = remote.digest() else {
        return Err(failed(FailureKind::Bug, "the request has no SHA-256"));
    };
    let lock = store
        .lock_blob(&expected, false)
        .map_err(|it| of_store(&it))?;
    let _lock = if lock.is_some() {
        lock
    } else {
        reporter.log(format!("waits: another run fetches `{shown}`"));
        store
            .lock_blob(&expected, true)
            .map_err(|it| of_store(&it))?
    };
    if store.has_blob(&expected).map_err(|it| of_store(&it))? {
        return Ok(());
    }
    let partial = store.partial(&expected).map_err(|it| of_store(&it))?;
    let got = fetch(remote, &shown, &expected, (store, &partial), reporter);
    if got.is_err() && !has_come(&partial) {
        let _ = store.forget_partial(&expected);
    }
    let got = got?;
    if got.sha256 != expected {
        store
            .forget_partial(&expected)
            .map_err(|it| of_store(&it))?;
        return Err(other_file(&got, &shown, &expected));
    }
    let draft = folder.join("draft");
    fs::create_dir_all(&draft).map_err(|it| cannot("create", &draft, &it))?;
    let file = draft.join(remote.file_name());
    fs::rename(partial.join(DATA), &file).map_err(|it| cannot("create", &file, &it))?;
    store
        .publish_blob(&draft, &expected)
        .map_err(|it| of_store(&it))?;
    // What is left of it is removed by gc, if not now.
    let _ = store.forget_partial(&expected);
    reporter.log(format!("fetched `{shown}`, {} bytes", got.bytes));
    Ok(())
}

/// Fetches the file; anew, where a part of it that came before does not fit.
fn fetch(
    remote: &Remote,
    shown: &str,
    expected: &Digest,
    (store, partial): (&Store, &Path),
    reporter: &mut Reporter,
) -> Result<Got, Failed> {
    let fetch = |reporter: &mut Reporter| {
        download(remote, shown, partial, reporter).map_err(|mut failed| {
            if failed.hint.is_none() {
                failed.hint = Some(by_hand(remote, &store.blob(expected)));
            }
            failed
        })
    };
    let got = fetch(reporter)?;
    if got.sha256 == *expected || !got.is_resumed {
        return Ok(got);
    }
    reporter.log(format!(
        "the parts of `{shown}` are not of one file; fetches it anew"
    ));
    let data = partial.join(DATA);
    fs::remove_file(&data).map_err(|it| cannot("remove", &data, &it))?;
    fetch(reporter)
}

fn other_file(got: &Got, shown: &str, expected: &Digest) -> Failed {
    let mut error = failed(
        FailureKind::Wrong,
        format!(
            "`{shown}` is another file than the one that is meant: its SHA-256 is {}, expected {expected}",
            got.sha256
        ),
    );
    error.hint = Some(format!(
        "it has {} bytes{}; if it was renewed on purpose, write the new SHA-256 into the spec",
        got.bytes,
        if got.is_page {
            " and looks like a web page"
        } else {
            ""
        }
    ));
    error
}

fn by_hand(remote: &Remote, folder: &Path) -> String {
    let name = remote.file_name();
    let place = shell::quote(&folder.join(&name).display().to_string());
    format!("run again, or put the file there by hand: `install -D {name} {place}`")
}

fn failed(kind: FailureKind, message: impl Into<String>) -> Failed {
    Failed {
        kind,
        message: message.into(),
        hint: None,
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failed {
    failed(
        FailureKind::Io,
        format!("cannot {what} `{}`: {error}", path.display()),
    )
}

fn of_store(error: &StoreError) -> Failed {
    Failed {
        hint: error.hint(),
        ..failed(FailureKind::Io, error.to_string())
    }
}
