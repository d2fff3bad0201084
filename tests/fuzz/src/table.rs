//! Tables in every form, and datasets.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use pipe_data::{Dataset, Files, preprocess, read_rows, table, transform};
use pipe_schema::{
    dataset::DatasetSchema,
    stage::preprocess::{Form, Preprocess, Read, TextRows},
};
use serde_json::{Value, json};

use crate::input::{files, folder, seed, with_file};

/// The first byte chooses how the text is read.
pub fn csv(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let mut read = reading(Form::Csv);
    read.header = choice & 1 == 0;
    if !read.header {
        read.names = vec!["a".to_owned(), "b".to_owned()];
    }
    read.quoting = choice & 2 == 0;
    read.comment = (choice & 4 != 0).then_some('#');
    read.escape = (choice & 8 != 0).then_some('\\');
    read.delimiter = if choice & 16 == 0 { ',' } else { ';' };
    read.skip_lines = u32::from(choice >> 6);
    table(text, "x.csv", &read, "a");
}

pub fn jsonl(bytes: &[u8]) {
    table(bytes, "x.jsonl", &reading(Form::Jsonl), "a");
}

pub fn parquet(bytes: &[u8]) {
    table(bytes, "x.parquet", &reading(Form::Parquet), "a");
}

pub fn npz(bytes: &[u8]) {
    let mut read = reading(Form::Npz);
    table(bytes, "x.npz", &read, "x");
    read.names = vec!["x".to_owned()];
    table(bytes, "x.npy", &read, "x");
}

pub fn idx(bytes: &[u8]) {
    let mut read = reading(Form::Idx);
    read.names = vec!["x".to_owned()];
    table(bytes, "x", &read, "x");
}

/// The first byte chooses what a row is.
pub fn text(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let mut read = reading(Form::Text);
    if choice & 1 == 1 {
        read.rows = TextRows::Line;
    }
    table(text, "x.txt", &read, "text");
}

/// Decoded and scaled as for a model.
pub fn images(bytes: &[u8]) {
    let schema = schema_of_images();
    with_file("x.png", bytes, |path| {
        if let Ok(rows) = read_rows(path, Some(Form::Images), schema) {
            let _ = transform(schema, &rows);
        }
    });
}

/// Files of a dataset, see `input::files`, that take the place of good ones.
pub fn dataset(bytes: &[u8]) {
    let place = folder();
    let copied = copy(good_dataset(), place.path());
    copied.expect("a temporary folder can be written");
    for (name, content) in files(bytes) {
        let path = place.path().join(name);
        if path.is_file() {
            fs::write(path, content).expect("a temporary file can be written");
        }
    }
    let Ok(dataset) = Dataset::open(place.path()) else {
        return;
    };
    for part in dataset.parts() {
        let _ = dataset.part(part);
        let _ = dataset.summary(part);
        let _ = dataset.head(part);
        for column in dataset.schema().columns.clone() {
            let _ = dataset.raw(part, &column.name);
        }
    }
}

fn reading(form: Form) -> Read {
    Read {
        form: Some(form),
        ..Read::default()
    }
}

/// What `pipe check` asks of a table, then what a stage does, then what new rows for a model are.
fn table(bytes: &[u8], name: &str, read: &Read, wanted: &str) {
    with_file(name, bytes, |path| {
        let _ = table::columns(path, read);
        let _ = table::read(&[path.to_owned()], read, &mut |_| {});
        let _ = table::read_wanted(path, read, &[], &[wanted], 1000, &mut |_, _| {
            Ok::<(), pipe_data::DataError>(())
        });
    });
}

fn schema_of_images() -> &'static DatasetSchema {
    static SCHEMA: OnceLock<DatasetSchema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let place = folder();
        let picture = seed("images/grey.png");
        let mut files = Files::default();
        for class in ["one", "two"] {
            let path = place.path().join(class).join("x.png");
            fs::create_dir_all(place.path().join(class)).expect("a folder can be made");
            fs::write(&path, &picture).expect("a file can be written");
            files.source.push(path);
        }
        let block = json!({
            "source": {"images": "*/*"}, "target": "label", "split": {"random": {"train": 1.0}},
            "steps": [{"resize": {"size": [4, 5], "channels": 3}}],
        });
        made(&block, &files, &place.path().join("out"))
            .schema()
            .clone()
    })
}

/// A dataset with columns of every type.
fn good_dataset() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let place = FOLDER.get_or_init(|| {
        let place = folder();
        let rows = place.path().join("rows.csv");
        let text = "n,w,d,y\n1,a,2020-01-01,p\n2,b,2020-01-02,q\n3,a,2020-02-01,p\n,b,,q\n";
        fs::write(&rows, text).expect("a file can be written");
        let files = Files {
            source: vec![rows],
            ..Files::default()
        };
        let block = json!({
            "source": {"csv": "rows.csv"}, "target": "y", "split": {"random": {"train": 0.5, "test": 0.5}},
            "steps": [{"impute": {}}, {"standardize": {}}, {"one_hot": {}}, {"drop": {"columns": ["d"]}}],
        });
        made(&block, &files, &place.path().join("out"));
        fs::remove_file(place.path().join("rows.csv")).expect("a file can be removed");
        place
    });
    OUT.get_or_init(|| place.path().join("out"))
}

fn made(block: &Value, files: &Files, out: &Path) -> Dataset {
    let block: Preprocess = serde_json::from_value(block.clone()).expect("the block is good");
    fs::create_dir_all(out).expect("a folder can be made");
    preprocess(&block, files, out, &mut |_| {}).expect("the files are good");
    Dataset::open(out).expect("the dataset is good")
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
