//! Lines and dots over two axes, with a legend below. Series beyond the tenth take the first colours again.

use crate::{
    scale::{Scale, range, ticks},
    svg::{Svg, short},
};

const WIDTH: f64 = 480.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 44.0;
const PLOT_HEIGHT: f64 = 270.0;
const LEGEND_LINE: f64 = 18.0;
/// Colours there are.
const COLOURS: usize = 10;

/// One axis: what it tells, and its range where that is given.
#[derive(Clone, Debug, Default)]
pub struct Axis {
    pub label: String,
    pub range: Option<(f64, f64)>,
}

/// A series.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Its entry in the legend; none where it is empty.
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Marks each point; with what it says under the pointer, by point, where given.
    pub has_dots: bool,
    pub tips: Vec<String>,
    /// Dots alone.
    pub is_cloud: bool,
}

/// A chart.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    pub title: String,
    /// A second, smaller line.
    pub note: String,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    /// Dashed lines to compare with.
    pub guides: Vec<[(f64, f64); 2]>,
}

impl Chart {
    /// The picture. Points that are not finite are left out.
    pub fn svg(&self) -> String {
        let named: Vec<(usize, &Line)> = self
            .lines
            .iter()
            .enumerate()
            .filter(|it| !it.1.name.is_empty())
            .collect();
        let bottom = TOP + PLOT_HEIGHT;
        let legend = named.len().div_ceil(2) as f64 * LEGEND_LINE;
        let height = bottom + 50.0 + legend;
        let mut svg = Svg::new(WIDTH, height, &self.title);
        svg.text("title", (LEFT, 20.0), "start", &short(&self.title, 56));
        svg.text("note", (LEFT, 36.0), "start", &short(&self.note, 74));

        let (x, y) = self.scales(bottom);
        for (value, text) in ticks(x.low, x.high, 5) {
            let at = x.place(value);
            svg.line("grid", (at, TOP), (at, bottom));
            svg.text("", (at, bottom + 17.0), "middle", &text);
        }
        for (value, text) in ticks(y.low, y.high, 5) {
            let at = y.place(value);
            svg.line("grid", (LEFT, at), (WIDTH - RIGHT, at));
            svg.text("", (LEFT - 7.0, at + 4.0), "end", &text);
        }
        svg.line("axis", (LEFT, bottom), (WIDTH - RIGHT, bottom));
        svg.line("axis", (LEFT, TOP), (LEFT, bottom));
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        svg.text("", (middle, bottom + 36.0), "middle", &self.x.label);
        let middle = f64::midpoint(TOP, bottom);
        svg.upward("", (15.0, middle), &self.y.label);

        for [from, to] in &self.guides {
            let points = [from, to].map(|it| (x.place(it.0), y.place(it.1)));
            svg.line("guide", points[0], points[1]);
        }
        for (at, line) in self.lines.iter().enumerate() {
            draw(&mut svg, at, line, x, y);
        }
        let column = (WIDTH - LEFT - RIGHT) / 2.0;
        for (place, (colour, line)) in named.into_iter().enumerate() {
            let left = LEFT + (place % 2) as f64 * column;
            let top = bottom + 58.0 + (place / 2) as f64 * LEGEND_LINE;
            let class = format!("line s{}", colour % COLOURS);
            svg.line(&class, (left, top - 4.0), (left + 16.0, top - 4.0));
            svg.text("", (left + 22.0, top), "start", &short(&line.name, 27));
        }
        svg.finish()
    }

    fn scales(&self, bottom: f64) -> (Scale, Scale) {
        let points = || {
            let lines = self.lines.iter().flat_map(|it| it.points.iter());
            lines.chain(self.guides.iter().flatten())
        };
        let (low, high) = self
            .x
            .range
            .unwrap_or_else(|| range(points().map(|it| it.0)));
        let x = Scale {
            low,
            high,
            from: LEFT,
            to: WIDTH - RIGHT,
        };
        let (low, high) = self
            .y
            .range
            .unwrap_or_else(|| range(points().map(|it| it.1)));
        let y = Scale {
            low,
            high,
            from: bottom,
            to: TOP,
        };
        (x, y)
    }
}

fn draw(svg: &mut Svg, at: usize, line: &Line, x: Scale, y: Scale) {
    let colour = at % COLOURS;
    let places: Vec<(usize, (f64, f64))> = line
        .points
        .iter()
        .enumerate()
        .filter(|it| it.1.0.is_finite() && it.1.1.is_finite())
        .map(|(at, point)| (at, (x.place(point.0), y.place(point.1))))
        .collect();
    if line.is_cloud {
        for (_, place) in places {
            svg.dot(&format!("dot s{colour}"), place, 2.5, 0.45, "");
        }
        return;
    }
    svg.path(&format!("line s{colour}"), places.iter().map(|it| it.1));
    if line.has_dots || places.len() == 1 {
        for (at, place) in places {
            let tip = line.tips.get(at).map_or("", String::as_str);
            svg.dot(&format!("dot s{colour}"), place, 4.0, 1.0, tip);
        }
    }
}
