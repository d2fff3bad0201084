//! Texts as codes of their words, in order: 0 fills up, 1 is an unknown word. A missing text has no words.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use indexmap::IndexMap;
use pipe_schema::{dataset::FittedStep, stage::preprocess::Tokens};

use super::{choice, terms};
use crate::{
    block::Block,
    error::DataError,
    frame::{Frame, Values},
    words::Words,
};

/// Codes that are no word's: that which fills a short text up, and that of an unknown word.
pub const OTHERS: usize = 2;
const UNKNOWN: f32 = 1.0;

/// Learns the words of each column.
pub fn fit(step: &Tokens, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let texts = choice::words(frame, &name, "tokens")?;
        let words = learn(step, texts, train);
        if words.is_empty() {
            return Err(
                DataError::wrong(format!("column `{name}`: no word is left to code"))
                    .hint("words have two letters at least; a smaller `min_count` keeps more"),
            );
        }
        columns.insert(name, words);
    }
    if columns.is_empty() {
        return Err(DataError::wrong("there is no text to take words of")
            .hint("name a column: `- tokens: {columns: [title]}`"));
    }
    Ok(FittedStep::Tokens {
        columns,
        length: step.length,
        lowercase: step.lowercase,
    })
}

/// The words of the train rows, the most frequent first; of equally frequent ones the first by code point.
fn learn(step: &Tokens, texts: &Words, train: &[usize]) -> Vec<String> {
    // Occurrences, and rows with one at least, by word.
    let mut known: HashMap<String, (u64, u64)> = HashMap::new();
    for (text, rows) in texts.names().zip(texts.counts(train)) {
        if rows == 0 {
            continue;
        }
        let text = cased(text, step.lowercase);
        let mut seen = HashSet::new();
        for word in terms::words(&text) {
            let (occurrences, with) = match known.get_mut(word) {
                Some(counts) => counts,
                None => known.entry(word.to_owned()).or_default(),
            };
            *occurrences += rows;
            *with += if seen.insert(word) { rows } else { 0 };
        }
    }
    let mut words: Vec<(String, (u64, u64))> = known.into_iter().collect();
    words.retain(|(_, (_, with))| *with >= step.min_count);
    words.sort_by(|(a, (many, _)), (b, (more, _))| more.cmp(many).then_with(|| a.cmp(b)));
    words.truncate(step.vocabulary as usize);
    words.into_iter().map(|it| it.0).collect()
}

fn cased(text: &str, lowercase: bool) -> Cow<'_, str> {
    if lowercase {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Puts a block of codes where the texts were.
pub fn apply(
    columns: &IndexMap<String, Vec<String>>,
    length: u32,
    lowercase: bool,
    frame: &mut Frame,
) -> Result<(), DataError> {
    let length = length as usize;
    for (name, known) in columns {
        let Some(values) = frame.columns.get_mut(name) else {
            continue;
        };
        let Values::Words(texts) = values else {
            continue;
        };
        let codes: HashMap<&str, f32> = known
            .iter()
            .zip(OTHERS..)
            .map(|(word, code)| (word.as_str(), code as f32))
            .collect();
        let code = |text| -> Vec<f32> {
            let text = cased(text, lowercase);
            let words = terms::words(&text).take(length);
            words
                .map(|it| codes.get(it).copied().unwrap_or(UNKNOWN))
                .collect()
        };
        let coded: Vec<Vec<f32>> = texts.names().map(code).collect();
        let rows = texts.codes.len();
        let mut numbers = vec![0.0; rows * length];
        for (row, text) in numbers.chunks_mut(length.max(1)).zip(&texts.codes) {
            if let Some(codes) = coded.get(*text as usize) {
                row[..codes.len()].copy_from_slice(codes);
            }
        }
        let block = Block::of_floats(&[length], rows, numbers)
            .ok_or_else(|| DataError::wrong("`length` must be 1 at least"))?;
        *values = Values::Block(block);
    }
    Ok(())
}
