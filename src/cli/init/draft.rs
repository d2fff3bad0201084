//! The text of a first spec: what a table needs, in at most 24 lines (a number to predict, dates and texts take one more each), and the line for editors before them.
//! Pure: a survey in, a text out.

use std::fmt::Write;

use pipe_data::infer::{self, Glance};
use pipe_schema::stage::preprocess::{ColumnType, Read};

use super::survey::Survey;
use crate::{
    cli::{UserError, quote},
    report::figures,
};

/// Terms of a column of texts: enough for a first look, and few enough to train in seconds.
const TERMS: u64 = 200;
/// A categorical column with more values is left out: each would be a column of its own.
const MOST_CATEGORIES: u64 = 100;
/// Fewer rows cannot be divided into three parts that mean anything.
const FEWEST_ROWS: u64 = 10;
/// Steps of training that take seconds.
const STEPS: u64 = 4000;

/// The spec, and what is worth telling beside it.
pub fn spec(
    survey: &Survey,
    target: &str,
    source: &str,
) -> Result<(String, Vec<String>), UserError> {
    let goal = survey.column(target)?;
    check(survey, target, goal)?;
    let choice = Choice::of(survey, target);
    if choice.used.is_empty() {
        return Err(UserError::usage(format!(
            "{} has no column to learn `{target}` from: all others are names, constants or empty",
            survey.name
        )));
    }
    let text = write(survey, target, goal, source, &choice);
    let mut notes = notes(survey, target, goal, &choice);
    notes.splice(0..0, survey.notes.iter().cloned());
    Ok((text, notes))
}

/// What becomes of each column.
struct Choice<'a> {
    used: Vec<(&'a str, &'a Glance)>,
    /// Columns left out.
    dropped: Vec<(&'a str, &'static str)>,
}

impl<'a> Choice<'a> {
    fn of(survey: &'a Survey, target: &str) -> Self {
        let mut choice = Self {
            used: Vec::new(),
            dropped: Vec::new(),
        };
        let unread = survey.unread.keys();
        choice
            .dropped
            .extend(unread.map(|name| (name.as_str(), "cannot be read")));
        for (name, glance) in survey.columns.iter().filter(|it| it.0 != target) {
            let is_words = glance.r#type == ColumnType::Categorical;
            let values = survey.rows - glance.missing;
            let reason = match glance.distinct {
                0 => Some("empty"),
                1 if glance.missing == 0 => Some("always the same"),
                it if glance.is_id || (it == survey.rows && is_called_id(name)) => {
                    Some("names of rows")
                }
                it if is_words && (it > MOST_CATEGORIES || (it > 10 && it > values / 2)) => {
                    Some("too many values")
                }
                _ => None,
            };
            match reason {
                Some(reason) => choice.dropped.push((name, reason)),
                None => choice.used.push((name, glance)),
            }
        }
        choice
    }

    fn has(&self, r#type: ColumnType) -> bool {
        self.used.iter().any(|(_, it)| it.r#type == r#type)
    }

    fn missing(&self) -> Vec<&'a str> {
        // A missing text is one without words.
        let missing = self
            .used
            .iter()
            .filter(|(_, it)| it.missing > 0 && it.r#type != ColumnType::Text);
        missing.map(|(name, _)| *name).collect()
    }
}

/// Whether a column's name says that its values name rows: `id`, `user_id`, `customer ID`, `orderId`.
fn is_called_id(name: &str) -> bool {
    let last = name.rsplit(['_', ' ', '-', '.']).next().unwrap_or(name);
    last.eq_ignore_ascii_case("id") || last.eq_ignore_ascii_case("uuid") || name.ends_with("Id")
}

fn check(survey: &Survey, target: &str, goal: &Glance) -> Result<(), UserError> {
    if survey.rows < FEWEST_ROWS {
        return Err(UserError::usage(format!(
            "{} has {}: too few to train, choose and test on (at least {FEWEST_ROWS})",
            survey.name,
            figures::plural(survey.rows, "row")
        )));
    }
    if goal.missing > 0 {
        return Err(UserError::usage(format!(
            "{} of {} have no value for the target `{target}`",
            figures::plural(goal.missing, "row"),
            figures::count(survey.rows)
        ))
        .hint("leave out rows without a target: they can be neither trained nor measured on"));
    }
    if goal.distinct < 2 {
        return Err(UserError::usage(format!(
            "the target `{target}` is the same in all rows: there is nothing to learn"
        )));
    }
    if goal.means_classes && goal.distinct * 2 > survey.rows {
        return Err(UserError::usage(format!(
            "the target `{target}` has {} different words in {}: these are no classes",
            figures::count(goal.distinct),
            figures::plural(survey.rows, "row")
        ))
        .hint("name another column with `--target`"));
    }
    Ok(())
}

fn notes(survey: &Survey, target: &str, goal: &Glance, choice: &Choice<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, reason) in &choice.dropped {
        let reason = survey.unread.get(*name).map_or(*reason, String::as_str);
        notes.push(format!(
            "column `{}` is left out: {reason}",
            quote::prose(name)
        ));
    }
    if goal.means_classes {
        let rare: Vec<&String> = goal
            .counts
            .iter()
            .filter(|(_, count)| **count < 3)
            .map(|(class, _)| class)
            .collect();
        if !rare.is_empty() {
            notes.push(format!(
                "of `{target}`, {} has fewer than 3 rows: it can hardly be learned or measured",
                infer::listed(&rare)
            ));
        }
    }
    notes
}

fn write(
    survey: &Survey,
    target: &str,
    goal: &Glance,
    source: &str,
    choice: &Choice<'_>,
) -> String {
    let rows = survey.rows;
    let what = if goal.means_classes {
        let classes: Vec<String> = goal
            .counts
            .keys()
            .take(3)
            .map(|it| quote::prose(it))
            .collect();
        let more = if goal.distinct > 3 { ", …" } else { "" };
        format!("{} classes: {}{more}", goal.distinct, classes.join(", "))
    } else {
        "a number".to_owned()
    };
    let shares = if rows < 100 {
        [0.6, 0.2, 0.2]
    } else {
        [0.8, 0.1, 0.1]
    };
    let [train, val, test] = shares;
    let stratify = if goal.means_classes {
        format!("stratify: {}, ", quote::yaml(target))
    } else {
        String::new()
    };
    let read = reading(&survey.read);
    let batch = match rows {
        0..500 => 16,
        500..5000 => 32,
        5000..50_000 => 128,
        _ => 512,
    };
    let steps_an_epoch = (rows * 8 / 10).div_ceil(batch).max(1);
    let epochs = (STEPS / steps_an_epoch).clamp(5, 100);
    let (loss, lr) = if goal.means_classes {
        ("cross_entropy", 0.003)
    } else {
        ("mse", 0.01)
    };
    let mut text = String::new();
    let mut line = |it: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{it}");
    };
    line("version: 1".to_owned());
    line(format!(
        "name: {} # predicts {} ({what}) from {} of {}",
        quote::yaml(&legal_name(&survey.name)),
        quote::prose(target),
        figures::plural(choice.used.len() as u64, "column"),
        quote::prose(&survey.name),
    ));
    line("stages:".to_owned());
    line("  prepare:".to_owned());
    line("    preprocess:".to_owned());
    line(format!(
        "      source: {{{}: {}{read}}}",
        survey.read.form().name(),
        quote::yaml(source)
    ));
    line(format!("      target: {}", quote::yaml(target)));
    // A spec's keys cannot hold `${`.
    let can_be_key = |name: &&str| !name.contains("${");
    let used = || {
        choice
            .used
            .iter()
            .map(|(name, it)| (*name, *it))
            .chain([(target, goal)])
    };
    let declared: Vec<String> = used()
        .filter_map(|(name, _)| Some((name, survey.declared.get(name)?)))
        .filter(|(name, _)| can_be_key(name))
        .map(|(name, it)| format!("{}: {it}", quote::yaml(name)))
        .collect();
    let mixed: Vec<String> = choice
        .used
        .iter()
        .filter(|(name, it)| it.is_mixed && can_be_key(name))
        .map(|(name, _)| format!("{}: categorical", quote::yaml(name)))
        .collect();
    if !mixed.is_empty() || !declared.is_empty() {
        let what = match (mixed.is_empty(), declared.is_empty()) {
            (false, true) => "words and numbers",
            (true, _) => "how values are written",
            (false, false) => "words and numbers; how values are written",
        };
        let columns = [mixed.clone(), declared].concat();
        line(format!(
            "      columns: {{{}}} # {what}",
            columns.join(", ")
        ));
    }
    line(format!(
        "      split: {{random: {{train: {train:?}, val: {val:?}, test: {test:?}, {stratify}seed: 1}}}}"
    ));
    let steps = steps(choice);
    if steps.is_empty() {
        line("      steps: [] # all columns are words for yes and no already".to_owned());
    } else {
        line("      steps: # fitted on the train part alone".to_owned());
        steps.into_iter().for_each(&mut line);
    }
    line("  fit:".to_owned());
    line("    train:".to_owned());
    line("      data: prepare".to_owned());
    line("      model: {mlp: {hidden: [64, 32], dropout: 0.1}}".to_owned());
    line(format!("      loss: {loss}"));
    if !goal.means_classes {
        line("      scale_target: true # whatever its unit".to_owned());
    }
    if batch == 32 || mixed.is_empty() {
        line(format!("      optimizer: {{adamw: {{lr: {lr}}}}}"));
    }
    line(format!("      epochs: {epochs}"));
    if batch != 32 {
        line(format!("      batch_size: {batch}"));
    }
    line("      early_stopping: {metric: val.loss, patience: 10}".to_owned());
    line(
        "  score: {evaluate: {model: fit, data: prepare.test}} # rows that training never saw"
            .to_owned(),
    );
    line("  bundle: {package: {model: fit, report: score}} # for `pipe predict`".to_owned());
    text
}

/// What differs from the default in how the file is read.
fn reading(read: &Read) -> String {
    let usual = Read::default();
    let mut options = Vec::new();
    if read.delimiter != usual.delimiter {
        let delimiter = quote::yaml(&read.delimiter.to_string());
        options.push(format!("delimiter: {delimiter}"));
    }
    if !read.na.is_usual() {
        let words = read.na.words().iter();
        let words: Vec<String> = words.map(|word| quote::yaml(word)).collect();
        options.push(format!("na: [{}]", words.join(", ")));
    }
    if options.is_empty() {
        String::new()
    } else {
        format!(", read: {{{}}}", options.join(", "))
    }
}

fn steps(choice: &Choice<'_>) -> Vec<String> {
    let list = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|it| quote::yaml(it)).collect();
        quoted.join(", ")
    };
    let mut steps = Vec::new();
    if !choice.dropped.is_empty() {
        let names: Vec<&str> = choice.dropped.iter().map(|it| it.0).collect();
        let mut reasons: Vec<&str> = choice.dropped.iter().map(|it| it.1).collect();
        reasons.sort_unstable();
        reasons.dedup();
        steps.push(format!(
            "        - drop: {{columns: [{}]}} # {}",
            list(&names),
            reasons.join("; ")
        ));
    }
    let missing = choice.missing();
    if !missing.is_empty() {
        let has_gaps = |it: &Glance| it.r#type == ColumnType::Text && it.missing > 0;
        let columns = if missing.len() <= 4 || choice.used.iter().any(|it| has_gaps(it.1)) {
            format!("[{}]", list(&missing))
        } else {
            "all".to_owned()
        };
        steps.push(format!(
            "        - impute: {{columns: {columns}}} # the median, or the most frequent word"
        ));
    }
    if choice.has(ColumnType::Datetime) {
        steps.push("        - datetime_parts: {columns: datetime}".to_owned());
    }
    if choice.has(ColumnType::Numeric) || choice.has(ColumnType::Datetime) {
        steps.push("        - standardize: {columns: numeric}".to_owned());
    }
    if choice.has(ColumnType::Categorical) {
        steps.push("        - one_hot: {columns: categorical}".to_owned());
    }
    if choice.has(ColumnType::Text) {
        steps.push(format!(
            "        - bag_of_words: {{columns: text, max_features: {TERMS}}}"
        ));
    }
    steps
}

/// A name for the spec, from that of the file.
fn legal_name(file: &str) -> String {
    const LONGEST: usize = 60;
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = stem.split('.').find(|it| !it.is_empty()).unwrap_or("table");
    let name: String = stem
        .chars()
        .take(LONGEST)
        .map(|it| {
            if it.is_ascii_alphanumeric() || it == '-' {
                it
            } else {
                '_'
            }
        })
        .collect();
    if name.starts_with(|it: char| it.is_ascii_alphabetic()) {
        name
    } else {
        format!("table_{}", name.trim_start_matches(['-', '_']))
    }
}
