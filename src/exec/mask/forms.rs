//! How programs print a value: as it is, in base64 and hex, escaped for JSON, URLs, shells and XML.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Shorter values are hidden as they are only: what they look like encoded is found in any text.
const SHORTEST_ENCODED: usize = 6;
/// Shorter lines of a value that has several are not hidden by themselves: `{`, `---`.
const SHORTEST_LINE: usize = 4;
/// Programs break encoded text into lines: so many characters are enough to be hidden.
const PIECE: usize = 16;
/// How far pieces are apart.
const STEP: usize = 4;
/// Larger values are not looked for in pieces.
const LARGEST_IN_PIECES: usize = 8 << 10;

/// What `encodeURIComponent`, Python's `quote`, Java's `URLEncoder` and RFC 3986 leave as it is.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
const URL_SETS: [AsciiSet; 5] = [
    UNRESERVED.remove(b'~'),
    UNRESERVED.remove(b'~').remove(b'/'),
    UNRESERVED.remove(b'*'),
    UNRESERVED
        .remove(b'~')
        .remove(b'!')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')')
        .remove(b'*'),
    UNRESERVED,
];

/// All that is to be hidden of a value.
pub fn of(secret: &str) -> Vec<Vec<u8>> {
    let whole = secret.trim();
    let lines = whole.lines().map(str::trim);
    let lines = lines.filter(|it| it.len() >= SHORTEST_LINE);
    let mut forms = Vec::new();
    for part in std::iter::once(whole).chain(lines) {
        forms.push(part.as_bytes().to_vec());
        if part.len() >= SHORTEST_ENCODED {
            forms.extend(base64(part.as_bytes()));
            forms.extend(hex(part.as_bytes()));
            let escaped = json(part).into_iter().chain(url(part)).chain(shell(part));
            forms.extend(escaped.chain(xml(part)).map(String::into_bytes));
        }
    }
    forms.retain(|it| !it.is_empty());
    forms
}

/// In both alphabets, wherever the value begins in what is encoded: its first and last characters may hold bits of others.
fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for (before, foreign) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        for text in [
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            let text = text.into_bytes();
            let shared = usize::from(!bytes.len().is_multiple_of(3));
            let core = &text[foreign..text.len() - shared];
            forms.extend(pieces(core, value.len()));
            forms.extend(on_two_lines(core));
            if shared > 0 {
                // It ends here, perhaps with padding.
                let padding = vec![b'='; 3 - bytes.len() % 3];
                forms.push(text[foreign..].to_vec());
                forms.push([&text[foreign..], &padding].concat());
            }
        }
    }
    forms
}

/// With nothing between the bytes, or what hexdump, openssl, URLs and literals put there.
fn hex(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for is_upper in [false, true] {
        let bytes: Vec<String> = (value.iter())
            .map(|it| {
                if is_upper {
                    format!("{it:02X}")
                } else {
                    format!("{it:02x}")
                }
            })
            .collect();
        for sign in ["", " ", ":", "%", "\\x", ", 0x", ",0x"] {
            forms.extend(pieces(bytes.join(sign).as_bytes(), value.len()));
        }
        forms.extend(on_two_lines(bytes.concat().as_bytes()));
        forms.extend(grouped(&bytes));
    }
    forms
}

/// In groups of two and four bytes, as xxd prints them, and in words whose second byte is first, as hexdump and od do; a group
/// may begin before the value.
fn grouped(bytes: &[String]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for size in [2, 4] {
        for first in 0..size.min(bytes.len()) {
            let (head, rest) = bytes.split_at(first);
            let mut groups: Vec<String> = rest.chunks(size).map(<[String]>::concat).collect();
            if first > 0 {
                groups.insert(0, head.concat());
            }
            forms.extend(pieces(groups.join(" ").as_bytes(), bytes.len()));
        }
    }
    for first in 0..2 {
        let words = bytes[first..].chunks_exact(2);
        let words: Vec<String> = words.map(|it| format!("{}{}", it[1], it[0])).collect();
        forms.extend(pieces(words.join(" ").as_bytes(), bytes.len()));
    }
    forms
}

/// A text that is too short for pieces, broken into two lines anywhere.
fn on_two_lines(text: &[u8]) -> Vec<Vec<u8>> {
    if text.len() >= 2 * PIECE + STEP {
        return Vec::new();
    }
    let broken = |end: &'static [u8]| {
        (1..text.len()).map(move |at| [&text[..at], end, &text[at..]].concat())
    };
    broken(b"\n").chain(broken(b"\r\n")).collect()
}

/// A text and pieces of it that overlap, if it may be broken into lines.
fn pieces(text: &[u8], bytes: usize) -> Vec<Vec<u8>> {
    let mut pieces = vec![text.to_vec()];
    if bytes <= LARGEST_IN_PIECES {
        pieces.extend(text.windows(PIECE).step_by(STEP).map(<[u8]>::to_vec));
        pieces.extend(text.last_chunk::<PIECE>().map(|it| it.to_vec()));
    }
    pieces
}

/// As writers of JSON do, of Python, Go and PHP too.
fn json(value: &str) -> Vec<String> {
    let Ok(quoted) = serde_json::to_string(value) else {
        return Vec::new();
    };
    let plain = quoted[1..quoted.len() - 1].to_owned();
    let mut forms = vec![plain.clone(), plain.replace('/', "\\/")];
    for signs in ["", "<>&", "<>&'", "<>&'+", "<>&'\""] {
        for is_upper in [false, true] {
            let escape = |text: &str, is_ascii: bool| -> String {
                let text = if signs.contains('"') {
                    text.replace("\\\"", "\"")
                } else {
                    text.to_owned()
                };
                text.chars()
                    .map(|c| escaped(c, signs, is_ascii, is_upper))
                    .collect()
            };
            forms.push(value.encode_utf16().map(|it| unit(it, is_upper)).collect());
            for is_ascii in [false, true] {
                forms.push(escape(&plain, is_ascii));
                forms.push(escape(&plain.replace('/', "\\/"), is_ascii));
            }
        }
    }
    forms
}

fn escaped(c: char, signs: &str, is_ascii: bool, is_upper: bool) -> String {
    if !signs.contains(c) && (c.is_ascii() || !is_ascii) {
        return c.to_string();
    }
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    units.map(|it| unit(*it, is_upper)).collect()
}

fn unit(unit: u16, is_upper: bool) -> String {
    if is_upper {
        format!("\\u{unit:04X}")
    } else {
        format!("\\u{unit:04x}")
    }
}

fn url(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for set in &URL_SETS {
        let upper = utf8_percent_encode(value, set).to_string();
        let lower = lower_escapes(&upper);
        for text in [upper, lower] {
            forms.push(text.replace('%', "%25"));
            forms.push(text.replace("%20", "+"));
            forms.push(text);
        }
    }
    forms
}

/// `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut left = 0;
    let lower = text.chars().map(|c| {
        left = if c == '%' { 3 } else { left };
        left = i32::max(left - 1, -1);
        if left >= 0 { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
}

/// Inside quotes of each kind, behind backslashes, and as `$'…'`; the last is what `repr` of Python prints, too.
fn shell(value: &str) -> Vec<String> {
    let behind = |signs: &dyn Fn(char) -> bool| -> String {
        let letters = value
            .chars()
            .flat_map(|c| signs(c).then_some('\\').into_iter().chain([c]));
        letters.collect()
    };
    let is_word = |c: char| c.is_alphanumeric() || "_-./=@%+,:~".contains(c);
    let mut forms = vec![
        value.replace('\'', r"'\''"),
        value.replace('\'', "'\"'\"'"),
        behind(&|c| "\"\\$`".contains(c)),
        behind(&|c| "\"\\$`!".contains(c)),
        behind(&|c| c.is_ascii() && !is_word(c)),
        behind(&|c| c.is_ascii() && !(c.is_alphanumeric() || "_-./:".contains(c))),
        behind(&|c| c.is_ascii() && !c.is_alphanumeric()),
    ];
    for quotes in ["'", "\"", "'\"", ""] {
        let letters = value.chars().map(|c| match c {
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            '\r' => "\\r".to_owned(),
            '\u{1b}' => "\\E".to_owned(),
            '\\' => "\\\\".to_owned(),
            c if quotes.contains(c) => format!("\\{c}"),
            c => c.to_string(),
        });
        forms.push(letters.collect());
    }
    for quotes in ["'", ""] {
        let letters = value.bytes().map(|it| match it {
            b'\\' => "\\\\".to_owned(),
            b'\n' => "\\n".to_owned(),
            b'\t' => "\\t".to_owned(),
            b'\r' => "\\r".to_owned(),
            _ if quotes.as_bytes().contains(&it) => format!("\\{}", char::from(it)),
            b' '..=b'~' => char::from(it).to_string(),
            _ => format!("\\x{it:02x}"),
        });
        forms.push(letters.collect());
    }
    // Bash writes bytes that are no ASCII in octal where the locale is C.
    let octal = value.bytes().map(|it| match it {
        b'\'' => "\\'".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b' '..=b'~' => char::from(it).to_string(),
        _ => format!("\\{it:03o}"),
    });
    forms.push(octal.collect());
    forms
}

fn xml(value: &str) -> Vec<String> {
    let base = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let mut forms = vec![base.clone()];
    for double in ["\"", "&quot;", "&#34;"] {
        for single in ["'", "&apos;", "&#39;", "&#x27;", "&#039;"] {
            forms.push(base.replace('"', double).replace('\'', single));
        }
    }
    forms
}
