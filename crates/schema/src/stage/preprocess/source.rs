//! Where rows come from, in which form, and how their files are read.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Broken, ColumnType, DeclaredColumn, Encoding, Join, MissingWords, Preprocess, SourceColumns,
    Split, TextRows,
};
use crate::{
    reference::{NamedFiles, PathOrStage, Reference},
    scalar::{ByteSize, OneOrMany},
};

/// Where rows come from. One form is named; where `split.files` names the files, the form may be left to their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// CSV files, plain or gzip: a path, a glob or a list; or `{from: stage}`.
    pub csv: Option<OneOrMany<PathOrStage>>,
    /// JSON Lines files, plain or gzip: one object a line. A path, a glob or a list; or `{from: stage}`.
    pub jsonl: Option<OneOrMany<PathOrStage>>,
    /// numpy files: .npz with arrays by name, which are the columns (a path, a glob or a list); or a map from columns to
    /// .npy files. An array of more than one dimension is a block: many numbers a row, like the pixels of an image.
    pub npz: Option<NamedFiles>,
    /// idx files as of MNIST, plain or gzip: a map from columns to files.
    pub idx: Option<NamedFiles>,
    /// Parquet files: a path, a glob or a list; or `{from: stage}`. A list of numbers that is equally long in all rows is a
    /// block.
    pub parquet: Option<OneOrMany<PathOrStage>>,
    /// Pictures, PNG, JPEG or WebP: a path, a glob, a folder or a list; or `{from: stage}`. Each is a row with the columns
    /// `image` and `label`, the name of the folder it lies in.
    pub images: Option<OneOrMany<PathOrStage>>,
    /// Text files, plain or gzip: a path, a glob, a folder or a list; or `{from: stage}`. Each is a row, or each of its lines,
    /// with the columns `text` and, where the files lie in several folders, `label`: the name of the folder.
    pub text: Option<OneOrMany<PathOrStage>>,
    /// Another stage's output; its files are read in the form that `read.form` says.
    pub from: Option<Reference>,
    /// The columns that are read: a list of names, or `{except: [meta, id]}` for all but these. What is in the others does not
    /// matter. Default: all. A column that a first step drops, and that cannot be read, is left out too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<SourceColumns>,
    /// How the files are read.
    pub read: Read,
    /// A table, or several one after another, whose columns are added to the rows by a key. Of each part, where
    /// `split.files` names files.
    #[serde(skip_serializing_if = "is_none")]
    pub join: OneOrMany<Join>,
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
    /// Words that stand for a missing value, beside the usual ones; `{only: […]}` replaces these. A number counts by its value.
    /// The usual words are those of pandas: `NA`, `N/A`, `NaN`, `None`, `NULL`, `#N/A`, `<NA>` and the like. JSON Lines and
    /// parquet have nulls of their own, so none are usual there. The empty field of CSV is always missing.
    pub na: MissingWords,
    /// Whether the first line names the columns. If `false`, `names` gives them.
    pub header: bool,
    /// The columns' names, where the file has none or others are wanted.
    pub names: Vec<String>,
    /// What of a text file is a row. Default: `file`.
    #[serde(skip_serializing_if = "is_usual")]
    pub rows: TextRows,
    /// How the characters of CSV and text files are written. Default: `utf-8`.
    #[serde(skip_serializing_if = "is_usual")]
    pub encoding: Encoding,
    /// The character around fields that hold delimiters or lines; twice inside such a field, it means itself. Default: `"`.
    #[serde(skip_serializing_if = "is_double_quote")]
    pub quote: char,
    /// Whether quotes have a meaning. If `false`, they are characters like others. Default: `true`.
    #[serde(skip_serializing_if = "is_true")]
    pub quoting: bool,
    /// Lines that start with this character are passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<char>,
    /// So many lines on top of the file are passed over; the header comes after them. Default: 0.
    #[serde(skip_serializing_if = "is_usual")]
    pub skip_lines: u32,
    /// The mark before the fraction of a number: with `,` the field `3,5` is the number 3.5. Default: `.`.
    #[serde(skip_serializing_if = "is_point")]
    pub decimal: char,
    /// The mark between groups of digits: with `,` the field `1,234.5` is the number 1234.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// The character inside quotes after which another one means itself: with `\`, `\"` is a quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<char>,
    /// How many bytes a packed file may unpack to: gzip, .npz and parquet. A file of a few bytes can unpack to more than any
    /// machine holds. Default: 256MiB, or 100 times the file's size where that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unpacked: Option<ByteSize>,
    /// What becomes of images that cannot be read. Default: `error`.
    #[serde(skip_serializing_if = "is_usual")]
    pub broken: Broken,
    /// No option: the columns whose values are written in a notation of their own, as the block declares them.
    #[serde(skip)]
    pub notations: IndexMap<String, DeclaredColumn>,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_none<T>(list: &OneOrMany<T>) -> bool {
    list.0.is_empty()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_double_quote(mark: &char) -> bool {
    *mark == '"'
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_point(mark: &char) -> bool {
    *mark == '.'
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}

impl Default for Read {
    fn default() -> Self {
        Self {
            form: None,
            delimiter: ',',
            na: MissingWords::default(),
            header: true,
            names: Vec::new(),
            rows: TextRows::default(),
            encoding: Encoding::default(),
            quote: '"',
            quoting: true,
            comment: None,
            skip_lines: 0,
            decimal: '.',
            thousands: None,
            escape: None,
            max_unpacked: None,
            broken: Broken::default(),
            notations: IndexMap::new(),
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
    /// .npz or .npy
    Npz,
    Idx,
    Parquet,
    /// .png, .jpg or .webp
    Images,
    /// Words, one text or one line a row.
    Text,
}

impl Form {
    /// All forms, in the order in which messages name them.
    pub const ALL: [Self; 7] = [
        Self::Csv,
        Self::Jsonl,
        Self::Npz,
        Self::Idx,
        Self::Parquet,
        Self::Images,
        Self::Text,
    ];

    /// The word in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Npz => "npz",
            Self::Idx => "idx",
            Self::Parquet => "parquet",
            Self::Images => "images",
            Self::Text => "text",
        }
    }

    /// The name of a file of rows, for examples.
    pub fn example(self) -> &'static str {
        match self {
            Self::Csv => "rows.csv",
            Self::Jsonl => "rows.jsonl",
            Self::Npz => "rows.npz",
            Self::Idx => "rows.idx",
            Self::Parquet => "rows.parquet",
            Self::Images => "image.png",
            Self::Text => "text.txt",
        }
    }

    /// Whether the files' names are among what is read.
    pub fn reads_names(self) -> bool {
        match self {
            Self::Images | Self::Text => true,
            Self::Csv | Self::Jsonl | Self::Npz | Self::Idx | Self::Parquet => false,
        }
    }

    /// Whether such files tell a missing value from every text.
    pub fn has_nulls(self) -> bool {
        match self {
            Self::Jsonl | Self::Parquet => true,
            Self::Csv | Self::Npz | Self::Idx | Self::Images | Self::Text => false,
        }
    }

    /// Whether columns may be named from outside: files that hold a column each have no names, those of CSV need none.
    pub fn takes_names(self) -> bool {
        match self {
            Self::Csv | Self::Npz | Self::Idx => true,
            Self::Jsonl | Self::Parquet | Self::Images | Self::Text => false,
        }
    }

    /// The type of a column of such files, where it does not depend on what the column holds.
    pub fn column_type(self, name: &str) -> Option<ColumnType> {
        (self == Self::Text && name == "text").then_some(ColumnType::Text)
    }

    /// The form that a file's name tells of.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "npz" | "npy" => Some(Self::Npz),
            name if name.ends_with("-ubyte") => Some(Self::Idx),
            "idx" => Some(Self::Idx),
            "parquet" | "pq" => Some(Self::Parquet),
            "png" | "jpg" | "jpeg" | "webp" => Some(Self::Images),
            _ => None,
        }
    }
}

impl Source {
    /// The forms that are named, with their files. More than one is an error.
    pub fn named(&self) -> Vec<(Form, &[PathOrStage])> {
        let lists = [
            (Form::Csv, &self.csv),
            (Form::Jsonl, &self.jsonl),
            (Form::Parquet, &self.parquet),
            (Form::Images, &self.images),
            (Form::Text, &self.text),
        ];
        let sets = [(Form::Npz, &self.npz), (Form::Idx, &self.idx)];
        let lists = lists.map(|(form, files)| Some((form, files.as_ref()?.0.as_slice())));
        let sets = sets.map(|(form, files)| Some((form, files.as_ref()?.files.as_slice())));
        lists.into_iter().chain(sets).flatten().collect()
    }
}

impl Read {
    /// The form of the files.
    pub fn form(&self) -> Form {
        self.form.unwrap_or_default()
    }

    /// Whether each row is a file of its own, in files of this form.
    pub fn has_file_rows(&self, form: Form) -> bool {
        match form {
            Form::Images => true,
            Form::Text => self.rows == TextRows::File,
            Form::Csv | Form::Jsonl | Form::Npz | Form::Idx | Form::Parquet => false,
        }
    }

    /// Whether this is of a schema that was stored before moments of parquet kept their zone.
    pub fn is_of_old_schema(&self) -> bool {
        matches!(self.na, MissingWords::List(_))
    }

    /// With the words for missing values and the form filled in: the form that is named, else the given, else what a file's
    /// name tells. `names` are of columns with a file each. CSV stays out, so that what is kept of a stage does not depend
    /// on how it was told.
    #[must_use]
    pub fn settled(&self, named: Option<Form>, told: Option<Form>, names: &[String]) -> Self {
        let told = told.or((!names.is_empty()).then_some(Form::Idx));
        let form = named.or(self.form).or(told);
        let mut read = self.clone();
        read.form = form.filter(|it| *it != Form::default());
        read.na = self.na.settled(form.unwrap_or_default());
        if !names.is_empty() {
            names.clone_into(&mut read.names);
        }
        read
    }
}

impl Preprocess {
    /// How the files are read, with their form filled in: as the source names it, as `read.form` says, as the first
    /// file's name tells.
    pub fn reading(&self) -> Read {
        let named = self.source.named().first().map(|it| it.0);
        let names = self.file_names();
        let told = self.first_file().and_then(|file| match file {
            PathOrStage::Path(path) => Form::of_name(path),
            PathOrStage::Url(remote) => Form::of_name(&remote.file_name()),
            PathOrStage::Stage(_) => None,
        });
        Read {
            notations: self.notations(),
            ..self.source.read.settled(named, told, names)
        }
    }

    /// The columns whose values are written in a notation of their own.
    pub fn notations(&self) -> IndexMap<String, DeclaredColumn> {
        let columns = self.columns.iter().filter(|(_, column)| !column.is_plain());
        columns
            .map(|(name, column)| (name.clone(), column.clone()))
            .collect()
    }

    /// The type of a column, where the block or the form of the files says it.
    pub fn column_type(&self, name: &str) -> Option<ColumnType> {
        let of_form = || self.reading().form().column_type(name);
        let declared = self.columns.get(name).map(DeclaredColumn::r#type);
        declared.or_else(of_form)
    }

    /// The first of the files that are read, where the block names one.
    pub fn first_file(&self) -> Option<&PathOrStage> {
        let named = self.source.named().into_iter().flat_map(|it| it.1).next();
        named.or_else(|| match &self.split {
            Split::Files(split) => split.train.files.first(),
            _ => None,
        })
    }

    /// The columns that the files stand for, where each has a file of its own.
    fn file_names(&self) -> &[String] {
        let sets = [&self.source.npz, &self.source.idx];
        let split = match &self.split {
            Split::Files(split) => Some(&split.train),
            _ => None,
        };
        let mut sets = sets.into_iter().flatten().chain(split);
        sets.find(|it| !it.names.is_empty())
            .map_or(&[], |it| it.names.as_slice())
    }
}
