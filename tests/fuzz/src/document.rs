//! Texts of people: specs, DVC pipelines, files that values are picked from.

use pipe::{
    graph,
    import::{self, Workspace, values},
    plan::{self, Loader, Overrides},
    spec::{self, Source},
};
use pipe_schema::stage::preprocess::Read;

struct Nothing;

impl Loader for Nothing {
    fn include(&self, path: &str) -> Result<String, String> {
        match path {
            "vars.yaml" => Ok("vars: {a: 1}\n".to_owned()),
            _ => Err("it is not there".to_owned()),
        }
    }

    fn exists(&self, path: &str) -> bool {
        path.len().is_multiple_of(2)
    }

    fn columns(&self, _path: &str, _read: &Read) -> Option<Vec<String>> {
        Some(vec!["x".to_owned(), "y".to_owned()])
    }
}

/// From text to a plan in order, or all that is wrong, drawn.
pub fn spec(bytes: &[u8]) {
    let source = source(bytes);
    let found = match spec::parse(source) {
        Ok(spec) => match plan::resolve(spec, &Overrides::default(), &Nothing) {
            Ok((plan, found)) => {
                let _ = graph::build(&plan);
                let _ = plan.outline();
                found
            }
            Err(found) => found,
        },
        Err(found) => found,
    };
    let _ = found.render(true);
    let _ = found.to_json();
}

struct Folder(String);

impl Workspace for Folder {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        let mut parts = self.0.split('\u{1e}');
        let lead = parts.next().unwrap_or_default().to_owned();
        Ok(match path {
            "dvc.yaml" => Some(lead),
            "params.yaml" | "dvc.lock" => parts.next().map(str::to_owned),
            _ => None,
        })
    }

    fn exists(&self, path: &str) -> bool {
        path.len().is_multiple_of(2)
    }

    fn levels_up(&self) -> usize {
        0
    }
}

/// A `dvc.yaml`, and behind the character U+001E its parameters.
pub fn dvc(bytes: &[u8]) {
    let folder = Folder(String::from_utf8_lossy(bytes).into_owned());
    if let Err(found) = import::from_dvc(&["dvc.yaml".to_owned()], "fuzz", &folder) {
        let _ = found.render(false);
    }
}

/// A key on the first line, then the file.
pub fn pick(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (key, text) = text.split_once('\n').unwrap_or(("", &text));
    let keys: Vec<String> = key.split_whitespace().map(str::to_owned).collect();
    let _ = values::pick(source(text.as_bytes()), &keys);
}

fn source(bytes: &[u8]) -> Source {
    Source {
        path: "pipe.yaml".to_owned(),
        text: String::from_utf8_lossy(bytes).into_owned(),
    }
}
