//! How a file or folder of the workspace differs from what the store holds of it. Compares manifests; reads no file.

use pipe_schema::manifest::{Entry, Manifest};

/// Paths that are named for each kind of difference; more are counted.
const MAX_NAMED: usize = 3;

/// The paths that differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OutDifference {
    /// The store has them, the workspace does not. Folders end with a slash.
    missing: Vec<String>,
    /// Files whose content is the same and whose executable bit is not.
    modes: Vec<String>,
    changed: Vec<String>,
    /// The workspace has them, the store does not.
    added: Vec<String>,
}

impl OutDifference {
    /// Compares what lies there with what the store holds.
    pub fn between(found: &Manifest, stored: &Manifest) -> Self {
        let mut difference = Self::default();
        for (path, entry) in &found.entries {
            match (entry, stored.entries.get(path)) {
                (_, None) => difference.added.push(named(path, entry)),
                (
                    Entry::File {
                        sha256: one,
                        executable,
                        ..
                    },
                    Some(Entry::File {
                        sha256: other,
                        executable: was_executable,
                        ..
                    }),
                ) if one == other => {
                    if executable != was_executable {
                        difference.modes.push(path.clone());
                    }
                }
                // What is in them is compared by itself.
                (Entry::Directory { .. }, Some(Entry::Directory { .. })) => {}
                (Entry::Link { target: one }, Some(Entry::Link { target: other }))
                    if one == other => {}
                (_, Some(_)) => difference.changed.push(path.clone()),
            }
        }
        let missing =
            (stored.entries.iter()).filter(|(path, _)| !found.entries.contains_key(*path));
        difference.missing = missing.map(|(path, entry)| named(path, entry)).collect();
        difference
    }

    /// Whether everything that lies there is in the store, so that nothing is lost if it goes.
    pub fn loses_nothing(&self) -> bool {
        self.changed.is_empty() && self.added.is_empty()
    }

    /// The difference in words: "`a` is missing, `b` and `c` are changed". Empty if there is none.
    pub fn text(&self) -> String {
        let kinds = [
            (&self.changed, "changed"),
            (&self.added, "new"),
            (&self.missing, "missing"),
        ];
        let mut words: Vec<String> = (kinds.iter())
            .filter(|(paths, _)| !paths.is_empty())
            .map(|(paths, what)| {
                let verb = if paths.len() == 1 { "is" } else { "are" };
                format!("{} {verb} {what}", listed(paths))
            })
            .collect();
        if !self.modes.is_empty() {
            words.push(format!(
                "the executable bit of {} is changed",
                listed(&self.modes)
            ));
        }
        words.join(", ")
    }
}

fn named(path: &str, entry: &Entry) -> String {
    match entry {
        Entry::Directory { .. } => format!("{path}/"),
        Entry::File { .. } | Entry::Link { .. } => path.to_owned(),
    }
}

/// "`a`, `b`, `c` and 4 more".
fn listed(paths: &[String]) -> String {
    let quoted: Vec<String> = (paths.iter().take(MAX_NAMED))
        .map(|path| format!("`{path}`"))
        .collect();
    match (quoted.as_slice(), paths.len().saturating_sub(MAX_NAMED)) {
        ([one, other], 0) => format!("{one} and {other}"),
        (_, 0) => quoted.join(", "),
        (_, more) => format!("{} and {more} more", quoted.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use pipe_schema::manifest::Digest;

    use super::*;

    fn file(content: u8, executable: bool) -> Entry {
        Entry::File {
            size: 1,
            executable,
            sha256: Digest([content; 32]),
        }
    }

    fn folder() -> Entry {
        Entry::Directory {
            digest: Digest([0; 32]),
        }
    }

    fn manifest(entries: &[(&str, Entry)]) -> Manifest {
        Manifest {
            digest: Digest([0; 32]),
            bytes: 0,
            entries: (entries.iter())
                .map(|(path, entry)| ((*path).to_owned(), entry.clone()))
                .collect(),
        }
    }

    #[test]
    fn difference_of_a_part_of_what_is_stored_loses_nothing() {
        let stored = manifest(&[
            ("a", file(1, false)),
            ("b", file(2, true)),
            ("empty", folder()),
            ("f", folder()),
            ("f/c", file(3, false)),
        ]);
        let found = manifest(&[("b", file(2, false)), ("f", folder())]);
        let difference = OutDifference::between(&found, &stored);
        assert!(difference.loses_nothing());
        assert_eq!(
            difference.text(),
            "`a`, `empty/`, `f/c` are missing, the executable bit of `b` is changed"
        );
        assert_eq!(OutDifference::between(&stored, &stored).text(), "");
    }

    #[test]
    fn difference_names_what_would_be_lost() {
        let stored = manifest(&[
            ("a", file(1, false)),
            ("link", Entry::Link { target: "a".into() }),
        ]);
        for (found, text) in [
            (
                manifest(&[
                    ("a", file(2, false)),
                    ("link", Entry::Link { target: "a".into() }),
                ]),
                "`a` is changed",
            ),
            (
                manifest(&[
                    ("a", file(1, false)),
                    ("link", Entry::Link { target: "b".into() }),
                ]),
                "`link` is changed",
            ),
            (
                manifest(&[("a", folder()), ("a/x", file(1, false))]),
                "`a` is changed, `a/x` is new, `link` is missing",
            ),
            (
                manifest(&[
                    ("a", file(1, false)),
                    ("link", file(1, false)),
                    ("mine", folder()),
                ]),
                "`link` is changed, `mine/` is new",
            ),
        ] {
            let difference = OutDifference::between(&found, &stored);
            assert!(!difference.loses_nothing(), "{text}");
            assert_eq!(difference.text(), text);
        }
    }
}
