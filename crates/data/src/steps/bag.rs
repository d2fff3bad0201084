//! Texts as counts or weights of their terms. Terms and weights are scikit-learn's; a missing text has no terms.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{FittedStep, Vocabulary},
    stage::preprocess::{BagOfWords, TermWeights},
};

use super::{choice, terms};
use crate::{
    error::DataError,
    frame::{Frame, Values},
    sparse::NewColumns,
    words::Words,
};

/// Learns the terms of each column, and how many texts have them.
pub fn fit(step: &BagOfWords, frame: &Frame, train: &[usize]) -> Result<FittedStep, DataError> {
    let [fewest, most] = step.ngrams;
    if fewest == 0 || fewest > most {
        return Err(DataError::wrong(format!(
            "the lengths [{fewest}, {most}] of `ngrams` do not rise from 1"
        )));
    }
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let words = choice::words(frame, &name, "bag_of_words")?;
        let vocabulary = learn(step, words, train).ok_or_else(|| {
            DataError::wrong(format!("column `{name}`: no term is left to count"))
                .hint("terms have two letters at least; a smaller `min_count` keeps more")
        })?;
        columns.insert(name, vocabulary);
    }
    Ok(FittedStep::BagOfWords {
        columns,
        ngrams: step.ngrams,
    })
}

fn learn(step: &BagOfWords, words: &Words, train: &[usize]) -> Option<Vocabulary> {
    // Occurrences, and rows with one at least, by term.
    let mut known: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (text, rows) in words.names().zip(words.counts(train)) {
        if rows == 0 {
            continue;
        }
        for (term, count) in counts(text, step.ngrams) {
            let (occurrences, with) = known.entry(term).or_default();
            *occurrences += count * rows;
            *with += rows;
        }
    }
    let mut terms: Vec<(String, (u64, u64))> = known.into_iter().collect();
    terms.retain(|(_, (_, with))| *with >= step.min_count);
    terms.sort_by_key(|(_, (occurrences, _))| std::cmp::Reverse(*occurrences));
    terms.truncate(step.max_features as usize);
    terms.sort();
    let texts = train.len() as f64;
    let idf = |with: u64| ((1.0 + texts) / (1.0 + with as f64)).ln() + 1.0;
    let is_weighted = step.weights == TermWeights::TfIdf;
    let vocabulary = Vocabulary {
        idf: is_weighted.then(|| terms.iter().map(|(_, (_, with))| idf(*with)).collect()),
        terms: terms.into_iter().map(|it| it.0).collect(),
    };
    (!vocabulary.terms.is_empty()).then_some(vocabulary)
}

/// Puts a column for each term where the texts were.
pub fn apply(
    vocabularies: &IndexMap<String, Vocabulary>,
    ngrams: [u32; 2],
    frame: &mut Frame,
) -> Result<(), DataError> {
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let (Some(vocabulary), Values::Words(words)) = (vocabularies.get(&name), &values) else {
            choice::insert(&mut columns, "bag_of_words", name, values)?;
            continue;
        };
        let weights: Vec<Vec<(usize, f64)>> = {
            let terms = vocabulary.terms.iter().map(String::as_str).zip(0..);
            let terms: HashMap<&str, usize> = terms.collect();
            let weigh = |text| weigh(text, ngrams, &terms, vocabulary.idf.as_deref());
            words.names().map(weigh).collect()
        };
        let mut made = NewColumns::numbers(vocabulary.terms.len(), words.codes.len());
        for (row, code) in words.codes.iter().enumerate() {
            for (term, weight) in weights.get(*code as usize).into_iter().flatten() {
                made.set(*term, row, *weight);
            }
        }
        for (term, column) in vocabulary.terms.iter().zip(made.finish()) {
            let title = format!("{name}:{term}");
            choice::insert(&mut columns, "bag_of_words", title, column)?;
        }
    }
    frame.columns = columns;
    Ok(())
}

/// The terms of a text that are known, by their places, with their weights.
fn weigh(
    text: &str,
    ngrams: [u32; 2],
    terms: &HashMap<&str, usize>,
    idf: Option<&[f64]>,
) -> Vec<(usize, f64)> {
    let counts = counts(text, ngrams).into_iter();
    let mut weights: Vec<(usize, f64)> = counts
        .filter_map(|(term, count)| Some((*terms.get(term.as_str())?, count as f64)))
        .collect();
    // In the order of terms, so that the sum below is the same for the same text.
    weights.sort_by_key(|it| it.0);
    if let Some(idf) = idf {
        for (term, weight) in &mut weights {
            *weight *= idf[*term];
        }
        let length = weights.iter().map(|it| it.1 * it.1).sum::<f64>().sqrt();
        for (_, weight) in &mut weights {
            *weight /= length;
        }
    }
    weights
}

/// How often each term occurs in a text.
fn counts(text: &str, [fewest, most]: [u32; 2]) -> HashMap<String, u64> {
    let text = text.to_lowercase();
    let words: Vec<&str> = terms::words(&text).collect();
    let mut counts = HashMap::new();
    // A text has no term of more words than it has.
    let most = (most as usize).min(words.len());
    for length in (fewest as usize).max(1)..=most {
        for term in words.windows(length) {
            *counts.entry(term.join(" ")).or_default() += 1;
        }
    }
    counts
}
