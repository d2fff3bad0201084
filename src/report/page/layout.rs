//! Where the boxes of a graph stand, and the way of each line past those between its ends. Knows numbers of stages, no names.

use std::collections::HashMap;

pub const BOX: (f64, f64) = (168.0, 44.0);
const GAP: (f64, f64) = (44.0, 14.0);
/// Room for the lines of one stage that pass a column.
const LANE: f64 = 6.0;

/// A graph in columns: each stage stands right of all that it waits for.
pub struct Layout {
    /// The upper left corner of each stage's box.
    pub boxes: Vec<(f64, f64)>,
    /// A line an edge.
    pub lines: Vec<Vec<Bend>>,
    pub size: (f64, f64),
}

/// A part of a line: from the end of the part before it, in a curve, to `x` and `y`, then straight on to `until`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bend {
    pub x: f64,
    pub y: f64,
    pub until: f64,
}

/// What takes room in a column.
#[derive(Clone, Copy)]
enum Slot {
    Box(usize),
    /// The lines of this stage on their way to later columns.
    Lane(usize),
}

impl Slot {
    fn stage(self) -> usize {
        match self {
            Self::Box(stage) | Self::Lane(stage) => stage,
        }
    }

    fn height(self) -> f64 {
        match self {
            Self::Box(_) => BOX.1,
            Self::Lane(_) => LANE,
        }
    }
}

/// Lays out stages in an order in which none comes before what it waits for: `after` has the places of these.
pub fn of(after: &[Vec<u32>]) -> Layout {
    let before = |stage: usize| {
        let before = after[stage].iter().map(|it| *it as usize);
        before.filter(move |it| *it < stage)
    };
    let mut columns: Vec<usize> = Vec::with_capacity(after.len());
    let mut reach = vec![0; after.len()];
    for stage in 0..after.len() {
        let column = before(stage)
            .map(|it| columns[it] + 1)
            .max()
            .unwrap_or_default();
        columns.push(column);
        for source in before(stage) {
            reach[source] = column.max(reach[source]);
        }
    }
    let last = columns.iter().copied().max().unwrap_or_default();
    let mut slots: Vec<Vec<Slot>> = vec![Vec::new(); last + 1];
    for (stage, column) in columns.iter().enumerate() {
        slots[*column].push(Slot::Box(stage));
        let next = column + 1;
        for passed in &mut slots[next..reach[stage].max(next)] {
            passed.push(Slot::Lane(stage));
        }
    }
    // The middle of a stage's box, or of its lane, in a column.
    let mut middles: HashMap<(usize, usize), f64> = HashMap::new();
    let mut height = 0_f64;
    for (column, slots) in slots.iter_mut().enumerate() {
        let pull = |slot: &Slot| {
            let sources: Vec<usize> = match *slot {
                Slot::Box(stage) => before(stage).collect(),
                Slot::Lane(stage) => vec![stage],
            };
            let places = sources
                .iter()
                .filter_map(|it| middles.get(&(column.checked_sub(1)?, *it)));
            let (sum, count) = places.fold((0.0, 0.0), |(sum, count), it| (sum + it, count + 1.0));
            if count > 0.0 { sum / count } else { 0.0 }
        };
        let mut pulled: Vec<(f64, Slot)> = slots.iter().map(|it| (pull(it), *it)).collect();
        pulled.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut y = 0.0;
        for (_, slot) in pulled {
            middles.insert((column, slot.stage()), y + slot.height() / 2.0);
            height = height.max(y + slot.height());
            y += slot.height() + GAP.1;
        }
    }
    let left = |column: usize| column as f64 * (BOX.0 + GAP.0);
    let boxes = columns
        .iter()
        .enumerate()
        .map(|(stage, column)| (left(*column), middles[&(*column, stage)] - BOX.1 / 2.0));
    let line = |source: usize, reader: usize| {
        let passed = columns[source]..columns[reader];
        let mut bends: Vec<Bend> = passed
            .map(|column| Bend {
                x: left(column),
                y: middles[&(column, source)],
                until: left(column) + BOX.0,
            })
            .collect();
        let x = left(columns[reader]);
        bends.push(Bend {
            x,
            y: middles[&(columns[reader], reader)],
            until: x,
        });
        bends
    };
    Layout {
        boxes: boxes.collect(),
        lines: (0..after.len())
            .flat_map(|reader| before(reader).map(move |source| (source, reader)))
            .map(|(source, reader)| line(source, reader))
            .collect(),
        size: (left(last) + BOX.0, height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a straight part of a line runs through a box.
    fn crosses(bend: &Bend, (x, y): (f64, f64)) -> bool {
        let is_beside = bend.until <= x || bend.x >= x + BOX.0;
        !is_beside && bend.y > y && bend.y < y + BOX.1
    }

    #[test]
    fn lines_pass_between_boxes() {
        // prepare -> fit -> small -> bundle; score and bundle read earlier ones, too.
        let after = [
            vec![],
            vec![0],
            vec![0, 1],
            vec![0, 2],
            vec![0, 1, 2, 3],
            vec![0],
        ];
        let layout = of(&after);
        assert_eq!(layout.lines.len(), 10);
        for line in &layout.lines {
            // The first part starts behind its own box.
            for bend in &line[1..] {
                assert!(
                    !layout.boxes.iter().any(|it| crosses(bend, *it)),
                    "{bend:?}"
                );
            }
        }
        for (at, a) in layout.boxes.iter().enumerate() {
            assert!(a.0 + BOX.0 <= layout.size.0 && a.1 + BOX.1 <= layout.size.1);
            for b in &layout.boxes[at + 1..] {
                assert!(
                    a.0 != b.0 || (a.1 - b.1).abs() >= BOX.1 + GAP.1,
                    "{a:?} {b:?}"
                );
            }
        }
    }

    #[test]
    fn a_stage_stands_right_of_all_it_waits_for() {
        let after = [vec![], vec![], vec![0, 1], vec![1], vec![2, 3]];
        let layout = of(&after);
        for (reader, before) in after.iter().enumerate() {
            for source in before {
                assert!(layout.boxes[*source as usize].0 < layout.boxes[reader].0);
            }
        }
        assert!(of(&[]).boxes.is_empty());
    }
}
