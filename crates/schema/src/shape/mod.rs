//! From a network as it is written to its layers with all sizes, as far as these are known before the data is.
//! Plan and worker both ask here, so that they never differ. Pure: knows no tensors, no files.

mod codes;
mod embedding;
mod entry;
mod footprint;
mod layers;
mod misfit;
mod preset;
mod row;
mod sequence;
mod window;
#[cfg(test)]
mod tests;

pub use self::{codes::Codes, footprint::Footprint, misfit::Misfit, preset::specs, row::Row};
use crate::{
    dataset::DatasetSchema,
    layer::Layer,
    stage::train::{LayerSpec, Loss, Network},
};

/// What a network is between.
#[derive(Clone, Debug)]
pub struct Ends {
    /// A row of the data, with all its dimensions.
    pub row: Row,
    /// Its codes of categories.
    pub codes: Codes,
    pub loss: Loss,
    /// Classes of the target, where it has classes and they are known.
    pub classes: Option<u32>,
    /// How many targets there are, where that is known.
    pub targets: Option<u32>,
}

impl Ends {
    /// Those of a dataset that is known.
    pub fn of(schema: &DatasetSchema, loss: Loss) -> Self {
        let features = u32::try_from(schema.features.len()).unwrap_or(u32::MAX);
        Self {
            row: match &schema.shape {
                Some(shape) => Row::Sizes(shape.clone()),
                None => Row::flat(features),
            },
            codes: Codes::of(schema),
            loss,
            classes: u32::try_from(schema.target.classes().len()).ok(),
            targets: u32::try_from(schema.target.columns().len()).ok(),
        }
    }

    /// Values that the network must give for a row, where that is known.
    fn outputs(&self) -> Option<u32> {
        if self.loss.gives_classes() {
            self.classes
        } else {
            self.targets
        }
    }
}

/// A layer and what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Sized {
    /// `None` where its sizes are not known yet.
    pub layer: Option<Layer>,
    /// What people call it.
    pub name: &'static str,
    pub gives: Row,
}

/// The layers of a network between these ends, in order.
pub fn lower(network: &Network, ends: &Ends) -> Result<Vec<Sized>, Misfit> {
    let mut sized = sequence::Sequence::new(entry::row(network, &ends.row), ends.codes.clone());
    match network {
        Network::Layers(specs) => {
            if specs.is_empty() {
                let empty = Misfit::new("`layers` must have at least one layer", "no layer");
                return Err(empty.under(&["layers"]));
            }
            sized.unfold();
            for (i, spec) in specs.iter().enumerate() {
                let at = |error: Misfit| error.under(&["layers", &i.to_string()]);
                sized.push(spec).map_err(at)?;
            }
            let last = ["layers".to_owned(), (specs.len() - 1).to_string()];
            check_end(sized.row(), &specs[specs.len() - 1], ends)
                .map_err(|error| error.of_loss().under(&last))?;
        }
        Network::Mlp(_) | Network::Cnn(_) | Network::Tabular(_) => {
            let at = |error: Misfit| error.under(&[preset::name(network)]);
            preset::check(network).map_err(at)?;
            if let Network::Cnn(cnn) = network {
                entry::check_image(cnn, &ends.row).map_err(at)?;
            }
            if let Network::Tabular(tabular) = network {
                embedding::push_columns(&mut sized, &ends.codes, tabular.embedding_dim)
                    .map_err(at)?;
            }
            sized.unfold();
            for spec in specs(network) {
                sized.push(&spec).map_err(at)?;
            }
            sized.push_head(ends.outputs());
        }
    }
    Ok(sized.layers)
}

/// Whether the last layer gives what the loss needs.
fn check_end(row: &Row, last: &LayerSpec, ends: &Ends) -> Result<(), Misfit> {
    let loss = ends.loss.name();
    let gives = format!("gives {row}");
    if ends.loss.takes_logits() && matches!(last, LayerSpec::Softmax | LayerSpec::Sigmoid) {
        let last = last.name();
        let title = format!("for `{loss}` the last layer must give logits");
        let error = Misfit::new(title, format!("`{last}` makes shares of them"));
        return Err(error.hint(format!(
            "leave `{last}` out: the loss and predictions have it"
        )));
    }
    let Row::Sizes(sizes) = row else {
        return Ok(());
    };
    let &[values] = sizes.as_slice() else {
        let title = "the last layer must give a flat row";
        return Err(Misfit::new(title, gives).hint("end with `flatten` and `linear`"));
    };
    match ends.outputs() {
        Some(needed) if needed != values => {
            let needs = match needed {
                1 => "1 value".to_owned(),
                _ => format!("{needed} values"),
            };
            let title = format!("for `{loss}` the last layer must give {needs}");
            let hint = format!("end with `linear: {{out_features: {needed}}}`");
            Err(Misfit::new(title, gives).hint(hint))
        }
        None if values == 1 && ends.loss.gives_classes() => {
            let title = format!("for `{loss}` the last layer must give a value for each class");
            Err(Misfit::new(title, gives).hint("two classes have 2 values"))
        }
        _ => Ok(()),
    }
}
