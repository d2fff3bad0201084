//! A run's stages as boxes in columns, each right of what it reads. Draws; knows no results.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use pipe_plot::{escape, short};

use super::{class, time};
use crate::track::story::Story;

const BOX: (f64, f64) = (168.0, 44.0);
const GAP: (f64, f64) = (44.0, 14.0);

/// The picture, coloured by the page's style sheet.
pub fn svg(story: &Story, edges: &[(String, String)]) -> String {
    let places = places(story, edges);
    let ends = places.values().fold((0.0, 0.0), |(x, y): (f64, f64), it| {
        (x.max(it.0 + BOX.0), y.max(it.1 + BOX.1))
    });
    let (width, height) = (ends.0 + 2.0, ends.1 + 2.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"stages\">\n"
    );
    for (reader, read) in edges {
        let (Some(from), Some(to)) = (places.get(read.as_str()), places.get(reader.as_str()))
        else {
            continue;
        };
        let (x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2.0);
        let (x2, y2) = (to.0, to.1 + BOX.1 / 2.0);
        let middle = f64::midpoint(x1, x2);
        svg.push_str(&format!(
            "<path class=\"edge\" d=\"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}\"/>\n"
        ));
    }
    for (id, chapter) in &story.stages {
        let Some((x, y)) = places.get(id.as_str()) else {
            continue;
        };
        let state = chapter.state.name();
        let about = match time(chapter) {
            time if time.is_empty() => state.to_owned(),
            time => format!("{state} · {time}"),
        };
        let (width, height) = BOX;
        svg.push_str(&format!(
            "<g class=\"node {}\" transform=\"translate({x} {y})\"><title>{}</title>\
             <rect class=\"box\" x=\"1\" y=\"1\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\
             <rect class=\"bar\" x=\"1\" y=\"1\" width=\"5\" height=\"{height}\" rx=\"2\"/>\
             <text class=\"id\" x=\"15\" y=\"19\">{}</text><text class=\"about\" x=\"15\" y=\"35\">{}</text></g>\n",
            class(chapter),
            escape(id),
            escape(&short(id, 21)),
            escape(&about),
        ));
    }
    svg.push_str("</svg>");
    svg
}

/// The upper left corner of each stage's box. Stages come in an order in which none stands before what it reads.
fn places<'a>(story: &'a Story, edges: &'a [(String, String)]) -> IndexMap<&'a str, (f64, f64)> {
    let mut reads: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (reader, read) in edges {
        reads.entry(reader).or_default().push(read);
    }
    let mut columns: IndexMap<&str, usize> = IndexMap::new();
    let mut filled: Vec<usize> = Vec::new();
    let mut places = IndexMap::new();
    for id in story.stages.keys() {
        let before = reads.get(id.as_str()).into_iter().flatten();
        let column = before
            .filter_map(|it| columns.get(it))
            .map(|it| it + 1)
            .max()
            .unwrap_or(0);
        columns.insert(id, column);
        filled.resize(filled.len().max(column + 1), 0);
        let x = column as f64 * (BOX.0 + GAP.0);
        let y = filled[column] as f64 * (BOX.1 + GAP.1);
        filled[column] += 1;
        places.insert(id.as_str(), (x, y));
    }
    places
}
