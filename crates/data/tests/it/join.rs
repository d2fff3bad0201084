//! Tables joined by a key, beside pandas.merge; and tables that cannot be joined.

use std::{fs, path::PathBuf};

use pipe_data::{DataError, Files};
use pipe_schema::dataset::{HEAD_FILE, HeadRow};
use serde_json::{Value, json};

use crate::{Lab, all_train};

fn golden(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/join").join(name)
}

/// The rows of `rows.csv` after a join, in their order: columns with values, the target among them.
fn joined(join: Value, tables: &[&str]) -> Vec<Value> {
    let lab = Lab::new();
    let files = Files {
        source: vec![golden("rows.csv")],
        joins: tables.iter().map(|it| vec![golden(it)]).collect(),
        ..Files::default()
    };
    let block = all_train(json!({
        "source": {"csv": "rows.csv", "join": join},
        "columns": {"y": "numeric"},
        "steps": [{"drop": {"columns": "categorical"}}, {"impute": {"columns": "numeric"}}],
    }));
    lab.run_files("out", &files, block).unwrap();
    let head = fs::read_to_string(lab.path("out/train").join(HEAD_FILE)).unwrap();
    let mut rows: Vec<HeadRow> = head
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    rows.sort_by_key(|it| it.row);
    let rows = rows.into_iter().map(|it| {
        let mut row = it.input;
        row.insert("y".to_owned(), it.target);
        Value::Object(row)
    });
    rows.collect()
}

/// What pandas has, but for columns that our table has not.
fn assert_merged(case: &str, join: Value, tables: &[&str], without: &[&str]) {
    let expected = fs::read(golden("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let expected = expected[case].as_array().unwrap();
    let found = joined(join, tables);
    assert_eq!(found.len(), expected.len(), "{case}: {tables:?}");
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (found, expected) = (found.as_object().unwrap(), expected.as_object().unwrap());
        assert_eq!(found.len() + without.len(), expected.len(), "{case}");
        for (name, value) in expected
            .iter()
            .filter(|it| !without.contains(&it.0.as_str()))
        {
            // pandas makes fractions of whole numbers where one is missing.
            let found = &found[name];
            let is_equal = match (found.as_f64(), value.as_f64()) {
                (Some(found), Some(value)) => found == value,
                _ => found == value,
            };
            assert!(
                is_equal,
                "{case}, {tables:?}: row {row}: {name}: {found}, not {value}"
            );
        }
    }
}

#[test]
fn keys_that_are_one_number_meet_in_all_forms_as_in_pandas() {
    for how in ["left", "inner"] {
        let case = format!("number_{how}");
        for form in ["csv", "parquet", "jsonl"] {
            let file = format!("people.{form}");
            let join = json!({form: file, "on": {"key": "id"}, "how": how});
            assert_merged(&case, join, &[&file], &[]);
        }
        let join = json!({"npz": "people.npz", "on": {"key": "id"}, "how": how});
        assert_merged(&case, join, &["people.npz"], &["city"]);
        let join =
            json!({"csv": "people.csv", "on": {"key": "id"}, "how": how, "columns": ["city"]});
        assert_merged(&case, join, &["people.csv"], &["age"]);
    }
}

#[test]
fn words_and_several_columns_are_keys_as_in_pandas() {
    for how in ["left", "inner"] {
        let join = json!({"csv": "rent.csv", "on": "shop", "how": how});
        assert_merged(&format!("word_{how}"), join, &["rent.csv"], &[]);
        let join = json!({"parquet": "stock.parquet", "on": ["shop", "key"], "how": how});
        assert_merged(&format!("two_{how}"), join, &["stock.parquet"], &[]);
        let join = json!([
            {"csv": "people.csv", "on": {"key": "id"}, "how": how},
            {"csv": "rent.csv", "on": "shop"},
        ]);
        assert_merged(
            &format!("both_{how}"),
            join,
            &["people.csv", "rent.csv"],
            &[],
        );
    }
}

struct Joined {
    lab: Lab,
    files: Files,
    block: Value,
}

impl Joined {
    /// `rows.csv` and `more.csv` of these texts.
    fn of(rows: &str, more: &str, join: Value) -> Self {
        let lab = Lab::new();
        let files = Files {
            source: vec![lab.write("rows.csv", rows)],
            joins: vec![vec![lab.write("more.csv", more)]],
            ..Files::default()
        };
        let mut join = join;
        join["csv"] = json!("more.csv");
        let block = all_train(json!({"source": {"csv": "rows.csv", "join": join}}));
        Self { lab, files, block }
    }

    fn run(&self) -> Result<(Vec<String>, Vec<String>), DataError> {
        let made = self.lab.run_files("out", &self.files, self.block.clone());
        made.map(|(dataset, _, logs)| (dataset.schema().features.clone(), logs))
    }

    fn told(&self) -> (String, String) {
        self.lab.told(&self.run().unwrap_err())
    }
}

#[test]
fn a_key_that_is_twice_in_the_joined_table_is_named_with_both_lines() {
    let rows = "id,y\n1,0\n2,1\n";
    let more = "id,age\n1,30\n2,31\n,5\n2.0,32\n,6\n";
    let (message, hint) = Joined::of(rows, more, json!({"on": "id"})).told();
    assert_eq!(
        message,
        "more.csv:5: the key `id` = `2.0` is there twice, first in more.csv:3"
    );
    assert!(hint.contains("make its keys unique"), "{hint}");
}

#[test]
fn a_key_that_is_declared_words_is_told_by_its_text() {
    let rows = "zip,y\n007,0\n7,1\n";
    let more = "zip,age\n007,30\n7,31\n";
    let mut joined = Joined::of(rows, more, json!({"on": "zip"}));
    assert!(joined.told().0.contains("is there twice"));
    joined.block["columns"] = json!({"zip": "categorical"});
    joined.block["steps"] = json!([{"one_hot": {"columns": ["zip"]}}]);
    assert_eq!(joined.run().unwrap().0, ["zip=007", "zip=7", "age"]);
}

#[test]
fn integers_that_share_a_float_are_different_keys() {
    let rows = "id,y\n9007199254740992,0\n9007199254740993,1\n";
    let more = "id,age\n9007199254740993,30\n9007199254740992,31\n";
    let joined = Joined::of(rows, more, json!({"on": "id"}));
    assert_eq!(joined.run().unwrap().1, Vec::<String>::new());
}

#[test]
fn rows_without_a_partner_are_counted() {
    let rows = "id,y\n1,0\n2,1\n,1\n4,0\n";
    let more = "id,age\n1,30\n2,31\n,7\n";
    let inner = Joined::of(rows, more, json!({"on": "id", "how": "inner"}));
    let (features, logs) = inner.run().unwrap();
    assert_eq!(features, ["id", "age"]);
    assert_eq!(
        logs,
        ["join: 2 of 4 rows have a key that is not in more.csv: they are left out"]
    );
    let left = Joined::of(rows, more, json!({"on": "id"}));
    let (message, _) = left.told();
    assert_eq!(
        message,
        "rows.csv:4: column `id` has no value here (1 row in all), and no step fills it"
    );
}

#[test]
fn words_for_missing_values_are_those_of_each_table() {
    let rows = "id,y\n1,0\n2,1\n3,1\n";
    let more = "id,age\n1,30\n2,-\n3,31\n";
    let join = json!({"on": "id", "read": {"na": ["-"]}});
    let mut joined = Joined::of(rows, more, join);
    joined.block["steps"] = json!([{"impute": {"columns": ["age"]}}]);
    assert_eq!(joined.run().unwrap().0, ["id", "age"]);
}

#[test]
fn tables_that_cannot_be_joined_say_why() {
    let rows = "id,name,y\n1,a,0\n2,b,1\n";
    for (more, join, message, hint) in [
        (
            "id,name\n1,x\n",
            json!({"on": "id"}),
            "join: the rows and more.csv both have a column `name`",
            "`columns: […]`",
        ),
        (
            "ident,age\n1,3\n",
            json!({"on": "id"}),
            "join: more.csv has no column `id`",
            "did you mean `ident`?",
        ),
        (
            "id,age\n1,3\n",
            json!({"on": {"key": "id"}}),
            "join: the rows have no column `key`",
            "`id`, `name`, `y`",
        ),
        (
            "id,age\n1,3\n",
            json!({"on": "id", "columns": ["agee"]}),
            "join: more.csv has no column `agee`",
            "did you mean `age`?",
        ),
        (
            "id,age\nA1,3\n",
            json!({"on": "id"}),
            "join: no row has a key that is in more.csv",
            "the first rows have `id` = `1` and `id` = `A1`",
        ),
        (
            "id,age\n",
            json!({"on": "id"}),
            "more.csv: has no rows, only a header",
            "",
        ),
    ] {
        let told = Joined::of(rows, more, join).told();
        assert_eq!(told.0, message);
        assert!(told.1.contains(hint), "{}", told.1);
    }
}

#[test]
fn each_part_with_files_of_its_own_is_joined() {
    let lab = Lab::new();
    let files = Files {
        train: vec![lab.write("train.csv", "id,y\n1,0\n2,1\n9,1\n")],
        test: vec![lab.write("test.csv", "id,y\n8,0\n3,0\n1,1\n")],
        joins: vec![vec![lab.write("more.csv", "id,age\n3,33\n2,32\n1,31\n")]],
        ..Files::default()
    };
    let block = json!({
        "source": {"join": {"csv": "more.csv", "on": "id", "how": "inner"}},
        "target": "y",
        "split": {"files": {"train": "train.csv", "test": "test.csv"}},
        "steps": [{"drop": {"columns": ["id"]}}],
    });
    let (dataset, summary, _) = lab.run_files("out", &files, block.clone()).unwrap();
    assert_eq!(summary.rows, [("train", 2), ("test", 2)]);
    assert_eq!(dataset.part("train").unwrap().features.values, [31.0, 32.0]);
    assert_eq!(dataset.part("test").unwrap().features.values, [33.0, 31.0]);
}

#[test]
fn a_list_of_numbers_needs_a_partner_in_every_row() {
    let lab = Lab::new();
    let more = "{\"id\": 2, \"x\": [1, 2]}\n{\"id\": 1, \"x\": [3, 4]}\n";
    let files = |rows: &str| Files {
        source: vec![lab.write("rows.csv", rows)],
        joins: vec![vec![lab.write("more.jsonl", more)]],
        ..Files::default()
    };
    let block = |how: &str| {
        all_train(json!({
            "source": {"csv": "rows.csv", "join": {"jsonl": "more.jsonl", "on": "id", "how": how}},
            "steps": [{"drop": {"columns": ["id"]}}],
        }))
    };
    let rows = files("id,y\n1,0\n3,1\n2,1\n");
    let error = lab.run_files("out", &rows, block("left")).unwrap_err();
    let (message, hint) = lab.told(&error);
    assert_eq!(
        message,
        "rows.csv:3: the key is not in more.jsonl, and a list of numbers like `x` cannot be missing"
    );
    assert!(hint.contains("how: inner"), "{hint}");
    let (dataset, ..) = lab.run_files("inner", &rows, block("inner")).unwrap();
    let features = dataset.part("train").unwrap().features.values;
    assert_eq!(features, [3.0, 4.0, 1.0, 2.0]);
}
