//! Metrics of predicted numbers.
//!
//! With truth y and prediction p: mse = mean (y - p)², rmse = √mse, mae = mean |y - p|,
//! r2 = 1 - Σ (y - p)² / Σ (y - mean y)² (Draper and Smith 1998, "Applied regression analysis", section 1.3).
//! explained variance is the same of the errors without their mean.
//! Of a constant truth they are 1 if nothing is left unexplained, else 0, as scikit-learn has it (`force_finite`).
//! mape = mean |y - p| / max(|y|, ε). The pinball loss of the quantile α is the mean of α (y - p) where the prediction
//! is too low, else (1 - α) (p - y) (Koenker and Bassett 1978, "Regression quantiles").

/// Numbers by row.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    pub truth: &'a [f64],
    pub predicted: &'a [f64],
}

/// Numbers of several targets: by target, then row. A metric of them is the mean over the targets.
#[derive(Clone, Copy, Debug)]
pub struct Several<'a> {
    pub truth: &'a [f64],
    pub predicted: &'a [f64],
    /// How many targets there are.
    pub count: usize,
}

impl<'a> Several<'a> {
    pub fn rows(&self) -> usize {
        self.truth.len() / self.count
    }

    /// Each target by itself.
    pub fn targets(&self) -> impl Iterator<Item = Numbers<'a>> {
        let rows = self.rows().max(1);
        let truth = self.truth.chunks_exact(rows);
        truth
            .zip(self.predicted.chunks_exact(rows))
            .map(|(truth, predicted)| Numbers { truth, predicted })
    }
}

impl Numbers<'_> {
    pub fn mse(&self) -> f64 {
        self.squares() / self.rows()
    }

    pub fn mae(&self) -> f64 {
        self.mean(|error, _| error.abs())
    }

    pub fn mape(&self) -> f64 {
        self.mean(|error, truth| error.abs() / truth.abs().max(f64::EPSILON))
    }

    pub fn mean_pinball_loss(&self, alpha: f64) -> f64 {
        self.mean(|error, _| (alpha * error).max((alpha - 1.0) * error))
    }

    /// Of an even number of rows, the mean of the two in the middle.
    pub fn median_absolute_error(&self) -> f64 {
        let mut errors: Vec<f64> = self.errors().map(f64::abs).collect();
        errors.sort_unstable_by(f64::total_cmp);
        let middle = errors.len() / 2;
        if errors.len() % 2 == 1 {
            errors[middle]
        } else {
            f64::midpoint(errors[middle - 1], errors[middle])
        }
    }

    pub fn max_error(&self) -> f64 {
        self.errors().map(f64::abs).fold(0.0, f64::max)
    }

    pub fn r2(&self) -> f64 {
        explained(self.squares(), squares_about_mean(self.truth))
    }

    pub fn explained_variance(&self) -> f64 {
        let errors: Vec<f64> = self.errors().collect();
        explained(squares_about_mean(&errors), squares_about_mean(self.truth))
    }

    fn mean(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let values = self.errors().zip(self.truth).map(|(e, y)| of(e, *y));
        values.sum::<f64>() / self.rows()
    }

    fn squares(&self) -> f64 {
        self.errors().map(|it| it * it).sum()
    }

    fn errors(&self) -> impl Iterator<Item = f64> {
        self.truth.iter().zip(self.predicted).map(|(y, p)| y - p)
    }

    fn rows(&self) -> f64 {
        self.truth.len() as f64
    }
}

fn explained(unexplained: f64, variation: f64) -> f64 {
    if variation != 0.0 {
        1.0 - unexplained / variation
    } else if unexplained == 0.0 {
        1.0
    } else {
        0.0
    }
}

fn squares_about_mean(values: &[f64]) -> f64 {
    // A constant's mean may differ from it by a rounding error.
    if values.iter().all(|it| *it == values[0]) {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|it| (it - mean).powi(2)).sum()
}
