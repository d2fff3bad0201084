//! `pipe verify --sources`: reads all sources of a spec again. One that was written through a memory map, or rotted, has the
//! times that it had before, and another content.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use crate::{
    cli::{
        Context, Format,
        context::Verbosity,
        failure,
        project::{self, Overriding},
        subject,
    },
    report::{
        figures,
        style::{BAD, GOOD, HINT, WARN, paint},
    },
    schedule,
    store::PathDigest,
};

/// Reads them; exit code 1 where one changed unseen.
pub fn run(spec: Option<&Path>, format: Format, context: &Context) -> anyhow::Result<ExitCode> {
    let project = project::load(spec, &Overriding::default(), context)?;
    let store = subject::open_store(context)?;
    let mut files: BTreeMap<PathBuf, BTreeSet<&str>> = BTreeMap::new();
    for stage in project.plan.stages.values() {
        for path in schedule::source_paths(stage, &store, &project.folder) {
            files.entry(path).or_default().insert(&stage.id);
        }
    }
    let mut bytes = 0;
    let mut changed: Vec<(PathDigest, BTreeSet<&str>)> = Vec::new();
    let mut read = 0;
    for (path, stages) in files {
        let known = match store.digest_path(&path) {
            Ok(known) => known,
            // It is made by a stage, or `pipe run` says that it is not there.
            Err(error) if error.is_missing() => continue,
            Err(error) => return Err(error.into()),
        };
        read += 1;
        bytes += known.bytes;
        if store.inspect_source(&known)? {
            changed.push((known, stages));
        }
    }
    let revoked = store.take_revoked();
    let mut out = context.output();
    if format == Format::Json {
        let changed: Vec<_> = (changed.iter())
            .map(|(file, stages)| json!({"path": file.path, "stages": stages}))
            .collect();
        let revoked: Vec<_> = (revoked.iter())
            .map(|it| json!({"stage": it.stage, "key": it.key, "because": it.because}))
            .collect();
        let all =
            json!({"sources": read, "bytes": bytes, "changed": changed, "taken_back": revoked});
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        for (file, stages) in &changed {
            let stages: Vec<&str> = stages.iter().copied().collect();
            writeln!(
                out,
                "{}  {} (read by {}): its content is not what was read, and its times are",
                paint(BAD, "changed"),
                context.display(&file.path),
                stages.join(", "),
            )?;
        }
        for revoked in &revoked {
            let word = paint(WARN, "taken back");
            writeln!(out, "{word}  {}: {}", revoked.stage, revoked.because)?;
        }
        if context.verbosity > Verbosity::Quiet {
            let count = figures::plural(read, "source");
            let read = format!("{count} ({})", figures::bytes(bytes));
            if changed.is_empty() {
                writeln!(out, "{}  {read}", paint(GOOD, "as read"))?;
            } else {
                let hint = paint(HINT, "hint:");
                writeln!(out, "{} of {read} changed unseen", changed.len())?;
                writeln!(
                    out,
                    "{hint} `pipe run` sees them now; `cache: {{sources: hash}}` reads a stage's sources in each run"
                )?;
            }
        }
    }
    Ok(if changed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(failure::FAILED)
    })
}
