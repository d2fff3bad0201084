//! Where the predictions go: into a file, whole or not at all, or into what cannot be replaced, a pipe or a device.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pipe_data::regular;
use pipe_package::PackageFiles;
use rustix::fs::{PROC_SUPER_MAGIC, statfs};
use tempfile::TempDir;

use crate::cli::{Context, UserError, discovery};

/// As the kernel follows links.
const MOST_LINKS: usize = 40;

/// A place for the predictions.
pub enum Target {
    StandardOutput,
    /// At the end of all links. A rename puts the predictions there.
    File(PathBuf),
    /// A pipe, a device, or a file that another program holds open: it stays what it is.
    Stream(File),
}

impl Target {
    /// Looks at what is at the path that was given; waits for the reader of a named pipe.
    pub fn find(given: Option<&Path>, package: &Path, context: &Context) -> anyhow::Result<Self> {
        let Some(given) = given.filter(|given| *given != Path::new("-")) else {
            return Ok(Self::StandardOutput);
        };
        let shown = given.display();
        let cannot = || format!("cannot write {shown}");
        let (path, is_held) = follow(context.folder.join(given)).with_context(cannot)?;
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                return Err(UserError::usage(format!("{shown} is a folder"))
                    .hint("name a file for the predictions")
                    .into());
            }
            Ok(found) if is_held || !found.is_file() => {
                let file = File::options().append(true).open(&path);
                return Ok(Self::Stream(file.with_context(cannot)?));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(cannot),
        }
        let parent = path.parent().unwrap_or(&context.folder);
        if !parent.is_dir() {
            return Err(UserError::usage(format!(
                "there is no folder {}",
                context.display(parent)
            ))
            .hint("make it first")
            .into());
        }
        let name = path.file_name().with_context(cannot)?;
        let parent = parent.canonicalize().with_context(cannot)?;
        if parent == package
            && name
                .to_str()
                .is_some_and(|it| PackageFiles::owns(package, it))
        {
            return Err(
                UserError::usage(format!("{shown} is a file of the package"))
                    .hint("name another file for the predictions: they would damage the package")
                    .into(),
            );
        }
        let store = discovery::current_store_root(context).canonicalize();
        if store.is_ok_and(|it| parent.starts_with(it)) {
            return Err(UserError::usage(format!("{shown} lies in the store"))
                .hint("name a file elsewhere for the predictions")
                .into());
        }
        Ok(Self::File(parent.join(name)))
    }

    /// A folder for what is not done yet: beside a file, so that a rename ends it.
    pub fn draft(&self) -> anyhow::Result<TempDir> {
        let mut draft = tempfile::Builder::new();
        draft.prefix(".pipe-predict-");
        let Self::File(path) = self else {
            return draft.tempdir().context("cannot make a temporary folder");
        };
        let parent = path.parent().unwrap_or(Path::new("/"));
        draft
            .tempdir_in(parent)
            .with_context(|| format!("cannot write to {}", parent.display()))
    }

    /// Puts the predictions there.
    pub fn take(self, from: &Path, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::File(path) => {
                if let Ok(old) = fs::metadata(&path) {
                    fs::set_permissions(from, old.permissions())?;
                }
                fs::rename(from, &path).with_context(|| format!("cannot write {}", path.display()))
            }
            Self::Stream(mut file) => {
                let mut predictions = regular::open(from)?;
                io::copy(&mut predictions, &mut file).context("cannot write the predictions")?;
                Ok(())
            }
            Self::StandardOutput => {
                let mut out = context.data_output();
                io::copy(&mut regular::open(from)?, &mut out)?;
                Ok(out.flush()?)
            }
        }
    }
}

/// The path at the end of all links, which may have nothing yet; and whether it is a link of the kernel's to what a process
/// holds open, as `/dev/stdout` and `/dev/fd/63` are: what these lead to has no path to be relied upon.
fn follow(mut path: PathBuf) -> io::Result<(PathBuf, bool)> {
    for _ in 0..MOST_LINKS {
        let Ok(to) = fs::read_link(&path) else {
            return Ok((path, false));
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        if statfs(folder)?.f_type == PROC_SUPER_MAGIC {
            return Ok((path, true));
        }
        path = folder.join(to);
    }
    Err(rustix::io::Errno::LOOP.into())
}
