//! Features that are mostly zero: kept sparse, and the same numbers as dense.

use std::fmt::Write;

use pipe_data::{Dataset, FeatureRows, convert, read_rows, transform, transform_rows};
use pipe_schema::{dataset::SPARSE_TENSORS, stage::command::InputForm};
use serde_json::{Value, json};

use crate::{Lab, bytes, halves};

/// 60 rows of 40 users, of texts, and of a number.
fn table() -> String {
    let mut text = "user,text,x,y\n".to_owned();
    for row in 0..60 {
        let words = format!("word{} word{} common", row % 37, row * 5 % 43);
        writeln!(text, "u{},{words},{},{}", row * 7 % 40, row % 9, row % 2).unwrap();
    }
    text
}

fn made(steps: Value) -> (Lab, Dataset) {
    let lab = Lab::new();
    let mut block = halves(steps);
    block["columns"] = json!({"text": "text", "user": "categorical"});
    let dataset = lab.run(table(), block).unwrap();
    (lab, dataset)
}

fn is_sparse(dataset: &Dataset, part: &str) -> bool {
    let part = dataset.part_as_kept(part).unwrap();
    matches!(part.features, FeatureRows::Sparse(_))
}

/// What each row must have, from the names of the features.
fn expected(dataset: &Dataset, part: &str) -> Vec<f32> {
    let rows = dataset.part(part).unwrap().rows;
    let mut all = Vec::new();
    for row in rows {
        let user = format!("user=u{}", row * 7 % 40);
        let words = [row % 37, row * 5 % 43].map(|it| format!("text:word{it}"));
        for name in &dataset.schema().features {
            let count = words.iter().filter(|word| *word == name).count();
            all.push(match name.as_str() {
                "x" => (row % 9) as f32,
                "text:common" => 1.0,
                name if name == user => 1.0,
                _ => count as f32,
            });
        }
    }
    all
}

const STEPS: &str = r#"[{"one_hot": {}}, {"bag_of_words": {"columns": "text", "weights": "counts", "min_count": 1}}]"#;

#[test]
fn one_hot_and_bag_of_words_are_kept_sparse_with_the_numbers_of_dense_rows() {
    let (lab, dataset) = made(serde_json::from_str(STEPS).unwrap());
    assert!(dataset.schema().features.len() > 40);
    for part in ["train", "test"] {
        assert!(is_sparse(&dataset, part));
        let found = dataset.part(part).unwrap().features.values;
        assert_eq!(found, expected(&dataset, part), "{part}");
    }
    // What SciPy reads.
    let file = bytes(&lab.path("out/train/rows.safetensors"));
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    for name in SPARSE_TENSORS {
        assert!(tensors.tensor(name).is_ok(), "{name}");
    }
    assert_eq!(tensors.tensor(SPARSE_TENSORS[0]).unwrap().shape(), [31]);

    // A row that is predicted becomes what it became here, and so does a row of a CSV file for commands.
    let schema = dataset.schema();
    let rows = read_rows(&lab.path("data.csv"), None, schema).unwrap();
    let all = transform(schema, &rows).unwrap();
    assert!(matches!(
        transform_rows(schema, &rows).unwrap(),
        FeatureRows::Sparse(_)
    ));
    let test = dataset.part("test").unwrap();
    let out = lab.path("test.csv");
    convert(&dataset, "test", InputForm::Csv, &out).unwrap();
    let text = std::fs::read_to_string(out).unwrap();
    for ((at, id), line) in test.rows.iter().enumerate().zip(text.lines().skip(1)) {
        let width = all.width;
        let own = &test.features.values[at * width..(at + 1) * width];
        let start = *id as usize * width;
        assert_eq!(own, &all.values[start..start + width]);
        let numbers: Vec<f32> = line
            .split(',')
            .skip(1)
            .take(width)
            .map(|it| it.parse().unwrap())
            .collect();
        assert_eq!(own, numbers);
    }
}

#[test]
fn hash_is_kept_sparse_where_it_has_many_buckets() {
    let steps = |buckets: u32| json!([{"drop": {"columns": ["text"]}}, {"hash": {"columns": ["user"], "buckets": buckets}}]);
    for (buckets, sparse) in [(64, true), (12, false)] {
        let (_lab, dataset) = made(steps(buckets));
        assert_eq!(is_sparse(&dataset, "train"), sparse, "{buckets}");
        let part = dataset.part("train").unwrap();
        let width = part.features.width;
        for row in part.features.values.chunks(width) {
            let buckets = &row[..width - 1];
            let ones = buckets.iter().filter(|it| **it == 1.0).count();
            assert_eq!((ones, buckets.iter().sum::<f32>()), (1, 1.0));
        }
    }
}

#[test]
fn bucketize_into_many_columns_is_kept_sparse() {
    let mut text = "x,y\n".to_owned();
    for row in 0..200 {
        writeln!(text, "{row},{}", row % 2).unwrap();
    }
    let lab = Lab::new();
    let edges: Vec<f64> = (1..40).map(|it| f64::from(it) * 5.0).collect();
    let steps = json!([{"bucketize": {"edges": edges, "encode": "one_hot"}}]);
    let dataset = lab.run(text, halves(steps)).unwrap();
    assert!(is_sparse(&dataset, "train"));
    let part = dataset.part("train").unwrap();
    let rows = part.features.values.chunks(40).zip(&part.rows);
    for (row, id) in rows {
        let bucket = row.iter().position(|it| *it == 1.0).unwrap();
        assert_eq!(bucket as u64, id / 5);
        assert_eq!(row.iter().sum::<f32>(), 1.0);
    }
}

#[test]
fn one_hot_of_few_categories_keeps_its_bytes() {
    let mut text = "color,x,y\n".to_owned();
    for row in 0..40 {
        writeln!(text, "c{},{},{}", row % 4, row % 9, row % 2).unwrap();
    }
    let lab = Lab::new();
    let dataset = lab.run(text, halves(json!([{"one_hot": {}}]))).unwrap();
    assert!(!is_sparse(&dataset, "train"));
    let file = bytes(&lab.path("out/train/rows.safetensors"));
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.names().len(), 3);
    assert_eq!(tensors.tensor("features").unwrap().shape(), [20, 5]);
}

#[test]
fn a_step_after_bag_of_words_that_moves_zeros_gives_dense_rows() {
    let bag = json!({"bag_of_words": {"columns": "text", "weights": "counts", "min_count": 1}});
    let drop = json!({"drop": {"columns": ["user"]}});
    let (_lab, plain) = made(json!([drop, bag]));
    for (step, change) in [
        (json!({"min_max": {"range": [1.0, 2.0]}}), 1.0),
        (
            json!({"clip": {"columns": "numeric", "min": 0.5, "max": 1.0}}),
            0.5,
        ),
    ] {
        let (lab, dataset) = made(json!([drop, bag, step]));
        assert!(!is_sparse(&dataset, "train"));
        let column = dataset
            .schema()
            .features
            .iter()
            .position(|it| it == "text:word3");
        let at = |dataset: &Dataset| {
            let features = dataset.part("train").unwrap().features;
            let rows = features.values.chunks(features.width);
            rows.map(|row| row[column.unwrap()]).collect::<Vec<f32>>()
        };
        let zeros = at(&plain).into_iter().zip(at(&dataset));
        assert!(zeros.filter(|it| it.0 == 0.0).all(|it| it.1 == change));
        let schema = dataset.schema();
        let rows = read_rows(&lab.path("data.csv"), None, schema).unwrap();
        let again = transform(schema, &rows).unwrap();
        let first = dataset.part("train").unwrap();
        let start = first.rows[0] as usize * again.width;
        assert_eq!(
            first.features.values[..again.width],
            again.values[start..start + again.width]
        );
    }
}

#[test]
fn damaged_sparse_rows_are_refused() {
    let (lab, dataset) = made(serde_json::from_str(STEPS).unwrap());
    let path = lab.path("out/train/rows.safetensors");
    let whole = bytes(&path);
    let tensors = safetensors::SafeTensors::deserialize(&whole).unwrap();
    let header = whole.len() - tensors.iter().map(|it| it.1.data().len()).sum::<usize>();
    for name in &SPARSE_TENSORS[..2] {
        let data = tensors.tensor(name).unwrap().data();
        let start = header + data.as_ptr() as usize - whole[header..].as_ptr() as usize;
        for place in [0, data.len() / 8 * 4, data.len() - 4] {
            let mut broken = whole.clone();
            broken[start + place..start + place + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
            std::fs::write(&path, broken).unwrap();
            dataset.part_as_kept("train").unwrap_err();
        }
    }
}
