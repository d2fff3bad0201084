//! Windows over rows in order: which rows make one, and their numbers as one row. Knows no steps and no files.

use pipe_schema::stage::preprocess::{Preprocess, Windows};
use serde_json::{Map, Value};

use crate::{
    dataset::Features,
    error::DataError,
    frame::{Frame, Values},
    infer::Missing,
    size::{FeaturesSize, Room},
    split::{
        Parts,
        label::{self, LabelOrder},
        time,
    },
    table::Table,
};

/// The windows among some rows.
pub struct Series {
    length: usize,
    /// The rows, group by group, each in its order.
    sorted: Vec<usize>,
    /// Where a window starts in `sorted`.
    starts: Vec<usize>,
    /// For each window the row that it is for: the one whose target is predicted.
    goals: Vec<usize>,
}

/// The windows of each part; nothing where the block has none. The parts become the rows that windows are for.
pub fn divide(
    block: &Preprocess,
    table: &Table,
    missing: &Missing,
    parts: &mut Parts,
    log: &mut dyn FnMut(String),
) -> Result<Option<Vec<Series>>, DataError> {
    let Some(spec) = &block.windows else {
        return Ok(None);
    };
    let order = Order::of(spec, table, missing)?;
    let mut all = Vec::with_capacity(parts.len());
    for (part, rows) in parts {
        let series = Series::among(&order, rows, spec.length, spec.horizon);
        if series.goals.is_empty() {
            let longest = order.longest(rows);
            return Err(DataError::wrong(format!(
                "the {part} part has no window: at most {longest} of its rows follow each other, and a window with its target takes {}",
                u64::from(spec.length) + u64::from(spec.horizon)
            ))
            .hint("take a smaller `length` or `horizon`, or give the part a larger share"));
        }
        let (count, left) = (series.goals.len(), rows.len() - series.goals.len());
        log(format!(
            "{part}: {count} windows of {} rows; {left} of its {} rows come too early to be predicted",
            spec.length,
            rows.len()
        ));
        rows.clone_from(&series.goals);
        all.push(series);
    }
    Ok(Some(all))
}

/// Names of the numbers of a window: those of each column one after another.
pub fn names(columns: &[String], length: u32) -> Vec<String> {
    let named = |name: &String| {
        let name = name.clone();
        (0..length).map(move |at| format!("{name}[{at}]"))
    };
    columns.iter().flat_map(named).collect()
}

impl Series {
    /// All windows among these rows. Their goals ascend.
    pub fn among(order: &Order, rows: &[usize], length: u32, horizon: u32) -> Self {
        let sorted = order.sort(rows);
        let (length, ahead) = (length as usize, horizon as usize);
        let reach = length - 1 + ahead;
        let ends = sorted.iter().skip(reach);
        let mut found: Vec<(usize, usize)> = sorted
            .iter()
            .zip(ends)
            .enumerate()
            .filter(|(_, (first, goal))| order.are_together(**first, **goal))
            .map(|(start, (_, goal))| (*goal, start))
            .collect();
        found.sort_unstable();
        let (goals, starts) = found.into_iter().unzip();
        Self {
            length,
            sorted,
            starts,
            goals,
        }
    }

    /// Windows that lie one behind another and share no row.
    pub fn apart(rows: usize, length: u32) -> Self {
        let length = length as usize;
        let starts = (0..rows / length).map(|it| it * length).collect();
        Self::starting_at(starts, rows, length as u32)
    }

    /// Windows that start at these rows.
    pub fn starting_at(starts: Vec<usize>, rows: usize, length: u32) -> Self {
        let length = length as usize;
        Self {
            length,
            sorted: (0..rows).collect(),
            goals: starts.iter().map(|start| start + length - 1).collect(),
            starts,
        }
    }

    /// The rows that windows are cut from, in order.
    pub fn rows(&self) -> &[usize] {
        &self.sorted
    }

    /// The position in `rows` at which each window starts.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// How many rows one has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What the numbers of all windows will take.
    pub fn size(&self, frame: &Frame) -> FeaturesSize {
        let columns: usize = frame.columns.values().map(Values::width).sum();
        FeaturesSize {
            rows: self.starts.len(),
            width: columns * self.length,
            counts: None,
        }
    }

    /// The numbers of each window: those of the first column in order, those of the second, and so on.
    pub fn features(&self, frame: &Frame, room: &Room<'_>) -> Result<Features, DataError> {
        self.size(frame).check(room)?;
        let rows = frame.features(&self.sorted)?;
        let (columns, length) = (rows.width, self.length);
        let width = columns * length;
        let mut values = vec![0.0; self.starts.len() * width];
        for (start, out) in self.starts.iter().zip(values.chunks_mut(width.max(1))) {
            let window = &rows.values[start * columns..(start + length) * columns];
            for (at, row) in window.chunks_exact(columns).enumerate() {
                for (column, number) in row.iter().enumerate() {
                    out[column * length + at] = *number;
                }
            }
        }
        Ok(Features {
            rows: self.starts.len(),
            width,
            values,
        })
    }

    /// The raw values of a window's rows, by column.
    pub fn raw(&self, window: usize, frame: &Frame) -> Map<String, Value> {
        let start = self.starts[window];
        let rows = &self.sorted[start..start + self.length];
        let columns = frame.columns.iter();
        let list = |it: &Values| rows.iter().map(|row| it.json(*row)).collect();
        columns
            .map(|(name, it)| (name.clone(), Value::Array(list(it))))
            .collect()
    }
}

/// How the rows of a table follow each other.
pub struct Order {
    times: Option<Vec<f64>>,
    groups: Option<Vec<usize>>,
}

impl Order {
    /// As the columns tell that are named.
    pub fn of(spec: &Windows, table: &Table, missing: &Missing) -> Result<Self, DataError> {
        let times = spec.order.as_ref();
        let groups = spec.group.as_ref();
        Ok(Self {
            times: times
                .map(|it| time::times(it, table, missing))
                .transpose()?,
            groups: groups
                .map(|it| label::groups(table, it, missing, LabelOrder::Text))
                .transpose()?,
        })
    }

    /// Rows group by group, each in its order; of rows of one time the one that was read first.
    fn sort(&self, rows: &[usize]) -> Vec<usize> {
        let mut sorted = rows.to_vec();
        let time = |row: usize| self.times.as_ref().map_or(0.0, |it| it[row]);
        sorted.sort_by(|a, b| {
            let groups = self.group(*a).cmp(&self.group(*b));
            groups.then(time(*a).total_cmp(&time(*b)))
        });
        sorted
    }

    fn group(&self, row: usize) -> usize {
        self.groups.as_ref().map_or(0, |it| it[row])
    }

    fn are_together(&self, a: usize, b: usize) -> bool {
        self.group(a) == self.group(b)
    }

    /// The most rows of a group.
    fn longest(&self, rows: &[usize]) -> usize {
        let sorted = self.sort(rows);
        let groups = sorted.chunk_by(|a, b| self.are_together(*a, *b));
        groups.map(<[usize]>::len).max().unwrap_or(0)
    }
}
