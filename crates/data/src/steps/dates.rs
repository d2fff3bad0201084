//! Parts of dates. Learns nothing; a missing date has missing parts.

use std::f64::consts::TAU;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::FittedStep,
    stage::preprocess::{DatetimePart, DatetimeParts},
};

use super::choice;
use crate::{
    error::DataError,
    frame::{Frame, Values},
    moment::{self, Moment},
};

/// Takes the columns and the parts.
pub fn fit(step: &DatetimeParts, frame: &Frame) -> Result<FittedStep, DataError> {
    let columns = choice::resolve(&step.columns, frame)?;
    for name in &columns {
        choice::words(frame, name, "datetime_parts").map_err(|it| {
            it.hint(format!(
                "dates are words: set `columns: {{{name}: categorical}}`"
            ))
        })?;
    }
    if columns.is_empty() {
        return Err(
            DataError::wrong("there is no column of dates to take parts of").hint(
                "if one is written otherwise than 2024-01-31, say how: `columns: {NAME: {datetime: {format: \"%d.%m.%Y\"}}}`; else leave the step out",
            ),
        );
    }
    if step.parts.is_empty() {
        return Err(DataError::wrong("`parts` names no part"));
    }
    Ok(FittedStep::DatetimeParts {
        columns,
        parts: step.parts.clone(),
        cyclic: step.cyclic,
    })
}

/// Puts the parts where the column was.
pub fn apply(
    dates: &[String],
    parts: &[DatetimePart],
    cyclic: bool,
    frame: &mut Frame,
) -> Result<(), DataError> {
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let Values::Words(words) = &values else {
            choice::insert(&mut columns, "datetime_parts", name, values)?;
            continue;
        };
        if !dates.contains(&name) {
            choice::insert(&mut columns, "datetime_parts", name, values)?;
            continue;
        }
        let moments: Vec<Option<Moment>> = words.names().map(moment::parse).collect();
        let is_no_date = |code: &u32| moments.get(*code as usize) == Some(&None);
        if let Some(row) = words.codes.iter().position(is_no_date) {
            return Err(DataError::wrong(format!(
                "{}: column `{name}`: `{}` is not a date",
                frame.places.of(row),
                words.get(row).unwrap_or_default()
            ))
            .hint(moment::EXPECTED));
        }
        let mut add = |title: String, number: &dyn Fn(&Moment) -> f64| {
            let number = |code: &u32| moments.get(*code as usize)?.as_ref().map(number);
            let numbers = words.codes.iter().map(|it| number(it).unwrap_or(f64::NAN));
            let column = Values::Numbers(numbers.collect());
            choice::insert(&mut columns, "datetime_parts", title, column)
        };
        for part in parts {
            let title = format!("{name}_{}", part.name());
            match period(*part).filter(|_| cyclic) {
                None => add(title, &|it| number(*part, it))?,
                Some((first, period)) => {
                    let angle = |it: &Moment| TAU * (number(*part, it) - first) / period;
                    add(format!("{title}_sin"), &|it| angle(it).sin())?;
                    add(format!("{title}_cos"), &|it| angle(it).cos())?;
                }
            }
        }
    }
    frame.columns = columns;
    Ok(())
}

fn number(part: DatetimePart, moment: &Moment) -> f64 {
    let clock = moment.clock;
    match part {
        DatetimePart::Year => f64::from(clock.year()),
        DatetimePart::Month => f64::from(clock.month()),
        DatetimePart::Day => f64::from(clock.day()),
        DatetimePart::Weekday => f64::from(clock.weekday().to_monday_zero_offset()),
        DatetimePart::Hour => f64::from(clock.hour()),
        DatetimePart::Minute => f64::from(clock.minute()),
    }
}

/// The first value of a part that comes again, and after how many it does.
fn period(part: DatetimePart) -> Option<(f64, f64)> {
    match part {
        DatetimePart::Year => None,
        DatetimePart::Month => Some((1.0, 12.0)),
        DatetimePart::Day => Some((1.0, 31.0)),
        DatetimePart::Weekday => Some((0.0, 7.0)),
        DatetimePart::Hour => Some((0.0, 24.0)),
        DatetimePart::Minute => Some((0.0, 60.0)),
    }
}
