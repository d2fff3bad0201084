//! Charts as SVG text: the same bytes for the same numbers, on any machine. Text is drawn by the viewer's own sans-serif,
//! so no font is read. Knows no metrics and no files.

mod chart;
mod heatmap;
mod scale;
mod svg;
#[cfg(test)]
mod tests;

pub use self::{
    chart::{Axis, Chart, Line},
    heatmap::Heatmap,
    svg::{escape, short},
};
