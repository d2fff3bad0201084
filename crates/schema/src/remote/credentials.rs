//! What in an address is nobody's business: users, passwords, tokens, signatures. Knows addresses, not who shows them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What stands for a credential.
const MASK: &str = "***";
/// A parameter whose name holds one of these is a credential.
const TELLING: [&str; 13] = [
    "token",
    "secret",
    "passw",
    "pwd",
    "signature",
    "credential",
    "apikey",
    "accesskey",
    "auth",
    "jwt",
    "session",
    "bearer",
    "hmac",
];
/// And one of these names.
const NAMES: [&str; 6] = ["key", "sig", "code", "pass", "pw", "sas"];
/// So does a value that is long and looks as if it was drawn by lot.
const LONG: usize = 20;

/// A text whose addresses hold no user, no password and no key any more: `***` stands for the values of parameters.
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    replaced(text, &|_| String::new(), &|_| MASK.to_owned())
}

/// The same with a `*` for each byte, so that places in the text stay what they are.
pub fn blotted(text: &str) -> Cow<'_, str> {
    let blot = |it: &str| "*".repeat(it.len());
    replaced(text, &blot, &blot)
}

fn replaced<'t>(
    text: &'t str,
    user: &dyn Fn(&str) -> String,
    value: &dyn Fn(&str) -> String,
) -> Cow<'t, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, from) = rest.split_at(at + 3);
        shown.push_str(before);
        let is_end = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>|".contains(c);
        let end = from.find(is_end).unwrap_or(from.len());
        push_address(&from[..end], &mut shown, user, value);
        rest = &from[end..];
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// What stands behind the `://`.
fn push_address(
    address: &str,
    shown: &mut String,
    user: &dyn Fn(&str) -> String,
    value: &dyn Fn(&str) -> String,
) {
    let host_end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (host, rest) = address.split_at(host_end);
    match host.rfind('@') {
        Some(at) => {
            shown.push_str(&user(&host[..=at]));
            shown.push_str(&host[at + 1..]);
        }
        None => shown.push_str(host),
    }
    let path_end = rest.find(['?', '#']).unwrap_or(rest.len());
    shown.push_str(&rest[..path_end]);
    for parameter in rest[path_end..].split_inclusive(['?', '#', '&', ';']) {
        let end = parameter.trim_end_matches(['?', '#', '&', ';']).len();
        let (pair, sign) = parameter.split_at(end);
        match pair.split_once('=') {
            Some((name, given)) if is_credential(name, given) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(&value(given));
            }
            _ => shown.push_str(pair),
        }
        shown.push_str(sign);
    }
}

fn is_credential(name: &str, value: &str) -> bool {
    // `X-Amz-Signature`, `api_key`, `%74oken`.
    let letters: String = percent_decode_str(name)
        .decode_utf8_lossy()
        .chars()
        .filter(|it| it.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let is_named = TELLING.iter().any(|it| letters.contains(it))
        || NAMES.contains(&letters.as_str())
        || letters.ends_with("key");
    let is_random = value.len() >= LONG
        && (value.bytes()).all(|it| it.is_ascii_alphanumeric() || b"-_%+=~".contains(&it))
        && value.bytes().any(|it| it.is_ascii_digit())
        && value.bytes().any(|it| it.is_ascii_alphabetic());
    !value.is_empty() && (is_named || is_random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_addresses_are_not_shown() {
        for (text, shown) in [
            ("no address?token=x", "no address?token=x"),
            (
                "get https://me:pw@a.org/x@y.csv now",
                "get https://a.org/x@y.csv now",
            ),
            (
                "https://a.org/x?page=2&size=10#top",
                "https://a.org/x?page=2&size=10#top",
            ),
            (
                "https://a.org/x?token=abc&page=2",
                "https://a.org/x?token=***&page=2",
            ),
            (
                "https://a.org/x?Api-Key=a;sig=b",
                "https://a.org/x?Api-Key=***;sig=***",
            ),
            (
                "https://a.org/x?%74oken=a#access_token=b",
                "https://a.org/x?%74oken=***#access_token=***",
            ),
            (
                "https://b.s3.org/k?X-Amz-Credential=AK%2F1&X-Amz-Date=2026&X-Amz-Signature=ff",
                "https://b.s3.org/k?X-Amz-Credential=***&X-Amz-Date=2026&X-Amz-Signature=***",
            ),
            (
                "https://a.org/x?h=9f86d081884c7d659a2f",
                "https://a.org/x?h=***",
            ),
            (
                "https://a.org/x?f=data/2024/rows.csv",
                "https://a.org/x?f=data/2024/rows.csv",
            ),
            (
                "a https://u@b?key=1 and 'ftp://v:w@c?key=2'",
                "a https://b?key=*** and 'ftp://c?key=***'",
            ),
            ("https://a.org/?token=", "https://a.org/?token="),
        ] {
            assert_eq!(without_credentials(text), shown);
            let blotted = blotted(text);
            assert_eq!(blotted.len(), text.len());
            assert_eq!(blotted == text, shown == text, "{blotted}");
        }
    }
}
