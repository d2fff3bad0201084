//! The digits and their spec, carried in the program. Knows no other table.

use std::path::Path;

use super::Draft;

/// The spec, without the line for editors.
pub const SPEC: &str = include_str!("../../../pipelines/digits.yaml");
const TABLE: &[u8] = include_bytes!("../../../pipelines/data/digits.csv.gz");

/// The table, where the spec names it.
pub fn table(folder: &Path) -> Draft {
    Draft {
        path: folder.join("data/digits.csv.gz"),
        bytes: TABLE.to_vec(),
        is_users: true,
    }
}
