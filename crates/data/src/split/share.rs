//! Shares as whole numbers. Knows no rows.

use crate::error::DataError;

/// Checks that shares are a whole, and that some of it is trained on.
pub fn check(shares: [f64; 3]) -> Result<(), DataError> {
    let sum: f64 = shares.iter().sum();
    let is_share = |it: &f64| (0.0..=1.0).contains(it);
    if !shares.iter().all(is_share) || (sum - 1.0).abs() > 1e-6 {
        let [train, val, test] = shares;
        return Err(DataError::wrong(format!(
            "the shares of train ({train}), val ({val}) and test ({test}) add up to {sum}, not to 1"
        )));
    }
    if shares[0] == 0.0 {
        return Err(DataError::wrong("train has a share of 0")
            .hint("the train part is needed: the steps are fitted on it"));
    }
    Ok(())
}

/// Gives the parts their sizes of the rows, one after another.
pub fn deal(order: &[usize], sizes: &[usize], parts: &mut [Vec<usize>; 3]) {
    let mut rest = order;
    for (part, size) in parts.iter_mut().zip(sizes) {
        let (dealt, left) = rest.split_at((*size).min(rest.len()));
        part.extend_from_slice(dealt);
        rest = left;
    }
}

/// Whole numbers that add up to `total` and differ from the quotas by less than 1 where the limits allow it:
/// the largest remainders are rounded up; of equal ones the first.
pub fn round(total: usize, quotas: &[f64], limits: &[usize]) -> Vec<usize> {
    // A quota that is whole but for the last bit of its product counts as whole.
    let floor = |quota: f64| (quota + 1e-9).floor();
    let mut rounded: Vec<usize> = quotas
        .iter()
        .zip(limits)
        .map(|(quota, limit)| (floor(*quota) as usize).min(*limit))
        .collect();
    let mut order: Vec<usize> = (0..quotas.len()).collect();
    order.sort_by(|a, b| {
        let remainder = |it: usize| quotas[it] - floor(quotas[it]);
        remainder(*b).total_cmp(&remainder(*a)).then(a.cmp(b))
    });
    let mut left = total.saturating_sub(rounded.iter().sum());
    while left > 0 {
        let before = left;
        for at in &order {
            let may_grow = rounded[*at] < limits[*at] && quotas[*at] > 0.0;
            if left > 0 && may_grow {
                rounded[*at] += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    rounded
}
