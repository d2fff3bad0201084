//! Secrets out of a stream of bytes, which comes in pieces: what could be the beginning of a secret is kept back until it is
//! known. Knows no lines.

use std::sync::Arc;

use super::{MASK, Mask};

/// A stream on its way to a log.
#[derive(Debug, Default)]
pub struct Masked {
    mask: Arc<Mask>,
    /// The end of what came, if a secret may begin in it.
    held: Vec<u8>,
    /// How much of that belongs to a secret for which a mask was written.
    hidden: usize,
}

impl Masked {
    pub fn new(mask: Arc<Mask>) -> Self {
        Self {
            mask,
            ..Self::default()
        }
    }

    /// Adds to `to` what is certain once `bytes` came.
    pub fn push(&mut self, bytes: &[u8], to: &mut Vec<u8>) {
        let Some(search) = &self.mask.search else {
            return to.extend_from_slice(bytes);
        };
        self.held.extend_from_slice(bytes);
        let end = search.beginning(&self.held);
        self.release(end, to);
    }

    /// The same of the rest: nothing comes any more.
    pub fn finish(&mut self, to: &mut Vec<u8>) {
        self.release(self.held.len(), to);
    }

    /// A secret that begins before `end` is whole, or there is none.
    fn release(&mut self, end: usize, to: &mut Vec<u8>) {
        let Some(search) = &self.mask.search else {
            return;
        };
        // Up to there it is written, or hidden by a mask that is.
        let mut done = self.hidden;
        for (start, stop) in search.ranges(&self.held) {
            if start < done {
                done = done.max(stop);
                continue;
            }
            if start >= end {
                break;
            }
            to.extend_from_slice(&self.held[done..start]);
            to.extend_from_slice(MASK.as_bytes());
            done = stop;
        }
        to.extend_from_slice(self.held.get(done..end).unwrap_or_default());
        self.held.drain(..end);
        self.hidden = done.saturating_sub(end);
    }
}
