//! A project of a test: a temporary folder with files, and `pipe` run in it as a user runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A temporary project; removed when dropped, the store's read-only folders too.
pub struct Project {
    folder: TempDir,
}

/// What a command printed and how it ended.
pub struct Answer {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub seconds: f64,
}

impl Project {
    /// An empty project: its folder is the project's root whatever lies above.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("pipe-test-").unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        Self { folder }
    }

    /// The same in a folder that is named; None where it cannot be written.
    pub fn below(parent: &Path) -> Option<Self> {
        let folder = TempDir::with_prefix_in("pipe-test-", parent).ok()?;
        fs::create_dir(folder.path().join(".git")).unwrap();
        Some(Self { folder })
    }

    /// A project with a spec that reads `in.txt`, after its first run.
    pub fn after_run(spec: &str) -> Self {
        let project = Self::new();
        project.write("pipe.yaml", spec);
        project.write("in.txt", "x\n");
        project.done(&["run"]);
        project
    }

    /// A project with the shipped pipelines.
    pub fn with_pipelines() -> Self {
        let project = Self::new();
        copy(&repository().join("pipelines"), &project.path("pipelines"));
        project
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative))
            .unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Changes a file of the project; what is replaced must be there.
    pub fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} has no `{from}`");
        self.write(relative, &text.replacen(from, to, 1));
    }

    /// `pipe` with these words, ready to be started: without the caller's settings.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipe"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for name in [
            "PIPE_STORE",
            "PIPE_WORKER",
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "CI",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Waits until nothing works in the project any more: a loss of power ends jobs, too.
    pub fn wait_for_jobs(&self) {
        let folder = self.path("").canonicalize().unwrap();
        let is_at_work = || {
            let processes = fs::read_dir("/proc").unwrap().flatten();
            let mut places = processes.filter_map(|it| fs::read_link(it.path().join("cwd")).ok());
            places.any(|it| it.starts_with(&folder))
        };
        crate::steered::wait_for("the end of all jobs", || !is_at_work());
    }

    /// Runs `pipe` with these words.
    pub fn pipe(&self, words: &[&str]) -> Answer {
        let begin = Instant::now();
        let output = self.command(words).output().unwrap();
        Answer::new(&output, begin.elapsed())
    }

    /// As an ordinary user: root may do all, without its privileges it is a user like others.
    pub fn ordinary(&self, words: &[&str]) -> Answer {
        let begin = Instant::now();
        if nix::unistd::geteuid().is_root() {
            let plain = self.command(words);
            let mut command = Command::new("setpriv");
            command
                .arg("--bounding-set=-all")
                .arg(plain.get_program())
                .args(plain.get_args())
                .current_dir(self.path(""))
                .stdin(Stdio::null())
                .env_remove("PIPE_STORE");
            if let Ok(output) = command.output() {
                return Answer::new(&output, begin.elapsed());
            }
        }
        self.pipe(words)
    }

    /// Runs `pipe`, which must end with 0.
    pub fn done(&self, words: &[&str]) -> Answer {
        let answer = self.pipe(words);
        assert_eq!(answer.code, Some(0), "pipe {words:?}\n{answer}");
        answer
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Folders of artifacts are read-only, which keeps ordinary users from removing what is in them.
        let writable = std::os::unix::fs::PermissionsExt::from_mode;
        for entry in walkdir::WalkDir::new(self.folder.path())
            .into_iter()
            .flatten()
        {
            if entry.file_type().is_dir() {
                let _ = fs::set_permissions(entry.path(), writable(0o755));
            }
        }
    }
}

impl Answer {
    pub fn new(output: &Output, time: Duration) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            seconds: time.as_secs_f64(),
        }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Standard output as one JSON value a line.
    pub fn lines(&self) -> Vec<Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }

    /// Of `run --format json`: stages by what happened to them, in the order in which it did.
    pub fn stages(&self, event: &str) -> Vec<String> {
        self.lines()
            .iter()
            .filter_map(|it| it["event"][event]["stage"].as_str().map(str::to_owned))
            .collect()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "code: {:?}\nstdout: {}\nstderr: {}",
            self.code, self.out, self.err
        )
    }
}

/// The folder of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a folder, or what is in it; without large data that may have been fetched.
pub fn copy(from: &Path, to: &Path) {
    let entries = walkdir::WalkDir::new(from)
        .into_iter()
        .filter_entry(|it| it.file_name() != "fetched");
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
