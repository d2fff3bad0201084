//! Rules of the steps of a preprocess block. Knows one step at a time.

use pipe_schema::stage::preprocess::{
    Bucketize, Clip, ColumnType, Columns, Impute, ImputeStrategy, Normalize, Ordinal, Resize, Step,
    Unknown,
};

use super::Rules;

/// A picture becomes no larger in either direction.
const MOST_PIXELS: u32 = 4096;

/// Checks a step, whose place is `steps`, its number and its name.
pub fn check(step: &Step, path: &[&str; 3], targets: &[String], rules: &mut Rules<'_>) {
    let [steps, i, name] = *path;
    let columns = step.columns();
    if let Columns::Named(names) = columns
        && let Some(target) = names.iter().find(|it| targets.contains(it))
    {
        rules.say(
            &[steps, i, name, "columns"],
            format!("`{target}` is the target, and steps do not change it"),
            "the target",
            "name other columns",
        );
    }
    if matches!(columns, Columns::Named(names) if names.is_empty()) {
        rules.say(
            &[steps, i, name, "columns"],
            "`columns` names no column",
            "",
            "",
        );
    }
    let is_other = |it: &ColumnType| *it != ColumnType::Numeric;
    if step.needs_numbers()
        && match columns {
            Columns::All => true,
            Columns::OfType(it) => is_other(it),
            Columns::Named(_) => false,
        }
    {
        rules.say(
            &[steps, i, name, "columns"],
            format!("`{name}` takes numeric columns"),
            "",
            "write `numeric`, or name the columns",
        );
    }
    match step {
        Step::Ordinal(it) => check_order(it, path, rules),
        Step::Impute(it) => check_impute(it, path, rules),
        Step::MinMax(it) if it.range[0] >= it.range[1] => {
            rules.say(
                &[steps, i, name, "range"],
                "`range` must rise",
                format!("{} is not below {}", it.range[0], it.range[1]),
                "",
            );
        }
        Step::Robust(it) => check_quantiles(it.quantiles, path, rules),
        Step::Clip(it) => check_clip(it, path, rules),
        Step::Bucketize(it) => check_bucketize(it, path, rules),
        Step::BagOfWords(it) if it.ngrams[0] < 1 || it.ngrams[0] > it.ngrams[1] => rules.say(
            &[steps, i, name, "ngrams"],
            "the lengths of `ngrams` must rise from 1",
            format!("from {} to {}", it.ngrams[0], it.ngrams[1]),
            "write `ngrams: [1, 2]` for single words and pairs",
        ),
        Step::DatetimeParts(it) if it.parts.is_empty() => rules.say(
            &[steps, i, name, "parts"],
            "`parts` names no part of a date",
            "",
            "write `parts: [year, month, weekday]`, or leave it out",
        ),
        Step::Resize(it) => check_resize(it, path, rules),
        Step::Normalize(it) => check_normalize(it, path, rules),
        Step::OneHot(it) if it.unknown == Unknown::Other && it.min_count.is_none() => rules.say(
            &[steps, i, name, "unknown"],
            "`unknown: other` needs a column of rare categories",
            "",
            "write `min_count: 10` beside it: what has fewer rows is rare",
        ),
        _ => {}
    }
}

fn check_quantiles(quantiles: [f64; 2], path: &[&str; 3], rules: &mut Rules<'_>) {
    let [low, high] = quantiles;
    if !(0.0 <= low && low < high && high <= 1.0) {
        rules.say(
            &[path[0], path[1], path[2], "quantiles"],
            "`quantiles` must rise between 0 and 1",
            "",
            "",
        );
    }
}

fn check_clip(step: &Clip, path: &[&str; 3], rules: &mut Rules<'_>) {
    let [steps, i, name] = *path;
    let bounds = [step.min, step.max];
    match (step.quantiles, bounds) {
        (Some(_), [None, None]) => {}
        (Some(_), _) => rules.say(
            &[steps, i, name, "quantiles"],
            "`clip` takes `quantiles`, or `min` and `max`",
            "",
            "remove one of the two",
        ),
        (None, [None, None]) => rules.say(
            &[steps, i, name],
            "`clip` has no bounds",
            "no bounds given",
            "write `min: 0`, `max: 100` or `quantiles: [0.01, 0.99]`",
        ),
        (None, [Some(min), Some(max)]) if min > max => rules.say(
            &[steps, i, name, "min"],
            "`min` must not be above `max`",
            format!("{min} is above {max}"),
            "",
        ),
        (None, _) => {}
    }
    if let Some(quantiles) = step.quantiles {
        check_quantiles(quantiles, path, rules);
    }
}

fn check_bucketize(step: &Bucketize, path: &[&str; 3], rules: &mut Rules<'_>) {
    let [steps, i, name] = *path;
    let Some(edges) = &step.edges else { return };
    if edges.is_empty() || !edges.is_sorted_by(|a, b| a < b) {
        rules.say(
            &[steps, i, name, "edges"],
            "`edges` must rise, and there must be one at least",
            "",
            "",
        );
    }
    if step.bins.is_some() || step.strategy.is_some() {
        rules.say(
            &[steps, i, name, "edges"],
            "`bucketize` takes `edges`, or `bins` and `strategy`",
            "",
            "remove one of the two",
        );
    }
}

fn check_resize(step: &Resize, path: &[&str; 3], rules: &mut Rules<'_>) {
    let [steps, i, name] = *path;
    let [height, width] = step.size;
    if height == 0 || width == 0 || height > MOST_PIXELS || width > MOST_PIXELS {
        rules.say(
            &[steps, i, name, "size"],
            format!("height and width must be between 1 and {MOST_PIXELS}"),
            "",
            "write `size: [64, 64]`",
        );
    }
    if step.channels.is_some_and(|it| it != 1 && it != 3) {
        rules.say(
            &[steps, i, name, "channels"],
            "pictures have 1 channel or 3",
            "",
            "write 1 for grey, 3 for colours",
        );
    }
}

fn check_normalize(step: &Normalize, path: &[&str; 3], rules: &mut Rules<'_>) {
    let [steps, i, name] = *path;
    let (option, other) = match (&step.mean, &step.std) {
        (Some(_), None) => ("mean", "std"),
        (None, Some(_)) => ("std", "mean"),
        (Some(mean), Some(std)) => {
            if mean.is_empty() || mean.len() != std.len() {
                rules.say(
                    &[steps, i, name, "std"],
                    "`mean` and `std` must have a number for each channel",
                    format!("{} beside {} of `mean`", std.len(), mean.len()),
                    "",
                );
            }
            if std.iter().any(|it| *it <= 0.0) {
                rules.say(&[steps, i, name, "std"], "`std` must be above 0", "", "");
            }
            return;
        }
        (None, None) => return,
    };
    rules.say(
        &[steps, i, name, option],
        format!("`{option}` needs `{other}`"),
        format!("no `{other}`"),
        "give both, or none: then the train part tells them",
    );
}

fn check_impute(it: &Impute, path: &[&str; 3], rules: &mut Rules<'_>) {
    let [steps, i, name] = *path;
    let is_constant = it.strategy == Some(ImputeStrategy::Constant);
    if is_constant && it.value.is_none() {
        rules.say(
            &[steps, i, name, "strategy"],
            "`strategy: constant` needs a `value`",
            "no value given",
            "write `value: 0` beside it",
        );
    }
    if !is_constant && it.value.is_some() {
        rules.say(
            &[steps, i, name, "value"],
            "`value` belongs to `strategy: constant`",
            "",
            "write `strategy: constant` beside it",
        );
    }
    if it
        .value
        .as_ref()
        .is_some_and(|it| it.is_array() || it.is_object())
    {
        rules.say(
            &[steps, i, name, "value"],
            "`value` must be a number or text",
            "",
            "",
        );
    }
    let is_average = matches!(
        it.strategy,
        Some(ImputeStrategy::Mean | ImputeStrategy::Median)
    );
    if is_average && matches!(it.columns, Columns::OfType(it) if it != ColumnType::Numeric) {
        rules.say(
            &[steps, i, name, "strategy"],
            "only numbers have a mean and a median",
            "",
            "write `most_frequent` or `constant`",
        );
    }
}

/// A category has one rank.
fn check_order(step: &Ordinal, [steps, i, name]: &[&str; 3], rules: &mut Rules<'_>) {
    for (column, order) in &step.order {
        for (at, category) in order.iter().enumerate() {
            if order[..at].contains(category) {
                rules.say(
                    &[steps, i, name, "order", column, &at.to_string()],
                    format!("the order of `{column}` has `{category}` twice"),
                    "given again here",
                    "remove it: each category has one rank",
                );
            }
        }
    }
}
