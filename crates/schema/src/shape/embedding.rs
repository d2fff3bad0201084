//! Codes of categories and the numbers that stand for them. Knows the layers that embed, not what follows them.

use super::{Codes, Misfit, Row, sequence::Sequence, window::at_least_one};
use crate::layer::Layer;

/// Most numbers that a category gets unless it is told.
const MOST: u32 = 50;

/// Adds the layer for rows that are codes and nothing else: (length) becomes (`dim`, length).
pub fn push_row(
    sized: &mut Sequence,
    codes: &Codes,
    dim: u32,
    given: Option<u32>,
) -> Result<(), Misfit> {
    at_least_one("embedding_dim", dim)?;
    if !sized.layers.is_empty() {
        let error = Misfit::new("`embedding` must be the first layer", "layers before it");
        return Err(error.hint("it takes the codes of the dataset, which other layers change"));
    }
    let length = match sized.row() {
        Row::Any | Row::Flat => None,
        Row::Sizes(sizes) => {
            let &[length] = sizes.as_slice() else {
                let found = format!("gets {}", sized.row());
                return Err(Misfit::new("`embedding` takes a row of codes", found));
            };
            Some(length)
        }
    };
    let count = match (given, codes) {
        (Some(given), Codes::Row(count)) if given < *count => {
            let title = format!("`num_embeddings` is {given}, and the dataset has {count} codes");
            let error = Misfit::new(title, "too few");
            return Err(error.hint("leave it out: the dataset tells it"));
        }
        (Some(given), _) => {
            at_least_one("num_embeddings", given)?;
            Some(given)
        }
        (None, Codes::Row(count)) => Some(*count),
        (None, Codes::Unknown) => None,
        (None, Codes::Columns(_)) => {
            let title = "`embedding` takes a row of codes, and the dataset does not tell how many there are";
            let error = Misfit::new(title, format!("gets {}", sized.row()));
            return Err(error.hint(
                "set `num_embeddings` if all values are codes from 0; for columns of categories take `model: {tabular: …}`",
            ));
        }
    };
    let layer = count.map(|num_embeddings| Layer::Embedding {
        num_embeddings,
        embedding_dim: dim,
    });
    let gives = length.map_or(Row::Any, |it| Row::Sizes(vec![dim, it]));
    sized.add("embedding", layer, gives);
    Ok(())
}

/// Adds a layer for each column of codes: it takes the code out of the row and puts its numbers at the end.
pub fn push_columns(sized: &mut Sequence, codes: &Codes, dim: Option<u32>) -> Result<(), Misfit> {
    if let Some(dim) = dim {
        at_least_one("embedding_dim", dim)?;
    }
    let (columns, width) = match (codes, sized.row()) {
        (Codes::Columns(columns), Row::Flat) if !columns.is_empty() => (columns, None),
        (Codes::Columns(columns), Row::Sizes(sizes)) if !columns.is_empty() => {
            (columns, Some(sizes.iter().product::<u32>()))
        }
        (Codes::Unknown, _) | (_, Row::Any) => {
            sized.add("embedding", None, Row::Flat);
            return Ok(());
        }
        (Codes::Columns(_) | Codes::Row(_), _) => {
            let title = "`tabular` embeds columns of codes, and the dataset has none";
            let error = Misfit::new(title, "no code");
            return Err(error.hint(
                "make codes of words with `- ordinal: {unknown: own}` as a last step, or take `mlp`",
            ));
        }
    };
    let mut width = width;
    // Each layer before took one place away on the left.
    for (taken, &(at, num_embeddings)) in (0..).zip(columns) {
        let embedding_dim = dim.unwrap_or_else(|| usual_dim(num_embeddings));
        let layer = Layer::ColumnEmbedding {
            column: at - taken,
            num_embeddings,
            embedding_dim,
        };
        width = match width {
            Some(it) => Some((it - 1).checked_add(embedding_dim).ok_or_else(|| {
                Misfit::new(
                    "`embedding_dim` is too large",
                    format!("found {embedding_dim}"),
                )
            })?),
            None => None,
        };
        sized.add("embedding", Some(layer), width.map_or(Row::Flat, Row::flat));
    }
    Ok(())
}

/// The rule of thumb of fast.ai's course of 2018: half of the codes, at most 50.
fn usual_dim(codes: u32) -> u32 {
    codes.div_ceil(2).min(MOST)
}
