//! Scales pictures bilinearly; where one becomes smaller, all its pixels count. Knows no files.
//!
//! The weights are rounded as Pillow rounds them, so the levels are equal to those of its `resize` with `BILINEAR`.
//! Rows are scaled first, as Pillow always did before version 13; that begins with the columns for some sizes, and may then
//! differ by 1 of 255.

use super::decode::{Level, Picture};

const BITS: u32 = 22;

/// The pixels that make one pixel, and the weight of each.
struct Taps {
    from: usize,
    weights: Vec<i32>,
}

/// The picture in another size.
pub fn resize<L: Level>(picture: Picture<L>, height: usize, width: usize) -> Picture<L> {
    let picture = if picture.width == width {
        picture
    } else {
        horizontally(&picture, width)
    };
    if picture.height == height {
        picture
    } else {
        vertically(&picture, height)
    }
}

fn horizontally<L: Level>(picture: &Picture<L>, width: usize) -> Picture<L> {
    let channels = picture.channels;
    let taps = taps(picture.width, width);
    let mut levels = Vec::with_capacity(picture.height * width * channels);
    for row in picture.levels.chunks_exact(picture.width * channels) {
        for it in &taps {
            for channel in 0..channels {
                let near = row[it.from * channels + channel..].iter().step_by(channels);
                levels.push(level(near.zip(&it.weights)));
            }
        }
    }
    Picture {
        width,
        levels,
        ..*picture
    }
}

fn vertically<L: Level>(picture: &Picture<L>, height: usize) -> Picture<L> {
    let line = picture.width * picture.channels;
    let mut levels = Vec::with_capacity(height * line);
    for it in taps(picture.height, height) {
        for at in 0..line {
            let near = picture.levels[it.from * line + at..].iter().step_by(line);
            levels.push(level(near.zip(&it.weights)));
        }
    }
    Picture {
        height,
        levels,
        ..*picture
    }
}

fn level<'a, L: Level + 'a>(near: impl Iterator<Item = (&'a L, &'a i32)>) -> L {
    let weighed = near.map(|(level, weight)| i64::from((*level).into()) * i64::from(*weight));
    let sum: i64 = weighed.sum();
    L::of(((sum + (1 << (BITS - 1))) >> BITS).max(0) as u32)
}

/// For each of `to` pixels those of `from` that lie under its triangle.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let slope = 1.0 / reach;
    let places = 0..to;
    places
        .map(|at| {
            let center = (at as f64 + 0.5) * scale;
            let first = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(from);
            let weight = |it: usize| {
                let away = (it as f64 - center + 0.5) * slope;
                (1.0 - away.abs()).max(0.0)
            };
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let whole = f64::from(1 << BITS);
            Taps {
                from: first,
                weights: weights
                    .iter()
                    .map(|it| (0.5 + it / sum * whole) as i32)
                    .collect(),
            }
        })
        .collect()
}
