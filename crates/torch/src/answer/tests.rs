//! Answers from outputs, and their way through `predictions.csv`.

use super::*;
use pipe_data::TargetValues;

fn names(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

fn classes(words: &[&str]) -> Form {
    Form::Classes(names(words))
}

fn probabilities(answers: &Answers) -> Vec<f32> {
    (0..answers.len())
        .flat_map(|at| answers.probabilities(at).to_vec())
        .collect()
}

#[test]
fn the_first_of_equally_probable_classes_is_chosen() {
    let answers = Answers::of(&[1.0, 1.0, 0.0, 0.0, 2.0, 2.0], &classes(&["a", "b", "c"])).unwrap();
    let Answers::Classes { chosen, .. } = &answers else {
        panic!()
    };
    assert_eq!(chosen, &[0, 1]);
}

#[test]
fn probabilities_add_up_even_for_huge_logits() {
    let answers = Answers::of(&[3e38, -3e38, 0.0, 0.0], &classes(&["a", "b"])).unwrap();
    assert_eq!(probabilities(&answers), [1.0, 0.0, 0.5, 0.5]);
}

#[test]
fn an_output_that_is_no_number_is_refused_with_its_row() {
    let error = Answers::of(&[0.0, 1.0, f32::NAN, 0.0], &classes(&["a", "b"])).unwrap_err();
    assert_eq!(error.position, 1);
    assert!(Answers::of(&[1.0, f32::INFINITY], &Form::Number).is_err());
}

#[test]
fn numbers_are_written_short_and_read_back_exactly() {
    assert_eq!(shortest(0.1), 0.1);
    assert_eq!(number_text(1e-40), "1e-40");
    for value in [f32::MIN_POSITIVE, 1.0 / 3.0, 16777216.0, -1e30] {
        assert_eq!(number_text(value).parse::<f32>().unwrap(), value);
    }
}

#[test]
fn a_table_of_classes_is_read_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.csv");
    let form = classes(&["a,b", "\"c\"", "3"]);
    let answers = Answers::of(&[1.0, 2.0, 3.0, 0.3, 0.2, 0.1], &form).unwrap();
    let truth = TargetValues::Classes(vec![0, 1]);
    write(&path, (&[7, 40], &[]), &truth, &answers, &form).unwrap();
    let rows = vec![7, 40];
    assert_eq!(read(&path, &form).unwrap(), Reported { rows, answers });
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("row,target,prediction,\"p=a,b\",\"p=\"\"c\"\"\",p=3\n7,\"a,b\",3,0.09")
    );
}

#[test]
fn a_table_of_numbers_is_read_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.csv");
    let answers = Answers::of(&[0.1, 150.0], &Form::Number).unwrap();
    let truth = TargetValues::Numbers(vec![0.5, 151.0]);
    write(&path, (&[0, 1], &[]), &truth, &answers, &Form::Number).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    // The double that 0.1 as an f32 is, since metrics are computed of it.
    assert_eq!(
        text,
        "row,target,prediction\n0,0.5,0.10000000149011612\n1,151.0,150.0\n"
    );
    assert_eq!(read(&path, &Form::Number).unwrap().answers, answers);
}

#[test]
fn a_table_of_another_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.csv");
    std::fs::write(&path, "row,target,prediction\n0,1,2\n").unwrap();
    let error = read(&path, &classes(&["a", "b"])).unwrap_err().to_string();
    assert!(
        error.contains("not row,target,prediction,p=a,p=b"),
        "{error}"
    );
}

#[test]
fn differences_name_the_first_row_and_both_values() {
    let form = classes(&["a", "b"]);
    let expected = Answers::of(&[0.0, 1.0, 5.0, 0.0], &form).unwrap();
    assert_eq!(expected.first_difference(&expected, &form, None, 0.0), None);
    let found = Answers::of(&[0.0, 1.0, 0.0, 5.0], &form).unwrap();
    let difference = expected
        .first_difference(&found, &form, None, 1e-4)
        .unwrap();
    assert_eq!(
        (difference.position, difference.what.as_str()),
        (1, "prediction")
    );
    assert_eq!(
        (difference.expected.as_str(), difference.found.as_str()),
        ("a", "b")
    );
    let found = Answers::of(&[0.0, 1.0, 5.0, 0.1], &form).unwrap();
    let difference = expected
        .first_difference(&found, &form, None, 1e-4)
        .unwrap();
    assert_eq!(difference.what, "p=a");
}

#[test]
fn a_tie_may_fall_either_way() {
    let form = classes(&["a", "b"]);
    let expected = Answers::of(&[1.0, 1.0 + 1e-6], &form).unwrap();
    let found = Answers::of(&[1.0 + 1e-6, 1.0], &form).unwrap();
    assert_eq!(expected.first_difference(&found, &form, None, 1e-4), None);
    assert!(
        expected
            .first_difference(&found, &form, None, 1e-9)
            .is_some()
    );
}

#[test]
fn numbers_differ_relative_to_their_size() {
    let expected = Answers::Numbers(vec![1000.0]);
    let found = Answers::Numbers(vec![1000.05]);
    assert_eq!(
        expected.first_difference(&found, &Form::Number, None, 1e-4),
        None
    );
    let difference = expected
        .first_difference(&found, &Form::Number, None, 1e-5)
        .unwrap();
    assert_eq!(difference.expected, "1000.0");
}

#[test]
fn tables_of_several_targets_are_read_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.csv");
    let form = Form::Labels(names(&["x", "y,z"]));
    let answers = Answers::of(&[0.0, 3.0, -2.0, 0.5], &form).unwrap();
    let truth = TargetValues::Labels(Grid::new(2, vec![true, false, false, true]));
    write(&path, (&[3, 9], &[]), &truth, &answers, &form).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with(
            "row,target:x,\"target:y,z\",prediction:x,\"prediction:y,z\",p=x,\"p=y,z\"\n\
             3,true,false,false,true,0.5,0.95"
        ),
        "{text}"
    );
    assert_eq!(read(&path, &form).unwrap().answers, answers);

    let form = Form::Numbers(names(&["x", "y"]));
    let answers = Answers::of(&[0.1, 2.0], &form).unwrap();
    let truth = TargetValues::Several(Grid::new(2, vec![0.5, 1.5]));
    write(&path, (&[0], &[]), &truth, &answers, &form).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let header = "row,target:x,target:y,prediction:x,prediction:y";
    // All digits of the number that is measured: 0.1 is none of 32 bits.
    assert_eq!(
        text,
        format!("{header}\n0,0.5,1.5,0.10000000149011612,2.0\n")
    );
    assert_eq!(read(&path, &form).unwrap().answers, answers);
    assert!(read(&path, &classes(&["x", "y"])).is_err());
}

#[test]
fn differences_of_several_targets_name_the_target() {
    let form = Form::Labels(names(&["x", "y"]));
    let of = |outputs: &[f32]| Answers::of(outputs, &form).unwrap();
    let what = |expected: &Answers, found: &Answers, tolerance| {
        let difference = expected.first_difference(found, &form, None, tolerance);
        difference.map(|it| (it.position, it.what, it.expected))
    };
    let expected = of(&[1.0, -1.0, 2.0, 1e-6]);
    assert_eq!(what(&expected, &expected, 0.0), None);
    let turned = of(&[1.0, -1.0, 2.0, -3.0]);
    assert_eq!(
        what(&expected, &turned, 1e-4),
        Some((1, "p=y".to_owned(), "0.50000024".to_owned()))
    );
    let turned = of(&[1.0, 1.0, 2.0, 1e-6]);
    assert_eq!(
        what(&expected, &turned, 1e-4),
        Some((0, "prediction:y".to_owned(), "false".to_owned()))
    );
    // A label that is as probable as not may fall either way.
    assert_eq!(what(&expected, &of(&[1.0, -1.0, 2.0, -1e-6]), 1e-4), None);

    let form = Form::Numbers(names(&["x", "y"]));
    let expected = Answers::of(&[1.0, 2.0, 3.0, 4.0], &form).unwrap();
    let found = Answers::of(&[1.0, 2.0, 3.0, 5.0], &form).unwrap();
    let difference = expected
        .first_difference(&found, &form, None, 1e-4)
        .unwrap();
    assert_eq!(
        (difference.position, difference.what.as_str()),
        (1, "prediction:y")
    );
}

#[test]
fn predictions_csv_names_the_file_of_each_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.csv");
    let files = names(&["cats/1.png", "dogs/a, b.png"]);
    let answers = Answers::Numbers(vec![0.5, 2.0]);
    let truth = TargetValues::Numbers(vec![1.0, 2.0]);
    write(&path, (&[3, 9], &files), &truth, &answers, &Form::Number).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let rows = "3,cats/1.png,1.0,0.5\n9,\"dogs/a, b.png\",2.0,2.0\n";
    assert_eq!(text, format!("row,file,target,prediction\n{rows}"));
    let found = read(&path, &Form::Number).unwrap();
    assert_eq!((found.rows, found.answers), (vec![3, 9], answers));
}

#[test]
fn classes_called_true_and_false_are_predicted_as_truth_values() {
    let predicted = |names: &[&str]| {
        let form = classes(names);
        let answers = Answers::of(&[0.0, 1.0], &form).unwrap();
        answers.prediction(0, &form)
    };
    assert_eq!(predicted(&["false", "true"]), true);
    assert_eq!(predicted(&["False", "True"]), true);
    assert_eq!(predicted(&["no", "yes"]), "yes");
    assert_eq!(predicted(&["maybe", "true"]), "true");
    assert_eq!(predicted(&["0", "1"]), "1");
}

#[test]
fn threshold_decides_between_two_classes() {
    let form = Form::Classes(vec!["a".to_owned(), "b".to_owned()]);
    // Probabilities of `a`: 0.5, 0.73, 0.27.
    let answers = Answers::of(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0], &form).unwrap();
    let decided = |class: &str, at: f64| {
        let mut answers = answers.clone();
        answers.decide(Threshold::of_class(form.names(), class, at).unwrap());
        let Answers::Classes { chosen, .. } = answers else {
            unreachable!()
        };
        chosen
    };
    assert_eq!(decided("a", 0.5), [0, 0, 1]);
    assert_eq!(decided("b", 0.5), [1, 0, 1]);
    assert_eq!(decided("a", 0.2), [0, 0, 0]);
    assert_eq!(decided("a", 0.9), [1, 1, 1]);
    assert_eq!(Threshold::of_class(form.names(), "c", 0.5), None);
    let three = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(Threshold::of_class(&three, "a", 0.5), None);
}

#[test]
fn class_near_its_threshold_may_differ_and_no_other() {
    let form = Form::Classes(vec!["a".to_owned(), "b".to_owned()]);
    let of = |chosen: usize, p: f32| Answers::Classes {
        chosen: vec![chosen],
        probabilities: vec![p, 1.0 - p],
    };
    let at = |at| Threshold::of_class(form.names(), "a", at);
    let (expected, found) = (of(0, 0.300_01), of(1, 0.299_99));
    let differs = |threshold| expected.first_difference(&found, &form, threshold, 1e-4);
    assert_eq!(differs(at(0.3)), None);
    assert_eq!(differs(at(0.4)).unwrap().what, "prediction");
    assert_eq!(differs(None).unwrap().what, "prediction");
}
