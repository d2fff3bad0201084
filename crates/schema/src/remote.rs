//! A file elsewhere, by its address and its content. Knows no network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::credentials::{blotted, without_credentials};
use crate::{manifest::Digest, scalar::ByteSize};

mod credentials;

/// A file that is fetched once and kept in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// Where it is fetched from: `https://…`, `http://…` or `file:///…`.
    pub url: String,
    /// The SHA-256 of the file's bytes in 64 hexadecimal digits, as `sha256sum FILE` prints it. It stands for the file in the key.
    pub sha256: String,
    /// How large the file may be; a larger one is not fetched. Default: 2GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<ByteSize>,
}

/// How large a file may be whose `max_size` is not given.
const MAX_SIZE: u64 = 2 << 30;

impl Remote {
    /// How many bytes the file may have.
    pub fn max_bytes(&self) -> u64 {
        self.max_size.map_or(MAX_SIZE, |it| it.bytes)
    }

    /// What the file holds; nothing where the digits are wrong.
    pub fn digest(&self) -> Option<Digest> {
        self.sha256.to_ascii_lowercase().parse().ok()
    }

    /// Whether the address is of a kind that can be fetched.
    pub fn is_known(&self) -> bool {
        ["https://", "http://", "file:///"]
            .iter()
            .any(|it| self.url.len() > it.len() && self.url.starts_with(it))
    }

    /// The name that the address gives the file, made harmless.
    pub fn file_name(&self) -> String {
        const LONGEST: usize = 100;
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |it| it.1);
        let name = path.rsplit_once('/').map_or("", |it| it.1);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let plain = |c: char| if is_plain(c) { c } else { '_' };
        let name: String = name.chars().map(plain).take(LONGEST).collect();
        match name.trim_start_matches('.') {
            "" => "data".to_owned(),
            name => name.to_owned(),
        }
    }

    /// The address without a user's name, password, and what else in it looks like a key.
    pub fn shown(&self) -> String {
        without_credentials(&self.url).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Remote {
        Remote {
            url: url.to_owned(),
            sha256: String::new(),
            max_size: None,
        }
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_address() {
        for (url, name) in [
            ("https://a.org/data/iris.csv?x=/1#y", "iris.csv"),
            ("https://a.org/", "data"),
            ("https://a.org", "data"),
            ("file:///data/räte 1.csv", "r_te_1.csv"),
            ("https://a.org/..", "data"),
        ] {
            assert_eq!(of(url).file_name(), name, "{url}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        for (url, shown) in [
            ("https://me:secret@a.org/x@y.csv", "https://a.org/x@y.csv"),
            ("https://a.org/x.csv", "https://a.org/x.csv"),
            ("file:///x.csv", "file:///x.csv"),
            ("https://me:p@a.org?x=b@c/d", "https://a.org?x=b@c/d"),
            (
                "https://a.org/x.csv?v=2&token=abc",
                "https://a.org/x.csv?v=2&token=***",
            ),
        ] {
            assert_eq!(of(url).shown(), shown);
        }
    }
}
