//! `pipe explain`: what a stage's result depends on, part by part, and what changed since its last result.

use std::{collections::BTreeMap, io::Write, process::ExitCode};

use pipe_schema::{key::KeyParts, run::Reason, text::one_line};
use serde_json::{Value, json};

use super::{
    Context, Format, UserError, outlook,
    project::{self, Overriding},
    run::words,
};
use crate::{
    key::reason,
    report::{
        style::{BAD, BOLD, DIM, GOOD, PLAIN, WARN, paint},
        table::Table,
    },
    schedule::Forecast,
};

/// What `pipe explain` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The spec [default: pipe.yaml in this folder or above it in the project, else that of the last run], then the stage
    #[arg(value_name = "SPEC] [STAGE")]
    words: Vec<String>,
    #[command(flatten)]
    overriding: Overriding,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Explains each instance that is named.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let words = words::tell_apart(&args.words, context)?;
    if words.targets.is_empty() {
        return Err(UserError::usage("no stage is named")
            .hint("`pipe explain fit`, or `pipe status` for all")
            .into());
    }
    let project = project::load(words.spec.as_deref(), &args.overriding, context)?;
    let ids = outlook::ids(&project.plan, &words.targets)?;
    let wish = outlook::Wish {
        targets: words.targets,
        ..outlook::Wish::default()
    };
    let outlook = outlook::of(&project, &wish, context)?;
    let named = outlook.iter().filter(|(id, _)| ids.contains(id));
    let mut out = context.output();
    if args.format == Format::Json {
        let list: Value = named
            .map(|(id, forecast)| {
                let mut json = outlook::to_json(id, forecast);
                json["parts"] = json!(parts(forecast));
                json
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (at, (id, forecast)) in named.enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write!(out, "{}", explain(id, forecast, context))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(id: &str, forecast: &Forecast, context: &Context) -> String {
    let (style, text) = match forecast {
        Forecast::Cached(_) => (
            GOOD,
            "is cached: nothing that it depends on changed".to_owned(),
        ),
        Forecast::Run { reasons, .. } => (WARN, format!("would run: {}", reason::summary(reasons))),
        Forecast::Blocked { on } => (
            DIM,
            format!("is blocked: it depends on {}", outlook::unknown(on)),
        ),
        Forecast::Broken { message, .. } => (BAD, format!("would fail: {}", one_line(message))),
    };
    let mut page = format!("{} {}\n", paint(BOLD, id), paint(style, text));
    if let Forecast::Broken {
        hint: Some(hint), ..
    } = forecast
    {
        page.push_str(&format!("hint: {}\n", one_line(hint)));
    }
    if let Forecast::Cached(record) = forecast
        && !record.observed.differing.is_empty()
    {
        let differing = reason::reproducibility(&record.observed.differing);
        page.push_str(&format!(
            "{}: {differing}\n",
            paint(WARN, "it is not reproducible")
        ));
    }
    if let Forecast::Cached(record) = forecast {
        for note in &record.observed.notes {
            page.push_str(&format!("{} {}\n", paint(WARN, "note:"), one_line(note)));
        }
    }
    let Some(parts) = parts(forecast) else {
        return page;
    };
    page.push('\n');
    page.push_str(&table(parts, forecast).render(context.width));
    page
}

fn parts(forecast: &Forecast) -> Option<&KeyParts> {
    match forecast {
        Forecast::Cached(record) => Some(&record.parts),
        Forecast::Run { parts, .. } => parts.as_deref(),
        Forecast::Blocked { .. } | Forecast::Broken { .. } => None,
    }
}

/// All parts by group; those that changed with their old value.
fn table(parts: &KeyParts, forecast: &Forecast) -> Table {
    let mut changed: BTreeMap<&str, (Option<&Value>, Option<&Value>)> = BTreeMap::new();
    if let Forecast::Run { reasons, .. } = forecast {
        for reason in reasons {
            if let Reason::Changed { part, old, new } = reason {
                changed.insert(part, (old.as_ref(), new.as_ref()));
            }
        }
    }
    let mut table = Table::new(&["part", "value", "in its last result"]);
    let mut leaves = Vec::new();
    flatten("", &json!(parts), &mut leaves);
    let text = |value: Option<&Value>| value.map_or("not set".to_owned(), reason::value_text);
    for (path, value) in &leaves {
        match changed.remove(path.as_str()) {
            Some((old, _)) => table.styled([
                (WARN, reason::part_name(path)),
                (WARN, text(Some(value))),
                (WARN, format!("{}  (changed)", text(old))),
            ]),
            None => table.styled([
                (DIM, reason::part_name(path)),
                (PLAIN, text(Some(value))),
                (PLAIN, String::new()),
            ]),
        }
    }
    // What is gone, and changes of values that are listed leaf by leaf.
    for (path, (old, new)) in changed {
        table.styled([
            (WARN, reason::part_name(path)),
            (WARN, text(new)),
            (WARN, format!("{}  (changed)", text(old))),
        ]);
    }
    table
}

/// Every value that is not a map or a list of maps, under its path with dots.
fn flatten(path: &str, value: &Value, leaves: &mut Vec<(String, Value)>) {
    let joined = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                flatten(&joined(name), value, leaves);
            }
        }
        Value::Array(list) if list.iter().any(|it| it.is_object() || it.is_array()) => {
            for (at, value) in list.iter().enumerate() {
                flatten(&joined(&at.to_string()), value, leaves);
            }
        }
        // What is empty says nothing.
        Value::Null | Value::Object(_) => {}
        _ => leaves.push((path.to_owned(), value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_listed_leaf_by_leaf() {
        let mut leaves = Vec::new();
        let value = json!({"config": {"a": 1, "list": [1, 2], "maps": [{"b": 2}], "none": null}});
        flatten("", &value, &mut leaves);
        let paths: Vec<&str> = leaves.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(paths, ["config.a", "config.list", "config.maps.0.b"]);
    }
}
