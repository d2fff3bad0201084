//! The commit that a project is at, and whether its files differ from it. Git is asked only once something is executed,
//! and beside it: starting it costs more than a run with nothing to do. Knows no stage.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
};

/// A commit, and what becomes known of the tree.
#[derive(Clone, Debug)]
pub struct Commit {
    name: String,
    folder: PathBuf,
    /// Whether git was asked.
    is_asked: Arc<OnceLock<()>>,
    is_changed: Arc<OnceLock<bool>>,
}

impl Commit {
    /// The commit `name` of the work tree that `folder` lies in.
    pub fn new(name: String, folder: PathBuf) -> Self {
        Self {
            name,
            folder,
            is_asked: Arc::default(),
            is_changed: Arc::default(),
        }
    }

    /// The commit alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins to find out whether tracked files differ from the commit, once.
    pub fn look(&self) {
        self.is_asked.get_or_init(|| {
            let (folder, is_changed) = (self.folder.clone(), Arc::clone(&self.is_changed));
            let answer = Arc::clone(&is_changed);
            let asked = std::thread::Builder::new().spawn(move || answer.set(has_changes(folder)));
            if asked.is_err() {
                // It is set only here then.
                let _ = is_changed.set(false);
            }
        });
    }

    /// The commit, with `+` where tracked files differed from it when this was looked at first.
    pub fn text(&self) -> String {
        self.look();
        let mark = if *self.is_changed.wait() { "+" } else { "" };
        format!("{}{mark}", self.name)
    }
}

/// As `git describe --dirty` sees it. Where git cannot tell, nothing is claimed.
fn has_changes(folder: PathBuf) -> bool {
    let answer = Command::new("git")
        .args([
            "--no-optional-locks",
            "status",
            "--porcelain",
            "--untracked-files=no",
        ])
        .current_dir(folder)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    answer.is_ok_and(|it| it.status.success() && !it.stdout.is_empty())
}
