//! What a tree says, as bytes: places, comments and the way of writing left out. Knows values, not what they mean.

use super::{Node, Value};

impl Node {
    /// Adds the tree's content. Trees of one content add the same, others something else: each value comes with its kind,
    /// and with its length where that may vary.
    pub fn add_content(&self, out: &mut Vec<u8>) {
        match &self.value {
            Value::Null => out.push(b'n'),
            Value::Bool(it) => out.extend([b'b', u8::from(*it)]),
            Value::Int(it) => {
                out.push(b'i');
                out.extend(it.to_be_bytes());
            }
            Value::Float(it) => {
                out.push(b'f');
                out.extend(it.to_bits().to_be_bytes());
            }
            Value::Text(it) => add_text(b't', it, out),
            Value::List(items) => {
                add_length(b'l', items.len(), out);
                for item in items {
                    item.add_content(out);
                }
            }
            Value::Map(entries) => {
                add_length(b'm', entries.len(), out);
                for entry in entries {
                    add_text(b'k', &entry.key, out);
                    entry.node.add_content(out);
                }
            }
        }
    }
}

fn add_text(kind: u8, text: &str, out: &mut Vec<u8>) {
    add_length(kind, text.len(), out);
    out.extend(text.as_bytes());
}

fn add_length(kind: u8, length: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use crate::spec::yaml;

    fn content(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        yaml::read(text, 0).unwrap().root.add_content(&mut out);
        out
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
}
