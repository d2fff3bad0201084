//! Folds against scikit-learn's, and what holds of all of them.

use proptest::prelude::*;

use super::*;

fn split(fold: u32, folds: u32) -> KfoldSplit {
    KfoldSplit {
        fold,
        folds,
        part: FoldPart::Test,
        val: 0.0,
        stratify: None,
        group: None,
        shuffle: false,
        seed: 0,
    }
}

/// The rows that are held out, fold by fold.
fn held_out(
    split: &KfoldSplit,
    rows: usize,
    strata: Option<&[usize]>,
    groups: Option<&[usize]>,
) -> Vec<Vec<usize>> {
    let folds = (0..split.folds).map(|fold| KfoldSplit {
        fold,
        ..split.clone()
    });
    folds
        .map(|it| {
            let parts = divide(&it, rows, strata, groups).unwrap();
            parts.last().unwrap().1.clone()
        })
        .collect()
}

#[test]
fn plain_folds_are_those_of_scikit_learn() {
    // KFold(3).split(range(8))
    assert_eq!(
        held_out(&split(0, 3), 8, None, None),
        [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]
    );
}

#[test]
fn stratified_folds_are_those_of_scikit_learn() {
    // StratifiedKFold(3).split(range(12), [1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 2])
    let strata = [1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 2];
    assert_eq!(
        held_out(&split(0, 3), 12, Some(&strata), None),
        [vec![0, 1, 5, 9], vec![2, 3, 6, 10], vec![4, 7, 8, 11]]
    );
}

#[test]
fn grouped_folds_are_those_of_scikit_learn() {
    // GroupKFold(2).split(range(10), groups=[0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
    let groups = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3];
    assert_eq!(
        held_out(&split(0, 2), 10, None, Some(&groups)),
        [vec![0, 1, 2, 3, 9], vec![4, 5, 6, 7, 8]]
    );
}

#[test]
fn a_fold_may_steer_training_instead() {
    let split = KfoldSplit {
        part: FoldPart::Val,
        ..split(1, 4)
    };
    let parts = divide(&split, 8, None, None).unwrap();
    assert_eq!(
        parts,
        [("train", vec![0, 1, 4, 5, 6, 7]), ("val", vec![2, 3])]
    );
}

#[test]
fn folds_that_cannot_be_are_refused() {
    for (split, rows, message) in [
        (
            split(3, 3),
            9,
            "there is no fold 3 of 3: folds are numbered from 0 to 2",
        ),
        (split(0, 5), 4, "4 rows are too few for 5 folds"),
        (
            split(0, 1),
            4,
            "1 folds are too few: one is held out of at least 2",
        ),
    ] {
        assert_eq!(
            divide(&split, rows, None, None).unwrap_err().message,
            message
        );
    }
}

proptest! {
    #[test]
    fn each_row_is_held_out_once(rows in 20_usize..200, folds in 2_u32..8, seed: u64, shuffle: bool, kind in 0..3) {
        let labels: Vec<usize> = (0..rows).map(|row| row * row % 7).collect();
        let mut known = labels.clone();
        known.sort_unstable();
        known.dedup();
        let labels: Vec<usize> = labels.iter().map(|it| known.binary_search(it).unwrap()).collect();
        let (strata, groups) = match kind {
            0 => (None, None),
            1 => (Some(labels.as_slice()), None),
            _ => (None, Some(labels.as_slice())),
        };
        let split = KfoldSplit { seed, shuffle, ..split(0, folds.min(4)) };
        let held = held_out(&split, rows, strata, groups);
        let mut all: Vec<usize> = held.iter().flatten().copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
        for fold in &held {
            if kind < 2 {
                let sizes = (rows / held.len(), rows.div_ceil(held.len()));
                prop_assert!(fold.len() == sizes.0 || fold.len() == sizes.1);
            }
            for label in 0..known.len() {
                let here = fold.iter().filter(|row| labels[**row] == label).count();
                let everywhere = labels.iter().filter(|it| **it == label).count();
                if kind == 1 {
                    let share = everywhere as f64 / held.len() as f64;
                    prop_assert!((here as f64 - share).abs() < 1.0 + 1e-9, "{here} of {everywhere}");
                }
                if kind == 2 {
                    prop_assert!(here == 0 || here == everywhere);
                }
            }
        }
    }

    #[test]
    fn the_val_part_beside_a_fold_keeps_groups_whole(rows in 40_usize..120, seed: u64) {
        let groups: Vec<usize> = (0..rows).map(|row| row % 10).collect();
        let split = KfoldSplit { seed, val: 0.25, shuffle: true, ..split(1, 3) };
        let parts = divide(&split, rows, None, Some(&groups)).unwrap();
        let names: Vec<_> = parts.iter().map(|it| it.0).collect();
        prop_assert_eq!(names, ["train", "val", "test"]);
        for group in 0..10 {
            let homes = parts.iter().filter(|it| it.1.iter().any(|row| groups[*row] == group));
            prop_assert_eq!(homes.count(), 1);
        }
    }
}
