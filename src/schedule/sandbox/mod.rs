//! A command's sandbox: a folder in which it finds what its stage declares, at the places that it has in the project, and
//! nothing else. What it writes there is taken out afterwards. From files beside it the kernel keeps it: see `exec`.

mod reads;
mod words;

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use pipe_schema::{
    manifest::Digest,
    run::{Failure, FailureKind},
    stage::{Command, Task},
};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::{Options, programs, state::Running, trouble::of_store};
use crate::{
    exec::{Confinement, failure},
    plan::Stage,
    protected::ProtectedPaths,
    store::{SetAside, Store, copy_source, remove_tree},
};

/// The sandbox of one attempt.
#[derive(Debug)]
pub struct Sandbox {
    /// Stands for `/`.
    root: PathBuf,
    /// The project's folder.
    project: PathBuf,
    /// Where the command starts, in the project.
    folder: PathBuf,
    /// What it finds a copy of: files and folders, none of them below another.
    copied: Vec<PathBuf>,
    /// What it finds a link to: the environments of interpreters, which do not work elsewhere.
    linked: Vec<PathBuf>,
    /// Scripts and programs that it names.
    programs: Vec<PathBuf>,
    outs: Vec<PathBuf>,
    /// Where it finds a place for files that nobody needs afterwards.
    temporary: PathBuf,
    /// The file in which it may write live metrics, and read them.
    metrics: PathBuf,
    /// All that it may read.
    reads: Vec<PathBuf>,
}

impl Sandbox {
    /// The one that a stage runs in; None where it runs without.
    pub fn of(
        stage: &Stage,
        running: &Running,
        store: &Store,
        options: &Options,
    ) -> Option<Arc<Self>> {
        let (Task::Command(command), Some(allowed)) = (&stage.task, &options.sandbox) else {
            return None;
        };
        let project = options.folder.clone();
        let programs = programs::places(store, options, stage, command);
        let kept = cleaned(store.root());
        let inputs = running.pending.action.inputs.values();
        let (mut reads, mut found): (Vec<_>, Vec<_>) = inputs
            .map(|it| cleaned(Path::new(&it.path)))
            .partition(|it| it.starts_with(&kept));
        // A path that was typed may lead there by links, and rulesets know only where they end.
        let mut hidden = vec![project.clone(), kept.clone()];
        hidden.extend(
            hidden
                .clone()
                .iter()
                .filter_map(|it| it.canonicalize().ok()),
        );
        let homes = programs
            .iter()
            .flat_map(|it| reads::of_program(it, options));
        for home in homes.map(|it| cleaned(&it)) {
            if home.starts_with(&project) {
                found.push(home);
            } else {
                reads.extend(reads::without(home, &hidden));
            }
        }
        let near = allowed.iter().filter(|it| it.starts_with(&project));
        found.extend(near.cloned());
        // What holds the whole project or the store can only be read where it is.
        let (around, found): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|it| project.starts_with(it) || kept.starts_with(it));
        let (linked, copied): (Vec<_>, Vec<_>) = topmost(found)
            .into_iter()
            .partition(|it| reads::is_environment(it));
        let temporary = temporary(running.place.folder(), options);
        reads.extend(around);
        reads.extend(linked.iter().chain(&copied).chain(allowed).cloned());
        reads.extend(reads::of_machine(options, &hidden));
        reads.extend([running.place.folder().to_owned(), temporary.clone()]);
        Some(Arc::new(Self {
            root: running.place.place("sandbox"),
            folder: cleaned(&folder_of(command, &project)),
            outs: (stage.outs.iter().map(|it| cleaned(&project.join(it)))).collect(),
            temporary,
            metrics: running.place.place("metrics"),
            reads: topmost(reads),
            project,
            linked,
            copied,
            programs,
        }))
    }

    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    pub fn metrics(&self) -> &Path {
        &self.metrics
    }

    /// Where the command starts.
    pub fn start(&self) -> PathBuf {
        self.inside(&self.folder)
    }

    /// Puts the outs where they belong; returns what is left in the sandbox. What came there meanwhile is set aside, and told
    /// even if this fails.
    pub fn deliver(
        &self,
        store: &Store,
        protected: &ProtectedPaths,
        set_aside: &mut Vec<SetAside>,
    ) -> Result<Vec<String>, Failure> {
        for out in &self.outs {
            let made = self.inside(out);
            // It may have been written to the project itself, by a whole path or through a link to an environment.
            let is_there = made.symlink_metadata().is_ok()
                && parent(&made).canonicalize().ok() != parent(out).canonicalize().ok();
            if is_there {
                let out = out.to_string_lossy();
                let delivered = store.deliver_out(protected, &made, &out, set_aside);
                delivered.map_err(|error| of_store(&error))?;
            }
        }
        let entries = WalkDir::new(&self.root).sort_by_file_name();
        let project = self.inside(&self.project);
        let kept = entries
            .into_iter()
            .filter_entry(|it| !is_incidental(it.path(), &project));
        let written = kept
            .flatten()
            .filter(|it| !it.file_type().is_dir())
            .filter_map(|it| Some(Path::new("/").join(it.path().strip_prefix(&self.root).ok()?)))
            .filter(|it| !self.is_given(it));
        Ok(written.map(|it| self.shown(&it)).collect())
    }

    /// Says of a command's failure what it may have missed.
    pub fn explain(&self, mut failure: Failure, command: &Command) -> Failure {
        if !matches!(failure.kind, FailureKind::Exit(_) | FailureKind::Output) {
            return failure;
        }
        let said = failure.tail.iter().chain(&command.cmd.0);
        let missed: Vec<String> = self
            .undeclared(said.map(String::as_str))
            .iter()
            .map(|it| format!("`{}`", self.shown(it)))
            .collect();
        let hint = match (missed.as_slice(), failure.hint.take()) {
            ([], hint) => hint.unwrap_or_else(|| {
                "it ran in a sandbox, and found only what its stage declares".to_owned()
            }),
            (missed, _) => format!(
                "it ran in a sandbox, without {}: name what it reads in `deps`, or allow it with `--allow-read`",
                missed.join(", ")
            ),
        };
        failure.hint = Some(hint);
        failure
    }

    /// Removes what lies outside of the attempt's own folder, which goes with it.
    pub fn dispose(&self) {
        // What cannot be removed is left to whoever tidies that folder, as when pipe is killed.
        let _ = remove_tree(&self.temporary);
    }

    /// The place in the sandbox of what lies at a whole path.
    fn inside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether the sandbox had it from the beginning.
    fn is_given(&self, path: &Path) -> bool {
        let mut given = self.copied.iter().chain(&self.linked);
        given.any(|it| path.starts_with(it)) && path.symlink_metadata().is_ok()
    }

    fn shown(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.project).unwrap_or(path);
        short.display().to_string()
    }
}

impl Confinement for Sandbox {
    fn build(&self) -> Result<(), Failure> {
        // Copies are nobody else's business.
        for folder in [&self.root, &self.temporary] {
            create(parent(folder))?;
            let made = fs::DirBuilder::new().mode(0o700).create(folder);
            made.map_err(|error| cannot("create", folder, &error))?;
        }
        for path in &self.copied {
            let place = self.inside(path);
            create(parent(&place))?;
            copy_source(path, &place).map_err(|error| of_store(&error))?;
        }
        for path in &self.linked {
            let place = self.inside(path);
            create(parent(&place))?;
            symlink(path, &place).map_err(|error| cannot("create", &place, &error))?;
        }
        for out in &self.outs {
            create(parent(&self.inside(out)))?;
        }
        create(&self.start())
    }

    fn reads(&self) -> &[PathBuf] {
        &self.reads
    }
}

pub fn folder_of(command: &Command, project: &Path) -> PathBuf {
    match &command.wdir {
        Some(wdir) => project.join(wdir),
        None => project.to_owned(),
    }
}

/// Where a command finds a place for files that nobody needs afterwards: near the root, as names of sockets are short.
fn temporary(place: &Path, options: &Options) -> PathBuf {
    let digest = Digest(Sha256::digest(place.as_os_str().as_encoded_bytes()).into());
    let folder = options.host.get("TMPDIR").unwrap_or_default();
    let folder = if folder.is_empty() { "/tmp" } else { &folder };
    Path::new(folder).join(format!("pipe-{}", digest.short()))
}

/// Without `.` and `..`, by names alone.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// Without those that lie below another, in order.
fn topmost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    let mut kept: Vec<PathBuf> = Vec::with_capacity(paths.len());
    for path in paths {
        if kept.last().is_none_or(|it| !path.starts_with(it)) {
            kept.push(path);
        }
    }
    kept
}

/// Hidden files and caches of interpreters are nobody's.
fn is_incidental(path: &Path, project: &Path) -> bool {
    let Ok(short) = path.strip_prefix(project) else {
        return false;
    };
    let name = short.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name == b"__pycache__"
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot {what} `{}`: {error}", path.display());
    failure::plain(FailureKind::Io, message, None)
}
