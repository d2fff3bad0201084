//! The learning rate, step by step. Pure.

use std::f64::consts::PI;

use pipe_schema::stage::train::LrScheduler;

/// A schedule for a whole training: it does not depend on how much of it is run.
#[derive(Clone, Debug)]
pub struct Schedule {
    scheduler: LrScheduler,
    lr: f64,
    steps: u64,
    steps_per_epoch: u64,
}

impl Schedule {
    /// For `epochs` epochs, beginning with the optimizer's learning rate.
    pub fn new(scheduler: &LrScheduler, lr: f64, epochs: u32, steps_per_epoch: u64) -> Self {
        Self {
            scheduler: scheduler.clone(),
            lr,
            steps: u64::from(epochs) * steps_per_epoch,
            steps_per_epoch,
        }
    }

    /// The learning rate of a step, counted from 0.
    pub fn lr(&self, step: u64) -> f64 {
        match self.scheduler {
            LrScheduler::Constant => self.lr,
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
}
