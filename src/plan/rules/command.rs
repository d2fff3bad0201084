//! Rules of command blocks. Knows what is declared, not what the program does.

use pipe_schema::stage::{ArtifactType, Command};

use super::Rules;
use crate::plan::Input;

pub fn check(block: &Command, inputs: &[Input], rules: &mut Rules<'_>) {
    if block.cmd.0.iter().all(|it| it.trim().is_empty()) {
        rules.say(&["cmd"], "`cmd` must not be empty", "nothing to run", "");
    }
    for (name, output) in &block.outputs {
        match (&output.format, output.r#type) {
            (Some(format), ArtifactType::Model) if format != "torchscript" => {
                rules.say(
                    &["outputs", name, "format"],
                    format!("unknown format of a model: `{format}`"),
                    "not known",
                    "legal here: `torchscript`",
                );
            }
            (Some(_), of) if of != ArtifactType::Model => {
                let title = format!(
                    "`format` belongs to a model, and `{name}` is of type {}",
                    of.name()
                );
                rules.say(
                    &["outputs", name, "format"],
                    title,
                    "not expected here",
                    "remove it",
                );
            }
            _ => {}
        }
    }
    for (name, input) in &block.inputs {
        let role = format!("inputs/{name}");
        let wired = inputs.iter().find(|it| it.role == role);
        let is_part = wired.is_none_or(|it| it.part.is_some());
        if input.r#as.is_some() && !is_part {
            rules.say(
                &["inputs", name, "as"],
                "`as` takes a part of a dataset",
                format!("`{}` is none", input.from),
                "name a part: `from: stage.test`",
            );
        }
    }
}
