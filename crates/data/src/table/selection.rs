//! The columns that are read of files: those that are taken, and of these the ones that may be left out where they cannot be
//! read. Knows names, no files.

use std::collections::HashSet;

use pipe_schema::stage::preprocess::{Join, Preprocess, SourceColumns};

use super::Table;
use crate::{
    error::DataError,
    infer::{self, listed},
};

/// Which columns of a table are read.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// What `source.columns` says, whose names must be there.
    written: Option<&'a SourceColumns>,
    taken: Taken<'a>,
    optional: Optional<'a>,
}

#[derive(Clone, Debug)]
enum Taken<'a> {
    All,
    Only(HashSet<&'a str>),
    Except(HashSet<&'a str>),
}

#[derive(Clone, Debug)]
enum Optional<'a> {
    None,
    All,
    /// The columns that the block drops, but for these.
    Dropped(&'a Preprocess, Vec<&'a str>),
}

impl<'a> Selection<'a> {
    /// Takes all columns.
    pub const ALL: Self = Self {
        written: None,
        taken: Taken::All,
        optional: Optional::None,
    };
    /// Takes all columns that can be read.
    pub const READABLE: Self = Self {
        written: None,
        taken: Taken::All,
        optional: Optional::All,
    };

    /// Takes these columns.
    pub fn of_names(names: &[&'a str]) -> Self {
        Self {
            written: None,
            taken: Taken::Only(names.iter().copied().collect()),
            optional: Optional::None,
        }
    }

    /// The columns of a block's source.
    pub fn of_source(block: &'a Preprocess) -> Self {
        let joins = block.source.join.0.iter();
        let keys = joins.flat_map(|join| join.on.0.keys());
        let written = block.source.columns.as_ref();
        Self {
            written,
            taken: match written {
                None => Taken::All,
                Some(SourceColumns::Only(names)) => Taken::Only(set(names)),
                Some(SourceColumns::Except(names)) => Taken::Except(set(names)),
            },
            optional: Optional::Dropped(block, keys.map(String::as_str).collect()),
        }
    }

    /// The columns of a table that is joined to the source of a block.
    pub fn of_join(block: &'a Preprocess, join: &'a Join) -> Self {
        let keys = join.on.0.values();
        let named: Vec<&str> = keys.chain(&join.columns).map(String::as_str).collect();
        Self {
            written: None,
            taken: if join.columns.is_empty() {
                Taken::All
            } else {
                Taken::Only(named.iter().copied().collect())
            },
            optional: Optional::Dropped(block, named),
        }
    }

    /// Whether a column is read.
    pub fn takes(&self, name: &str) -> bool {
        match &self.taken {
            Taken::All => true,
            Taken::Only(names) => names.contains(name),
            Taken::Except(names) => !names.contains(name),
        }
    }

    /// Whether a column is left out where it cannot be read.
    pub fn is_optional(&self, name: &str) -> bool {
        match &self.optional {
            Optional::None => false,
            Optional::All => true,
            Optional::Dropped(block, kept) => !kept.contains(&name) && block.drops(name, None),
        }
    }

    /// Leaves the columns out that are not taken, of a table that was read whole.
    pub(super) fn retain(&self, table: &mut Table) {
        let names: Vec<String> = table.names().into_iter().map(str::to_owned).collect();
        for name in names.iter().filter(|name| !self.takes(name)) {
            table.skipped.insert(name.clone());
            table.remove(name);
        }
    }

    /// Checks that the columns that `source.columns` names were there.
    pub(super) fn check(&self, table: &Table) -> Result<(), DataError> {
        let Some(columns) = self.written else {
            return Ok(());
        };
        let present: HashSet<&str> = table.names().into_iter().collect();
        let is_there = |name: &String| {
            present.contains(name.as_str())
                || table.unread.contains_key(name)
                || table.skipped.contains(name)
        };
        let Some(name) = columns.names().iter().find(|name| !is_there(name)) else {
            return Ok(());
        };
        let error = DataError::wrong(format!("source.columns: there is no column `{name}`"));
        let known = table.all_names();
        Err(match infer::closest(name, known.iter().copied()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("the columns are: {}", listed(&known))),
        })
    }
}

fn set(names: &[String]) -> HashSet<&str> {
    names.iter().map(String::as_str).collect()
}

/// How a column that cannot be read is left out.
pub fn remedy(name: &str) -> String {
    let name = in_yaml(name);
    format!(
        "leave it out: `source: {{columns: {{except: [{name}]}}}}`, or by a first step `- drop: {{columns: [{name}]}}`"
    )
}

/// A name inside a list of YAML.
fn in_yaml(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && (name.chars()).all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&name.to_ascii_lowercase().as_str());
    if is_plain {
        name.to_owned()
    } else {
        serde_json::Value::from(name).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_quotes_names_that_yaml_would_take_apart() {
        assert!(remedy("meta").contains("{except: [meta]}}`"));
        assert!(remedy("a, b").contains("{except: [\"a, b\"]}}`"));
        assert!(remedy("no").ends_with("{columns: [\"no\"]}`"));
    }
}
