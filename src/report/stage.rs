//! How one stage ended, on one line: `fit  ran 12.1s  changed: lr 0.001 → 0.01  val.loss 0.081 (-0.02)`.

use pipe_schema::{report::Metrics, run::Skip, text::one_line};

use super::{
    figures,
    style::{BAD, BOLD, DIM, GOOD, PLAIN, WARN, cut, padded, paint, width},
};
use crate::{
    key::reason,
    track::story::{Chapter, State},
};

/// Metrics that a line has room for.
const SHOWN: usize = 2;

/// The line, with the name padded to `name_width` and all of it cut to `columns`.
pub fn ended(
    id: &str,
    chapter: &Chapter,
    before: Option<&Metrics>,
    name_width: usize,
    columns: usize,
) -> String {
    let name = paint(BOLD, padded(id, name_width));
    let room = columns.saturating_sub(name_width.max(width(id)) + 2);
    match chapter.state {
        State::Done => format!("{name}  {}", ran(chapter, before, room)),
        State::Cached => format!("{name}  {}", paint(DIM, cut(&cached(chapter), room))),
        State::Failed if chapter.is_interrupted() => {
            let message = chapter
                .failure
                .as_ref()
                .map_or("", |it| it.message.as_str());
            format!("{name}  {}", paint(WARN, cut(message, room)))
        }
        State::Failed => {
            let message = chapter
                .failure
                .as_ref()
                .map_or("", |it| it.message.as_str());
            let message = message.lines().next().unwrap_or_default();
            format!(
                "{name}  {}",
                paint(BAD, cut(&format!("failed: {message}"), room))
            )
        }
        State::Skipped => {
            let why = match &chapter.skip {
                Some(Skip::Upstream(stage)) => format!("skipped: {stage} failed"),
                _ => "skipped: the run was ended".to_owned(),
            };
            format!("{name}  {}", paint(WARN, cut(&why, room)))
        }
        other => format!("{name}  {}", cut(other.name(), room)),
    }
}

/// `cached`, with the number of notes that the result has.
fn cached(chapter: &Chapter) -> String {
    match chapter
        .record
        .as_ref()
        .map_or(0, |record| record.observed.notes.len())
    {
        0 => "cached".to_owned(),
        notes => format!("cached  {}", figures::plural(notes as u64, "note")),
    }
}

fn ran(chapter: &Chapter, before: Option<&Metrics>, room: usize) -> String {
    let Some(record) = &chapter.record else {
        return paint(GOOD, "ran");
    };
    let verb = padded(
        &format!("ran {}", figures::seconds(record.observed.seconds)),
        9,
    );
    let mut left = room.saturating_sub(width(&verb));
    let mut line = paint(GOOD, verb);
    // What it came to is worth more than why it was done: metrics first take their room, the reason what is left.
    let metrics = figures::telling(&record.observed.metrics, SHOWN);
    let mut tail = String::new();
    for (name, value) in metrics {
        let (plain, painted) = metric(name, value, before.and_then(|it| it.get(name)).copied());
        if width(&plain) + 2 > left {
            break;
        }
        left -= width(&plain) + 2;
        tail.push_str("  ");
        tail.push_str(&painted);
    }
    let reason = reason::summary(&chapter.reasons);
    if !reason.is_empty() && left > 12 {
        line.push_str("  ");
        line.push_str(&paint(DIM, cut(&reason, left - 2)));
    }
    line + &tail
}

/// `name value (+difference)`, without and with colours.
pub fn metric(name: &str, value: f64, before: Option<f64>) -> (String, String) {
    let name = &*one_line(name);
    let value_text = figures::number(value);
    let change = before.and_then(|old| Some((old, figures::difference(old, value)?)));
    let Some((old, change)) = change else {
        return (
            format!("{name} {value_text}"),
            format!("{} {value_text}", paint(DIM, name)),
        );
    };
    let style = match figures::is_better(name, old, value) {
        Some(true) => GOOD,
        Some(false) => BAD,
        None => PLAIN,
    };
    (
        format!("{name} {value_text} ({change})"),
        format!(
            "{} {value_text} ({})",
            paint(DIM, name),
            paint(style, &change)
        ),
    )
}
