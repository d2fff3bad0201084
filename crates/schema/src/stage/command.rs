//! The `command` block: any program as a stage.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ArtifactType,
    shell::{Shell, is_one_program},
};
use crate::{
    reference::{PathOrStage, Reference},
    scalar::OneOrMany,
};

/// Runs a program. It sees the inputs, outputs and environment that are declared, and nothing else is promised to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The command, run in `wdir` by `bash -euo pipefail -c`, or by `sh -eu -c` where there is no bash: a line, a part of a
    /// pipeline or an unset variable that fails ends it. Each item of a list is run by a shell of its own, until one fails.
    /// `${inputs.x}` and `${outputs.y}` stand for paths; `${var}` for values. Each is quoted as one word, a list as several.
    pub cmd: OneOrMany<String>,
    /// `true`: values of vars and axes become part of the shell's text as they are, unquoted. Only for values that you trust.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raw: bool,
    /// The shell: `bash` (`bash -euo pipefail`; it must be there), `sh` (`sh -eu`), or `plain_sh` (`sh`: only the exit code of the
    /// last command counts, as in DVC). Default: `bash`, or `sh` where there is no bash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Shell>,
    /// Other stages' outputs, by the name they have in `cmd`.
    #[serde(default)]
    pub inputs: IndexMap<String, CommandInput>,
    /// What it makes, by the name it has in `cmd`. pipe chooses the paths.
    #[serde(default)]
    pub outputs: IndexMap<String, CommandOutput>,
    /// Files and folders of the project that it reads, relative to the spec's folder.
    #[serde(default)]
    pub deps: Vec<PathOrStage>,
    /// Files and folders of the project that it writes, relative to the spec's folder; restored from the store on a hit.
    #[serde(default)]
    pub outs: Vec<String>,
    /// Those of its files that hold metrics as JSON; they are outputs too.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// Where it runs, relative to the spec's folder. Paths in `deps`, `outs` and `metrics` are then relative to it, as in DVC.
    #[serde(default)]
    pub wdir: Option<String>,
    /// Programs whose `--version` output is part of what makes it stale, e.g. `[python3]`. Programs that lie in the project are
    /// compared by their bytes instead.
    #[serde(default)]
    pub tools: Vec<String>,
}

impl Command {
    /// Whether it makes a difference which shell runs the command, and with which options.
    pub fn depends_on_shell(&self) -> bool {
        let is_one_program = || self.cmd.0.iter().all(|line| is_one_program(line));
        self.shell != Some(Shell::PlainSh) && !is_one_program()
    }
}

/// An input of a command: a reference, or `{from: stage.part, as: csv}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandInput {
    /// Whose output it reads.
    pub from: Reference,
    /// The form in which it gets it. Default: as the store holds it.
    pub r#as: Option<InputForm>,
}

/// A form in which a command may get a dataset's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputForm {
    /// A CSV file: row id, features after preprocessing, target.
    Csv,
}

impl InputForm {
    /// The file in this form that a worker makes of a part, in its output folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "rows.csv",
        }
    }
}

/// An output of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommandOutput {
    /// What it is: `files`, `report` (flat JSON), `model`, `dataset` or `package`.
    pub r#type: ArtifactType,
    /// For a model: `torchscript`.
    pub format: Option<String>,
}

mod input_notation {
    use std::{borrow::Cow, fmt};

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::{CommandInput, InputForm, Reference};

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Long {
        /// The stage, or the part of it, that is read.
        from: Reference,
        /// The form in which a part of a dataset is given. Default: as the store holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#as: Option<InputForm>,
    }

    impl Serialize for CommandInput {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Long {
                from: self.from.clone(),
                r#as: self.r#as,
            }
            .serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for CommandInput {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Either;
            impl<'de> de::Visitor<'de> for Either {
                type Value = CommandInput;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a stage, or `{from: stage.part, as: csv}`")
                }
                fn visit_str<E: de::Error>(self, text: &str) -> Result<CommandInput, E> {
                    Ok(CommandInput {
                        from: text.parse().map_err(E::custom)?,
                        r#as: None,
                    })
                }
                fn visit_map<A: de::MapAccess<'de>>(
                    self,
                    map: A,
                ) -> Result<CommandInput, A::Error> {
                    let long = Long::deserialize(de::value::MapAccessDeserializer::new(map))?;
                    Ok(CommandInput {
                        from: long.from,
                        r#as: long.r#as,
                    })
                }
            }
            deserializer.deserialize_any(Either)
        }
    }

    impl JsonSchema for CommandInput {
        fn schema_name() -> Cow<'static, str> {
            "CommandInput".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let short = generator.subschema_for::<Reference>();
            let long = Long::json_schema(generator);
            json_schema!({"anyOf": [short, long]})
        }
    }
}
