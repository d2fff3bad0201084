//! Whatever is written, it is answered: no input panics, and small inputs end soon.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{FULL, MATRIX, Overrides, resolve_with};

/// Far more than is ever needed, also on a busy machine and without optimization.
const SOON: Duration = Duration::from_secs(10);

/// Resolves and renders.
fn answer(text: &str) {
    let started = Instant::now();
    match resolve_with(text, &Overrides::default()) {
        Ok((plan, warnings)) => {
            assert!(!plan.outline().is_empty());
            warnings.render(true);
        }
        Err(errors) => {
            assert!(errors.has_errors());
            assert!(!errors.render(false).trim().is_empty());
            assert!(errors.to_json().is_array());
        }
    }
    assert!(
        started.elapsed() < SOON,
        "{:?} for {text:?}",
        started.elapsed()
    );
}

/// Words from which specs are made, and signs that YAML gives a meaning.
const WORDS: [&str; 68] = [
    "version: 1\n",
    "name: x\n",
    "stages:\n",
    "  a:\n",
    "  b:\n",
    "    train:\n",
    "    evaluate: ",
    "    command: ",
    "    package: ",
    "    preprocess: ",
    "    choose: ",
    "    summarize: ",
    "    matrix: ",
    "    needs: ",
    "      data: ",
    "      model: ",
    "sweeps:\n",
    "promote:\n",
    "vars: ",
    "profiles: ",
    "include: ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    "- ",
    "\n",
    "  ",
    "    ",
    "\t",
    "&x ",
    "*x",
    "<<: ",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    "? ",
    "!t ",
    "---\n",
    "...\n",
    "${a}",
    "${matrix.f}",
    "${",
    "}",
    "$${",
    "@",
    "=",
    ".",
    "a",
    "b",
    "a.test",
    "a@f=1",
    "f",
    "1",
    "0.1",
    "1e3",
    ".nan",
    "null",
    "true",
    "é",
    "\u{feff}",
    "\0",
    "from",
    "../x",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        answer(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_soup_of_words_is_answered(words in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = words.into_iter().map(|it| WORDS[it]).collect();
        answer(&text);
        answer(&format!("version: 1\nname: x\nstages:\n  a:\n    {text}"));
    }

    #[test]
    fn good_specs_with_accidents_are_answered(
        is_matrix in any::<bool>(),
        accidents in proptest::collection::vec((any::<prop::sample::Index>(), 0..12_usize, 0..WORDS.len()), 1..5),
    ) {
        let mut chars: Vec<char> = if is_matrix { MATRIX } else { FULL }.chars().collect();
        for (at, n_lost, word) in accidents {
            let at = at.index(chars.len());
            let end = (at + n_lost).min(chars.len());
            chars.splice(at..end, WORDS[word].chars());
        }
        answer(&chars.into_iter().collect::<String>());
    }
}

#[test]
fn deep_wide_and_repeated_things_are_answered_soon() {
    let wide: Vec<String> = (0..1500).map(|it| format!("s{it}")).collect();
    let texts = [
        "[".repeat(10_000),
        "{a: ".repeat(2_500),
        "- ".repeat(5_000),
        "a: ".repeat(3_000),
        "? ".repeat(5_000),
        "\"".repeat(10_001),
        "&a ".repeat(3_000),
        "*a ".repeat(3_000),
        "!t ".repeat(3_000),
        "\n".repeat(10_000),
        "a: |\n".to_owned() + &" x\n".repeat(3_000),
        "${".repeat(5_000),
        format!(
            "version: 1\nname: x\nstages:\n  a:\n    command: {{cmd: \"{}\"}}\n",
            "${x}".repeat(2_000)
        ),
        format!(
            "version: 1\nname: x\nvars: {{v: \"{}\"}}\nstages:\n  a:\n    command: {{cmd: \"{}\"}}\n",
            "y".repeat(4_000),
            "${v}".repeat(1_000)
        ),
        format!(
            "version: 1\nname: x\nstages:\n  a:\n    command: {{cmd: x}}\n    needs: [{}]\n",
            wide.join(", ")
        ),
        wide.join(": 1\n") + ": 1\n",
        format!(
            "{{{}}}",
            wide.iter()
                .map(|it| format!("{it}: {{<<: *x}}"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    ];
    for text in texts {
        answer(&text);
    }
}

#[test]
fn texts_that_grow_when_bound_are_bounded() {
    let items = vec![format!("\"{}\"", "${v}".repeat(16)); 90].join(", ");
    let spec = |rest: &str| {
        format!(
            "version: 1\nname: x\nvars: {{v: \"{}\"}}\nx-l: &l [{items}]\nstages:\n{rest}",
            "y".repeat(4_000)
        )
    };
    let stages: String = (0..60).fold(String::new(), |text, i| {
        text + &format!("  s{i}:\n    command: {{cmd: *l}}\n")
    });
    let errors = resolve_with(&spec(&stages), &Overrides::default())
        .unwrap_err()
        .render(false);
    assert!(errors.contains("vars make the spec too large"), "{errors}");
    let values: Vec<String> = (0..1000).map(|it| it.to_string()).collect();
    let matrix = format!(
        "  a:\n    matrix: {{x: [\"{}\", b], y: [{}]}}\n    command: {{cmd: \"{}\"}}\n",
        "z".repeat(4_000),
        values.join(", "),
        "${matrix.x}".repeat(16)
    );
    let text = format!("version: 1\nname: x\nstages:\n{matrix}");
    let errors = resolve_with(&text, &Overrides::default())
        .unwrap_err()
        .render(false);
    assert!(errors.contains("vars make the spec too large"), "{errors}");
}
