//! Secrets in every form, in texts and in streams that come in pieces of any size.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

/// A value with all that encoders mind.
const SECRET: &str = "p4ss \"w/rd'<é>&$1+x~\\`!";

fn masked(secret: &str, text: &str) -> String {
    Mask::new([secret]).apply(text.to_owned())
}

fn hex(text: &str) -> String {
    apart(text, "")
}

fn apart(text: &str, sign: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|it| format!("{it:02x}")).collect();
    bytes.join(sign)
}

fn streamed(mask: &Arc<Mask>, text: &[u8], size: usize) -> String {
    let mut stream = Masked::new(Arc::clone(mask));
    let mut to = Vec::new();
    for piece in text.chunks(size) {
        stream.push(piece, &mut to);
    }
    stream.finish(&mut to);
    String::from_utf8(to).unwrap()
}

#[test]
fn mask_leaves_nothing_of_a_secret() {
    let mask = Mask::new(["abc", "abcdef", "", "first\nsecond"]);
    let apply = |text: &str| mask.apply(text.to_owned());
    assert_eq!(apply("x abcdef abc y second"), "x *** *** y ***");
    assert_eq!(apply("plain"), "plain");
    // What overlaps is hidden from end to end.
    assert_eq!(
        Mask::new(["aab", "abb"]).apply("xaabbx".to_owned()),
        "x***x"
    );
    assert!(Mask::new(["", " \n"]).is_empty());
}

#[test]
fn mask_hides_a_secret_in_the_forms_that_programs_print() {
    let json = serde_json::to_string(SECRET).unwrap();
    let forms = [
        json[1..json.len() - 1].to_owned(),
        // Python's json.dumps, Go's json.Marshal, PHP's json_encode, a writer with HTML in mind.
        r#"p4ss \"w/rd'<\u00e9>&$1+x~\\`!"#.to_owned(),
        r#"p4ss \"w/rd'\u003cé\u003e\u0026$1+x~\\`!"#.to_owned(),
        r#"p4ss \"w\/rd'<\u00e9>&$1+x~\\`!"#.to_owned(),
        r"p4ss \u0022w/rd\u0027\u003C\u00E9\u003E\u0026$1+x~\\`!".to_owned(),
        // encodeURIComponent, Python's quote, quote_plus, Java's URLEncoder, curl in lower case.
        "p4ss%20%22w%2Frd'%3C%C3%A9%3E%26%241%2Bx~%5C%60!".to_owned(),
        "p4ss%20%22w/rd%27%3C%C3%A9%3E%26%241%2Bx~%5C%60%21".to_owned(),
        "p4ss+%22w%2Frd%27%3C%C3%A9%3E%26%241%2Bx~%5C%60%21".to_owned(),
        "p4ss+%22w%2Frd%27%3C%C3%A9%3E%26%241%2Bx%7E%5C%60%21".to_owned(),
        "p4ss%20%22w%2frd%27%3c%c3%a9%3e%26%241%2bx~%5c%60%21".to_owned(),
        // `set -x` of sh, shlex.quote, `printf %q` and `set -x` of bash, `declare -p`.
        r#"p4ss "w/rd'\''<é>&$1+x~\`!"#.to_owned(),
        r#"p4ss "w/rd'"'"'<é>&$1+x~\`!"#.to_owned(),
        r#"p4ss\ \"w/rd\'\<é\>\&\$1+x~\\\`\!"#.to_owned(),
        r#"p4ss "w/rd\'<é>&$1+x~\\`!"#.to_owned(),
        r#"p4ss \"w/rd'<é>&\$1+x~\\\`!"#.to_owned(),
        r#"p4ss "w/rd\'<\303\251>&$1+x~\\`!"#.to_owned(),
        "p4ss &quot;w/rd&#39;&lt;é&gt;&amp;$1+x~\\`!".to_owned(),
        "p4ss \"w/rd'&lt;é&gt;&amp;$1+x~\\`!".to_owned(),
        hex(SECRET),
        hex(SECRET).to_uppercase(),
        apart(SECRET, " "),
        apart(SECRET, ":").to_uppercase(),
        apart(SECRET, "%"),
        apart(SECRET, "\\x"),
    ];
    for form in forms {
        assert_eq!(masked(SECRET, &format!("[{form}]")), "[***]", "{form}");
    }
}

#[test]
fn mask_hides_base64_wherever_the_secret_begins_and_however_lines_are_broken() {
    let secret = "hunter2-hunter2-hunter2-hunter2-hunter2";
    for before in 0..4 {
        for after in 0..4 {
            let text = format!("{}{secret}{}", "x".repeat(before), "y".repeat(after));
            let encoded = STANDARD.encode(&text);
            for encoded in [encoded.clone(), encoded.replace('+', "-").replace('/', "_")] {
                let shown = masked(secret, &encoded);
                let around = shown.replace("***", "");
                assert!(shown.contains("***"), "{shown}");
                // What is left are its neighbours, and the characters that it shares with them.
                assert!(around.len() <= 12, "{before} {after}: {shown}");
            }
            for width in [20, 60, 64, 76] {
                for end in ["\n", "\r\n"] {
                    let wrap = |text: &str| -> String {
                        let lines = text.as_bytes().chunks(width);
                        let lines: Vec<&str> =
                            lines.map(|it| str::from_utf8(it).unwrap()).collect();
                        lines.join(end) + end
                    };
                    for encoded in [encoded.clone(), hex(&text)] {
                        let shown = masked(secret, &wrap(&encoded));
                        let longest = shown.split(['*', '\r', '\n']).map(str::len).max();
                        assert!(longest.unwrap() < PIECE_THAT_MAY_STAY, "{shown}");
                    }
                }
            }
        }
    }
}

/// A piece of a broken line that is too short to be looked for, and its neighbours.
const PIECE_THAT_MAY_STAY: usize = 24;

#[test]
fn mask_of_short_values_hides_them_as_they_are_only() {
    assert_eq!(masked("ab", "ab 6162 YWI= %61"), "*** 6162 YWI= %61");
    // A brace of a key that is JSON is not hidden, its other lines are.
    let key = "{\n  \"key\": \"0123456789\"\n}";
    assert_eq!(masked(key, "{} \"key\": \"0123456789\"!"), "{} ***!");
    assert_eq!(masked(key, &format!("<{key}>")), "<***>");
}

#[test]
fn masked_streams_keep_back_what_may_be_the_beginning_of_a_secret() {
    let mask = Arc::new(Mask::new(["hunter2"]));
    let mut stream = Masked::new(Arc::clone(&mask));
    let mut to = Vec::new();
    stream.push(b"progress 10% hunt", &mut to);
    assert_eq!(to, b"progress 10% ");
    stream.push(b"er2 hunt", &mut to);
    assert_eq!(to, b"progress 10% *** ");
    stream.push(b"ing", &mut to);
    stream.push(b" h", &mut to);
    stream.finish(&mut to);
    assert_eq!(to, b"progress 10% *** hunting h");
}

#[test]
fn masked_streams_do_not_hang_on_large_secrets() {
    let numbers: Vec<String> = (0..8000).map(|it| it.to_string()).collect();
    let secret = numbers.join(" ");
    let mask = Arc::new(Mask::new([secret.as_str()]));
    let text = format!("a{secret}b{}", &secret[..100]);
    assert_eq!(
        streamed(&mask, text.as_bytes(), 1000),
        format!("a***b{}", &secret[..100])
    );
}

proptest! {
    #[test]
    fn masked_streams_are_the_same_in_pieces_of_any_size(
        text in "([ab]|aabb|abab|YWJhYg| ){0,40}",
        size in 1..9_usize,
    ) {
        let mask = Arc::new(Mask::new(["abab", "aabba", "bb\naa", "abababab"]));
        let whole = mask.apply(text.clone());
        prop_assert_eq!(streamed(&mask, text.as_bytes(), size), whole.clone());
        prop_assert!(!whole.contains("abab") && !whole.contains("aabba"));
    }
}

#[test]
fn mask_hides_hex_in_groups_base64_on_two_lines_and_what_is_escaped_twice() {
    for text in [
        "4875 6e74 6572 2d32",
        "xx48 756e 7465 722d 32yy",
        "48756E74 65722D32",
        "7548 746e 7265 322d",
        "0x48, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x2d, 0x32",
        "SHVudG\nVyLTI=",
        "SHVudG\r\nVyLTI=",
        "48756e746\n5722d32",
        "48756E74\r\n65722D32",
        r"\u0048\u0075\u006e\u0074\u0065\u0072\u002d\u0032",
    ] {
        let shown = masked("Hunter-2", text);
        let left = shown.replace("***", "");
        assert!(shown.contains("***") && left.len() <= 4, "{text}: {shown}");
    }
    assert_eq!(masked("pä/s w@rd", r"b'p\xc3\xa4/s w@rd'"), "b'***'");
    assert_eq!(masked("pass w@rd", "pass%2520w%2540rd"), "***");
}
