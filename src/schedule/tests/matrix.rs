//! Tests of the stages that end the axes of a matrix.

use std::fs;

use indexmap::IndexMap;
use pipe_schema::stage::{ArtifactType, Choose, Summarize, Task};
use serde_json::json;

use super::{Fixture, command, read, source, stage};

#[test]
fn matrices_end_in_statistics_and_in_the_chosen_instance_itself() {
    let report = |id: &str, value: f64| {
        let line = format!("put ${{outputs.out}} {{\"accuracy\": {value}}}");
        command(id, &line, Some(ArtifactType::Report))
    };
    let summarize: Summarize =
        serde_json::from_value(json!({"reports": "score", "over": ["h"]})).unwrap();
    let choose: Choose = serde_json::from_value(
        json!({"model": "fit", "by": "score.accuracy", "over": ["h"], "goal": "maximize"}),
    )
    .unwrap();
    let mut summary = stage("summary", Task::Summarize(summarize));
    let mut best = stage("best", Task::Choose(choose));
    for h in ["h=1", "h=2"] {
        let (fit, score) = (format!("fit@{h}"), format!("score@{h}"));
        summary = read(summary, &format!("reports/{h}"), &score, None);
        best = read(best, &format!("model/{h}"), &fit, None);
        best = read(best, &format!("by/{h}"), &score, Some("accuracy"));
    }
    let main = |r#type| ("main".to_owned(), r#type);
    summary.outputs.extend([main(ArtifactType::Report)]);
    best.outputs.extend([main(ArtifactType::Files)]);
    let fixture = Fixture::new(vec![
        source("fit@h=1", "small"),
        source("fit@h=2", "large"),
        report("score@h=1", 0.5),
        report("score@h=2", 0.75),
        summary,
        best,
    ]);
    let (done, _) = fixture.run();
    assert_eq!(done.finished.ran, 6, "{:?}", done.finished);
    let output = |stage: &str, name: &str| done.records[stage].outputs[name].digest;
    assert_eq!(output("best", "main"), output("fit@h=2", "out"));
    let metrics = &done.records["summary"].observed.metrics;
    assert_eq!(metrics["accuracy_mean"], 0.625);
    assert!((metrics["accuracy_std"] - 0.176_776_695_296_636_9).abs() < 1e-15);
    let text = fs::read(
        fixture
            .store
            .artifact(&output("summary", "main"))
            .join("metrics.json"),
    )
    .unwrap();
    let written: IndexMap<String, f64> = serde_json::from_slice(&text).unwrap();
    assert_eq!(&written, metrics);
    let (again, _) = fixture.run();
    assert_eq!(again.finished.cached, 6);
}
