//! Predictions of a small package for rows in either form.

use std::fs;

use pipe_schema::protocol::{Failed, Predict, RowForm};
use pipe_schema::stage::preprocess::Form;
use serde_json::{Value, json};

use crate::workshop::Workshop;

const PLAIN: Predict = Predict {
    input: Some(Form::Csv),
    output: RowForm::Csv,
    probabilities: true,
    verify: false,
    no_verify: false,
    allow_script: false,
    memory: None,
};

fn packed() -> Workshop {
    let workshop = Workshop::with_classes();
    workshop.train(&json!({"mlp": {"hidden": [8]}}), "cross_entropy", 8);
    let score = json!({"evaluate": {"model": "fit", "data": "data.test"}});
    workshop
        .stage(&score, &["model=fit", "data=data.test"], "score")
        .unwrap();
    let block = json!({"package": {"model": "fit", "report": "score"}});
    let inputs = ["model=fit", "report=score", "data=data.test"];
    workshop.stage(&block, &inputs, "bundle").unwrap();
    workshop
}

fn predict(workshop: &Workshop, work: Predict, rows: &str) -> Result<String, Failed> {
    fs::write(workshop.path("new.rows"), rows).unwrap();
    workshop.predict(work, &["package=bundle", "rows=new.rows"])
}

#[test]
fn raw_rows_get_the_predictions_of_the_report() {
    let workshop = packed();
    let found = workshop
        .predict(PLAIN, &["package=bundle", "rows=rows.csv"])
        .unwrap();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found[0], "prediction,\"p=a,b\",p=c,p=d");
    assert_eq!(found.len(), 241);
    let mut reported = csv::ReaderBuilder::new()
        .from_path(workshop.path("score/predictions.csv"))
        .unwrap();
    for record in reported.records() {
        let record = record.unwrap();
        let row: usize = record[0].parse().unwrap();
        let line = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(found[row + 1].as_bytes())
            .into_records()
            .next();
        let line = line.unwrap().unwrap();
        assert_eq!(line[0], record[2]);
        for (mine, theirs) in line.iter().skip(1).zip(record.iter().skip(3)) {
            let gap = mine.parse::<f32>().unwrap() - theirs.parse::<f32>().unwrap();
            assert!(gap.abs() < 1e-6, "row {row}");
        }
    }
}

#[test]
fn json_lines_give_the_same_as_csv() {
    let workshop = packed();
    let csv = predict(&workshop, PLAIN, "weight,size,city\n70,2.1,Graz\n,,Wien\n").unwrap();
    let rows = "{\"city\": \"Graz\", \"size\": 2.1, \"weight\": 70}\n\n{\"city\": \"Wien\", \"size\": null}\n";
    let input = Predict {
        input: Some(Form::Jsonl),
        ..PLAIN
    };
    assert_eq!(predict(&workshop, input, rows).unwrap(), csv);
    let output = Predict {
        output: RowForm::Jsonl,
        ..input
    };
    let found = predict(&workshop, output, rows).unwrap();
    let first: Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    let mut line = csv.lines().nth(1).unwrap().rsplitn(4, ',');
    let last: f64 = line.next().unwrap().parse().unwrap();
    assert_eq!(first["probabilities"]["d"], json!(last));
    assert_eq!(first["probabilities"].as_object().unwrap().len(), 3);
    let bare = Predict {
        probabilities: false,
        ..output
    };
    let found = predict(&workshop, bare, rows).unwrap();
    let first: Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    assert_eq!(
        first.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["prediction"]
    );
}

#[test]
fn json_is_told_from_csv_where_no_name_tells_the_form() {
    let workshop = packed();
    let csv = "weight,size,city\n70,2.1,Graz\n";
    let json = "\n {\"city\": \"Graz\", \"size\": 2.1, \"weight\": 70}\n";
    let untold = Predict {
        input: None,
        ..PLAIN
    };
    let expected = predict(&workshop, PLAIN, csv).unwrap();
    assert_eq!(predict(&workshop, untold, csv).unwrap(), expected);
    assert_eq!(predict(&workshop, untold, json).unwrap(), expected);
    // The predictions are of the rows' form then.
    let alike = Predict {
        output: RowForm::AsRows,
        ..untold
    };
    assert_eq!(predict(&workshop, alike, csv).unwrap(), expected);
    let lines = predict(&workshop, alike, json).unwrap();
    let row: Value = serde_json::from_str(lines.trim_end()).unwrap();
    assert!(row["prediction"].is_string(), "{lines}");
}

#[test]
fn no_rows_give_no_predictions_but_a_header() {
    let workshop = packed();
    let found = predict(&workshop, PLAIN, "size,city,weight\n").unwrap();
    assert_eq!(found, "prediction,\"p=a,b\",p=c,p=d\n");
    let lines = Predict {
        input: Some(Form::Jsonl),
        output: RowForm::Jsonl,
        ..PLAIN
    };
    assert_eq!(predict(&workshop, lines, "").unwrap(), "");
}

#[test]
fn errors_name_line_and_column() {
    let workshop = packed();
    let message = |rows: &str| predict(&workshop, PLAIN, rows).unwrap_err().message;
    let bad = message("size,city,weight\n1,Graz,70\n1,Graz,heavy\n");
    assert!(
        bad.ends_with("new.rows:3: column `weight`: `heavy` is not a number"),
        "{bad}"
    );
    let missing = message("size,city\n1,Graz\n");
    assert!(missing.contains("column `weight` is missing"), "{missing}");
}

#[test]
fn rows_that_do_not_fit_into_memory_at_once_are_all_answered() {
    let workshop = packed();
    let count = super::AT_A_TIME * 2 + 3;
    let rows = "size,city,weight\n".to_owned()
        + &"1,Graz,70\n2,Wien,40\n".repeat(count / 2)
        + "2,Wien,40\n";
    let found = predict(&workshop, PLAIN, &rows).unwrap();
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found.len(), count + 1);
    assert!(
        found[1..]
            .iter()
            .step_by(2)
            .take(count / 2)
            .all(|it| *it == found[1])
    );
    assert_eq!(found[count], found[2]);
    let bad = predict(&workshop, PLAIN, &(rows + "1,Graz,x\n"))
        .unwrap_err()
        .message;
    assert!(
        bad.contains(&format!("new.rows:{}: column `weight`", count + 2)),
        "{bad}"
    );
    let lines = "{\"size\": 1, \"city\": \"Graz\", \"weight\": 70}\n".repeat(count);
    let jsonl = Predict {
        input: Some(Form::Jsonl),
        ..PLAIN
    };
    assert_eq!(
        predict(&workshop, jsonl, &lines).unwrap().lines().count(),
        count + 1
    );
    let bad = predict(
        &workshop,
        jsonl,
        &(lines + "{\"size\": 1, \"weight\": []}\n"),
    )
    .unwrap_err()
    .message;
    assert!(
        bad.contains(&format!("new.rows:{}: column `weight`", count + 1)),
        "{bad}"
    );
}
