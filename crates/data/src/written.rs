//! Values of a column that are written in a notation of its own, as the texts that all of pipe reads: numbers with a point,
//! dates of ISO 8601. Knows one column; no files.

use std::borrow::Cow;

use jiff::fmt::strtime::BrokenDownTime;
use pipe_schema::stage::preprocess::{
    DateNotation, DeclaredColumn, MissingWords, NumberNotation, Read,
};

use serde_json::Value;

use crate::{
    error::DataError,
    infer::{self, Missing, text_of},
    moment,
    table::NULL,
};

/// Blanks that stand between groups of digits, and between a number and its unit: a space, a thin one, and those that do
/// not break a line.
const BLANKS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];

/// How the texts of a column are read.
#[derive(Clone, Debug)]
pub struct Notation {
    kind: Kind,
    missing: Missing,
}

#[derive(Clone, Debug)]
enum Kind {
    Number(NumberMarks),
    Date(String),
    /// As usual, but with other words for a missing value.
    Usual,
}

/// The marks in a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberMarks {
    pub decimal: char,
    pub thousands: Option<char>,
    pub unit: Option<String>,
}

impl Notation {
    /// The notation of each of these columns, where it has one of its own.
    pub fn all<'a>(read: &Read, names: impl Iterator<Item = &'a str>) -> Vec<Option<Self>> {
        names
            .map(|name| read.notations.get(name).and_then(|it| Self::of(read, it)))
            .collect()
    }

    /// The notation of a column in files that are read so.
    pub fn of(read: &Read, column: &DeclaredColumn) -> Option<Self> {
        let (kind, na) = match column {
            DeclaredColumn::Plain(_) => return None,
            DeclaredColumn::Numeric(it) => (Kind::of_numbers(it, read), &it.na),
            DeclaredColumn::Datetime(it) => (Kind::of_dates(it), &it.na),
        };
        let na = match na {
            MissingWords::Only(_) => na.clone(),
            MissingWords::List(added) => {
                let words = [read.na.words(), added].concat();
                match read.na {
                    MissingWords::List(_) => MissingWords::List(words),
                    MissingWords::Only(_) => MissingWords::Only(words),
                }
            }
        };
        let missing = Missing::of(&Read { na, ..read.clone() });
        Some(Self { kind, missing })
    }

    /// A value's text as it is usually written; of a missing one a null. Or why it is none.
    pub fn read<'a>(&self, text: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
        let text = text.trim_ascii();
        if self.missing.has(text) {
            return Ok(Cow::Borrowed(NULL));
        }
        let shown = text_of(text);
        match &self.kind {
            Kind::Usual => Ok(Cow::Borrowed(text)),
            Kind::Number(marks) => match marks.plain(shown) {
                Some(number) => Ok(Cow::Owned(number.into_bytes())),
                None => Err(format!("`{shown}` is not a number {}", marks.told())),
            },
            Kind::Date(format) => match parse_date(format, shown) {
                Some(date) => Ok(Cow::Owned(date.into_bytes())),
                None => Err(format!(
                    "`{shown}` is not a date like `format: \"{format}\"`"
                )),
            },
        }
    }
}

impl Notation {
    /// A value of JSON likewise: a text alone is in the notation, numbers and nulls are what they are.
    pub fn read_json<'a>(&self, value: &'a Value) -> Result<Cow<'a, Value>, String> {
        let Value::String(text) = value else {
            return Ok(Cow::Borrowed(value));
        };
        let plain = self.read(text.as_bytes())?;
        Ok(Cow::Owned(if *plain == *NULL {
            Value::Null
        } else {
            Value::from(text_of(&plain))
        }))
    }

    /// The error for a value that is none.
    pub fn misfit(&self, place: &str, column: &str, why: &str) -> DataError {
        let what = match self.kind {
            Kind::Date(_) => "datetime",
            Kind::Number(_) | Kind::Usual => "numeric",
        };
        DataError::wrong(format!("{place}: column `{column}`: {why}")).hint(format!(
            "if it stands for a missing value, add it: `columns: {{{column}: {{{what}: {{na: […]}}}}}}`"
        ))
    }
}

impl Kind {
    fn of_numbers(notation: &NumberNotation, read: &Read) -> Self {
        let NumberNotation {
            decimal,
            thousands,
            unit,
            na: _,
        } = notation;
        if decimal.is_none() && thousands.is_none() && unit.is_none() {
            return Self::Usual;
        }
        Self::Number(NumberMarks {
            decimal: decimal.unwrap_or(read.decimal),
            thousands: thousands.or(read.thousands),
            unit: unit.clone(),
        })
    }

    fn of_dates(notation: &DateNotation) -> Self {
        match &notation.format {
            Some(format) => Self::Date(format.clone()),
            None => Self::Usual,
        }
    }
}

impl NumberMarks {
    /// Whether numbers are written so as usual.
    pub fn is_usual(&self) -> bool {
        self.decimal == '.' && self.thousands.is_none() && self.unit.is_none()
    }

    /// The number with a point before its fraction and nothing else beside its digits.
    pub fn plain(&self, text: &str) -> Option<String> {
        let is_blank = |mark: char| BLANKS.contains(&mark);
        let mut text = text.trim_matches(is_blank);
        let (mut sign, mut rest) = split_sign(text);
        if let Some(unit) = &self.unit {
            let without = rest
                .strip_prefix(unit.as_str())
                .or_else(|| rest.strip_suffix(unit.as_str()));
            text = without.unwrap_or(rest).trim_matches(is_blank);
            let (inner, number) = split_sign(text);
            // A sign may stand on either side of the unit, and once.
            if !sign.is_empty() && !inner.is_empty() {
                return None;
            }
            sign = if sign.is_empty() { inner } else { sign };
            rest = number;
        }
        let (whole, fraction) = match rest.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (rest, None),
        };
        let mut number = sign.to_owned();
        match self.thousands {
            Some(mark) if whole.contains(|it| is_same_mark(it, mark)) => {
                ungroup(whole, mark, &mut number)?;
            }
            _ => number.push_str(whole),
        }
        if let Some(fraction) = fraction {
            number.push('.');
            number.push_str(fraction);
        }
        let has_foreign_point = self.decimal != '.'
            && rest.contains('.')
            && fraction.is_none()
            && self.thousands != Some('.');
        let is_number = !has_foreign_point
            && fraction.is_none_or(|it| !it.contains('.'))
            && infer::number(number.as_bytes()).is_some();
        is_number.then_some(number)
    }

    fn told(&self) -> String {
        let mut marks = vec![format!("with `decimal: {:?}`", self.decimal.to_string())];
        if let Some(mark) = self.thousands {
            marks.push(format!("`thousands: {:?}`", mark.to_string()));
        }
        if let Some(unit) = &self.unit {
            marks.push(format!("`unit: {unit:?}`"));
        }
        marks.join(" and ")
    }
}

fn split_sign(text: &str) -> (&str, &str) {
    match text.as_bytes().first() {
        Some(b'-' | b'+') => text.split_at(1),
        _ => ("", text),
    }
}

/// Whether two marks mean the same: all blanks do.
fn is_same_mark(a: char, b: char) -> bool {
    a == b || (BLANKS.contains(&a) && BLANKS.contains(&b))
}

/// Writes digits without the marks between their groups: the last group has three digits, those before it two or three,
/// the first one to three.
fn ungroup(whole: &str, mark: char, out: &mut String) -> Option<()> {
    let groups: Vec<&str> = whole.split(|it| is_same_mark(it, mark)).collect();
    let last = groups.len() - 1;
    for (at, group) in groups.into_iter().enumerate() {
        let fits = match at {
            0 => (1..=3).contains(&group.len()),
            _ if at == last => group.len() == 3,
            _ => (2..=3).contains(&group.len()),
        };
        if !fits || !group.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        out.push_str(group);
    }
    Some(())
}

/// A date in a format of strftime, as ISO 8601 has it. A date that is written so already is one, too, unless the format
/// begins with a year and may mean another one.
pub fn parse_date(format: &str, text: &str) -> Option<String> {
    let parsed = BrokenDownTime::parse(format, text).ok();
    let Some(parsed) = parsed else {
        let is_iso = !format.starts_with("%Y") && moment::parse(text).is_some();
        return is_iso.then(|| text.to_owned());
    };
    let date = parsed.to_date().ok()?;
    // `%Y` takes two digits for a year of antiquity.
    if date.year() < 1000 {
        return None;
    }
    let time = parsed.to_time().unwrap_or_default();
    let clock = date.to_datetime(time);
    Some(match parsed.offset() {
        Some(offset) => {
            let moment = offset.to_timestamp(clock).ok()?;
            moment.display_with_offset(offset).to_string()
        }
        None => clock.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(decimal: char, thousands: Option<char>, unit: Option<&str>) -> NumberMarks {
        NumberMarks {
            decimal,
            thousands,
            unit: unit.map(str::to_owned),
        }
    }

    #[test]
    fn numeric_notations_are_read() {
        for (marks, text, number) in [
            (marks(',', None, None), "3,5", Some("3.5")),
            (marks(',', None, None), "-3,5", Some("-3.5")),
            (marks(',', None, None), "3.5", None),
            (
                marks(',', Some('.'), None),
                "1.234.567,8",
                Some("1234567.8"),
            ),
            (marks(',', Some('.'), None), "1.5", None),
            (
                marks(',', Some(' '), None),
                "1\u{202f}234,5",
                Some("1234.5"),
            ),
            (marks(',', Some('\u{a0}'), None), "12 345", Some("12345")),
            (marks('.', Some('\''), None), "1'234.5", Some("1234.5")),
            (
                marks('.', Some(','), Some("$")),
                "$1,234.50",
                Some("1234.50"),
            ),
            (marks('.', Some(','), Some("$")), "-$5", Some("-5")),
            (marks('.', Some(','), Some("$")), "$-5", Some("-5")),
            (marks('.', Some(','), Some("$")), "-$-5", None),
            (
                marks(',', Some('.'), Some("€")),
                "1.234,50 €",
                Some("1234.50"),
            ),
            (marks('.', None, Some("%")), "12.5\u{a0}%", Some("12.5")),
            (marks('.', None, Some("%")), "12.5", Some("12.5")),
            (marks('.', None, Some("%")), "%", None),
            (marks(',', None, None), "1,2,3", None),
        ] {
            assert_eq!(marks.plain(text).as_deref(), number, "{text}");
        }
    }

    #[test]
    fn datetime_formats_are_read() {
        for (format, text, date) in [
            ("%d.%m.%Y", "31.12.2024", Some("2024-12-31T00:00:00")),
            ("%d.%m.%Y", "1.2.2024", Some("2024-02-01T00:00:00")),
            ("%d.%m.%Y", "31.12.24", None),
            ("%d.%m.%Y", "31.12.2024x", None),
            ("%d.%m.%Y", "12.31.2024", None),
            ("%d.%m.%y", "31.12.24", Some("2024-12-31T00:00:00")),
            (
                "%m/%d/%Y %H:%M",
                "12/31/2024 13:45",
                Some("2024-12-31T13:45:00"),
            ),
            (
                "%m/%d/%Y %I:%M %p",
                "12/31/2024 1:45 PM",
                Some("2024-12-31T13:45:00"),
            ),
            ("%d %b %Y", "31 Dec 2024", Some("2024-12-31T00:00:00")),
            ("%d.%m.%Y", "2024-12-31", Some("2024-12-31")),
            ("%Y-%d-%m", "2024-12-31", None),
            ("%Y-%d-%m", "2024-31-12", Some("2024-12-31T00:00:00")),
        ] {
            assert_eq!(parse_date(format, text).as_deref(), date, "{text}");
        }
        let zoned = parse_date("%d.%m.%Y %H:%M %z", "31.12.2024 13:45 +0530").unwrap();
        assert_eq!(zoned, "2024-12-31T13:45:00+05:30");
    }
}
