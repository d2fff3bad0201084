//! Folders of pictures as a source: labels, sizes, new pictures, and files that are none.

use std::{fs, path::PathBuf};

use pipe_data::{DataError, Dataset, Files, RawRows, read_rows, transform};
use serde_json::{Map, Value, json};

use crate::{Lab, all_train};

fn golden(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/pictures").join(name)
}

/// Copies golden pictures to these places in the lab.
fn pictures(lab: &Lab, places: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    for (place, name) in places {
        let path = lab.path(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(golden(name), &path).unwrap();
        files.source.push(path);
    }
    files
}

fn block(steps: Value) -> Value {
    all_train(json!({"target": "label", "source": {"images": "*/*"}, "steps": steps}))
}

fn run(lab: &Lab, files: &Files, steps: Value) -> Result<Dataset, DataError> {
    Ok(lab.run_files("out", files, block(steps))?.0)
}

fn classes(dataset: &Dataset) -> Value {
    json!(dataset.schema().target.kind)["classes"]["names"].clone()
}

const MIXED: [(&str, &str); 4] = [
    ("a b/été 1 .png", "colour.png"),
    ("a b/#2.JPG", "grey.jpg"),
    ("NA/3", "palette.png"),
    ("7/4.png", "bits.png"),
];

#[test]
fn folders_are_labels_and_sizes_may_differ_where_a_step_scales() {
    let lab = Lab::new();
    let files = pictures(&lab, &MIXED);
    let dataset = run(&lab, &files, json!([{"resize": {"size": [4, 5]}}])).unwrap();
    assert_eq!(classes(&dataset), json!(["7", "NA", "a b"]));
    assert_eq!(dataset.schema().shape.as_deref(), Some(&[3, 4, 5][..]));
    let rows = dataset.part("train").unwrap().features;
    assert_eq!(rows.width, 60);
    assert!(rows.values.iter().all(|it| (0.0..=1.0).contains(it)));
}

#[test]
fn golden_rows_and_files_give_the_same_numbers() {
    let lab = Lab::new();
    let files = pictures(&lab, &MIXED);
    let steps = json!([{"resize": {"size": [4, 5], "channels": 1}}, {"normalize": {}}]);
    let dataset = run(&lab, &files, steps).unwrap();
    let known = dataset.part("train").unwrap().features.values;
    let schema = dataset.schema();
    let head = dataset.head("train").unwrap();
    let rows: Vec<Map<String, Value>> = head.iter().map(|it| it.input.clone()).collect();
    let rows = RawRows::from_json(&rows, schema).unwrap();
    assert_eq!(transform(schema, &rows).unwrap().values, known);
    for (at, path) in files.source.iter().enumerate() {
        let rows = read_rows(path, None, schema).unwrap();
        let found = transform(schema, &rows).unwrap().values;
        assert_eq!(found, known[at * 20..(at + 1) * 20]);
    }
    // Of a folder all that is in it, sorted; what a desktop leaves there aside.
    lab.write("a b/.DS_Store", "no picture");
    lab.write("a b/Thumbs.db", "no picture");
    let rows = read_rows(&lab.path("a b"), None, schema).unwrap();
    let found = transform(schema, &rows).unwrap().values;
    assert_eq!(found, [&known[20..40], &known[..20]].concat());
}

#[test]
fn pictures_of_one_size_need_no_step() {
    let lab = Lab::new();
    let places = [("a/1.png", "colour.png"), ("b/2.jpg", "colour.jpg")];
    let files = pictures(&lab, &places);
    let dataset = run(&lab, &files, json!([])).unwrap();
    assert_eq!(dataset.schema().shape.as_deref(), Some(&[3, 13, 17][..]));
    let rows = read_rows(&golden("grey.png"), None, dataset.schema()).unwrap();
    let error = transform(dataset.schema(), &rows).unwrap_err();
    let told = error.message;
    assert!(
        told.ends_with("grey.png: is 11 × 9 pixels, the model takes 13 × 17"),
        "{told}"
    );
    let files = pictures(&lab, &[("a/1.png", "colour.png"), ("b/2.png", "grey.png")]);
    let error = run(&lab, &files, json!([])).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(
        message,
        "b/2.png: is 11 × 9 pixels, the first of the train part 13 × 17"
    );
    assert!(hint.contains("- resize: {size: [64, 64]}"), "{hint}");
}

#[test]
fn what_is_no_picture_is_named() {
    let lab = Lab::new();
    let resize = json!([{"resize": {"size": [4, 4]}}]);
    for (name, bytes, message) in [
        ("a/empty.png", &b""[..], "a/empty.png: is empty"),
        (
            "a/x.png",
            b"GIF89a",
            "a/x.png: is neither PNG, JPEG nor WebP",
        ),
    ] {
        let mut files = pictures(&lab, &[("a/1.png", "grey.png"), ("b/2.png", "bits.png")]);
        files.source.push(lab.write(name, bytes));
        let error = run(&lab, &files, resize.clone()).unwrap_err();
        assert_eq!(lab.told(&error).0, message);
    }
    for name in ["cut.png", "cut.jpg"] {
        let files = pictures(&lab, &[("b/1.png", "grey.png"), ("a/2", name)]);
        let (message, hint) = lab.told(&run(&lab, &files, resize.clone()).unwrap_err());
        assert!(message.contains("a/2: is a broken picture"), "{message}");
        assert!(hint.contains("replace the file"), "{hint}");
    }
}

#[test]
fn steps_say_what_they_take_instead_of_pictures() {
    let lab = Lab::new();
    let files = pictures(
        &lab,
        &[("a/1.png", "colour.png"), ("b/2.png", "colour.png")],
    );
    let resize = json!({"resize": {"size": [4, 4]}});
    let given = json!({"normalize": {"mean": [0.5], "std": [0.5]}});
    for (steps, message) in [
        (
            json!([{"normalize": {}}, resize]),
            "step 1 (normalize): normalize needs pictures of one size: column `image` is not resized yet",
        ),
        (
            json!([resize, given]),
            "step 2 (normalize): `mean` has 1 numbers and `std` 1: column `image` has 3 channels",
        ),
        (
            json!([resize, resize]),
            "step 2 (resize): resize needs pictures: column `image` is a block of numbers",
        ),
        (
            json!([resize, {"robust": {}}]),
            "step 2 (robust): robust needs numbers: column `image` is a block of numbers",
        ),
        (
            json!([{"drop": {"columns": "image"}}]),
            "no column is left to train on",
        ),
    ] {
        let error = run(&lab, &files, steps).unwrap_err();
        assert_eq!(lab.told(&error).0, message);
        assert!(error.hint.is_some(), "{message}");
    }
}

#[test]
fn channels_come_from_the_train_part_alone() {
    let lab = Lab::new();
    let mut files = Files {
        train: pictures(&lab, &[("a/1.png", "grey.png"), ("b/2.png", "bits.png")]).source,
        ..Files::default()
    };
    files.test = pictures(&lab, &[("t/a/3.png", "colour.png")]).source;
    let block = json!({
        "target": "label",
        "source": {"read": {"form": "images"}},
        "split": {"files": {"train": "x", "test": "y"}},
        "steps": [{"resize": {"size": [4, 4]}}],
    });
    let (dataset, ..) = lab.run_files("out", &files, block).unwrap();
    assert_eq!(dataset.schema().shape.as_deref(), Some(&[1, 4, 4][..]));
}

#[test]
fn a_table_may_hold_pictures_in_base64() {
    let lab = Lab::new();
    let files = pictures(&lab, &[("a/1.png", "colour.png"), ("b/2.png", "grey.png")]);
    let resize = json!([{"resize": {"size": [4, 4]}}]);
    let dataset = run(&lab, &files, resize.clone()).unwrap();
    let lines = dataset.head("train").unwrap().into_iter().map(|it| {
        let photo = &it.input["image"];
        format!("{}\n", json!({"photo": photo, "y": it.target}))
    });
    let path = lab.write("rows.jsonl", lines.collect::<String>());
    let files = Files {
        source: vec![path],
        ..Files::default()
    };
    let source = json!({"jsonl": "rows.jsonl"});
    let columns = json!({"photo": "image"});
    let block = all_train(json!({"source": source, "columns": columns, "steps": resize}));
    let (again, ..) = lab.run_files("again", &files, block).unwrap();
    let features = |it: &Dataset| it.part("train").unwrap().features.values;
    assert_eq!(features(&again), features(&dataset));
    let path = lab.write("bad.jsonl", "{\"photo\": \"shoes/1.png\", \"y\": 1}\n");
    let error = transform(
        again.schema(),
        &read_rows(&path, None, again.schema()).unwrap(),
    );
    assert_eq!(
        lab.told(&error.unwrap_err()).0,
        "bad.jsonl:1: column `photo`: `shoes/1.png` is not a PNG or JPEG file in base64"
    );
}

#[test]
fn pictures_that_both_parts_have_are_told() {
    let lab = Lab::new();
    let files = Files {
        train: pictures(&lab, &[("a/1.png", "grey.png"), ("b/2.png", "bits.png")]).source,
        test: pictures(&lab, &[("t/a/3.png", "grey.png")]).source,
        ..Files::default()
    };
    let block = json!({
        "target": "label",
        "source": {"read": {"form": "images"}},
        "split": {"files": {"train": "x", "test": "y"}},
        "steps": [{"resize": {"size": [4, 4]}}],
    });
    let (.., logs) = lab.run_files("out", &files, block).unwrap();
    assert!(
        logs[0].starts_with("1 of 1 rows of the test part"),
        "{logs:?}"
    );
}

#[test]
fn pictures_are_no_values() {
    let lab = Lab::new();
    let files = pictures(&lab, &[("a/1.png", "grey.png"), ("b/2.png", "bits.png")]);
    for (more, key) in [
        (json!({"target": "image"}), "target"),
        (
            json!({"target": "label", "columns": {"image": "text"}}),
            "columns",
        ),
    ] {
        let mut block = all_train(more);
        block["source"] = json!({"images": "*/*"});
        let error = lab.run_files("out", &files, block).unwrap_err();
        let expected = format!("{key}: column `image` is of pictures, not of values");
        assert_eq!(lab.told(&error).0, expected);
    }
}

#[test]
fn images_of_16_bits_keep_their_levels_where_the_train_part_has_some() {
    let lab = Lab::new();
    let deep = pictures(&lab, &[("a/1.png", "deep.png"), ("b/2.png", "deep.png")]);
    let steps = json!([{"resize": {"size": [8, 6]}}]);
    let dataset = run(&lab, &deep, steps.clone()).unwrap();
    let levels = dataset.part("train").unwrap().features.values;
    // The lower byte is 77 in all pixels: 8 bits would be multiples of 1/255.
    let lower = levels
        .iter()
        .map(|level| (level * 65535.0).round() as u32 & 0xff);
    assert!(lower.into_iter().all(|byte| byte == 77));
    let rows = read_rows(&golden("deep.png"), None, dataset.schema()).unwrap();
    assert_eq!(rows.losses, Vec::<String>::new());
    let found = transform(dataset.schema(), &rows).unwrap().values;
    assert_eq!(found, levels[..48]);

    let narrow = pictures(&lab, &[("a/1.png", "grey.png"), ("b/2.png", "bits.png")]);
    let dataset = run(&lab, &narrow, steps).unwrap();
    let rows = read_rows(&golden("deep.png"), None, dataset.schema()).unwrap();
    let lost =
        "1 image has 16 bits a level, and the model was trained on 8: the lower 8 bits are lost";
    assert_eq!(rows.losses, [lost]);
    let found = transform(dataset.schema(), &rows).unwrap().values;
    let is_whole = |level: &f32| (level * 255.0 - (level * 255.0).round()).abs() < 1e-4;
    assert!(found.iter().all(is_whole));
}

#[test]
fn files_of_a_desktop_do_not_move_images_into_another_part() {
    let lab = Lab::new();
    let all = [
        ("train/a/1.png", "grey.png"),
        ("train/b/2.png", "bits.png"),
        ("test/a/3.png", "grey.png"),
        ("test/b/4.png", "bits.png"),
    ];
    let paths = pictures(&lab, &all).source;
    let mut files = Files {
        train: paths[..2].to_vec(),
        test: paths[2..].to_vec(),
        ..Files::default()
    };
    files.train.insert(1, lab.write("train/a/Thumbs.db", "x"));
    let block = json!({
        "target": "label",
        "source": {"read": {"form": "images"}},
        "split": {"files": {"train": ["a"], "test": ["b"]}},
        "steps": [{"resize": {"size": [4, 4]}}],
    });
    let (dataset, _, _) = lab.run_files("out", &files, block).unwrap();
    let named = |part: &str| dataset.files(part).unwrap();
    assert_eq!(named("train"), ["train/a/1.png", "train/b/2.png"]);
    assert_eq!(named("test"), ["test/a/3.png", "test/b/4.png"]);
    assert_eq!(dataset.part("test").unwrap().rows, [2, 3]);
}
