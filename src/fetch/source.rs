//! Where a file comes from: an answer of a server, whole or from a place on, or a file of this machine. Keeps nothing.

use std::{
    fs::File,
    io::{self, Read},
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, fmt::rfc2822};
use percent_encoding::percent_decode_str;
use pipe_schema::{protocol::Failed, remote::without_credentials};
use ureq::{
    Agent, Error,
    http::{HeaderMap, Response, StatusCode, header},
    tls::{RootCerts, TlsConfig},
};

const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long a server may be silent.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);
const MOST_REDIRECTS: u32 = 10;

/// Why nothing comes, or no more.
pub enum Trouble {
    /// It may be over soon. The server may say when.
    Passing {
        message: String,
        wait: Option<Duration>,
    },
    Lasting(String),
    /// There is more than there may be.
    TooLarge(String),
    /// On this machine, or wished.
    Here(Failed),
}

impl Trouble {
    pub fn passing(message: impl Into<String>) -> Self {
        Self::Passing {
            message: message.into(),
            wait: None,
        }
    }
}

/// What was opened.
pub struct Opened {
    pub reader: Box<dyn Read>,
    /// The place in the file of the first byte that is read.
    pub start: u64,
    /// Bytes of the whole file, where that is known.
    pub total: Option<u64>,
    /// What tells this state of the file from later ones.
    pub validator: String,
}

/// Opens a file from a place on, if it is still the one that the validator tells of; else from its start. Nothing where the
/// file ends at that place or before.
/// `shown` is the address for people.
pub fn open(
    (url, shown): (&str, &str),
    from: u64,
    validator: &str,
) -> Result<Option<Opened>, Trouble> {
    match url.strip_prefix("file://") {
        Some(path) => open_file(&percent_decode_str(path).decode_utf8_lossy()).map(Some),
        None => open_address((url, shown), from, validator),
    }
}

fn open_file(path: &str) -> Result<Opened, Trouble> {
    let lasting = |error: io::Error| Trouble::Lasting(error.to_string());
    // Asked before it is opened: a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(lasting)?;
    if metadata.is_dir() {
        return Err(Trouble::Lasting("it is a folder".to_owned()));
    }
    if !metadata.is_file() {
        return Err(Trouble::Lasting("it is no regular file".to_owned()));
    }
    Ok(Opened {
        reader: Box::new(File::open(path).map_err(lasting)?),
        start: 0,
        total: Some(metadata.len()),
        validator: String::new(),
    })
}

fn open_address(
    (url, shown): (&str, &str),
    from: u64,
    validator: &str,
) -> Result<Option<Opened>, Trouble> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .user_agent(concat!("pipe/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        // The bytes as they lie there: a table may well be packed.
        .accept_encoding("identity")
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_per_read(Some(SILENCE_LIMIT))
        .build()
        .into();
    let mut request = agent.get(url);
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
        if !validator.is_empty() {
            request = request.header(header::IF_RANGE, validator);
        }
    }
    let response = request.call().map_err(|it| of_error(&it, url, shown))?;
    let status = response.status();
    let headers = response.headers();
    let validator = validator_of(headers);
    match status {
        StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => Ok(None),
        StatusCode::PARTIAL_CONTENT => {
            let range = text(headers, &header::CONTENT_RANGE).and_then(range_of);
            let Some((start, total)) = range.filter(|it| it.0 == from && from > 0) else {
                let message = "the server sends another part than the one that was asked for";
                return Err(Trouble::Lasting(message.to_owned()));
            };
            let length = response.body().content_length();
            let total = total.or_else(|| start.checked_add(length?));
            Ok(Some(opened(response, start, total, validator)))
        }
        _ if status.is_success() => {
            let total = response.body().content_length();
            Ok(Some(opened(response, 0, total, validator)))
        }
        _ => Err(of_status(status, headers)),
    }
}

fn opened(
    response: Response<ureq::Body>,
    start: u64,
    total: Option<u64>,
    validator: String,
) -> Opened {
    Opened {
        reader: Box::new(response.into_body().into_reader()),
        start,
        total,
        validator,
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What `If-Range` takes: an entity tag that is not weak, or a date.
fn validator_of(headers: &HeaderMap) -> String {
    let tag = text(headers, &header::ETAG).filter(|it| it.starts_with('"'));
    let validator = tag.or_else(|| text(headers, &header::LAST_MODIFIED));
    validator.unwrap_or_default().to_owned()
}

/// The start and the whole size in `bytes 5-9/10`; the size may be `*`.
fn range_of(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

fn of_status(status: StatusCode, headers: &HeaderMap) -> Trouble {
    let message = format!("the server answers {status}");
    // What a server does not have now, it may have soon; what it does not know or allow, it will not.
    let may_pass = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => false,
        _ => status.is_server_error(),
    };
    if !may_pass {
        return Trouble::Lasting(message);
    }
    let wait = text(headers, &header::RETRY_AFTER).and_then(|it| pause_of(it, SystemTime::now()));
    let message = match wait {
        Some(wait) => format!("{message}, and asks to come again in {} s", wait.as_secs()),
        None => message,
    };
    Trouble::Passing { message, wait }
}

/// The time in `Retry-After`: seconds, or a date.
fn pause_of(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    // Whether the day of the week is right matters to nobody.
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let at = parser.parse_timestamp(text).ok()?;
    let left = at.duration_since(Timestamp::try_from(now).ok()?);
    Some(Duration::try_from(left).unwrap_or_default())
}

fn of_error(error: &Error, url: &str, shown: &str) -> Trouble {
    // Where it was sent to in between is nobody's business either.
    let message = without_credentials(&error.to_string()).replace(url, shown);
    let is_lasting = match error {
        // A certificate that is not trusted, or no TLS at all.
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => true,
        // A name that the system asked for, and that nobody has.
        Error::Io(_) => message.contains("Name or service not known"),
        Error::Timeout(_) | Error::ConnectionFailed | Error::Protocol(_) => false,
        _ => true,
    };
    if is_lasting {
        Trouble::Lasting(message)
    } else {
        Trouble::passing(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            let pause = pause_of(text, now);
            assert_eq!(pause.map(|it| it.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn a_content_range_tells_its_start_and_the_whole() {
        assert_eq!(range_of("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(range_of("bytes 5-9/*"), Some((5, None)));
        for text in [
            "",
            "bytes */10",
            "lines 5-9/10",
            "bytes x-9/10",
            "bytes 5-9",
        ] {
            assert_eq!(range_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_weak_entity_tag_is_no_validator() {
        let of = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            validator_of(&headers)
        };
        assert_eq!(of(header::ETAG, "\"a\""), "\"a\"");
        assert_eq!(of(header::ETAG, "W/\"a\""), "");
        let date = "Sun, 06 Nov 1994 08:49:27 GMT";
        assert_eq!(of(header::LAST_MODIFIED, date), date);
    }
}
