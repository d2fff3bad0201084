//! What a command may know of the process: terminal, environment, folders. The only reader of the environment.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pipe_schema::text::one_line;

use super::{
    Globals, UserError,
    output::{Delivery, Output},
};

/// Columns assumed where there is no terminal.
const DEFAULT_WIDTH: usize = 80;

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// The process as commands see it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whether standard output takes colour.
    pub color: bool,
    /// Whether standard error takes colour.
    pub color_error: bool,
    /// Whether a person watches standard output: a terminal, not in CI.
    pub is_terminal: bool,
    /// Columns of the terminal.
    pub width: usize,
    pub verbosity: Verbosity,
    /// `--store` or `PIPE_STORE`, where given.
    pub store: Option<PathBuf>,
    /// The worker's program: `PIPE_WORKER`, else beside this program, else in `../lib/pipe`.
    pub worker: PathBuf,
    /// The folder in which the command works.
    pub folder: PathBuf,
    /// The process environment, for what stages ask to be passed.
    pub environment: BTreeMap<OsString, OsString>,
    /// What became of what was written to standard output.
    pub delivery: Delivery,
}

impl Context {
    /// Reads the process, and goes to the folder given with `-C`.
    pub fn new(globals: &Globals) -> anyhow::Result<Self> {
        if let Some(folder) = &globals.directory {
            std::env::set_current_dir(folder).map_err(|error| {
                UserError::usage(format!("cannot work in {}: {error}", folder.display()))
            })?;
        }
        let mut environment: BTreeMap<_, _> = std::env::vars_os().collect();
        make_callable(&mut environment);
        let is_set = |name: &str| {
            environment
                .get(&OsString::from(name))
                .is_some_and(|it| !it.is_empty())
        };
        let takes_color = |is_terminal: bool| match globals.color {
            When::Always => true,
            When::Never => false,
            When::Auto if is_set("NO_COLOR") => false,
            When::Auto if is_set("CLICOLOR_FORCE") && !is(&environment, "CLICOLOR_FORCE", "0") => {
                true
            }
            When::Auto => {
                is_terminal
                    && !is(&environment, "TERM", "dumb")
                    && !is(&environment, "CLICOLOR", "0")
            }
        };
        let out = io::stdout().is_terminal();
        Ok(Self {
            color: takes_color(out),
            color_error: takes_color(io::stderr().is_terminal()),
            is_terminal: out && !is_set("CI") && !is(&environment, "TERM", "dumb"),
            width: terminal_width(),
            verbosity: match (globals.quiet, globals.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
            store: globals.store.clone(),
            worker: worker(&environment),
            folder: std::env::current_dir().context("cannot tell the current folder")?,
            environment,
            delivery: Delivery::default(),
        })
    }

    /// What errors are printed with before anything is known.
    pub fn plain() -> Self {
        Self {
            color: false,
            color_error: false,
            is_terminal: false,
            width: DEFAULT_WIDTH,
            verbosity: Verbosity::Normal,
            store: None,
            worker: PathBuf::new(),
            folder: PathBuf::new(),
            environment: BTreeMap::new(),
            delivery: Delivery::default(),
        }
    }

    /// The store, where it is named on the command line and so must be named again.
    pub fn typed_store(&self) -> Option<&Path> {
        let given = self.environment.get(&OsString::from("PIPE_STORE"));
        let store = self.store.as_deref()?;
        (given.map(Path::new) != Some(store)).then_some(store)
    }

    /// Standard output, for text and JSON. Write with `writeln!(out, …)?`, never `println!`: a reader may close it
    /// (`pipe plan | head`).
    pub fn output(&self) -> Output {
        Output::of_text(self.color, self.delivery.clone())
    }

    /// Standard output, for what programs read byte by byte.
    pub fn data_output(&self) -> Output {
        Output::of_data(self.delivery.clone())
    }

    /// A path as people would write it: relative where it lies below the current folder, and on one line.
    pub fn display(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.folder).unwrap_or(path);
        if relative.as_os_str().is_empty() {
            ".".to_owned()
        } else {
            one_line(&relative.to_string_lossy()).into_owned()
        }
    }
}

fn is(environment: &BTreeMap<OsString, OsString>, name: &str, value: &str) -> bool {
    environment
        .get(&OsString::from(name))
        .is_some_and(|it| it == value)
}

/// Columns of the terminal, now.
pub fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|it| usize::from(it.ws_col))
        .filter(|&it| it > 0)
        .unwrap_or(DEFAULT_WIDTH)
}

/// Commands may call `pipe`, from wherever it was started: where PATH has none, its folder comes last.
fn make_callable(environment: &mut BTreeMap<OsString, OsString>) {
    let name = OsString::from("PATH");
    let path = environment.get(&name).cloned().unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let own = std::env::current_exe().and_then(|it| it.canonicalize());
    let Some(own) = own
        .ok()
        .filter(|it| it.file_name() == Some("pipe".as_ref()))
    else {
        return;
    };
    if folders.iter().any(|it| it.join("pipe").is_file()) {
        return;
    }
    folders.extend(own.parent().map(Path::to_owned));
    if let Ok(path) = std::env::join_paths(folders) {
        environment.insert(name, path);
    }
}

fn worker(environment: &BTreeMap<OsString, OsString>) -> PathBuf {
    const NAME: &str = "pipe-worker";
    if let Some(path) = environment
        .get(&OsString::from("PIPE_WORKER"))
        .filter(|it| !it.is_empty())
    {
        return PathBuf::from(path);
    }
    let program = std::env::current_exe()
        .and_then(|it| it.canonicalize())
        .unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new(""));
    let beside = folder.join(NAME);
    let library = folder.join("../lib/pipe").join(NAME);
    if !beside.exists() && library.exists() {
        library
    } else {
        beside
    }
}
