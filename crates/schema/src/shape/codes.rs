//! Which values of a row are codes of categories: whole numbers from 0. Knows no layers.

use crate::dataset::DatasetSchema;

/// The codes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codes {
    /// Nothing is known of them.
    Unknown,
    /// All values, of so many codes, as the tokens of a text.
    Row(u32),
    /// The values at these places, in order, each of so many codes; the others are numbers.
    Columns(Vec<(u32, u32)>),
}

impl Codes {
    /// As a dataset tells.
    pub fn of(schema: &DatasetSchema) -> Self {
        if let Some((name, &count)) = schema.codes.first()
            && schema.features.first() == Some(&format!("{name}[0]"))
            && schema.features.iter().all(|it| is_in(it, name))
        {
            return Self::Row(count);
        }
        let features = schema.features.iter().zip(0..);
        let columns = features.filter_map(|(name, at)| Some((at, *schema.codes.get(name)?)));
        Self::Columns(columns.collect())
    }
}

fn is_in(feature: &str, block: &str) -> bool {
    let rest = feature.strip_prefix(block);
    rest.is_some_and(|it| it.starts_with('[') && it.ends_with(']'))
}
