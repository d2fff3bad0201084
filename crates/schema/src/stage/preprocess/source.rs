//! Where rows come from, in which form, and how their files are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Preprocess, Split};
use crate::{
    reference::{PathOrStage, Reference},
    scalar::OneOrMany,
};

/// Where rows come from. One form is named; where `split.files` names the files, the form may be left to their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// CSV files, plain or gzip: a path, a glob or a list; or `{from: stage}`.
    pub csv: Option<OneOrMany<PathOrStage>>,
    /// JSON Lines files, plain or gzip: one object a line. A path, a glob or a list; or `{from: stage}`.
    pub jsonl: Option<OneOrMany<PathOrStage>>,
    /// Another stage's output; its files are read in the form that `read.form` says.
    pub from: Option<Reference>,
    /// How the files are read.
    pub read: Read,
}

/// How files are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Read {
    /// The form of the files, where the source does not name it. Default: as the first file's name in the spec says, else `csv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The character between fields.
    pub delimiter: char,
    /// Words that stand for a missing value, beside the empty field.
    pub na: Vec<String>,
    /// Whether the first line names the columns. If `false`, `names` gives them.
    pub header: bool,
    /// The columns' names, where the file has none or others are wanted.
    pub names: Vec<String>,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            form: None,
            delimiter: ',',
            na: ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"]
                .map(str::to_owned)
                .to_vec(),
            header: true,
            names: Vec::new(),
        }
    }
}

/// A form of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    #[default]
    Csv,
    Jsonl,
}

impl Form {
    /// All forms, in the order in which messages name them.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Jsonl];

    /// The word in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// The form that a file's name tells of.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

impl Source {
    /// The forms that are named, with their files. More than one is an error.
    pub fn named(&self) -> Vec<(Form, Vec<&PathOrStage>)> {
        let lists = [(Form::Csv, &self.csv), (Form::Jsonl, &self.jsonl)];
        lists
            .into_iter()
            .filter_map(|(form, files)| Some((form, files.as_ref()?.0.iter().collect())))
            .collect()
    }
}

impl Read {
    /// The form of the files.
    pub fn form(&self) -> Form {
        self.form.unwrap_or_default()
    }
}

impl Preprocess {
    /// How the files are read, with their form filled in: as the source names it, as `read.form` says, as the first
    /// file's name tells. Of CSV it stays out, so that what is kept of a stage does not depend on how it was told.
    pub fn reading(&self) -> Read {
        let named = self.source.named().first().map(|it| it.0);
        let told = || match self.first_file()? {
            PathOrStage::Path(path) => Form::of_name(path),
            PathOrStage::Stage(_) => None,
        };
        let form = named.or(self.source.read.form).or_else(told);
        Read {
            form: form.filter(|it| *it != Form::default()),
            ..self.source.read.clone()
        }
    }

    /// The first of the files that are read, where the block names one.
    pub fn first_file(&self) -> Option<&PathOrStage> {
        let named = self.source.named().into_iter().flat_map(|it| it.1).next();
        named.or_else(|| match &self.split {
            Split::Files(split) => split.train.0.first(),
            _ => None,
        })
    }
}
