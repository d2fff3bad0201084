//! By a seeded shuffle, with equal shares of each stratum where asked for. Knows numbers of rows; no tables.

use pipe_schema::{dataset::PARTS, stage::preprocess::RandomSplit};

use super::{Parts, share, shuffle::Shuffle};
use crate::error::DataError;

/// Divides `rows` rows by a seeded shuffle. `strata` gives each row's stratum, numbered from 0.
///
/// Sizes of the parts are exact: each is its share of the rows, rounded so that they add up (largest remainder).
/// With strata, each gives its share to each part as nearly as whole rows allow, at least one row to train;
/// so a stratum of one row goes to train.
pub fn divide(
    rows: usize,
    split: &RandomSplit,
    strata: Option<&[usize]>,
) -> Result<Parts, DataError> {
    let shares = [split.train, split.val, split.test];
    share::check(shares)?;
    let sizes = share::round(rows, &shares.map(|it| it * rows as f64), &[usize::MAX; 3]);
    for ((part, share), size) in PARTS.iter().zip(shares).zip(&sizes) {
        if share > 0.0 && *size == 0 {
            return Err(DataError::wrong(format!(
                "the {part} part would have no rows: {share} of {rows} rows"
            ))
            .hint(format!(
                "give {part} a larger share, or a share of 0 to leave it out"
            )));
        }
    }
    let mut shuffle = Shuffle::seeded(split.seed);
    let mut parts = [const { Vec::new() }; 3];
    match strata {
        None => {
            let mut order: Vec<usize> = (0..rows).collect();
            shuffle.mix(&mut order);
            share::deal(&order, &sizes, &mut parts);
        }
        Some(strata) => {
            let mut members = vec![Vec::new(); strata.iter().max().map_or(0, |it| it + 1)];
            for (row, stratum) in strata.iter().enumerate() {
                members[*stratum].push(row);
            }
            let counts: Vec<usize> = members.iter().map(Vec::len).collect();
            for (order, sizes) in members.iter_mut().zip(stratify(&counts, &sizes)) {
                shuffle.mix(order);
                share::deal(order, &sizes, &mut parts);
            }
        }
    }
    let kept = PARTS.into_iter().zip(parts).zip(shares);
    kept.filter(|(_, share)| *share > 0.0)
        .map(|((part, mut rows), _)| {
            rows.sort_unstable();
            if rows.is_empty() {
                return Err(DataError::wrong(format!(
                    "the {part} part would have no rows: too many classes have a single row"
                ))
                .hint("leave out `stratify`, or stratify by a column with fewer values"));
            }
            Ok((part, rows))
        })
        .collect()
}

/// Rows by stratum and part: first how many of each stratum are held out, then how many of those are tested on.
fn stratify(counts: &[usize], sizes: &[usize]) -> Vec<[usize; 3]> {
    let rows: usize = counts.iter().sum();
    let held_out = sizes[1] + sizes[2];
    let share = held_out as f64 / rows.max(1) as f64;
    let quotas: Vec<f64> = counts.iter().map(|it| *it as f64 * share).collect();
    let limits: Vec<usize> = counts.iter().map(|it| it.saturating_sub(1)).collect();
    let held = share::round(held_out, &quotas, &limits);
    let held_rows: usize = held.iter().sum();
    let test_share = sizes[2] as f64 / held_out.max(1) as f64;
    let quotas: Vec<f64> = held.iter().map(|it| *it as f64 * test_share).collect();
    let test = share::round(sizes[2].min(held_rows), &quotas, &held);
    let rows = counts.iter().zip(&held).zip(&test);
    rows.map(|((count, held), test)| [count - held, held - test, *test])
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(train: f64, val: f64, test: f64, seed: u64) -> RandomSplit {
        RandomSplit {
            train,
            val,
            test,
            stratify: None,
            seed,
        }
    }

    fn rows_of<'a>(parts: &'a Parts, part: &str) -> &'a [usize] {
        parts
            .iter()
            .find(|it| it.0 == part)
            .map_or(&[], |it| it.1.as_slice())
    }

    #[test]
    fn seven_always_draws_these_rows() {
        let parts = divide(20, &split(0.5, 0.25, 0.25, 7), None).unwrap();
        assert_eq!(
            parts,
            vec![
                ("train", vec![0, 1, 8, 9, 10, 12, 15, 16, 17, 18]),
                ("val", vec![2, 5, 6, 7, 11]),
                ("test", vec![3, 4, 13, 14, 19]),
            ]
        );
    }

    #[test]
    fn another_seed_draws_other_rows() {
        let a = divide(100, &split(0.8, 0.1, 0.1, 1), None).unwrap();
        let b = divide(100, &split(0.8, 0.1, 0.1, 2), None).unwrap();
        assert_ne!(a, b);
    }

    #[test]
    fn a_share_of_zero_leaves_the_part_out() {
        let parts = divide(10, &split(0.8, 0.0, 0.2, 0), None).unwrap();
        let names: Vec<_> = parts.iter().map(|it| it.0).collect();
        assert_eq!(names, ["train", "test"]);
    }

    #[test]
    fn a_part_that_would_be_empty_is_refused() {
        let error = divide(4, &split(0.8, 0.1, 0.1, 0), None).unwrap_err();
        assert_eq!(
            error.message,
            "the test part would have no rows: 0.1 of 4 rows"
        );
    }

    #[test]
    fn shares_must_add_up_to_one() {
        let error = divide(10, &split(0.8, 0.1, 0.2, 0), None).unwrap_err();
        assert!(error.message.contains("not to 1"), "{error}");
        assert!(divide(10, &split(f64::NAN, 0.1, 0.2, 0), None).is_err());
    }

    #[test]
    fn a_stratum_of_one_row_is_trained_on() {
        let strata: Vec<usize> = (0..50).map(|row| usize::from(row == 31)).collect();
        for seed in 0..20 {
            let parts = divide(50, &split(0.5, 0.0, 0.5, seed), Some(&strata)).unwrap();
            assert!(rows_of(&parts, "train").contains(&31));
        }
    }

    proptest! {
        #[test]
        fn parts_are_a_partition_of_exact_sizes(
            rows in 10_usize..400, train in 1_u32..20, val in 0_u32..20, test in 0_u32..20, seed: u64, classes in 1_usize..8, is_stratified: bool
        ) {
            let sum = f64::from(train + val + test);
            let shares = [train, val, test].map(|it| f64::from(it) / sum);
            let strata: Vec<usize> = (0..rows).map(|row| row * row % classes).collect();
            let split = split(shares[0], shares[1], shares[2], seed);
            let Ok(parts) = divide(rows, &split, is_stratified.then_some(strata.as_slice())) else {
                return Ok(());
            };
            let mut all: Vec<usize> = parts.iter().flat_map(|it| it.1.clone()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
            for (part, share) in PARTS.iter().zip(shares) {
                let size = rows_of(&parts, part).len() as f64;
                prop_assert!((size - share * rows as f64).abs() < 1.0 || is_stratified, "{part}: {size}");
            }
        }

        #[test]
        fn strata_keep_their_shares(counts in prop::collection::vec(10_usize..200, 2..8), seed: u64) {
            let strata: Vec<usize> = counts.iter().enumerate().flat_map(|(at, count)| vec![at; *count]).collect();
            let parts = divide(strata.len(), &split(0.7, 0.15, 0.15, seed), Some(&strata)).unwrap();
            let [train, val, test] = ["train", "val", "test"].map(|part| rows_of(&parts, part));
            let held_out = (val.len() + test.len()) as f64;
            let (of_train, of_test) = (train.len() as f64 / strata.len() as f64, test.len() as f64 / held_out);
            for (stratum, count) in counts.iter().enumerate() {
                let count_in = |rows: &[usize]| rows.iter().filter(|row| strata[**row] == stratum).count() as f64;
                let (count, in_train, in_test) = (*count as f64, count_in(train), count_in(test));
                // The sizes of the parts are whole already; of each, a stratum gets its share, rounded once.
                prop_assert!((in_train - of_train * count).abs() < 1.0, "train {stratum}: {in_train} of {count}");
                let held = count - in_train;
                prop_assert!((in_test - of_test * held).abs() < 1.0, "test {stratum}: {in_test} of {held}");
            }
        }
    }
}
