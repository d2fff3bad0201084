//! Pictures of odd numbers and names.

use crate::{Axis, Chart, Heatmap, Line, escape};

fn chart(points: Vec<(f64, f64)>) -> Chart {
    Chart {
        title: "loss <of> \"a\" & b".to_owned(),
        x: Axis {
            label: "epoch".to_owned(),
            range: None,
        },
        lines: vec![Line {
            name: "train".to_owned(),
            points,
            ..Line::default()
        }],
        ..Chart::default()
    }
}

#[test]
fn the_same_numbers_give_the_same_bytes() {
    let points = || {
        (0..50)
            .map(|it| (f64::from(it), 1.0 / f64::from(it + 1)))
            .collect()
    };
    assert_eq!(chart(points()).svg(), chart(points()).svg());
}

#[test]
fn odd_numbers_give_finite_places() {
    let odd = [
        vec![],
        vec![(1.0, 1.0)],
        vec![(0.0, 0.0), (1.0, 0.0)],
        vec![(0.0, f64::NAN), (1.0, 2.0), (2.0, f64::INFINITY)],
        vec![(0.0, 1e-300), (1.0, 2e-300)],
        vec![(0.0, -f64::MAX), (1.0, f64::MAX / 2.0)],
        vec![(1e15, 1.0), (1e15 + 1.0, 2.0)],
    ];
    for points in odd {
        let text = format!("{points:?}");
        let svg = chart(points).svg();
        assert!(
            !svg.contains("NaN") && !svg.contains("inf"),
            "{text}: {svg}"
        );
        assert!(svg.len() < 10_000, "{text}: {}", svg.len());
    }
}

#[test]
fn names_are_escaped() {
    let svg = chart(vec![(0.0, 1.0)]).svg();
    assert!(
        svg.contains("loss &lt;of&gt; &quot;a&quot; &amp; b"),
        "{svg}"
    );
    assert_eq!(escape("a\u{0}b\nc\u{202e}"), "a\u{fffd}b c\u{fffd}");
}

#[test]
fn points_on_the_same_place_are_drawn_once() {
    let many = (0..100_000).map(|it| (f64::from(it), 0.5)).collect();
    let size = chart(many).svg().len();
    assert!(size < 80_000, "{size}");
}

#[test]
fn a_heatmap_has_a_cell_for_each_pair() {
    let names: Vec<String> = ["cat", "a very long name of a class", "<dog>"]
        .map(String::from)
        .to_vec();
    let map = Heatmap {
        title: "confusion".to_owned(),
        rows_label: "true".to_owned(),
        columns_label: "predicted".to_owned(),
        names,
        cells: vec![vec![5, 0, 1], vec![0, 0, 0], vec![2, 2, 2]],
    };
    let svg = map.svg();
    assert_eq!(svg.matches("class=\"cell heat\"").count(), 9);
    assert!(
        svg.contains("&lt;dog&gt;") && svg.contains("a very long n…"),
        "{svg}"
    );
}
