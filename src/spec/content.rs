//! What a tree says, as a digest: places, comments and the way of writing left out. Knows values, not what they mean.

use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

use super::{Node, Value};

/// Bytes that are hashed at once.
const BLOCK: usize = 32 << 10;

impl Node {
    /// The digest of what the tree says. Each value counts with its kind, and with its length where that may vary.
    pub fn content(&self) -> Digest {
        let mut content = Content::default();
        content.add(self);
        content.hasher.update(&content.bytes);
        Digest(content.hasher.finalize().into())
    }
}

#[derive(Default)]
struct Content {
    hasher: Sha256,
    /// To be hashed.
    bytes: Vec<u8>,
}

impl Content {
    fn add(&mut self, node: &Node) {
        if self.bytes.len() >= BLOCK {
            self.hasher.update(&self.bytes);
            self.bytes.clear();
        }
        match &node.value {
            Value::Null => self.bytes.push(b'n'),
            Value::Bool(it) => self.bytes.extend([b'b', u8::from(*it)]),
            Value::Int(it) => {
                self.bytes.push(b'i');
                self.bytes.extend(it.to_be_bytes());
            }
            Value::Float(it) => {
                self.bytes.push(b'f');
                self.bytes.extend(it.to_bits().to_be_bytes());
            }
            Value::Text(it) => self.add_text(b't', it),
            Value::List(items) => {
                self.add_length(b'l', items.len());
                for item in items {
                    self.add(item);
                }
            }
            Value::Map(entries) => {
                self.add_length(b'm', entries.len());
                for entry in entries {
                    self.add_text(b'k', &entry.key);
                    self.add(&entry.node);
                }
            }
        }
    }

    fn add_text(&mut self, kind: u8, text: &str) {
        self.add_length(kind, text.len());
        self.bytes.extend(text.as_bytes());
    }

    fn add_length(&mut self, kind: u8, length: usize) {
        self.bytes.push(kind);
        self.bytes.extend((length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::yaml;

    fn content(text: &str) -> Digest {
        yaml::read(text, 0).unwrap().root.content()
    }

    #[test]
    fn the_way_of_writing_does_not_count() {
        let plain = content("a: [1, x]\nb: {c: true}\n");
        for other in [
            "# first\na:   [1, x] # second\n\nb:\n  c: true\n",
            "\"a\":\n- 1\n- 'x'\nb: {c: true}",
        ] {
            assert_eq!(content(other), plain, "{other}");
        }
    }

    #[test]
    fn what_is_said_counts() {
        let all = [
            "a: 1",
            "a: \"1\"",
            "a: 1.0",
            "a: null",
            "a: true",
            "a: [1]",
            "a: {b: 1}",
            "b: 1",
            "a: -1",
            "a: [1, 2]",
            "a: [[1], 2]",
            "a: [1, [2]]",
            "a: 1\nb: 2",
            "b: 2\na: 1",
            "a: {b: 1, c: 2}",
            "a: {b: 1}\nc: 2",
        ];
        let contents: std::collections::HashSet<_> = all.iter().map(|it| content(it)).collect();
        assert_eq!(contents.len(), all.len());
    }

    #[test]
    fn each_of_many_values_counts() {
        let n = 2 * BLOCK / "some text".len();
        let list =
            |first: &str, last: &str| format!("[{first}, {}{last}]", "some text, ".repeat(n));
        let all =
            [("a", "a"), ("b", "a"), ("a", "b")].map(|(first, last)| content(&list(first, last)));
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    }
}
