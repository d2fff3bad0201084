//! Metrics of the rows of each value of a raw column. Says which rows belong together; the metrics are those of all rows.

use indexmap::IndexMap;
use pipe_data::Raw;
use pipe_schema::{
    report::{Metrics, Slice, SliceOf, Sliced},
    stage::evaluate::{Metric, SliceBy},
};

use crate::{
    error::{Error, Result},
    metric,
    paired::Paired,
};

/// Measures the slices of one column.
pub fn measure(by: &SliceBy, raw: &Raw, metrics: &[Metric], paired: &Paired) -> Result<Sliced> {
    let groups = match raw {
        Raw::Numbers { values, quartiles } => of_numbers(by, values, quartiles.as_deref()),
        Raw::Words { .. } if !by.bins.is_empty() => {
            return Err(Error::wrong(format!(
                "slices: `bins` are for numbers, and column `{}` has words",
                by.column
            ))
            .hint("leave `bins` out: each value is a slice"));
        }
        Raw::Words { codes, names } => of_words(by, codes, names),
    };
    let rows: usize = groups.iter().map(|it| it.1.len()).sum();
    if rows != paired.answers().rows() {
        return Err(Error::wrong(format!(
            "the raw column `{}` has {rows} rows, the part {}",
            by.column,
            paired.answers().rows()
        )));
    }
    let slices = groups
        .into_iter()
        .map(|(of, rows)| slice(by, of, &rows, metrics, paired))
        .collect();
    Ok(Sliced {
        column: by.column.clone(),
        slices,
    })
}

/// The worst value of each metric over the slices that have it.
pub fn worst(by: &SliceBy, sliced: &Sliced, metrics: &[Metric]) -> Metrics {
    let mut found = Metrics::new();
    for metric in metrics.iter().filter(|it| it.is_number()) {
        let name = metric.name();
        let values = sliced.slices.iter();
        let values = values.filter_map(|it| it.metrics.get(&name)).copied();
        let worst = if metric.higher_is_better() {
            values.min_by(f64::total_cmp)
        } else {
            values.max_by(f64::total_cmp)
        };
        found.extend(worst.map(|it| (by.worst(*metric), it)));
    }
    found
}

fn slice(by: &SliceBy, of: SliceOf, rows: &[usize], metrics: &[Metric], paired: &Paired) -> Slice {
    let mut slice = Slice {
        of,
        rows: rows.len() as u64,
        metrics: Metrics::new(),
        undefined: IndexMap::new(),
    };
    let chosen = paired.rows(rows);
    for metric in metrics.iter().filter(|it| it.is_number()) {
        let name = metric.name();
        if slice.rows < by.min_rows {
            let why = format!("fewer than {} rows", by.min_rows);
            slice.undefined.insert(name, why);
            continue;
        }
        match metric::value(*metric, &chosen.answers()) {
            Ok(value) => {
                slice.metrics.insert(name, value);
            }
            Err(why) => {
                slice.undefined.insert(name, why.to_string());
            }
        }
    }
    slice
}

type Groups = Vec<(SliceOf, Vec<usize>)>;

fn of_numbers(by: &SliceBy, values: &[f64], quartiles: Option<&[f64]>) -> Groups {
    let ends = match quartiles {
        _ if !by.bins.is_empty() => by.bins.as_slice(),
        Some(ends) => ends,
        None => return of_each_number(by, values),
    };
    let mut groups: Groups = (0..=ends.len())
        .map(|at| {
            let from = at.checked_sub(1).map(|it| ends[it]);
            let below = ends.get(at).copied();
            (SliceOf::Range { from, below }, Vec::new())
        })
        .collect();
    let mut missing = Vec::new();
    for (row, value) in values.iter().enumerate() {
        if value.is_nan() {
            missing.push(row);
        } else {
            groups[ends.partition_point(|end| end <= value)].1.push(row);
        }
    }
    groups.push((SliceOf::Missing, missing));
    groups.retain(|it| !it.1.is_empty());
    groups
}

/// In the order of the numbers.
fn of_each_number(by: &SliceBy, values: &[f64]) -> Groups {
    let (missing, mut known): (Vec<usize>, Vec<usize>) =
        (0..values.len()).partition(|row| values[*row].is_nan());
    known.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let groups: Vec<(String, Vec<usize>)> = known
        .chunk_by(|a, b| values[*a] == values[*b])
        .map(|rows| (format!("{}", values[rows[0]] + 0.0), rows.to_vec()))
        .collect();
    let is_listed = listed(&groups, by.most);
    together(groups, &is_listed, missing)
}

/// Those with most rows first, of equals the smaller text.
fn of_words(by: &SliceBy, codes: &[Option<u32>], names: &[String]) -> Groups {
    let mut groups: Vec<(String, Vec<usize>)> =
        names.iter().map(|it| (it.clone(), Vec::new())).collect();
    let mut missing = Vec::new();
    for (row, code) in codes.iter().enumerate() {
        match code {
            Some(code) => groups[*code as usize].1.push(row),
            None => missing.push(row),
        }
    }
    groups.retain(|it| !it.1.is_empty());
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    let is_listed = listed(&groups, by.most);
    together(groups, &is_listed, missing)
}

/// Which groups have a slice of their own: those with most rows, of equals the first.
fn listed(groups: &[(String, Vec<usize>)], most: u32) -> Vec<bool> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(groups[*at].1.len()));
    let mut is_listed = vec![false; groups.len()];
    for at in order.into_iter().take(most as usize) {
        is_listed[at] = true;
    }
    is_listed
}

/// The listed groups, all others as one, and the rows without a value.
fn together(groups: Vec<(String, Vec<usize>)>, is_listed: &[bool], missing: Vec<usize>) -> Groups {
    let mut slices = Vec::new();
    let (mut values, mut others) = (0, Vec::new());
    for ((value, rows), is_listed) in groups.into_iter().zip(is_listed) {
        if *is_listed {
            slices.push((SliceOf::Value(value), rows));
        } else {
            values += 1;
            others.extend(rows);
        }
    }
    if values > 0 {
        others.sort_unstable();
        slices.push((SliceOf::Other { values }, others));
    }
    if !missing.is_empty() {
        slices.push((SliceOf::Missing, missing));
    }
    slices
}

#[cfg(test)]
mod tests;
