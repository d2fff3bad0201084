//! Looking executes nothing: every command that only looks is asked in a project whose programs, scripts, hooks and settings
//! all leave a mark. That a run leaves some of them shows that they can be left.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::{left_out, project::Project, workers};

const SPEC: &str = "
version: 1
name: looking
include: [more.yaml]
stages:
  rows:
    preprocess: {source: {csv: data/rows.csv}, target: y}
  own:
    command:
      cmd: 'true > own.txt'
      outs: [own.txt]
      tools: [./own.sh, bin/own, own-in-path, own-by-link, own-by-relative-path]
  outside:
    command: {cmd: 'true > outside.txt', outs: [outside.txt], tools: [outside]}
  scripts:
    command: {cmd: 'sh run.sh > q.txt; ./shimmed.py > r.txt; python3 load.py', outs: [q.txt, r.txt]}
  late:
    command: {cmd: 'cat q.txt data/*.csv > late.txt', deps: [q.txt, data/*.csv], outs: [late.txt], tools: [./own.sh]}
";

/// Programs that other tools of this kind start; all of them are the project's here.
const SHIMS: [&str; 16] = [
    "sh",
    "bash",
    "env",
    "python3",
    "python",
    "less",
    "more",
    "vi",
    "nano",
    "which",
    "uname",
    "dvc",
    "make",
    "xdg-open",
    "nvidia-smi",
    "own-in-path",
];
/// Settings that name a program.
const SETTINGS: [&str; 14] = [
    "PAGER",
    "GIT_PAGER",
    "EDITOR",
    "VISUAL",
    "GIT_EDITOR",
    "BROWSER",
    "LESSOPEN",
    "SHELL",
    "GIT_EXTERNAL_DIFF",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "MANPAGER",
    "PYTHONSTARTUP",
    "BASH_ENV",
];

/// Commands that only look, as the words of a call; those in the second list need a run.
const LOOKS: [&[&str]; 27] = [
    &["check"],
    &["check", "--format", "json"],
    &["plan"],
    &["plan", "--format", "json"],
    &["plan", "--format", "dot"],
    &["plan", "--format", "mermaid"],
    &["status"],
    &["status", "--format", "json"],
    &["status", "late"],
    &["explain", "rows", "own", "outside", "scripts", "late"],
    &["explain", "own", "--format", "json"],
    &["run", "--dry-run"],
    &["run", "-n", "--format", "json"],
    &["run", "-n", "--force"],
    &["run", "-n", "--force=own", "--downstream", "scripts"],
    &["run", "-n", "--sandbox"],
    &["schema"],
    &["help", "train"],
    &["help", "run"],
    &["completions", "bash"],
    &["completions", "fish"],
    &["completions", "zsh"],
    &["doctor"],
    &["doctor", "--format", "json"],
    &["import", "-o", "-", "dvc.yaml"],
    &["pick", "values.yaml", "a"],
    &["init", "data/rows.csv", "--target", "y", "-o", "first.yaml"],
];
const LOOKS_AFTER_RUN: [&[&str]; 13] = [
    &["runs"],
    &["runs", "--format", "json"],
    &["show", "own"],
    &["show", "scripts", "--format", "json"],
    &["show", "late"],
    &["path", "own"],
    &["report", "-o", "report.html"],
    &["cache"],
    &["verify"],
    &["doctor", "--rebuild"],
    &["export", "own", "copied"],
    &["gc", "--dry-run"],
    &["status", "--set", "n=2"],
];
/// Commands that do more than look.
const DOES: [&str; 4] = ["run", "predict", "clean", "gc"];

struct Trap {
    project: Project,
    outside: TempDir,
    has_git: bool,
}

impl Trap {
    fn new() -> Self {
        let trap = Self {
            project: Project::new(),
            outside: TempDir::with_prefix("pipe-outside-").unwrap(),
            has_git: Command::new("git").arg("--version").output().is_ok(),
        };
        let project = &trap.project;
        project.write("pipe.yaml", SPEC);
        project.write("more.yaml", "vars: {n: 1}\n");
        project.write("data/rows.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n");
        project.write("values.yaml", "a: 1\n");
        project.write(
            "dvc.yaml",
            "stages:\n  one:\n    cmd: sh run.sh\n    deps: [run.sh]\n    outs: [dvc.out]\n",
        );
        project.write(".env", "touch marked-env\n");
        project.write(".envrc", "touch marked-envrc\n");
        for name in [
            "own.sh",
            "bin/own",
            "run.sh",
            "linked",
            "relative/own-by-relative-path",
            "interpreter",
            ".git/hooks/fsmonitor",
        ] {
            trap.mark_with(&project.path(name), name);
        }
        for name in SHIMS {
            trap.mark_with(&project.path(&format!("programs/{name}")), name);
        }
        for name in [
            "post-checkout",
            "pre-commit",
            "post-index-change",
            "reference-transaction",
        ] {
            trap.mark_with(&project.path(&format!(".git/hooks/{name}")), name);
        }
        for name in ["load.py", "conftest.py", "sitecustomize.py", "data/rows.py"] {
            project.write(name, "open('marked-python', 'w')\n");
        }
        let shimmed = format!("#!{}\n", project.path("interpreter").display());
        project.write("shimmed.py", &shimmed);
        executable(&project.path("shimmed.py"));
        trap.mark_with(&trap.outside.path().join("outside"), "outside");
        symlink(
            project.path("linked"),
            trap.outside.path().join("own-by-link"),
        )
        .unwrap();
        if trap.has_git {
            trap.set_up_git();
        }
        trap.take_marks();
        trap
    }

    /// Writes a program that notes its name and what it is asked.
    fn mark_with(&self, path: &Path, name: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let marks = self.marks();
        // Commands of a run need their shell.
        let answer = match name {
            "bash" => "exec /bin/bash \"$@\"",
            _ => "echo 1",
        };
        fs::write(
            path,
            format!(
                "#!/bin/sh\necho \"{name} $*\" >> '{}'\n{answer}\n",
                marks.display()
            ),
        )
        .unwrap();
        executable(path);
    }

    fn set_up_git(&self) {
        let git = |words: &[&str]| {
            let output = Command::new("git")
                .args([
                    "-c",
                    "user.name=a",
                    "-c",
                    "user.email=a@b",
                    "-c",
                    "core.hooksPath=/dev/null",
                ])
                .args(words)
                .current_dir(self.project.path(""))
                .output()
                .unwrap();
            assert!(output.status.success(), "{words:?} {output:?}");
        };
        git(&["init", "-q"]);
        git(&["add", "pipe.yaml", "data"]);
        git(&["commit", "-q", "-m", "one"]);
        let program = |name: &str| self.project.path(name).display().to_string();
        for (setting, value) in [
            ("core.fsmonitor", program(".git/hooks/fsmonitor")),
            ("core.pager", program("programs/less")),
            ("core.editor", program("programs/vi")),
            ("diff.external", program("programs/more")),
            ("filter.marked.clean", program("programs/less")),
            ("alias.status", format!("!{}", program("programs/more"))),
        ] {
            git(&["config", setting, &value]);
        }
        self.project.write(".gitattributes", "* filter=marked\n");
    }

    fn marks(&self) -> std::path::PathBuf {
        self.outside.path().join("marks")
    }

    /// The marks since the last call, those of files with a name of their own among them.
    fn take_marks(&self) -> String {
        let mut marks = fs::read_to_string(self.marks()).unwrap_or_default();
        let _ = fs::remove_file(self.marks());
        for name in ["marked-env", "marked-envrc", "marked-python"] {
            if fs::remove_file(self.project.path(name)).is_ok() {
                marks += &format!("{name}\n");
            }
        }
        marks
    }

    fn pipe(&self, words: &[&str]) -> Output {
        let mut command = self.project.command(words);
        let path = format!(
            "{}:relative:.:{}:{}",
            self.project.path("programs").display(),
            self.outside.path().display(),
            std::env::var("PATH").unwrap()
        );
        command
            .env("PATH", path)
            .env("PIPE_WORKER", workers::fake());
        for setting in SETTINGS {
            command.env(setting, self.project.path("own.sh"));
        }
        command.output().unwrap()
    }

    #[track_caller]
    fn look(&self, looks: &[&[&str]]) {
        for words in looks {
            let output = self.pipe(words);
            let marks = self.take_marks();
            assert!(marks.is_empty(), "pipe {words:?} executed\n{marks}");
            let refused = [&["init"][..], &["gc", "--dry-run"], &["status", "--set"]];
            let is_refused = refused.iter().any(|it| words.starts_with(it));
            assert!(
                output.status.success() || is_refused,
                "pipe {words:?} {output:?}"
            );
        }
    }
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn looking_executes_nothing_of_the_project_and_no_program_for_its_version() {
    let trap = Trap::new();
    trap.look(&LOOKS);
    let run = trap.pipe(&["run", "own", "outside", "scripts", "late"]);
    assert!(run.status.success(), "{run:?}");
    let marks = trap.take_marks();
    let is_marked = |mark: &str| marks.lines().any(|it| it.starts_with(mark));
    for mark in [
        "outside --version",
        "sh run.sh",
        "interpreter ",
        "python3 load.py",
    ] {
        assert!(is_marked(mark), "a run leaves `{mark}`\n{marks}");
    }
    if trap.has_git {
        assert!(is_marked(".git/hooks/fsmonitor"), "{marks}");
    } else {
        let test = "looking_executes_nothing: the hooks of git";
        left_out::for_lack_of_tool(test, "git is not installed", "install git");
    }
    for name in ["own", "bin/own", "linked", "relative/"] {
        assert!(
            !is_marked(name),
            "what is the project's is not asked for its version\n{marks}"
        );
    }
    let status = String::from_utf8(
        trap.pipe(&["status", "own", "outside", "scripts", "late"])
            .stdout,
    )
    .unwrap();
    assert!(
        status.contains("nothing to do: 4 stages cached"),
        "{status}"
    );
    trap.look(&LOOKS);
    trap.look(&LOOKS_AFTER_RUN);
    // A changed program is asked by nobody who looks.
    trap.mark_with(&trap.outside.path().join("outside"), "outside again");
    trap.look(&LOOKS);
    let status = String::from_utf8(trap.pipe(&["status", "outside"]).stdout).unwrap();
    assert!(
        status.contains("depends on the version of `outside`"),
        "{status}"
    );
}

#[test]
fn a_changed_tool_of_the_project_is_seen_by_its_bytes() {
    let trap = Trap::new();
    let cached = |words: &[&str]| {
        let status = String::from_utf8(trap.pipe(words).stdout).unwrap();
        status.contains("nothing to do")
    };
    for (tool, path) in [
        ("own.sh", "own.sh"),
        ("bin/own", "bin/own"),
        ("linked", "linked"),
        ("in PATH", "programs/own-in-path"),
        ("relative", "relative/own-by-relative-path"),
    ] {
        assert!(trap.pipe(&["run", "own"]).status.success());
        assert!(cached(&["status", "own"]), "{tool}");
        let text = trap.project.read(path);
        trap.project.write(path, &format!("{text}# {tool}\n"));
        assert!(!cached(&["status", "own"]), "{tool}");
    }
}

#[test]
fn every_command_either_looks_and_is_asked_here_or_is_known_to_do_more() {
    let help = Project::new().done(&["--help"]).out;
    let named = help.lines().filter_map(|it| {
        let name = it.strip_prefix("  ")?.split(' ').next()?;
        let is_name = !name.is_empty() && name.chars().all(|it| it.is_ascii_lowercase());
        is_name.then_some(name)
    });
    let asked: Vec<&str> = LOOKS
        .iter()
        .chain(&LOOKS_AFTER_RUN)
        .map(|it| it[0])
        .collect();
    let named: Vec<&str> = named.collect();
    assert!(named.contains(&"status") && named.contains(&"gc"), "{help}");
    for name in named {
        assert!(asked.contains(&name) || DOES.contains(&name), "`{name}`");
    }
}
