//! numpy's moments, counted in a unit since 1970, as the texts that a table has. Knows units.

use jiff::{Timestamp, civil::Date, tz::Offset};
use npyz::TimeUnits;

use super::Fields;

/// The moment that is missing.
const NOT_A_TIME: i64 = i64::MIN;

/// Dates and times as ISO 8601 writes them, in UTC and without a zone, as numpy means them; a missing one is the empty text.
pub fn texts(moments: Vec<i64>, units: Option<TimeUnits>) -> Result<Fields, String> {
    let units = units.ok_or("its dates have no unit")?;
    let mut fields = Fields::default();
    for (row, moment) in moments.into_iter().enumerate() {
        let text = match moment {
            NOT_A_TIME => String::new(),
            count => text(count, units)
                .ok_or_else(|| format!("row {} is a date out of all bounds", row + 1))?,
        };
        fields.push(text.as_bytes());
    }
    Ok(fields)
}

/// A number of units since 1970.
fn text(count: i64, units: TimeUnits) -> Option<String> {
    let (a_unit, a_second): (i64, i64) = match units {
        TimeUnits::Year => return date(count.checked_add(1970)?, 1),
        TimeUnits::Month => {
            let year = count.div_euclid(12).checked_add(1970)?;
            return date(year, count.rem_euclid(12) as i8 + 1);
        }
        TimeUnits::Week => (7 * 86_400, 1),
        TimeUnits::Day => (86_400, 1),
        TimeUnits::Hour => (3600, 1),
        TimeUnits::Minute => (60, 1),
        TimeUnits::Second => (1, 1),
        TimeUnits::Millisecond => (1, 1000),
        TimeUnits::Microsecond => (1, 1_000_000),
        TimeUnits::Nanosecond => (1, 1_000_000_000),
        _ => return None,
    };
    let second = count.checked_mul(a_unit)?.div_euclid(a_second);
    let rest = count.rem_euclid(a_second) * (1_000_000_000 / a_second);
    let rest = if a_second == 1 { 0 } else { rest };
    let moment = Timestamp::new(second, rest as i32).ok()?;
    let moment = Offset::UTC.to_datetime(moment);
    Some(if a_unit >= 86_400 {
        moment.date().to_string()
    } else {
        moment.to_string()
    })
}

fn date(year: i64, month: i8) -> Option<String> {
    let date = Date::new(i16::try_from(year).ok()?, month, 1).ok()?;
    Some(date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetime64_is_written_as_iso_8601_in_every_unit() {
        for (count, units, expected) in [
            (54, TimeUnits::Year, "2024-01-01"),
            (-1, TimeUnits::Month, "1969-12-01"),
            (1, TimeUnits::Week, "1970-01-08"),
            (19_782, TimeUnits::Day, "2024-02-29"),
            (-1, TimeUnits::Hour, "1969-12-31T23:00:00"),
            (1, TimeUnits::Minute, "1970-01-01T00:01:00"),
            (-1, TimeUnits::Second, "1969-12-31T23:59:59"),
            (1500, TimeUnits::Millisecond, "1970-01-01T00:00:01.5"),
            (-1, TimeUnits::Microsecond, "1969-12-31T23:59:59.999999"),
            (1, TimeUnits::Nanosecond, "1970-01-01T00:00:00.000000001"),
        ] {
            assert_eq!(text(count, units).as_deref(), Some(expected));
        }
        assert_eq!(text(i64::MAX, TimeUnits::Week), None);
        assert_eq!(text(1, TimeUnits::Attosecond), None);
        let fields = texts(vec![i64::MIN, 0], Some(TimeUnits::Day)).unwrap();
        let fields: Vec<&[u8]> = fields.iter().collect();
        assert_eq!(fields, [&b""[..], b"1970-01-01"]);
    }
}
