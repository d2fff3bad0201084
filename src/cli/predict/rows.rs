//! The rows that `pipe predict` is given: files, folders, or standard input. Knows no package.

use std::{
    fs::{self, File},
    io::{self, IsTerminal},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pipe_data::regular;
use pipe_schema::{run::Failure, stage::preprocess::Form};

use super::Args;
use crate::cli::{Context, UserError};

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
    pub fn find(args: &Args, draft: &Path, context: &Context) -> anyhow::Result<Self> {
        let are_none = args.rows.is_empty() && args.verify;
        let is_stdin = args.rows.iter().all(|it| it.as_os_str() == "-");
        if !is_stdin {
            let files = args.rows.iter().enumerate();
            let files = files.map(|(at, given)| RowFile::find(given, at, draft, context));
            let files = files.collect::<anyhow::Result<Vec<RowFile>>>()?;
            check_alike(&files, args.input_format)?;
            return Ok(Self { files, are_none });
        }
        let path = draft.join("rows.jsonl");
        if are_none {
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
        let path = spool(io::stdin().lock(), &path)?;
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
    /// A file or folder that was named, the one at this place among them.
    fn find(given: &Path, at: usize, draft: &Path, context: &Context) -> anyhow::Result<Self> {
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
            // A named pipe is read once, as standard input is.
            let file =
                File::open(&path).with_context(|| format!("cannot read {}", given.display()))?;
            spool(file, &draft.join(format!("rows{at}")))?
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

/// Writes what comes into a file.
fn spool(mut from: impl io::Read, path: &Path) -> anyhow::Result<PathBuf> {
    let mut file =
        File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    io::copy(&mut from, &mut file).context("cannot read the rows")?;
    Ok(path.to_owned())
}
