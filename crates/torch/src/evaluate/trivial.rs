//! What can be said of a row without looking at it: the baseline of a report.

use pipe_data::Grid;
use pipe_schema::dataset::{Target, TargetKind};

use crate::answer::Answers;

/// The most frequent class with the shares of the train part, or its mean; of several targets each one's.
pub fn trivial(target: &Target, rows: usize) -> Answers {
    match &target.kind {
        TargetKind::Classes { train_counts, .. } => {
            let sum: u64 = train_counts.iter().sum();
            let shares: Vec<f32> = train_counts.iter().map(|it| share(*it, sum)).collect();
            let most = (1..train_counts.len()).fold(0, |best, class| {
                if train_counts[class] > train_counts[best] {
                    class
                } else {
                    best
                }
            });
            Answers::Classes {
                chosen: vec![most; rows],
                probabilities: shares.repeat(rows),
            }
        }
        TargetKind::Number { train_mean } => Answers::Numbers(vec![*train_mean as f32; rows]),
        TargetKind::Numbers { train_means, .. } => {
            let means: Vec<f32> = train_means.iter().map(|it| *it as f32).collect();
            Answers::Several(Grid::new(means.len(), means.repeat(rows)))
        }
        TargetKind::Labels {
            train_counts,
            train_rows,
            ..
        } => {
            let width = train_counts.len();
            let shares: Vec<f32> = train_counts
                .iter()
                .map(|it| share(*it, *train_rows))
                .collect();
            // Of as many yes as no, no.
            let chosen: Vec<bool> = train_counts.iter().map(|it| it * 2 > *train_rows).collect();
            Answers::Labels {
                chosen: Grid::new(width, chosen.repeat(rows)),
                probabilities: Grid::new(width, shares.repeat(rows)),
            }
        }
    }
}

fn share(count: u64, rows: u64) -> f32 {
    (count as f64 / rows.max(1) as f64) as f32
}
