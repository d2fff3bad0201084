//! One fold of several. Knows numbers of rows, strata and groups; no tables.

use pipe_schema::stage::preprocess::{FoldPart, GroupSplit, KfoldSplit, RandomSplit};

use super::{Parts, balanced, group, kept, random, shuffle::Shuffle};
use crate::error::DataError;

/// Holds one fold out. `strata` and `groups` give each row's, numbered from 0.
pub fn divide(
    split: &KfoldSplit,
    rows: usize,
    strata: Option<&[usize]>,
    groups: Option<&[usize]>,
) -> Result<Parts, DataError> {
    let folds = folds(split, rows, strata, groups)?;
    let fold = split.fold as usize;
    let (held, rest): (Vec<usize>, Vec<usize>) = (0..rows).partition(|row| folds[*row] == fold);
    if split.part == FoldPart::Val {
        return Ok(kept([rest, held, Vec::new()]));
    }
    let (train, val) = if split.val > 0.0 {
        cut_val(split, &rest, strata, groups)?
    } else {
        (rest, Vec::new())
    };
    Ok(kept([train, val, held]))
}

/// The fold of each row.
pub fn folds(
    split: &KfoldSplit,
    rows: usize,
    strata: Option<&[usize]>,
    groups: Option<&[usize]>,
) -> Result<Vec<usize>, DataError> {
    check(split)?;
    match (strata, groups) {
        (Some(strata), Some(groups)) => stratified_groups(split, strata, groups),
        (Some(strata), None) => stratified(split, strata),
        (None, Some(groups)) => grouped(split, groups),
        (None, None) => plain(split, rows),
    }
}

fn check(split: &KfoldSplit) -> Result<(), DataError> {
    let KfoldSplit { fold, folds, .. } = split;
    if *folds < 2 {
        return Err(DataError::wrong(format!(
            "{folds} folds are too few: one is held out of at least 2"
        )));
    }
    if fold >= folds {
        return Err(DataError::wrong(format!(
            "there is no fold {fold} of {folds}: folds are numbered from 0 to {}",
            folds - 1
        )));
    }
    if !(0.0..1.0).contains(&split.val) {
        return Err(DataError::wrong(format!(
            "`val` is a share from 0 to below 1, not {}",
            split.val
        )));
    }
    if split.val > 0.0 && split.part == FoldPart::Val {
        return Err(DataError::wrong(
            "with `part: val` the fold is the val part, and `val` cannot be another",
        )
        .hint("leave one of the two out"));
    }
    Ok(())
}

fn too_few(split: &KfoldSplit, what: &str) -> DataError {
    DataError::wrong(format!("{what} are too few for {} folds", split.folds))
        .hint("take fewer folds")
}

/// The fold of each row: pieces of equal size, the first ones larger by one.
fn plain(split: &KfoldSplit, rows: usize) -> Result<Vec<usize>, DataError> {
    let count = split.folds as usize;
    if rows < count {
        return Err(too_few(split, &format!("{rows} rows")));
    }
    let mut order: Vec<usize> = (0..rows).collect();
    if split.shuffle {
        Shuffle::seeded(split.seed).mix(&mut order);
    }
    let (size, larger) = (rows / count, rows % count);
    let mut folds = vec![0; rows];
    let mut order = order.into_iter();
    for fold in 0..count {
        for row in order.by_ref().take(size + usize::from(fold < larger)) {
            folds[row] = fold;
        }
    }
    Ok(folds)
}

/// The fold of each row: rows sorted by stratum are dealt in turn, which tells how many of a stratum a fold gets.
fn stratified(split: &KfoldSplit, strata: &[usize]) -> Result<Vec<usize>, DataError> {
    let count = split.folds as usize;
    // Strata count in the order in which they occur first, as scikit-learn has it.
    let mut place = vec![usize::MAX; strata.iter().max().map_or(0, |it| it + 1)];
    let mut seen = 0;
    for stratum in strata {
        if place[*stratum] == usize::MAX {
            place[*stratum] = seen;
            seen += 1;
        }
    }
    let mut members = vec![Vec::new(); seen];
    for (row, stratum) in strata.iter().enumerate() {
        members[place[*stratum]].push(row);
    }
    check_largest(split, strata)?;
    let mut shuffle = split.shuffle.then(|| Shuffle::seeded(split.seed));
    let mut folds = vec![0; strata.len()];
    let mut dealt = 0;
    for rows in &members {
        let mut sizes = vec![0; count];
        for at in dealt..dealt + rows.len() {
            sizes[at % count] += 1;
        }
        dealt += rows.len();
        let mut given: Vec<usize> = sizes
            .iter()
            .enumerate()
            .flat_map(|(fold, size)| vec![fold; *size])
            .collect();
        if let Some(shuffle) = &mut shuffle {
            shuffle.mix(&mut given);
        }
        for (row, fold) in rows.iter().zip(given) {
            folds[*row] = fold;
        }
    }
    Ok(folds)
}

/// The fold of each row: groups, the largest first, go to the fold that has the fewest rows.
fn grouped(split: &KfoldSplit, groups: &[usize]) -> Result<Vec<usize>, DataError> {
    let count = split.folds as usize;
    let mut sizes = vec![0_usize; groups.iter().max().map_or(0, |it| it + 1)];
    for group in groups {
        sizes[*group] += 1;
    }
    if sizes.len() < count {
        return Err(too_few(split, &format!("{} groups", sizes.len())));
    }
    let mut order: Vec<usize> = (0..sizes.len()).rev().collect();
    if split.shuffle {
        Shuffle::seeded(split.seed).mix(&mut order);
    }
    order.sort_by_key(|group| std::cmp::Reverse(sizes[*group]));
    let mut filled = vec![0; count];
    let mut fold_of = vec![0; sizes.len()];
    for group in order {
        let lightest = (0..count).min_by_key(|fold| filled[*fold]).unwrap_or(0);
        fold_of[group] = lightest;
        filled[lightest] += sizes[group];
    }
    Ok(groups.iter().map(|it| fold_of[*it]).collect())
}

/// The fold of each row: whole groups, so that each stratum has its share in each fold.
fn stratified_groups(
    split: &KfoldSplit,
    strata: &[usize],
    groups: &[usize],
) -> Result<Vec<usize>, DataError> {
    let count = split.folds as usize;
    let group_count = groups.iter().max().map_or(0, |group| group + 1);
    if group_count < count {
        return Err(too_few(split, &format!("{group_count} groups")));
    }
    check_largest(split, strata)?;
    let shuffle = split.shuffle.then(|| Shuffle::seeded(split.seed));
    let fold_of = balanced::deal(strata, groups, &vec![1.0; count], shuffle);
    if let Some(empty) = (0..count).find(|fold| !fold_of.contains(fold)) {
        return Err(DataError::wrong(format!(
            "fold {empty} would have no rows: the {group_count} groups are too uneven for {count} folds"
        ))
        .hint("take fewer folds, or leave out `stratify`"));
    }
    Ok(groups.iter().map(|group| fold_of[*group]).collect())
}

/// Refuses strata of which not even the largest has a row for each fold.
fn check_largest(split: &KfoldSplit, strata: &[usize]) -> Result<(), DataError> {
    let mut sizes = vec![0_u32; strata.iter().max().map_or(0, |stratum| stratum + 1)];
    for stratum in strata {
        sizes[*stratum] += 1;
    }
    let largest = sizes.into_iter().max().unwrap_or(0);
    if largest < split.folds {
        return Err(too_few(
            split,
            &format!("the {largest} rows of the most frequent value"),
        ));
    }
    Ok(())
}

/// Cuts a val part from the rows outside of the fold, in the way of the folds.
fn cut_val(
    split: &KfoldSplit,
    rest: &[usize],
    strata: Option<&[usize]>,
    groups: Option<&[usize]>,
) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let (train, val, seed) = (1.0 - split.val, split.val, split.seed);
    let strata: Option<Vec<usize>> =
        strata.map(|strata| rest.iter().map(|row| strata[*row]).collect());
    let strata = strata.as_deref();
    let parts = if let Some(groups) = groups {
        let split = GroupSplit {
            by: split.group.clone().unwrap_or_default(),
            stratify: split.stratify.clone(),
            train,
            val,
            test: 0.0,
            seed,
        };
        let mut left: Vec<usize> = rest.iter().map(|row| groups[*row]).collect();
        left.sort_unstable();
        left.dedup();
        let numbers = rest
            .iter()
            .map(|row| left.partition_point(|it| *it < groups[*row]));
        group::divide(&split, &numbers.collect::<Vec<_>>(), strata)?
    } else {
        let split = RandomSplit {
            train,
            val,
            test: 0.0,
            stratify: None,
            seed,
        };
        random::divide(rest.len(), &split, strata)?
    };
    let rows = |part: usize| {
        let found = parts.get(part).map_or(&[][..], |it| it.1.as_slice());
        found.iter().map(|at| rest[*at]).collect()
    };
    Ok((rows(0), rows(1)))
}

#[cfg(test)]
mod tests;
