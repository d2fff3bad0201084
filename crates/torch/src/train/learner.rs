//! A network with what changes it: one step of training. Unaware of epochs, data and checkpoints.

use pipe_schema::stage::{
    Train,
    train::{Clip, Loss, Optimizer as OptimizerSpec},
};

use crate::{
    error::Result,
    loss,
    model::{Net, Tensors},
    optim::{Optimizer, clip},
    rows::Rows,
};

/// A network that learns.
pub struct Learner {
    pub net: Net,
    parameters: Tensors,
    optimizer: Optimizer,
    loss: Loss,
    clip: Option<Clip>,
}

impl Learner {
    /// With the stage's loss, optimizer and bounds.
    pub fn new(net: Net, stage: &Train) -> Result<Self> {
        Self::with(net, stage.loss, &stage.optimizer, stage.clip.clone())
    }

    pub fn with(
        net: Net,
        loss: Loss,
        optimizer: &OptimizerSpec,
        clip: Option<Clip>,
    ) -> Result<Self> {
        let parameters = net.parameters();
        let optimizer = Optimizer::new(optimizer, &parameters)?;
        Ok(Self {
            net,
            parameters,
            optimizer,
            loss,
            clip,
        })
    }

    /// One step: the loss of the batch, its gradients, and the change that follows from them. Gives the loss before the
    /// change; where that is no number, nothing is changed.
    pub fn step(&mut self, batch: &Rows, lr: f64) -> Result<f64> {
        let outputs = self.net.forward(&batch.features, true)?;
        let loss = loss::mean(self.loss, &outputs, &batch.target)?;
        let value = loss.f_double_value(&[])?;
        if value.is_finite() {
            self.optimizer.zero_grad()?;
            loss.f_backward()?;
            clip(&self.parameters, self.clip.as_ref())?;
            self.optimizer.step(lr)?;
        }
        Ok(value)
    }

    /// The learning rate that the spec names.
    pub fn lr(&self) -> f64 {
        self.optimizer.lr()
    }

    /// What the optimizer remembers, by name.
    pub fn optimizer_state(&self) -> &Tensors {
        self.optimizer.state()
    }

    /// Puts back what `optimizer_state` gave.
    pub fn restore_optimizer(&mut self, state: &Tensors) -> Result<()> {
        self.optimizer.restore(state)
    }
}
