//! Pictures of one size, and numbers alike in each channel. Knows no files.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{ChannelScales, FittedStep},
    stage::preprocess::{Normalize, Resize},
};

use super::{
    choice,
    scale::{check_finite, standard},
};
use crate::{
    block::Block,
    error::DataError,
    frame::{Frame, Values},
};

/// Learns whether the pictures are grey.
pub fn fit_resize(step: &Resize, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let channels = match &frame.columns[&name] {
            Values::Pictures(them) => step.channels.unwrap_or_else(|| them.channels(train)),
            other => {
                return Err(DataError::wrong(format!(
                    "resize needs pictures: column `{name}` is {}",
                    other.type_word()
                ))
                .hint("pictures come from `source: {images: …}`"));
            }
        };
        columns.insert(name, channels);
    }
    if columns.is_empty() {
        return Err(DataError::wrong("there is no picture to resize")
            .hint("pictures come from `source: {images: …}`"));
    }
    Ok(FittedStep::Resize {
        columns,
        size: step.size,
    })
}

/// Puts blocks where the pictures were.
pub fn apply_resize(
    columns: &IndexMap<String, u32>,
    size: [u32; 2],
    frame: &mut Frame,
) -> Result<(), DataError> {
    for (name, channels) in columns {
        if let Some(values) = frame.columns.get_mut(name)
            && let Values::Pictures(them) = values
        {
            *values = Values::Block(them.block(size, *channels)?);
        }
    }
    Ok(())
}

/// Learns mean and deviation of each channel, where they are not given.
pub fn fit_normalize(
    step: &Normalize,
    frame: &Frame,
    train: &[usize],
) -> Result<FittedStep, DataError> {
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let block = images(frame, &name)?;
        let scales = match (&step.mean, &step.std) {
            (Some(mean), Some(std)) => ChannelScales {
                mean: mean.clone(),
                scale: std.clone(),
            },
            _ => learn(block, train),
        };
        let channels = block.channels();
        if scales.mean.len() != channels || scales.scale.len() != channels {
            return Err(DataError::wrong(format!(
                "`mean` has {} numbers and `std` {}: column `{name}` has {channels} channels",
                scales.mean.len(),
                scales.scale.len()
            ))
            .hint("give one for each channel, or leave both out: then the train part tells them"));
        }
        check_finite(&scales.mean, &name)?;
        check_finite(&scales.scale, &name)?;
        columns.insert(name, scales);
    }
    if columns.is_empty() {
        return Err(DataError::wrong("there is no image to normalize")
            .hint("for columns of numbers take `standardize`"));
    }
    Ok(FittedStep::Normalize { columns })
}

fn images<'a>(frame: &'a Frame, name: &str) -> Result<&'a Block, DataError> {
    match &frame.columns[name] {
        Values::Block(block) if block.is_image() => Ok(block),
        Values::Pictures(_) => Err(DataError::wrong(format!(
            "normalize needs pictures of one size: column `{name}` is not resized yet"
        ))
        .hint("put `resize` before it")),
        other => Err(DataError::wrong(format!(
            "normalize needs images: column `{name}` is {}",
            other.type_word()
        ))
        .hint("for columns of numbers take `standardize`")),
    }
}

fn learn(block: &Block, train: &[usize]) -> ChannelScales {
    let moments = block.moments(train).into_iter();
    let scales = moments.map(|it| standard(it.mean, it.variance, it.count as f64));
    let (mean, scale) = scales.map(|it| (it.mean, it.scale)).unzip();
    ChannelScales { mean, scale }
}

/// Does to each channel what was learned of it.
pub fn apply_normalize(
    columns: &IndexMap<String, ChannelScales>,
    frame: &mut Frame,
) -> Result<(), DataError> {
    for (name, it) in columns {
        if let Some(Values::Block(block)) = frame.columns.get_mut(name) {
            let channels = block.channels();
            if it.mean.len() != channels || it.scale.len() != channels {
                return Err(DataError::wrong(format!(
                    "normalize: column `{name}` has {channels} channels, and {} means and {} scales",
                    it.mean.len(),
                    it.scale.len()
                )));
            }
            block.change(|channel, value| (value - it.mean[channel]) / it.scale[channel]);
        }
    }
    Ok(())
}
