//! Words for how files are read: what is a row, how characters are written, what becomes of broken ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of images that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// They are named, and nothing is done.
    #[default]
    Error,
    /// They are left out, counted and named: of the dataset, and of rows that are predicted.
    Skip,
}

/// What of a text file is a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextRows {
    /// All of it.
    #[default]
    File,
    /// Each line; blank ones do not count.
    Line,
}

/// How the characters of a text are written as bytes. A byte order mark is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// In the order that a byte order mark tells, else little-endian.
    #[serde(rename = "utf-16")]
    Utf16,
    /// ISO 8859-1: each byte is the character of that number.
    #[serde(rename = "latin-1")]
    Latin1,
    /// Western Europe, as Windows and Excel write it.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Central Europe.
    #[serde(rename = "windows-1250")]
    Windows1250,
    /// Cyrillic.
    #[serde(rename = "windows-1251")]
    Windows1251,
    #[serde(rename = "shift-jis")]
    ShiftJis,
    /// Chinese; GBK and GB 2312 are parts of it.
    #[serde(rename = "gb18030")]
    Gb18030,
}

impl Encoding {
    /// The word in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Latin1 => "latin-1",
            Self::Windows1252 => "windows-1252",
            Self::Windows1250 => "windows-1250",
            Self::Windows1251 => "windows-1251",
            Self::ShiftJis => "shift-jis",
            Self::Gb18030 => "gb18030",
        }
    }
}
