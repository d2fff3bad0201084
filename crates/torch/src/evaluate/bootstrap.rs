//! Percentile intervals of metrics, over rows drawn with replacement (Efron and Tibshirani 1993, "An introduction to the
//! bootstrap", section 13.3). The draws follow from the seed alone.

use indexmap::IndexMap;
use pipe_schema::{
    report::{Interval, Intervals},
    stage::evaluate::{Bootstrap, Metric},
};

use crate::{metric, paired::Paired};

/// An interval for each metric that is a number. `told` hears how many samples are done.
pub fn intervals(
    block: &Bootstrap,
    metrics: &[Metric],
    paired: &Paired,
    told: &mut dyn FnMut(u64),
) -> Intervals {
    let metrics: Vec<Metric> = metrics
        .iter()
        .copied()
        .filter(|it| it.is_number())
        .collect();
    let rows = paired.answers().rows();
    let mut draws = Draws(block.seed);
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); metrics.len()];
    for sample in 0..block.samples {
        let chosen: Vec<usize> = (0..rows).map(|_| draws.below(rows)).collect();
        let drawn = paired.rows(&chosen);
        for (metric, values) in metrics.iter().zip(&mut values) {
            // A sample may lack a class: it says nothing of this metric.
            values.extend(metric::value(*metric, &drawn.answers()).ok());
        }
        told(u64::from(sample) + 1);
    }
    let mut intervals = IndexMap::new();
    for (metric, mut values) in metrics.into_iter().zip(values) {
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - block.confidence) / 2.0;
        let ends = quantile(&values, tail).zip(quantile(&values, 1.0 - tail));
        if let Some((low, high)) = ends {
            let undefined = block.samples - values.len() as u32;
            let interval = Interval {
                low,
                high,
                undefined,
            };
            intervals.insert(metric.name(), interval);
        }
    }
    Intervals {
        confidence: block.confidence,
        samples: block.samples,
        seed: block.seed,
        metrics: intervals,
    }
}

/// Between neighbours by proportion, as numpy's default; nothing of no values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let part = place - place.floor();
    Some(sorted[below] + (sorted[above] - sorted[below]) * part)
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; the bias is below `end` / 2^64.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Paired {
        let truth: Vec<f64> = (0..200).map(f64::from).collect();
        let predicted = truth.iter().map(|it| it + (it % 7.0) - 3.0).collect();
        Paired::Numbers { truth, predicted }
    }

    fn block(seed: u64, confidence: f64) -> Bootstrap {
        Bootstrap {
            samples: 300,
            confidence,
            seed,
        }
    }

    fn of(paired: &Paired, metric: Metric, block: &Bootstrap) -> Option<Interval> {
        let found = intervals(block, &[metric], paired, &mut |_| {});
        found.metrics.get(&metric.name()).copied()
    }

    #[test]
    fn an_interval_follows_from_its_seed_and_holds_the_metric() {
        let paired = numbers();
        let value = metric::value(Metric::Mae, &paired.answers()).unwrap();
        let first = of(&paired, Metric::Mae, &block(1, 0.95)).unwrap();
        assert!(first.low < value && value < first.high, "{first:?} {value}");
        // The standard error is 0.07: an interval of 95 % is four of it wide.
        assert!((first.high - first.low - 0.28).abs() < 0.06, "{first:?}");
        assert_eq!(of(&paired, Metric::Mae, &block(1, 0.95)), Some(first));
        assert_ne!(of(&paired, Metric::Mae, &block(2, 0.95)), Some(first));
        let narrow = of(&paired, Metric::Mae, &block(1, 0.5)).unwrap();
        assert!(first.low < narrow.low && narrow.high < first.high);
    }

    #[test]
    fn samples_without_a_class_are_counted_and_left_out() {
        let paired = Paired::Classes {
            truth: vec![0, 0, 0, 1],
            predicted: vec![0, 0, 0, 1],
            probabilities: vec![0.9, 0.1, 0.8, 0.2, 0.3, 0.7, 0.4, 0.6],
            count: 2,
            positive: Some(1),
        };
        let found = of(&paired, Metric::RocAuc, &block(0, 0.95)).unwrap();
        // (3/4)^4 of the samples lack the one row of the second class.
        assert!((60..140).contains(&found.undefined), "{found:?}");
        assert!(found.low >= 0.0 && found.high <= 1.0);
        assert_eq!(
            of(&paired, Metric::Accuracy, &block(0, 0.95))
                .unwrap()
                .undefined,
            0
        );
        assert_eq!(of(&paired, Metric::ConfusionMatrix, &block(0, 0.95)), None);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[1.0], 0.975), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
