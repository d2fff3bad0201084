//! Words for slices of a report, the same in the terminal and on a page. Knows no tables.

use std::collections::BTreeMap;

use pipe_schema::report::{Slice, Sliced};

use super::figures;

/// The metrics that some slice has, or would have, in the order of the report.
pub fn metrics(by: &Sliced) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for slice in &by.slices {
        for name in slice.metrics.keys().chain(slice.undefined.keys()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    names
}

/// A metric of a slice; a dash where it has none.
pub fn cell(slice: &Slice, metric: &str) -> String {
    let value = slice.metrics.get(metric).copied();
    value.map_or_else(|| "-".to_owned(), figures::number)
}

/// Why some slices lack metrics: each reason once, with the slices.
pub fn reasons(by: &Sliced) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for slice in &by.slices {
        for why in slice.undefined.values() {
            let slices = reasons.entry(why).or_default();
            let name = slice.of.to_string();
            if !slices.contains(&name) {
                slices.push(name);
            }
        }
    }
    let line = |(why, slices): (&str, Vec<String>)| format!("{}: {why}", slices.join(", "));
    reasons.into_iter().map(line).collect()
}
