//! `pipe plan`: shows the stages as resolved, as a table with their networks, a drawing or data.

mod datasets;
mod networks;

use std::{collections::HashMap, fmt::Write as _, io::Write, path::PathBuf, process::ExitCode};

use indexmap::IndexSet;
use pipe_plot::escape;
use pipe_schema::{remote::without_credentials, text::one_line};
use serde_json::Value;

use super::{
    Context,
    project::{self, Overriding},
};
use crate::plan::{Group, Plan, stage_name};

/// What `pipe plan` takes.
#[derive(clap::Args)]
pub struct Args {
    /// The spec [default: pipe.yaml in this folder or above it in the project, else that of the last run]
    spec: Option<PathBuf>,
    #[command(flatten)]
    overriding: Overriding,
    /// A table, a drawing for mermaid or graphviz, or the whole plan as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Shape,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Shape {
    Text,
    Mermaid,
    Dot,
    Json,
}

/// Resolves the spec and shows it.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let project = project::load(args.spec.as_deref(), &args.overriding, context)?;
    let plan = &project.plan;
    let text = match args.format {
        Shape::Text => {
            plan.outline()
                + &memory(plan)
                + &datasets::text(&project, context)?
                + &networks::text(&project, context)?
        }
        Shape::Mermaid => mermaid(plan),
        Shape::Dot => dot(plan),
        Shape::Json => {
            let mut json = serde_json::to_value(plan)?;
            hide_credentials(&mut json);
            json["networks"] = networks::content(&project, context)?.into();
            json["datasets"] = datasets::content(&project, context)?.into();
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    write!(context.output(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// Takes keys and passwords out of all addresses.
fn hide_credentials(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_credentials(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(hide_credentials),
        Value::Object(entries) => entries.values_mut().for_each(hide_credentials),
        _ => {}
    }
}

/// The bounds of stages' memory, and who holds them.
fn memory(plan: &Plan) -> String {
    let mut text = String::new();
    for group in plan.groups() {
        let bounds = group.instances.iter();
        let Some(most) = bounds.filter_map(|it| it.control.resources.memory).max() else {
            continue;
        };
        let how = match group.kind() {
            "command" => {
                "each process is held to it by the kernel; all of them together are looked at a few times a second"
            }
            _ => "its process is held to it by the kernel",
        };
        let name = group.name;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\nmemory of {name}: at most {most}; {how}");
    }
    text
}

/// An arrow of a drawing: from, to, what is read, whether it is order only.
#[derive(PartialEq, Eq, Hash)]
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    label: &'a str,
    is_order: bool,
}

/// The arrows between stages by name: instances are not drawn one by one.
fn arrows(plan: &Plan) -> IndexSet<Arrow<'_>> {
    let mut arrows = IndexSet::new();
    for stage in plan.stages.values() {
        for input in &stage.inputs {
            let words = [&input.part, &input.metric, &input.file];
            arrows.insert(Arrow {
                from: stage_name(&input.stage),
                to: &stage.name,
                label: words.into_iter().flatten().next().map_or("", |it| it),
                is_order: false,
            });
        }
        for before in &stage.after {
            arrows.insert(Arrow {
                from: stage_name(before),
                to: &stage.name,
                label: "",
                is_order: true,
            });
        }
    }
    arrows
}

fn title(group: &Group<'_>, separator: &str) -> String {
    let times = match group.instances.len() {
        1 => String::new(),
        n => format!(" ×{n}"),
    };
    format!("{}{times}{separator}{}", group.name, group.kind())
}

fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart TD\n".to_owned();
    let groups = plan.groups();
    let mut places = HashMap::new();
    for (i, group) in groups.iter().enumerate() {
        places.insert(group.name, i);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    s{i}[\"{}\"]", title(group, "<br/>"));
    }
    for arrow in arrows(plan) {
        let line = match (arrow.is_order, arrow.label) {
            (true, _) => "-.->".to_owned(),
            (false, "") => "-->".to_owned(),
            (false, label) => format!("-->|\"{}\"|", escape(label)),
        };
        let (from, to) = (places[arrow.from], places[arrow.to]);
        let _ = writeln!(text, "    s{from} {line} s{to}");
    }
    text
}

fn dot(plan: &Plan) -> String {
    let mut text = "digraph plan {\n    node [shape=box]\n".to_owned();
    for group in plan.groups() {
        let _ = writeln!(
            text,
            "    \"{}\" [label=\"{}\"]",
            group.name,
            title(&group, "\\n")
        );
    }
    for arrow in arrows(plan) {
        let style = if arrow.is_order { " style=dashed" } else { "" };
        let Arrow { from, to, .. } = arrow;
        let label = one_line(arrow.label)
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        let _ = writeln!(
            text,
            "    \"{from}\" -> \"{to}\" [label=\"{label}\"{style}]"
        );
    }
    text.push_str("}\n");
    text
}
