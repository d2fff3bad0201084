//! Journals of a store as they lie on disk: the frames in them, to be harmed. Knows how a frame looks; not what follows from
//! its harm.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

/// Bytes of a frame before its content.
pub const HEAD: usize = 111;

/// A frame in a journal.
#[derive(Clone, Debug)]
pub struct Frame {
    pub path: PathBuf,
    /// All of it.
    pub range: Range<usize>,
    pub content: Vec<u8>,
    /// Of two about the same, the one with the larger number counts.
    number: u64,
}

/// All journals of a store.
pub fn journals(artifacts: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(artifacts.join("journal"));
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .map(|it| it.unwrap().path())
        .collect();
    paths.sort();
    paths
}

/// The frames of a kind that say something, in all journals of a store, which are whole, the newest last. `r`: a record,
/// `t`: a manifest, `p`: a small artifact.
pub fn frames(artifacts: &Path, kind: char) -> Vec<Frame> {
    let mut frames = Vec::new();
    for path in journals(artifacts) {
        let bytes = fs::read(&path).unwrap_or_default();
        let mut at = 0;
        while let Some(head) = bytes.get(at..at + HEAD) {
            let words: Vec<&str> = std::str::from_utf8(head)
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            let Some(length) = words
                .get(3)
                .and_then(|it| usize::from_str_radix(it, 16).ok())
            else {
                // Nonsense that a test put there.
                at += 1;
                continue;
            };
            let range = at..at + HEAD + length + 1;
            at = range.end;
            if words[0].ends_with(kind)
                && length > 0
                && let Some(content) = bytes.get(range.start + HEAD..range.end - 1)
            {
                frames.push(Frame {
                    path: path.clone(),
                    content: content.to_vec(),
                    number: u64::from_str_radix(words[2], 16).unwrap(),
                    range,
                });
            }
        }
    }
    frames.sort_by_key(|it| it.number);
    frames
}

impl Frame {
    /// Changes bytes of the content where they lie.
    pub fn harm(&self, harm: impl Fn(&mut [u8])) {
        let content = self.range.start + HEAD..self.range.end - 1;
        self.change(|bytes| harm(&mut bytes[content.clone()]));
    }

    /// Takes the frame out of its journal, as if it had never been written.
    pub fn remove(&self) {
        self.change(|bytes| drop(bytes.drain(self.range.clone())));
    }

    /// Changes the bytes of the journal in which it lies.
    pub fn change(&self, change: impl Fn(&mut Vec<u8>)) {
        let mut bytes = fs::read(&self.path).unwrap();
        change(&mut bytes);
        fs::write(&self.path, bytes).unwrap();
    }
}
