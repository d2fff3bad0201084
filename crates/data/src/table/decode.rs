//! Text of other encodings as UTF-8, piece by piece. Knows no files.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult};
use pipe_schema::stage::preprocess::Encoding;

const PIECE: usize = 64 * 1024;

/// Reads as UTF-8 what was written otherwise.
pub struct Decoded {
    text: Box<dyn BufRead>,
    encoding: Encoding,
    /// Of all but Latin 1, whose bytes are numbers of characters.
    decoder: Option<Decoder>,
    piece: Vec<u8>,
    /// What of the piece was not yet taken.
    rest: std::ops::Range<usize>,
    /// Bytes that were decoded.
    before: u64,
    is_over: bool,
}

impl Decoded {
    /// A text, before its first byte.
    pub fn of(text: Box<dyn BufRead>, encoding: Encoding) -> Self {
        let known = match encoding {
            Encoding::Latin1 => None,
            Encoding::Utf8 => Some(encoding_rs::UTF_8),
            Encoding::Utf16 => Some(encoding_rs::UTF_16LE),
            Encoding::Windows1252 => Some(encoding_rs::WINDOWS_1252),
            Encoding::Windows1250 => Some(encoding_rs::WINDOWS_1250),
            Encoding::Windows1251 => Some(encoding_rs::WINDOWS_1251),
            Encoding::ShiftJis => Some(encoding_rs::SHIFT_JIS),
            Encoding::Gb18030 => Some(encoding_rs::GB18030),
        };
        let decoder = known.map(|it| match encoding {
            // A byte order mark tells the order.
            Encoding::Utf16 => it.new_decoder(),
            _ => it.new_decoder_without_bom_handling(),
        });
        Self {
            text,
            encoding,
            decoder,
            piece: vec![0; PIECE],
            rest: 0..0,
            before: 0,
            is_over: false,
        }
    }

    /// Fills the piece anew; it stays empty at the end of the text.
    fn refill(&mut self) -> io::Result<()> {
        self.rest = 0..0;
        while self.rest.is_empty() && !self.is_over {
            let bytes = self.text.fill_buf()?;
            let at_end = bytes.is_empty();
            let (read, written) = match &mut self.decoder {
                None => {
                    // A byte becomes two at most.
                    let read = bytes.len().min(PIECE / 2);
                    let piece = &mut self.piece;
                    let written = encoding_rs::mem::convert_latin1_to_utf8(&bytes[..read], piece);
                    self.is_over = at_end;
                    (read, written)
                }
                Some(decoder) => {
                    let (result, read, written) =
                        decoder.decode_to_utf8_without_replacement(bytes, &mut self.piece, at_end);
                    match result {
                        DecoderResult::InputEmpty => self.is_over = at_end,
                        DecoderResult::OutputFull => {}
                        DecoderResult::Malformed(bad, after) => {
                            let name = self.encoding.name();
                            let at = self.before + read as u64 + 1;
                            let at = at.saturating_sub(u64::from(bad) + u64::from(after));
                            return Err(io::Error::new(
                                io::ErrorKind::InvalidData,
                                format!("byte {at} is not {name} text"),
                            ));
                        }
                    }
                    (read, written)
                }
            };
            self.text.consume(read);
            self.before += read as u64;
            self.rest = 0..written;
        }
        Ok(())
    }
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Decoded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest.is_empty() {
            self.refill()?;
        }
        Ok(&self.piece[self.rest.clone()])
    }

    fn consume(&mut self, amount: usize) {
        self.rest.start += amount;
    }
}
