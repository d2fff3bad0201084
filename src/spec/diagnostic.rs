//! What is wrong with a spec, drawn with the line and a caret. Knows positions and words, not the language.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    ops::Range,
    sync::Arc,
};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use pipe_schema::remote::{blotted, without_credentials};
use serde_json::json;

use super::{Source, node::Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub title: String,
    /// Where, and what is said there. The first place is the one meant; the others explain it.
    pub places: Vec<(Span, String)>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// Whether the value there could not be read, so that nothing else said of it is worth hearing.
    pub is_unreadable: bool,
}

impl Diagnostic {
    pub fn error(title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            title: title.into(),
            places: Vec::new(),
            hints: Vec::new(),
            is_unreadable: false,
        }
    }

    pub fn warning(title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(title)
        }
    }

    /// A place with what is said under it.
    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.places.push((span, label.into()));
        self
    }

    /// A further place, where there is one.
    #[must_use]
    pub fn at_some(self, span: Option<Span>, label: impl Into<String>) -> Self {
        match span {
            Some(span) => self.at(span, label),
            None => self,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Marks the value there as one that could not be read.
    #[must_use]
    pub fn unreadable(mut self) -> Self {
        self.is_unreadable = true;
        self
    }

    fn place(&self) -> Option<Span> {
        self.places.first().map(|it| it.0)
    }
}

/// All that is wrong with a spec, in the order of its files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    sources: Vec<Arc<Source>>,
    entries: Vec<Diagnostic>,
}

/// More than this is not read by anybody.
const MOST_SHOWN: usize = 100;
const WIDTH: usize = 120;

impl Diagnostics {
    /// Sorted by place, each once.
    pub fn new(sources: Vec<Arc<Source>>, mut entries: Vec<Diagnostic>) -> Self {
        entries.sort_by_key(Diagnostic::place);
        let unreadable: BTreeSet<Span> = entries
            .iter()
            .filter(|it| it.is_unreadable)
            .filter_map(Diagnostic::place)
            .collect();
        let is_hidden = |outer: Span| {
            unreadable
                .range(Span { end: 0, ..outer }..)
                .take_while(|it| it.file == outer.file && it.start <= outer.end)
                .any(|it| it.end <= outer.end)
        };
        let mut seen = HashSet::new();
        entries.retain(|it| {
            let is_heard = it.is_unreadable || !it.place().is_some_and(is_hidden);
            is_heard && seen.insert((it.place(), it.title.clone()))
        });
        for entry in &mut entries {
            let labels = entry.places.iter_mut().map(|it| &mut it.1);
            for text in std::iter::once(&mut entry.title)
                .chain(labels)
                .chain(&mut entry.hints)
            {
                if let Cow::Owned(shown) = without_credentials(text) {
                    *text = shown;
                }
            }
        }
        let sources = if entries.is_empty() {
            sources
        } else {
            sources.into_iter().map(shown).collect()
        };
        Self { sources, entries }
    }

    pub fn has_errors(&self) -> bool {
        self.n_errors() > 0
    }

    pub fn n_errors(&self) -> usize {
        self.count(Severity::Error)
    }

    pub fn n_warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter()
    }

    fn count(&self, severity: Severity) -> usize {
        self.entries
            .iter()
            .filter(|it| it.severity == severity)
            .count()
    }

    /// The text for people: each entry with its line and caret, an empty line between.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        }
        .term_width(WIDTH);
        let mut text = String::new();
        for entry in self.entries.iter().take(MOST_SHOWN) {
            text.push_str(&renderer.render(&[self.draw(entry)]));
            text.push_str("\n\n");
        }
        if let Some(rest) = self.entries.len().checked_sub(MOST_SHOWN + 1) {
            text.push_str(&format!("… and {} more\n\n", rest + 1));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    fn draw<'a>(&'a self, entry: &'a Diagnostic) -> Group<'a> {
        let level = match entry.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(&*entry.title));
        let mut drawn: Vec<u32> = Vec::new();
        for (span, _) in &entry.places {
            if drawn.contains(&span.file) {
                continue;
            }
            drawn.push(span.file);
            if let Some(source) = self.sources.get(span.file as usize) {
                group = group.element(snippet(source, entry, span.file));
            }
        }
        for hint in &entry.hints {
            group = group.element(Level::HELP.with_name("hint").message(&**hint));
        }
        group
    }

    /// The same for programs.
    pub fn to_json(&self) -> serde_json::Value {
        let place = |(span, label): &(Span, String)| {
            let source = self.sources.get(span.file as usize);
            let text = source.map_or("", |it| &it.text);
            let (line, column) = line_and_column(text, span.start as usize);
            let (end_line, end_column) = line_and_column(text, span.end as usize);
            json!({
                "file": source.map(|it| &it.path),
                "line": line, "column": column, "end_line": end_line, "end_column": end_column,
                "label": label,
            })
        };
        self.entries
            .iter()
            .map(|it| {
                json!({
                    "severity": it.severity.name(),
                    "title": it.title,
                    "places": it.places.iter().map(place).collect::<Vec<_>>(),
                    "hints": it.hints,
                })
            })
            .collect()
    }
}

/// A file as it may be drawn: what its addresses hold of keys is blotted out.
fn shown(source: Arc<Source>) -> Arc<Source> {
    match blotted(&source.text) {
        Cow::Borrowed(_) => source,
        Cow::Owned(text) => Arc::new(Source {
            path: source.path.clone(),
            text,
        }),
    }
}

/// The lines of one file that an entry speaks of. Only these are handed on, so that a large file costs nothing.
fn snippet<'a>(
    source: &'a Source,
    entry: &'a Diagnostic,
    file: u32,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = source.text.as_str();
    let places: Vec<(Range<usize>, &str, bool)> = entry
        .places
        .iter()
        .enumerate()
        .filter(|(_, (span, _))| span.file == file)
        .map(|(i, (span, label))| (first_line(text, *span), label.as_str(), i == 0))
        .collect();
    let first = places.iter().map(|it| it.0.start).min().unwrap_or(0);
    let last = places.iter().map(|it| it.0.end).max().unwrap_or(0);
    let from = text[..first].rfind('\n').map_or(0, |it| it + 1);
    let until = text[last..].find('\n').map_or(text.len(), |it| last + it);
    let line = 1 + text[..from].bytes().filter(|it| *it == b'\n').count();
    let annotations = places.into_iter().map(|(range, label, is_primary)| {
        let kind = if is_primary {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let annotation = kind.span(range.start - from..range.end - from);
        if label.is_empty() {
            annotation
        } else {
            annotation.label(label)
        }
    });
    Snippet::source(&text[from..until])
        .path(&*source.path)
        .line_start(line)
        .annotations(annotations)
}

/// The part of a span that lies on its first line, at character boundaries.
fn first_line(text: &str, span: Span) -> Range<usize> {
    let start = floor_char(text, span.start as usize);
    let end = floor_char(text, (span.end as usize).max(start));
    let line_end = text[start..]
        .find(['\n', '\r'])
        .map_or(text.len(), |it| start + it);
    start..end.min(line_end).max(start)
}

fn floor_char(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Both from 1; the column counts characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_char(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |it| it + 1);
    (
        1 + before.bytes().filter(|it| *it == b'\n').count(),
        1 + before[line_start..].chars().count(),
    )
}
