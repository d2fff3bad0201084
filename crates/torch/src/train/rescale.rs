//! Targets of any size for a network whose outputs begin near 0: it learns deviations from their mean, and its last layer
//! gives their own units. Knows the target's values; no network.

use pipe_schema::{dataset::Target, layer::Layer};
use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// The layer that gives these targets' units, f32 `[n, k]`, from deviations: scikit-learn's `StandardScaler` backwards.
pub fn rescale(values: &Tensor, target: &Target) -> Result<Layer> {
    let values = values.f_to_kind(Kind::Double)?;
    let by_target = [0i64];
    let mean = values.f_mean_dim(by_target.as_slice(), false, Kind::Double)?;
    let variance =
        values
            .f_sub(&mean)?
            .f_square()?
            .f_mean_dim(by_target.as_slice(), false, Kind::Double)?;
    let shift = Vec::<f64>::try_from(mean)?;
    let deviations = Vec::<f64>::try_from(variance.f_sqrt()?)?;
    for (at, name) in target.columns().iter().enumerate() {
        if !deviations[at].is_finite() {
            return Err(Error::wrong(format!(
                "the target `{name}` has values too large for floats of 4 bytes"
            ))
            .hint("give it in a larger unit"));
        }
    }
    let scale = deviations.iter().zip(&shift).map(|(deviation, mean)| {
        // What differs less than f32 can tell is constant.
        let is_constant = *deviation <= mean.abs() * f64::from(f32::EPSILON);
        if is_constant { 1.0 } else { *deviation }
    });
    Ok(Layer::Rescale {
        scale: scale.collect(),
        shift,
    })
}
