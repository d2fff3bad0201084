//! Tells of values that look as if something else was meant: stray words, and notations that are not read. Knows one column.

use pipe_schema::stage::preprocess::ColumnType;

use crate::{
    infer::Missing,
    prepare::Note,
    recognize::recognize,
    stray,
    table::{self, Places},
    words::Words,
};

/// Tells of dates and numbers that are written otherwise than usual.
pub fn notation(column: &str, words: &Words, train: &[usize], report: &mut dyn FnMut(Note)) {
    if !matches!(words.r#type, ColumnType::Categorical | ColumnType::Text) {
        return;
    }
    let counts = words.counts(train);
    let seen = words.names().zip(counts.iter().copied());
    if let Some(found) = recognize(&seen.filter(|(_, count)| *count > 0)) {
        for line in found.told(column) {
            report(Note::Log(line));
        }
    }
}

/// Tells of a few words among numbers or dates.
pub fn strays(
    column: &table::Column,
    r#type: ColumnType,
    missing: &Missing,
    is_train: &[bool],
    places: &Places,
    report: &mut dyn FnMut(Note),
) {
    if let Some(stray) = stray::find(&column.fields, r#type, missing, is_train) {
        for line in stray.told(&column.name, places) {
            report(Note::Log(line));
        }
    }
}
