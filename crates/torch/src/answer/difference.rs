//! Where two answers for the same rows are further apart than they may be.

use super::{Answers, Form, Threshold, number_text};

/// Two answers for the same row that are further apart than they may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub position: usize,
    /// What differs: `prediction`, `prediction:TARGET`, or `p=NAME`.
    pub what: String,
    pub expected: String,
    pub found: String,
}

/// Whether two numbers are further apart than `tolerance * (1 + |expected|)`.
#[derive(Clone, Copy)]
struct Tolerance(f64);

impl Tolerance {
    fn is_far(self, expected: f32, found: f32) -> bool {
        let (expected, found) = (f64::from(expected), f64::from(found));
        (expected - found).abs() > self.0 * (1.0 + expected.abs())
    }

    /// The first of two rows of numbers that are not close.
    fn first_far(self, expected: &[f32], found: &[f32]) -> Option<usize> {
        (0..expected.len()).find(|at| self.is_far(expected[*at], found[*at]))
    }
}

impl Answers {
    /// The first row for which `found` is further from this than `tolerance * (1 + |expected|)`. A chosen class may only
    /// differ where the two classes are that close, or the class of a threshold to it, a label where it is as probable as not.
    pub fn first_difference(
        &self,
        found: &Self,
        form: &Form,
        threshold: Option<Threshold>,
        tolerance: f64,
    ) -> Option<Difference> {
        let far = Tolerance(tolerance);
        (0..self.len()).find_map(|at| {
            let (what, expected, found) = self.difference_at(at, found, form, threshold, far)?;
            Some(Difference {
                position: at,
                what,
                expected,
                found,
            })
        })
    }

    /// What differs in a row, and both values.
    fn difference_at(
        &self,
        at: usize,
        found: &Self,
        form: &Form,
        threshold: Option<Threshold>,
        tolerance: Tolerance,
    ) -> Option<(String, String, String)> {
        let names = form.names();
        let numbers = |what: String, expected: f32, found: f32| {
            (what, number_text(expected), number_text(found))
        };
        match (self, found) {
            (Self::Numbers(expected), Self::Numbers(found)) => {
                let (expected, found) = (expected[at], found[at]);
                let is_far = tolerance.is_far(expected, found);
                is_far.then(|| numbers("prediction".to_owned(), expected, found))
            }
            (Self::Several(expected), Self::Several(found)) => {
                let (expected, found) = (expected.row(at), found.row(at));
                let target = tolerance.first_far(expected, found)?;
                let what = format!("prediction:{}", names[target]);
                Some(numbers(what, expected[target], found[target]))
            }
            (Self::Classes { chosen, .. }, Self::Classes { chosen: others, .. }) => {
                let (class, other) = (chosen[at], others[at]);
                let (mine, theirs) = (self.probabilities(at), found.probabilities(at));
                let (one, two) = match threshold {
                    Some(it) => (mine[it.class], it.at as f32),
                    None => (mine[class], mine[other]),
                };
                if class != other && tolerance.is_far(one, two) {
                    let (expected, found) = (names[class].clone(), names[other].clone());
                    return Some(("prediction".to_owned(), expected, found));
                }
                let class = tolerance.first_far(mine, theirs)?;
                let what = format!("p={}", names[class]);
                Some(numbers(what, mine[class], theirs[class]))
            }
            (Self::Labels { chosen, .. }, Self::Labels { chosen: others, .. }) => {
                let (mine, theirs) = (self.probabilities(at), found.probabilities(at));
                let (chosen, others) = (chosen.row(at), others.row(at));
                let differs =
                    |it: &usize| chosen[*it] != others[*it] && tolerance.is_far(mine[*it], 0.5);
                if let Some(label) = (0..chosen.len()).find(differs) {
                    let what = format!("prediction:{}", names[label]);
                    return Some((what, chosen[label].to_string(), others[label].to_string()));
                }
                let label = tolerance.first_far(mine, theirs)?;
                let what = format!("p={}", names[label]);
                Some(numbers(what, mine[label], theirs[label]))
            }
            (expected, found) => Some((
                "prediction".to_owned(),
                format!("{expected:?}"),
                format!("{found:?}"),
            )),
        }
    }
}
