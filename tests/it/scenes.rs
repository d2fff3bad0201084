//! Commands in states of a project in which much can go wrong, and what must be true after something did.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
};

use crate::{
    journal::frames,
    steered::{SPEC, Steered},
};

/// Outputs with folders, links and executables; the same bytes by two stages; outs in the workspace.
const COMMANDS: &str = r"
version: 1
name: steps
stages:
  table:
    command:
      cmd: |
        mkdir -p ${outputs.t}/sub
        tr a-z A-Z < in.txt > ${outputs.t}/upper
        echo x > ${outputs.t}/sub/x
        chmod +x ${outputs.t}/sub/x
        ln -s sub/x ${outputs.t}/link
      deps: [in.txt]
      outputs: {t: {type: files}}
  twin:
    command: {cmd: 'cp -r ${inputs.t} ${outputs.t}', inputs: {t: table}, outputs: {t: {type: files}}}
  lines:
    command: {cmd: 'cp ${inputs.t}/upper lines.txt; mkdir -p made; cp lines.txt made/one; (cat lines.txt; head -c 20000 /dev/zero) > large.txt', inputs: {t: table}, outs: [lines.txt, made, large.txt]}
";

/// What is done before the command that meets the fault.
pub struct Scene {
    pub name: &'static str,
    pub spec: &'static str,
    pub before: fn(&Place),
    pub words: &'static [&'static str],
}

const RUN: &[&str] = &["run", "--jobs", "1"];

pub const SCENES: [Scene; 9] = [
    Scene {
        name: "first run",
        spec: COMMANDS,
        before: |_| {},
        words: RUN,
    },
    Scene {
        name: "run with workers",
        spec: SPEC,
        before: |place| {
            place
                .0
                .steer(&serde_json::json!({"train": {"checkpoint": "starts"}}));
        },
        words: RUN,
    },
    Scene {
        name: "run after an edit",
        spec: COMMANDS,
        before: |place| {
            place.settle();
            place.input("another\n");
        },
        words: RUN,
    },
    Scene {
        name: "run after an edit and back",
        spec: COMMANDS,
        before: |place| {
            place.settle();
            place.input("another\n");
            place.settle();
            place.input("text\n");
        },
        words: RUN,
    },
    Scene {
        name: "run that finds damage",
        spec: COMMANDS,
        before: |place| {
            place.settle();
            place.damage();
        },
        words: RUN,
    },
    Scene {
        name: "verify that finds damage",
        spec: COMMANDS,
        before: |place| {
            place.settle();
            place.damage();
        },
        words: &["verify"],
    },
    Scene {
        name: "gc",
        spec: COMMANDS,
        before: |place| {
            place.settle();
            place.input("another\n");
            place.settle();
        },
        words: &["gc", "--keep-runs", "1"],
    },
    Scene {
        name: "gc of all but the last",
        spec: SPEC,
        before: |place| {
            place.settle();
            place.0.project.write("train.csv", "x,y\n1,other\n");
            place.settle();
        },
        words: &["gc", "--keep-runs", "0"],
    },
    Scene {
        name: "clean",
        // Outs would stay in the workspace, and nobody would know whose they are.
        spec: SPEC,
        before: Place::settle,
        words: &["clean", "--yes"],
    },
];

pub struct Place(pub Steered);

impl Place {
    pub fn new(scene: &Scene) -> Self {
        let place = Self(Steered::new(scene.spec));
        place.input("text\n");
        (scene.before)(&place);
        place
    }

    fn input(&self, text: &str) {
        self.0.project.write("in.txt", text);
    }

    /// A run without faults.
    pub fn settle(&self) {
        let output = self.pipe(RUN, None);
        assert!(output.status.success(), "{}", told(&output));
    }

    pub fn pipe(&self, words: &[&str], fault: Option<&str>) -> Output {
        let mut command = self.0.project.command(words);
        command.env("PIPE_WORKER", self.0.path("worker.sh"));
        if let Some(fault) = fault {
            command.env("PIPE_FAULT", fault);
        }
        if fault.is_some_and(|it| it.starts_with("kill") || it.starts_with("power")) {
            // Who waits for the end of the output waits for more than the death of the runner.
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let status = command.status().unwrap();
            if fault.is_some_and(|it| it.starts_with("power")) {
                self.0.project.wait_for_jobs();
            }
            return Output {
                status,
                stdout: Vec::new(),
                stderr: Vec::new(),
            };
        }
        command.output().unwrap()
    }

    /// An output and a large out that are others, a small one that cannot be read, a lost manifest, a record that is another.
    fn damage(&self) {
        let artifacts = self.0.path("artifacts");
        let table = fs::canonicalize(artifacts.join("current/table")).unwrap();
        overwrite(&table.join("upper"), "DAMAGE\n");
        let objects = walkdir::WalkDir::new(artifacts.join("objects")).into_iter();
        let mut objects = objects.map(|it| it.unwrap().into_path());
        let large = objects.find(|it| it.ends_with("large.txt")).unwrap();
        overwrite(&large, "DAMAGE\n");
        for kind in ['p', 't', 'r'] {
            frames(&artifacts, kind)[0].harm(|it| it[3] ^= 1);
        }
    }

    /// All that a user gets: results by stage, outs in the workspace.
    pub fn results(&self) -> BTreeMap<String, String> {
        let mut results = files(&self.0.path("artifacts/current"));
        for (path, what) in files(&self.0.path("made")) {
            results.insert(format!("made/{path}"), what);
        }
        for out in ["lines.txt", "large.txt"] {
            let text = fs::read_to_string(self.0.path(out)).unwrap_or_default();
            results.insert(out.to_owned(), text);
        }
        results
    }

    /// The next run ends well, with these results; nothing is damaged, nothing left over, nothing to do.
    pub fn check(&self, results: &BTreeMap<String, String>) -> Result<(), String> {
        let run = self.pipe(RUN, None);
        if !run.status.success() {
            return Err(format!("the next run: {}", told(&run)));
        }
        if self.results() != *results {
            return Err(format!("other results: {:#?}", self.results()));
        }
        let mut verify = self.pipe(&["verify"], None);
        // Records that came back from the logs are counted once, though the run told of them.
        if String::from_utf8_lossy(&verify.stdout).contains("lost with a journal") {
            verify = self.pipe(&["verify"], None);
        }
        if !verify.status.success() {
            return Err(format!("verify: {}", told(&verify)));
        }
        let again = self.pipe(RUN, None);
        let text = String::from_utf8_lossy(&again.stdout);
        if !again.status.success() || !text.contains("nothing to do") {
            return Err(format!("the run after it: {}", told(&again)));
        }
        for folder in ["tmp", "roots"] {
            let left: Vec<_> = fs::read_dir(self.0.path("artifacts").join(folder))
                .unwrap()
                .flatten()
                .map(|it| it.file_name())
                .collect();
            if !left.is_empty() {
                return Err(format!("left in {folder}: {left:?}"));
            }
        }
        Ok(())
    }
}

pub fn told(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn overwrite(path: &Path, text: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, text).unwrap();
}

/// Content and executable bit of all files, links followed.
fn files(folder: &Path) -> BTreeMap<String, String> {
    walkdir::WalkDir::new(folder)
        .follow_links(true)
        .into_iter()
        .flatten()
        .filter(|it| it.file_type().is_file())
        .map(|it| {
            let name = it.path().strip_prefix(folder).unwrap();
            let mode = it.metadata().unwrap().permissions().mode() & 0o100;
            let text = String::from_utf8_lossy(&fs::read(it.path()).unwrap()).into_owned();
            (name.display().to_string(), format!("{mode:o} {text}"))
        })
        .collect()
}
