//! By groups: all rows of a group are in one part. Knows numbers of groups; no tables.

use pipe_schema::{dataset::PARTS, stage::preprocess::GroupSplit};

use super::{Parts, balanced, kept, share, shuffle::Shuffle};
use crate::error::DataError;

/// Divides the groups, numbered from 0, by a seeded shuffle. `groups` gives each row's, `strata` its stratum.
///
/// Val and test get their shares of the groups rounded up, train the rest: scikit-learn's `GroupShuffleSplit`. With strata
/// the shares are those of each stratum's rows, as nearly as whole groups allow.
pub fn divide(
    split: &GroupSplit,
    groups: &[usize],
    strata: Option<&[usize]>,
) -> Result<Parts, DataError> {
    let shares = [split.train, split.val, split.test];
    share::check(shares)?;
    if let Some(strata) = strata {
        return stratified(split, groups, strata);
    }
    let count = groups.iter().max().map_or(0, |it| it + 1);
    // A product that is whole but for its last bit counts as whole.
    let up = |share: f64| (share * count as f64 - 1e-9).ceil().max(0.0) as usize;
    let (val, test) = (up(split.val), up(split.test));
    let Some(train) = count.checked_sub(val + test).filter(|it| *it > 0) else {
        return Err(DataError::wrong(format!(
            "the train part would have no rows: column `{}` has {count} groups, and val and test take all of them",
            split.by
        ))
        .hint("group by a column with more values, or leave val or test out"));
    };
    let mut order: Vec<usize> = (0..count).collect();
    Shuffle::seeded(split.seed).mix(&mut order);
    let mut dealt = [const { Vec::new() }; 3];
    share::deal(&order, &[train, val, test], &mut dealt);
    let mut part_of = vec![0; count];
    for (part, groups) in dealt.iter().enumerate() {
        for group in groups {
            part_of[*group] = part;
        }
    }
    Ok(kept(rows_by_part(groups, &part_of)))
}

fn stratified(split: &GroupSplit, groups: &[usize], strata: &[usize]) -> Result<Parts, DataError> {
    let shares = [split.train, split.val, split.test];
    let wanted: Vec<usize> = (0..shares.len()).filter(|at| shares[*at] > 0.0).collect();
    let of_wanted: Vec<f64> = wanted.iter().map(|at| shares[*at]).collect();
    let shuffle = Shuffle::seeded(split.seed);
    let bins = balanced::deal(strata, groups, &of_wanted, Some(shuffle));
    let part_of: Vec<usize> = bins.iter().map(|bin| wanted[*bin]).collect();
    let parts = rows_by_part(groups, &part_of);
    if let Some(empty) = wanted.iter().find(|at| parts[**at].is_empty()) {
        return Err(DataError::wrong(format!(
            "the {} part would have no rows: column `{}` has {} groups",
            PARTS[*empty],
            split.by,
            part_of.len()
        ))
        .hint("group by a column with more values, or leave val or test out"));
    }
    Ok(kept(parts))
}

fn rows_by_part(groups: &[usize], part_of: &[usize]) -> [Vec<usize>; 3] {
    let mut parts = [const { Vec::new() }; 3];
    for (row, group) in groups.iter().enumerate() {
        parts[part_of[*group]].push(row);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(train: f64, val: f64, test: f64, seed: u64) -> GroupSplit {
        GroupSplit {
            by: "patient".to_owned(),
            stratify: None,
            train,
            val,
            test,
            seed,
        }
    }

    #[test]
    fn held_out_groups_are_rounded_up_as_by_scikit_learn() {
        // GroupShuffleSplit(test_size=0.2) of 7 groups holds 2 out.
        let groups: Vec<usize> = (0..7).collect();
        let parts = divide(&split(0.8, 0.0, 0.2, 0), &groups, None).unwrap();
        let sizes: Vec<_> = parts.iter().map(|it| (it.0, it.1.len())).collect();
        assert_eq!(sizes, [("train", 5), ("test", 2)]);
    }

    #[test]
    fn too_few_groups_are_refused() {
        let error = divide(&split(0.6, 0.2, 0.2, 0), &[0, 1, 1, 0], None).unwrap_err();
        assert_eq!(
            error.message,
            "the train part would have no rows: column `patient` has 2 groups, and val and test take all of them"
        );
    }

    proptest! {
        #[test]
        fn groups_never_straddle(groups in prop::collection::vec(0_usize..30, 60..200), seed: u64) {
            // Numbers without gaps, as they come from a column.
            let mut known: Vec<usize> = groups.clone();
            known.sort_unstable();
            known.dedup();
            let groups: Vec<usize> = groups.iter().map(|it| known.binary_search(it).unwrap()).collect();
            let parts = divide(&split(0.6, 0.2, 0.2, seed), &groups, None).unwrap();
            let mut all: Vec<usize> = parts.iter().flat_map(|it| it.1.clone()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..groups.len()).collect::<Vec<_>>());
            let mut part_of = vec![None; known.len()];
            for (part, rows) in &parts {
                for row in rows {
                    let before = part_of[groups[*row]].replace(*part);
                    prop_assert!(before.is_none_or(|it| it == *part));
                }
            }
        }
    }
}
