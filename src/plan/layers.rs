//! Whether the layers of a network fit one another, as far as that is known before the data is.
//! Knows where in the spec a network is written; not what its layers mean.

use pipe_schema::{
    shape::{self, Codes, Ends, Row},
    stage::Task,
};

use super::upstream::Upstream;
use crate::spec::{Diagnostic, Node};

/// Checks the network of a train block.
pub fn check(task: &Task, block: &Node, upstream: &Upstream<'_>, found: &mut Vec<Diagnostic>) {
    let Task::Train(train) = task else { return };
    let (row, codes) = match upstream.output("data") {
        Some(data) if data.is_flat && !data.has_codes => (Row::Flat, Codes::Columns(Vec::new())),
        Some(data) if data.is_flat => (Row::Flat, Codes::Unknown),
        _ => (Row::Any, Codes::Unknown),
    };
    let target = upstream.output("data").and_then(|it| it.target.as_ref());
    let ends = Ends {
        row,
        codes,
        loss: train.loss,
        classes: None,
        targets: target.map(|it| it.names().len() as u32),
    };
    let Err(misfit) = shape::lower(&train.model, &ends) else {
        return;
    };
    let path = ["model"]
        .into_iter()
        .chain(misfit.path.iter().map(String::as_str));
    let place = block.nearest(path);
    let mut error = Diagnostic::error(misfit.title)
        .at(place.span, misfit.found)
        .at_some(place.origin, "set here");
    if misfit.is_of_loss {
        error = error.at(block.nearest(["loss"]).span, "the loss");
    }
    if let Some(hint) = misfit.hint {
        error = error.hint(hint);
    }
    found.push(error);
}
