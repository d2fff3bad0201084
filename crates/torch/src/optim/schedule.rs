//! The learning rate, step by step. Pure.

use std::f64::consts::PI;

use pipe_schema::{
    model::EpochRecord,
    stage::train::{LrScheduler, higher_is_better},
};

/// A rate that would change by less stays.
const SMALLEST_CHANGE: f64 = 1e-8;

/// A schedule for a whole training: it does not depend on how much of it is run.
#[derive(Clone, Debug)]
pub struct Schedule {
    scheduler: LrScheduler,
    lr: f64,
    steps: u64,
    steps_per_epoch: u64,
    /// What the epochs so far made of the rate, where it follows from them.
    reached: f64,
}

impl Schedule {
    /// For `epochs` epochs, beginning with the optimizer's learning rate.
    pub fn new(scheduler: &LrScheduler, lr: f64, epochs: u32, steps_per_epoch: u64) -> Self {
        Self {
            scheduler: scheduler.clone(),
            lr,
            steps: u64::from(epochs) * steps_per_epoch,
            steps_per_epoch,
            reached: lr,
        }
    }

    /// Looks at the epochs that are complete. The same epochs lead to the same rate, so that nothing of it is to be kept.
    pub fn follow(&mut self, history: &[EpochRecord]) {
        if let LrScheduler::Plateau { .. } = self.scheduler {
            self.reached = self.after(history);
        }
    }

    /// The learning rate of a step, counted from 0.
    pub fn lr(&self, step: u64) -> f64 {
        match self.scheduler {
            LrScheduler::Constant => self.lr,
            LrScheduler::Plateau { .. } => self.reached,
            LrScheduler::OneCycle {
                pct_start,
                div_factor,
                final_div_factor,
            } => {
                let last = self.steps as f64 - 1.0;
                let top = (pct_start * self.steps as f64 - 1.0).max(0.0);
                let start = self.lr / div_factor;
                let step = step as f64;
                if step <= top && top > 0.0 {
                    return halfway(start, self.lr, step / top);
                }
                let share = (step - top) / (last - top).max(f64::MIN_POSITIVE);
                halfway(self.lr, start / final_div_factor, share.min(1.0))
            }
            LrScheduler::Step { step_size, gamma } => {
                let epoch = step / self.steps_per_epoch.max(1);
                let drops = epoch / u64::from(step_size.max(1));
                self.lr * gamma.powi(i32::try_from(drops).unwrap_or(i32::MAX))
            }
            LrScheduler::Cosine {
                warmup_epochs,
                min_lr,
            } => {
                let warmup = u64::from(warmup_epochs) * self.steps_per_epoch;
                if step < warmup {
                    return self.lr * ((step + 1) as f64 / warmup as f64);
                }
                let (done, all) = (step - warmup, self.steps.saturating_sub(warmup));
                let share = (done as f64 / all.max(1) as f64).min(1.0);
                min_lr + (self.lr - min_lr) * (1.0 + (PI * share).cos()) / 2.0
            }
        }
    }

    /// As PyTorch's `ReduceLROnPlateau`, with a threshold relative to the best value.
    fn after(&self, history: &[EpochRecord]) -> f64 {
        let LrScheduler::Plateau {
            metric,
            factor,
            patience,
            threshold,
            cooldown,
            min_lr,
        } = &self.scheduler
        else {
            return self.lr;
        };
        let higher_is_better = higher_is_better(metric);
        let (mut lr, mut best) = (self.lr, None::<f64>);
        let (mut bad, mut resting) = (0, 0);
        for record in history {
            let Some(&value) = record.metrics.get(metric) else {
                continue;
            };
            let is_better = best.is_none_or(|best| {
                if higher_is_better {
                    value > best * (1.0 + threshold)
                } else {
                    value < best * (1.0 - threshold)
                }
            });
            if is_better {
                best = Some(value);
                bad = 0;
            } else {
                bad += 1;
            }
            if resting > 0 {
                resting -= 1;
                bad = 0;
            }
            if bad > *patience {
                let lower = (lr * factor).max(*min_lr);
                if lr - lower > SMALLEST_CHANGE {
                    lr = lower;
                }
                resting = *cooldown;
                bad = 0;
            }
        }
        lr
    }
}

/// Half a cosine from one rate to another.
fn halfway(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) / 2.0 * ((PI * share).cos() + 1.0)
}
