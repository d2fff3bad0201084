//! The text of an SVG: a frame with colours for light and dark, elements, escaping. Knows no charts.

use std::fmt::Write;

use pipe_schema::text::one_line;

/// Classes `s0` to `s9` are the series' colours; all of them can be told from both backgrounds.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#444}\
.bg{fill:#fff}.title{font-size:14px;font-weight:600;fill:#111}.note{font-size:11px;fill:#666}\
.grid{stroke:#e4e4e7;stroke-width:1}.axis{stroke:#a1a1aa;stroke-width:1}\
.guide{stroke:#71717a;stroke-width:1;stroke-dasharray:4 4;fill:none}\
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.dot{stroke:none}.cell{stroke:#fff;stroke-width:1}.heat{fill:#2563eb}.on{fill:#fff}\
.s0{stroke:#2563eb;fill:#2563eb}.s1{stroke:#ea580c;fill:#ea580c}.s2{stroke:#16a34a;fill:#16a34a}\
.s3{stroke:#c026d3;fill:#c026d3}.s4{stroke:#0891b2;fill:#0891b2}.s5{stroke:#ca8a04;fill:#ca8a04}\
.s6{stroke:#dc2626;fill:#dc2626}.s7{stroke:#7c3aed;fill:#7c3aed}.s8{stroke:#65a30d;fill:#65a30d}\
.s9{stroke:#db2777;fill:#db2777}.line{fill:none}\
@media(prefers-color-scheme:dark){text{fill:#b4b4bb}.bg{fill:#18181b}.title{fill:#f4f4f5}.note{fill:#a1a1aa}\
.grid{stroke:#2f2f35}.axis{stroke:#62626b}.cell{stroke:#18181b}.heat{fill:#3b82f6}.on{fill:#fff}\
.s0{stroke:#60a5fa;fill:#60a5fa}.s7{stroke:#a78bfa;fill:#a78bfa}.line{fill:none}}";

/// An SVG being written.
pub struct Svg {
    text: String,
}

impl Svg {
    /// A picture of this size with a background and an accessible name.
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        let title = escape(title);
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-label=\"{title}\">\n<style>{STYLE}</style>\n\
             <rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>\n"
        );
        Self { text }
    }

    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A line through points; those that fall on the one before are left out.
    pub fn path(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut last = String::new();
        let mut path = String::new();
        for (x, y) in points {
            let point = format!("{x:.1} {y:.1}");
            if point != last {
                path.push(if path.is_empty() { 'M' } else { 'L' });
                path.push_str(&point);
                last = point;
            }
        }
        self.push(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    pub fn dot(&mut self, class: &str, at: (f64, f64), radius: f64, opacity: f64, tip: &str) {
        let (x, y) = at;
        let tip = if tip.is_empty() {
            String::new()
        } else {
            format!("<title>{}</title>", escape(tip))
        };
        self.push(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" opacity=\"{opacity}\">{tip}</circle>"
        ));
    }

    /// A rectangle; `corner` is its upper left.
    pub fn rect(
        &mut self,
        class: &str,
        corner: (f64, f64),
        size: (f64, f64),
        opacity: f64,
        tip: &str,
    ) {
        let ((x, y), (width, height)) = (corner, size);
        let tip = if tip.is_empty() {
            String::new()
        } else {
            format!("<title>{}</title>", escape(tip))
        };
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill-opacity=\"{opacity:.2}\">{tip}</rect>"
        ));
    }

    /// A text; `anchor` is `start`, `middle` or `end`.
    pub fn text(&mut self, class: &str, at: (f64, f64), anchor: &str, text: &str) {
        let (x, y) = at;
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        ));
    }

    /// A text turned to read upwards.
    pub fn upward(&mut self, class: &str, at: (f64, f64), text: &str) {
        let (x, y) = at;
        self.push(format_args!(
            "<text class=\"{class}\" transform=\"translate({x:.1} {y:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(text)
        ));
    }

    /// A text that hangs down and to the left of its end, for names below columns.
    pub fn slanted(&mut self, class: &str, at: (f64, f64), text: &str) {
        let (x, y) = at;
        self.push(format_args!(
            "<text class=\"{class}\" transform=\"translate({x:.1} {y:.1}) rotate(-40)\" text-anchor=\"end\">{}</text>",
            escape(text)
        ));
    }

    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{element}");
    }
}

/// Text as it may stand in XML and HTML, in an attribute too, on one line and with no hidden characters.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            it => escaped.push(it),
        }
    }
    escaped
}

/// At most so many characters.
pub fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
