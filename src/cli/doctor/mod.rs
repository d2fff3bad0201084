//! `pipe doctor`: checks what pipe needs of this machine, each with a remedy. Changes nothing, unless asked to rebuild the index.

mod store;
mod worker;

use std::{io::Write, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use super::{Context, Format, discovery, failure, subject};
use crate::{
    exec::local::fence,
    report::{
        figures,
        style::{BAD, BOLD, DIM, GOOD, WARN, padded, paint, width},
    },
    track::Index,
};

/// What `pipe doctor` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Make the index over the runs (`pipe.db`) anew from their logs
    #[arg(long)]
    rebuild: bool,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What a check found.
pub struct Check {
    name: &'static str,
    state: State,
    text: String,
    remedy: Option<String>,
}

/// How grave it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

impl Check {
    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            text: text.into(),
            remedy: None,
        }
    }

    fn warn(name: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Warn,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn fail(name: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(name, text, remedy)
        }
    }
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Checks everything; exit code 1 where something fails.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut out = context.output();
    if args.rebuild {
        let store = subject::open_store(context)?;
        let runs = Index::rebuild(&store)?;
        if args.format == Format::Json {
            writeln!(out, "{}", json!({"runs": runs}))?;
        } else {
            writeln!(
                out,
                "the index was rebuilt from the logs of {}",
                figures::plural(runs, "run")
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut checks = vec![program()];
    checks.extend(worker::check(&context.worker));
    checks.extend(store::check(
        &discovery::current_store_root(context),
        context,
    ));
    checks.push(sandbox());
    checks.push(memory());
    checks.push(python(context));
    let has_failed = checks.iter().any(|it| it.state == State::Fail);
    if args.format == Format::Json {
        let list: Value = checks
            .iter()
            .map(|it| json!({"check": it.name, "state": it.state.name(), "text": it.text, "remedy": it.remedy}))
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
    } else {
        write!(out, "{}", render(&checks))?;
    }
    Ok(if has_failed {
        ExitCode::from(failure::FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

fn render(checks: &[Check]) -> String {
    let names = checks.iter().map(|it| width(it.name)).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let style = match check.state {
            State::Ok => GOOD,
            State::Warn => WARN,
            State::Fail => BAD,
        };
        let state = paint(style, padded(check.state.name(), 4));
        text.push_str(&format!(
            "{state}  {}  {}\n",
            paint(BOLD, padded(check.name, names)),
            check.text
        ));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!(
                "{}{} {remedy}\n",
                " ".repeat(names + 8),
                paint(DIM, "hint:")
            ));
        }
    }
    let count = |state| checks.iter().filter(|it| it.state == state).count() as u64;
    let last = match (count(State::Fail), count(State::Warn)) {
        (0, 0) => paint(GOOD, "all is well"),
        (0, warnings) => paint(
            WARN,
            format!("works, with {}", figures::plural(warnings, "warning")),
        ),
        (failures, _) => paint(
            BAD,
            format!("{} failed", figures::plural(failures, "check")),
        ),
    };
    format!("{text}\n{last}\n")
}

fn program() -> Check {
    let place = std::env::current_exe()
        .map(|it| it.display().to_string())
        .unwrap_or_default();
    let cores = crate::threads::cores() as u64;
    Check::ok(
        "pipe",
        format!(
            "{} at {place}, {}",
            env!("CARGO_PKG_VERSION"),
            figures::plural(cores, "core")
        ),
    )
}

/// How `resources.memory` is held.
fn memory() -> Check {
    Check::ok(
        "memory",
        "`resources.memory` bounds each process by the kernel; all processes of a command together are looked at a few times a second",
    )
}

/// What `pipe run --sandbox` can hold commands to.
fn sandbox() -> Check {
    if fence::is_supported() {
        Check::ok(
            "sandbox",
            "Landlock keeps commands from what their stages do not declare",
        )
    } else {
        Check::ok(
            "sandbox",
            "this kernel has no Landlock: `pipe run --sandbox` hides undeclared files, and cannot keep them from who knows their whole path",
        )
    }
}

/// Python is for users' own commands; pipe needs none.
fn python(context: &Context) -> Check {
    let paths = context.environment.get(&std::ffi::OsString::from("PATH"));
    let found: Option<PathBuf> = paths
        .iter()
        .flat_map(std::env::split_paths)
        .map(|it| it.join("python3"))
        .find(|it| it.is_file());
    Check::ok(
        "python",
        match found {
            Some(path) => format!(
                "{}, for commands of yours; pipe itself needs none",
                path.display()
            ),
            None => "none, and none is needed".to_owned(),
        },
    )
}
