//! What a process writes to standard output and error: masked, kept in the log, and told line by line.
//! Knows no kind of job.

use std::{
    io::{self, PipeReader, Read},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    super::mask::{Mask, Masked},
    bounds::{BoundedLog, LineQuota},
};

/// A longer line is cut into several.
const LINE_LIMIT: usize = 64 << 10;
/// Bytes that are taken at once: as many as a pipe holds.
const CHUNK: usize = 64 << 10;
/// The same of a process that does not say much.
const SMALL_CHUNK: usize = 4 << 10;
/// How many chunks are taken before whoever asked can look at something else.
const ROUNDS: usize = 16;

/// A process's output on its way to the log.
pub struct Output {
    pipe: PipeReader,
    log: BoundedLog,
    masked: Masked,
    chunk: Vec<u8>,
    pending: Vec<u8>,
    quota: LineQuota,
    is_open: bool,
}

impl Output {
    pub fn new(pipe: PipeReader, log: &Path, mask: &Arc<Mask>) -> Self {
        Self {
            pipe,
            log: BoundedLog::new(log),
            masked: Masked::new(Arc::clone(mask)),
            chunk: Vec::new(),
            pending: Vec::new(),
            quota: LineQuota::default(),
            is_open: true,
        }
    }

    /// Whether more may come.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Takes what is there, waiting for it at most this long, and hands whole lines to `tell`. Of a flood, a good part.
    pub fn pump(&mut self, wait: Duration, tell: &mut dyn FnMut(String)) -> io::Result<()> {
        let mut wait = wait;
        for _ in 0..ROUNDS {
            if !self.is_open || !self.is_readable(wait)? {
                break;
            }
            wait = Duration::ZERO;
            if self.chunk.is_empty() {
                self.chunk.resize(SMALL_CHUNK, 0);
            }
            match self.pipe.read(&mut self.chunk) {
                Ok(0) => self.is_open = false,
                Ok(got) => {
                    let chunk = std::mem::take(&mut self.chunk);
                    let taken = self.take(&chunk[..got], tell);
                    self.chunk = chunk;
                    taken?;
                    if got == self.chunk.len() {
                        self.chunk.resize(CHUNK, 0);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes what is left of an unfinished line, and the end of a log that was cut.
    pub fn close(&mut self, tell: &mut dyn FnMut(String)) -> io::Result<()> {
        self.masked.finish(&mut self.pending);
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.write(&rest, tell)?;
        }
        self.log.close()
    }

    fn is_readable(&self, wait: Duration) -> io::Result<bool> {
        let mut sources = [PollFd::new(&self.pipe, PollFlags::IN)];
        let timeout = Timespec {
            tv_sec: wait.as_secs() as i64,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        match poll(&mut sources, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, bytes: &[u8], tell: &mut dyn FnMut(String)) -> io::Result<()> {
        let before = self.pending.len();
        self.masked.push(bytes, &mut self.pending);
        let whole = self.pending[before..]
            .iter()
            .rposition(|&byte| byte == b'\n');
        let end = whole.map(|at| before + at + 1);
        let is_too_long = self.pending.len() - end.unwrap_or(0) > LINE_LIMIT;
        let Some(end) = end.or(is_too_long.then_some(self.pending.len())) else {
            return Ok(());
        };
        let rest = self.pending.split_off(end);
        let lines = std::mem::replace(&mut self.pending, rest);
        self.write(&lines, tell)
    }

    /// Writes one line or several.
    fn write(&mut self, lines: &[u8], tell: &mut dyn FnMut(String)) -> io::Result<()> {
        let text = String::from_utf8_lossy(lines);
        self.log.write(text.as_bytes())?;
        for line in text.split_inclusive('\n') {
            let line = line.trim_end().to_owned();
            let Some(line) = self.quota.admit(line, "… more in the log") else {
                break;
            };
            tell(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn secrets_reach_neither_log_nor_listener() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let (reader, mut writer) = io::pipe().unwrap();
        let mut output = Output::new(reader, &log, &Arc::new(Mask::new(["hunter2"])));
        let mut told = Vec::new();
        // The secret arrives in two pieces, and the last line has no end.
        writer.write_all(b"a hun").unwrap();
        output
            .pump(Duration::ZERO, &mut |line| told.push(line))
            .unwrap();
        writer.write_all(b"ter2\nlast hunter2").unwrap();
        drop(writer);
        output
            .pump(Duration::from_secs(5), &mut |line| told.push(line))
            .unwrap();
        output.close(&mut |line| told.push(line)).unwrap();
        assert!(!output.is_open());
        assert_eq!(told, ["a ***", "last ***"]);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "a ***\nlast ***");
    }

    #[test]
    fn secrets_across_the_cut_of_an_unfinished_line_are_masked() {
        let folder = tempfile::tempdir().unwrap();
        let secret = b"hunter2secret";
        for part in 1..secret.len() {
            let log = folder.path().join(part.to_string());
            let (reader, mut writer) = io::pipe().unwrap();
            let mut output = Output::new(reader, &log, &Arc::new(Mask::new(["hunter2secret"])));
            let mut told = String::new();
            let before = vec![b'C'; LINE_LIMIT + 1 - part];
            let (first, last) = secret.split_at(part);
            for piece in [&[&before, first].concat(), last, b" 100%\r"] {
                // A pipe may hold less than is written.
                for piece in piece.chunks(1 << 10) {
                    writer.write_all(piece).unwrap();
                    output
                        .pump(Duration::ZERO, &mut |line| told.push_str(&line))
                        .unwrap();
                }
            }
            output.close(&mut |line| told.push_str(&line)).unwrap();
            let kept = std::fs::read_to_string(&log).unwrap();
            for text in [kept, told] {
                assert!(text.trim_end().ends_with("C*** 100%"), "{part}");
            }
        }
    }

    #[test]
    fn a_flood_is_logged_but_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let (reader, mut writer) = io::pipe().unwrap();
        let mut output = Output::new(reader, &log, &Arc::default());
        let writer = std::thread::spawn(move || {
            for i in 0..5000 {
                writeln!(writer, "{i}").unwrap();
            }
        });
        let mut told = 0;
        while output.is_open() {
            output
                .pump(Duration::from_millis(10), &mut |_| told += 1)
                .unwrap();
        }
        writer.join().unwrap();
        assert_eq!(told, 1001);
        assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 5000);
    }
}
