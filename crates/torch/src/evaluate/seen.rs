//! Rows that the model was trained on, whatever dataset they come in: a score on them measures memory.

use std::path::Path;

use pipe_data::{Dataset, FeatureRows, Part, SeenRows};
use pipe_schema::{dataset::DatasetSchema, protocol::Request};
use pipe_wire::Reporter;

use crate::error::Result;

/// Inputs of this role are the datasets whose train parts the model learned from, given where not all of them are the
/// dataset that is measured on.
const LEARNED: &str = "trained/";

/// Counts the rows of a part whose inputs are those of a row that the model was trained on, and tells them. `None` if the
/// part is held out of the model's own dataset and there are none.
pub fn count_in_train(
    request: &Request,
    dataset: &Dataset,
    (name, part): (&str, &Part<FeatureRows>),
    model: &DatasetSchema,
    reporter: &mut Reporter,
) -> Result<Option<u64>> {
    let learned: Vec<&str> = request
        .inputs
        .iter()
        .filter(|(role, _)| role.starts_with(LEARNED))
        .map(|(_, input)| input.path.as_str())
        .collect();
    let rows = part.len() as u64;
    let count = if learned.is_empty() {
        if name == "train" {
            Some(rows)
        } else {
            Some(dataset.summary(name)?.in_train).filter(|count| *count > 0)
        }
    } else {
        Some(count(&learned, part, model, reporter)?)
    };
    match count {
        None | Some(0) => {}
        Some(all) if all == rows => reporter.note(format!(
            "the model was trained on all {rows} rows: expect less of new ones"
        )),
        Some(some) => reporter.note(format!(
            "{some} of {rows} rows have the same inputs as a row that the model was trained on: expect less of new ones"
        )),
    }
    Ok(count)
}

fn count(
    learned: &[&str],
    part: &Part<FeatureRows>,
    model: &DatasetSchema,
    reporter: &mut Reporter,
) -> Result<u64> {
    let mut seen = SeenRows::none_of(&part.features);
    for path in learned {
        match Dataset::open(Path::new(path))?.new_part_for("train", model) {
            Ok(train) => seen.add(&train.features),
            // The model began with weights of another one, which took other columns.
            Err(error) => reporter.note(format!(
                "rows of one dataset that the model was trained on cannot be told among these: {}",
                error.message
            )),
        }
    }
    Ok(seen.count())
}
