//! Tests of the graph, on plans made of bare edges.

use indexmap::IndexMap;
use pipe_schema::stage::{Command, Control, Reuse, Task};
use proptest::prelude::*;

use super::*;
use crate::plan::Stage;

fn plan(edges: &[(&str, &[&str])]) -> Plan {
    let stages = edges
        .iter()
        .map(|(id, after)| ((*id).to_owned(), Box::new(stage(id, after))))
        .collect();
    Plan {
        name: "test".to_owned(),
        vars: IndexMap::new(),
        overrides: Vec::new(),
        has_field_overrides: false,
        stages,
        sweeps: IndexMap::new(),
        promote: IndexMap::new(),
    }
}

fn stage(id: &str, after: &[&str]) -> Stage {
    let command: Command = serde_json::from_str(r#"{"cmd": "true"}"#).unwrap();
    Stage {
        id: id.to_owned(),
        name: id.to_owned(),
        instance: IndexMap::new(),
        task: Task::Command(command),
        control: Control::default(),
        reuse: Reuse::Exact,
        inputs: Vec::new(),
        files: Vec::new(),
        outputs: IndexMap::new(),
        outs: Vec::new(),
        after: after.iter().map(|it| (*it).to_owned()).collect(),
    }
}

/// Sorted.
fn ids<'a>(stages: impl IntoIterator<Item = &'a StageId>) -> Vec<&'a str> {
    let ids: BTreeSet<&str> = stages.into_iter().map(String::as_str).collect();
    ids.into_iter().collect()
}

#[test]
fn order_follows_the_plan_where_edges_leave_a_choice() {
    let graph = build(&plan(&[
        ("score", &["fit", "prepare"]),
        ("zeta", &[]),
        ("prepare", &[]),
        ("alpha", &[]),
        ("fit", &["prepare"]),
    ]))
    .unwrap();
    assert_eq!(graph.order(), ["zeta", "prepare", "alpha", "fit", "score"]);
    assert_eq!(
        graph.levels(),
        [vec!["zeta", "prepare", "alpha"], vec!["fit"], vec!["score"]]
    );
}

#[test]
fn a_cycle_is_told_as_a_path() {
    let error = build(&plan(&[
        ("free", &[]),
        ("a", &["c", "free"]),
        ("b", &["a"]),
        ("c", &["b"]),
    ]))
    .unwrap_err();
    let GraphError::Cycle(path) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(path.len(), 4, "{path:?}");
    assert_eq!(path.first(), path.last());
    assert!(error.to_string().contains("a → b → c"), "{error}");
}

#[test]
fn a_stage_that_does_not_exist_is_named() {
    let error = build(&plan(&[("a", &["nobody"])])).unwrap_err();
    assert!(error.to_string().contains("`nobody`"), "{error}");
}

#[test]
fn selection_takes_what_targets_need_and_on_demand_what_follows() {
    let graph = build(&plan(&[
        ("a", &[]),
        ("b", &["a"]),
        ("c", &["b"]),
        ("side", &[]),
        ("d", &["c", "side"]),
        ("other", &[]),
    ]))
    .unwrap();
    assert_eq!(ids(&graph.select(["b"], false)), ["a", "b"]);
    assert_eq!(
        ids(&graph.select(["b"], true)),
        ["a", "b", "c", "d", "side"]
    );
    assert_eq!(graph.select([], false).len(), 6);
    assert_eq!(ids(&graph.upstream("d")), ["a", "b", "c", "side"]);
    assert_eq!(ids(&graph.downstream("b")), ["c", "d"]);
    assert!(graph.upstream("nobody").is_empty());
}

#[test]
fn ten_thousand_stages_are_ordered() {
    let names: Vec<String> = (0..10_000).map(|i| format!("s{i}")).collect();
    let mut plan = plan(&[]);
    for (i, name) in names.iter().enumerate() {
        let after: Vec<&str> = [i / 2, i.saturating_sub(1)]
            .iter()
            .filter(|&&j| j < i)
            .map(|&j| names[j].as_str())
            .collect();
        plan.stages
            .insert(name.clone(), Box::new(stage(name, &after)));
    }
    let graph = build(&plan).unwrap();
    assert_eq!(graph.select(["s9999"], false).len(), 10_000);
    assert_eq!(graph.order(), names);
}

proptest! {
    #[test]
    fn every_stage_stands_after_those_it_waits_for(edges in proptest::collection::vec((0usize..30, 0usize..30), 0..80)) {
        let names: Vec<String> = (0..30).map(|i| format!("s{i}")).collect();
        let mut plan = plan(&[]);
        for (i, name) in names.iter().enumerate() {
            let after: Vec<&str> = edges
                .iter()
                .filter(|(from, to)| from.max(to) == &i && from != to)
                .map(|(from, to)| names[*from.min(to)].as_str())
                .collect();
            plan.stages.insert(name.clone(), Box::new(stage(name, &after)));
        }
        let graph = build(&plan).unwrap();
        let place = |id: &str| graph.order().iter().position(|it| it == id).unwrap();
        for (id, stage) in &plan.stages {
            for before in stage.predecessors() {
                prop_assert!(place(before) < place(id));
            }
        }
    }
}
