//! What an import has to say: what it could not carry over, and what now reads otherwise. Knows places, not stages.

use std::{collections::HashSet, sync::Arc};

use crate::spec::{Source, Span};

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Something is not carried over, or needs a hand.
    Lost,
    /// The same is said in another way.
    Changed,
}

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub weight: Weight,
    /// The file, as it is shown.
    pub path: String,
    /// From 1.
    pub line: usize,
    pub what: String,
    /// What to do, where something is to be done.
    pub remedy: String,
}

/// Notes as they are found.
#[derive(Debug, Default)]
pub struct Notes {
    found: Vec<(Weight, Span, String, String)>,
}

impl Notes {
    pub fn lost(&mut self, span: Span, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Weight::Lost, span, what.into(), remedy.into());
    }

    pub fn changed(&mut self, span: Span, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Weight::Changed, span, what.into(), remedy.into());
    }

    fn add(&mut self, weight: Weight, span: Span, what: String, remedy: String) {
        self.found.push((weight, span, what, remedy));
    }

    /// What was said from some point on, for comments.
    pub fn since(&self, start: usize) -> impl Iterator<Item = &str> {
        self.found[start..].iter().map(|it| it.2.as_str())
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Each once, by place.
    pub fn finish(self, sources: &[Arc<Source>]) -> Vec<Note> {
        let mut seen = HashSet::new();
        let mut found = self.found;
        found.sort_by_key(|it| it.1);
        found
            .into_iter()
            .filter(|it| seen.insert((it.1, it.2.clone())))
            .map(|(weight, span, what, remedy)| {
                let source = sources.get(span.file as usize);
                let before = source.and_then(|it| it.text.get(..span.start as usize));
                Note {
                    weight,
                    path: source.map(|it| it.path.clone()).unwrap_or_default(),
                    line: 1 + before.map_or(0, |it| it.matches('\n').count()),
                    what,
                    remedy,
                }
            })
            .collect()
    }
}
