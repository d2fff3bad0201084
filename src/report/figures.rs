//! Numbers as people read them: spans of time, sizes, counts, metrics and their differences. Pure.

use pipe_schema::{
    dataset::PositiveClass,
    model::{ClassThreshold, DecisionThreshold},
    stage::evaluate::{Metric, WORST},
    text::{count_words, one_line, scaled_words, size_words},
};

/// A span of time: `0.42s`, `12.1s`, `3m 12s`, `2h 05m`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 9.995 {
        format!("{seconds:.2}s")
    } else if seconds < 59.95 {
        format!("{seconds:.1}s")
    } else {
        let whole = seconds.round() as u64;
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
        if hours > 0 {
            format!("{hours}h {minutes:02}m")
        } else {
            format!("{minutes}m {rest:02}s")
        }
    }
}

/// A guess at a span of time, in whole seconds: `2s`, `3m 12s`.
pub fn roughly(span: f64) -> String {
    if span < 59.5 {
        format!("{}s", span.ceil())
    } else {
        seconds(span)
    }
}

/// A size, in the decimal units of file managers: `512 B`, `92 kB`, `1.4 MB`.
pub fn bytes(bytes: u64) -> String {
    size_words(bytes)
}

/// A rate or a large count: `850`, `41k`, `1.2M`.
pub fn short(count: f64) -> String {
    scaled_words(count, 1000.0, &["", "k", "M", "G"])
}

/// A count with its thousands apart: `1,797`.
pub fn count(count: u64) -> String {
    count_words(count)
}

/// `1 stage`, `3 stages`.
pub fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// A metric to four significant digits: `0.978`, `0.08123`, `1.2e-7`, `1234`.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..15.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let digits = (3.0 - magnitude).clamp(0.0, 8.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A difference with its sign: `+0.002`; nothing where both print alike.
pub fn difference(old: f64, new: f64) -> Option<String> {
    let change = new - old;
    if number(old) == number(new) || !change.is_finite() {
        return None;
    }
    // As exact as the values themselves, not more.
    let digits = [old, new].map(|it| number(it).split_once('.').map_or(0, |(_, tail)| tail.len()));
    let digits = digits[0].max(digits[1]).min(8);
    Some(format!("{change:+.digits$}"))
}

/// Whether a change of a metric is for the better; nothing where that is not known.
pub fn is_better(name: &str, old: f64, new: f64) -> Option<bool> {
    // Before the column by whose slices it is the worst.
    let name = name.split_once(WORST).map_or(name, |it| it.0);
    // Behind the part, as in `val.accuracy`.
    let word = name.split_once('.').map_or(name, |it| it.1);
    if old == new {
        return None;
    }
    if word == "loss" {
        return Some(new < old);
    }
    let metric = Metric::of_name(name).or_else(|| Metric::of_name(word))?;
    Some((new > old) == metric.higher_is_better())
}

/// A metric's name as people read it: with the class that it looks for.
pub fn titled(name: &str, positive: Option<&PositiveClass>) -> String {
    let word = name.split_once(WORST).map_or(name, |it| it.0);
    let looks_for_one = Metric::of_name(word).is_some_and(Metric::looks_for_positive);
    match positive.filter(|_| looks_for_one) {
        Some(it) => format!("{name} ({})", pipe_plot::short(&one_line(&it.class), 24)),
        None => name.to_owned(),
    }
}

/// Which class figures of one class look for, and why.
pub fn positive_class(positive: &PositiveClass) -> String {
    one_line(&positive.to_string()).into_owned()
}

/// From which probability on a class is predicted, and what that gave where it was chosen.
pub fn threshold(threshold: &DecisionThreshold) -> String {
    let mut text = class_threshold(&threshold.of);
    let part = threshold.rule.on.name();
    for (at, (name, value)) in threshold.figures.iter().enumerate() {
        let before = if at == 0 {
            format!("; on the {part} part")
        } else {
            ",".to_owned()
        };
        text.push_str(&format!("{before} {name} {}", number(*value)));
    }
    text
}

/// From which probability on a class is predicted.
pub fn class_threshold(threshold: &ClassThreshold) -> String {
    let ClassThreshold { class, at } = threshold;
    format!(
        "threshold: `{}` from a probability of {} on",
        one_line(class),
        number(*at)
    )
}

/// The metrics that say most, at most `limit` of them: quality before losses, validation before training.
pub fn telling<'a>(
    metrics: impl IntoIterator<Item = (&'a String, &'a f64)>,
    limit: usize,
) -> Vec<(&'a str, f64)> {
    const FIRST: [&str; 14] = [
        "accuracy",
        "rmse",
        "val.accuracy",
        "val.rmse",
        "roc_auc",
        "average_precision",
        "f1",
        "balanced_accuracy",
        "f1_macro",
        "r2",
        "val.loss",
        "mae",
        "log_loss",
        "train.loss",
    ];
    let mut found: Vec<_> = metrics
        .into_iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    found.sort_by_key(|(name, _)| {
        FIRST
            .iter()
            .position(|it| it == name)
            .unwrap_or(FIRST.len())
    });
    found.truncate(limit);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_fit_their_scale() {
        let spans = [0.004, 3.146, 9.999, 12.06, 59.99, 192.0, 7500.0].map(seconds);
        assert_eq!(
            spans,
            [
                "0.00s", "3.15s", "10.0s", "12.1s", "1m 00s", "3m 12s", "2h 05m"
            ]
        );
        let sizes = [0, 999, 1000, 91_900, 999_999, 1_440_000].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "92 kB", "1.0 MB", "1.4 MB"]
        );
        assert_eq!(
            [999, 1000, 1_234_567].map(count),
            ["999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn metrics_have_four_significant_digits() {
        let texts = [0.97812, 0.08, 1.0, 12345.6, 1.2346e-7, -0.5, 0.0, f64::NAN].map(number);
        assert_eq!(
            texts,
            [
                "0.9781", "0.08", "1", "12346", "1.235e-7", "-0.5", "0", "NaN"
            ]
        );
    }

    #[test]
    fn a_difference_has_a_sign_and_a_direction() {
        assert_eq!(difference(0.976, 0.978).as_deref(), Some("+0.002"));
        assert_eq!(difference(0.97801, 0.97802), None);
        assert_eq!(is_better("val.loss", 0.2, 0.1), Some(true));
        assert_eq!(is_better("accuracy", 0.9, 0.8), Some(false));
        assert_eq!(is_better("rows", 1.0, 2.0), None);
        assert_eq!(is_better("top_3_accuracy", 0.8, 0.9), Some(true));
        assert_eq!(is_better("mean_pinball_loss_0.9", 0.8, 0.9), Some(false));
    }

    #[test]
    fn what_says_most_comes_first() {
        let metrics: pipe_schema::report::Metrics = [
            ("train.loss", 1.0),
            ("val.loss", 2.0),
            ("val.accuracy", 3.0),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!(
            telling(&metrics, 2),
            [("val.accuracy", 3.0), ("val.loss", 2.0)]
        );
    }

    #[test]
    fn metric_of_one_class_is_told_with_its_positive_class() {
        let fraud = PositiveClass {
            class: "fraud\n".to_owned(),
            why: pipe_schema::dataset::WhyPositive::Rarer,
        };
        let told = |name| titled(name, Some(&fraud));
        assert_eq!(told("average_precision"), "average_precision (fraud )");
        assert_eq!(told("hits_at_0.01"), "hits_at_0.01 (fraud )");
        assert_eq!(told("recall_worst_city"), "recall_worst_city (fraud )");
        assert_eq!(told("accuracy"), "accuracy");
        assert_eq!(told("f1_macro"), "f1_macro");
        assert_eq!(titled("recall", None), "recall");
    }
}
