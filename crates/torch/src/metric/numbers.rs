//! Metrics of predicted numbers.
//!
//! With truth y and prediction p: mse = mean (y - p)², rmse = √mse, mae = mean |y - p|,
//! r2 = 1 - Σ (y - p)² / Σ (y - mean y)² (Draper and Smith 1998, "Applied regression analysis", section 1.3).
//! Of a constant truth r2 is 1 if every prediction is right, else 0, as scikit-learn has it (`force_finite`).

use pipe_schema::stage::evaluate::Metric;

/// Numbers by row.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    pub truth: &'a [f64],
    pub predicted: &'a [f64],
}

impl Numbers<'_> {
    /// The metric's value, if it is one of numbers.
    pub(super) fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Mse => Some(self.squares() / self.rows()),
            Metric::Rmse => Some((self.squares() / self.rows()).sqrt()),
            Metric::Mae => Some(self.errors().map(f64::abs).sum::<f64>() / self.rows()),
            Metric::R2 => Some(self.r2()),
            _ => None,
        }
    }

    fn r2(&self) -> f64 {
        let unexplained = self.squares();
        let mean = self.truth.iter().sum::<f64>() / self.rows();
        // A constant's mean may differ from it by a rounding error.
        let variation = if self.truth.iter().all(|y| *y == self.truth[0]) {
            0.0
        } else {
            self.truth.iter().map(|y| (y - mean).powi(2)).sum()
        };
        if variation != 0.0 {
            1.0 - unexplained / variation
        } else if unexplained == 0.0 {
            1.0
        } else {
            0.0
        }
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
