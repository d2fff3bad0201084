//! `pipe export`: copies a stage's result out of the store, complete or not at all. The copy may be changed.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use pipe_package::PackageFiles;
use pipe_schema::stage::ArtifactType;

use super::{Context, UserError, backup, context::Verbosity, subject, subject::SpecOption};
use crate::report::figures;

/// What `pipe export` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The stage, or a part of its result: `bundle`, `prepare.test`, `score@fold=0`
    stage: String,
    /// Where the copy goes: a path at which there is nothing yet
    #[arg(value_name = "DIR")]
    target: PathBuf,
    #[command(flatten)]
    spec: SpecOption,
    /// Replace what is there; it is kept under a new name beside it
    #[arg(long)]
    force: bool,
    /// Copy the files as they are, without comparing them with what they were when they were made
    #[arg(long)]
    no_verify: bool,
}

/// Copies beside the target, then renames.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let store = subject::open_store(context)?;
    let place =
        subject::find(&store, args.spec.spec.as_deref(), &args.stage, context)?.place(&store)?;
    let target = std::path::absolute(context.folder.join(&args.target))?;
    if target.starts_with(store.root()) {
        return Err(UserError::usage("the copy cannot lie in the store")
            .hint("name another folder")
            .into());
    }
    if is_taken(&target) && !args.force {
        return Err(UserError::usage(format!(
            "there is something at {} already",
            args.target.display()
        ))
        .hint("`--force` replaces it")
        .into());
    }
    if !args.no_verify {
        place.check(&args.stage, &store)?;
    }
    let parent = target
        .parent()
        .with_context(|| format!("{} is no place for a copy", target.display()))?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    // In the same folder, so that the rename at the end is one step.
    let draft = tempfile::Builder::new()
        .prefix(".pipe-export-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write to {}", parent.display()))?;
    let copy = draft.path().join("copy");
    copy_tree(&place.path, &copy)?;
    if place.r#type == ArtifactType::Package && !args.no_verify {
        check_copy(&copy, &place.path)?;
    }
    let kept = replace(&copy, &target)?;
    if context.verbosity > Verbosity::Quiet {
        let (stage, size) = (&args.stage, figures::bytes(place.bytes));
        writeln!(
            context.output(),
            "{stage} copied to {} ({size})",
            context.display(&target)
        )?;
        if let Some(kept) = kept {
            let kept = context.display(&kept);
            writeln!(context.output(), "what was there is {kept} now")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares a copy of a package with its manifest; refuses it under the name of what was copied.
fn check_copy(copy: &Path, original: &Path) -> anyhow::Result<()> {
    PackageFiles::check(copy).map_err(|error| {
        let (copy, original) = (copy.display().to_string(), original.display().to_string());
        let refusal = UserError::failed(error.message.replace(&copy, &original));
        match error.hint {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
        .into()
    })
}

/// Puts the finished copy at the target. Returns where that is kept which was there; an empty folder is not.
fn replace(copy: &Path, target: &Path) -> anyhow::Result<Option<PathBuf>> {
    let put =
        || fs::rename(copy, target).with_context(|| format!("cannot write {}", target.display()));
    if is_taken(target) {
        return backup::replace(target, put);
    }
    let _ = fs::remove_dir(target);
    put().map(|()| None)
}

/// Copies files, folders and links; the copy is writable by its owner.
fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        let path = to.join(entry.path().strip_prefix(from).unwrap_or(Path::new("")));
        // Joining an empty path would add a slash, which files do not have.
        let path = if entry.depth() == 0 {
            to.to_owned()
        } else {
            path
        };
        copy_one(&entry, &path).with_context(|| {
            format!(
                "cannot copy {} to {}",
                entry.path().display(),
                path.display()
            )
        })?;
    }
    Ok(())
}

fn copy_one(entry: &walkdir::DirEntry, path: &Path) -> anyhow::Result<()> {
    let kind = entry.file_type();
    if kind.is_dir() {
        fs::create_dir(path)?;
    } else if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(entry.path())?, path)?;
    } else if kind.is_file() {
        reflink_copy::reflink_or_copy(entry.path(), path)?;
        let mode = entry.metadata()?.permissions().mode();
        fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o200))?;
    } else {
        bail!("it is neither file, folder nor link");
    }
    Ok(())
}

/// Whether something is at the path; an empty folder is nothing.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok() && fs::read_dir(path).map_or(true, |mut it| it.next().is_some())
}
