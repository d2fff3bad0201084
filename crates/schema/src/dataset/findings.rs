//! What rows have that the train part had not, as counts and as a line for people.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// What was found in rows that a model was applied to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowFindings {
    /// How many rows there are.
    pub rows: u64,
    /// Rows by column with a category that the train part does not have.
    pub unseen: IndexMap<String, u64>,
    /// Rows by column whose missing value was filled.
    pub filled: IndexMap<String, u64>,
    /// Columns that the model does not know.
    pub unused: Vec<String>,
}

impl RowFindings {
    /// Whether the rows are as the train part was.
    pub fn is_empty(&self) -> bool {
        self.unseen.is_empty() && self.filled.is_empty() && self.unused.is_empty()
    }

    /// Adds what was found in further rows.
    pub fn add(&mut self, more: Self) {
        self.rows += more.rows;
        for (name, count) in more.unseen {
            *self.unseen.entry(name).or_default() += count;
        }
        for (name, count) in more.filled {
            *self.filled.entry(name).or_default() += count;
        }
        for name in more.unused {
            if !self.unused.contains(&name) {
                self.unused.push(name);
            }
        }
    }

    /// One line for people; nothing where there is nothing to tell.
    pub fn line(&self) -> Option<String> {
        let rows = self.rows;
        let unseen = self.unseen.iter().map(|(name, count)| {
            format!(
                "column `{name}`: {count} of {rows} rows have a category that the train part does not have"
            )
        });
        let filled = self.filled.iter().map(|(name, count)| {
            format!("column `{name}`: {count} of {rows} values are missing and were filled")
        });
        let mut parts: Vec<String> = unseen.chain(filled).collect();
        match self.unused.as_slice() {
            [] => {}
            [one] => parts.push(format!("column `{one}` is not used")),
            more => parts.push(format!("columns {} are not used", listed(more))),
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// The first ten names, and how many there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let mut parts: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() > SHOWN {
        parts.push(format!("… ({} in all)", names.len()));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_one_line_with_counts_by_column() {
        let found = |rows, count| RowFindings {
            rows,
            unseen: IndexMap::from([("code".to_owned(), count)]),
            unused: vec!["id".to_owned()],
            ..RowFindings::default()
        };
        let mut all = found(10, 2);
        all.add(found(5, 1));
        assert_eq!(
            all.line().unwrap(),
            "column `code`: 3 of 15 rows have a category that the train part does not have; column `id` is not used"
        );
        assert_eq!(RowFindings::default().line(), None);
    }
}
