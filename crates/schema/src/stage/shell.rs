//! The shell of a command: which one runs it, and whether that makes a difference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A shell and its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// `bash -euo pipefail`: a line, a part of a pipeline or an unset variable that fails ends the command.
    Bash,
    /// `sh -eu`, with `pipefail` if that `sh` has it.
    Sh,
    /// `sh`: only the exit code of the last command counts, as in DVC.
    PlainSh,
}

/// Words that start a builtin or a construct that shells read differently, or that fails by itself under `-e`.
const SPECIAL: [&str; 36] = [
    "alias", "case", "command", "coproc", "declare", "echo", "eval", "exec", "export", "for",
    "function", "getopts", "hash", "if", "kill", "let", "local", "printf", "read", "readonly",
    "select", "set", "shift", "source", "test", "time", "times", "trap", "type", "typeset",
    "ulimit", "umask", "unset", "until", "wait", "while",
];

/// Whether each shell, with or without its strict options, does the same with a text: it is one program with words as its
/// arguments, in quotes or not, and with redirections to files. `${…}` is a placeholder, whose value is quoted.
pub fn is_one_program(text: &str) -> bool {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((_, after)) = behind.split_once('}') else {
            return false;
        };
        plain.push_str(before);
        plain.push('x');
        rest = after;
    }
    plain.push_str(rest);
    let is_word = |c: char| c.is_alphanumeric() || " \t_-./=@%+,:'\"<>".contains(c);
    let program = plain.split([' ', '\t']).next().unwrap_or_default();
    let is_program = |c: char| c.is_alphanumeric() || "_-./+".contains(c);
    !program.is_empty()
        && program != "."
        && program.chars().all(is_program)
        && !SPECIAL.contains(&program)
        && plain.chars().all(is_word)
        && !plain.contains("<<")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_program_is_told_from_what_shells_read_differently() {
        for text in [
            "python3 train.py --lr 0.1 --name 'a b'",
            "./train ${inputs.data} > ${outputs.model}",
            "cat \"a b\" < in.txt > out.txt",
            "python3 ${x}.py\n",
        ] {
            assert!(is_one_program(text), "{text}");
        }
        for text in [
            "python3 train.py | tee log",
            "a; b",
            "a\nb",
            "a && b",
            "a &",
            "echo -n x",
            "X=1 python3 a.py",
            "python3 $HOME/a.py",
            "cat <<E",
            "ls *.csv",
            "ls {a,b}",
            "ls ~/x",
            "printf 'a\\n'",
            "while true",
            ". ./env",
            "! false",
            "x ${open",
            "",
        ] {
            assert!(!is_one_program(text), "{text}");
        }
    }

    #[test]
    fn revision_of_a_command_is_raised_only_if_its_shell_matters() {
        let revision = |block: serde_json::Value| {
            let task = serde_json::json!({"command": block});
            let task: crate::stage::Task = serde_json::from_value(task).unwrap();
            task.revision()
        };
        for (block, expected) in [
            (serde_json::json!({"cmd": "python3 train.py"}), 1),
            (
                serde_json::json!({"cmd": ["python3 a.py", "python3 b.py"]}),
                1,
            ),
            (
                serde_json::json!({"cmd": "python3 a.py | cat", "shell": "plain_sh"}),
                1,
            ),
            (serde_json::json!({"cmd": "python3 a.py | cat"}), 2),
            (serde_json::json!({"cmd": ["python3 a.py", "a; b"]}), 2),
            (serde_json::json!({"cmd": "a\nb", "shell": "bash"}), 2),
        ] {
            assert_eq!(revision(block.clone()), expected, "{block}");
        }
    }
}
