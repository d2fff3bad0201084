//! Frames, of which journals consist: each tells what it is, what it is about, how long it is, and a checksum. What a crash
//! or a disk left of a journal is told by them from what is whole. Knows bytes, not what they mean.

use pipe_schema::manifest::Digest;
use sha2::{Digest as _, Sha256};

/// What a frame begins with. JSON has no such byte.
pub const MARK: u8 = 0x1e;
/// Bytes before the content: the mark, kind, id, number, length, checksum, and a newline.
pub const HEAD: usize = 2 + 1 + 64 + 1 + 16 + 1 + 8 + 1 + 16 + 1;
/// The newline behind the content.
pub const TAIL: usize = 1;
/// The largest content of one frame.
pub const MOST_BYTES: usize = 1 << 30;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A record, as JSON; the id is its key.
    Record,
    /// The manifest of an artifact, as JSON; the id is its digest.
    Tree,
    /// A small artifact: its manifest, and the bytes of its files. The id is its digest.
    Pack,
    /// The name of a stage; the id is the key of the record that was made or used for it.
    Last,
    /// A digest over the stats of an artifact that was whole, and when it was read; the id is the artifact's digest.
    Stamp,
    /// What is known of a workspace out; the id is the hash of its path.
    Out,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Record,
        Self::Tree,
        Self::Pack,
        Self::Last,
        Self::Stamp,
        Self::Out,
    ];

    fn letter(self) -> u8 {
        match self {
            Self::Record => b'r',
            Self::Tree => b't',
            Self::Pack => b'p',
            Self::Last => b'l',
            Self::Stamp => b's',
            Self::Out => b'o',
        }
    }

    /// Whether the content is known as soon as a journal is read; else it is read when it is wanted.
    pub fn is_small(self) -> bool {
        matches!(self, Self::Last | Self::Stamp | Self::Out)
    }
}

/// All of a frame but its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub kind: Kind,
    pub id: Digest,
    /// Later frames have larger numbers, also those of processes that read the earlier ones.
    pub number: u64,
    pub length: u32,
    check: [u8; 8],
}

impl Head {
    /// Of the first bytes of a frame; None where these are no such.
    pub fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let [MARK, letter, rest @ .., b'\n'] = bytes else {
            return None;
        };
        let kind = *Kind::ALL.iter().find(|it| it.letter() == *letter)?;
        let mut rest = &rest[..];
        let head = Self {
            kind,
            id: Digest(word(&mut rest)?),
            number: u64::from_be_bytes(word(&mut rest)?),
            length: u32::from_be_bytes(word(&mut rest)?),
            check: word(&mut rest)?,
        };
        (rest.is_empty() && head.length as usize <= MOST_BYTES).then_some(head)
    }

    /// Bytes of the whole frame.
    pub fn size(&self) -> u64 {
        (HEAD + TAIL) as u64 + u64::from(self.length)
    }

    /// Whether this is the frame's content, and the frame is as it was written.
    pub fn fits(&self, content: &[u8]) -> bool {
        content.len() == self.length as usize
            && check(self.kind, &self.id, self.number, content) == self.check
    }
}

/// Appends a frame to `out`.
pub fn encode(kind: Kind, id: &Digest, number: u64, content: &[u8], out: &mut Vec<u8>) {
    let check = check(kind, id, number, content);
    out.extend([MARK, kind.letter()]);
    for word in [
        &id.0[..],
        &number.to_be_bytes(),
        &(content.len() as u32).to_be_bytes(),
        &check,
    ] {
        out.push(b' ');
        let from = out.len();
        out.resize(from + 2 * word.len(), 0);
        // The room is as large as the text.
        let _ = base16ct::lower::encode(word, &mut out[from..]);
    }
    out.push(b'\n');
    out.extend(content);
    out.push(b'\n');
}

fn check(kind: Kind, id: &Digest, number: u64, content: &[u8]) -> [u8; 8] {
    let mut hasher = Sha256::new();
    hasher.update([kind.letter()]);
    hasher.update(id.0);
    hasher.update(number.to_be_bytes());
    hasher.update((content.len() as u64).to_be_bytes());
    hasher.update(content);
    let mut check = [0; 8];
    check.copy_from_slice(&hasher.finalize()[..8]);
    check
}

/// Takes a space and a word of hexadecimal digits off.
fn word<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (text, behind) = rest.strip_prefix(b" ")?.split_at_checked(2 * N)?;
    *rest = behind;
    let mut bytes = [0; N];
    let decoded = base16ct::lower::decode(text, &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}
