//! What a table of the project tells of a column before a stage reads it. Knows no spec.

use std::{collections::BTreeSet, path::Path};

use pipe_data::{
    DataError,
    infer::{self, Missing},
    limits,
    table::{self, Table},
};
use pipe_schema::{
    scalar::ByteSize,
    stage::preprocess::{Form, Read},
};

use crate::plan::Evidence;

/// Rows of a table that are looked at before it is read.
const ROWS_GLANCED_AT: usize = 100;
/// Bytes of a table that is read whole for what it says of its target.
const BYTES_READ_WHOLE: u64 = 1 << 20;
/// Values of a column that may be classes.
const VALUES_TOLD: usize = 100;

/// What the first rows of a table tell of a column, if anything.
pub fn evidence(path: &Path, read: &Read, column: &str) -> Option<Evidence> {
    // What is read whole is looked at only where it is small.
    let is_streamed = matches!(read.form(), Form::Csv | Form::Jsonl | Form::Text);
    let glance = limits::GLANCE as u64;
    if !is_streamed && path.metadata().map_or(0, |it| it.len()) > glance {
        return None;
    }
    let read = &Read {
        max_unpacked: Some(ByteSize { bytes: glance }),
        ..read.clone()
    };
    let mut evidence = None;
    let mut look = |table: Table, _: &[String]| {
        let missing = Missing::of(read);
        let present = table.columns.first().map(|it| it.fields.iter());
        for text in present.into_iter().flatten().filter(|it| !missing.has(it)) {
            let shown = || infer::text_of(text).to_owned();
            match infer::number(text) {
                None => {
                    evidence = Some(Evidence::Word(shown()));
                    break;
                }
                Some(it) if it.fract() != 0.0 && evidence.is_none() => {
                    evidence = Some(Evidence::Fraction(shown()));
                }
                Some(_) => {}
            }
        }
        Err(Enough)
    };
    // What is wrong with the file is said when it is read; what was seen before is seen.
    let _ = table::read_wanted(path, read, &[], &[column], ROWS_GLANCED_AT, &mut look);
    evidence
}

/// The distinct values of a column of a small table: all of them, or none.
pub fn values(path: &Path, read: &Read, column: &str) -> Option<Vec<String>> {
    if !path.is_file() || path.metadata().ok()?.len() > BYTES_READ_WHOLE {
        return None;
    }
    let read = &Read {
        max_unpacked: Some(ByteSize {
            bytes: BYTES_READ_WHOLE,
        }),
        ..read.clone()
    };
    let mut values = BTreeSet::new();
    let mut gather = |table: Table, _: &[String]| {
        let fields = table.columns.first().map(|it| it.fields.iter());
        let texts = fields.into_iter().flatten();
        values.extend(texts.map(|it| infer::text_of(it).to_owned()));
        if values.len() > VALUES_TOLD {
            Err(Enough)
        } else {
            Ok(())
        }
    };
    let whole = table::read_wanted(path, read, &[], &[column], ROWS_GLANCED_AT, &mut gather);
    whole.ok().map(|()| values.into_iter().collect())
}

/// Ends reading.
struct Enough;

impl From<DataError> for Enough {
    fn from(_: DataError) -> Self {
        Self
    }
}
