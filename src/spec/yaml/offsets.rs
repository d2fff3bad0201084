//! From positions counted in characters to positions in bytes. Knows text, not YAML.

/// The byte offset of each character of a text.
pub struct Offsets<'a> {
    text: &'a str,
    pub file: u32,
    /// Bytes of the byte order mark in front.
    skipped: usize,
    /// Empty where each character is one byte.
    bytes: Vec<u32>,
}

impl<'a> Offsets<'a> {
    pub fn new(whole: &'a str, file: u32) -> Self {
        let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(it, _)| it as u32).collect()
        };
        Self {
            text,
            file,
            skipped: whole.len() - text.len(),
            bytes,
        }
    }

    /// The text without its byte order mark.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The byte at which a character starts, in the text as given.
    pub fn byte(&self, character: usize) -> usize {
        let at = if self.bytes.is_empty() {
            character.min(self.text.len())
        } else {
            self.bytes
                .get(character)
                .map_or(self.text.len(), |it| *it as usize)
        };
        at + self.skipped
    }
}
