//! Bounds on what one stage's output leaves behind: the log file keeps its head and its tail, and of lines that are told as
//! events there is a number. Knows no lines' meaning.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use pipe_wire::process::open_log;

/// Bytes from the start of a log that are kept as they come.
const HEAD: u64 = 12 << 20;
/// Bytes from its end that are kept. They are written once the stage has ended.
const TAIL: usize = 4 << 20;
/// A log of this length has a head, a tail and a note.
const LONGEST_LOG: u64 = HEAD + TAIL as u64 + 1024;
/// How far into the tail a start of a line is looked for.
const NEAR: usize = 64 << 10;
/// Lines that are told as events.
const TOLD_LINES: usize = 1000;
/// Bytes of the lines that are told.
const TOLD_BYTES: usize = 1 << 20;

/// A log file of bounded size. There is none before something is written.
pub struct BoundedLog {
    path: PathBuf,
    file: Option<File>,
    /// How much of the head there may still be.
    head_left: u64,
    /// What came after the head, without what lies too far before the end.
    tail: Vec<u8>,
    left_out: u64,
}

impl BoundedLog {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            head_left: HEAD,
            tail: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds text: to the file, or once the head is full to what is kept for the end.
    pub fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.head_left >= text.len() as u64 {
            self.head_left -= text.len() as u64;
            return self.file()?.write_all(text);
        }
        // The tail begins with the text that the head has no room for.
        self.head_left = 0;
        self.tail.extend_from_slice(text);
        if self.tail.len() > 2 * TAIL {
            self.cut_tail();
        }
        Ok(())
    }

    /// Writes the tail, with a note of what is left out before it.
    pub fn close(&mut self) -> io::Result<()> {
        if self.tail.len() > TAIL {
            self.cut_tail();
        }
        if self.tail.is_empty() {
            return Ok(());
        }
        let mut tail = std::mem::take(&mut self.tail);
        if self.left_out > 0 {
            // From the start of a line on, if one starts near.
            let near = &tail[..tail.len().min(NEAR)];
            let start = near.iter().position(|&byte| byte == b'\n');
            let start = start.map_or(0, |at| at + 1);
            tail.drain(..start);
            let left_out = self.left_out + start as u64;
            self.file()?.write_all(note(left_out).as_bytes())?;
        }
        self.file()?.write_all(&tail)
    }

    fn cut_tail(&mut self) {
        let surplus = self.tail.len() - TAIL;
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
    }

    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open_log(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

/// Cuts a log that its process writes by itself, at its end, down to its head and its tail, if it is longer than `most`.
pub fn cut_log(path: &Path, most: u64) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    if length <= most.max(LONGEST_LOG) {
        return Ok(());
    }
    file.seek(SeekFrom::Start(length - TAIL as u64))?;
    let mut tail = Vec::with_capacity(TAIL);
    file.read_to_end(&mut tail)?;
    // From the start of a line on, if one starts near.
    let near = &tail[..tail.len().min(NEAR)];
    let start = near.iter().position(|&byte| byte == b'\n');
    let start = start.map_or(0, |at| at + 1);
    file.set_len(HEAD)?;
    let left_out = length - HEAD - TAIL as u64 + start as u64;
    file.write_all(&[note(left_out).as_bytes(), &tail[start..]].concat())
}

fn note(left_out: u64) -> String {
    format!(
        "\n… {left_out} bytes are left out here: a log keeps its first {} MiB and its last {} …\n",
        HEAD >> 20,
        TAIL >> 20
    )
}

/// How many lines of a stage are still told as events.
#[derive(Default)]
pub struct LineQuota {
    lines: usize,
    bytes: usize,
    is_spent: bool,
}

impl LineQuota {
    /// The line, or at the first one too many the note `more` in its place; nothing afterwards.
    pub fn admit(&mut self, line: String, more: &str) -> Option<String> {
        if self.is_spent {
            return None;
        }
        self.lines += 1;
        self.bytes += line.len();
        self.is_spent = self.lines > TOLD_LINES || self.bytes > TOLD_BYTES;
        Some(if self.is_spent { more.to_owned() } else { line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_log_keeps_head_and_tail_with_a_note_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = BoundedLog::new(&path);
        let line = |at: usize| format!("line {at} {}\n", "x".repeat(1000));
        let lines = 40_000;
        for at in 0..lines {
            log.write(line(at).as_bytes()).unwrap();
        }
        assert!(path.metadata().unwrap().len() <= HEAD);
        log.close().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= HEAD + TAIL as u64 + 200);
        assert!(text.starts_with(&line(0)));
        assert!(text.ends_with(&line(lines - 1)));
        let (head, rest) = text.split_once("\n… ").unwrap();
        let (note, tail) = rest.split_once("…\n").unwrap();
        assert!(note.contains("its first 12 MiB and its last 4"), "{note}");
        // Nothing is cut in two: whole lines stand around the note, and its number is true.
        assert!(head.ends_with("x\n") && tail.starts_with("line "));
        let all: usize = (0..lines).map(|at| line(at).len()).sum();
        let left_out: usize = note.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(head.len() + left_out + tail.len(), all);
    }

    #[test]
    fn cut_log_keeps_head_and_tail_of_what_a_process_writes_and_goes_on_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writer = open_log(&path).unwrap();
        let line = |at: usize| format!("line {at} {}\n", "x".repeat(1000));
        for at in 0..20_000 {
            writer.write_all(line(at).as_bytes()).unwrap();
        }
        let before = path.metadata().unwrap().len();
        cut_log(&path, u64::MAX).unwrap();
        assert_eq!(path.metadata().unwrap().len(), before);
        for at in 20_000..20_003 {
            cut_log(&path, 0).unwrap();
            writer.write_all(line(at).as_bytes()).unwrap();
        }
        cut_log(&path, 0).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= LONGEST_LOG + 4000, "{}", text.len());
        assert!(text.starts_with(&line(0)) && text.ends_with(&line(20_002)));
        let (_, rest) = text.split_once("\n… ").unwrap();
        assert!(rest.contains("…\nline "), "whole lines follow the note");
    }

    #[test]
    fn a_bounded_log_without_too_much_is_as_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = BoundedLog::new(&path);
        log.close().unwrap();
        assert!(!path.exists());
        let piece = vec![b'a'; 3 << 20];
        for _ in 0..5 {
            log.write(&piece).unwrap();
        }
        log.close().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), piece.repeat(5));
    }

    #[test]
    fn a_line_quota_bounds_lines_and_bytes_and_says_so_once() {
        let mut quota = LineQuota::default();
        let admitted = (0..5000).filter_map(|at| quota.admit(at.to_string(), "more"));
        let admitted: Vec<String> = admitted.collect();
        assert_eq!(admitted.len(), TOLD_LINES + 1);
        assert_eq!(admitted[TOLD_LINES], "more");
        let mut quota = LineQuota::default();
        let long = "x".repeat(60 << 10);
        let told: usize = (0..1000)
            .filter_map(|_| quota.admit(long.clone(), "more"))
            .map(|it| it.len())
            .sum();
        assert!(told <= TOLD_BYTES + 4, "{told}");
    }
}
