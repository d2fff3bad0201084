//! Arrays that numpy writes and that are no plain rows: integers beyond floats, single columns, single values.

use std::path::PathBuf;

use pipe_data::{DataError, Dataset, Files, TargetValues};
use serde_json::{Value, json};

use crate::{Lab, all_train};

fn run(lab: &Lab, files: &[PathBuf], block: Value) -> Result<Dataset, DataError> {
    let files = Files {
        source: files.to_vec(),
        ..Files::default()
    };
    Ok(lab.run_files("out", &files, all_train(block))?.0)
}

/// An .npy file as numpy writes it.
fn npy(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

fn of_integers(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn of_floats(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// The files of the arrays `x` and `y`, by the order of their names.
fn pair(lab: &Lab, x: Vec<u8>, y: Vec<u8>) -> (Vec<PathBuf>, Value) {
    let files = vec![lab.write("x.npy", x), lab.write("y.npy", y)];
    let block = json!({"target": "y", "source": {"npz": {"x": "x.npy", "y": "y.npy"}}});
    (files, block)
}

#[test]
fn integers_that_one_float_stands_for_stay_apart() {
    let large = 9_007_199_254_740_992_i64;
    let classes: Vec<i64> = (0..6).map(|it| large + it % 2).collect();
    let expected = [large.to_string(), (large + 1).to_string()];
    let x = npy("<f8", "(6,)", &of_floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    // As a column, and in two dimensions.
    for shape in ["(6,)", "(6, 1)"] {
        let lab = Lab::new();
        let (files, block) = pair(&lab, x.clone(), npy("<i8", shape, &of_integers(&classes)));
        let dataset = run(&lab, &files, block).unwrap();
        assert_eq!(dataset.schema().target.classes(), expected, "{shape}");
    }
    let lab = Lab::new();
    let words = npy("<u8", "(6,)", &of_integers(&classes));
    let (files, mut block) = pair(
        &lab,
        words,
        npy("<i8", "(6,)", &of_integers(&[0, 1, 0, 1, 0, 1])),
    );
    block["columns"] = json!({"x": "categorical"});
    block["steps"] = json!([{"one_hot": {"columns": ["x"]}}]);
    let dataset = run(&lab, &files, block).unwrap();
    assert_eq!(
        dataset.schema().features,
        expected.map(|it| format!("x={it}"))
    );
}

#[test]
fn a_target_with_one_number_a_row_is_a_column() {
    let lab = Lab::new();
    let x = npy(
        "<f8",
        "(4, 2)",
        &of_floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
    );
    let y = npy("<f8", "(4, 1)", &of_floats(&[0.1, 0.2, 0.3, 0.4]));
    let (files, block) = pair(&lab, x, y);
    let dataset = run(&lab, &files, block).unwrap();
    assert_eq!(dataset.schema().features, ["x[0]", "x[1]"]);
    let TargetValues::Numbers(values) = dataset.part("train").unwrap().target else {
        panic!("no numbers");
    };
    assert_eq!(values, [0.1, 0.2, 0.3, 0.4]);
}

#[test]
fn arrays_that_are_no_rows_bring_what_to_do() {
    let y = npy("<i8", "(2,)", &of_integers(&[0, 1]));
    for (x, message, hint) in [
        (
            npy("<f8", "(2, 2)", &of_floats(&[1.0, 2.0, f64::NAN, 4.0])),
            "x.npy: `x`: row 2 holds a number that is missing, infinite or too large",
            "np.nan_to_num",
        ),
        (
            npy("<f8", "()", &of_floats(&[1.0])),
            "x.npy: `x`: is a single value, not an array of rows",
            "one entry a row",
        ),
        (
            npy("<f8", "(2,)", &of_floats(&[1.0, f64::INFINITY])),
            "x.npy: `x`: row 2 is infinite",
            "save NaN",
        ),
    ] {
        let lab = Lab::new();
        let (files, block) = pair(&lab, x, y.clone());
        let error = run(&lab, &files, block).unwrap_err();
        let told = lab.told(&error);
        assert_eq!(told.0, message);
        assert!(told.1.contains(hint), "{told:?}");
    }
}
