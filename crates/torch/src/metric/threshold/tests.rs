//! Thresholds beside those that scikit-learn's metrics make the best (`tests/golden/thresholds.json`).

use serde_json::{Value, json};

use super::*;
use crate::metric::ranking;

fn rule(text: &Value) -> ThresholdRule {
    serde_json::from_value(text.clone()).unwrap()
}

fn steps(case: &Value) -> Vec<Step> {
    let truth: Vec<bool> = serde_json::from_value(case["truth"].clone()).unwrap();
    let score: Vec<f64> = serde_json::from_value(case["score"].clone()).unwrap();
    ranking::steps(score.into_iter().zip(truth))
}

#[test]
fn threshold_is_the_one_that_scikit_learns_metrics_make_the_best() {
    let golden = include_str!("../../../../../tests/golden/thresholds.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    for case in golden.as_array().unwrap() {
        let steps = steps(case);
        for expected in case["expected"].as_array().unwrap() {
            let place = format!("{} {}", case["name"], expected["rule"]);
            let rule = rule(&expected["rule"]);
            let found = choose(&rule, &steps);
            let Some(above) = expected["above"].as_f64() else {
                let is_too_precise = matches!(found, Err(NoCut::TooPrecise { .. }));
                assert!(is_too_precise, "{place}: {found:?}");
                continue;
            };
            let cut = found.unwrap();
            let upto = expected["upto"].as_f64().unwrap();
            // With a score of 0 the lowest threshold is 0 itself.
            let is_above = cut.at > above || (above == 0.0 && cut.at == 0.0);
            assert!(is_above && cut.at <= upto, "{place}: {cut:?}");
            let value = match (rule.maximize, rule.costs) {
                (Some(metric), _) => value(metric, cut.counts).unwrap(),
                (None, Some(costs)) => cost(cut.counts, costs),
                (None, None) => cut.counts.recall().unwrap(),
            };
            let wanted = expected["value"].as_f64().unwrap();
            assert!(
                (value - wanted).abs() < 1e-9,
                "{place}: {value}, not {wanted}"
            );
        }
    }
}

#[test]
fn threshold_lies_between_two_rows() {
    let steps = ranking::steps([(0.75, true), (0.25, false), (0.5, false)].into_iter());
    let cut = choose(&rule(&json!({"maximize": "f1"})), &steps).unwrap();
    assert_eq!(cut.at, 0.625);
    let all = cuts(&steps);
    let at: Vec<f64> = all.iter().map(|it| it.at).collect();
    assert_eq!(at, [0.875, 0.625, 0.375, 0.0]);
    let sure = ranking::steps([(1.0, true), (0.0, false)].into_iter());
    assert!(cuts(&sure)[0].at > 1.0);
}

#[test]
fn threshold_needs_rows_of_both_classes() {
    let rule = rule(&json!({"maximize": "f1"}));
    let of = |truth: bool| ranking::steps([(0.5, truth), (0.25, truth)].into_iter());
    assert_eq!(choose(&rule, &of(false)), Err(NoCut::NoPositives));
    assert_eq!(choose(&rule, &of(true)), Err(NoCut::NoNegatives));
    assert_eq!(choose(&rule, &[]), Err(NoCut::NoPositives));
}
