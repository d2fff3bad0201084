//! Trainings on sparse rows: from the dataset to the package they end in the bytes of trainings on dense rows.

use std::{collections::HashMap, fmt::Write as _, fs};

use pipe_data::{Dataset, FeatureRows, TargetValues};
use pipe_schema::{
    dataset::ROWS_FILE,
    protocol::{Predict, RowForm},
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

use crate::workshop::Workshop;

/// A dataset `data` of 40 users and a number, and the same with dense rows in `dense`.
fn workshop() -> Workshop {
    let mut table = "user,x,kind\n".to_owned();
    for row in 0..600u32 {
        let user = row * 7919 % 40;
        let kind = if (user + row % 3) % 5 < 2 { "a" } else { "b" };
        writeln!(table, "u{user},{},{kind}", f64::from(row % 11) / 4.0).unwrap();
    }
    let steps = json!([{"standardize": {}}, {"one_hot": {}}]);
    let workshop = Workshop::with_steps(&table, &json!("kind"), &steps);
    let dataset = Dataset::open(workshop.path("data")).unwrap();
    for part in ["train", "val", "test"] {
        let kept = dataset.part_as_kept(part).unwrap();
        assert!(matches!(kept.features, FeatureRows::Sparse(_)));
        let rows = dataset.part(part).unwrap();
        let TargetValues::Classes(classes) = &rows.target else {
            panic!("{rows:?}")
        };
        let bytes = [
            rows.features
                .values
                .iter()
                .flat_map(|it| it.to_le_bytes())
                .collect::<Vec<u8>>(),
            rows.rows.iter().flat_map(|it| it.to_le_bytes()).collect(),
            classes.iter().flat_map(|it| it.to_le_bytes()).collect(),
        ];
        let count = rows.rows.len();
        let view = |dtype, shape: &[usize], at: usize| {
            TensorView::new(dtype, shape.to_vec(), &bytes[at]).unwrap()
        };
        let tensors = HashMap::from([
            (
                "features",
                view(Dtype::F32, &[count, rows.features.width], 0),
            ),
            ("row", view(Dtype::I64, &[count], 1)),
            ("target", view(Dtype::I64, &[count], 2)),
        ]);
        let from = workshop.path("data").join(part);
        let to = workshop.path("dense").join(part);
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        safetensors::serialize_to_file(tensors, None, &to.join(ROWS_FILE)).unwrap();
    }
    let schema = "schema.json";
    fs::copy(
        workshop.path("data").join(schema),
        workshop.path("dense").join(schema),
    )
    .unwrap();
    workshop
}

/// The files of what a stage makes of `data` and of `dense`.
fn both(workshop: &Workshop, block: &Value, inputs: &[&str], output: &str) -> [Vec<Vec<u8>>; 2] {
    ["data", "dense"].map(|data| {
        let inputs: Vec<String> = inputs.iter().map(|it| it.replace("DATA", data)).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        workshop.stage(block, &inputs, output).unwrap();
        let mut files: Vec<_> = fs::read_dir(workshop.path(output)).unwrap().collect();
        files.sort_by_key(|it| it.as_ref().unwrap().path());
        files
            .into_iter()
            .map(|it| it.unwrap().path())
            .filter(|it| it.is_file())
            .map(|it| fs::read(it).unwrap())
            .collect()
    })
}

#[test]
fn sparse_rows_train_evaluate_and_compress_to_the_bytes_of_dense_rows() {
    let workshop = workshop();
    let tabular = json!({"layers": [{"batch_norm": {}}, {"linear": {"out_features": 2}}]});
    for (model, batch) in [
        (json!({"mlp": {"hidden": [8], "dropout": 0.1}}), json!(32)),
        (tabular, json!(50)),
        (json!({"mlp": {"hidden": []}}), json!("full")),
    ] {
        let block = json!({"train": {
            "data": "data", "model": model, "loss": "cross_entropy", "epochs": 3, "batch_size": batch,
            "seed": 2, "early_stopping": {"metric": "val.loss", "patience": 2},
        }});
        let [sparse, dense] = both(&workshop, &block, &["data=DATA"], "fit");
        assert!(sparse == dense, "{block}");
    }
    let block = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    let [sparse, dense] = both(&workshop, &block, &["model=fit", "data=DATA.test"], "score");
    assert!(sparse == dense);
    let block = json!({"compress": {"model": "fit", "data": "data", "passes": [
        {"prune": {"sparsity": 0.3, "finetune": {"epochs": 2}}}, {"quantize": {}},
    ]}});
    let [sparse, dense] = both(&workshop, &block, &["model=fit", "data=DATA"], "small");
    assert!(sparse == dense);
}

#[test]
fn a_package_of_sparse_rows_predicts_what_was_measured() {
    let workshop = workshop();
    workshop.train(&json!({"mlp": {"hidden": [8]}}), "cross_entropy", 3);
    let block = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    workshop
        .stage(&block, &["model=fit", "data=data.test"], "score")
        .unwrap();
    let block = json!({"package": {"model": "fit", "report": "score", "name": "users", "formats": ["torchscript"]}});
    let inputs = ["model=fit", "report=score", "data=data.test"];
    workshop.stage(&block, &inputs, "bundle").unwrap();
    let work = Predict {
        input: None,
        output: RowForm::Csv,
        probabilities: false,
        verify: true,
        no_verify: false,
        allow_script: true,
        memory: None,
    };
    let predicted = workshop
        .predict(work, &["package=bundle", "rows=rows.csv"])
        .unwrap();
    let predicted: Vec<&str> = predicted.lines().skip(1).collect();
    let report = workshop.read("score/predictions.csv");
    let mut lines = report.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|it| *it == name).unwrap();
    let (row, prediction) = (at("row"), at("prediction"));
    let mut compared = 0;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let own = predicted[fields[row].parse::<usize>().unwrap()];
        assert_eq!(own, fields[prediction]);
        compared += 1;
    }
    assert_eq!(compared, 120);
}

#[test]
fn sparse_rows_are_measured_in_pieces_of_bounded_size() {
    let workshop = workshop();
    let dataset = Dataset::open(workshop.path("data")).unwrap();
    let rows = crate::rows::Rows::load(&dataset, "train", tch::Device::Cpu).unwrap();
    assert_eq!(rows.at_once(1024), 1024);
    assert_eq!(crate::rows::rows_at_once(1 << 20), 4);
    assert_eq!(crate::rows::rows_at_once(usize::MAX), 1);
}
