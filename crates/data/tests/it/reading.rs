//! The options by which CSV files are read: encodings, quotes, comments, lines on top, decimal marks.

use serde_json::{Value, json};

use crate::{Lab, all_train, features, refusal};

fn with(read: Value) -> Value {
    json!({"source": {"read": read}})
}

/// The first word of a table with a column `word`.
fn word(bytes: &[u8], read: Value) -> Value {
    let lab = Lab::new();
    let mut block = all_train(with(read));
    block["steps"] = json!([{"drop": {"columns": ["word"]}}]);
    let dataset = lab.run(bytes, block).unwrap_or_else(|it| panic!("{it:?}"));
    dataset.head("train").unwrap()[0].input["word"].clone()
}

fn utf16(text: &str, little: bool, with_mark: bool) -> Vec<u8> {
    let mark = if with_mark { "\u{feff}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16());
    let bytes = |it: u16| {
        if little {
            it.to_le_bytes()
        } else {
            it.to_be_bytes()
        }
    };
    units.flat_map(bytes).collect()
}

#[test]
fn encodings_are_read_as_they_are_named() {
    let text = "x,word,y\n1,ÄŸ€,a\n2,b,b\n";
    for (little, with_mark) in [(true, true), (false, true), (true, false)] {
        let bytes = utf16(text, little, with_mark);
        assert_eq!(word(&bytes, json!({"encoding": "utf-16"})), "ÄŸ€");
    }
    for (encoding, bytes, expected) in [
        ("latin-1", &b"caf\xe9 \x80"[..], "café \u{80}"),
        ("windows-1252", b"caf\xe9 \x80", "café €"),
        ("windows-1250", b"\xe8\xed\x9e", "číž"),
        ("windows-1251", b"\xf7\xe0\xe9", "чай"),
        ("shift-jis", b"\x83\x65\x83\x58\x83\x67", "テスト"),
        ("gb18030", b"\xb2\xe2\xca\xd4", "测试"),
        ("utf-8", "naïve".as_bytes(), "naïve"),
    ] {
        let bytes = [b"x,word,y\n1,", bytes, b",a\n2,b,b\n"].concat();
        assert_eq!(word(&bytes, json!({"encoding": encoding})), expected);
    }
}

#[test]
fn a_long_text_is_decoded_across_pieces() {
    let long = "é".repeat(200_001);
    let bytes: Vec<u8> = long.chars().map(|it| it as u8).collect();
    let bytes = [b"x,word,y\n1,", bytes.as_slice(), b",a\n2,b,b\n"].concat();
    for encoding in ["latin-1", "windows-1252"] {
        assert_eq!(word(&bytes, json!({"encoding": encoding})), long.as_str());
    }
    let text = format!("x,word,y\n1,{long},a\n2,b,b\n");
    let bytes = utf16(&text, false, true);
    assert_eq!(word(&bytes, json!({"encoding": "utf-16"})), long.as_str());
}

#[test]
fn what_is_not_of_its_encoding_is_refused() {
    let told = refusal(b"x,y\n1,\x81\n", with(json!({"encoding": "shift-jis"})));
    assert!(told.0.ends_with("is not shift-jis text"), "{told:?}");
    let marked = utf16("x,y\n1,a\n", true, true);
    let told = refusal(marked, json!({}));
    assert_eq!(told.0, "data.csv: is UTF-16, not UTF-8");
    assert!(told.1.contains("encoding: utf-16"), "{told:?}");
}

#[test]
fn quotes_may_be_others_or_none() {
    let quote = json!({"quote": "'"});
    let text = b"x,word,y\n1,'a, ''b''',a\n2,b,b\n";
    assert_eq!(word(text, quote), "a, 'b'");
    let none = json!({"quoting": false});
    let text = b"x,word,y\n1,5\" wide,a\n2,b,b\n";
    assert_eq!(word(text, none.clone()), "5\" wide");
    let text = b"x,word,y\n1,\"open,a\n2,b,b\n";
    assert_eq!(word(text, none), "\"open");
    let told = refusal("x,y\n1,'a\n2,b\n", with(json!({"quote": "'"})));
    assert!(
        told.0.starts_with("data.csv:2: a quote is opened"),
        "{told:?}"
    );
}

#[test]
fn comments_and_lines_on_top_do_not_count() {
    let text = "made by a tool\r\n\r\n# a note\r\nx,y\r\n1,a\r\n# another, with \"\r\n2,b\r\n";
    let read = json!({"skip_lines": 2, "comment": "#"});
    assert_eq!(features(text, with(read.clone())), [1.0, 2.0]);
    // Lines stay those of an editor.
    for end in ["\n", "\r\n", "\r"] {
        let text = "on top\n\n# note\nx,y\n1,a\n# more\n\n2,b,c\n".replace('\n', end);
        let told = refusal(text, with(read.clone()));
        let message = "data.csv:8: 3 fields where 2 are expected";
        assert_eq!(told.0, message, "{end:?}");
    }
    let told = refusal("x,y\n1,a\n", with(json!({"skip_lines": 9})));
    assert_eq!(told.0, "data.csv: is empty");
}

#[test]
fn another_decimal_mark_makes_numbers() {
    let read = json!({"delimiter": ";", "decimal": ","});
    let found = features("x;y\n1,5;a\n-0,25;b\n3;a\n", with(read.clone()));
    assert_eq!(found, [1.5, -0.25, 3.0]);
    assert_eq!(word(b"x;word;y\n1;so, so;a\n2;b;b\n", read), "so, so");
}

#[test]
fn marks_are_one_character_each_for_one_purpose() {
    for (read, message) in [
        (json!({"quote": ","}), "`,` cannot be the delimiter"),
        (json!({"comment": ","}), "`,` cannot be the delimiter"),
        (json!({"quote": "«"}), "`«` cannot be the quote"),
        (json!({"comment": "\n"}), "`\n` cannot be the comment"),
    ] {
        assert_eq!(refusal("x,y\n1,a\n", with(read)).0, message);
    }
}

#[test]
fn groups_of_digits_are_numbers_where_a_mark_for_them_is_given() {
    let read = json!({"thousands": ","});
    let text = "x,y\n\"1,234.5\",a\n-7,b\n\"12,34,567\",a\n";
    assert_eq!(
        features(text, with(read.clone())),
        [1234.5, -7.0, 1_234_567.0]
    );
    let read = json!({"delimiter": ";", "decimal": ",", "thousands": "."});
    assert_eq!(features("x;y\n1.234,5;a\n2;b\n", with(read)), [1234.5, 2.0]);
    // What is not in groups stays as it is.
    assert_eq!(
        word(
            b"x,word,y\n1,\"so, so\",a\n2,b,b\n",
            json!({"thousands": ","})
        ),
        "so, so"
    );
    let mut block = with(json!({"thousands": ","}));
    block["columns"] = json!({"x": "numeric"});
    let told = refusal("x,y\n\"1,23\",a\n2,b\n", block);
    assert_eq!(told.0, "data.csv:2: column `x`: `1,23` is not a number");
}

#[test]
fn an_escape_takes_the_meaning_from_a_quote() {
    let escape = json!({"escape": "\\"});
    let text = b"x,word,y\n1,\"say \\\"hi\\\", then \\\\ go\",a\n2,b,b\n";
    assert_eq!(word(text, escape.clone()), "say \"hi\", then \\ go");
    // Lines are counted, and an open quote is found, as without.
    let text = "x,word,y\n1,\"a \\\" b\nc\",a\n2,b\n";
    assert_eq!(
        refusal(text, with(escape.clone())).0,
        "data.csv:4: 2 fields where 3 are expected"
    );
    let text = "x,word,y\n1,\"a \\\" b\n2,b,b\n";
    let told = refusal(text, with(escape));
    assert!(
        told.0.starts_with("data.csv:2: a quote is opened"),
        "{told:?}"
    );
    assert_eq!(
        refusal("x,y\n1,a\n", with(json!({"escape": ","}))).0,
        "`,` cannot be the delimiter"
    );
}

#[test]
fn a_nul_byte_is_no_text() {
    let told = refusal(b"x,y\n1,a\n2,b\0c\n", json!({}));
    assert_eq!(
        told.0,
        "data.csv:3: column `y`: holds a NUL byte, which no text has"
    );
    // Like UTF-16 without a mark.
    let told = refusal(utf16("x,y\n1,a\n", true, false), json!({}));
    assert!(
        told.0.starts_with("data.csv:1: column 1: holds a NUL byte"),
        "{told:?}"
    );
    assert!(told.1.contains("encoding: utf-16"), "{told:?}");
}

#[test]
fn a_column_without_a_name_takes_none_that_is_there() {
    let lab = Lab::new();
    let dataset = lab
        .run("a,,unnamed_2,y\n1,2,3,u\n4,5,6,v\n", all_train(json!({})))
        .unwrap();
    assert_eq!(dataset.schema().features, ["a", "unnamed_2_", "unnamed_2"]);
}
