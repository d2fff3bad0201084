//! Tables of words without lines around them: columns as wide as needed, the last one cut to the terminal.

use anstyle::Style;
use pipe_schema::text::one_line;

use super::style::{DIM, cut, padded, paint, right, width};

/// Columns between columns.
const GAP: usize = 2;

/// A table under construction.
pub struct Table {
    head: Vec<String>,
    /// Whether a column holds numbers, which stand right.
    is_number: Vec<bool>,
    /// Whether a column is never cut, as numbers are not.
    is_whole: Vec<bool>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with these columns. A title that begins with `#` is that of a column of numbers, which stand right;
    /// one with `!` that of words which are never cut.
    pub fn new(titles: &[&str]) -> Self {
        Self {
            head: titles
                .iter()
                .map(|it| one_line(it.strip_prefix(['#', '!']).unwrap_or(it)).into_owned())
                .collect(),
            is_number: titles.iter().map(|it| it.starts_with('#')).collect(),
            is_whole: titles.iter().map(|it| it.starts_with(['#', '!'])).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of plain cells.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.styled(cells.into_iter().map(|it| (Style::new(), it.into())));
    }

    /// Adds a row of cells with their styles.
    pub fn styled(&mut self, cells: impl IntoIterator<Item = (Style, String)>) {
        let cells = cells.into_iter();
        self.rows.push(
            cells
                .map(|(style, text)| (style, one_line(&text).into_owned()))
                .collect(),
        );
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table in at most `columns` columns: empty columns are left out, the widest cells are cut first.
    /// Ends with a line break, unless empty.
    pub fn render(&self, columns: usize) -> String {
        let has_head = self.head.iter().any(|it| !it.is_empty());
        let is_empty = |at: usize| {
            self.rows
                .iter()
                .all(|row| row.get(at).is_none_or(|it| it.1.is_empty()))
        };
        let kept: Vec<usize> = (0..self.head.len()).filter(|&at| !is_empty(at)).collect();
        let pick = |row: &[(Style, String)]| {
            kept.iter()
                .filter_map(|&at| row.get(at).cloned())
                .collect::<Vec<_>>()
        };
        let head: Vec<(Style, String)> = self.head.iter().map(|it| (DIM, it.clone())).collect();
        let first = (has_head && !kept.is_empty()).then(|| pick(&head));
        let all: Vec<Vec<(Style, String)>> = first
            .into_iter()
            .chain(self.rows.iter().map(|it| pick(it)))
            .collect();
        let flags = |of: &[bool]| kept.iter().map(|&at| of[at]).collect::<Vec<_>>();
        let (is_number, is_whole) = (flags(&self.is_number), flags(&self.is_whole));
        let widths = widths(&all, &is_whole, columns);
        let mut text = String::new();
        for row in &all {
            let mut line = String::new();
            let last = row
                .iter()
                .rposition(|(_, text)| !text.is_empty())
                .unwrap_or(0);
            for (at, (style, cell)) in row.iter().enumerate().take(last + 1) {
                let cell = cut(cell, widths[at]);
                let placed = match is_number[at] {
                    true => right(&cell, widths[at]),
                    false if at == last => cell,
                    false => padded(&cell, widths[at]),
                };
                if at > 0 {
                    line.push_str(&" ".repeat(GAP));
                }
                line.push_str(&paint(*style, placed));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// How wide each column is drawn.
fn widths(rows: &[Vec<(Style, String)>], is_whole: &[bool], columns: usize) -> Vec<usize> {
    let n = is_whole.len();
    let mut widths: Vec<usize> = (0..n)
        .map(|at| {
            rows.iter()
                .filter_map(|row| Some(width(&row.get(at)?.1)))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let available = columns.saturating_sub(GAP * n.saturating_sub(1));
    while widths.iter().sum::<usize>() > available {
        let widest = (0..n)
            .filter(|&at| !is_whole[at])
            .max_by_key(|&at| widths[at]);
        match widest {
            Some(at) if widths[at] > 6 => widths[at] -= 1,
            _ => break,
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right_and_words_left() {
        let mut table = Table::new(&["stage", "#rows"]);
        table.row(["prepare", "7"]);
        table.row(["fit", "1,437"]);
        let text = anstream::adapter::strip_str(&table.render(80)).to_string();
        assert_eq!(text, "stage     rows\nprepare      7\nfit      1,437\n");
    }

    #[test]
    fn the_widest_words_are_cut_to_a_narrow_terminal() {
        let mut table = Table::new(&["", ""]);
        table.row(["prepare", "a very long reason that does not fit"]);
        let text = anstream::adapter::strip_str(&table.render(24)).to_string();
        assert_eq!(text, "prepare  a very long re…\n");
    }

    #[test]
    fn a_column_without_content_takes_no_room_and_a_whole_one_is_not_cut() {
        let mut table = Table::new(&["!run", "failed", "metrics"]);
        table.row(["20260101T000000Z-aaaa", "", "accuracy 0.98, f1_macro 0.97"]);
        let text = anstream::adapter::strip_str(&table.render(40)).to_string();
        assert_eq!(
            text,
            "run                    metrics\n20260101T000000Z-aaaa  accuracy 0.98, f…\n"
        );
    }

    #[test]
    fn control_characters_cannot_break_a_table() {
        let mut table = Table::new(&[""]);
        table.row(["a\nb\u{1b}[31m"]);
        assert_eq!(table.render(80), "a b\u{fffd}[31m\n");
    }
}
