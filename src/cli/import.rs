//! `pipe import`: writes a spec from a DVC pipeline, and says what it could not carry over. Runs nothing.

use std::{
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use pipe_schema::text::one_line;

use super::{
    Context, UserError, backup,
    context::Verbosity,
    discovery,
    failure::{self, InvalidSpec},
    project,
};
use crate::{
    bounded,
    import::{self, Imported, Note, Weight, Workspace},
    plan::Overrides,
    report::{
        figures,
        style::{BOLD, HINT, WARN, paint},
    },
};

/// What `pipe import` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The dvc.yaml, or several of one project [default: dvc.yaml in this folder]
    files: Vec<PathBuf>,
    /// Where the spec is written; `-` is standard output [default: pipe.yaml beside the first dvc.yaml]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a spec that is there; it is kept under a new name beside it
    #[arg(long)]
    force: bool,
}

/// Writes the spec, then the notes.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let files = files(&args, context)?;
    let is_printed = args.output.as_deref() == Some(Path::new("-"));
    let output = match &args.output {
        Some(path) if !is_printed => context.folder.join(path),
        _ => files[0].with_file_name("pipe.yaml"),
    };
    if !is_printed && output.exists() && !args.force {
        return Err(
            UserError::usage(format!("{} is there already", context.display(&output)))
                .hint("write elsewhere with `-o FILE`, or replace it with `--force`")
                .into(),
        );
    }
    let folder = output.parent().unwrap_or(&context.folder);
    let folder = folder
        .canonicalize()
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let workspace = Folder {
        root: discovery::project_root(&folder),
        folder,
    };
    let paths: Vec<String> = files
        .iter()
        .map(|it| workspace.relative(it))
        .collect::<Result<_, _>>()?;
    let name = workspace.folder.file_name().and_then(|it| it.to_str());
    let imported = match import::from_dvc(&paths, name.unwrap_or("pipeline"), &workspace) {
        Ok(imported) => imported,
        Err(found) => {
            failure::write_error(found.render(context.color_error).trim_end(), context);
            let errors = figures::plural(found.n_errors() as u64, "error");
            return Err(
                UserError::usage(format!("{errors} in the pipeline; no spec was written")).into(),
            );
        }
    };
    if is_printed {
        write!(context.data_output(), "{}", imported.text)?;
        tell(&imported.notes, context);
        return Ok(ExitCode::SUCCESS);
    }
    let kept = backup::replace(&output, || {
        fs::write(&output, &imported.text)
            .with_context(|| format!("cannot write {}", output.display()))
    })?;
    if let Some(kept) = kept {
        let kept = context.display(&kept);
        writeln!(context.output(), "what was there is {kept} now")?;
    }
    tell(&imported.notes, context);
    finish(&imported, &output, &workspace.folder, context)
}

/// Checks what was written, and says what to type next.
fn finish(
    imported: &Imported,
    output: &Path,
    folder: &Path,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let shown = context.display(output);
    let mut out = context.output();
    if context.verbosity > Verbosity::Quiet {
        let stages = figures::plural(imported.n_stages as u64, "stage");
        writeln!(out, "wrote {shown}: {stages}")?;
    }
    match project::resolve(output, folder, &Overrides::default(), context) {
        Ok(_) => {}
        Err(error) => {
            let InvalidSpec(found) = error.downcast::<InvalidSpec>()?;
            failure::write_error(found.render(context.color_error).trim_end(), context);
            return Err(UserError::failed(format!(
                "{shown} is written, and does not pass `pipe check` yet"
            ))
            .hint("bring what is missing, or change the spec")
            .into());
        }
    }
    if context.verbosity > Verbosity::Quiet {
        let spec = match shown.as_str() {
            "pipe.yaml" => String::new(),
            _ => format!(" {shown}"),
        };
        let why = if imported.has_outs {
            "  (outs that DVC left and that come out otherwise are kept in quarantine)"
        } else {
            ""
        };
        writeln!(
            out,
            "{} {}{why}",
            paint(HINT, "next:"),
            paint(BOLD, format!("pipe run{spec}"))
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The files that are meant, absolute.
fn files(args: &Args, context: &Context) -> Result<Vec<PathBuf>, UserError> {
    let given = match args.files.as_slice() {
        [] => &[PathBuf::from(".")],
        given => given,
    };
    given
        .iter()
        .map(|given| {
            let path = context.folder.join(given);
            let path = if path.is_dir() {
                path.join("dvc.yaml")
            } else {
                path
            };
            if path.is_file() {
                return path.canonicalize().map_err(|error| {
                    UserError::failed(format!("cannot read {}: {error}", path.display()))
                });
            }
            let shown = context.display(&path.components().collect::<PathBuf>());
            Err(UserError::usage(format!("there is no {shown}"))
                .hint("name the dvc.yaml, as in `pipe import path/to/dvc.yaml`"))
        })
        .collect()
}

/// Prints the notes to standard error: those first that need a hand.
fn tell(notes: &[Note], context: &Context) {
    for (weight, title, style) in [
        (Weight::Lost, "not carried over, or to look at:", WARN),
        (Weight::Changed, "said otherwise:", HINT),
    ] {
        let is_wanted = match weight {
            Weight::Lost => true,
            Weight::Changed => context.verbosity > Verbosity::Quiet,
        };
        let some: Vec<&Note> = notes.iter().filter(|it| it.weight == weight).collect();
        if some.is_empty() || !is_wanted {
            continue;
        }
        let mut text = paint(style, title);
        for note in some {
            text.push_str(&format!(
                "\n  {}:{}  {}",
                one_line(&note.path),
                note.line,
                one_line(&note.what)
            ));
            if !note.remedy.is_empty() {
                text.push_str(&format!("\n      → {}", one_line(&note.remedy)));
            }
        }
        failure::write_error(&format!("{text}\n"), context);
    }
}

/// The folder that the spec is written to.
struct Folder {
    folder: PathBuf,
    root: PathBuf,
}

impl Folder {
    /// A file's path as the spec names it.
    fn relative(&self, file: &Path) -> Result<String, UserError> {
        let pairs = file.components().zip(self.folder.components());
        let shared = pairs.take_while(|(a, b)| a == b).count();
        let up = self.folder.components().count() - shared;
        let down = file
            .components()
            .skip(shared)
            .map(|it| it.as_os_str().to_owned());
        let names: Vec<OsString> = std::iter::repeat_n("..".into(), up).chain(down).collect();
        let texts: Option<Vec<&str>> = names.iter().map(|it| it.to_str()).collect();
        if up > self.levels_up() {
            return Err(UserError::usage(format!(
                "{} lies outside of the spec's project {}",
                file.display(),
                self.root.display()
            ))
            .hint("write the spec beside it, with `-o`"));
        }
        texts.map(|it| it.join("/")).ok_or_else(|| {
            UserError::usage(format!(
                "the path {} is not UTF-8: a spec cannot name it",
                file.display()
            ))
        })
    }
}

impl Workspace for Folder {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        match bounded::read_to_string(&self.folder.join(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn exists(&self, path: &str) -> bool {
        self.folder.join(path).exists()
    }

    fn levels_up(&self) -> usize {
        let below = self.folder.strip_prefix(&self.root);
        below.map_or(0, |it| it.components().count())
    }
}
