//! The specs that are written parse, plan, and stay short.

use std::{fs, path::Path};

use pipe_schema::stage::preprocess::Read;

use super::{digits, draft, survey::Survey};
use crate::cli::quote;
use crate::{
    plan::{Loader, Overrides, Plan, resolve},
    spec::{Source, parse},
};

struct Everything;

impl Loader for Everything {
    fn include(&self, path: &str) -> Result<String, String> {
        Err(format!("no {path}"))
    }

    fn exists(&self, _: &str) -> bool {
        true
    }

    fn columns(&self, _: &str, _: &Read) -> Option<Vec<String>> {
        None
    }
}

#[track_caller]
fn plan(text: &str) -> Plan {
    let spec = parse(Source {
        path: "pipe.yaml".to_owned(),
        text: text.to_owned(),
    });
    let spec = spec.unwrap_or_else(|it| panic!("{text}\n{}", it.render(false)));
    match resolve(spec, &Overrides::default(), &Everything) {
        Ok((plan, warnings)) => {
            assert!(warnings.is_empty(), "{}", warnings.render(false));
            plan
        }
        Err(errors) => panic!("{text}\n{}", errors.render(false)),
    }
}

fn survey(text: &str) -> Survey {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my table.csv");
    fs::write(&path, text).unwrap();
    Survey::of(&path, "my table.csv").unwrap()
}

/// Rows of every kind of column, with names as they come.
fn table(names: [&str; 7], target: impl Fn(usize) -> String) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names).unwrap();
    for row in 0..120 {
        writer
            .write_record([
                format!("key {row}"),
                format!("{}.25", row * 7 % 31),
                ["Bern", "Oslo", "", "7"][row % 4].to_owned(),
                ["yes", "no"][row % 2].to_owned(),
                String::new(),
                if row % 9 == 0 {
                    String::new()
                } else {
                    (row * row % 17).to_string()
                },
                target(row),
            ])
            .unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn dates_and_texts_get_steps_of_their_own() {
    let survey = survey(
        &"day,note,kind,churned\n"
            .chars()
            .map(String::from)
            .chain((0..60).map(|row| {
                let note = match row % 7 {
                    0 => String::new(),
                    _ => format!("the customer {row} called"),
                };
                let day = row % 28 + 1;
                format!(
                    "2024-01-{day:02},{note},{},{}\n",
                    ["u", "v"][row % 2],
                    ["a", "b"][row % 2]
                )
            }))
            .collect::<String>(),
    );
    let (text, notes) = draft::spec(&survey, "churned", "my table.csv").unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    let steps: Vec<&str> = text.lines().filter(|it| it.contains("columns: ")).collect();
    assert_eq!(
        steps[steps.len() - 4..],
        [
            "        - datetime_parts: {columns: datetime}",
            "        - standardize: {columns: numeric}",
            "        - one_hot: {columns: categorical}",
            "        - bag_of_words: {columns: text, max_features: 200}",
        ],
        "{text}"
    );
    assert!(!text.contains("impute"), "{text}");
    plan(&text);
    let shown = survey.render(None, 100);
    assert!(shown.contains("2024-01-01 … 2024-01-28"), "{shown}");
}

const NAMES: [&str; 7] = ["id", "size", "city", "member", "nothing", "age", "churned"];

#[test]
fn a_table_that_needs_everything_gets_a_short_spec_that_plans() {
    for (target, loss) in [(0, "cross_entropy"), (1, "mse")] {
        let survey = survey(&table(NAMES, |row| match target {
            0 => ["a", "b"][row % 2].to_owned(),
            _ => format!("{}.5", row * 3),
        }));
        let (text, notes) = draft::spec(&survey, "churned", "my table.csv").unwrap();
        assert!(
            text.lines().count() <= 24 + usize::from(text.contains("scale_target")),
            "{text}"
        );
        assert!(text.contains(&format!("loss: {loss}\n")), "{text}");
        for step in [
            "drop: {columns: [id, nothing]}",
            "impute: {columns: [city, age]}",
            "standardize",
            "one_hot",
            "city: categorical",
        ] {
            assert!(text.contains(step), "{step}\n{text}");
        }
        assert_eq!(text.contains("stratify: churned"), target == 0, "{text}");
        assert_eq!(notes[0], "column `id` is left out: names of rows");
        let plan = plan(&text);
        assert_eq!(
            plan.stages.keys().collect::<Vec<_>>(),
            ["prepare", "fit", "score", "bundle"]
        );
    }
}

#[test]
fn a_clean_table_gets_no_step_it_does_not_need() {
    let mut text = "x,y\n".to_owned();
    for row in 0..60 {
        text.push_str(&format!("{}.5,{}\n", row % 7, row % 3));
    }
    let (text, notes) = draft::spec(&survey(&text), "y", "a.csv").unwrap();
    assert!(text.contains("standardize") && notes.is_empty());
    for step in ["drop", "impute", "one_hot", "columns: {y"] {
        assert!(!text.contains(&format!("- {step}")), "{text}");
    }
    plan(&text);
}

#[test]
fn odd_names_and_paths_are_quoted() {
    let odd = [
        "a b",
        "größe",
        "it's \"so\"",
        "x: y",
        "${x}",
        "-dash",
        "yes",
        "null",
        "1e3",
        "# no",
        "a#b",
        "[1]",
        "{x}",
        "*a",
        "&a",
        "!t",
        "%p",
        "@at",
        "`t`",
        "~",
        "12:30",
        "0x1f",
        "tab\tbed",
        "line\nbreak",
        "\\",
        "'",
        "\"",
        "a,b",
        "on",
        "?",
        "| x",
        "> x",
        "nan",
        ".inf",
        "\u{85}x",
        "\u{2028}",
        "\u{200b}z",
        "😀",
        "all",
        "numeric",
        "=",
        "<<",
        "$${x}",
        "$x",
        "a: ",
        "- a",
        "null ",
        "2026-11-23",
    ];
    for name in odd {
        let trimmed = name.trim_matches([' ', '\t', '\n']);
        let names = ["id", trimmed, "city", "member", "nothing", "age", "label"];
        let as_target = ["id", "size", "city", "member", "nothing", "age", trimmed];
        let path = format!("dir with space/{}.csv", name.replace(['/', '\n'], "_"));
        let classes = |row: usize| ["a", "b"][row % 2].to_owned();
        let as_key = ["id", "size", trimmed, "member", "nothing", "age", "label"];
        for (names, target) in [(names, "label"), (as_key, "label"), (as_target, trimmed)] {
            let survey = survey(&table(names, classes));
            let (text, _) = draft::spec(&survey, target, &path).unwrap();
            let plan = plan(&text);
            let pipe_schema::stage::Task::Preprocess(block) = &plan.stages["prepare"].task else {
                panic!("{text}");
            };
            assert_eq!(block.target.join(","), target, "{text}");
            let is_key = !names[2].contains("${");
            assert_eq!(block.columns.contains_key(names[2]), is_key, "{text}");
            assert_eq!(plan.stages["prepare"].files[0].path, path, "{text}");
        }
    }
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let refusal = |text: &str, target: &str| match draft::spec(&survey(text), target, "a.csv") {
        Ok((text, _)) => panic!("{text}"),
        Err(error) => error.to_string(),
    };
    let rows = |line: &dyn Fn(usize) -> String| {
        (0..40).fold("x,y\n".to_owned(), |text, row| text + &line(row) + "\n")
    };
    let good = rows(&|row| format!("{row}.5,{}", row % 2));
    assert_eq!(refusal(&good, "z"), "my table.csv has no column `z`");
    assert_eq!(
        refusal("x,y\n1,a\n2,b\n", "y"),
        "my table.csv has 2 rows: too few to train, choose and test on (at least 10)"
    );
    let gaps = rows(&|row| format!("{row}.5,{}", ["a", "b", ""][row % 3]));
    assert_eq!(
        refusal(&gaps, "y"),
        "13 rows of 40 have no value for the target `y`"
    );
    let same = rows(&|row| format!("{row}.5,a"));
    assert!(refusal(&same, "y").contains("is the same in all rows"));
    let names = rows(&|row| format!("{row}.5,name{row}"));
    assert!(refusal(&names, "y").contains("these are no classes"));
    let constant = rows(&|row| format!("1,{}", row % 2));
    assert!(refusal(&constant, "y").contains("has no column to learn `y` from"));
}

#[test]
fn delimiters_are_told_from_the_first_line() {
    let survey = survey("a;b;c\n1,5;2;x\n2,5;3;y\n");
    assert_eq!((survey.read.delimiter, survey.columns.len()), (';', 3));
}

#[test]
fn a_question_mark_is_a_missing_value() {
    let mut text = "age,work,y\n".to_owned();
    for row in 0..40 {
        text.push_str(&format!(
            "{row}.5, {},{}\n",
            ["?", "Private", "State"][row % 3],
            row % 2
        ));
    }
    let survey = survey(&text);
    assert_eq!(survey.column("work").unwrap().missing, 14);
    let (text, _) = draft::spec(&survey, "y", "a.csv").unwrap();
    assert!(text.contains("na: [\"?\"]"), "{text}");
    plan(&text);
}

#[test]
fn a_table_without_names_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "1,2.5\n3,4\n").unwrap();
    let Err(error) = Survey::of(&path, "a.csv") else {
        panic!()
    };
    assert!(
        error.to_string().contains("holds numbers, not the names"),
        "{error}"
    );
}

#[test]
fn a_table_is_shown_with_types_missing_values_and_classes() {
    let survey = survey(&table(NAMES, |row| ["a", "b", "b"][row % 3].to_owned()));
    let text = anstream::adapter::strip_str(&survey.render(Some("churned"), 100)).to_string();
    assert!(
        text.starts_with("my table.csv: 120 rows, 7 columns\n"),
        "{text}"
    );
    assert!(text.contains("churned (target)  categorical"), "{text}");
    assert!(text.contains("b 67 %, a 33 %"), "{text}");
    assert!(text.contains("0.25 … 30.25"), "{text}");
}

#[test]
fn the_digits_plan() {
    let plan = plan(digits::SPEC);
    assert_eq!(
        plan.stages.keys().collect::<Vec<_>>(),
        ["prepare", "fit", "small", "score", "bundle"]
    );
    assert_eq!(
        digits::table(Path::new("")).path,
        Path::new(&plan.stages["prepare"].files[0].path)
    );
}

#[test]
fn words_of_a_shell_are_quoted_where_needed() {
    assert_eq!(quote::shell("data/a-b.csv"), "data/a-b.csv");
    assert_eq!(quote::shell("it's here.csv"), "'it'\\''s here.csv'");
    assert_eq!(quote::shell("-x"), "'-x'");
    assert_eq!(quote::shell(""), "''");
}
