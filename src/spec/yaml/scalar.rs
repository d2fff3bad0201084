//! What a scalar means: serde_yaml and saphyr must agree. Knows one scalar at a time.

use saphyr::Scalar;
use saphyr_parser::ScalarStyle;

use crate::spec::{Diagnostic, Span, Value, node::quoted};

/// The two libraries read a scalar differently.
pub struct Difference {
    text: String,
    one: Value,
    other: Value,
}

impl Difference {
    pub fn diagnostic(&self, span: Span) -> Diagnostic {
        let digits = self.text.trim_start_matches(['+', '-']);
        if !digits.starts_with('0') && digits.bytes().all(|it| it.is_ascii_digit()) {
            return Diagnostic::error("the number is too large")
                .at(span, "beyond what 64 bits hold")
                .hint(format!(
                    "at most {}; quote it if it is meant as text",
                    i64::MAX
                ));
        }
        let quoted_form = serde_json::Value::from(self.text.as_str());
        let mut error = Diagnostic::error(format!("YAML readers differ on {}", quoted(&self.text)))
            .at(
                span,
                format!(
                    "{} to some, {} to others",
                    self.one.describe(),
                    self.other.describe()
                ),
            );
        let number = [&self.one, &self.other]
            .into_iter()
            .find(|it| matches!(it, Value::Int(_) | Value::Float(_)));
        error = match number {
            Some(number) => error.hint(format!(
                "write `{quoted_form}` if text is meant, `{}` if a number is",
                number.canonical()
            )),
            None => error.hint(format!("write it in double quotes: `{quoted_form}`")),
        };
        error
    }
}

/// The meaning of a scalar. `raw` is how it is written, `indent` tells the column of the block that it stands in.
pub fn read(
    text: &str,
    raw: &str,
    style: ScalarStyle,
    indent: impl FnOnce() -> usize,
) -> Result<Value, Difference> {
    match style {
        ScalarStyle::Plain => plain(text),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
            if !raw.contains(['\n', '\r', '\\']) =>
        {
            Ok(Value::Text(text.to_owned()))
        }
        _ => {
            let other = reread(raw, indent());
            match other {
                Some(Value::Text(other)) if other == text => Ok(Value::Text(other)),
                other => Err(Difference {
                    text: text.to_owned(),
                    one: Value::Text(text.to_owned()),
                    other: other.unwrap_or(Value::Null),
                }),
            }
        }
    }
}

/// A value that stands alone, as behind `--set x=` and in `@axis=value`: a scalar, else text.
pub fn value_of(text: &str) -> Value {
    plain(text).unwrap_or_else(|difference| Value::Text(difference.text))
}

fn plain(text: &str) -> Result<Value, Difference> {
    if is_surely_text(text) {
        return Ok(Value::Text(text.to_owned()));
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let one = match Scalar::parse_from_cow(text.into()) {
        Scalar::Null => Value::Null,
        Scalar::Boolean(it) => Value::Bool(it),
        Scalar::Integer(it) => Value::Int(it),
        Scalar::FloatingPoint(it) => Value::Float(*it),
        Scalar::String(it) => Value::Text(it.into_owned()),
    };
    match reread(text, 0) {
        Some(other) if is_same(&one, &other) => Ok(one),
        other => Err(Difference {
            text: text.to_owned(),
            one,
            other: other.unwrap_or(Value::Null),
        }),
    }
}

/// Words that start with a letter are text to both, except these few; so no library need be asked.
fn is_surely_text(text: &str) -> bool {
    let starts_like_text =
        text.starts_with(|it: char| it.is_alphabetic() || matches!(it, '_' | '/' | '$'));
    text.contains('\n')
        || (starts_like_text
            && !matches!(
                text,
                "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
            ))
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => {
            one == other || (one.is_nan() && other.is_nan())
        }
        _ => one == other,
    }
}

/// What serde_yaml makes of a scalar as it is written.
fn reread(raw: &str, indent: usize) -> Option<Value> {
    let document = format!("{:indent$}k: {raw}", "");
    let map: serde_yaml::Mapping = serde_yaml::from_str(&document).ok()?;
    let value = match map.get("k")? {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(it) => Value::Bool(*it),
        serde_yaml::Value::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(int), _) => Value::Int(int),
            // A whole number that does not fit is no float.
            (None, _) if it.is_u64() => Value::Text(it.to_string()),
            (None, float) => Value::Float(float?),
        },
        serde_yaml::Value::String(it) => Value::Text(it.clone()),
        _ => return None,
    };
    Some(value)
}
