//! Paths of the project that stages read and write: collected, compared, wired. Asks the loader; opens nothing.

use std::cmp::Ordering;

use foldhash::{HashMap, HashMapExt, HashSet};
use pipe_schema::{remote::Remote, scalar::ByteSize};
use serde::{
    Deserialize as _,
    de::{
        IntoDeserializer as _,
        value::{self, StrDeserializer},
    },
};

use super::{
    FileInput, Loader,
    draft::{self, forms, joins},
    paths,
};
use crate::spec::{Diagnostic, Node, Span, Value};

/// What one instance reads and writes in the project.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub reads: Vec<(FileInput, Span)>,
    pub writes: Vec<(String, Span)>,
}

/// The keys of `split.files` that name files.
const PARTS: [&str; 4] = ["train", "val", "valid", "test"];

impl Files {
    /// Collects the paths of a block whose vars and axes are bound.
    pub fn of(kind: &str, block: &Node, levels: usize, found: &mut Vec<Diagnostic>) -> Self {
        let mut files = Self::default();
        let mut collector = Collector {
            files: &mut files,
            folder: String::new(),
            levels,
            found,
        };
        match kind {
            "preprocess" => {
                let source = block.get("source");
                collector.read("source", &source.map_or_else(Vec::new, forms));
                for (n, join) in joins(block).iter().enumerate() {
                    collector.read(&format!("join/{n}"), &forms(join));
                }
                let split = block.get("split").and_then(|it| it.get("files"));
                let parts = split.map_or(&[][..], Node::entries).iter();
                // The other options of the split are no paths.
                for part in parts.filter(|it| PARTS.contains(&it.key.as_str())) {
                    collector.read(
                        &format!("split/{}", part.key),
                        &draft::file_items(Some(&part.node)),
                    );
                }
            }
            "train" => collector.read("init_from", &draft::file_items(block.get("init_from"))),
            "command" => {
                collector.enter(block.get("wdir"));
                let deps = block.get("deps").map_or(&[][..], Node::items);
                collector.read("dep", &deps.iter().collect::<Vec<_>>());
                for field in ["outs", "metrics"] {
                    collector.write(block.get(field).map_or(&[][..], Node::items));
                }
            }
            _ => {}
        }
        files
    }
}

struct Collector<'a> {
    files: &'a mut Files,
    folder: String,
    levels: usize,
    found: &'a mut Vec<Diagnostic>,
}

impl Collector<'_> {
    fn join(&mut self, node: &Node) -> Option<String> {
        let text = node.as_text()?;
        if text.is_empty() {
            self.found
                .push(Diagnostic::error("a path is empty").at(node.span, "expected a path"));
            return None;
        }
        let path = paths::join(&self.folder, text, self.levels);
        if path.is_err() {
            self.found.push(paths::escape_error(text, node.span));
        }
        path.ok()
    }

    fn enter(&mut self, wdir: Option<&Node>) {
        if let Some(path) = wdir.and_then(|it| self.join(it)) {
            self.folder = if path == "." { String::new() } else { path };
        }
    }

    fn read(&mut self, role: &str, items: &[&Node]) {
        let stages = items.iter().find(|it| it.get("from").is_some());
        let path = items.iter().find(|it| it.as_text().is_some());
        if let (Some(stage), Some(path)) = (stages, path)
            && role != "dep"
        {
            self.found.push(
                Diagnostic::error("a list has either paths or stages, not both")
                    .at(path.span, "a path")
                    .at(stage.span, "a stage"),
            );
        }
        self.files.reads.reserve_exact(items.len());
        for item in items {
            let remote = remote(item, role, self.found);
            let path = match &remote {
                Some(it) => Some(it.shown()),
                None => self.join(item),
            };
            if let Some(path) = path {
                let role = role.to_owned();
                let input = FileInput { role, path, remote };
                self.files.reads.push((input, item.span));
            }
        }
    }

    fn write(&mut self, items: &[Node]) {
        self.files.writes.reserve_exact(items.len());
        for item in items {
            let Some(path) = self.join(item) else {
                continue;
            };
            // Brackets are taken for a part of the name.
            if path == "." || path.contains(['*', '?']) {
                let what = if path == "." {
                    "the project's own folder"
                } else {
                    "a pattern"
                };
                self.found.push(
                    Diagnostic::error("an out must be a file or folder of its own")
                        .at(item.span, what),
                );
                continue;
            }
            if !self.files.writes.iter().any(|it| it.0 == path) {
                self.files.writes.push((path, item.span));
            }
        }
    }
}

/// A file elsewhere, as `{url: …, sha256: …}` names it. What is wrong with it is said.
fn remote(item: &Node, role: &str, found: &mut Vec<Diagnostic>) -> Option<Remote> {
    let (url, sha256) = (item.get("url")?, item.get("sha256")?);
    let remote = Remote {
        url: url.as_text()?.to_owned(),
        sha256: sha256.as_text()?.to_owned(),
        max_size: item.get("max_size").and_then(size_of),
    };
    if role == "dep" || role == "init_from" {
        found.push(
            Diagnostic::error("only a source of rows is fetched")
                .at(item.span, "not taken here")
                .hint("fetch it by a command stage, and read what that makes"),
        );
    }
    if !remote.is_known() {
        found.push(
            Diagnostic::error("`url` is no address that can be fetched")
                .at(url.span, "expected https, http or file")
                .hint(
                    "write it in full: `https://example.org/rows.csv` or `file:///data/rows.csv`",
                ),
        );
    }
    if remote.digest().is_none() {
        found.push(
            Diagnostic::error("`sha256` must be 64 hexadecimal digits")
                .at(sha256.span, format!("found {}", sha256.value.describe()))
                .hint("`sha256sum FILE` prints it"),
        );
    }
    Some(remote)
}

/// A size, where it is one: what it should look like is said where the block's types are checked.
fn size_of(node: &Node) -> Option<ByteSize> {
    match &node.value {
        Value::Int(bytes) => u64::try_from(*bytes).ok().map(|bytes| ByteSize { bytes }),
        Value::Text(text) => {
            let text: StrDeserializer<'_, value::Error> = text.as_str().into_deserializer();
            ByteSize::deserialize(text).ok()
        }
        _ => None,
    }
}

/// Who writes what, found by path.
pub struct Producers<'a> {
    by_path: HashMap<&'a str, usize>,
    /// The folders that outs lie in.
    folders: HashSet<&'a str>,
    /// The outs by the names in their paths, so that what a folder holds stands behind it.
    sorted: Vec<(&'a str, usize)>,
}

/// Compares paths name by name: `a/b` stands before `a-b`.
fn by_names(one: &str, other: &str) -> Ordering {
    // The least byte, which no path has.
    let byte = |it: u8| if it == b'/' { 0 } else { it };
    one.bytes().map(byte).cmp(other.bytes().map(byte))
}

/// Whether a path is that of a folder, or of something in it.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|it| it.is_empty() || it.starts_with('/'))
}

/// The folders that a path lies in, from the outermost.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

impl<'a> Producers<'a> {
    /// Takes the outs of all instances; outs that are equal or nested are errors.
    pub fn new(all: &[(&'a str, &'a Files)], found: &mut Vec<Diagnostic>) -> Self {
        let mut outs: Vec<(&str, usize, Span)> = Vec::new();
        for (i, (_, files)) in all.iter().enumerate() {
            let writes = files.writes.iter();
            outs.extend(writes.map(|(path, span)| (path.as_str(), i, *span)));
        }
        outs.sort_by(|a, b| by_names(a.0, b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut holder: Option<&(&str, usize, Span)> = None;
        for out in &outs {
            match holder {
                Some(outer) if is_within(out.0, outer.0) => found.push(clash(all, outer, out)),
                _ => holder = Some(out),
            }
        }
        let mut by_path = HashMap::with_capacity(outs.len());
        for (path, i, _) in &outs {
            by_path.entry(*path).or_insert(*i);
        }
        Self {
            by_path,
            folders: outs.iter().flat_map(|it| folders_of(it.0)).collect(),
            sorted: outs.iter().map(|it| (it.0, it.1)).collect(),
        }
    }

    /// The instances that write something of what is read at a path.
    pub fn of(&self, path: &str) -> Vec<usize> {
        if self.sorted.is_empty() {
            return Vec::new();
        }
        let around = folders_of(path).chain([path]);
        let mut producers: Vec<usize> = around
            .filter_map(|it| self.by_path.get(it).copied())
            .collect();
        if self.folders.contains(path) {
            let first = self
                .sorted
                .partition_point(|it| by_names(it.0, path).is_lt());
            let inside = self.sorted[first..].iter();
            producers.extend(inside.take_while(|it| is_within(it.0, path)).map(|it| it.1));
        }
        // A name may hold what looks like a pattern: an out of that name is meant.
        if producers.is_empty() && paths::is_glob(path) || path == "." {
            let read = self.sorted.iter().filter(|it| paths::reads(path, it.0));
            producers = read.map(|it| it.1).collect();
        }
        producers.dedup();
        producers
    }
}

fn clash(
    all: &[(&str, &Files)],
    outer: &(&str, usize, Span),
    inner: &(&str, usize, Span),
) -> Diagnostic {
    let (one, other) = (all[outer.1].0, all[inner.1].0);
    let path = inner.0;
    let is_equal = outer.0 == inner.0;
    let title = if is_equal {
        format!("`{one}` and `{other}` both write `{path}`")
    } else {
        format!("`{path}` lies inside `{}`, which is an out too", outer.0)
    };
    let error = Diagnostic::error(title);
    if outer.2 == inner.2 {
        let axis = one
            .split_once('@')
            .map_or("axis", |it| it.1.split('=').next().unwrap_or("axis"));
        return error
            .at(inner.2, "the same path in each instance")
            .hint(format!(
                "put the axis into the path, such as `${{matrix.{axis}}}`"
            ));
    }
    let (first, second) = if outer.2 < inner.2 {
        (outer, inner)
    } else {
        (inner, outer)
    };
    error
        .at(second.2, format!("written by `{}`", all[second.1].0))
        .at(first.2, format!("written by `{}`", all[first.1].0))
        .hint("each out belongs to one stage")
}

/// Says so where nothing that can be read again is at a path that is read.
pub fn check_exists(
    input: &FileInput,
    span: Span,
    loader: &dyn Loader,
    found: &mut Vec<Diagnostic>,
) {
    if input.remote.is_some() {
        return;
    }
    let path = &input.path;
    if loader.exists(path) {
        if let Some((place, what)) = loader.special(path) {
            let place = place.display();
            let error = Diagnostic::error(format!("`{place}` is {what}, or leads to one"));
            found.push(error.at(span, "neither a file nor a folder").hint(
                "name a file: what comes from a pipe or a device is another content each time",
            ));
        }
        return;
    }
    let error = if paths::is_glob(path) {
        Diagnostic::error(format!("no file matches `{path}`")).at(span, "nothing there")
    } else {
        Diagnostic::error(format!("`{path}` does not exist")).at(span, "no such file or folder")
    };
    found.push(error.hint("paths are relative to the spec's folder"));
}
