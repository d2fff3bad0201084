//! As much of Thrift's compact protocol as is needed to look at a header before the library reads it: fields and sizes.
//! Takes no memory; knows no parquet.

/// Structures within structures that are passed over.
const MOST_DEPTH: usize = 32;

/// The kinds of values.
pub mod kind {
    pub const I32: u8 = 5;
    pub const LIST: u8 = 9;
    pub const STRUCT: u8 = 12;
}

/// Bytes that are taken apart from the front. Every method gives nothing where they end or make no sense.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next field of a structure: its number and kind. The number is 0 at the structure's end.
    pub fn field(&mut self, before: i64) -> Option<(i64, u8)> {
        let head = self.byte()?;
        let (step, kind) = (head >> 4, head & 0x0f);
        match (step, kind) {
            (_, 0) => Some((0, 0)),
            (0, _) => Some((self.integer()?, kind)),
            _ => Some((before.checked_add(i64::from(step))?, kind)),
        }
    }

    /// The head of a list: how many items it has, and their kind.
    pub fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.size()?,
            size => u64::from(size),
        };
        Some((size, head & 0x0f))
    }

    pub fn integer(&mut self) -> Option<i64> {
        let coded = self.size()?;
        Some((coded >> 1).cast_signed() ^ -((coded & 1).cast_signed()))
    }

    /// Passes over a value of a kind.
    pub fn skip(&mut self, kind: u8) -> Option<()> {
        self.skip_within(kind, MOST_DEPTH)
    }

    fn skip_within(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // A truth is told by its kind.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.size().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let size = self.size()?;
                self.pass(size)
            }
            kind::LIST | 10 => {
                let (size, kind) = self.list()?;
                (0..size).try_for_each(|_| self.skip_item(kind, depth))
            }
            11 => {
                let size = self.size()?;
                let kinds = if size == 0 { 0 } else { self.byte()? };
                (0..size).try_for_each(|_| {
                    self.skip_item(kinds >> 4, depth)?;
                    self.skip_item(kinds & 0x0f, depth)
                })
            }
            kind::STRUCT => {
                let mut field = 0;
                loop {
                    let (next, kind) = self.field(field)?;
                    if kind == 0 {
                        return Some(());
                    }
                    field = next;
                    self.skip_within(kind, depth)?;
                }
            }
            _ => None,
        }
    }

    /// In a list, a truth is a byte.
    fn skip_item(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => self.pass(1),
            kind => self.skip_within(kind, depth),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(bytes).ok()?)?;
        (end <= self.bytes.len()).then(|| self.at = end)
    }

    fn size(&mut self) -> Option<u64> {
        let mut size = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            size |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(size);
            }
        }
        None
    }
}
