//! The programs that a command names: their versions where it asks for them, else their bytes. What lies in the project is
//! never started for its version: it counts by its bytes.
//! Reads shell text well enough to find names; does not understand it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{PipeReader, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

use pipe_schema::{
    run::{Failure, FailureKind},
    stage::Command,
};

use super::{
    Options,
    sandbox::folder_of,
    trouble::of_store,
    view::{Found, View},
};
use crate::{exec::failure, plan::Stage, store::Store};

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// Words that the shell itself understands.
const BUILT_IN: [&str; 34] = [
    ".", ":", "[", "alias", "break", "case", "cd", "continue", "do", "done", "echo", "elif",
    "else", "esac", "eval", "exit", "export", "false", "fi", "for", "if", "in", "printf", "pwd",
    "read", "return", "set", "shift", "test", "then", "trap", "true", "umask", "while",
];
/// Programs whose first argument is a program.
const WRAPPERS: [&str; 6] = ["command", "env", "exec", "nice", "nohup", "time"];
/// What stands behind the name of what counts by its bytes.
const PROGRAM: &str = " (program)";
const SCRIPT: &str = " (script)";
/// Endings of files that are programs, whoever runs them.
const SCRIPTS: [&str; 12] = [
    "py", "sh", "bash", "R", "r", "jl", "pl", "rb", "js", "ts", "lua", "sql",
];

/// What of a command's programs counts, by name: `python3` its version, `sort (program)` and `clean.py (script)` their digests.
pub fn of(
    view: &View<'_>,
    store: &Store,
    options: &Options,
    stage: &Stage,
    command: &Command,
) -> Result<BTreeMap<String, String>, Failure> {
    let folder = folder_of(command, &options.folder);
    let mut found = BTreeMap::new();
    for tool in &command.tools {
        let path = options
            .host
            .find_program(tool, &folder, |it| view.is_program(it))
            .ok_or_else(|| wrong(format!("the tool `{tool}` was not found")))?;
        if is_own(view, options, &path) {
            let word = Word::Program(tool.clone());
            found.insert(word.label(), content(view, &word, &path)?);
        } else if let Some(version) = version(view, store, options, tool, &path, &folder)? {
            found.insert(tool.clone(), version);
        } else {
            view.note_version(tool);
        }
    }
    for (word, path) in named(view, options, stage, command) {
        if !matches!(&word, Word::Program(name) if command.tools.contains(name)) {
            found.insert(word.label(), content(view, &word, &path)?);
        }
    }
    Ok(found)
}

/// Whether one of a command's `tools` is named so for its version; those of the project are not.
pub fn is_version(name: &str) -> bool {
    !name.ends_with(PROGRAM) && !name.ends_with(SCRIPT)
}

/// Where the programs and scripts lie that a command names.
pub fn places(store: &Store, options: &Options, stage: &Stage, command: &Command) -> Vec<PathBuf> {
    let view = View::of_run(store, &options.folder);
    let named = named(&view, options, stage, command).into_iter();
    named.map(|(_, path)| path).collect()
}

/// Whether a program is a file of the project, by whatever links it is reached.
fn is_own(view: &View<'_>, options: &Options, path: &Path) -> bool {
    let is_below = |it: PathBuf| it.starts_with(&options.project);
    match view.find_behind(path) {
        Found::Restored(..) => true,
        Found::Workspace(place) => place.canonicalize().is_ok_and(is_below),
    }
}

fn content(view: &View<'_>, word: &Word, path: &Path) -> Result<String, Failure> {
    match view.digest(path) {
        Ok(content) => Ok(content.digest.to_string()),
        // A program may be executable and not readable.
        Err(_) if matches!(word, Word::Program(_)) => Ok(size_of(path)),
        Err(error) => Err(of_store(&error)),
    }
}

/// The programs and scripts that a command's lines name, but for those that are inputs or that the stage writes itself.
fn named(
    view: &View<'_>,
    options: &Options,
    stage: &Stage,
    command: &Command,
) -> Vec<(Word, PathBuf)> {
    let folder = folder_of(command, &options.folder);
    let outs = stage.outs.iter().map(|out| options.folder.join(out));
    let written: BTreeSet<PathBuf> = outs.collect();
    let words = command.cmd.0.iter().flat_map(|line| parse(line));
    let placed = words.filter_map(|word| {
        let path = match &word {
            Word::Program(name) if BUILT_IN.contains(&name.as_str()) => return None,
            Word::Program(name) => {
                let is_program = |it: &Path| view.is_program(it);
                options.host.find_program(name, &folder, is_program)?
            }
            Word::Argument(name) => {
                let path = folder.join(name);
                let is_new = !is_below(&path, &written) && !is_dep(stage, options, &path);
                Some(path).filter(|it| is_new && is_script(view, it))?
            }
        };
        Some((word, path))
    });
    placed.collect()
}

fn size_of(path: &Path) -> String {
    let size = fs::metadata(path).map_or(0, |it| it.size());
    format!("{size} bytes")
}

/// A script that is among the inputs counts there.
fn is_dep(stage: &Stage, options: &Options, path: &Path) -> bool {
    stage
        .files
        .iter()
        .any(|file| path.starts_with(options.folder.join(&file.path)))
}

fn is_below(path: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn is_script(view: &View<'_>, path: &Path) -> bool {
    let ending = path.extension().and_then(|it| it.to_str());
    let is_named = ending.is_some_and(|it| SCRIPTS.contains(&it));
    (view.executable_file(path)).is_some_and(|is_executable| is_executable || is_named)
}

/// What `TOOL --version` says. It is asked again when the file behind the name changes, and by a run alone: None where it
/// was not asked yet.
fn version(
    view: &View<'_>,
    store: &Store,
    options: &Options,
    tool: &str,
    path: &Path,
    folder: &Path,
) -> Result<Option<String>, Failure> {
    let unreadable = |error| wrong(format!("cannot read `{}`: {error}", path.display()));
    let path = path.canonicalize().map_err(unreadable)?;
    let stat = fs::metadata(&path).map_err(unreadable)?;
    let question = format!(
        "version of {} {} {} {}.{}",
        path.display(),
        stat.ino(),
        stat.size(),
        stat.mtime(),
        stat.mtime_nsec()
    );
    let known = store.recall(&question);
    if known.is_some() || view.is_forecast() {
        return Ok(known);
    }
    let answer = ask(options, &path, folder)
        .map_err(|error| wrong(format!("`{tool} --version` fails: {error}")))?;
    store
        .remember(&question, &answer)
        .map_err(|error| of_store(&error))?;
    Ok(Some(answer))
}

fn wrong(message: String) -> Failure {
    let hint = "`tools` names programs that know `--version`";
    failure::plain(FailureKind::Wrong, message, Some(hint))
}

fn ask(options: &Options, program: &Path, folder: &Path) -> Result<String, String> {
    let (reader, writer) = std::io::pipe().map_err(|it| it.to_string())?;
    rustix::io::ioctl_fionbio(&reader, true).map_err(|it| it.to_string())?;
    let mut child = Process::new(program)
        .arg("--version")
        .env_clear()
        .envs(options.host.base())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(|it| it.to_string())?)
        .stderr(writer)
        .spawn()
        .map_err(|it| it.to_string())?;
    let until = Instant::now() + PATIENCE;
    let mut answer = Vec::new();
    let status = loop {
        drain(&reader, &mut answer);
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it has not ended after {} s", PATIENCE.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    if !status.success() {
        return Err(status.to_string());
    }
    drain(&reader, &mut answer);
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

/// Takes what is in a pipe, without waiting for who holds it open. The first bytes are enough.
fn drain(mut pipe: &PipeReader, answer: &mut Vec<u8>) {
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
        answer.truncate(chunk.len());
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// What is executed.
    Program(String),
    /// What may be a script.
    Argument(String),
}

impl Word {
    /// How its bytes are called in a key.
    fn label(&self) -> String {
        match self {
            Self::Program(name) => format!("{name}{PROGRAM}"),
            Self::Argument(name) => format!("{name}{SCRIPT}"),
        }
    }
}

/// The words of a line that are plain names.
fn parse(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut is_program = true;
    let mut is_text = false;
    let mut is_target = false;
    for token in tokens(line) {
        match token.as_str() {
            ";" | "&" | "|" | "(" | ")" | "\n" => {
                is_program = true;
                is_text = false;
                continue;
            }
            ">" | "<" => {
                is_target = token == ">";
                continue;
            }
            _ => {}
        }
        let is_written = std::mem::take(&mut is_target);
        let is_plain = !token.contains(['$', '`', '*', '?']) && !token.starts_with('-');
        if is_written || !is_plain {
            is_program = is_program && is_written;
            continue;
        }
        let is_assignment = token
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
        if is_program && is_assignment {
            continue;
        }
        if is_program {
            let keeps_going = WRAPPERS.contains(&token.as_str())
                || ["if", "then", "else", "elif", "do", "while", "!"].contains(&token.as_str());
            is_program = keeps_going;
            // What these are given they print.
            is_text = ["echo", "printf"].contains(&token.as_str());
            words.push(Word::Program(token));
        } else if !is_text {
            words.push(Word::Argument(token));
        }
    }
    words
}

/// Words without their quotes, and the signs between commands.
fn tokens(line: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(end), _) if letter == end => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(letter),
            (_, '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => tokens.extend(word.take()),
            (None, ';' | '&' | '|' | '(' | ')' | '\n' | '>' | '<') => {
                tokens.extend(word.take());
                tokens.push(letter.to_string());
            }
            (_, _) => word.get_or_insert_default().push(letter),
        }
    }
    tokens.extend(word);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> Word {
        Word::Program(name.to_owned())
    }

    fn argument(name: &str) -> Word {
        Word::Argument(name.to_owned())
    }

    #[test]
    fn programs_and_arguments_are_told_apart() {
        assert_eq!(
            parse("A=1 python3 -u 'my audit.py' \"$X\" > out.txt && ./run.sh | sort -u"),
            [
                program("python3"),
                argument("my audit.py"),
                program("./run.sh"),
                program("sort")
            ]
        );
        assert_eq!(
            parse("env B=2 nice Rscript fit.R"),
            [
                program("env"),
                program("nice"),
                program("Rscript"),
                argument("fit.R")
            ]
        );
        assert_eq!(
            parse("if test -f x; then ./a; fi"),
            [
                program("if"),
                program("test"),
                argument("x"),
                program("then"),
                program("./a"),
                program("fi")
            ]
        );
    }

    #[test]
    fn what_is_only_printed_is_no_script() {
        let words = parse("echo run.sh > log; sh run.sh | printf '%s' a.sh");
        let expected = [
            program("echo"),
            program("sh"),
            argument("run.sh"),
            program("printf"),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in ["'", "\\", "a'b\"c", ";;;", "> > >", "\"", "a\\"] {
            parse(text);
        }
    }
}
