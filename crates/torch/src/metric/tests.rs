//! Cases computed by hand, and those of scikit-learn.

mod one_class;

use serde_json::Value;

use super::*;

const CLASS_METRICS: [Metric; 11] = [
    Metric::Accuracy,
    Metric::PrecisionMacro,
    Metric::PrecisionMicro,
    Metric::PrecisionWeighted,
    Metric::RecallMacro,
    Metric::RecallMicro,
    Metric::RecallWeighted,
    Metric::F1Macro,
    Metric::F1Micro,
    Metric::F1Weighted,
    Metric::LogLoss,
];

fn classes(truth: &[usize], predicted: &[usize], probabilities: &[f64], count: usize) -> Vec<f64> {
    let answers = Answers::Classes(Classes {
        truth,
        predicted,
        probabilities,
        count,
        positive: None,
    });
    let measured = measure(&CLASS_METRICS, &answers).unwrap();
    measured.metrics.into_values().collect()
}

fn numbers(truth: &[f64], predicted: &[f64]) -> Measured {
    let answers = Answers::Numbers(Numbers { truth, predicted });
    let metrics = [Metric::Mse, Metric::Rmse, Metric::Mae, Metric::R2];
    measure(&metrics, &answers).unwrap()
}

fn assert_close(left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    for (place, (left, right)) in left.iter().zip(right).enumerate() {
        assert!((left - right).abs() < 1e-12, "{place}: {left} {right}");
    }
}

#[test]
fn classes_are_measured_as_by_hand() {
    // Class 0: 2 true, 1 predicted, 1 hit. Class 1: 1, 2, 1. Class 2: 1, 1, 1.
    let probabilities = [
        0.5, 0.25, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.25, 0.125, 0.125, 0.75,
    ];
    let got = classes(&[0, 0, 1, 2], &[0, 1, 1, 2], &probabilities, 3);
    let loss = -(0.5f64.ln() + 0.25f64.ln() + 0.5f64.ln() + 0.75f64.ln()) / 4.0;
    let f1 = [2.0 / 3.0, 2.0 / 3.0, 1.0];
    let want = [
        0.75,
        2.5 / 3.0,
        0.75,
        (2.0 + 0.5 + 1.0) / 4.0,
        2.5 / 3.0,
        0.75,
        0.75,
        (f1[0] + f1[1] + f1[2]) / 3.0,
        0.75,
        (2.0 * f1[0] + f1[1] + f1[2]) / 4.0,
        loss,
    ];
    assert_close(&got, &want);
}

#[test]
fn classes_that_never_occur_do_not_count_and_empty_shares_are_zero() {
    // Class 3 occurs nowhere, class 1 only as prediction, class 2 only as truth.
    let sure = [1.0, 0.0, 0.0, 0.0];
    let got = classes(&[0, 0, 2], &[0, 1, 0], &sure.repeat(3), 4);
    let third = 1.0 / 3.0;
    let least = -(f64::EPSILON.ln()) / 3.0 - 2.0 * (1.0 - f64::EPSILON).ln() / 3.0;
    let want = [
        third,
        0.5 / 3.0,
        third,
        third,
        0.5 / 3.0,
        third,
        third,
        0.5 / 3.0,
        third,
        third,
        least,
    ];
    assert_close(&got, &want);
}

#[test]
fn one_class_is_always_right() {
    let got = classes(&[0, 0], &[0, 0], &[1.0, 1.0], 1);
    assert_close(&got[..10], &[1.0; 10]);
    assert!(got[10] < 1e-15);
}

#[test]
fn confusion_matrix_has_all_classes_and_is_no_number() {
    let answers = Answers::Classes(Classes {
        truth: &[0, 1, 1],
        predicted: &[1, 1, 0],
        probabilities: &[],
        count: 3,
        positive: None,
    });
    let measured = measure(&[Metric::ConfusionMatrix], &answers).unwrap();
    assert!(measured.metrics.is_empty());
    let want = vec![vec![0, 1, 0], vec![1, 1, 0], vec![0, 0, 0]];
    assert_eq!(measured.confusion_matrix, Some(want));
}

#[test]
fn numbers_are_measured_as_by_hand() {
    let measured = numbers(&[1.0, 2.0, 3.0, 6.0], &[1.0, 3.0, 3.0, 3.0]);
    let got: Vec<f64> = measured.metrics.into_values().collect();
    assert_close(&got, &[2.5, 2.5f64.sqrt(), 1.0, 1.0 - 10.0 / 14.0]);
}

#[test]
fn r2_of_a_constant_is_one_or_zero() {
    // 0.1 + 0.1 + 0.1 is not 0.3: the mean of this constant is not the constant.
    let constant = [0.1, 0.1, 0.1];
    assert_eq!(numbers(&constant, &constant).metrics["r2"], 1.0);
    assert_eq!(numbers(&constant, &[0.1, 0.1, 0.2]).metrics["r2"], 0.0);
}

#[test]
fn misfits_name_what_is_legal() {
    let of_numbers = Answers::Numbers(Numbers {
        truth: &[1.0],
        predicted: &[1.0],
    });
    let error = measure(&[Metric::Mae, Metric::F1Macro], &of_numbers).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`f1_macro` measures classes, but the target has numbers"
    );
    assert_eq!(
        error.hint().unwrap(),
        "legal here: mse, rmse, mae, median_absolute_error, max_error, mape, mean_pinball_loss, r2, explained_variance"
    );
    let error = measure(&[Metric::ConfusionMatrix], &of_numbers).unwrap_err();
    assert!(matches!(error, Unmeasurable::Misfit { .. }));
    let error = measure(&[Metric::R2], &of_numbers).unwrap_err();
    assert_eq!(error.to_string(), "`r2` of 1 row is undefined");
}

#[test]
fn defaults_fit_their_targets_and_rows() {
    for answer in [
        Answer::Classes,
        Answer::Number,
        Answer::Labels,
        Answer::Numbers,
    ] {
        let defaults = defaults(answer, 2);
        assert_eq!(defaults.len(), 3);
        assert!(defaults.iter().all(|it| it.is_for(answer)));
    }
    for answer in [Answer::Number, Answer::Numbers] {
        assert_eq!(defaults(answer, 1), [Metric::Rmse, Metric::Mae]);
    }
}

#[test]
fn metrics_equal_those_of_scikit_learn() {
    let golden = include_str!("../../../../tests/golden/metrics.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    for case in golden["classification"].as_array().unwrap() {
        let truth: Vec<usize> = list(&case["target"]);
        let predicted: Vec<usize> = list(&case["predicted"]);
        let probabilities = list::<Vec<Vec<f64>>>(&case["probabilities"]).concat();
        let answers = Answers::Classes(Classes {
            truth: &truth,
            predicted: &predicted,
            probabilities: &probabilities,
            count: case["classes"].as_u64().unwrap() as usize,
            positive: case["positive"].as_u64().map(|class| class as usize),
        });
        assert_golden(case, &answers);
        let measured = measure(&[Metric::ConfusionMatrix], &answers).unwrap();
        let matrix: Vec<Vec<u64>> = list(&case["confusion_matrix"]);
        assert_eq!(measured.confusion_matrix.unwrap(), matrix);
    }
    for case in golden["regression"].as_array().unwrap() {
        let (truth, predicted): (Vec<f64>, Vec<f64>) =
            (list(&case["target"]), list(&case["predicted"]));
        let answers = Answers::Numbers(Numbers {
            truth: &truth,
            predicted: &predicted,
        });
        assert_golden(case, &answers);
    }
    for case in golden["labels"].as_array().unwrap() {
        let probabilities = list::<Vec<Vec<f64>>>(&case["probabilities"]);
        let flat = |value| list::<Vec<Vec<bool>>>(value).concat();
        let answers = Answers::Labels(Labels {
            truth: &flat(&case["target"]),
            predicted: &flat(&case["predicted"]),
            count: probabilities[0].len(),
            probabilities: &probabilities.concat(),
        });
        assert_golden(case, &answers);
    }
    for case in golden["several"].as_array().unwrap() {
        let truth: Vec<Vec<f64>> = list(&case["target"]);
        let predicted: Vec<Vec<f64>> = list(&case["predicted"]);
        let answers = Answers::Several(Several {
            truth: &truth.concat(),
            predicted: &predicted.concat(),
            count: truth.len(),
        });
        assert_golden(case, &answers);
    }
}

#[test]
fn metrics_of_one_target_say_so_where_there_are_several() {
    let labels = Answers::Labels(Labels {
        truth: &[true, false],
        predicted: &[true, false],
        probabilities: &[0.9, 0.1],
        count: 2,
    });
    let refusal = |metric, answers| measure(&[metric], answers).unwrap_err();
    let error = refusal(Metric::LogLoss, &labels);
    assert_eq!(
        error.to_string(),
        "`log_loss` measures classes of one target, but the targets are labels"
    );
    assert!(error.hint().unwrap().starts_with("legal here: accuracy, "));
    assert_eq!(
        refusal(Metric::RocAuc, &labels).to_string(),
        "`roc_auc` is undefined where no label tells rows apart"
    );
    let several = Answers::Several(Several {
        truth: &[1.0, 2.0],
        predicted: &[1.0, 2.0],
        count: 2,
    });
    assert_eq!(
        refusal(Metric::MaxError, &several).to_string(),
        "`max_error` measures numbers of one target, but there are several targets"
    );
    assert_eq!(
        refusal(Metric::R2, &several).to_string(),
        "`r2` of 1 row is undefined"
    );
}

#[test]
fn every_metric_has_golden_cases() {
    let golden = include_str!("../../../../tests/golden/metrics.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    for metric in Metric::all().filter(|it| it.is_number()) {
        for (answer, kind) in [
            (Answer::Classes, "classification"),
            (Answer::Number, "regression"),
            (Answer::Labels, "labels"),
            (Answer::Numbers, "several"),
        ] {
            let expected = &golden[kind][0]["expected"][metric.name()];
            assert_eq!(
                expected.is_number(),
                metric.is_for(answer),
                "{kind} {metric:?}"
            );
        }
    }
}

#[test]
fn classes_that_cannot_be_told_apart_are_named() {
    let alone = Answers::Classes(Classes {
        truth: &[0, 0],
        predicted: &[0, 0],
        probabilities: &[0.75, 0.25, 0.5, 0.5],
        count: 2,
        positive: Some(1),
    });
    let refusal = |metric| measure(&[metric], &alone).unwrap_err();
    assert_eq!(
        refusal(Metric::RocAuc).to_string(),
        "`roc_auc` is undefined where all rows are of one class"
    );
    assert!(refusal(Metric::RocAuc).hint().unwrap().contains("stratify"));
    assert_eq!(
        refusal(Metric::AveragePrecision).to_string(),
        "`average_precision` is undefined without a row of the class that it looks for"
    );
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn assert_golden(case: &Value, answers: &Answers) {
    for (name, expected) in case["expected"].as_object().unwrap() {
        let metric = Metric::of_name(name).unwrap();
        let found = match value(metric, answers) {
            Err(
                Unmeasurable::OneClass { .. }
                | Unmeasurable::OneSided { .. }
                | Unmeasurable::TooFewRows { .. }
                | Unmeasurable::NoPositiveClass { .. }
                | Unmeasurable::NoPositives { .. }
                | Unmeasurable::NoNegatives { .. }
                | Unmeasurable::NonePredicted { .. },
            ) => None,
            found => Some(found.unwrap()),
        };
        let close = match (found, expected.as_f64()) {
            (Some(found), Some(expected)) => {
                (found - expected).abs() <= 1e-6 * (1.0 + expected.abs())
            }
            (found, expected) => found == expected,
        };
        assert!(close, "{} {name}: {found:?}, not {expected}", case["name"]);
    }
}
