//! The order of time, from tables.

use proptest::prelude::*;

use super::*;

fn split(train: f64, val: f64, test: f64) -> TimeSplit {
    TimeSplit {
        by: "at".to_owned(),
        train,
        val,
        test,
    }
}

fn table(times: &[String]) -> Table {
    let mut table = Table::of(vec!["at".to_owned()]);
    for (row, time) in times.iter().enumerate() {
        table.columns[0].fields.push(time.as_bytes());
        table.close_row(row as u64 + 2);
    }
    table
}

fn missing() -> Missing {
    Missing::default()
}

#[test]
fn the_newest_rows_are_tested_on() {
    let times = ["2024-03-01", "2023-12-31", "2024-01-15 10:00", "2024-01-15"].map(str::to_owned);
    let parts = divide(&split(0.5, 0.25, 0.25), &table(&times), &missing()).unwrap();
    assert_eq!(
        parts,
        [("train", vec![1, 3]), ("val", vec![2]), ("test", vec![0])]
    );
}

#[test]
fn numbers_are_times_too() {
    let times = ["10", "9", "8.5", "100"].map(str::to_owned);
    let parts = divide(&split(0.75, 0.0, 0.25), &table(&times), &missing()).unwrap();
    assert_eq!(parts, [("train", vec![0, 1, 2]), ("test", vec![3])]);
}

#[test]
fn what_is_no_time_is_named_with_its_place() {
    for (time, message) in [
        ("31.1.2024", "row 3: column `at`: `31.1.2024` is not a time"),
        (
            "",
            "row 3: column `at`: a row without a time cannot be put in order",
        ),
    ] {
        let times = ["2024-01-01", time].map(str::to_owned);
        let error = divide(&split(0.5, 0.0, 0.5), &table(&times), &missing()).unwrap_err();
        assert_eq!(error.message, message);
    }
}

#[test]
fn one_time_cannot_be_divided() {
    let times = vec!["2024-01-01".to_owned(); 10];
    let error = divide(&split(0.8, 0.0, 0.2), &table(&times), &missing()).unwrap_err();
    assert_eq!(
        error.message,
        "the test part would have no rows: too many rows share a time of column `at`"
    );
}

proptest! {
    #[test]
    fn no_row_is_older_than_one_of_a_part_before(times in prop::collection::vec(0_u32..40, 30..120)) {
        let texts: Vec<String> = times.iter().map(u32::to_string).collect();
        let Ok(parts) = divide(&split(0.6, 0.2, 0.2), &table(&texts), &missing()) else {
            return Ok(());
        };
        let mut all: Vec<usize> = parts.iter().flat_map(|it| it.1.clone()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..times.len()).collect::<Vec<_>>());
        for pair in parts.windows(2) {
            let newest = pair[0].1.iter().map(|row| times[*row]).max();
            let oldest = pair[1].1.iter().map(|row| times[*row]).min();
            prop_assert!(newest < oldest, "{newest:?} {oldest:?}");
        }
    }
}
