//! The rows that `pipe predict` is given: files, folders, or standard input. Knows no package.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use crossbeam_channel::Receiver;
use pipe_data::regular;
use pipe_schema::{run::Failure, stage::preprocess::Form};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::Errno,
};

use super::Args;
use crate::{
    cli::{Context, UserError},
    report::figures,
};

/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 16;
/// How often it is asked whether somebody wants an end.
const PAUSE: Duration = Duration::from_millis(100);

/// The rows as files.
pub struct Rows {
    pub files: Vec<RowFile>,
    /// Only the package is to be checked.
    pub are_none: bool,
}

pub struct RowFile {
    pub path: PathBuf,
    /// As it was typed; standard input has none.
    pub given: Option<PathBuf>,
}

/// The form that a file's name tells of.
pub fn form_of(path: &Path) -> Option<Form> {
    Form::of_name(path.file_name()?.to_str()?)
}

impl Rows {
    pub fn find(
        args: &Args,
        draft: &Path,
        end: Instant,
        interrupts: &Receiver<()>,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let patience = Patience { end, interrupts };
        let are_none = args.rows.is_empty() && args.verify;
        let is_stdin = args.rows.iter().all(|it| it.as_os_str() == "-");
        if !is_stdin {
            let files = args.rows.iter().enumerate();
            let files = files.map(|(at, given)| {
                RowFile::find(given, &draft.join(format!("rows{at}")), &patience, context)
            });
            let files = files.collect::<anyhow::Result<Vec<RowFile>>>()?;
            check_alike(&files, args.input_format)?;
            return Ok(Self { files, are_none });
        }
        if are_none {
            let path = draft.join("rows.jsonl");
            fs::write(&path, "")?;
            let given = Some(path.clone());
            let files = vec![RowFile { path, given }];
            return Ok(Self { files, are_none });
        }
        if args.rows.is_empty() && io::stdin().is_terminal() {
            return Err(UserError::usage("there are no rows")
                .hint("name a file, or pipe rows into it: `pipe predict PACKAGE rows.csv`")
                .into());
        }
        let path = spool(
            io::stdin().lock(),
            "standard input",
            &draft.join("-"),
            &patience,
        )?;
        let files = vec![RowFile { path, given: None }];
        Ok(Self { files, are_none })
    }

    /// What the worker says, with the rows named as they were typed.
    pub fn refusal(&self, failure: Failure) -> UserError {
        let mut message = failure.message;
        for file in &self.files {
            let path = file.path.display().to_string();
            if message.contains(&path) {
                let given = file.given.as_ref().map(|it| it.display().to_string());
                message = message.replace(&path, given.as_deref().unwrap_or("standard input"));
                break;
            }
        }
        let mut refusal = UserError::failed(message);
        if let Some(hint) = failure.hint {
            refusal = refusal.hint(hint);
        }
        refusal
    }
}

impl RowFile {
    /// A file or folder that was named. What comes from a pipe is written to `copy`.
    fn find(
        given: &Path,
        copy: &Path,
        patience: &Patience,
        context: &Context,
    ) -> anyhow::Result<Self> {
        if given.as_os_str() == "-" {
            return Err(UserError::usage("standard input stands alone")
                .hint("name files only, or `-` only")
                .into());
        }
        let path = context.folder.join(given);
        if !path.exists() {
            return Err(UserError::usage(format!("there is no file {}", given.display())).into());
        }
        let kind = path.metadata()?.file_type();
        let path = if kind.is_file() || kind.is_dir() {
            path.canonicalize()?
        } else if !kind.is_fifo() {
            let what = regular::misfit(kind).unwrap_or("no file");
            return Err(UserError::usage(format!("{} is {what}", given.display()))
                .hint("name a file or a folder, or `-` for standard input")
                .into());
        } else {
            // A named pipe is read once, as standard input is. Nobody waits here for who writes to it.
            let file = File::options()
                .read(true)
                .custom_flags(OFlags::NONBLOCK.bits() as i32)
                .open(&path)
                .with_context(|| format!("cannot read {}", given.display()))?;
            spool(file, &given.display().to_string(), copy, patience)?
        };
        Ok(Self {
            path,
            given: Some(given.to_owned()),
        })
    }
}

/// Files without a given form must all have names that tell of the same.
fn check_alike(files: &[RowFile], given: Option<Form>) -> anyhow::Result<()> {
    let form = |it: &RowFile| given.or_else(|| form_of(it.given.as_deref()?));
    let Some(other) = files.iter().find(|it| form(it) != form(&files[0])) else {
        return Ok(());
    };
    let name = |it: &RowFile| {
        it.given
            .as_deref()
            .unwrap_or(&it.path)
            .display()
            .to_string()
    };
    Err(UserError::usage(format!(
        "{} and {} are not of one form",
        name(&files[0]),
        name(other)
    ))
    .hint("say the form of all: `--input-format csv`")
    .into())
}

/// Writes what comes into a file, until the end of time or until it took half of the room.
fn spool(
    from: impl Read + AsFd,
    name: &str,
    path: &Path,
    patience: &Patience,
) -> anyhow::Result<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let room = rustix::fs::statvfs(folder)?;
    let most = room.f_bavail.saturating_mul(room.f_frsize) / 2;
    copy_within(from, name, path, patience, most)?;
    Ok(path.to_owned())
}

fn copy_within(
    mut from: impl Read + AsFd,
    name: &str,
    path: &Path,
    patience: &Patience,
    most: u64,
) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = File::create(path).with_context(cannot)?;
    let mut chunk = vec![0; CHUNK];
    let mut total = 0;
    loop {
        if !patience.wait(&from)? {
            return Err(
                UserError::failed(format!("{name} did not end in the time that it has"))
                    .hint("`--timeout 12h` gives more time")
                    .into(),
            );
        }
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => continue,
                _ => return Err(error).context("cannot read the rows"),
            },
        };
        total += read as u64;
        if total > most {
            let most = figures::bytes(most);
            return Err(UserError::failed(format!(
                "{name} is longer than {most}, half of the room for a copy of it"
            ))
            .hint("write the rows to a file, and name it: no copy is made of a file")
            .into());
        }
        file.write_all(&chunk[..read]).with_context(cannot)?;
    }
}

/// How long rows are waited for.
struct Patience<'a> {
    end: Instant,
    interrupts: &'a Receiver<()>,
}

/// Reading the rows was interrupted.
#[derive(Debug, thiserror::Error)]
#[error("it was interrupted")]
pub struct Interrupted;

impl Patience<'_> {
    /// Waits until there is something to read, or the end. False if there is no time left.
    fn wait(&self, from: &impl AsFd) -> anyhow::Result<bool> {
        loop {
            if self.interrupts.try_recv().is_ok() {
                return Err(Interrupted.into());
            }
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // Another thread may have heard of the interrupt.
            let left = Timespec::try_from(left.min(PAUSE)).ok();
            match poll(&mut [PollFd::new(from, PollFlags::IN)], left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error).context("cannot read the rows"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn copied(sent: &[u8], is_closed: bool, most: u64) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let (mut to, from) = UnixStream::pair().unwrap();
        to.write_all(sent).unwrap();
        let to = (!is_closed).then_some(to);
        let time = Duration::from_millis(if is_closed { 60_000 } else { 50 });
        let (sender, interrupts) = crossbeam_channel::unbounded();
        let patience = Patience {
            end: Instant::now() + time,
            interrupts: &interrupts,
        };
        let done = copy_within(from, "standard input", &path, &patience, most);
        drop(sender);
        drop(to);
        done.map_err(|it| it.to_string())?;
        Ok(fs::read(&path).unwrap())
    }

    #[test]
    fn rows_of_standard_input_are_bounded_in_size_and_time() {
        assert_eq!(copied(b"a,b\n1,2\n", true, 8).unwrap(), b"a,b\n1,2\n");
        let long = copied(b"a,b\n1,2\n", true, 7).unwrap_err();
        assert!(long.contains("longer than"), "{long}");
        let late = copied(b"a,b\n", false, 100).unwrap_err();
        assert!(late.contains("did not end"), "{late}");
    }
}
