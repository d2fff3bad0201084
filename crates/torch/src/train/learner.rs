//! A network with what changes it. Unaware of epochs, data and checkpoints.

use pipe_schema::stage::{
    Train,
    train::{Clip, Loss, Optimizer as OptimizerSpec},
};

use crate::{
    error::Result,
    model::{Net, Tensors},
    optim::Optimizer,
};

/// A network that learns, one `step` after another.
pub struct Learner {
    pub net: Net,
    /// What is learned, by name; shared with the network.
    pub parameters: Tensors,
    pub optimizer: Optimizer,
    pub loss: Loss,
    pub clip: Option<Clip>,
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
}
