//! One file by http, https or from a path, tried a few times. Knows no store; checks nothing, but tells the SHA-256.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    thread,
    time::Duration,
};

use pipe_schema::{
    manifest::Digest, protocol::Failed, remote::without_credentials, run::FailureKind,
};
use pipe_wire::Reporter;
use sha2::{Digest as _, Sha256};
use ureq::{
    Agent, Error,
    http::StatusCode,
    tls::{RootCerts, TlsConfig},
};

use super::{cannot, failed};

/// Pauses before the second try and those after it.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a server may be silent.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
const CHUNK: usize = 1 << 17;

/// What came.
pub struct Got {
    pub bytes: u64,
    pub sha256: Digest,
    /// Whether it begins as HTML does.
    pub is_page: bool,
}

/// Fetches a file to a path. `shown` is the address for people.
pub fn download(url: &str, shown: &str, to: &Path, reporter: &mut Reporter) -> Result<Got, Failed> {
    let mut pauses = PAUSES.iter();
    loop {
        let trouble = match attempt(url, shown, to, reporter) {
            Ok(got) => return Ok(got),
            Err(trouble) => trouble,
        };
        let (message, may_pass) = match trouble {
            Trouble::Passing(message) => (message, true),
            Trouble::Lasting(message) => (message, false),
            Trouble::Here(failed) => return Err(failed),
        };
        let message = format!("`{shown}` cannot be fetched: {message}");
        match pauses.next().filter(|_| may_pass) {
            Some(pause) => {
                reporter.log(format!("{message}; tries again"));
                thread::sleep(*pause);
            }
            None if may_pass => return Err(failed(FailureKind::Io, message)),
            None => return Err(failed(FailureKind::Wrong, message)),
        }
        if reporter.should_stop() {
            return Err(failed(FailureKind::Interrupted, "it was interrupted"));
        }
    }
}

enum Trouble {
    /// It may be over soon.
    Passing(String),
    Lasting(String),
    /// On this machine, or wished.
    Here(Failed),
}

fn attempt(url: &str, shown: &str, to: &Path, reporter: &mut Reporter) -> Result<Got, Trouble> {
    let (mut reader, length) = open(url, shown)?;
    let here = |what: &str, error: &io::Error| Trouble::Here(cannot(what, to, error));
    let mut file = File::create(to).map_err(|it| here("create", &it))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let (mut bytes, mut is_page) = (0, false);
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Trouble::Passing(format!(
                    "it broke off after {bytes} bytes: {error}"
                )));
            }
        };
        let read = &chunk[..count];
        if bytes == 0 {
            is_page = read.trim_ascii_start().starts_with(b"<");
        }
        hasher.update(read);
        file.write_all(read).map_err(|it| here("write", &it))?;
        bytes += count as u64;
        reporter.progress(bytes, length.unwrap_or(bytes).max(bytes), "bytes");
        if reporter.should_stop() {
            let stopped = failed(FailureKind::Interrupted, "it was interrupted");
            return Err(Trouble::Here(stopped));
        }
    }
    if let Some(length) = length.filter(|it| *it != bytes) {
        return Err(Trouble::Passing(format!(
            "it broke off after {bytes} of {length} bytes"
        )));
    }
    Ok(Got {
        bytes,
        sha256: Digest(hasher.finalize().into()),
        is_page,
    })
}

type Opened = (Box<dyn Read>, Option<u64>);

fn open(url: &str, shown: &str) -> Result<Opened, Trouble> {
    if let Some(path) = url.strip_prefix("file://") {
        let lasting = |error: io::Error| Trouble::Lasting(error.to_string());
        let file = File::open(decoded(path)).map_err(lasting)?;
        let metadata = file.metadata().map_err(lasting)?;
        if metadata.is_dir() {
            return Err(Trouble::Lasting("it is a folder".to_owned()));
        }
        return Ok((Box::new(file), Some(metadata.len())));
    }
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .user_agent(concat!("pipe/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        // The bytes as they lie there: a table may well be packed.
        .accept_encoding("identity")
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_per_read(Some(SILENCE_LIMIT))
        .build()
        .into();
    let response = agent
        .get(url)
        .call()
        .map_err(|it| of_error(&it, url, shown))?;
    let status = response.status();
    if !status.is_success() {
        let message = format!("the server answers {status}");
        return Err(match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Trouble::Passing(message)
            }
            _ if status.is_server_error() => Trouble::Passing(message),
            _ => Trouble::Lasting(message),
        });
    }
    let length = response.body().content_length();
    Ok((Box::new(response.into_body().into_reader()), length))
}

fn of_error(error: &Error, url: &str, shown: &str) -> Trouble {
    // Where it was sent to in between is nobody's business either.
    let message = without_credentials(&error.to_string()).replace(url, shown);
    match error {
        Error::Io(_)
        | Error::Timeout(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Protocol(_) => Trouble::Passing(message),
        _ => Trouble::Lasting(message),
    }
}

/// A path without `%20` and the like.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| first == b'%');
        let digits = digits.and_then(|it| std::str::from_utf8(it).ok());
        let code = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_a_path_are_undone() {
        for (path, plain) in [
            ("/a%20b.csv", "/a b.csv"),
            ("/50%.csv", "/50%.csv"),
            ("/%c3%a4", "/ä"),
        ] {
            assert_eq!(decoded(path), plain);
        }
    }
}
