//! The form of new rows whose name does not tell it, by their first bytes. Reads no row.

use std::{io::BufRead as _, path::Path};

use pipe_schema::{dataset::DatasetSchema, stage::preprocess::Form};

use crate::{error::DataError, picture, table};

/// The form of the rows in a file: that of the data that the schema is of, unless the content shows another one. JSON is told
/// from CSV by its first character. Texts may begin with anything: they stay texts.
pub fn form_of_rows(path: &Path, schema: &DatasetSchema) -> Result<Form, DataError> {
    let own = schema.read.form();
    if own == Form::Text || path.is_dir() {
        return Ok(own);
    }
    let mut file = table::open_bytes(path, &schema.read)?;
    let start = file
        .fill_buf()
        .map_err(|error| DataError::io(path, &error))?;
    Ok(form_of(start, own))
}

fn form_of(start: &[u8], own: Form) -> Form {
    const MAGIC: [(&[u8], Form); 3] = [
        (b"PAR1", Form::Parquet),
        (b"\x93NUMPY", Form::Npz),
        (b"PK\x03\x04", Form::Npz),
    ];
    if let Some((_, form)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        return *form;
    }
    if picture::is_picture(start) {
        return Form::Images;
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let text = text.trim_ascii_start();
    let second = |first: u8| {
        let rest = text.strip_prefix(&[first])?;
        Some(rest.trim_ascii_start().first().copied())
    };
    // The header of a CSV file may begin with a bracket, but not go on like this.
    let is_object = second(b'{').is_some_and(|it| it.is_none_or(|it| b"\"}".contains(&it)));
    let is_list = second(b'[').is_some_and(|it| it.is_none_or(|it| b"{]".contains(&it)));
    if is_object || is_list {
        return Form::Jsonl;
    }
    match own {
        Form::Jsonl | Form::Parquet | Form::Npz if !text.is_empty() && is_text(start) => Form::Csv,
        own => own,
    }
}

/// Whether bytes may be those of a text: no control characters but blanks.
fn is_text(start: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < b' ' && !b"\t\n\r\x0c".contains(byte);
    !start.iter().take(512).any(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_csv_by_its_first_character() {
        for (start, own, form) in [
            (&b"{\"a\": 1}\n"[..], Form::Csv, Form::Jsonl),
            (b"\xef\xbb\xbf\n  { \"a\": 1}\n", Form::Csv, Form::Jsonl),
            (b"[{\"a\": 1}]", Form::Csv, Form::Jsonl),
            (b"{}", Form::Parquet, Form::Jsonl),
            (b"{\"image\": \"...\"}", Form::Images, Form::Jsonl),
            (b"a,b\n1,2\n", Form::Jsonl, Form::Csv),
            (b"a,b\n1,2\n", Form::Parquet, Form::Csv),
            (b"[id],[name]\n1,2\n", Form::Csv, Form::Csv),
            (b"{id},name\n1,2\n", Form::Csv, Form::Csv),
            (b"PAR1...", Form::Csv, Form::Parquet),
            (b"\x93NUMPY\x01", Form::Jsonl, Form::Npz),
            (b"\x89PNG\r\n\x1a\n", Form::Jsonl, Form::Images),
            (b"", Form::Jsonl, Form::Jsonl),
            (b"\x00\x01", Form::Parquet, Form::Parquet),
        ] {
            let shown = String::from_utf8_lossy(start);
            assert_eq!(form_of(start, own), form, "{shown} {own:?}");
        }
    }
}
