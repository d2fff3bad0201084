//! Datasets that do not fit a model, with what is said of them; and targets as a model names them.

use pipe_data::{DataError, TargetValues};
use serde_json::{Value, json};

use crate::{
    Lab,
    refit::{block, dataset, table},
};

#[test]
fn dataset_that_does_not_fit_a_model_is_refused_with_all_that_it_lacks() {
    let lab = Lab::new();
    let steps = json!([{"standardize": {}}, {"one_hot": {}}]);
    let model = "age,city,n,y\n1,Oslo,4,a\n2,Bern,5,b\n3,Oslo,6,a\n4,Bern,7,b\n";
    let all = json!({"split": {"random": {"train": 1.0}}});
    let model = dataset(
        &lab,
        "model",
        model,
        block(json!("y"), steps.clone(), all.clone()),
    );
    for (text, target, message, hint) in [
        (
            "ages,n,y\n1,2,a\n2,3,b\n",
            "y",
            "it has no columns `age`, `city`",
            "`age` is perhaps its `ages`",
        ),
        (
            "age,n,city\n1,2,a\n2,3,b\n",
            "city",
            "its target is `city`, the model's is `y`",
            "name it",
        ),
        (
            "age,city,n,y\n1,2,3,a\n2,3,4,b\n",
            "y",
            "its column `city` is numeric, and the model takes categorical",
            "`columns: {city: categorical}`",
        ),
        (
            "age,city,n,y\n1,true,3,a\n2,false,4,b\n",
            "y",
            "its column `city` is boolean, and the model takes categorical",
            "`columns: {city: categorical}`",
        ),
        (
            "age,city,n,y\n1,Oslo,3,a\nold,Bern,4,b\n",
            "y",
            "row 2: column `age`: `old` is not a number",
            "",
        ),
        (
            "age,city,n,y\n1,Oslo,3,a\n2,Bern,4,c\n3,Bern,4,c\n",
            "y",
            "2 of 3 rows are of the class `c`, and the target `y` of the model has `a`, `b`",
            "leave these rows out",
        ),
    ] {
        let steps = json!([{"one_hot": {}}]);
        let other = dataset(
            &lab,
            "other",
            text,
            block(json!(target), steps, all.clone()),
        );
        let told = lab.told(&other.part_for("train", model.schema()).unwrap_err());
        assert!(
            told.0.starts_with("the dataset does not fit the model: "),
            "{told:?}"
        );
        assert!(told.0.contains(message), "{told:?}");
        assert!(told.1.contains(hint), "{told:?}");
    }
    let text = "age,city,n,y\n1,Oslo,3,a\n,Bern,4,b\n";
    let gaps = dataset(
        &lab,
        "gaps",
        text,
        block(json!("y"), json!([{"impute": {}}, {"one_hot": {}}]), all),
    );
    let told = lab.told(&gaps.part_for("train", model.schema()).unwrap_err());
    assert_eq!(
        told.0,
        "the train part: row 2: column `age` has no value here (1 row in all), and no step fills it"
    );
    assert_eq!(
        told.1,
        "the model was trained without missing values in this column"
    );
}

#[test]
fn dataset_without_raw_columns_is_refused_unless_its_steps_are_the_models() {
    let lab = Lab::new();
    let steps = json!([{"drop": {"columns": ["day", "note", "id"]}}, {"impute": {}}, {"standardize": {}}, {"one_hot": {}}]);
    let model = dataset(
        &lab,
        "model",
        &table(120, 0),
        block(json!("y"), steps.clone(), json!({})),
    );
    let other = dataset(
        &lab,
        "other",
        &table(90, 11),
        block(json!("y"), steps, json!({})),
    );
    std::fs::remove_dir_all(lab.path("other/raw")).unwrap();
    std::fs::remove_dir_all(lab.path("model/raw")).unwrap();
    let told = lab.told(&other.part_for("test", model.schema()).unwrap_err());
    assert_eq!(
        told.0,
        "the dataset does not fit the model: its steps are not the model's, and it does not keep the column `size` as it was read"
    );
    assert!(told.1.contains("split: {files: {…}}"), "{told:?}");
    let own = model.part_for("test", model.schema()).unwrap();
    assert_eq!(own, model.part_as_kept("test").unwrap());
}

fn targets(
    model: (&str, Value, Value),
    other: (&str, Value, Value),
) -> Result<TargetValues, DataError> {
    let lab = Lab::new();
    let made = |name: &str, (text, target, types): (&str, Value, Value)| {
        let more = json!({"split": {"random": {"train": 1.0}}, "columns": types});
        dataset(&lab, name, text, block(target, json!([]), more))
    };
    let (model, other) = (made("model", model), made("other", other));
    Ok(other.part_for("train", model.schema())?.target)
}

#[test]
fn targets_for_a_model_are_told_by_name_and_value() {
    let classes = |it: &[i64]| TargetValues::Classes(it.to_vec());
    // Fewer classes, so that theirs have other numbers.
    let model = ("x,y\n1,c\n2,a\n3,b\n", json!("y"), json!({}));
    let found = targets(model, ("x,y\n1,c\n2,b\n3,c\n", json!("y"), json!({})));
    assert_eq!(found.unwrap(), classes(&[2, 1, 2]));
    // Classes that are numbers, written as floats, or read as numbers.
    let model = || {
        (
            "x,y\n1,10\n2,9\n3,2\n4,10\n5,9\n6,2\n",
            json!("y"),
            json!({"y": "categorical"}),
        )
    };
    for (text, r#type) in [
        ("x,y\n1,9.0\n2,10.0\n", "categorical"),
        ("x,y\n1,9\n2,10\n", "numeric"),
    ] {
        let other = (text, json!("y"), json!({"y": r#type}));
        // The order of the model's classes is that of their values: 2, 9, 10.
        assert_eq!(targets(model(), other).unwrap(), classes(&[1, 2]));
    }
    // Yes and no, spelled otherwise.
    let model = (
        "x,y\n1,true\n2,false\n",
        json!("y"),
        json!({"y": "boolean"}),
    );
    let found = targets(model, ("x,y\n1,0\n2,1\n3,1\n", json!("y"), json!({})));
    assert_eq!(found.unwrap(), classes(&[0, 1, 1]));
    // A few whole numbers look like classes.
    let model = ("x,y\n1,0.5\n2,1.5\n", json!("y"), json!({}));
    let found = targets(model, ("x,y\n1,3\n2,4\n3,3\n4,4\n", json!("y"), json!({})));
    assert_eq!(
        found.unwrap(),
        TargetValues::Numbers(vec![3.0, 4.0, 3.0, 4.0])
    );
    // Several targets, in another order and more of them.
    let model = ("x,u,v\n1,0.5,3\n2,1.5,4\n", json!(["u", "v"]), json!({}));
    let other = (
        "x,v,w,u\n1,7,5.5,0.25\n2,8,6.5,1\n",
        json!(["v", "w", "u"]),
        json!({}),
    );
    let TargetValues::Several(found) = targets(model, other).unwrap() else {
        panic!("numbers")
    };
    assert_eq!(found.values(), [0.25, 7.0, 1.0, 8.0]);
    // One of several labels.
    let model = ("x,u\n1,yes\n2,no\n", json!("u"), json!({"u": "boolean"}));
    let other = ("x,u,v\n1,no,yes\n2,yes,no\n", json!(["u", "v"]), json!({}));
    assert_eq!(targets(model, other).unwrap(), classes(&[0, 1]));
}

#[test]
fn targets_of_another_kind_than_a_models_are_refused() {
    for (model, other, message) in [
        (
            ("x,y\n1,0.5\n2,1.5\n", "y"),
            ("x,y\n1,up\n2,down\n", "y"),
            "`up` of its target `y` is not a number",
        ),
        (
            ("x,y\n1,up\n2,down\n", "y"),
            ("x,y\n1,0.5\n2,1.5\n", "y"),
            "rows are of the classes `0.5`, `1.5`",
        ),
        (
            ("x,y\n1,up\n2,down\n", "y"),
            ("x,z\n1,up\n2,down\n", "z"),
            "its target is `z`, the model's is `y`",
        ),
    ] {
        let of = |(text, target): (&'static str, &str)| (text, json!(target), json!({}));
        let error = targets(of(model), of(other)).unwrap_err();
        assert!(error.message.contains(message), "{error:?}");
    }
}
