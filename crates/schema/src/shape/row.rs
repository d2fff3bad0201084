//! The dimensions of a row, as far as they are known. Knows no layers.

use std::fmt;

/// What a row is on its way through a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Nothing is known of it.
    Any,
    /// So many values as nobody knows yet.
    Flat,
    /// One dimension; or channels and length; or channels, height and width.
    Sizes(Vec<u32>),
}

impl Row {
    /// So many values.
    pub fn flat(values: u32) -> Self {
        Self::Sizes(vec![values])
    }

    /// Its numbers in all, where they are known. Saturates: no row has that many.
    pub fn numbers(&self) -> Option<u64> {
        let Self::Sizes(sizes) = self else {
            return None;
        };
        let sizes = sizes.iter().map(|&size| u64::from(size));
        Some(sizes.fold(1, u64::saturating_mul))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = match self {
            Self::Any => return formatter.write_str("a row of unknown shape"),
            Self::Flat => return formatter.write_str("a flat row"),
            Self::Sizes(sizes) => sizes,
        };
        let joined = || {
            let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
            sizes.join(" × ")
        };
        match sizes.len() {
            1 if sizes[0] == 1 => formatter.write_str("1 value"),
            1 => write!(formatter, "{} values", sizes[0]),
            2 => write!(formatter, "a sequence of {}", joined()),
            3 => write!(formatter, "an image of {}", joined()),
            _ => formatter.write_str(&joined()),
        }
    }
}
