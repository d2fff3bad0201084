//! Text from data, specs and logs that would like to be more than text, in all that pipe shows: terminals, JSON, the model
//! card, the page of a run, plots, drawings of the plan.

use std::{fs, sync::OnceLock};

use pipe_schema::text::is_hidden;

use crate::{
    project::{Answer, Project},
    workers,
};

/// Names of columns, and values of a class, that have something of everything.
const COLUMNS: [&str; 5] = [
    "<script>alert(1)</script>",
    "a|b`c``d",
    "\u{1b}[31mred\u{1b}]0;owned\u{7}",
    "x\u{202e}gnp.exe\u{2066}\u{200b}",
    "two\nok  fake\rlines",
];
const CLASSES: [&str; 3] = [
    "@team ![x](https://evil.example/x.png) #12 www.example.com",
    "</td></tr><img src=x onerror=alert(2)>\u{9b}2J",
    "[y](javascript:alert(3)) *b* _i_ ~~s~~ :tada: GH-1\nfake  ran 1s",
];
const TARGET: &str = "<b>target</b> @all";

fn spec() -> String {
    // Not all readers of YAML take every character as it is.
    let quoted = |text: &str| {
        let escape = |c: char| match c {
            c if is_hidden(c) => format!("\\u{:04x}", c as u32),
            c => c.to_string(),
        };
        let text: String = serde_json::to_string(text).unwrap();
        text.chars().map(escape).collect::<String>()
    };
    let description = format!(
        "hi <script>alert(7)</script>\n\n# Owned @team #1\n[x](javascript:alert(8)) https://evil.example {}",
        CLASSES[1]
    );
    let metrics = r#"{"<script>alert(11)</script>": 1, "\u001b[31mm\u202e": 2, "n\nok  fake line": 3, "@team": 4}"#;
    let print = r"printf '\033[31mRED\033]0;owned\007 \033[2J <script>alert(10)</script>\rgone\n\302\2332J\342\200\256x\n'";
    let cmd = format!(
        "{print}; printf '%s' '{}' > ",
        metrics.replace('\\', "\\\\").replace("\\\\", "\\")
    );
    format!(
        "version: 1
name: hostile
stages:
  prepare: {{preprocess: {{source: {{csv: rows.csv}}, target: {target}, split: {{random: {{train: 0.6, val: 0.2, test: 0.2}}}}, steps: [standardize, one_hot]}}, description: {description}}}
  fit: {{train: {{data: prepare, model: {{mlp: {{hidden: [4]}}}}, loss: cross_entropy, epochs: 1}}}}
  score: {{evaluate: {{model: fit, data: prepare.test, slices: [{slice}], metrics: [accuracy, confusion_matrix, roc_auc]}}}}
  bundle: {{package: {{model: fit, report: score, description: {description}, name: {name}}}}}
  good: {{command: {{cmd: {good}, metrics: [good.json]}}}}
  bad: {{command: {{cmd: {bad}, deps: [{dep}], metrics: [bad.json]}}}}
",
        target = quoted(TARGET),
        description = quoted(&description),
        slice = quoted(COLUMNS[0]),
        name = quoted("n<script>alert(9)</script> @team\n# Owned"),
        good = quoted(&format!("{cmd}good.json")),
        bad = quoted(&format!("{cmd}bad.json; false")),
        dep = quoted("na<svg onload=alert(5)>\u{1b}[2J@team.txt"),
    )
}

fn rows() -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut header: Vec<String> = COLUMNS.iter().map(|it| quoted(it)).collect();
    header.push(quoted(TARGET));
    let mut text = header.join(",") + "\n";
    for row in 0..60 {
        let word = COLUMNS[row % 3];
        let cells = [
            quoted(word),
            row.to_string(),
            (row * 7 % 5).to_string(),
            (row % 4).to_string(),
            (row % 9).to_string(),
            quoted(CLASSES[row % 3]),
        ];
        text.push_str(&(cells.join(",") + "\n"));
    }
    text
}

/// A project in which all of it ran, with what the run said.
fn finished() -> &'static (Project, Answer) {
    static PROJECT: OnceLock<(Project, Answer)> = OnceLock::new();
    PROJECT.get_or_init(|| {
        workers::real();
        let project = Project::new();
        project.write("pipe.yaml", &spec());
        project.write("rows.csv", &rows());
        project.write("na<svg onload=alert(5)>\u{1b}[2J@team.txt", "x");
        let answer = project.pipe(&["run", "--keep-going"]);
        assert_eq!(answer.code, Some(1), "{answer}");
        assert_eq!(answer.out.matches("failed: ").count(), 2, "{answer}");
        (project, answer)
    })
}

#[track_caller]
fn assert_visible(what: &str, text: &str) {
    let hidden = text
        .lines()
        .find(|it| it.contains(|c: char| is_hidden(c) && c != '\t'));
    assert_eq!(hidden, None, "{what}\n{text}");
}

/// No line of names alone says what pipe would say.
#[track_caller]
fn assert_not_forged(what: &str, text: &str) {
    let forged = text.lines().find(|it| {
        it.starts_with("ok  fake") || it.starts_with("fake  ran") || it.starts_with("# Owned")
    });
    assert_eq!(forged, None, "{what}\n{text}");
}

#[test]
fn hostile_text_reaches_no_terminal_as_more_than_text() {
    let (project, run) = finished();
    assert_visible("run", &run.out);
    assert_visible("run", &run.err);
    assert_not_forged("run", &run.out);
    let stages = ["prepare", "fit", "score", "bundle", "good"];
    let shows = stages.iter().map(|it| vec!["show", it]);
    let explains = stages.iter().map(|it| vec!["explain", it]);
    let others = [
        &["check"][..],
        &["plan"],
        &["plan", "--format", "mermaid"],
        &["plan", "--format", "dot"],
        &["status"],
        &["runs"],
        &["cache"],
        &["run", "--keep-going"],
        &["--color", "always", "run", "--keep-going"],
        &["explain", "bad"],
        &["init", "rows.csv", "-o", "new.yaml"],
        &["init", "rows.csv", "--target", TARGET, "-o", "other.yaml"],
        &["export", "bundle", "cop\u{1b}[2Jy"],
        &["show", "n\u{1b}[2J\nok  fake"],
        &["check", "n\u{202e}\nok  fake.yaml"],
        &[
            "predict",
            "bundle",
            "na<svg onload=alert(5)>\u{1b}[2J@team.txt",
        ],
    ];
    let others = others.iter().map(|it| it.to_vec());
    for words in shows.chain(explains).chain(others) {
        let answer = project.pipe(&words);
        let text = answer.out.clone() + &answer.err;
        let text = match words[0] {
            // Its own colours.
            "--color" => anstream::adapter::strip_str(&text).to_string(),
            _ => text,
        };
        assert!(!text.is_empty(), "{words:?}");
        assert_visible(&format!("{words:?}"), &text);
        assert_not_forged(&format!("{words:?}"), &text);
    }
}

#[test]
fn hostile_text_is_the_same_text_in_json() {
    let (project, _) = finished();
    for words in [
        &["run", "--keep-going", "--format", "json"][..],
        &["show", "prepare", "--format", "json"],
        &["show", "score", "--format", "json"],
        &["show", "good", "--format", "json"],
        &["plan", "--format", "json"],
        &["status", "--format", "json"],
        &["check", "--format", "json"],
        &["explain", "bad", "--format", "json"],
        &["runs", "--format", "json"],
    ] {
        let answer = project.pipe(words);
        assert_visible(&format!("{words:?}"), &answer.out);
        if words[0] == "run" {
            assert!(!answer.lines().is_empty());
        } else {
            answer.json();
        }
    }
    let shown = project
        .done(&["show", "prepare", "--format", "json"])
        .json();
    let columns = shown["outputs"][0]["content"]["schema"]["columns"].to_string();
    for name in COLUMNS {
        let name = serde_json::to_string(name).unwrap();
        assert!(columns.contains(&name), "{name}: {columns}");
    }
}

/// A card without its code: what is left is Markdown.
fn without_code(card: &str) -> String {
    let mut left = String::new();
    let mut is_fenced = false;
    for line in card.lines() {
        if line.starts_with("```") && !line[3..].contains('`') {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            left.push_str(&without_spans(line));
            left.push('\n');
        }
    }
    left
}

fn without_spans(mut line: &str) -> String {
    let mut left = String::new();
    while let Some(at) = line.find('`') {
        let ticks = line[at..].chars().take_while(|it| *it == '`').count();
        let inside = &line[at + ticks..];
        let mut from = 0;
        let end = loop {
            let Some(next) = inside[from..].find('`') else {
                break None;
            };
            let run = inside[from + next..]
                .chars()
                .take_while(|it| *it == '`')
                .count();
            if run == ticks {
                break Some(from + next);
            }
            from += next + run;
        };
        left.push_str(&line[..at]);
        line = match end {
            Some(end) => &inside[end + ticks..],
            None => inside,
        };
    }
    left + line
}

#[test]
fn hostile_text_is_code_in_the_model_card() {
    let (project, _) = finished();
    let card = project.read("artifacts/current/bundle/README.md");
    assert_visible("card", &card);
    let text = without_code(&card);
    for markup in [
        "<",
        "@",
        "](",
        "![",
        "://",
        "www.",
        "javascript",
        "GH-1",
        "#12",
        "*",
        "~~",
        ":tada:",
        "onerror",
    ] {
        assert!(!text.contains(markup), "`{markup}` is live in\n{card}");
    }
    let headings: Vec<&str> = text.lines().filter(|it| it.starts_with('#')).collect();
    assert_eq!(
        headings[1..],
        [
            "## What it is",
            "## Data",
            "## Metrics",
            "## Use",
            "## Limits",
            "## Files"
        ],
        "{card}"
    );
    // Each row of a table has as many cells as its head.
    let mut cells = None;
    for line in text.lines() {
        let bars = line.replace("\\|", "").matches('|').count();
        match (line.starts_with('|'), cells) {
            (true, None) => cells = Some(bars),
            (true, Some(before)) => assert_eq!(bars, before, "{line}\n{card}"),
            (false, _) => cells = None,
        }
    }
}

#[test]
fn hostile_text_has_no_tags_on_pages_and_plots() {
    let (project, _) = finished();
    project.done(&["report", "-o", "page.html"]);
    let mut pages = vec![project.read("page.html")];
    let plots = project
        .path("artifacts/current/score")
        .canonicalize()
        .unwrap();
    for entry in walkdir::WalkDir::new(plots).into_iter().flatten() {
        if entry.path().extension().is_some_and(|it| it == "svg") {
            pages.push(fs::read_to_string(entry.path()).unwrap());
        }
    }
    assert!(pages.len() > 2);
    for page in pages {
        assert_visible("page", &page);
        for markup in [
            "<script",
            "<img src=x",
            "<svg onload",
            "</td></tr><img",
            "<b>target",
            "%3Cscript",
            "%3Cimg",
        ] {
            assert!(!page.contains(markup), "`{markup}` is live in\n{page}");
        }
    }
}
