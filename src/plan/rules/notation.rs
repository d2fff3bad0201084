//! Rules of how the values of a column are written. Knows words of a spec; no values.

use jiff::{civil, fmt::strtime, tz::TimeZone};
use pipe_schema::stage::preprocess::{DeclaredColumn, Form, NumberNotation, Preprocess};

use super::Rules;

pub fn check(block: &Preprocess, rules: &mut Rules<'_>) {
    let joined = block.source.join.0.iter().map(|join| join.reading().form());
    let mut forms = joined.chain([block.reading().form()]);
    let are_texts = forms.any(|form| matches!(form, Form::Csv | Form::Jsonl | Form::Parquet));
    for (name, column) in &block.columns {
        let word = column.r#type().name();
        if !column.is_plain() && !are_texts {
            rules.say(
                &["columns", name, word],
                "values of these files are written in one way only",
                "options for another form",
                &format!("write `{word}` alone: options are for csv, jsonl and parquet"),
            );
            continue;
        }
        match column {
            DeclaredColumn::Plain(_) => {}
            DeclaredColumn::Numeric(it) => check_numbers(it, block, name, rules),
            DeclaredColumn::Datetime(it) => {
                if let Some(format) = &it.format {
                    check_format(format, name, rules);
                }
            }
        }
    }
}

fn check_numbers(notation: &NumberNotation, block: &Preprocess, name: &str, rules: &mut Rules<'_>) {
    let read = &block.source.read;
    let decimal = notation.decimal.unwrap_or(read.decimal);
    let thousands = notation.thousands.or(read.thousands);
    let is_mark = |mark: char| !mark.is_alphanumeric() && !"+-".contains(mark);
    for (option, mark) in [
        ("decimal", notation.decimal),
        ("thousands", notation.thousands),
    ] {
        if mark.is_some_and(|mark| !is_mark(mark)) {
            rules.say(
                &["columns", name, "numeric", option],
                format!("`{option}` must be a mark, no digit, letter or sign"),
                "",
                "such as `,`, `.` or a blank",
            );
        }
    }
    if thousands == Some(decimal) {
        let given = if notation.thousands.is_some() {
            "thousands"
        } else {
            "decimal"
        };
        rules.say(
            &["columns", name, "numeric", given],
            "`thousands` and `decimal` are the same character",
            "",
            "each mark has one meaning",
        );
    }
    if notation
        .unit
        .as_ref()
        .is_some_and(|unit| unit.trim().is_empty())
    {
        rules.say(
            &["columns", name, "numeric", "unit"],
            "`unit` must be a sign or a word",
            "",
            "such as `€`, `%` or `CHF`",
        );
    }
}

/// A format must tell a day: its year, month and day.
fn check_format(format: &str, name: &str, rules: &mut Rules<'_>) {
    let sample = civil::datetime(2024, 12, 31, 13, 45, 58, 0);
    let sample = TimeZone::UTC.to_timestamp(sample).ok();
    let sample = sample.map(|moment| moment.to_zoned_datetime(TimeZone::UTC));
    let written = sample.and_then(|it| strtime::format(format, &it).ok());
    let tells_day = |text: &String| {
        let parsed = strtime::parse(format, text).ok();
        parsed.and_then(|it| it.to_date().ok()) == Some(civil::date(2024, 12, 31))
    };
    if !written.as_ref().is_some_and(tells_day) {
        rules.say(
            &["columns", name, "datetime", "format"],
            "`format` must tell a year, a month and a day in the words of strftime",
            "",
            "such as `%d.%m.%Y`, `%m/%d/%y %H:%M` or `%d %b %Y`",
        );
    }
}
