//! Outputs as a function of the task and the inputs' bytes, in the layout of the real ones. Reads only what the real
//! worker reads, so that a test sees whether keys know all of it and no more.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use pipe_schema::{
    protocol::{Done, InputPath, Request, Work},
    stage::Task,
};
use serde_json::json;

/// Writes the output of a job and tells its metrics.
pub fn write(request: &Request) -> io::Result<Done> {
    let folder = Path::new(&request.output);
    let put = |name: &str, text: String| {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)
    };
    let mut done = Done::default();
    match &request.work {
        Work::Stage(Task::Preprocess(block)) => {
            let config = format!("{:?} {:?} {:?}", block.target, block.columns, block.steps);
            let split = format!("{:?}", block.split);
            put(
                "schema.json",
                of(&[
                    &config,
                    &roles(request, "split/train")?,
                    &roles(request, "join/")?,
                ]),
            )?;
            for part in ["train", "val", "test"] {
                let rows = [
                    config.clone(),
                    if has(request, "split/") {
                        String::new()
                    } else {
                        split.clone()
                    },
                    roles(request, "source")?,
                    roles(request, "join/")?,
                    roles(request, &format!("split/{part}"))?,
                ];
                let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
                put(&format!("{part}/rows.safetensors"), of(&rows))?;
            }
        }
        Work::Stage(Task::Train(block)) => {
            let data = input(request, "data")?;
            let learned = [
                format!("{block:?} {:?} {}", request.until, request.threads),
                bytes(&data.join("train"))?,
                bytes(&data.join("val"))?,
                bytes(&data.join("schema.json"))?,
            ];
            let learned: Vec<&str> = learned.iter().map(String::as_str).collect();
            let weights = of(&learned);
            put("model.json", "{}".to_owned())?;
            put("weights.safetensors", weights.clone())?;
            put("schema.json", bytes(&data.join("schema.json"))?)?;
            done.metrics.insert("val.loss".to_owned(), share(&weights));
        }
        Work::Stage(Task::Evaluate(block)) => {
            let data = &request.inputs["data"];
            let part = data.part.as_deref().unwrap_or("test");
            let seen = of(&[
                &format!("{:?}", block.metrics),
                &bytes(&input(request, "model")?.join("weights.safetensors"))?,
                &bytes(&Path::new(&data.path).join(part))?,
            ]);
            let accuracy = share(&seen);
            put("metrics.json", json!({"accuracy": accuracy}).to_string())?;
            put("report.json", json!({"part": part}).to_string())?;
            put(
                "predictions.csv",
                format!("row,target,prediction\n{seen}\n"),
            )?;
            done.metrics.insert("accuracy".to_owned(), accuracy);
        }
        Work::Stage(Task::Compress(block)) => {
            let weights = of(&[
                &format!("{:?}", block.passes),
                &bytes(&input(request, "model")?.join("weights.safetensors"))?,
            ]);
            put("model.json", "{}".to_owned())?;
            put("weights.safetensors", weights)?;
        }
        Work::Stage(Task::Package(block)) => {
            put("package.json", json!({"name": block.name}).to_string())?;
            let weights = input(request, "model")?.join("weights.safetensors");
            put("weights.safetensors", bytes(&weights)?)?;
            put(
                "metrics.json",
                bytes(&input(request, "report")?.join("metrics.json"))?,
            )?;
        }
        Work::Convert { form } => {
            let data = &request.inputs["data"];
            let part = Path::new(&data.path).join(data.part.as_deref().unwrap_or_default());
            put(
                form.file_name(),
                format!("row,rows\n0,{}\n", of(&[&bytes(&part)?])),
            )?;
        }
        _ => {}
    }
    Ok(done)
}

fn has(request: &Request, prefix: &str) -> bool {
    request.inputs.keys().any(|role| role.starts_with(prefix))
}

fn input(request: &Request, role: &str) -> io::Result<PathBuf> {
    request
        .inputs
        .get(role)
        .map(|it| PathBuf::from(&it.path))
        .ok_or_else(|| io::Error::other(format!("no input `{role}`")))
}

/// The bytes of all inputs whose role begins so, in order.
fn roles(request: &Request, prefix: &str) -> io::Result<String> {
    let mut found: Vec<(&String, &InputPath)> = request
        .inputs
        .iter()
        .filter(|(role, _)| role.starts_with(prefix))
        .collect();
    found.sort_by_key(|(role, _)| (role.len(), *role));
    found
        .into_iter()
        .map(|(_, input)| bytes(Path::new(&input.path)))
        .collect()
}

/// A file's text, or that of all files of a folder with their names; nothing where nothing is.
fn bytes(path: &Path) -> io::Result<String> {
    if path.is_file() {
        return Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned());
    }
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(String::new());
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
    paths.sort();
    let mut text = String::new();
    for path in paths {
        text.push_str(&path.file_name().unwrap_or_default().to_string_lossy());
        text.push_str(&bytes(&path)?);
    }
    Ok(text)
}

fn of(pieces: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    pieces.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A number between 0 and 1 that a text stands for.
fn share(text: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    (hasher.finish() % 1000) as f64 / 1000.0
}
