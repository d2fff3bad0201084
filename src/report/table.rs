//! Tables of words without lines around them: columns as wide as needed, the last one cut to the terminal.

use anstyle::Style;

use super::style::{DIM, cut, padded, paint, right, width};

/// Columns between columns.
const GAP: usize = 2;

/// A table under construction.
pub struct Table {
    head: Vec<String>,
    /// Whether a column holds numbers, which stand right.
    is_number: Vec<bool>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with these columns; a title that begins with `#` is that of a column of numbers.
    pub fn new(titles: &[&str]) -> Self {
        Self {
            head: titles
                .iter()
                .map(|it| it.trim_start_matches('#').to_owned())
                .collect(),
            is_number: titles.iter().map(|it| it.starts_with('#')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of plain cells.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.styled(cells.into_iter().map(|it| (Style::new(), it.into())));
    }

    /// Adds a row of cells with their styles.
    pub fn styled(&mut self, cells: impl IntoIterator<Item = (Style, String)>) {
        let clean = |text: String| text.replace(|it: char| it.is_control(), " ");
        self.rows.push(
            cells
                .into_iter()
                .map(|(style, text)| (style, clean(text)))
                .collect(),
        );
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table in at most `columns` columns: the widest cells are cut first. Ends with a line break, unless empty.
    pub fn render(&self, columns: usize) -> String {
        let has_head = self.head.iter().any(|it| !it.is_empty());
        let head: Vec<(Style, String)> = self.head.iter().map(|it| (DIM, it.clone())).collect();
        let all: Vec<&Vec<(Style, String)>> = has_head
            .then_some(&head)
            .into_iter()
            .chain(&self.rows)
            .collect();
        let widths = self.widths(&all, columns);
        let mut text = String::new();
        for row in all {
            let mut line = String::new();
            let last = row
                .iter()
                .rposition(|(_, text)| !text.is_empty())
                .unwrap_or(0);
            for (at, (style, cell)) in row.iter().enumerate().take(last + 1) {
                let cell = cut(cell, widths[at]);
                let is_number = self.is_number.get(at).copied().unwrap_or(false);
                let placed = match is_number {
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

    fn widths(&self, rows: &[&Vec<(Style, String)>], columns: usize) -> Vec<usize> {
        let n = rows.iter().map(|it| it.len()).max().unwrap_or(0);
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
            let is_text = |at: &usize| !self.is_number.get(*at).copied().unwrap_or(false);
            let widest = (0..n).filter(is_text).max_by_key(|&at| widths[at]);
            match widest {
                Some(at) if widths[at] > 8 => widths[at] -= 1,
                _ => break,
            }
        }
        widths
    }
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
    fn control_characters_cannot_break_a_table() {
        let mut table = Table::new(&[""]);
        table.row(["a\nb\u{1b}[31m"]);
        assert_eq!(table.render(80), "a b [31m\n");
    }
}
