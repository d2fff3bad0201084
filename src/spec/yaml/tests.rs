//! What the reader makes of texts.

use super::*;
use crate::spec::Value;

fn root(text: &str) -> Node {
    let tree = read(text, 0).unwrap_or_else(|it| panic!("{it:?}"));
    assert!(tree.found.is_empty(), "{:?}", tree.found);
    tree.root
}

fn titles(text: &str) -> Vec<String> {
    let found = match read(text, 0) {
        Ok(tree) => tree.found,
        Err(found) => found,
    };
    found.into_iter().map(|it| it.title).collect()
}

#[test]
fn spans_count_bytes_also_behind_wide_characters() {
    let text = "\u{feff}näme: é  # ü\nlist: [a, 'b c']\nblock: |\n  x\n";
    let root = root(text);
    let at = |span: Span| &text[span.start as usize..span.end as usize];
    assert_eq!(at(root.entry("näme").unwrap().key_span), "näme");
    assert_eq!(at(root.get("näme").unwrap().span), "é");
    assert_eq!(at(root.get("list").unwrap().span), "[a, 'b c']");
    assert_eq!(at(root.get("list").unwrap().items()[1].span), "'b c'");
}

#[test]
fn scalars_have_the_types_of_yaml_1_2() {
    let root = root("[1, -2, 1.5, 1e3, true, null, ~, yes, 12:30, 'x', \"1\", 0x1F, 1.0.0]");
    let words: Vec<String> = root.items().iter().map(|it| it.value.describe()).collect();
    assert_eq!(
        words,
        [
            "the number `1`",
            "the number `-2`",
            "the number `1.5`",
            "the number `1000.0`",
            "the boolean `true`",
            "nothing",
            "nothing",
            "the text \"yes\"",
            "the text \"12:30\"",
            "the text \"x\"",
            "the text \"1\"",
            "the number `31`",
            "the text \"1.0.0\"",
        ]
    );
}

#[test]
fn scalars_that_readers_differ_on_are_refused() {
    assert_eq!(
        titles("a: 18446744073709551615"),
        ["the number is too large"]
    );
    for text in ["012", "0b101", "-0x1F", "1e999"] {
        assert_eq!(
            titles(&format!("a: {text}")),
            [format!("YAML readers differ on \"{text}\"")],
            "{text}"
        );
        assert!(titles(&format!("a: \"{text}\"")).is_empty(), "{text}");
    }
}

#[test]
fn block_and_folded_text_is_agreed_on() {
    let text = "a:\n    b: |\n        one\n          two\n\n        three\n    c: >-\n        x\n        y\n    d: |2\n        z\n    e: \"p\\tq\\\n       r\"\n    f: plain\n       goes on\n  \n";
    let root = root(text);
    let a = root.get("a").unwrap();
    assert_eq!(a.get("b").unwrap().as_text(), Some("one\n  two\n\nthree\n"));
    assert_eq!(a.get("c").unwrap().as_text(), Some("x y"));
    assert_eq!(a.get("d").unwrap().as_text(), Some("  z\n"));
    assert_eq!(a.get("e").unwrap().as_text(), Some("p\tqr"));
    assert_eq!(a.get("f").unwrap().as_text(), Some("plain goes on"));
}

#[test]
fn merge_keys_give_what_is_not_given_beside_them() {
    let root = root(
        "base: &b {x: 1, y: 2}\nmore: &m {z: 3}\nuse: {<<: [*b, *m], y: 5}\nvalue: &v 7\nagain: *v\n",
    );
    let used = root.get("use").unwrap();
    let values: Vec<String> = used
        .entries()
        .iter()
        .map(|it| format!("{}={}", it.key, it.node.value.canonical()))
        .collect();
    assert_eq!(values, ["y=5", "x=1", "z=3"]);
    let again = root.get("again").unwrap();
    assert_eq!(again.value, Value::Int(7));
    assert!(again.origin.is_some());
}

#[test]
fn what_cannot_be_a_spec_is_named() {
    let deep = "[".repeat(100);
    let cases = [
        ("a: 1\na: 2\n", "the key `a` is given twice"),
        (
            "a: {b: ${x}}\n",
            "`${x}` must be quoted inside `{}` and `[]`",
        ),
        (
            "a: [${x}, 1]\n",
            "`${x}` must be quoted inside `{}` and `[]`",
        ),
        ("a:\n\tb: 1\n", "a tab in the indentation"),
        (
            "a: 1\n---\nb: 2\n",
            "more than one YAML document in the file",
        ),
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        (
            "a: !!str 1\n",
            "the YAML tag `tag:yaml.org,2002:str` has no meaning here",
        ),
        ("a: b: c\n", "a `:` where YAML takes none"),
        ("a: 1\n  b: 2\n", "a `:` where YAML takes none"),
        (
            "a:\n  b: 1\n c: 2\n",
            "the line does not fit those above it",
        ),
        ("- a\nb: 1\n", "the line does not fit those above it"),
        ("a: \"x\n", "a quote is not closed"),
        ("a: {b: 1\nc: 2\n", "`{` is not closed"),
        ("a: [1, 2\nb: 3\n", "`[` is not closed"),
        ("a: {b: [1}\n", "`[` is not closed"),
        ("a: [1, 2]]\n", "`]` closes nothing"),
        ("a: *nope\n", "unknown anchor `nope`"),
        ("a: @x\n", "text cannot begin with `@`"),
        ("a: 1\nb\nc: 2\n", "a key without its `:`"),
        ("a: \"x\\qy\"\n", "unknown escape in a quoted text"),
        ("a: 'it's'\n", "text behind a closed quote"),
        ("{a: 1} b\n", "text behind the end of the document"),
        ("\0", "a character that YAML does not allow"),
        (
            "a: 1\n<<<<<<< HEAD\nb: 2\n=======\n",
            "a merge conflict is not resolved",
        ),
        ("a: &a [*a]\n", "an alias inside the value that it names"),
        (&deep, "nested more than 64 levels deep"),
    ];
    for (text, title) in cases {
        assert_eq!(titles(text), [title], "{text}");
    }
}

#[test]
fn aliases_nest_no_deeper_than_what_is_written() {
    let nested = |n: usize, inner: &str| format!("{}{inner}{}", "[".repeat(n), "]".repeat(n));
    // Each stands in the map of the document, which is a level.
    let text = |n: usize| format!("a: &a {}\nb: {}\n", nested(30, "x"), nested(n, "*a"));
    assert_eq!(titles(&text(33)), [""; 0]);
    assert_eq!(titles(&text(34)), ["nested more than 64 levels deep"]);
    assert_eq!(titles(&format!("a: {}\n", nested(63, "x"))), [""; 0]);
}

#[test]
fn an_alias_bomb_costs_nothing() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..30 {
        let list = vec![format!("*a{}", i - 1); 9].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{list}]\n"));
    }
    let started = std::time::Instant::now();
    assert_eq!(titles(&text), ["aliases make the spec too large"]);
    assert!(started.elapsed().as_millis() < 500);
}
