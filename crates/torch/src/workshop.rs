//! For tests: a folder in which jobs are done one after another, as the runner would have them done.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use pipe_schema::{
    layer::Layer,
    protocol::{Done, Failed, InputPath, Predict, Request, Work},
};
use pipe_wire::Reporter;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{job::perform, seeded::seed};

/// Layers for images of 4 x 4 pixels: two channels of them, normalized.
pub fn image_layers(bias: bool) -> [Layer; 3] {
    [
        Layer::Reshape {
            shape: vec![1, 4, 4],
        },
        Layer::Conv2d {
            in_channels: 1,
            out_channels: 2,
            kernel_size: 3,
            stride: 1,
            padding: 1,
            bias,
        },
        Layer::BatchNorm {
            features: 2,
            spatial: true,
            eps: 1e-5,
            momentum: 0.1,
        },
    ]
}

/// A folder with outputs by name.
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// With a dataset `data` of three classes: numbers with gaps, and words.
    pub fn with_classes() -> Self {
        let mut table = "size,city,weight,kind\n".to_owned();
        for row in 0..240u32 {
            let class = row % 3;
            let noise = f64::from(row * 7919 % 101) / 50.0 - 1.0;
            let size = match row % 17 {
                0 => String::new(),
                _ => format!("{:.3}", f64::from(class) * 2.0 + noise),
            };
            let city = ["Graz", "Linz", "Wien"][(row / 3 % 3) as usize];
            let weight = 100.0 - f64::from(class * 30) + noise * 9.0;
            let kind = ["a,b", "c", "d"][class as usize];
            // Writing to a String never fails.
            let _ = writeln!(table, "{size},{city},{weight:.2},\"{kind}\"");
        }
        Self::with_table(&table, &json!("kind"))
    }

    /// With a dataset `data` of two classes.
    pub fn with_two_classes() -> Self {
        let mut table = "x,y,kind\n".to_owned();
        for row in 0..200u32 {
            let (x, y) = (
                f64::from(row % 20) / 10.0,
                f64::from(row * 7919 % 101) / 50.0,
            );
            let kind = if x + y > 2.0 { "yes" } else { "no" };
            let _ = writeln!(table, "{x},{y},{kind}");
        }
        Self::with_table(&table, &json!("kind"))
    }

    /// With a dataset `data` whose target is a number.
    pub fn with_numbers() -> Self {
        let mut table = "x,y,price\n".to_owned();
        for row in 0..200u32 {
            let (x, y) = (f64::from(row % 20) / 10.0, f64::from(row / 20) / 5.0);
            let _ = writeln!(table, "{x},{y},{:.3}", 100.0 + 30.0 * x - 20.0 * y);
        }
        Self::with_table(&table, &json!("price"))
    }

    /// With a dataset `data` of two labels.
    pub fn with_labels() -> Self {
        let mut table = "x,y,warm,far\n".to_owned();
        for row in 0..200u32 {
            let (x, y) = (
                f64::from(row % 20) / 10.0,
                f64::from(row * 7919 % 101) / 50.0,
            );
            let (warm, far) = (x - y > 0.3, u8::from(x + y > 2.6));
            let warm = if warm { "yes" } else { "no" };
            let _ = writeln!(table, "{x},{y},{warm},{far}");
        }
        Self::with_table(&table, &json!(["warm", "far"]))
    }

    /// With a dataset `data` of two numbers to predict.
    pub fn with_several_numbers() -> Self {
        let mut table = "x,y,u,v\n".to_owned();
        for row in 0..200u32 {
            let (x, y) = (f64::from(row % 20) / 10.0, f64::from(row / 20) / 5.0);
            let _ = writeln!(table, "{x},{y},{:.3},{:.3}", 3.0 * x - 2.0 * y, y - 1.0);
        }
        Self::with_table(&table, &json!(["u", "v"]))
    }

    /// With a dataset `data` of three classes: a brighter row in images of 6 x 5 pixels.
    pub fn with_images() -> Self {
        let mut lines = String::new();
        for row in 0..150u32 {
            let class = row % 3;
            let value = |at: u32| {
                let noise = (row * 31 + at * 7919) % 101;
                noise + if at / 10 == class { 100 } else { 0 }
            };
            let pixels: Vec<Vec<u32>> = (0..6)
                .map(|y| (0..5).map(|x| value(y * 5 + x)).collect())
                .collect();
            let _ = writeln!(lines, "{}", json!({"pixel": pixels, "kind": class}));
        }
        let workshop = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(workshop.path("rows.jsonl"), lines).unwrap();
        let block = json!({"preprocess": {
            "source": {"jsonl": "rows.jsonl"},
            "target": "kind",
            "columns": {"kind": "categorical"},
            "split": {"random": {"train": 0.6, "val": 0.2, "test": 0.2, "seed": 1}},
            "steps": [{"min_max": {}}],
        }});
        workshop
            .stage(&block, &["source=rows.jsonl"], "data")
            .unwrap();
        workshop
    }

    /// With a dataset `data` of two classes that depend on words, which are codes in it.
    pub fn with_codes() -> Self {
        let mut table = "x,city,size,kind\n".to_owned();
        for row in 0..240u32 {
            let (city, size) = (row * 7 % 5, row * 11 % 3);
            let word = ["Graz", "Linz", "Wien", "Wels", ""][city as usize];
            let kind = if (city + size) % 2 == 0 { "a" } else { "b" };
            let x = f64::from(row * 13 % 17) / 8.0;
            let _ = writeln!(
                table,
                "{x},{word},{},{kind}",
                ["S", "M", "L"][size as usize]
            );
        }
        let steps = json!([{"standardize": {}}, {"ordinal": {"unknown": "own"}}]);
        Self::with_steps(&table, &json!("kind"), &steps)
    }

    fn with_table(table: &str, target: &Value) -> Self {
        let steps = json!([{"impute": {}}, {"standardize": {}}, {"one_hot": {}}]);
        Self::with_steps(table, target, &steps)
    }

    /// With a dataset `data` of this table.
    pub fn with_steps(table: &str, target: &Value, steps: &Value) -> Self {
        let workshop = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(workshop.path("rows.csv"), table).unwrap();
        let block = json!({"preprocess": {
            "source": {"csv": "rows.csv"},
            "target": target,
            "split": {"random": {"train": 0.6, "val": 0.2, "test": 0.2, "seed": 1}},
            "steps": steps,
        }});
        workshop
            .stage(&block, &["source=rows.csv"], "data")
            .unwrap();
        workshop
    }

    /// Trains `fit` on `data`.
    pub fn train(&self, model: &Value, loss: &str, epochs: u32) {
        let block = json!({"train": {
            "data": "data", "model": model, "loss": loss, "epochs": epochs, "batch_size": 16,
            "optimizer": {"adam": {"lr": 0.01}}, "seed": 5,
        }});
        self.stage(&block, &["data=data"], "fit").unwrap();
    }

    /// Does a stage. Inputs are `role=name` or `role=name.part`; the output is made anew.
    pub fn stage(&self, block: &Value, inputs: &[&str], output: &str) -> Result<Done, Failed> {
        let task = serde_json::from_value(block.clone()).unwrap();
        self.perform(Work::Stage(task), inputs, output)
    }

    /// Predicts into `predicted`.
    pub fn predict(&self, work: Predict, inputs: &[&str]) -> Result<String, Failed> {
        self.perform(Work::Predict(work), inputs, "predicted")?;
        let file = fs::read_dir(self.path("predicted")).unwrap().next();
        Ok(fs::read_to_string(file.unwrap().unwrap().path()).unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    fn perform(&self, work: Work, inputs: &[&str], output: &str) -> Result<Done, Failed> {
        let inputs = inputs.iter().map(|input| {
            let (role, name) = input.split_once('=').unwrap();
            let (name, part) = match name.split_once('.') {
                Some((name, part)) if !self.path(&format!("{name}.{part}")).exists() => {
                    (name.to_owned(), Some(part.to_owned()))
                }
                _ => (name.to_owned(), None),
            };
            let path = self.path(&name).display().to_string();
            (role.to_owned(), InputPath { path, part })
        });
        let output = self.path(output);
        clear(&output);
        let request = Request {
            work,
            inputs: inputs.collect(),
            output: output.display().to_string(),
            checkpoints: None,
            threads: 1,
            device: "cpu".to_owned(),
            until: None,
        };
        let _turn = seed(0);
        perform(request, &mut Reporter::silent())
    }
}

fn clear(folder: &Path) {
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    fs::create_dir(folder).unwrap();
}
