//! A place to train in: a dataset made of a table, and stages that differ from a plain one in what a test names.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use pipe_data::Dataset;
use pipe_schema::{
    model::{EpochRecord, Model},
    protocol::{Done, Event, Failed, InputPath, Request, Work},
    report::Metrics,
    stage::{Preprocess, Task, Train},
};
use pipe_wire::Reporter;
use serde_json::{Value, json};
use tch::Device;
use tempfile::TempDir;

use crate::{job::perform, loss::Criterion, measure::measure, model::Net, rows::Rows};

/// 120 points of three classes, told apart by noisy sums.
pub fn classes() -> String {
    table(|x| ["low", "mid", "high"][((x[0] + x[1] - 0.5 * x[2]) as usize / 6) % 3].to_owned())
}

/// 120 points with a number to learn.
pub fn numbers() -> String {
    table(|x| format!("{:.3}", 2.0 * x[0] - x[1] * x[2] / 7.0 + 0.5))
}

/// 120 points with what `target` makes of them.
pub fn table(target: impl Fn(&[f64; 4]) -> String) -> String {
    let mut text = "a,b,c,d,y\n".to_owned();
    for row in 0..120u32 {
        let noise = f64::from(row % 3) / 4.0;
        let features = [7, 11, 13, 17].map(|step| f64::from(row * step % 19) + noise);
        for value in features {
            write!(text, "{value},").unwrap();
        }
        writeln!(text, "{}", target(&features)).unwrap();
    }
    text
}

/// A dataset to train on.
pub struct Bench {
    folder: TempDir,
}

/// What a training left.
#[derive(Debug)]
pub struct Trained {
    pub done: Done,
    pub events: Vec<Event>,
    output: TempDir,
}

impl Bench {
    pub fn new(table: &str) -> Self {
        Self::split(table, 0.8, 0.2)
    }

    /// All rows are trained on.
    pub fn without_val(table: &str) -> Self {
        Self::split(table, 1.0, 0.0)
    }

    /// 120 points with two numbers, `a` and `b`, and two labels, `c` and `d`; these columns are the targets.
    pub fn several(target: &[&str; 2]) -> Self {
        let mut text = "x,y,a,b,c,d\n".to_owned();
        for row in 0..120u32 {
            let (x, y) = (f64::from(row * 7 % 19), f64::from(row * 11 % 23));
            let labels = [x > y, x + y > 25.0].map(u8::from);
            let [c, d] = labels;
            writeln!(
                text,
                "{x},{y},{:.2},{:.2},{c},{d}",
                x - 0.5 * y,
                x * y / 9.0
            )
            .unwrap();
        }
        let others = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let others: Vec<String> = others
            .into_iter()
            .filter(|it| !target.contains(&it.as_str()))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("table.csv");
        fs::write(&csv, text).unwrap();
        let block = json!({
            "source": {"csv": "table.csv"}, "target": target,
            "steps": [{"drop": {"columns": others}}, {"standardize": {}}],
            "split": {"random": {"train": 0.8, "val": 0.2}},
        });
        Self::preprocess(folder, block, &[("source/0", &csv)])
    }

    fn split(table: &str, train: f64, val: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("table.csv");
        fs::write(&csv, table).unwrap();
        let block = json!({
            "source": {"csv": "table.csv"}, "target": "y", "steps": [{"standardize": {}}],
            "split": {"random": {"train": train, "val": val}},
        });
        Self::preprocess(folder, block, &[("source/0", &csv)])
    }

    /// A dataset by a block of its own.
    pub fn preprocess(folder: TempDir, block: Value, files: &[(&'static str, &Path)]) -> Self {
        let block: Preprocess = serde_json::from_value(block).unwrap();
        let inputs = files.iter().map(|(role, path)| (*role, path.to_path_buf()));
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let request = request(Task::Preprocess(Box::new(block)), inputs, &data);
        perform(request, &mut Reporter::silent()).unwrap();
        Self { folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn train(&self, stage: &Value) -> Result<Trained, Failed> {
        self.run(stage, |_| {}, None)
    }

    /// Stops within the first step after this epoch.
    pub fn stop_after_epoch(&self, epoch: u64, stage: &Value, checkpoints: &Path) -> Trained {
        let keep = |request: &mut Request| {
            request.checkpoints = Some(checkpoints.to_str().unwrap().to_owned());
        };
        self.run(stage, keep, Some(epoch)).unwrap()
    }

    pub fn resume(&self, stage: &Value, checkpoints: &Path) -> Result<Trained, Failed> {
        let keep = |request: &mut Request| {
            request.checkpoints = Some(checkpoints.to_str().unwrap().to_owned());
        };
        self.run(stage, keep, None)
    }

    pub fn train_until(
        &self,
        until: u32,
        stage: &Value,
        checkpoints: &Path,
    ) -> Result<Trained, Failed> {
        let bounded = |request: &mut Request| {
            request.checkpoints = Some(checkpoints.to_str().unwrap().to_owned());
            request.until = Some(until);
        };
        self.run(stage, bounded, None)
    }

    /// Trains from another training's model.
    pub fn train_from(&self, model: &Trained, stage: &Value) -> Result<Trained, Failed> {
        let from = |request: &mut Request| {
            let path = input(model.output.path());
            request.inputs.insert("init_from".to_owned(), path);
        };
        self.run(stage, from, None)
    }

    /// Trains with this file as `init_from`.
    pub fn train_from_file(&self, file: &Path, stage: &Value) -> Result<Trained, Failed> {
        let from = |request: &mut Request| {
            request.inputs.insert("init_from".to_owned(), input(file));
        };
        self.run(stage, from, None)
    }

    /// A trained model on the val part.
    pub fn measure(&self, trained: &Trained) -> Metrics {
        let model: Model = serde_json::from_slice(&trained.file("model.json")).unwrap();
        let net = trained.net();
        let dataset = Dataset::open(self.data()).unwrap();
        let val = Rows::load(&dataset, "val", Device::Cpu).unwrap();
        let (weights, smoothing) = (&model.class_weights, model.label_smoothing);
        let criterion = Criterion::new(model.loss, weights, smoothing, Device::Cpu)
            .and_then(|it| it.for_layers(&model.layers, Device::Cpu))
            .unwrap();
        measure(&net, &criterion, &val, None).unwrap()
    }

    fn run(
        &self,
        stage: &Value,
        change: impl FnOnce(&mut Request),
        stop_after: Option<u64>,
    ) -> Result<Trained, Failed> {
        let output = tempfile::tempdir().unwrap();
        let inputs = [("data", self.data())];
        let mut request = request(Task::Train(Box::new(filled(stage))), inputs, output.path());
        change(&mut request);
        let events = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(stop_after == Some(0)));
        let (seen, flag) = (Arc::clone(&events), Arc::clone(&stop));
        let mut reporter = Reporter::new(
            move |event| {
                if let Event::Metric { step, .. } = event
                    && Some(step) == stop_after
                {
                    flag.store(true, Ordering::Relaxed);
                }
                seen.lock().unwrap().push(event);
            },
            stop,
        );
        let done = perform(request, &mut reporter)?;
        let events = events.lock().unwrap().clone();
        Ok(Trained {
            done,
            events,
            output,
        })
    }
}

impl Trained {
    pub fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.output.path().join(name)).unwrap()
    }

    /// All files with their bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.output.path()).unwrap();
        let files: BTreeMap<String, Vec<u8>> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| (name.clone(), self.file(&name)))
            .collect();
        assert_eq!(files.len(), 4, "{:?}", files.keys());
        files
    }

    pub fn history(&self) -> Vec<EpochRecord> {
        serde_json::from_slice(&self.file("history.json")).unwrap()
    }

    pub fn net(&self) -> Net {
        let model: Model = serde_json::from_slice(&self.file("model.json")).unwrap();
        let weights = self.output.path().join("weights.safetensors");
        Net::load(&model.layers, &weights, Device::Cpu).unwrap()
    }

    /// Whether a line for people has these words.
    pub fn logs(&self, words: &str) -> bool {
        let says = |event: &Event| matches!(event, Event::Log { text } if text.contains(words));
        self.events.iter().any(says)
    }
}

/// A plain stage with what the test says put in.
fn filled(fields: &Value) -> Train {
    let mut stage = json!({
        "data": "prepare", "model": {"mlp": {"hidden": [8]}}, "loss": "cross_entropy",
        "epochs": 2, "batch_size": 16,
    });
    for (key, value) in fields.as_object().unwrap() {
        stage[key] = value.clone();
    }
    serde_json::from_value(stage).unwrap()
}

fn request(
    task: Task,
    inputs: impl IntoIterator<Item = (&'static str, PathBuf)>,
    output: &Path,
) -> Request {
    let inputs = inputs.into_iter();
    Request {
        work: Work::Stage(task),
        inputs: inputs
            .map(|(role, path)| (role.to_owned(), input(&path)))
            .collect(),
        output: output.to_str().unwrap().to_owned(),
        checkpoints: None,
        threads: 1,
        device: "cpu".to_owned(),
        until: None,
    }
}

fn input(path: &Path) -> InputPath {
    InputPath {
        path: path.to_str().unwrap().to_owned(),
        part: None,
    }
}
