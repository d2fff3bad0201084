//! Pages of runs that went well, badly, or had very many stages.

use std::sync::Arc;

use indexmap::IndexMap;
use pipe_schema::{
    report::{Metrics, Slice, SliceOf, Sliced},
    run::{Event, Failure, FailureKind, Line, RunFinished, RunStarted, RunStatus, Skip},
};

use super::{History, Page, Plot};
use crate::{report::summary::Measured, track::Story};

fn story(stages: &[&str]) -> Story {
    let event = Event::RunStarted(Arc::new(RunStarted {
        run: "20260101T000000Z-aaaa".to_owned(),
        name: "digits & <friends>".to_owned(),
        spec: "pipe.yaml".to_owned(),
        overrides: vec!["--set lr=\"<b>\"".to_owned()],
        stages: stages.iter().map(|it| (*it).to_owned()).collect(),
        after: vec![Vec::new(); stages.len()],
        others: Vec::new(),
        vars: serde_json::Value::Null,
        git: None,
        pipe: "0.1.0".to_owned(),
        boot: None,
    }));
    let mut story = Story::default();
    story.hear(&Line { at: 1, event });
    story
}

fn page(story: &Story) -> Page<'_> {
    Page {
        run: "20260101T000000Z-aaaa",
        story,
        before: None,
        began: String::new(),
        reports: Vec::new(),
        slices: Vec::new(),
        histories: Vec::new(),
        plots: Vec::new(),
        results: Vec::new(),
    }
}

/// The ids of a page's sections, in order.
fn sections(html: &str) -> Vec<&str> {
    let starts = html.split("<section id=\"").skip(1);
    starts.filter_map(|it| it.split('"').next()).collect()
}

#[test]
fn a_whole_run_has_all_sections() {
    let story = story(&["fit", "score"]);
    let mut page = page(&story);
    page.reports.push(Measured {
        stage: "score".to_owned(),
        metrics: Metrics::from([("accuracy".to_owned(), 0.975)]),
        baseline: Metrics::from([("accuracy".to_owned(), 0.1)]),
        positive: None,
    });
    let metrics = IndexMap::from([
        ("val.loss".to_owned(), 0.5),
        ("val.accuracy".to_owned(), 0.9),
    ]);
    page.histories.push(History {
        stage: "fit".to_owned(),
        epochs: vec![pipe_schema::model::EpochRecord {
            epoch: 1,
            lr: 0.1,
            metrics,
            kept: true,
        }],
    });
    page.plots.push(Plot {
        stage: "score".to_owned(),
        name: "roc".to_owned(),
        svg: "<svg>\"#\"</svg>".to_owned(),
    });
    let html = page.html().unwrap();
    assert_eq!(
        sections(&html),
        ["graph", "metrics", "stages", "curves", "plots"]
    );
    assert!(html.contains("0.975") && html.contains("baseline"));
    assert_eq!(html.matches("<img ").count(), 3);
    assert!(html.contains("data:image/svg+xml,%3Csvg%3E%22%23%22%3C/svg%3E"));
    // Pictures name their namespace, which nothing fetches.
    for outside in ["src=\"http", "href", "<script", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn slices_have_a_table_with_what_they_lack() {
    let story = story(&["score"]);
    let mut page = page(&story);
    let slice = |of: SliceOf, metrics: Metrics| Slice {
        of,
        rows: 12,
        undefined: if metrics.is_empty() {
            IndexMap::from([("roc_auc".to_owned(), "one class".to_owned())])
        } else {
            IndexMap::new()
        },
        metrics,
    };
    let sliced = Sliced {
        column: "<city>".to_owned(),
        slices: vec![
            slice(
                SliceOf::Value("Graz & Linz".to_owned()),
                Metrics::from([("roc_auc".to_owned(), 0.75)]),
            ),
            slice(SliceOf::Missing, Metrics::new()),
        ],
    };
    page.slices.push(("score".to_owned(), sliced));
    let html = page.html().unwrap();
    assert_eq!(sections(&html), ["graph", "slices", "stages"]);
    for words in [
        "score by &lt;city&gt;",
        "Graz &amp; Linz",
        "0.75",
        "(missing): one class",
    ] {
        assert!(html.contains(words), "{words}\n{html}");
    }
}

#[test]
fn odd_names_are_escaped() {
    let story = story(&["<img src=x onerror=alert(1)>", "a\"b'c"]);
    let html = page(&story).html().unwrap();
    assert!(!html.contains("<img src=x"), "{html}");
    assert!(html.contains("digits &amp; &lt;friends&gt;"));
    assert!(!html.contains("<b>"));
}

#[test]
fn a_failed_run_says_what_failed_and_what_was_skipped() {
    let mut story = story(&["fit", "score"]);
    let failed = Event::StageFailed {
        stage: "fit".to_owned(),
        failure: Failure {
            kind: FailureKind::Exit(1),
            message: "ended with code 1".to_owned(),
            hint: Some("look at <the log>".to_owned()),
            tail: vec!["Traceback".to_owned(), "ValueError: </pre>".to_owned()],
            log: Some("log/x".to_owned()),
            alone: None,
        },
    };
    let skipped = Event::StageSkipped {
        stage: "score".to_owned(),
        because: Skip::Upstream("fit".to_owned()),
    };
    let ended = Event::RunFinished(RunFinished {
        status: RunStatus::Failed,
        ran: 0,
        cached: 0,
        failed: 1,
        skipped: 1,
        seconds: 2.0,
    });
    for event in [failed, skipped, ended] {
        story.hear(&Line { at: 2, event });
    }
    Arc::make_mut(story.started.as_mut().unwrap()).after[1].push(0);
    let page = page(&story);
    let html = page.html().unwrap();
    assert!(html.contains("1 failed, 1 skipped in 2.00s"), "{html}");
    assert!(html.contains("ended with code 1") && html.contains("ValueError: &lt;&#x2f;pre&gt;"));
    assert!(html.contains("fit failed"));
    assert_eq!(html.matches("class=\"edge\"").count(), 1);
}

#[test]
fn a_page_of_a_thousand_stages_is_small() {
    let names: Vec<String> = (0..1000).map(|it| format!("stage_{it}")).collect();
    let story = story(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let html = page(&story).html().unwrap();
    assert_eq!(sections(&html), ["stages"]);
    assert!(html.contains("800 more stages are not listed"));
    assert!(html.len() < 100_000, "{}", html.len());
}
