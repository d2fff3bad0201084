//! What a command asks of its shell: variables of the environment, and what only bash knows.
//! Reads shell text well enough to find names; does not understand it.

/// Variables that a command has without asking, and those of the shell itself.
const GIVEN: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LANG",
    "TERM",
    "PWD",
    "OLDPWD",
    "IFS",
    "PPID",
    "OPTARG",
    "OPTIND",
    "PIPE_METRICS",
];
/// What `sh` does not know.
const BASH: [&str; 9] = [
    "[[",
    "<(",
    ">(",
    "<<<",
    "&>",
    "pipefail",
    "source ",
    "function ",
    "$RANDOM",
];

/// The variables that a text reads and does not set, in the order in which they come.
pub fn variables(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_single = false;
    let mut is_double = false;
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let tail = &rest[sign.len_utf8()..];
        match sign {
            '\\' if !is_single => {
                let skipped = tail.chars().next().map_or(0, char::len_utf8);
                rest = &tail[skipped..];
                continue;
            }
            '\'' if !is_double => is_single = !is_single,
            '"' if !is_single => is_double = !is_double,
            '$' if !is_single => {
                let inside = tail.strip_prefix('{').unwrap_or(tail);
                let inside = inside.strip_prefix('#').unwrap_or(inside);
                let name = leading_name(inside);
                let is_wanted = !name.is_empty()
                    && !GIVEN.contains(&name)
                    && !sets(text, name)
                    && !found.iter().any(|it| it == name);
                if is_wanted {
                    found.push(name.to_owned());
                }
            }
            _ => {}
        }
        rest = tail;
    }
    found
}

/// What in a text only bash understands.
pub fn bashism(text: &str) -> Option<&'static str> {
    let calls_bash = text
        .split_whitespace()
        .any(|it| it == "bash" || it.ends_with("/bash"));
    let found = BASH.into_iter().find(|it| text.contains(it));
    found.map(str::trim).filter(|_| !calls_bash)
}

fn leading_name(text: &str) -> &str {
    let end = text
        .find(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .unwrap_or(text.len());
    let name = &text[..end];
    if name.starts_with(|it: char| it.is_ascii_digit()) {
        ""
    } else {
        name
    }
}

fn sets(text: &str, name: &str) -> bool {
    let words = ["for ", "read ", "read -r "];
    let is_start = |at: usize| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|it| !it.is_ascii_alphanumeric() && it != '_' && it != '$' && it != '{')
    };
    text.match_indices(name).any(|(at, _)| {
        let behind = &text[at + name.len()..];
        is_start(at) && behind.starts_with('=')
            || words.iter().any(|it| text[..at].ends_with(it)) && leading_name(&text[at..]) == name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_a_command_reads_are_found() {
        for (text, names) in [
            ("python a.py --gpu $CUDA --home $HOME", vec!["CUDA"]),
            (
                "echo '$QUIET' \"$LOUD\" \\$NONE ${BRACED:-x}",
                vec!["LOUD", "BRACED"],
            ),
            ("X=1; echo $X $1 $? $$", vec![]),
            ("for f in a b; do echo $f ${f}; done", vec![]),
            ("echo $A$B$A ${#C}", vec!["A", "B", "C"]),
            ("echo $", vec![]),
        ] {
            assert_eq!(variables(text), names, "{text}");
        }
    }

    #[test]
    fn what_only_bash_knows_is_named() {
        assert_eq!(bashism("[[ -f x ]] && y"), Some("[["));
        assert_eq!(bashism("source env/bin/activate"), Some("source"));
        assert_eq!(bashism("bash -c 'set -o pipefail; a | b'"), None);
        assert_eq!(bashism("test -f x && y"), None);
    }
}
