//! Recognizes how the values of a column of words are written: dates with the day or the month first, numbers with decimal
//! commas, groups of digits, currencies and percent signs. Proposes; decides nothing.

use pipe_schema::stage::preprocess::{DateNotation, DeclaredColumn, MissingWords, NumberNotation};

use crate::{
    categories::is_padded,
    infer,
    written::{NumberMarks, parse_date},
};

/// Different texts that candidates are first tried on.
const SAMPLE: usize = 200;
/// Words that may be among the values, told apart.
const MOST_WORDS: usize = 5;
/// Marks between groups of digits.
const THOUSANDS: [char; 8] = [
    ',', '.', ' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '\u{2019}',
];
/// Signs and words beside a number.
const UNITS: [&str; 20] = [
    "%", "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₴", "฿", "zł", "kr", "Kč", "CHF", "EUR", "USD",
    "GBP", "US$", "R$",
];
const DATES: [&str; 14] = [
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y.%m.%d",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
];
const TIMES: [&str; 6] = [
    "",
    " %H:%M",
    " %H:%M:%S",
    " %I:%M %p",
    " %I:%M:%S %p",
    ", %H:%M",
];

/// How the values of a column are probably written.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognized {
    pub column: DeclaredColumn,
    /// A value.
    pub example: String,
    /// Another reading of the same values.
    pub other: Option<DeclaredColumn>,
    /// Words among the values with their rows; they are taken for missing ones.
    pub words: Vec<(String, u64)>,
}

impl Recognized {
    /// What was found, and what to do about it: a line each.
    pub fn told(&self, column: &str) -> [String; 2] {
        let (found, other) = self.finding(column);
        [
            format!("{found}: taken for words{other}"),
            format!(
                "to read them so, set `columns: {{{column}: {}}}`",
                self.column
            ),
        ]
    }

    /// What was found, and what else the values may be.
    pub fn finding(&self, column: &str) -> (String, String) {
        let what = match self.column {
            DeclaredColumn::Datetime(_) => "dates",
            _ => "numbers",
        };
        let example = &self.example;
        let other = match &self.other {
            None => String::new(),
            Some(other) => format!("; they may as well be `{other}`"),
        };
        (
            format!("column `{column}`: the values look like {what} written as `{example}`"),
            other,
        )
    }
}

/// A way to read a text.
#[derive(Clone, Debug, PartialEq)]
enum Candidate {
    Date(String),
    Number(NumberMarks),
}

/// Looks at the different texts of a column with their rows, missing ones aside. Nothing comes of texts that are not
/// written alike, or as usual.
pub fn recognize<'a>(texts: &(impl Iterator<Item = (&'a str, u64)> + Clone)) -> Option<Recognized> {
    let sample: Vec<&str> = texts.clone().map(|it| it.0).take(SAMPLE).collect();
    let has_digit = |text: &&&str| text.bytes().any(|it| it.is_ascii_digit());
    if sample.iter().filter(has_digit).count() * 2 < sample.len() {
        return None;
    }
    let fits_sample = |candidate: &Candidate| {
        let fitting = sample.iter().filter(|text| candidate.fits(text)).count();
        fitting > 0 && fitting * 2 >= sample.len()
    };
    let candidates = candidates(&sample).into_iter().filter(fits_sample);
    let mut found: Vec<(Candidate, Fit)> = candidates
        .filter_map(|candidate| {
            let fit = Fit::of(&candidate, texts.clone())?;
            Some((candidate, fit))
        })
        .collect();
    // The first one of those that read the most.
    found.sort_by_key(|(_, fit)| std::cmp::Reverse(fit.fitting));
    let most = found.first()?.1.fitting;
    found.retain(|(_, fit)| fit.fitting == most);
    // A comma before three digits in each row divides groups rather than fractions.
    if let Some((Candidate::Number(first), fit)) = found.first()
        && first.decimal == ','
        && fit.example.contains(',')
    {
        let groups = |it: &(Candidate, Fit)| matches!(&it.0, Candidate::Number(other) if other.thousands == Some(','));
        if let Some(at) = found.iter().position(groups) {
            found.swap(0, at);
        }
    }
    let mut found = found.into_iter();
    let (first, fit) = found.next()?;
    if matches!(&first, Candidate::Number(marks) if marks.is_usual()) {
        return None;
    }
    let other = found.find(|(other, _)| first.differs(other, &fit.example));
    Some(Recognized {
        column: first.declared(&fit.words),
        example: fit.example,
        other: other.map(|(other, fit)| other.declared(&fit.words)),
        words: fit.words,
    })
}

/// How a candidate reads the texts.
struct Fit {
    /// Rows.
    fitting: u64,
    example: String,
    words: Vec<(String, u64)>,
}

impl Fit {
    /// Nothing where more than a few words do not fit, or most rows do not.
    fn of<'a>(candidate: &Candidate, texts: impl Iterator<Item = (&'a str, u64)>) -> Option<Self> {
        let mut fit = Self {
            fitting: 0,
            example: String::new(),
            words: Vec::new(),
        };
        let mut unfitting = 0;
        for (text, rows) in texts {
            if candidate.fits(text) {
                // The longest one shows the most marks.
                let rank = |text: &str| (text.len(), std::cmp::Reverse(text.to_owned()));
                if fit.fitting == 0 || rank(text) > rank(&fit.example) {
                    text.clone_into(&mut fit.example);
                }
                fit.fitting += rows;
            } else {
                unfitting += rows;
                fit.words.push((text.to_owned(), rows));
                if fit.words.len() > MOST_WORDS {
                    return None;
                }
            }
        }
        // Digits among what is left over are values of another form, no words.
        let has_digit = |word: &(String, u64)| word.0.bytes().any(|it| it.is_ascii_digit());
        let is_good = fit.fitting >= unfitting && !fit.words.iter().any(has_digit);
        fit.words.sort_unstable();
        is_good.then_some(fit)
    }
}

fn candidates(sample: &[&str]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for date in DATES {
        for time in TIMES {
            all.push(Candidate::Date(format!("{date}{time}")));
        }
    }
    let has = |unit: &&&str| {
        let is_beside = |text: &&&str| text.contains(**unit);
        sample.iter().filter(is_beside).count() * 2 >= sample.len()
    };
    let units: Vec<Option<&str>> = match UNITS.iter().filter(has).max_by_key(|it| it.len()) {
        Some(unit) => vec![Some(*unit)],
        None => vec![None],
    };
    for unit in units {
        for decimal in ['.', ','] {
            let marks = THOUSANDS.into_iter().filter(|mark| *mark != decimal);
            for thousands in marks.map(Some).chain([None]) {
                all.push(Candidate::Number(NumberMarks {
                    decimal,
                    thousands,
                    unit: unit.map(str::to_owned),
                }));
            }
        }
    }
    // Of those that read the same, the one with the fewest marks.
    all.sort_by_key(|it| match it {
        Candidate::Number(marks) => usize::from(marks.thousands.is_some()),
        Candidate::Date(_) => 0,
    });
    all
}

impl Candidate {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Date(format) => {
                let is_iso = text
                    .as_bytes()
                    .get(4)
                    .is_some_and(|it| matches!(it, b'-' | b'/'))
                    && text.bytes().take(4).all(|it| it.is_ascii_digit());
                !is_iso && parse_date(format, text).is_some()
            }
            Self::Number(marks) => marks
                .plain(text)
                .is_some_and(|number| !is_padded(&number) && has_no_exponent(&number)),
        }
    }

    /// Whether another candidate reads a value as something else.
    fn differs(&self, other: &Self, example: &str) -> bool {
        match (self, other) {
            (Self::Date(a), Self::Date(b)) => a != b && is_turned(a, b),
            (Self::Number(a), Self::Number(b)) => {
                let value = |marks: &NumberMarks| {
                    infer::number(marks.plain(example).unwrap_or_default().as_bytes())
                };
                value(a) != value(b)
            }
            _ => false,
        }
    }

    fn declared(&self, words: &[(String, u64)]) -> DeclaredColumn {
        let na = MissingWords::List(words.iter().map(|it| it.0.clone()).collect());
        match self {
            Self::Date(format) => DeclaredColumn::Datetime(DateNotation {
                format: Some(format.clone()),
                na,
            }),
            Self::Number(marks) => DeclaredColumn::Numeric(NumberNotation {
                decimal: (marks.decimal != '.').then_some(marks.decimal),
                thousands: marks.thousands,
                unit: marks.unit.clone(),
                na,
            }),
        }
    }
}

/// Whether two formats differ in the order of day and month alone.
fn is_turned(a: &str, b: &str) -> bool {
    let turned = a
        .replace("%d", "%?")
        .replace("%m", "%d")
        .replace("%?", "%m");
    turned == b
}

fn has_no_exponent(number: &str) -> bool {
    !number.contains(['e', 'E'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str]) -> Option<(String, bool)> {
        let found = recognize(&texts.iter().map(|text| (*text, 1)))?;
        let column = serde_json::to_string(&found.column).unwrap();
        Some((column, found.other.is_some()))
    }

    fn expect(texts: &[&str], column: &str, is_ambiguous: bool) {
        assert_eq!(
            found(texts),
            Some((column.to_owned(), is_ambiguous)),
            "{texts:?}"
        );
    }

    #[test]
    fn dates_with_the_day_or_the_month_first_are_recognized() {
        expect(
            &["31.12.2024", "1.2.2024"],
            r#"{"datetime":{"format":"%d.%m.%Y"}}"#,
            false,
        );
        expect(
            &["12/31/2024", "01/02/2024"],
            r#"{"datetime":{"format":"%m/%d/%Y"}}"#,
            false,
        );
        expect(
            &["31/12/24 13:45"],
            r#"{"datetime":{"format":"%d/%m/%y %H:%M"}}"#,
            false,
        );
        expect(
            &["31 Dec 2024"],
            r#"{"datetime":{"format":"%d %b %Y"}}"#,
            false,
        );
        expect(
            &["1/2/2024", "3/4/2024"],
            r#"{"datetime":{"format":"%d/%m/%Y"}}"#,
            true,
        );
        assert_eq!(found(&["31/12/2024", "12/31/2024"]), None);
        assert_eq!(found(&["2024-12-31"]), None);
    }

    #[test]
    fn numbers_with_other_marks_are_recognized() {
        expect(&["3,5", "10,25"], r#"{"numeric":{"decimal":","}}"#, false);
        expect(
            &["1.234,5", "7,25"],
            r#"{"numeric":{"decimal":",","thousands":"."}}"#,
            false,
        );
        expect(
            &["1,234.5", "7.25"],
            r#"{"numeric":{"thousands":","}}"#,
            false,
        );
        expect(
            &["1\u{202f}234,5", "2,5"],
            "{\"numeric\":{\"decimal\":\",\",\"thousands\":\" \"}}",
            false,
        );
        expect(
            &["$1,234.50", "$5.00"],
            r#"{"numeric":{"thousands":",","unit":"$"}}"#,
            false,
        );
        expect(
            &["12,5 %", "3 %"],
            r#"{"numeric":{"decimal":",","unit":"%"}}"#,
            false,
        );
        expect(&["5€", "10€"], r#"{"numeric":{"unit":"€"}}"#, false);
        assert_eq!(found(&["A1", "B2"]), None);
    }

    #[test]
    fn a_few_words_among_recognized_values_are_taken_for_missing_ones() {
        expect(
            &["31.12.2024", "30.12.2024", "n.a."],
            r#"{"datetime":{"format":"%d.%m.%Y","na":["n.a."]}}"#,
            false,
        );
        expect(
            &["3,5", "4,5", "-"],
            r#"{"numeric":{"decimal":",","na":["-"]}}"#,
            false,
        );
        assert_eq!(found(&["3,5", "4,5", "5-6"]), None);
    }

    #[test]
    fn numbers_of_which_a_mark_may_mean_two_things_are_ambiguous() {
        expect(
            &["1,234", "5,678"],
            r#"{"numeric":{"thousands":","}}"#,
            true,
        );
    }
}
