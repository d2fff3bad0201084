//! A run's stages as boxes, with lines from what they wait for. Draws; knows no results.

use pipe_plot::escape;

use super::{
    class,
    layout::{self, BOX},
    time,
};
use crate::track::story::Story;

/// The picture, coloured by the page's style sheet.
pub fn svg(story: &Story, after: &[Vec<u32>]) -> String {
    let layout = layout::of(after);
    let (width, height) = (layout.size.0 + 2.0, layout.size.1 + 2.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"stages\">\n"
    );
    for line in &layout.lines {
        svg.push_str("<path class=\"edge\" d=\"");
        let mut from: Option<(f64, f64)> = None;
        for bend in line {
            match from {
                None => svg.push_str(&format!("M{} {}", bend.until, bend.y)),
                Some((x, y)) => {
                    let middle = f64::midpoint(x, bend.x);
                    svg.push_str(&format!(
                        "C{middle} {y} {middle} {} {} {}",
                        bend.y, bend.x, bend.y
                    ));
                    if bend.until > bend.x {
                        svg.push_str(&format!("H{}", bend.until));
                    }
                }
            }
            from = Some((bend.until, bend.y));
        }
        svg.push_str("\"/>\n");
    }
    for ((id, chapter), (x, y)) in story.stages.iter().zip(&layout.boxes) {
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
             <foreignObject x=\"15\" y=\"4\" width=\"{}\" height=\"{}\"><p class=\"id\">{}</p><p class=\"about\">{}</p></foreignObject></g>\n",
            class(chapter),
            escape(id),
            width - 20.0,
            height - 6.0,
            escape(id),
            escape(&about),
        ));
    }
    svg.push_str("</svg>");
    svg
}
