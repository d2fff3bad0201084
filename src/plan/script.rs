//! What a command runs first, as far as its words tell: nothing of the stage can have made it. Understands no shell beyond
//! that; what it does not recognize is left to the run, which moves what is in the way of outs and never removes it.

use pipe_schema::stage::Command;

use super::paths;

/// Words behind which the program comes.
const WRAPPERS: [&str; 7] = ["command", "env", "exec", "nice", "nohup", "time", "uv"];
/// Programs that prepare and make no script.
const PREPARING: [&str; 8] = [
    "set", "export", "mkdir", "echo", ":", "true", "sleep", "umask",
];
/// Programs whose first argument is a script.
const INTERPRETERS: [&str; 11] = [
    "python", "sh", "bash", "Rscript", "node", "ruby", "perl", "julia", "php", "lua", "zsh",
];

/// Why an out would take away what its own stage needs to begin; `folder` is that of the command.
pub fn harm(command: &Command, folder: &str, out: &str) -> Option<String> {
    if !folder.is_empty() && paths::is_inside(folder, out) {
        return Some("holds the folder in which its command runs".to_owned());
    }
    let scripts = first_words(&command.cmd.0);
    let script = scripts.iter().find(|word| {
        let path = paths::join(folder, word, 0);
        path.is_ok_and(|path| paths::is_inside(&path, out))
    })?;
    Some(format!("has `{script}`, which its command runs"))
}

/// The program that runs first, and its script.
fn first_words(lines: &[String]) -> Vec<&str> {
    let commands = lines.iter().flat_map(|it| it.split(['\n', ';', '&', '|']));
    for command in commands {
        let mut words = command
            .split_whitespace()
            .map(|it| it.trim_matches(['"', '\'']))
            .skip_while(|it| WRAPPERS.contains(it) || it.contains('=') || *it == "run");
        let Some(program) = words.next().filter(|it| *it != "cd") else {
            if command.trim().is_empty() {
                continue;
            }
            return Vec::new();
        };
        if PREPARING.contains(&program) {
            continue;
        }
        let name =
            paths::file_name(program).trim_end_matches(|it: char| it.is_ascii_digit() || it == '.');
        // Of `-c` and `-m`, the next word is no path.
        let script = words
            .take_while(|it| !matches!(*it, "-c" | "-m"))
            .find(|it| !it.starts_with('-'))
            .filter(|_| INTERPRETERS.contains(&name));
        return [program].into_iter().chain(script).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_that_runs_first_is_found_and_no_other() {
        for (line, expected) in [
            ("python train.py -o model.bin", &["python", "train.py"][..]),
            (
                "mkdir -p out && A=1 python3.11 -u 'train.py'",
                &["python3.11", "train.py"],
            ),
            ("env B=2 ./run.sh x.sh", &["./run.sh"]),
            ("python -m pkg.train x.py", &["python"]),
            ("make it.sh && sh it.sh", &["make"]),
            ("cd x && python y.py", &[]),
            ("echo x > made", &[]),
        ] {
            assert_eq!(first_words(&[line.to_owned()]), expected, "{line}");
        }
    }
}
