//! A category becomes the mean of the target over its rows. How far it is drawn to the mean of all rows, and how the train
//! part is cross-fitted, is scikit-learn's `TargetEncoder`.

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Encodings, FittedStep, Target, TargetKind},
    stage::preprocess::{FoldPart, KfoldSplit, TargetEncode},
};

use super::choice;
use crate::{
    categories::Categories,
    dataset::TargetValues,
    error::DataError,
    frame::{Frame, Values},
    split::kfold,
    words::{NO_WORD, Words},
};

/// The target of all rows, as far as steps may look at it: in the train part.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    pub target: &'a Target,
    pub values: &'a TargetValues,
}

impl Goal<'_> {
    /// What is averaged over the rows, with the class or target that it stands for; none for a number, or the second of two.
    fn averaged(&self, rows: &[usize]) -> (Vec<Vec<f64>>, Vec<String>) {
        let is = |codes: &[i64], class: usize| {
            let is_it = |row: &usize| f64::from(u8::from(codes[*row] == class as i64));
            rows.iter().map(is_it).collect::<Vec<f64>>()
        };
        match (self.values, &self.target.kind) {
            (TargetValues::Classes(codes), TargetKind::Classes { names, .. })
                if names.len() > 2 =>
            {
                (
                    (0..names.len()).map(|class| is(codes, class)).collect(),
                    names.clone(),
                )
            }
            (TargetValues::Classes(codes), _) => (vec![is(codes, 1)], Vec::new()),
            (TargetValues::Numbers(values), _) => (
                vec![rows.iter().map(|row| values[*row]).collect()],
                Vec::new(),
            ),
            (TargetValues::Several(grid), _) => self.each(grid.width(), |at| {
                rows.iter().map(|row| grid.row(*row)[at]).collect()
            }),
            (TargetValues::Labels(grid), _) => self.each(grid.width(), |at| {
                let truths = rows.iter().map(|row| grid.row(*row)[at]);
                truths.map(|it| f64::from(u8::from(it))).collect()
            }),
        }
    }

    /// By target, with their names.
    fn each(
        &self,
        count: usize,
        values: impl Fn(usize) -> Vec<f64>,
    ) -> (Vec<Vec<f64>>, Vec<String>) {
        let names = self.target.columns().to_vec();
        ((0..count).map(values).collect(), names)
    }

    fn strata(&self, rows: &[usize]) -> Option<Vec<usize>> {
        let TargetValues::Classes(codes) = self.values else {
            return None;
        };
        let codes = rows
            .iter()
            .map(|row| usize::try_from(codes[*row]).unwrap_or(0));
        Some(codes.collect())
    }
}

/// Learns the encodings of each column from all rows of the train part.
pub fn fit(
    step: &TargetEncode,
    frame: &Frame,
    train: &[usize],
    goal: Goal<'_>,
) -> Result<FittedStep, DataError> {
    let (targets, classes) = goal.averaged(train);
    let mut columns = IndexMap::new();
    for name in choice::resolve(&step.columns, frame)? {
        let words = choice::words(frame, &name, "target_encode")?;
        let places = places(words, train);
        let learned: Vec<Means> = targets
            .iter()
            .map(|it| means(&places, it, words.names().count() + 1, step.smooth))
            .collect();
        let of = |place: usize| {
            learned
                .iter()
                .map(|it| it.by_place[place])
                .collect::<Vec<f64>>()
        };
        let mut seen: Vec<(&str, usize)> = words
            .names()
            .zip(1..)
            .filter(|it| places.contains(&it.1))
            .collect();
        seen.sort_unstable();
        let categories = seen
            .into_iter()
            .map(|(word, place)| (word.to_owned(), of(place)));
        columns.insert(
            name,
            Encodings {
                categories: categories.collect(),
                missing: places.contains(&0).then(|| of(0)),
                unknown: learned.iter().map(|it| it.all).collect(),
            },
        );
    }
    Ok(FittedStep::TargetEncode { columns, classes })
}

/// What the rows of the train part become, by column: each is encoded by the rows of the other folds.
pub fn cross_fit(
    step: &TargetEncode,
    frame: &Frame,
    train: &[usize],
    goal: Goal<'_>,
) -> Result<Vec<(String, Vec<f64>)>, DataError> {
    let split = KfoldSplit {
        fold: 0,
        folds: step.folds,
        part: FoldPart::Test,
        val: 0.0,
        stratify: None,
        group: None,
        shuffle: step.shuffle,
        seed: step.seed,
    };
    let folds = kfold::folds(&split, train.len(), goal.strata(train).as_deref(), None)?;
    let (targets, classes) = goal.averaged(train);
    let mut columns = Vec::new();
    for name in choice::resolve(&step.columns, frame)? {
        let words = choice::words(frame, &name, "target_encode")?;
        let places = places(words, train);
        for (at, target) in targets.iter().enumerate() {
            let mut encoded = vec![f64::NAN; train.len()];
            for fold in 0..step.folds as usize {
                let others = || (0..train.len()).filter(|row| folds[*row] != fold);
                let learned = means(
                    &others().map(|row| places[row]).collect::<Vec<_>>(),
                    &others().map(|row| target[row]).collect::<Vec<_>>(),
                    words.names().count() + 1,
                    step.smooth,
                );
                for row in (0..train.len()).filter(|row| folds[*row] == fold) {
                    encoded[row] = learned.by_place[places[row]];
                }
            }
            columns.push((title(&name, classes.get(at)), encoded));
        }
    }
    Ok(columns)
}

/// Puts the encodings where the words were.
pub fn apply(
    encodings: &IndexMap<String, Encodings>,
    classes: &[String],
    frame: &mut Frame,
) -> Result<(), DataError> {
    let mut columns = IndexMap::with_capacity(frame.columns.len());
    for (name, values) in std::mem::take(&mut frame.columns) {
        let (Some(learned), Values::Words(words)) = (encodings.get(&name), &values) else {
            choice::insert(&mut columns, "target_encode", name, values)?;
            continue;
        };
        let categories = Categories::of(learned.categories.keys().map(String::as_str));
        let places: Vec<Option<usize>> = words.names().map(|it| categories.find(it)).collect();
        frame.met.note_unseen(&name, words, &places);
        let means = places
            .iter()
            .map(|place| learned.categories.get_index((*place)?));
        let by_code: Vec<&Vec<f64>> = means
            .map(|it| it.map_or(&learned.unknown, |(_, means)| means))
            .collect();
        let missing = learned.missing.as_ref().unwrap_or(&learned.unknown);
        for at in 0..learned.unknown.len() {
            let number = |code: &u32| by_code.get(*code as usize).map_or(missing, |it| it)[at];
            let column = Values::Numbers(words.codes.iter().map(number).collect());
            choice::insert(
                &mut columns,
                "target_encode",
                title(&name, classes.get(at)),
                column,
            )?;
        }
    }
    frame.columns = columns;
    Ok(())
}

fn title(name: &str, class: Option<&String>) -> String {
    class.map_or_else(|| name.to_owned(), |class| format!("{name}~{class}"))
}

/// The place of each row's category: 0 for a missing one, else its code + 1.
fn places(words: &Words, rows: &[usize]) -> Vec<usize> {
    let codes = rows.iter().map(|row| words.codes[*row]);
    codes
        .map(|code| {
            if code == NO_WORD {
                0
            } else {
                code as usize + 1
            }
        })
        .collect()
}

struct Means {
    by_place: Vec<f64>,
    all: f64,
}

/// The mean of each of `count` categories, drawn to the mean of all.
fn means(places: &[usize], target: &[f64], count: usize, smooth: Option<f64>) -> Means {
    let rows = target.len() as f64;
    let all = target.iter().sum::<f64>() / rows;
    let variance = target.iter().map(|it| (it - all).powi(2)).sum::<f64>() / rows;
    let (mut counts, mut sums) = (vec![0.0; count], vec![0.0; count]);
    for (place, value) in places.iter().zip(target) {
        counts[*place] += 1.0;
        sums[*place] += value;
    }
    let mut spreads = vec![0.0; count];
    for (place, value) in places.iter().zip(target) {
        let mean: f64 = sums[*place] / counts[*place];
        spreads[*place] += (value - mean).powi(2);
    }
    let by_place = (0..count).map(|at| {
        let (rows, sum, spread): (f64, f64, f64) = (counts[at], sums[at], spreads[at]);
        let mean = if let Some(smooth) = smooth {
            (sum + smooth * all) / (rows + smooth)
        } else {
            let share = variance * rows / (variance * rows + spread / rows);
            share * sum / rows + (1.0 - share) * all
        };
        // A category that no row has, or a target that does not vary.
        if mean.is_nan() { all } else { mean }
    });
    Means {
        by_place: by_place.collect(),
        all,
    }
}
