//! `pipe init`: looks at a table and writes a first spec for it, or writes the digits and their spec.
//! Knows what tables need; runs nothing.

mod digits;
mod draft;
mod survey;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fs,
    io::Write,
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use pipe_data::regular;

use self::survey::Survey;
use super::{Context, UserError, backup, discovery, failure, quote};
use crate::{
    report::style::{BOLD, HINT, WARN, paint},
    store::Store,
};

/// Where the schema for editors lies, seen from the spec's folder.
const SCHEMA: &str = ".pipe/spec.schema.json";

/// What `pipe init` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Your table: CSV or JSON Lines, plain or gzip, or parquet. Without one, the digits of scikit-learn and a spec for them are written
    table: Option<PathBuf>,
    /// The column to predict
    #[arg(
        short,
        long,
        value_name = "COLUMN",
        requires = "table",
        allow_hyphen_values = true
    )]
    target: Option<String>,
    /// Where the spec is written; `-` is standard output, and nothing else is written then
    #[arg(short, long, value_name = "FILE", default_value = "pipe.yaml")]
    output: PathBuf,
    /// Replace files that are there; each is kept under a new name beside it
    #[arg(long)]
    force: bool,
}

/// A file to write, and what is in it.
struct Draft {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Whether it is the user's to change, so that it is not overwritten unasked.
    is_users: bool,
}

/// Writes the spec, and says what to type next.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    if args.output == Path::new("-") {
        return print_spec(&args, context);
    }
    let output = context.folder.join(&args.output);
    let folder = output.parent().unwrap_or(&context.folder).to_owned();
    let schema_line = format!("# yaml-language-server: $schema={SCHEMA}\n");
    let mut drafts = vec![editor_schema(&folder)?];
    match &args.table {
        None => {
            refuse_taken(&output, &args, context)?;
            drafts.push(digits::table(&folder));
            drafts.push(Draft {
                path: output.clone(),
                bytes: format!("{schema_line}{}", digits::SPEC).into_bytes(),
                is_users: true,
            });
        }
        Some(table) => {
            let survey = Survey::of(table, &context.display(table))?;
            write!(
                context.output(),
                "{}",
                survey.render(args.target.as_deref(), context.width)
            )?;
            let Some(target) = &args.target else {
                return Err(survey.no_target(&shown_command(table)).into());
            };
            refuse_taken(&output, &args, context)?;
            let source = relative(&context.folder.join(table), &folder)?;
            let (text, notes) = draft::spec(&survey, target, &source)?;
            let mut out = context.output();
            for note in notes {
                writeln!(out, "{} {note}", paint(WARN, "note:"))?;
            }
            writeln!(out)?;
            drafts.push(Draft {
                path: output.clone(),
                bytes: format!("{schema_line}{text}").into_bytes(),
                is_users: true,
            });
        }
    }
    write_all(&drafts, &args, context)?;
    let mut out = context.output();
    for draft in drafts.iter().rev() {
        writeln!(out, "wrote {}", context.display(&draft.path))?;
    }
    let spec = match args.output.to_str() {
        Some("pipe.yaml") => String::new(),
        _ => format!(" {}", quote::shell(&args.output.display().to_string())),
    };
    writeln!(
        out,
        "{} {}",
        paint(HINT, "next:"),
        paint(BOLD, format!("pipe run{spec}"))
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the spec alone to standard output, and what is told of it to standard error.
fn print_spec(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let text = match (&args.table, &args.target) {
        (None, _) => digits::SPEC.to_owned(),
        (Some(table), target) => {
            let survey = Survey::of(table, &context.display(table))?;
            let Some(target) = target else {
                return Err(survey.no_target(&shown_command(table)).into());
            };
            let source = relative(&context.folder.join(table), &context.folder)?;
            let (text, notes) = draft::spec(&survey, target, &source)?;
            for note in notes {
                failure::write_error(&format!("{} {note}", paint(WARN, "note:")), context);
            }
            text
        }
    };
    write!(context.data_output(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn refuse_taken(path: &Path, args: &Args, context: &Context) -> Result<(), UserError> {
    if args.force || !path.exists() {
        return Ok(());
    }
    Err(
        UserError::usage(format!("{} is there already", context.display(path)))
            .hint("write elsewhere with `-o FILE`, or replace it with `--force`"),
    )
}

fn write_all(drafts: &[Draft], args: &Args, context: &Context) -> anyhow::Result<()> {
    for draft in drafts.iter().filter(|it| it.is_users) {
        let is_same = regular::read(&draft.path).is_ok_and(|it| it == draft.bytes);
        if !is_same {
            refuse_taken(&draft.path, args, context)?;
        }
    }
    for draft in drafts {
        if let Some(folder) = draft.path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let write = || {
            fs::write(&draft.path, &draft.bytes)
                .with_context(|| format!("cannot write {}", draft.path.display()))
        };
        let is_same = regular::read(&draft.path).is_ok_and(|it| it == draft.bytes);
        if is_same || !draft.is_users {
            write()?;
        } else if let Some(kept) = backup::replace(&draft.path, write)? {
            let kept = context.display(&kept);
            writeln!(context.output(), "what was there is {kept} now")?;
        }
    }
    Ok(())
}

/// The schema that an editor checks the spec against while it is typed; it needs no network.
fn editor_schema(folder: &Path) -> anyhow::Result<Draft> {
    let mut text = serde_json::to_string_pretty(&crate::plan::schema::json_schema())?;
    text.push('\n');
    Ok(Draft {
        path: folder.join(SCHEMA),
        bytes: text.into_bytes(),
        is_users: false,
    })
}

fn shown_command(table: &Path) -> String {
    let path = table.display().to_string();
    // A name that looks like an option.
    let lead = if path.starts_with('-') { "./" } else { "" };
    format!("pipe init {}", quote::shell(&format!("{lead}{path}")))
}

/// The table's path as the spec names it: relative to the spec's folder, with `/`, inside the project.
fn relative(table: &Path, folder: &Path) -> Result<String, UserError> {
    let words = |path: &Path| clean(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let (table_words, folder_words) = (words(table), words(folder));
    let levels = project_levels(&folder_words);
    let by_words = steps(&table_words, &folder_words, levels);
    // A path through a link may be inside although its words are not.
    let real = |path: &Path| {
        let there = existing(path);
        Some(
            there
                .canonicalize()
                .ok()?
                .join(path.strip_prefix(there).ok()?),
        )
    };
    let found = by_words.or_else(|| {
        let beside = real(table.parent()?)?.join(table.file_name()?);
        steps(&beside, &real(folder)?, levels)
    });
    let Some(names) = found else {
        return Err(UserError::usage(format!(
            "the table {} lies outside of the spec's project",
            table.display()
        ))
        .hint(format!(
            "write the spec beside it: `-o {}`, or copy the table into {}",
            quote::shell(&table.with_file_name("pipe.yaml").display().to_string()),
            folder.display()
        )));
    };
    let texts: Option<Vec<String>> = names
        .iter()
        .map(|it| it.to_str().map(glob::Pattern::escape))
        .collect();
    let texts = texts.ok_or_else(|| {
        UserError::usage(format!(
            "the path {} is not UTF-8: a spec cannot name it",
            table.display()
        ))
    })?;
    Ok(texts.join("/"))
}

/// The names on the way from a folder to a file, at most `levels` of them up.
fn steps(file: &Path, folder: &Path, levels: usize) -> Option<Vec<OsString>> {
    let both = file.components().zip(folder.components());
    let shared = both.take_while(|(a, b)| a == b).count();
    let up = folder.components().count() - shared;
    let down = file.components().skip(shared);
    (up <= levels).then(|| {
        std::iter::repeat_n("..".into(), up)
            .chain(down.map(|it| it.as_os_str().to_owned()))
            .collect()
    })
}

/// How many folders the spec's folder, which need not be there yet, lies below that of its project.
fn project_levels(folder: &Path) -> usize {
    let depth = |path: &Path| path.components().count();
    let existing = existing(folder);
    let root = discovery::project_root(existing);
    let is_project = root.join(".git").exists() || Store::is_at(&root.join(discovery::STORE_NAME));
    let real = existing
        .canonicalize()
        .unwrap_or_else(|_| existing.to_owned());
    if is_project {
        depth(folder) - depth(existing) + depth(&real).saturating_sub(depth(&root))
    } else {
        0
    }
}

fn existing(folder: &Path) -> &Path {
    folder.ancestors().find(|it| it.is_dir()).unwrap_or(folder)
}

/// Without `.` and `..`, as far as can be told from the words.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            _ => cleaned.push(part),
        }
    }
    cleaned
}
