//! Values of a parquet column as the texts that a table has. Knows types and units; not rows.

use std::{fmt::Display, io::Write};

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical},
    column::reader::ColumnReader,
    data_type::{ByteArray, FixedLenByteArray, Int96},
    schema::types::{ColumnDescPtr, Type},
};

use super::{Trouble, each};
use crate::{infer, table::NULL};

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    Plain,
    Unsigned,
    /// Days since 1970.
    Date,
    /// So many a second; since 1970, in UTC where that is said.
    Timestamp {
        a_second: i64,
        is_utc: bool,
    },
    /// Digits behind the point.
    Decimal(i32),
    Text,
    Half,
}

/// Gets a value, or that it is missing, with its repetition level.
type Take<'a> = dyn FnMut(i16, Option<Stored<'_>>) -> Result<(), Trouble> + 'a;

/// A value as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a> {
    Bool(bool),
    Integer(i64),
    Int96(&'a Int96),
    Single(f32),
    Number(f64),
    Bytes(&'a [u8]),
}

impl Cell {
    /// Of a column, or why it cannot be read.
    pub fn of(descr: &ColumnDescPtr) -> Result<Self, String> {
        if let Some(logical) = descr.logical_type_ref() {
            return match logical {
                LogicalType::Integer(it) if !it.is_signed => Ok(Self::Unsigned),
                LogicalType::Integer(_) | LogicalType::Unknown => Ok(Self::Plain),
                LogicalType::Date => Ok(Self::Date),
                LogicalType::Timestamp(it) => Ok(Self::Timestamp {
                    a_second: match it.unit {
                        TimeUnit::MILLIS => 1000,
                        TimeUnit::MICROS => 1_000_000,
                        TimeUnit::NANOS => 1_000_000_000,
                    },
                    is_utc: it.is_adjusted_to_u_t_c,
                }),
                LogicalType::Decimal(it) => Ok(Self::Decimal(it.scale)),
                LogicalType::String | LogicalType::Enum | LogicalType::Json => Ok(Self::Text),
                LogicalType::Float16 => Ok(Self::Half),
                _ => Err(format!(
                    "values of the type {} cannot be read",
                    type_words(descr)
                )),
            };
        }
        Ok(match descr.converted_type() {
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64 => match descr.physical_type() {
                Physical::INT96 => Self::Timestamp {
                    a_second: 1_000_000,
                    is_utc: false,
                },
                Physical::BYTE_ARRAY => Self::Text,
                Physical::FIXED_LEN_BYTE_ARRAY => {
                    return Err(format!(
                        "values of the type {} cannot be read",
                        type_words(descr)
                    ));
                }
                _ => Self::Plain,
            },
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Self::Unsigned,
            ConvertedType::DATE => Self::Date,
            ConvertedType::TIMESTAMP_MILLIS => Self::Timestamp {
                a_second: 1000,
                is_utc: true,
            },
            ConvertedType::TIMESTAMP_MICROS => Self::Timestamp {
                a_second: 1_000_000,
                is_utc: true,
            },
            ConvertedType::DECIMAL => Self::Decimal(descr.type_scale()),
            ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Self::Text,
            other => return Err(format!("values of the type {other} cannot be read")),
        })
    }

    /// Whether values are moments in UTC, which a zone may move.
    pub fn is_in_utc(self) -> bool {
        matches!(self, Self::Timestamp { is_utc: true, .. })
    }

    /// Gives each value of a group of rows with its repetition level.
    pub fn each(
        self,
        reader: ColumnReader,
        descr: &ColumnDescPtr,
        rows: usize,
        take: &mut Take<'_>,
    ) -> Result<(), Trouble> {
        match reader {
            ColumnReader::BoolColumnReader(reader) => each(reader, descr, rows, |level, it| {
                take(level, it.map(|it| Stored::Bool(*it)))
            }),
            ColumnReader::Int32ColumnReader(reader) => each(reader, descr, rows, |level, it| {
                let widen = |it: &i32| match self {
                    Self::Unsigned => i64::from(it.cast_unsigned()),
                    _ => i64::from(*it),
                };
                take(level, it.map(|it| Stored::Integer(widen(it))))
            }),
            ColumnReader::Int64ColumnReader(reader) => each(reader, descr, rows, |level, it| {
                take(level, it.map(|it| Stored::Integer(*it)))
            }),
            ColumnReader::Int96ColumnReader(reader) => each(reader, descr, rows, |level, it| {
                take(level, it.map(Stored::Int96))
            }),
            ColumnReader::FloatColumnReader(reader) => each(reader, descr, rows, |level, it| {
                take(level, it.map(|it| Stored::Single(*it)))
            }),
            ColumnReader::DoubleColumnReader(reader) => each(reader, descr, rows, |level, it| {
                take(level, it.map(|it| Stored::Number(*it)))
            }),
            ColumnReader::ByteArrayColumnReader(reader) => {
                each(reader, descr, rows, |level, it: Option<&ByteArray>| {
                    take(level, it.map(|it| Stored::Bytes(it.data())))
                })
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => each(
                reader,
                descr,
                rows,
                |level, it: Option<&FixedLenByteArray>| {
                    take(level, it.map(|it| Stored::Bytes(it.data())))
                },
            ),
        }
    }

    /// Writes a value's text, that of a moment in `zone`; of NaN a null.
    pub fn write(
        self,
        value: Stored<'_>,
        zone: Option<&TimeZone>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        match (value, self) {
            (Stored::Bool(it), _) => put(out, it),
            (Stored::Integer(it), Self::Unsigned) => put(out, it.cast_unsigned()),
            (Stored::Integer(it), Self::Date) => put(out, date(it)?),
            (Stored::Integer(it), Self::Timestamp { a_second, is_utc }) => {
                let nanosecond = it.rem_euclid(a_second) * (1_000_000_000 / a_second);
                let utc = TimeZone::UTC;
                let zone = zone.or(is_utc.then_some(&utc));
                write_moment(it.div_euclid(a_second), nanosecond, zone, out)?;
            }
            (Stored::Integer(it), Self::Decimal(scale)) => decimal(i128::from(it), scale, out),
            (Stored::Integer(it), _) => put(out, it),
            (Stored::Int96(it), _) => {
                let micros = it.to_micros();
                let nanosecond = micros.rem_euclid(1_000_000) * 1000;
                write_moment(micros.div_euclid(1_000_000), nanosecond, None, out)?;
            }
            (Stored::Single(it), _) => write_number(it + 0.0, f64::from(it), out)?,
            (Stored::Number(it), _) => write_number(it + 0.0, it, out)?,
            (Stored::Bytes(it), Self::Decimal(scale)) => decimal(integer(it)?, scale, out),
            (Stored::Bytes(it), Self::Half) => {
                let number = half(it);
                write_number(number + 0.0, number, out)?;
            }
            (Stored::Bytes(it), _) => match std::str::from_utf8(it) {
                Ok(text) => out.extend_from_slice(text.as_bytes()),
                Err(_) => return Err("is not UTF-8 text".to_owned()),
            },
        }
        Ok(())
    }

    /// A value as a number, where it is one.
    pub fn number(self, value: Stored<'_>) -> Option<f64> {
        match (value, self) {
            (Stored::Bool(it), _) => Some(f64::from(u8::from(it))),
            (Stored::Integer(it), Self::Unsigned) => Some(it.cast_unsigned() as f64),
            (Stored::Integer(it), Self::Plain) => Some(it as f64),
            (Stored::Single(it), _) => Some(f64::from(it)),
            (Stored::Number(it), _) => Some(it),
            (Stored::Bytes(it), Self::Half) => Some(half(it)),
            _ => None,
        }
    }
}

/// The type of a column's values, as the format's own documents call it.
fn type_words(descr: &ColumnDescPtr) -> String {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => "MILLIS",
        TimeUnit::MICROS => "MICROS",
        TimeUnit::NANOS => "NANOS",
    };
    match descr.logical_type_ref() {
        Some(LogicalType::Time(time)) => format!("TIME({})", unit(&time.unit)),
        Some(LogicalType::Uuid) => "UUID".to_owned(),
        Some(LogicalType::Bson) => "BSON".to_owned(),
        Some(LogicalType::Variant(_)) => "VARIANT".to_owned(),
        Some(LogicalType::Geometry(_)) => "GEOMETRY".to_owned(),
        Some(LogicalType::Geography(_)) => "GEOGRAPHY".to_owned(),
        Some(LogicalType::Map) => "MAP".to_owned(),
        Some(LogicalType::List) => "LIST".to_owned(),
        _ => match (descr.converted_type(), descr.physical_type()) {
            (ConvertedType::NONE, Physical::FIXED_LEN_BYTE_ARRAY) => {
                format!("FIXED_LEN_BYTE_ARRAY({})", descr.type_length())
            }
            (ConvertedType::NONE, physical) => physical.to_string(),
            (converted, _) => converted.to_string(),
        },
    }
}

/// What a column of several values a row is, in the format's own words.
pub fn nested(root: &Type) -> String {
    let info = root.get_basic_info();
    let is = |logical: &LogicalType, converted: ConvertedType| {
        info.logical_type_ref() == Some(logical) || info.converted_type() == converted
    };
    if is(&LogicalType::Map, ConvertedType::MAP) {
        "is a MAP, and a column has one value a row".to_owned()
    } else if is(&LogicalType::List, ConvertedType::LIST) {
        "is a LIST of other things than values".to_owned()
    } else if root.is_group() {
        let fields = root.get_fields().iter();
        let names: Vec<&str> = fields.map(|field| field.name()).collect();
        let names = infer::listed(&names);
        format!("is a group (a struct) of the fields {names}, and a column has one value a row")
    } else {
        "is repeated, and a column has one value a row".to_owned()
    }
}

fn put(out: &mut Vec<u8>, value: impl Display) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
}

/// Writes the shortest text that gives the number of its size again; `value` is that number.
fn write_number(number: impl Display, value: f64, out: &mut Vec<u8>) -> Result<(), String> {
    if value.is_infinite() {
        return Err("is infinite".to_owned());
    }
    if value.is_nan() {
        out.extend_from_slice(NULL);
    } else {
        put(out, number);
    }
    Ok(())
}

/// Writes a moment on the clock of a zone, with its offset; without a zone, as the clock alone.
fn write_moment(
    second: i64,
    nanosecond: i64,
    zone: Option<&TimeZone>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let moment = Timestamp::new(second, nanosecond as i32);
    let moment = moment.map_err(|_| "is a date out of all bounds".to_owned())?;
    match zone {
        Some(zone) if *zone == TimeZone::UTC => put(out, moment),
        Some(zone) => put(out, moment.display_with_offset(zone.to_offset(moment))),
        None => put(out, Offset::UTC.to_datetime(moment)),
    }
    Ok(())
}

fn date(days: i64) -> Result<Date, String> {
    const DAY: i64 = 86_400;
    let moment = days
        .checked_mul(DAY)
        .and_then(|it| Timestamp::from_second(it).ok());
    let moment = moment.ok_or_else(|| "is a date out of all bounds".to_owned())?;
    Ok(Offset::UTC.to_datetime(moment).date())
}

/// Big-endian, in two's complement.
fn integer(bytes: &[u8]) -> Result<i128, String> {
    if bytes.len() > size_of::<i128>() {
        return Err("is a decimal of more than 38 digits".to_owned());
    }
    let is_negative = bytes.first().is_some_and(|it| *it >= 0x80);
    let mut whole = [if is_negative { 0xff } else { 0 }; size_of::<i128>()];
    let start = whole.len() - bytes.len();
    whole[start..].copy_from_slice(bytes);
    Ok(i128::from_be_bytes(whole))
}

fn decimal(unscaled: i128, scale: i32, out: &mut Vec<u8>) {
    let scale = usize::try_from(scale).unwrap_or_default();
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let point = if part.is_empty() { "" } else { "." };
    put(out, format_args!("{sign}{whole}{point}{part}"));
}

/// A number of two bytes.
fn half(bytes: &[u8]) -> f64 {
    let bits = match bytes {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => return f64::NAN,
    };
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for (unscaled, scale, text) in [
            (12345, 2, "123.45"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, 0, "7"),
        ] {
            let mut out = Vec::new();
            decimal(unscaled, scale, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(integer(&[0xff, 0x85]), Ok(-123));
        assert_eq!(integer(&[0x01, 0x00]), Ok(256));
        assert!(integer(&[1; 17]).is_err());
    }

    #[test]
    fn halves_are_those_of_ieee() {
        for (bits, value) in [
            (0x3c00_u16, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 5.960_464_477_539_063e-8),
        ] {
            assert_eq!(half(&bits.to_le_bytes()), value);
        }
        assert!(half(&0x7e00_u16.to_le_bytes()).is_nan());
    }
}
