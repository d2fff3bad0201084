//! idx and numpy files as sources: blocks and columns, as numpy wrote them; and files that are none.

use std::{fs, path::PathBuf};

use pipe_data::{DataError, Dataset, Files, RawRows, read_rows, transform};
use pipe_schema::stage::preprocess::Form;
use serde_json::{Value, json};

use crate::{Lab, all_train};

/// A file as another tool wrote it.
pub fn golden(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/sources").join(name)
}

/// What the golden files hold.
pub fn expected(name: &str) -> Vec<f32> {
    fn numbers(value: &Value, out: &mut Vec<f32>) {
        match value {
            Value::Array(items) => items.iter().for_each(|it| numbers(it, out)),
            value => out.push(value.as_f64().unwrap() as f32),
        }
    }
    let all: Value = serde_json::from_slice(&fs::read(golden("expected.json")).unwrap()).unwrap();
    let mut out = Vec::new();
    numbers(&all[name], &mut out);
    out
}

fn run(lab: &Lab, files: &[PathBuf], block: Value) -> Result<Dataset, DataError> {
    let files = Files {
        source: files.to_vec(),
        ..Files::default()
    };
    Ok(lab.run_files("out", &files, all_train(block))?.0)
}

#[test]
fn idx_files_give_an_image_and_a_class_a_row() {
    let lab = Lab::new();
    let files = ["images-idx3-ubyte.gz", "label-idx1-ubyte"].map(golden);
    let block = json!({"target": "y", "source": {"idx": {"x": "a", "y": "b"}}});
    let dataset = run(&lab, &files, block).unwrap();
    let part = dataset.part("train").unwrap();
    assert_eq!(part.features.values, expected("images"));
    assert_eq!(dataset.schema().shape.as_deref(), Some(&[1, 3, 4][..]));
    assert_eq!(dataset.schema().features[11], "x[11]");
    let names = json!(dataset.schema().target.kind)["classes"]["names"].clone();
    assert_eq!(names, json!(["0", "1", "2"]));
    let row = &dataset.head("train").unwrap()[0].input;
    let rows = RawRows::from_json(std::slice::from_ref(row), dataset.schema()).unwrap();
    let again = transform(dataset.schema(), &rows).unwrap();
    assert_eq!(again.values, part.features.values[..12]);
}

#[test]
fn other_numbers_of_idx_are_read_too() {
    let lab = Lab::new();
    let files = ["short-idx2", "number-idx1-double"].map(golden);
    let block = json!({"target": "y", "source": {"idx": {"x": "a", "y": "b"}}});
    let dataset = run(&lab, &files, block).unwrap();
    assert_eq!(
        dataset.part("train").unwrap().features.values,
        expected("images")
    );
    assert_eq!(dataset.schema().shape, None);
    assert_eq!(dataset.schema().columns[0].shape, Some(vec![12]));
}

#[test]
fn an_archive_of_numpy_names_its_columns() {
    let lab = Lab::new();
    let block = json!({"target": "word", "source": {"npz": "plain.npz"}});
    let dataset = run(&lab, &[golden("plain.npz")], block).unwrap();
    let part = dataset.part("train").unwrap();
    let (images, numbers) = (expected("images"), expected("number"));
    let rows = part
        .features
        .values
        .chunks_exact(13)
        .zip(images.chunks_exact(12));
    for ((row, image), number) in rows.zip(numbers) {
        assert_eq!(row[0], number);
        assert_eq!(&row[1..], image);
    }
    assert_eq!(dataset.schema().shape, None);
    let block = json!({"target": "word", "source": {"npz": "packed.npz"}, "steps": [{"drop": {"columns": ["flags", "images"]}}]});
    let dataset = run(&lab, &[golden("packed.npz")], block).unwrap();
    assert_eq!(
        dataset.part("train").unwrap().features.values,
        expected("half")
    );
}

#[test]
fn single_arrays_are_named_by_the_source() {
    let lab = Lab::new();
    let files = ["fortran.npy", "word.npy"].map(golden);
    let block = json!({"target": "y", "source": {"npz": {"x": "a", "y": "b"}}});
    let dataset = run(&lab, &files, block).unwrap();
    assert_eq!(
        dataset.part("train").unwrap().features.values,
        expected("images")
    );
    let rows = read_rows(&files[0], None, dataset.schema()).unwrap();
    assert_eq!(rows.len(), 12);
    let features = transform(dataset.schema(), &rows).unwrap();
    assert_eq!(features.values, expected("images"));
    let colours = [golden("colours.npy"), golden("word.npy")];
    let block = json!({"target": "y", "source": {"npz": {"x": "a", "y": "b"}}});
    let dataset = run(&lab, &colours, block).unwrap();
    assert_eq!(
        dataset.part("train").unwrap().features.values,
        expected("colours")
    );
    assert_eq!(dataset.schema().shape.as_deref(), Some(&[3, 5, 4][..]));
    let error = read_rows(&files[0], None, dataset.schema())
        .and_then(|it| transform(dataset.schema(), &it));
    let message = error.unwrap_err().message;
    assert!(
        message.ends_with(
            "fortran.npy: row 1: column `x` is 1 × 3 × 4 numbers, and the model takes 3 × 5 × 4"
        ),
        "{message}"
    );
}

#[test]
fn blocks_are_scaled_as_one() {
    let lab = Lab::new();
    let files = ["images-idx3-ubyte.gz", "label-idx1-ubyte"].map(golden);
    let numbers = expected("images");
    let count = numbers.len() as f32;
    let mean = numbers.iter().sum::<f32>() / count;
    let deviation = (numbers.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / count).sqrt();
    let (least, most) = numbers
        .iter()
        .fold((255.0_f32, 0.0_f32), |(a, b), it| (a.min(*it), b.max(*it)));
    let standardized = |it: f32| (it - mean) / deviation;
    let unit = |it: f32| (it - least) / (most - least);
    for (step, wanted) in [
        ("standardize", &standardized as &dyn Fn(f32) -> f32),
        ("min_max", &unit),
    ] {
        let mut steps = json!([{"impute": {}}, {}]);
        steps[1][step] = json!({});
        let block = json!({"target": "y", "source": {"idx": {"x": "a", "y": "b"}}, "steps": steps});
        let dataset = run(&lab, &files, block).unwrap();
        let found = dataset.part("train").unwrap().features.values;
        for (found, number) in found.iter().zip(&numbers) {
            assert!((found - wanted(*number)).abs() < 1e-5, "{step}: {found}");
        }
    }
}

#[test]
fn lists_of_json_are_blocks() {
    let lab = Lab::new();
    let text = "{\"x\": [[1, 2], [3, 4]], \"y\": 0.5}\n{\"y\": 1.5, \"x\": [[5, 6], [7, 8.5]]}\n";
    let path = lab.write("rows.jsonl", text);
    let block = json!({"source": {"jsonl": "rows.jsonl"}});
    let dataset = run(&lab, std::slice::from_ref(&path), block).unwrap();
    assert_eq!(dataset.schema().shape.as_deref(), Some(&[1, 2, 2][..]));
    for text in [
        "{\"x\": [1, 2, 3, 4]}",
        "{\"x\": [[1, 2], [3, 4]]}",
        "{\"x\": [[[1, 2], [3, 4]]]}",
    ] {
        let path = lab.write("new.jsonl", text);
        let rows = read_rows(&path, Some(Form::Jsonl), dataset.schema()).unwrap();
        assert_eq!(
            transform(dataset.schema(), &rows).unwrap().values,
            [1.0, 2.0, 3.0, 4.0]
        );
    }
    for (text, message) in [
        (
            "{\"x\": [1, 2, 3]}",
            "new.jsonl:1: column `x` is 3 numbers, and the model takes 1 × 2 × 2",
        ),
        (
            "{\"x\": 3}",
            "new.jsonl:1: column `x` needs a list of 1 × 2 × 2 numbers",
        ),
        (
            "{\"x\": [[1, 2], [3]]}",
            "new.jsonl:1: column `x`: the list is not of numbers in equal rows",
        ),
        (
            "{\"x\": [1, 2, 3, 4]}\n{\"x\": null}",
            "new.jsonl:2: column `x`: no list, which the rows before it have",
        ),
    ] {
        let path = lab.write("new.jsonl", text);
        let rows = read_rows(&path, Some(Form::Jsonl), dataset.schema());
        let error = rows
            .and_then(|it| transform(dataset.schema(), &it))
            .unwrap_err();
        assert_eq!(lab.told(&error).0, message);
    }
}

#[test]
fn new_arrays_may_come_in_any_order_and_in_no_rows() {
    let lab = Lab::new();
    let text = "{\"a\": [1, 2], \"b\": [3, 4, 5], \"y\": 0.5}\n{\"a\": [6, 7], \"b\": [8, 9, 1], \"y\": 1.5}\n";
    let path = lab.write("rows.jsonl", text);
    let block = json!({"source": {"jsonl": "rows.jsonl"}});
    let dataset = run(&lab, &[path], block).unwrap();
    let rows = read_rows(
        &golden("other_order.npz"),
        Some(Form::Npz),
        dataset.schema(),
    )
    .unwrap();
    let features = transform(dataset.schema(), &rows).unwrap();
    assert_eq!(features.values, [1.0, 2.0, 3.0, 4.0, 5.0]);
    let none = lab.write("none.jsonl", "");
    let rows = read_rows(&none, Some(Form::Jsonl), dataset.schema()).unwrap();
    assert_eq!(transform(dataset.schema(), &rows).unwrap().rows, 0);
}

#[test]
fn what_is_no_array_is_told() {
    let lab = Lab::new();
    let whole = fs::read(golden("label-idx1-ubyte")).unwrap();
    let image = lab.write("x", fs::read(golden("images-idx3-ubyte.gz")).unwrap());
    let refuse = |form: &str, bytes: &[u8]| {
        let path = lab.write("y", bytes);
        let mut source = json!({});
        source[form] = json!({"x": "x", "y": "y"});
        let error = run(&lab, &[image.clone(), path], json!({"source": source})).unwrap_err();
        lab.told(&error).0
    };
    assert_eq!(refuse("idx", b""), "y: ends within its header");
    assert_eq!(refuse("idx", &whole[..6]), "y: ends within its header");
    assert_eq!(
        refuse("idx", &whole[..12]),
        "y: ends after 4 bytes of numbers, its header promises 12"
    );
    assert_eq!(
        refuse("idx", &[&whole[..], b"x"].concat()),
        "y: has more bytes than the 12 that its header promises"
    );
    assert!(refuse("idx", b"a,b\n1,2\n").starts_with("y: is no idx file"));
    assert_eq!(
        refuse(
            "idx",
            b"\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
        ),
        "y: its header names more numbers than fit"
    );
    assert_eq!(
        refuse("idx", b"\0\0\x08\x01\0\0\0\0"),
        "y: `x` has 12 rows, `y` has 0"
    );
    assert_eq!(
        refuse("idx", b"\0\0\x08\x01\0\0\0\x03abc"),
        "y: `x` has 12 rows, `y` has 3"
    );
    assert_eq!(
        refuse("npz", b"a,b"),
        "x: is neither an .npy nor an .npz file"
    );
    for (name, message) in [
        (
            "objects.npz",
            "objects.npz: `word`: holds Python objects; save it as numbers, or as words with astype(str)",
        ),
        ("word.npy", "word.npy: is a single array without a name"),
    ] {
        let error = run(&lab, &[golden(name)], json!({"source": {"npz": "a"}})).unwrap_err();
        assert!(error.message.ends_with(message), "{error}");
    }
    let gz = fs::read(golden("images-idx3-ubyte.gz")).unwrap();
    assert!(refuse("idx", &gz[..40]).starts_with("y: "), "cut gzip");
}

#[test]
fn no_byte_can_make_it_panic() {
    let lab = Lab::new();
    for (form, name) in [
        ("idx", "label-idx1-ubyte"),
        ("npz", "word.npy"),
        ("npz", "packed.npz"),
        ("idx", "images-idx3-ubyte.gz"),
    ] {
        let whole = fs::read(golden(name)).unwrap();
        let source = if name.ends_with("npz") {
            json!("f")
        } else {
            json!({"y": "f"})
        };
        for at in (0..whole.len()).filter(|it| *it < 160 || it % 7 == 0) {
            for byte in [0, 0xff, whole[at] ^ 0x10] {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                let path = lab.write("f", &bytes);
                let mut block = json!({"source": {}});
                block["source"][form] = source.clone();
                // It may be read or refused.
                let _ = run(&lab, &[path], block);
            }
            let path = lab.write("f", &whole[..at]);
            let mut block = json!({"source": {}});
            block["source"][form] = source.clone();
            assert!(run(&lab, &[path], block).is_err(), "{name} cut at {at}");
        }
    }
}

#[test]
fn a_boolean_target_of_numpy_has_the_classes_true_and_false() {
    let lab = Lab::new();
    let source = json!({"npz": "packed.npz", "columns": ["half", "flags"]});
    let block = |more: Value| {
        let mut block = json!({"target": "flags", "source": source});
        block
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        block
    };
    let names = |more: Value| {
        let dataset = run(&lab, &[golden("packed.npz")], block(more)).unwrap();
        json!(dataset.schema().target.kind)["classes"]["names"].clone()
    };
    assert_eq!(names(json!({})), json!(["false", "true"]));
    assert_eq!(
        names(json!({"columns": {"flags": "categorical"}})),
        json!(["0", "1"])
    );
}
