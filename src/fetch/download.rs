//! One file by http, https or from a path, tried a few times and resumed where it broke off. Knows no store; checks nothing,
//! but tells the SHA-256.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use pipe_schema::{
    manifest::Digest,
    protocol::Failed,
    remote::Remote,
    run::FailureKind,
    scalar::{self, ByteSize},
};
use pipe_wire::Reporter;
use sha2::{Digest as _, Sha256};

use super::{
    cannot, failed,
    source::{Trouble, open},
};

/// Pauses before the second try and those after it.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// A try that brought this much is as good as the first one.
const PROGRESS: u64 = 1 << 20;
const TICK: Duration = Duration::from_millis(100);
const CHUNK: usize = 1 << 17;

/// The names of what came so far, and of what tells the server which file that was of.
pub const DATA: &str = "data";
const VALIDATOR: &str = "validator";

/// What came.
pub struct Got {
    pub bytes: u64,
    pub sha256: Digest,
    /// Whether it begins as HTML does.
    pub is_page: bool,
    /// Whether a part of it came before.
    pub is_resumed: bool,
}

/// Fetches a file into a folder, as `DATA`. What came of it before lies there, too, and stays where the rest does not come.
pub fn download(
    remote: &Remote,
    shown: &str,
    folder: &Path,
    reporter: &mut Reporter,
) -> Result<Got, Failed> {
    let mut pauses = PAUSES.iter();
    loop {
        let before = length(folder);
        let trouble = match attempt(remote, shown, folder, reporter) {
            Ok(got) => return Ok(got),
            Err(trouble) => trouble,
        };
        let (message, wait) = match trouble {
            Trouble::Passing { message, wait } => (message, wait),
            Trouble::Lasting(message) => {
                let message = format!("`{shown}` cannot be fetched: {message}");
                return Err(failed(FailureKind::Wrong, message));
            }
            Trouble::TooLarge(message) => {
                let _ = fs::remove_file(folder.join(DATA));
                return Err(too_large(remote, shown, &message));
            }
            Trouble::Here(failed) => return Err(failed),
        };
        if length(folder) >= before + PROGRESS {
            pauses = PAUSES.iter();
        }
        let message = format!("`{shown}` cannot be fetched: {message}");
        let wait = wait.unwrap_or_default();
        let Some(pause) = pauses.next().filter(|_| wait <= LONGEST_PAUSE) else {
            return Err(failed(FailureKind::Io, message));
        };
        let pause = wait.max(*pause);
        reporter.log(format!("{message}; tries again in {}", seconds(pause)));
        rest(pause, reporter)?;
    }
}

fn seconds(time: Duration) -> String {
    let millis = time.as_millis() as u64;
    scalar::Duration { millis }.to_string()
}

/// Waits, and looks up from time to time.
fn rest(pause: Duration, reporter: &Reporter) -> Result<(), Failed> {
    let until = Instant::now() + pause;
    loop {
        if reporter.should_stop() {
            return Err(interrupted());
        }
        match until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => thread::sleep(left.min(TICK)),
            _ => return Ok(()),
        }
    }
}

fn interrupted() -> Failed {
    failed(FailureKind::Interrupted, "it was interrupted")
}

fn too_large(remote: &Remote, shown: &str, message: &str) -> Failed {
    let most = ByteSize {
        bytes: remote.max_bytes(),
    };
    let message = format!("`{shown}` is larger than it may be: {message}, `max_size` is {most}");
    let mut failed = failed(FailureKind::Wrong, message);
    failed.hint = Some(
        "if that is meant, say how large it may be beside the address: `max_size: 20GiB`"
            .to_owned(),
    );
    failed
}

/// Bytes that came so far.
fn length(folder: &Path) -> u64 {
    fs::metadata(folder.join(DATA)).map_or(0, |it| it.len())
}

/// Whether anything came.
pub fn has_come(folder: &Path) -> bool {
    length(folder) > 0
}

fn attempt(
    remote: &Remote,
    shown: &str,
    folder: &Path,
    reporter: &mut Reporter,
) -> Result<Got, Trouble> {
    let (path, validator) = (folder.join(DATA), folder.join(VALIDATOR));
    let here = |what: &str, error: &io::Error| Trouble::Here(cannot(what, &path, error));
    let before = length(folder);
    let known = fs::read_to_string(&validator).unwrap_or_default();
    let Some(opened) = open((&remote.url, shown), before, &known)? else {
        // Nothing follows: what came before is whole, or of another file.
        let came = Came::of_file(&path, before).map_err(|it| here("read", &it))?;
        return Ok(came.finish(true));
    };
    let most = remote.max_bytes();
    if let Some(total) = opened.total.filter(|it| *it > most) {
        return Err(Trouble::TooLarge(format!("it has {total} bytes")));
    }
    let is_resumed = opened.start > 0;
    let (mut file, mut came) = if is_resumed {
        let came = Came::of_file(&path, opened.start).map_err(|it| here("read", &it))?;
        let file = OpenOptions::new().append(true).open(&path);
        (file.map_err(|it| here("write", &it))?, came)
    } else {
        let file = File::create(&path).map_err(|it| here("create", &it))?;
        fs::write(&validator, &opened.validator).map_err(|it| here("write", &it))?;
        (file, Came::default())
    };
    let mut reader = opened.reader;
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let bytes = came.bytes;
                let message = format!("it broke off after {bytes} bytes: {error}");
                return Err(Trouble::passing(message));
            }
        };
        if came.bytes + count as u64 > most {
            return Err(Trouble::TooLarge(format!("it has more than {most} bytes")));
        }
        came.add(&chunk[..count]);
        file.write_all(&chunk[..count])
            .map_err(|it| here("write", &it))?;
        let bytes = came.bytes;
        reporter.progress(bytes, opened.total.unwrap_or(bytes).max(bytes), "bytes");
        if reporter.should_stop() {
            return Err(Trouble::Here(interrupted()));
        }
    }
    match opened.total {
        Some(total) if total != came.bytes => Err(Trouble::passing(format!(
            "it broke off after {} of {total} bytes",
            came.bytes
        ))),
        _ => Ok(came.finish(is_resumed)),
    }
}

/// What came so far.
#[derive(Default)]
struct Came {
    bytes: u64,
    hasher: Sha256,
    is_page: bool,
}

impl Came {
    /// What the start of a file holds.
    fn of_file(path: &Path, bytes: u64) -> io::Result<Self> {
        let mut came = Self::default();
        let mut file = File::open(path)?.take(bytes);
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => came.add(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(came)
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.bytes == 0 {
            self.is_page = bytes.trim_ascii_start().starts_with(b"<");
        }
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn finish(self, is_resumed: bool) -> Got {
        Got {
            bytes: self.bytes,
            sha256: Digest(self.hasher.finalize().into()),
            is_page: self.is_page,
            is_resumed,
        }
    }
}
