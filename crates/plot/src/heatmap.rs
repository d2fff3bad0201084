//! A square table of counts as cells, darker where a row's share is larger.

use crate::svg::{Svg, short};

/// Names up to which counts are written into the cells.
const COUNTED: usize = 20;

/// Counts by row and column; both have the same names.
#[derive(Clone, Debug)]
pub struct Heatmap {
    pub title: String,
    pub rows_label: String,
    pub columns_label: String,
    pub names: Vec<String>,
    pub cells: Vec<Vec<u64>>,
}

impl Heatmap {
    /// The picture.
    pub fn svg(&self) -> String {
        let count = self.names.len().max(1) as f64;
        let cell = (360.0 / count).clamp(12.0, 64.0);
        let longest = self.names.iter().map(|it| it.chars().count()).max();
        let room = 7.0 * longest.unwrap_or(0).clamp(2, 14) as f64;
        let (left, top) = (34.0 + room, 36.0);
        let side = cell * count;
        let is_slanted = room > cell - 4.0;
        let below = if is_slanted { 22.0 + room * 0.75 } else { 22.0 };
        // Room for the title beside few cells.
        let width = (left + side + 16.0).max(300.0);
        let mut svg = Svg::new(
            width.ceil(),
            (top + side + below + 24.0).ceil(),
            &self.title,
        );
        svg.text("title", (12.0, 20.0), "start", &self.title);
        svg.upward("note", (16.0, top + side / 2.0), &self.rows_label);
        svg.text(
            "note",
            (left + side / 2.0, top + side + below + 14.0),
            "middle",
            &self.columns_label,
        );
        for (row, (name, cells)) in self.names.iter().zip(&self.cells).enumerate() {
            let name = short(name, 14);
            let middle = top + (row as f64 + 0.5) * cell;
            svg.text("", (left - 6.0, middle + 4.0), "end", &name);
            let under = left + (row as f64 + 0.5) * cell;
            if is_slanted {
                svg.slanted("", (under + 4.0, top + side + 14.0), &name);
            } else {
                svg.text("", (under, top + side + 16.0), "middle", &name);
            }
            let sum: u64 = cells.iter().sum();
            for (column, cell_count) in cells.iter().enumerate() {
                let share = *cell_count as f64 / sum.max(1) as f64;
                let corner = (left + column as f64 * cell, top + row as f64 * cell);
                let tip = format!("{} → {}: {cell_count}", self.names[row], self.names[column]);
                svg.rect("cell heat", corner, (cell, cell), 0.04 + 0.9 * share, &tip);
                if self.names.len() <= COUNTED && *cell_count > 0 {
                    let class = if share > 0.55 { "on" } else { "" };
                    let at = (corner.0 + cell / 2.0, corner.1 + cell / 2.0 + 4.0);
                    svg.text(class, at, "middle", &cell_count.to_string());
                }
            }
        }
        svg.finish()
    }
}
