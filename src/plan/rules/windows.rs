//! Rules of windows over rows: the split must keep rows together. Knows no table.

use pipe_schema::stage::preprocess::{Split, Windows};

use super::Rules;

/// Checks the windows of a block that divides its rows like this.
pub fn check(windows: &Windows, split: &Split, rules: &mut Rules<'_>) {
    let by = match split {
        Split::Time(_) | Split::Files(_) => None,
        Split::Group(it) => Some(it.by.as_str()),
        Split::Kfold(it) if it.group.is_some() => it.group.as_deref(),
        Split::Random(_) | Split::Kfold(_) => {
            rules.say(
                &["windows"],
                "windows need a split that keeps the rows of a series together",
                "rows are scattered at random",
                "write `split: {time: {by: day, train: 0.8, test: 0.2}}`, or divide by `group` or `files`",
            );
            return;
        }
    };
    if let (Some(by), None) = (by, &windows.group) {
        rules.say(
            &["windows"],
            "windows would reach from one group into another",
            "no group",
            &format!("write `group: {by}` beside `length`: the split keeps its rows together"),
        );
    }
    if windows.with_target && windows.horizon == 0 {
        rules.say(
            &["windows", "with_target"],
            "the target would be in the window that it is predicted from",
            "`horizon` is 0",
            "remove it, or predict ahead: `horizon: 1`",
        );
    }
}
