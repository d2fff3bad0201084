//! Did you mean: the legal word that is nearest to a wrong one. Knows words, not where they stand.

use super::{Diagnostic, Span};

/// Words of other tools, and what they are called here. Only suggested where they are legal.
const SYNONYMS: [(&str, &str); 26] = [
    ("gpu", "cuda"),
    ("ce", "cross_entropy"),
    ("mean_squared_error", "mse"),
    ("highest", "maximize"),
    ("learning_rate", "lr"),
    ("validation", "val"),
    ("depends_on", "needs"),
    ("depends", "needs"),
    ("dependencies", "deps"),
    ("dataset", "data"),
    ("network", "model"),
    ("architecture", "model"),
    ("hidden_layers", "hidden"),
    ("hidden_sizes", "hidden"),
    ("scheduler", "lr_scheduler"),
    ("criterion", "loss"),
    ("label", "target"),
    ("transforms", "steps"),
    ("variables", "vars"),
    ("jobs", "stages"),
    ("params", "vars"),
    ("run", "command"),
    ("script", "cmd"),
    ("command", "cmd"),
    ("kernel", "kernel_size"),
    ("strategy", "matrix"),
];

/// Longer words are nobody's misspelling.
const LONGEST: usize = 64;

/// The nearest of some words, if it is near enough to have been meant.
pub fn nearest<'a>(word: &str, legal: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase().replace('-', "_");
    let synonym = SYNONYMS.iter().find(|it| it.0 == lower).map(|it| it.1);
    let length = lower.chars().count();
    if length > LONGEST {
        return None;
    }
    // Numbers and very short words are near to everything.
    let allowed = match length {
        0..=2 => 0,
        _ if lower.parse::<f64>().is_ok() => 0,
        _ => (length / 3).max(1),
    };
    legal
        .into_iter()
        .filter_map(|it| {
            if Some(it) == synonym {
                return Some((0, it));
            }
            let distance = strsim::damerau_levenshtein(&lower, &it.to_lowercase());
            let is_start = lower.len() >= 3
                && it.len() >= 3
                && (it.starts_with(&lower) || lower.starts_with(it));
            (distance <= allowed || is_start).then_some((distance, it))
        })
        .min_by_key(|it| it.0)
        .map(|it| it.1)
}

/// An unknown name of something, with the known ones.
pub fn unknown(what: &str, name: &str, known: &[&str], span: Span) -> Diagnostic {
    let label = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("no such {what}"),
    };
    let several = plural(what);
    let error = Diagnostic::error(format!("unknown {what} `{name}`")).at(span, label);
    match known {
        [] => error.hint(format!("there are no {several} here")),
        _ => error.hint(format!("known {several}: {}", list(known.iter().copied()))),
    }
}

/// A name that something does not have, with those that it has.
pub fn lacking(owner: &str, what: &str, name: &str, known: &[&str], span: Span) -> Diagnostic {
    let label = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("no such {what}"),
    };
    let several = plural(what);
    let error = Diagnostic::error(format!("`{owner}` has no {what} `{name}`")).at(span, label);
    match known {
        [] => error.hint(format!("it has no {several}")),
        _ => error.hint(format!("its {several}: {}", list(known.iter().copied()))),
    }
}

fn plural(what: &str) -> String {
    match what.strip_suffix("xis") {
        Some(start) => format!("{start}xes"),
        None if what.ends_with('s') => format!("{what}es"),
        None => format!("{what}s"),
    }
}

/// `a`, `b` and `c`, for a message.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    join(words, "and")
}

/// `a`, `b` or `c`.
pub fn either<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    join(words, "or")
}

fn join<'a>(words: impl IntoIterator<Item = &'a str>, last_word: &str) -> String {
    const MOST: usize = 24;
    let words: Vec<String> = words.into_iter().map(|it| format!("`{it}`")).collect();
    if words.len() > MOST {
        return format!(
            "{} and {} more",
            words[..MOST].join(", "),
            words.len() - MOST
        );
    }
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} {last_word} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_and_words_of_other_tools_are_found() {
        let legal = ["epochs", "batch_size", "lr", "needs"];
        assert_eq!(nearest("epoch", legal), Some("epochs"));
        assert_eq!(nearest("batchsize", legal), Some("batch_size"));
        assert_eq!(nearest("batch-size", legal), Some("batch_size"));
        assert_eq!(nearest("learning_rate", legal), Some("lr"));
        assert_eq!(nearest("depends_on", legal), Some("needs"));
    }

    #[test]
    fn what_is_far_is_not_suggested() {
        assert_eq!(nearest("colour", ["epochs", "lr"]), None);
        assert_eq!(nearest("", ["epochs"]), None);
    }
}
