//! Paths as words: joined, kept inside the project, compared. Touches no file.

use crate::spec::{Diagnostic, Span};

/// A path leaves the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape;

/// `path` as seen from the spec's folder, if it is written in `folder`. It may go up `levels` from the spec's folder.
/// The result has no `.`, and `..` only in front.
pub fn join(folder: &str, path: &str, levels: usize) -> Result<String, Escape> {
    if path.starts_with('/') || path.starts_with('\\') {
        return if levels == usize::MAX {
            Ok(clean(path))
        } else {
            Err(Escape)
        };
    }
    if folder.is_empty() && is_clean(path) {
        return Ok(path.to_owned());
    }
    let joined = clean(format!("{folder}/{path}").trim_start_matches('/'));
    let ups = joined.split('/').take_while(|it| *it == "..").count();
    if ups > levels {
        return Err(Escape);
    }
    Ok(joined)
}

fn is_clean(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.all(|it| !matches!(it, "" | "." | ".."))
}

/// Without `.`, doubled slashes and `..` behind a name; `.` for the folder itself.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|it| *it != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    match parts.as_slice() {
        [] if root.is_empty() => ".".to_owned(),
        parts => format!("{root}{}", parts.join("/")),
    }
}

/// The folder of a cleaned path; empty for that of the spec.
pub fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |it| &path[..it])
}

/// The last name of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How an included file is shown: beside the spec.
pub fn beside(spec: &str, path: &str) -> String {
    match spec.rfind('/') {
        Some(at) => format!("{}/{path}", &spec[..at]),
        None => path.to_owned(),
    }
}

pub fn escape_error(path: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("`{path}` leaves the project"))
        .at(span, "outside the project")
        .hint("move it into the project, or allow it with `--allow-outside`")
}

/// Whether one cleaned path is the other, or lies inside it.
pub fn is_inside(path: &str, folder: &str) -> bool {
    folder == "."
        || path == folder
        || path
            .strip_prefix(folder)
            .is_some_and(|it| it.starts_with('/'))
}

/// Whether two cleaned paths are equal or one holds the other.
pub fn overlap(one: &str, other: &str) -> bool {
    is_inside(one, other) || is_inside(other, one)
}

pub fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Whether a reader of `path`, which may be a glob, reads something of what is written to `out`.
pub fn reads(path: &str, out: &str) -> bool {
    // A name may hold what looks like a pattern.
    if !is_glob(path) || overlap(path, out) {
        return overlap(path, out);
    }
    let fixed: Vec<&str> = path.split('/').take_while(|it| !is_glob(it)).collect();
    let fixed = if fixed.is_empty() {
        ".".to_owned()
    } else {
        fixed.join("/")
    };
    if is_inside(&fixed, out) {
        return true;
    }
    let matches = |path: &str| glob::Pattern::new(path).is_ok_and(|pattern| pattern.matches(out));
    // The out may be a folder above what the pattern names.
    let names: Vec<&str> = path.split('/').collect();
    let above = names.get(..out.split('/').count());
    let is_above = above.map_or(names.contains(&"**"), |above| {
        above.contains(&"**") || matches(&above.join("/"))
    });
    is_inside(out, &fixed) && (matches(path) || is_above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_kept_inside() {
        for (folder, path, levels, joined) in [
            ("", "a/b.csv", 0, Ok("a/b.csv")),
            ("", "./a//b/../c", 0, Ok("a/c")),
            ("sub", "../x", 0, Ok("x")),
            ("", "..", 0, Err(Escape)),
            ("", "../x", 1, Ok("../x")),
            ("", "../../x", 1, Err(Escape)),
            ("", "/etc/passwd", 3, Err(Escape)),
            ("", "/etc/passwd", usize::MAX, Ok("/etc/passwd")),
            ("", ".", 0, Ok(".")),
        ] {
            assert_eq!(
                join(folder, path, levels),
                joined.map(str::to_owned),
                "{folder} {path}"
            );
        }
    }

    #[test]
    fn a_reader_of_an_out_is_found_also_through_a_glob() {
        assert!(reads("out/x.csv", "out"));
        assert!(reads("out", "out/x.csv"));
        assert!(reads("data/*.csv", "data/x.csv"));
        assert!(reads("data/*.csv", "data"));
        assert!(reads("data/*/x.csv", "data/deep"));
        assert!(reads("data/**/x.csv", "data/a/b/c/d"));
        assert!(!reads("data/*.csv", "data/x.json"));
        assert!(!reads("data/*/x.csv", "other/deep"));
        assert!(!reads("d[0]/x", "b.txt"));
        assert!(reads("d[0]/x", "d[0]"));
        assert!(reads("a[1].txt", "a[1].txt"));
        assert!(!reads("outer/x", "out"));
        assert!(!reads("other", "out"));
    }
}
