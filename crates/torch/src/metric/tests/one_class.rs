//! Metrics of the positive class, by hand.

use pipe_schema::stage::evaluate::{Metric, TopRows};

use crate::metric::{Answers, Classes, measure, value};

#[test]
fn figures_of_one_class_follow_the_positive_class() {
    let of = |positive| {
        Answers::Classes(Classes {
            truth: &[0, 0, 0, 1],
            predicted: &[0, 0, 1, 1],
            probabilities: &[0.9, 0.1, 0.8, 0.2, 0.3, 0.7, 0.4, 0.6],
            count: 2,
            positive,
        })
    };
    let found = |metric, positive| value(metric, &of(positive)).unwrap();
    assert_eq!(found(Metric::Precision, Some(0)), 1.0);
    assert_eq!(found(Metric::Precision, Some(1)), 0.5);
    assert_eq!(found(Metric::Recall, Some(0)), 2.0 / 3.0);
    assert_eq!(found(Metric::Specificity, Some(1)), 2.0 / 3.0);
    assert_eq!(found(Metric::AveragePrecision, Some(1)), 0.5);
    assert!(found(Metric::AveragePrecision, Some(0)) > 0.9);
    assert_eq!(
        value(Metric::Recall, &of(None)).unwrap_err().to_string(),
        "`recall` looks for one class, and none of the target's 2 is the positive one"
    );
}

#[test]
fn hits_at_takes_equal_rows_at_the_end_by_their_share() {
    let probabilities: Vec<f64> = [0.9, 0.5, 0.5, 0.5, 0.5, 0.1]
        .iter()
        .flat_map(|p| [1.0 - p, *p])
        .collect();
    let of = |truth: &[usize], top| {
        let answers = Answers::Classes(Classes {
            truth,
            predicted: truth,
            probabilities: &probabilities,
            count: 2,
            positive: Some(1),
        });
        value(Metric::HitsAt(top), &answers)
    };
    // One row, then two of the four equal ones, of which one in four is a hit: in any order of the rows.
    for truth in [[1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0]] {
        assert_eq!(of(&truth, TopRows::K(3)), Ok(1.5));
        assert_eq!(of(&truth, TopRows::Share(0.5)), Ok(1.5));
        assert_eq!(of(&truth, TopRows::K(6)), Ok(2.0));
    }
    let error = of(&[1, 0, 0, 0, 1, 0], TopRows::K(7)).unwrap_err();
    assert_eq!(error.to_string(), "`hits_at_7` of 6 rows is undefined");
    assert!(error.hint().unwrap().contains("`share`"));
}

#[test]
fn undefined_precision_is_told_and_undefined_recall_refused() {
    let of = |truth: &[usize], predicted: &[usize]| {
        let answers = Answers::Classes(Classes {
            truth,
            predicted,
            probabilities: &[0.75, 0.25, 0.75, 0.25],
            count: 2,
            positive: Some(1),
        });
        measure(&[Metric::Precision, Metric::Recall], &answers)
    };
    let never_predicted = of(&[0, 1], &[0, 0]).unwrap();
    assert_eq!(never_predicted.metrics["precision"], 0.0);
    assert_eq!(
        never_predicted.notes,
        [
            "`precision` is undefined where no row is predicted as the positive class; it is told as 0"
        ]
    );
    assert!(of(&[0, 1], &[0, 1]).unwrap().notes.is_empty());
    let error = of(&[0, 0], &[0, 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`recall` is undefined without a row of the positive class"
    );
    assert!(error.hint().unwrap().contains("stratify"));
}
