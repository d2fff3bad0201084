//! Packages of strangers, given to the worker as a process: what programs in them can do.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use pipe_schema::{
    dataset::{Column, DatasetSchema, Target, TargetKind},
    protocol::{
        Event, Failed, Hello, InputPath, PROTOCOL_VERSION, Predict, Request, RowForm, Work,
    },
    stage::preprocess::{ColumnType, Form, Read},
};
use pipe_torch::shim::Script;
use pipe_wire::{Channel, process};
use serde_json::json;
use tch::{CModule, Tensor};
use tempfile::TempDir;

const WORKER: &str = env!("CARGO_BIN_EXE_pipe-worker");
const ROWS: &str = "x,y\n1,2\n3,4\n";

/// What runs while a module is loaded.
fn while_loading(code: &str) -> String {
    format!(
        "def __getstate__(self) -> Tuple[Tensor, int]:\n    return (torch.zeros([1]), 0)\n\n\
         def __setstate__(self, state: Tuple[Tensor, int]) -> None:\n{code}\n\
         def forward(self, x: Tensor) -> Tensor:\n    return torch.zeros([x.size(0), 1])\n"
    )
}

/// What runs for rows.
fn while_running(code: &str) -> String {
    format!(
        "def forward(self, x: Tensor) -> Tensor:\n{code}    return torch.zeros([x.size(0), 1])\n"
    )
}

/// Programs that do harm, by what they do. `mark` is a file that none of them may make.
fn harmful(mark: &str) -> Vec<(&'static str, String)> {
    let write = format!(
        "    t = torch.from_file(\"{mark}\", True, 33, dtype=0)\n    t.copy_(torch.zeros([33], dtype=0))\n    print(t.sum())\n"
    );
    let save = format!("    torch.save(\"here\", \"{mark}\")\n");
    vec![
        ("writes bytes while it is loaded", while_loading(&write)),
        ("saves while it is loaded", while_loading(&save)),
        ("saves while it runs", while_running(&save)),
        ("writes bytes while it runs", while_running(&write)),
        (
            "reads a file while it is loaded",
            while_loading("    print(torch.from_file(\"/etc/passwd\", False, 12, dtype=0))\n"),
        ),
        (
            "reads a file while it runs",
            while_running("    print(torch.from_file(\"/etc/passwd\", False, 12, dtype=0))\n"),
        ),
    ]
}

fn endless() -> String {
    while_loading("    i = 0\n    while bool(i >= 0):\n        i = (i + 1) % 1000\n")
}

/// A folder with a package `pkg`, rows and a place for predictions.
struct Place(TempDir);

impl Place {
    /// With this program in the package; and with layers beside it, or not.
    fn new(program: &str, has_layers: bool) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let package = place.path("pkg");
        fs::create_dir(&package).unwrap();
        fs::create_dir(place.path("out")).unwrap();
        fs::write(place.path("rows.csv"), ROWS).unwrap();
        let column = |name: &str| Column {
            name: name.to_owned(),
            r#type: ColumnType::Numeric,
            shape: None,
            depth: None,
            notation: None,
        };
        let schema = DatasetSchema {
            columns: vec![column("x"), column("y")],
            target: Target {
                name: "z".to_owned(),
                kind: TargetKind::Number { train_mean: 0.0 },
                positive: None,
            },
            steps: Vec::new(),
            features: vec!["x".to_owned(), "y".to_owned()],
            shape: None,
            codes: [].into_iter().collect(),
            windows: None,
            read: Read::default(),
        };
        let front = json!({
            "version": 1, "name": "odd", "description": null, "formats": ["torchscript"],
            "target": "z", "classes": [], "tolerance": 0.0001,
        });
        let write = |name: &str, text: String| fs::write(package.join(name), text).unwrap();
        write("package.json", front.to_string());
        write("schema.json", serde_json::to_string(&schema).unwrap());
        if has_layers {
            let linear = json!({"linear": {"in_features": 2, "out_features": 1, "bias": true}});
            let model = json!({
                "inputs": 2, "outputs": 1, "loss": "mse", "parameters": 3, "layers": [linear],
            });
            write("model.json", model.to_string());
            let header = r#"{"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"0.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}"#;
            let numbers = [0.5f32, 1.0, 2.0].map(f32::to_le_bytes).concat();
            let length = (header.len() as u64).to_le_bytes();
            let weights = [&length, header.as_bytes(), &numbers].concat();
            fs::write(package.join("weights.safetensors"), weights).unwrap();
            write(
                "golden.jsonl",
                json!({"row": 0, "input": {"x": 1, "y": 2}, "prediction": 5.5, "probabilities": []})
                    .to_string(),
            );
        }
        let mut module = Script::new("Network").unwrap();
        module.define(program).unwrap();
        module.save(&package.join("model.pt")).unwrap();
        pipe_package::write_manifest(&package).unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn request(&self, work: Predict) -> Request {
        let input = |name: &str| InputPath {
            path: self.path(name).display().to_string(),
            part: None,
        };
        Request {
            work: Work::Predict(work),
            inputs: BTreeMap::from([
                ("package".to_owned(), input("pkg")),
                ("rows".to_owned(), input("rows.csv")),
            ]),
            output: self.path("out").display().to_string(),
            checkpoints: None,
            threads: 2,
            device: "cpu".to_owned(),
            until: None,
        }
    }

    /// Has a worker predict; gives the predictions and what it said on the way.
    fn predict(&self, work: Predict) -> Result<(String, Vec<String>), Failed> {
        let (mut channel, mut worker) = start();
        let answer = ask(&mut channel, &self.request(work));
        worker.wait().unwrap();
        let (result, notes) = answer.expect("an answer");
        result?;
        let predictions = fs::read_to_string(self.path("out/predictions.csv")).unwrap();
        Ok((predictions, notes))
    }
}

const WORK: Predict = Predict {
    input: Some(Form::Csv),
    output: RowForm::Csv,
    probabilities: true,
    verify: false,
    no_verify: false,
    allow_script: false,
    memory: Some(4 << 30),
};
const ALLOWED: Predict = Predict {
    allow_script: true,
    ..WORK
};

fn start() -> (Channel, Child) {
    let (ours, theirs) = Channel::pair().unwrap();
    let mut command = Command::new(WORKER);
    command
        .arg("job")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    process::equip(&mut command, Some(theirs.into()), Some(4 << 30));
    (ours, command.spawn().unwrap())
}

/// Sends a request and gives the last word, with the lines that were said before; nothing if the worker goes away.
fn ask(job: &mut Channel, request: &Request) -> Option<(Result<(), Failed>, Vec<String>)> {
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
    };
    job.sender.send(&hello).unwrap();
    assert_eq!(job.receiver.receive::<Hello>().unwrap(), Some(hello));
    job.sender.send(request).unwrap();
    let mut notes = Vec::new();
    loop {
        match job.receiver.receive::<Event>().ok()?? {
            Event::Done(_) => return Some((Ok(()), notes)),
            Event::Failed(failed) => return Some((Err(failed), notes)),
            Event::Log { text } | Event::Note { text } => notes.push(text),
            Event::Progress { .. } | Event::Metric { .. } => {}
        }
    }
}

/// Whether the kernel lacks what a test needs, which is said.
fn lacks(notes: &[String]) -> bool {
    for note in notes {
        eprintln!("left out: {note}");
    }
    !notes.is_empty()
}

#[test]
fn predict_loads_no_program_where_layers_answer() {
    let outside = tempfile::tempdir().unwrap();
    let mark = outside.path().join("mark");
    let mut programs = harmful(mark.to_str().unwrap());
    programs.push(("never ends", endless()));
    for (what, program) in programs {
        let place = Place::new(&program, true);
        for work in [
            WORK,
            ALLOWED,
            Predict {
                verify: true,
                ..WORK
            },
            Predict {
                no_verify: true,
                ..WORK
            },
        ] {
            // Allowed, a program may be loaded, to be verified; unless it is asked for that, it is not.
            let (predictions, notes) = place
                .predict(work)
                .unwrap_or_else(|it| panic!("{what}: {it:?}"));
            assert_eq!(predictions, "prediction\n5.5\n11.5\n", "{what}");
            assert!(!mark.exists(), "{what}");
            assert!(notes.is_empty() || lacks(&notes), "{what}: {notes:?}");
        }
    }
}

#[test]
fn predict_refuses_a_program_alone_and_runs_it_where_it_is_allowed() {
    let good = "def forward(self, x: Tensor) -> Tensor:\n    return torch.sum(x, [1], True)\n";
    let place = Place::new(good, false);
    let refused = place.predict(WORK).unwrap_err();
    assert!(
        refused
            .message
            .contains("holds nothing but a program, model.pt"),
        "{refused:?}"
    );
    assert!(refused.hint.unwrap().contains("--allow-script"));
    let (predictions, _) = place.predict(ALLOWED).unwrap();
    assert_eq!(predictions, "prediction\n3.0\n7.0\n");
}

#[test]
fn allowed_programs_write_and_read_nothing_outside() {
    let outside = tempfile::tempdir().unwrap();
    let mark = outside.path().join("mark");
    for (what, program) in harmful(mark.to_str().unwrap()) {
        let place = Place::new(&program, false);
        // Where nothing holds it, it does what it is called after.
        let module = CModule::load(place.path("pkg/model.pt")).unwrap();
        let answer = module.forward_ts(&[Tensor::from_slice(&[1f32, 2.0]).view([1, 2])]);
        assert!(answer.is_ok(), "{what}");
        assert!(mark.exists() || what.starts_with("reads"), "{what}");
        let _ = fs::remove_file(&mark);
        let files = match place.predict(ALLOWED) {
            Ok((_, notes)) if lacks(&notes) => return,
            // To save where that is denied is no error in TorchScript.
            Ok(_) => {
                assert!(what.starts_with("saves"), "{what}: it was done");
                1
            }
            Err(failed) => {
                assert!(failed.message.contains("open file"), "{what}: {failed:?}");
                fs::read_dir(place.path("out")).unwrap().count()
            }
        };
        assert!(!mark.exists(), "{what}");
        assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), files);
        assert!(files <= 1, "{what}");
    }
}

#[test]
fn allowed_programs_that_never_end_are_ended_with_their_process() {
    let place = Place::new(&endless(), false);
    let (mut channel, mut worker) = start();
    let request = place.request(ALLOWED);
    let asked = thread::spawn(move || ask(&mut channel, &request));
    thread::sleep(Duration::from_secs(2));
    assert!(worker.try_wait().unwrap().is_none(), "it still runs");
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(asked.join().unwrap().is_none());
}

#[test]
fn allowed_programs_get_no_more_memory_than_the_limit() {
    let hungry =
        "def forward(self, x: Tensor) -> Tensor:\n    return torch.ones([1 << 36]).sum() * x\n";
    let place = Place::new(hungry, false);
    let failed = place.predict(ALLOWED).unwrap_err();
    assert!(failed.message.contains("memory"), "{failed:?}");
}
