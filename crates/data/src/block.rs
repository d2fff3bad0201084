//! Wide columns: in each row so many numbers in one shape, like the pixels of an image. Knows no names and no files.

use std::hash::{Hash, Hasher};

use serde_json::Value;

use crate::frame::number_json;

/// The numbers of all rows, one row after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    shape: Vec<u32>,
    rows: usize,
    numbers: Numbers,
}

#[derive(Clone, Debug, PartialEq)]
enum Numbers {
    /// Bytes as they were read, and by channel what each byte stands for: that is changed, not the bytes.
    Bytes {
        bytes: Vec<u8>,
        values: Vec<[f64; 256]>,
    },
    Floats(Vec<f32>),
}

/// What some rows hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    pub count: u64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Of the population.
    pub variance: f64,
}

impl Block {
    /// A block of bytes. The shape is of a row; nothing comes of one that the bytes do not fill.
    pub fn of_bytes(shape: &[usize], rows: usize, bytes: Vec<u8>) -> Option<Self> {
        let (shape, bytes) = arrange(shape, rows, bytes)?;
        let mut values = [0.0; 256];
        for (byte, value) in values.iter_mut().enumerate() {
            *value = byte as f64;
        }
        let values = vec![values; channels(&shape)];
        Some(Self {
            shape,
            rows,
            numbers: Numbers::Bytes { bytes, values },
        })
    }

    /// A block of numbers, likewise.
    pub fn of_floats(shape: &[usize], rows: usize, floats: Vec<f32>) -> Option<Self> {
        let (shape, floats) = arrange(shape, rows, floats)?;
        Some(Self {
            shape,
            rows,
            numbers: Numbers::Floats(floats),
        })
    }

    /// One row, from nested lists of numbers.
    pub fn of_json(value: &Value) -> Option<Self> {
        let mut numbers = Vec::new();
        let shape = flatten(value, &mut numbers)?;
        if shape.is_empty() {
            return None;
        }
        Self::of_floats(&shape, 1, numbers)
    }

    /// The block in this shape, if it has it, or is flat and of its size.
    pub fn of_shape(mut self, shape: &[u32]) -> Option<Self> {
        let size: usize = shape.iter().map(|it| *it as usize).product();
        if self.shape.len() == 1 && self.width() == size {
            if let Numbers::Bytes { values, .. } = &mut self.numbers {
                *values = vec![values[0]; channels(shape)];
            }
            shape.clone_into(&mut self.shape);
        }
        (self.shape == shape).then_some(self)
    }

    /// The shape of a row: channels, height and width; or one size.
    pub fn shape(&self) -> &[u32] {
        &self.shape
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.shape.iter().map(|it| *it as usize).product()
    }

    /// How many channels are told apart: the first of three sizes, else one.
    pub fn channels(&self) -> usize {
        channels(&self.shape)
    }

    /// Whether its rows are images: channels, height and width.
    pub fn is_image(&self) -> bool {
        self.shape.len() == 3
    }

    /// Adds the rows of another block of the same shape.
    pub fn append(&mut self, other: Self) {
        self.rows += other.rows;
        match (&mut self.numbers, other.numbers) {
            (
                Numbers::Bytes { bytes, values },
                Numbers::Bytes {
                    bytes: more,
                    values: others,
                },
            ) if *values == others => bytes.extend(more),
            (numbers, more) => {
                let mut floats = std::mem::replace(numbers, Numbers::Floats(Vec::new()))
                    .into_floats(&self.shape);
                floats.extend(more.into_floats(&self.shape));
                *numbers = Numbers::Floats(floats);
            }
        }
    }

    /// The rows from `from` up to `to`, not including it.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        self.gather(&(from..to.min(self.rows)).collect::<Vec<_>>())
    }

    /// These rows, in this order.
    pub fn gather(&self, rows: &[usize]) -> Self {
        let numbers = match &self.numbers {
            Numbers::Bytes { bytes, values } => Numbers::Bytes {
                bytes: gathered(bytes, self.width(), rows),
                values: values.clone(),
            },
            Numbers::Floats(floats) => Numbers::Floats(gathered(floats, self.width(), rows)),
        };
        Self {
            shape: self.shape.clone(),
            rows: rows.len(),
            numbers,
        }
    }

    /// The bytes of these rows, if each byte stands for itself: nothing has changed them since they were read.
    pub fn bytes_of(&self, rows: &[usize]) -> Option<Vec<u8>> {
        let Numbers::Bytes { bytes, values } = &self.numbers else {
            return None;
        };
        let stands_for_itself = |values: &[f64; 256]| {
            (0..=255_u8).all(|byte| values[usize::from(byte)] == f64::from(byte))
        };
        let is_raw = values.iter().all(stands_for_itself);
        is_raw.then(|| gathered(bytes, self.width(), rows))
    }

    /// Changes each number; `change` is told its channel.
    pub fn change(&mut self, change: impl Fn(usize, f64) -> f64) {
        let width = self.width();
        let plane = width / self.channels();
        match &mut self.numbers {
            Numbers::Bytes { values, .. } => {
                for (channel, values) in values.iter_mut().enumerate() {
                    for value in values {
                        *value = change(channel, *value);
                    }
                }
            }
            Numbers::Floats(floats) => {
                for (at, number) in floats.iter_mut().enumerate() {
                    *number = change(at % width / plane, f64::from(*number)) as f32;
                }
            }
        }
    }

    /// Writes the numbers of a row.
    pub fn write_row(&self, row: usize, out: &mut [f32]) {
        let width = self.width();
        let place = row * width..(row + 1) * width;
        match &self.numbers {
            Numbers::Bytes { bytes, values } => {
                let plane = width / values.len();
                let planes = bytes[place].chunks_exact(plane);
                for ((bytes, values), out) in planes.zip(values).zip(out.chunks_exact_mut(plane)) {
                    for (byte, out) in bytes.iter().zip(out) {
                        *out = values[usize::from(*byte)] as f32;
                    }
                }
            }
            Numbers::Floats(floats) => out.copy_from_slice(&floats[place]),
        }
    }

    /// A row as JSON: lists in the block's shape.
    pub fn json(&self, row: usize) -> Value {
        let mut numbers = vec![0.0; self.width()];
        self.write_row(row, &mut numbers);
        nested(&self.shape, &numbers)
    }

    /// Takes a row's numbers into a hash.
    pub fn hash_row(&self, row: usize, hasher: &mut impl Hasher) {
        let place = row * self.width()..(row + 1) * self.width();
        match &self.numbers {
            Numbers::Bytes { bytes, .. } => bytes[place].hash(hasher),
            Numbers::Floats(floats) => {
                floats[place]
                    .iter()
                    .for_each(|it| it.to_bits().hash(hasher));
            }
        }
    }

    /// Whether two rows have the same numbers.
    pub fn same(&self, a: usize, b: usize) -> bool {
        let place = |row: usize| row * self.width()..(row + 1) * self.width();
        match &self.numbers {
            Numbers::Bytes { bytes, .. } => bytes[place(a)] == bytes[place(b)],
            Numbers::Floats(floats) => floats[place(a)] == floats[place(b)],
        }
    }

    /// What the numbers of some rows are, by channel.
    pub fn moments(&self, rows: &[usize]) -> Vec<Moments> {
        let (width, channels) = (self.width(), self.channels());
        let plane = width / channels;
        let mut moments = Vec::with_capacity(channels);
        for channel in 0..channels {
            let place = |row: &usize| {
                let from = row * width + channel * plane;
                from..from + plane
            };
            moments.push(match &self.numbers {
                Numbers::Bytes { bytes, values } => {
                    let mut counts = [0_u64; 256];
                    for row in rows {
                        for byte in &bytes[place(row)] {
                            counts[usize::from(*byte)] += 1;
                        }
                    }
                    let known = values[channel].iter().copied().zip(counts);
                    Moments::of(known.clone().filter(|it| it.1 > 0))
                }
                Numbers::Floats(floats) => {
                    let numbers = rows.iter().flat_map(|row| &floats[place(row)]);
                    Moments::of(numbers.map(|it| (f64::from(*it), 1)))
                }
            });
        }
        moments
    }
}

impl Moments {
    /// Of numbers with how often each is there.
    fn of(numbers: impl Iterator<Item = (f64, u64)> + Clone) -> Self {
        let (mut min, mut max, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0);
        for (value, times) in numbers.clone() {
            (min, max) = (min.min(value), max.max(value));
            sum += value * times as f64;
            count += times;
        }
        let mean = sum / count as f64;
        let squares: f64 = numbers
            .map(|(value, times)| (value - mean) * (value - mean) * times as f64)
            .sum();
        Self {
            count,
            min,
            max,
            mean,
            variance: squares / count as f64,
        }
    }

    /// Of all together.
    pub fn joined(all: &[Self]) -> Self {
        let count: u64 = all.iter().map(|it| it.count).sum();
        let share = |it: &Self| it.count as f64 / count as f64;
        let mean: f64 = all.iter().map(|it| it.mean * share(it)).sum();
        Self {
            count,
            min: all
                .iter()
                .fold(f64::INFINITY, |least, it| least.min(it.min)),
            max: all
                .iter()
                .fold(f64::NEG_INFINITY, |most, it| most.max(it.max)),
            mean,
            variance: all
                .iter()
                .map(|it| (it.variance + (it.mean - mean) * (it.mean - mean)) * share(it))
                .sum(),
        }
    }
}

impl Numbers {
    fn into_floats(self, shape: &[u32]) -> Vec<f32> {
        match self {
            Self::Floats(floats) => floats,
            Self::Bytes { bytes, values } => {
                let width: usize = shape.iter().map(|it| *it as usize).product();
                let plane = width / values.len();
                let bytes = bytes.iter().enumerate();
                bytes
                    .map(|(at, byte)| values[at % width / plane][usize::from(*byte)] as f32)
                    .collect()
            }
        }
    }
}

/// How a column with this shape is described.
pub fn shape_words(shape: &[u32]) -> String {
    let sizes: Vec<String> = shape.iter().map(u32::to_string).collect();
    sizes.join(" × ")
}

fn gathered<T: Copy>(all: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    let rows = rows.iter().map(|row| &all[row * width..(row + 1) * width]);
    rows.flatten().copied().collect()
}

fn channels(shape: &[u32]) -> usize {
    match shape {
        [channels, _, _] => *channels as usize,
        _ => 1,
    }
}

/// Gives images one order: two sizes are one channel; a last size of 1, 3 or 4 is the channels, and goes first.
fn arrange<T: Copy>(shape: &[usize], rows: usize, numbers: Vec<T>) -> Option<(Vec<u32>, Vec<T>)> {
    let width = shape
        .iter()
        .try_fold(1_usize, |all, it| all.checked_mul(*it))?;
    if width == 0 || rows.checked_mul(width)? != numbers.len() {
        return None;
    }
    let are_channels = |size: usize| matches!(size, 1 | 3 | 4);
    let (shape, numbers) = match *shape {
        [height, size] => (vec![1, height, size], numbers),
        [height, size, channels] if are_channels(channels) && !are_channels(height) => {
            let plane = height * size;
            let mut turned = Vec::with_capacity(numbers.len());
            for row in numbers.chunks_exact(width) {
                for channel in 0..channels {
                    turned.extend((0..plane).map(|at| row[at * channels + channel]));
                }
            }
            (vec![channels, height, size], turned)
        }
        _ => (shape.to_vec(), numbers),
    };
    let shape = shape.iter().map(|it| u32::try_from(*it));
    Some((shape.collect::<Result<_, _>>().ok()?, numbers))
}

/// The numbers of nested lists one after another, and the sizes of the lists. Nothing comes of lists of unequal sizes.
fn flatten(value: &Value, numbers: &mut Vec<f32>) -> Option<Vec<usize>> {
    let Value::Array(items) = value else {
        let number = value.as_f64()? as f32;
        numbers.push(number);
        return number.is_finite().then(Vec::new);
    };
    let mut inner: Option<Vec<usize>> = None;
    for item in items {
        let shape = flatten(item, numbers)?;
        if inner.get_or_insert_with(|| shape.clone()) != &shape {
            return None;
        }
    }
    let mut shape = vec![items.len()];
    shape.extend(inner?);
    Some(shape)
}

fn nested(shape: &[u32], numbers: &[f32]) -> Value {
    match shape {
        [] => numbers
            .first()
            .map_or(Value::Null, |it| number_json(f64::from(*it))),
        [_, inner @ ..] => {
            let width: usize = inner.iter().map(|it| *it as usize).product();
            let items = numbers.chunks_exact(width.max(1));
            Value::Array(items.map(|it| nested(inner, it)).collect())
        }
    }
}

#[cfg(test)]
mod tests;
