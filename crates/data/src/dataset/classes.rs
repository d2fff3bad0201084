//! Whole numbers of a target as classes, for a model that is trained to tell classes apart.

use std::{collections::HashMap, fs};

use pipe_schema::dataset::{FittedStep, ROWS_FILE, TargetKind};
use safetensors::{Dtype, SafeTensors};

use super::{Dataset, numbers};
use crate::{error::DataError, infer, offsets::check_offsets};

impl Dataset {
    /// Takes the whole numbers of the target for classes, which the train part tells. Leaves a target as it is that is of
    /// classes already, or of numbers with fractions.
    pub fn with_classes(mut self) -> Result<Self, DataError> {
        let target = &self.schema.target;
        let TargetKind::Number { .. } = target.kind else {
            return Ok(self);
        };
        let mut train = self.target_numbers("train")?;
        let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() < infer::EXACT;
        if train.is_empty() || !train.iter().all(is_whole) {
            return Ok(self);
        }
        let name = &target.name;
        let takes_mean = |step: &FittedStep| matches!(step, FittedStep::TargetEncode { .. });
        if self.schema.steps.iter().any(takes_mean) {
            return Err(DataError::wrong(format!(
                "`target_encode` took the target `{name}` for a number, and the loss takes it for classes"
            ))
            .hint(format!(
                "say what it is in the preprocess stage: `columns: {{{name}: categorical}}`"
            )));
        }
        train.sort_unstable_by(f64::total_cmp);
        let classes = train.chunk_by(|a, b| a == b);
        let (names, train_counts) = classes
            .map(|rows| (infer::number_text(rows[0] + 0.0), rows.len() as u64))
            .unzip();
        self.schema.target.kind = TargetKind::Classes {
            names,
            train_counts,
        };
        self.is_of_numbers = true;
        Ok(self)
    }

    fn target_numbers(&self, part: &str) -> Result<Vec<f64>, DataError> {
        let path = self.file(part, ROWS_FILE)?;
        let bytes = fs::read(&path).map_err(|error| DataError::io(&path, &error))?;
        let wrong = |why: String| DataError::wrong(format!("{}: {why}", path.display()));
        check_offsets(&bytes).map_err(wrong)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| wrong(error.to_string()))?;
        match tensors.tensor("target") {
            Ok(target) if target.dtype() == Dtype::F64 => Ok(numbers(&target, f64::from_le_bytes)),
            Ok(target) => Err(wrong(format!("`target` is {:?}, not F64", target.dtype()))),
            Err(error) => Err(wrong(format!("`target`: {error}"))),
        }
    }
}

/// The places of numbers among the names of classes.
pub fn indices(target: &[f64], names: &[String]) -> Result<Vec<i64>, String> {
    let places: HashMap<&str, i64> = names.iter().map(String::as_str).zip(0..).collect();
    let place = |number: &f64| {
        let name = infer::number_text(*number + 0.0);
        places.get(name.as_str()).copied().ok_or_else(|| {
            format!("the target has the class `{name}`, of which the train part has no row")
        })
    };
    target.iter().map(place).collect()
}
