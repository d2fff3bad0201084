//! A network with what changes it. Unaware of epochs, data and checkpoints.

use pipe_schema::stage::train::{Clip, Optimizer as OptimizerSpec};

use super::Setting;
use crate::{
    error::Result,
    loss::Criterion,
    model::{Net, Tensors},
    optim::Optimizer,
};

/// A network that learns, one `step` after another.
pub struct Learner {
    pub net: Net,
    /// What is learned, by name; shared with the network.
    pub parameters: Tensors,
    pub optimizer: Optimizer,
    pub criterion: Criterion,
    pub clip: Option<Clip>,
}

impl Learner {
    /// With the stage's loss, optimizer and bounds.
    pub fn new(net: Net, setting: &Setting) -> Result<Self> {
        let stage = setting.stage;
        let criterion = Criterion::new(
            stage.loss,
            &setting.class_weights,
            stage.label_smoothing,
            setting.device,
        )?
        .for_layers(&setting.layers, setting.device)?;
        Self::with(net, criterion, &stage.optimizer, stage.clip.clone())
    }

    pub fn with(
        net: Net,
        criterion: Criterion,
        optimizer: &OptimizerSpec,
        clip: Option<Clip>,
    ) -> Result<Self> {
        let parameters = net.parameters();
        let optimizer = Optimizer::new(optimizer, &parameters)?;
        Ok(Self {
            net,
            parameters,
            optimizer,
            criterion,
            clip,
        })
    }
}
