//! Keys as a whole: pinned values, and that different parts never meet.

use std::collections::BTreeMap;

use pipe_schema::{
    key::{Config, Key, KeyParts},
    manifest::Digest,
    run::Reason,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(serde::Deserialize)]
struct Golden {
    name: String,
    parts: KeyParts,
    key: Key,
}

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("golden.json")).unwrap()
}

fn parts(config: &Value) -> KeyParts {
    KeyParts {
        kind: "train".to_owned(),
        revision: 1,
        config: Config::new(config).unwrap(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        env: BTreeMap::new(),
        tools: BTreeMap::new(),
        environment: None,
        until: None,
    }
}

#[test]
fn keys_stay_what_they_were_when_they_were_written_down() {
    for it in golden() {
        assert_eq!(of(&it.parts), it.key, "{}", it.name);
    }
}

#[test]
fn keys_survive_being_written_as_json() {
    for it in golden() {
        let text = serde_json::to_string(&it.parts).unwrap();
        let back: KeyParts = serde_json::from_str(&text).unwrap();
        assert_eq!(of(&back), it.key, "{}", it.name);
    }
}

#[test]
fn types_of_values_stay_distinct() {
    let values = [
        json!(null),
        json!(true),
        json!(1),
        json!(1.0),
        json!("1"),
        json!([1]),
        json!({"1": 1}),
        json!(0.0),
        json!(-0.0),
        json!(0),
        json!(""),
        json!([]),
        json!({}),
        json!(["a", "b"]),
        json!(["ab"]),
        json!([["a"], "b"]),
        json!(u64::MAX),
        json!(-1),
    ];
    for (place, one) in values.iter().enumerate() {
        for two in &values[place + 1..] {
            assert_ne!(of(&parts(one)), of(&parts(two)), "{one} {two}");
        }
    }
}

#[test]
fn rungs_of_one_training_share_the_key_without_until() {
    let full = parts(&json!({"epochs": 20}));
    let rung = KeyParts {
        until: Some(3),
        ..full.clone()
    };
    assert_ne!(of(&full), of(&rung));
    assert_eq!(without_until(&full), without_until(&rung));
    assert_eq!(of(&full), without_until(&full));
}

#[test]
fn a_variable_that_is_not_set_differs_from_one_that_is_empty_and_from_none() {
    let mut keys = std::collections::BTreeSet::new();
    for env in [vec![], vec![("X", None)], vec![("X", Some(String::new()))]] {
        let mut parts = parts(&json!({}));
        parts.env = env
            .into_iter()
            .map(|(name, it)| (name.to_owned(), it))
            .collect();
        keys.insert(of(&parts));
    }
    assert_eq!(keys.len(), 3);
}

#[test]
fn what_differs_is_named_down_to_the_leaf() {
    let mut old =
        parts(&json!({"optimizer": {"adam": {"lr": 0.001, "betas": [0.9, 0.99]}}, "epochs": 3}));
    old.inputs.insert("source/0".to_owned(), Digest([1; 32]));
    let mut new =
        parts(&json!({"optimizer": {"adam": {"lr": 0.01, "betas": [0.9, 0.999]}}, "seed": 1}));
    new.inputs.insert("source/0".to_owned(), Digest([2; 32]));
    new.tools.insert("python3".to_owned(), "3.12".to_owned());
    let mut reasons = diff(&old, &new);
    name_inputs(
        &mut reasons,
        &[("source/0".to_owned(), "data/digits.csv".to_owned())].into(),
    );
    let texts: Vec<String> = reasons.iter().map(reason::text).collect();
    assert_eq!(
        texts,
        [
            "changed: epochs 3 → not set",
            "changed: betas[1] 0.99 → 0.999",
            "changed: lr 0.001 → 0.01",
            "changed: seed not set → 1",
            "changed: source data/digits.csv",
            "changed: tool python3 not set → 3.12",
        ]
    );
    let Reason::Changed { part, .. } = &reasons[2] else {
        unreachable!()
    };
    assert_eq!(part, "config.optimizer.adam.lr");
}

#[test]
fn another_choice_is_one_change_and_not_many() {
    let old = parts(&json!({"optimizer": {"adam": {"lr": 0.001, "eps": 1e-8}}}));
    let new = parts(&json!({"optimizer": {"sgd": {"lr": 0.1}}}));
    assert_eq!(
        reason::summary(&diff(&old, &new)),
        "changed: optimizer adam → sgd"
    );
}

#[test]
fn more_epochs_are_one_change_and_a_rung_is_another() {
    let training = |epochs: u32, until| KeyParts {
        until: Some(until),
        ..parts(&json!({"epochs": epochs}))
    };
    let text = |old, new| reason::summary(&diff(&old, &new));
    assert_eq!(
        text(training(20, 20), training(30, 30)),
        "changed: epochs 20 → 30"
    );
    assert_eq!(
        text(training(20, 3), training(20, 9)),
        "changed: until 3 → 9"
    );
    assert_eq!(
        text(training(20, 3), training(20, 20)),
        "changed: until 3 → 20"
    );
}

#[test]
fn a_summary_names_three_changes_and_counts_the_rest() {
    let old = parts(&json!({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}));
    let new = parts(&json!({"a": 2, "b": 2, "c": 2, "d": 2, "e": 2}));
    assert_eq!(
        reason::summary(&diff(&old, &new)),
        "changed: a 1 → 2, b 1 → 2, c 1 → 2, and 2 more"
    );
    assert_eq!(
        reason::summary(&[
            Reason::Forced,
            Reason::OutputDamaged {
                output: "main".to_owned(),
                what: "it is gone".to_owned()
            }
        ]),
        "forced; output `main` is damaged: it is gone"
    );
}

#[test]
fn long_values_and_digests_are_cut_and_texts_stand_on_one_line() {
    let digest = Value::from("ab".repeat(32));
    assert_eq!(reason::value_text(&digest), "abababababab");
    assert_eq!(reason::value_text(&json!("a\nb")), "a⏎b");
    assert_eq!(reason::value_text(&json!("")), "\"\"");
    let long = reason::value_text(&Value::from("ü".repeat(100)));
    assert_eq!((long.chars().count(), long.ends_with('…')), (40, true));
}

/// Values of every type, nested.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..3).prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        (0..3).prop_map(|it| Value::from(f64::from(it))),
        "[ab1]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[ab]{0,2}", inner), 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// The same value with the entries of all maps in reverse.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(entries) => entries
            .iter()
            .rev()
            .map(|(name, it)| (name.clone(), reversed(it)))
            .collect(),
        _ => value.clone(),
    }
}

proptest! {
    #[test]
    fn different_values_have_different_bytes(one in value(), two in value()) {
        let (a, b) = (parts(&one), parts(&two));
        prop_assert_eq!(one == two, encoding::encode(&a, None) == encoding::encode(&b, None));
    }

    #[test]
    fn the_order_of_maps_does_not_matter(one in value()) {
        prop_assert_eq!(of(&parts(&reversed(&one))), of(&parts(&one)));
    }

    #[test]
    fn there_is_a_difference_exactly_where_keys_differ(one in value(), two in value()) {
        let (a, b) = (parts(&one), parts(&two));
        prop_assert_eq!(diff(&a, &b).is_empty(), of(&a) == of(&b));
        prop_assert!(diff(&a, &a.clone()).is_empty());
    }

    #[test]
    fn any_reason_can_be_told(part in "\\PC{0,20}", one in value(), two in value()) {
        let reason = Reason::Changed { part, old: Some(one), new: Some(two) };
        prop_assert!(reason::text(&reason).lines().count() <= 2);
    }

    #[test]
    fn names_cannot_run_into_values(a in "[a-c]{0,4}", b in "[a-c]{0,4}", c in "[a-c]{0,4}", d in "[a-c]{0,4}") {
        let with = |name: &str, text: &str| {
            let mut parts = parts(&json!({}));
            parts.tools.insert(name.to_owned(), text.to_owned());
            of(&parts)
        };
        prop_assert_eq!((&a, &b) == (&c, &d), with(&a, &b) == with(&c, &d));
    }
}
