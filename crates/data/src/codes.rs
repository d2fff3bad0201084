//! Which columns hold codes of categories: whole numbers from 0, one for each category.
//! Knows which steps make them; not what reads them.

use indexmap::IndexMap;
use pipe_schema::{dataset::FittedStep, stage::preprocess::UnknownRank};

use crate::{
    frame::{Frame, Values},
    steps::tokens,
};

/// Codes by column, as a step made them.
#[derive(Default)]
pub struct Codes(IndexMap<String, Made>);

struct Made {
    /// How many there are.
    count: u32,
    /// Those of the train rows.
    of_train: Vec<f32>,
}

impl Codes {
    /// Notes what a step made, right after it.
    pub fn note(&mut self, step: &FittedStep, frame: &Frame, train: &[usize]) {
        let (columns, others) = match step {
            FittedStep::Ordinal {
                categories,
                unknown: UnknownRank::Own,
            } => (categories, 1),
            FittedStep::Tokens { columns, .. } => (columns, tokens::OTHERS),
            _ => return,
        };
        for (name, words) in columns {
            if let Some(values) = frame.columns.get(name) {
                let count = u32::try_from(words.len() + others).unwrap_or(u32::MAX);
                let of_train = numbers(values, train);
                self.0.insert(name.clone(), Made { count, of_train });
            }
        }
    }

    /// How many codes there are, by column that still holds them: no step changed it since, as the train rows show.
    pub fn left(&self, frame: &Frame, train: &[usize]) -> IndexMap<String, u32> {
        let columns = frame.columns.iter();
        let left = columns.filter_map(|(name, values)| {
            let made = self.0.get(name)?;
            (numbers(values, train) == made.of_train).then(|| (name.clone(), made.count))
        });
        left.collect()
    }
}

fn numbers(values: &Values, rows: &[usize]) -> Vec<f32> {
    let mut numbers = vec![f32::NAN; rows.len() * values.width()];
    let cells = numbers.chunks_mut(values.width().max(1));
    for (row, cells) in rows.iter().zip(cells) {
        match values {
            Values::Numbers(values) => cells[0] = values[*row] as f32,
            Values::Block(block) => block.write_row(*row, cells),
            _ => {}
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use pipe_schema::dataset::MeanScale;

    use super::*;
    use crate::{
        steps,
        words::{NO_WORD, Words},
    };

    fn words(all: &[&str]) -> Values {
        let mut words = Words::default();
        for word in all {
            let code = if word.is_empty() {
                NO_WORD
            } else {
                words.code(word)
            };
            words.codes.push(code);
        }
        Values::Words(words)
    }

    fn ordinal(unknown: UnknownRank) -> FittedStep {
        let seen = ["blue", "red"].map(str::to_owned).to_vec();
        FittedStep::Ordinal {
            categories: IndexMap::from([("word".to_owned(), seen)]),
            unknown,
        }
    }

    #[test]
    fn an_unseen_and_a_missing_category_share_the_last_code() {
        let mut frame = Frame::default();
        let values = words(&["red", "blue", "teal", ""]);
        frame.columns.insert("word".to_owned(), values);
        let (step, train) = (ordinal(UnknownRank::Own), [0, 1]);
        let mut codes = Codes::default();
        steps::apply(&step, &mut frame).unwrap();
        codes.note(&step, &frame, &train);
        let expected = Values::Numbers(vec![1.0, 0.0, 2.0, 2.0]);
        assert_eq!(frame.columns["word"], expected);
        let left = codes.left(&frame, &train);
        assert_eq!(left, IndexMap::from([("word".to_owned(), 3)]));
    }

    #[test]
    fn what_a_later_step_changes_or_drops_holds_no_codes() {
        let scale = MeanScale {
            mean: 0.5,
            scale: 0.5,
        };
        let columns = IndexMap::from([("word".to_owned(), scale)]);
        let drop = FittedStep::Drop {
            columns: vec!["word".to_owned()],
        };
        for later in [FittedStep::Standardize { columns }, drop] {
            let mut frame = Frame::default();
            frame
                .columns
                .insert("word".to_owned(), words(&["red", "blue"]));
            let (step, train) = (ordinal(UnknownRank::Own), [0, 1]);
            let mut codes = Codes::default();
            steps::apply(&step, &mut frame).unwrap();
            codes.note(&step, &frame, &train);
            steps::apply(&later, &mut frame).unwrap();
            assert!(codes.left(&frame, &train).is_empty());
        }
    }

    #[test]
    fn places_without_one_for_unknown_categories_are_no_codes() {
        let mut frame = Frame::default();
        frame
            .columns
            .insert("word".to_owned(), words(&["red", "blue"]));
        let (step, mut codes) = (ordinal(UnknownRank::MinusOne), Codes::default());
        steps::apply(&step, &mut frame).unwrap();
        codes.note(&step, &frame, &[0, 1]);
        assert!(codes.left(&frame, &[0, 1]).is_empty());
    }
}
