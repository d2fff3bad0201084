//! `pipe check`: finds every error in a spec without running anything.

use std::{io::Write, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use super::{
    Context, Format,
    failure::{self, InvalidSpec},
    project::{self, Overriding},
};

/// What `pipe check` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The spec [default: pipe.yaml in this folder or above it in the project, else that of the last run]
    spec: Option<PathBuf>,
    #[command(flatten)]
    overriding: Overriding,
    /// For people, or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Says `ok`, or all that is wrong.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut out = context.output();
    if let Format::Json = args.format {
        let spec = project::find_spec(args.spec.as_deref(), context)?;
        let folder = project::folder_of(&spec, context)?;
        let overrides = args.overriding.overrides()?;
        let (report, code) = match project::resolve(&spec, &folder, &overrides, context) {
            Ok(found) => (
                report(found.plan.stages.len(), &found.warnings.to_json(), true),
                ExitCode::SUCCESS,
            ),
            Err(error) => match error.downcast::<InvalidSpec>() {
                Ok(InvalidSpec(found)) => (
                    report(0, &found.to_json(), false),
                    ExitCode::from(failure::USAGE),
                ),
                Err(error) => return Err(error),
            },
        };
        writeln!(out, "{report:#}")?;
        return Ok(code);
    }
    let project = project::load(args.spec.as_deref(), &args.overriding, context)?;
    let n = project.plan.stages.len();
    writeln!(out, "ok: {n} stage{}", if n == 1 { "" } else { "s" })?;
    Ok(ExitCode::SUCCESS)
}

fn report(n_stages: usize, diagnostics: &Value, is_ok: bool) -> Value {
    json!({"ok": is_ok, "stages": n_stages, "diagnostics": diagnostics})
}
