//! Dates and times from texts. Knows the forms of ISO 8601, not what they are for.

use jiff::{
    civil::{DateTime, Time},
    fmt::temporal::Pieces,
    tz::Offset,
};

/// What to write instead of a text that is no date.
pub const EXPECTED: &str = "dates and times are written 2024-01-31, 2024/01/31, 2024-01-31 13:45, \
     2024-01-31T13:45:00.5 or with an offset: 2024-01-31T13:45:00+02:00";

/// A moment: the clock where it was written, and the time since 1970 in UTC. Without an offset both are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub clock: DateTime,
    /// Microseconds since 1970 in UTC.
    pub micros: i64,
}

impl Moment {
    /// Seconds since 1970 in UTC.
    pub fn as_seconds(self) -> f64 {
        self.micros as f64 / 1e6
    }
}

/// A date, or a date with a time of day; slashes may stand for dashes.
pub fn parse(text: &str) -> Option<Moment> {
    let is_date = matches!(
        text.as_bytes(),
        [b'0'..=b'9', _, _, _, b'-' | b'/', _, _, ..]
    );
    if !is_date {
        return None;
    }
    let dashed;
    let text = if text.contains('/') {
        dashed = text.replace('/', "-");
        &dashed
    } else {
        text
    };
    let pieces = Pieces::parse(text).ok()?;
    let clock = pieces
        .date()
        .to_datetime(pieces.time().unwrap_or(Time::midnight()));
    // What was written before the offset is the clock of the place.
    let offset = pieces.to_numeric_offset().map_or(0, Offset::seconds);
    let since = clock.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    let micros = since.as_micros() as i64 - i64::from(offset) * 1_000_000;
    Some(Moment { clock, micros })
}

/// The first and the last of some dates, as they are written.
pub fn ends<'a>(texts: impl Iterator<Item = &'a str>) -> Option<[String; 2]> {
    // Of equal moments the smaller text, so that the order in which they come does not matter.
    let moments = texts.filter_map(|it| Some((parse(it)?.micros, it)));
    let mut ends: Option<[(i64, &str); 2]> = None;
    for it in moments {
        let [first, last] = ends.unwrap_or([it, it]);
        ends = Some([first.min(it), last.max(it)]);
    }
    ends.map(|ends| ends.map(|it| it.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        for (text, clock, seconds) in [
            ("1970-01-02", "1970-01-02T00:00:00", 86_400.0),
            ("1970/01/01 00:01", "1970-01-01T00:01:00", 60.0),
            ("1970-01-01T00:00:00.5", "1970-01-01T00:00:00.5", 0.5),
            ("1970-01-01T02:00:10+02:00", "1970-01-01T02:00:10", 10.0),
            ("1970-01-01T00:00:10Z", "1970-01-01T00:00:10", 10.0),
            ("1970-01-01 02:00:10+02", "1970-01-01T02:00:10", 10.0),
            (
                "1970-01-01T02:00:10.000000+0200",
                "1970-01-01T02:00:10",
                10.0,
            ),
            ("9999-12-31", "9999-12-31T00:00:00", 253_402_214_400.0),
        ] {
            let moment = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(moment.clock.to_string(), clock, "{text}");
            assert!((moment.as_seconds() - seconds).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "31.1.2024",
            "2024-01-31x",
            "today",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
