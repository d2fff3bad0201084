//! Where rows came from, as messages name it. Knows no columns.

/// Where rows came from.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Each file with its first row.
    files: Vec<(usize, FileName)>,
    /// `(row, line)` wherever lines do not go on by one.
    jumps: Vec<(usize, u64)>,
}

impl Places {
    /// The name of the first file.
    pub(super) fn first(&self) -> &str {
        self.files
            .first()
            .map_or("the table", |it| it.1.name.as_str())
    }

    /// Rows from `row` on are of this file. Without a name, they are told by their number.
    pub fn start_file(&mut self, row: usize, name: String) {
        let rows = Rows::ByLine;
        self.files.push((row, FileName { name, rows }));
    }

    /// Likewise of a file that has no lines.
    pub fn start_rows(&mut self, row: usize, name: String) {
        let rows = Rows::ByNumber;
        self.files.push((row, FileName { name, rows }));
    }

    /// The row is all of this file.
    pub(super) fn start_single(&mut self, row: usize, name: String) {
        let rows = Rows::Single;
        self.files.push((row, FileName { name, rows }));
    }

    /// Leaves the rows before `row` out.
    pub(super) fn start_at(&mut self, row: usize) {
        let line = self.line(row);
        for (from, _) in &mut self.files {
            *from = from.saturating_sub(row);
        }
        self.jumps.retain(|it| it.0 > row);
        for (from, _) in &mut self.jumps {
            *from -= row;
        }
        self.jumps.insert(0, (0, line));
    }

    /// The places of these rows alone, which are in order. All files stay, also those without a row.
    pub(super) fn gather(&self, rows: &[usize]) -> Self {
        let files = self.files.iter();
        let mut places = Self {
            files: files
                .map(|(from, file)| (rows.partition_point(|row| row < from), file.clone()))
                .collect(),
            jumps: Vec::new(),
        };
        for (to, row) in rows.iter().enumerate() {
            places.push(to, self.line(*row));
        }
        places
    }

    /// The first row of each file.
    pub fn starts(&self) -> impl Iterator<Item = usize> {
        self.files.iter().map(|(row, _)| *row)
    }

    pub(super) fn push(&mut self, row: usize, line: u64) {
        if self.jumps.is_empty() || self.line(row) != line {
            self.jumps.push((row, line));
        }
    }

    fn line(&self, row: usize) -> u64 {
        let jump = self.jumps.partition_point(|(from, _)| *from <= row);
        let (from, line) = match jump.checked_sub(1) {
            Some(last) => self.jumps[last],
            None => (0, 1),
        };
        line + (row - from) as u64
    }

    /// The name of the file that is the row.
    pub fn file_of(&self, row: usize) -> Option<&str> {
        let file = self.files.partition_point(|(from, _)| *from <= row);
        let file = &self.files.get(file.checked_sub(1)?)?.1;
        (file.rows == Rows::Single).then_some(file.name.as_str())
    }

    /// `file:line` of a row.
    pub fn of(&self, row: usize) -> String {
        let file = self.files.partition_point(|(from, _)| *from <= row);
        let line = self.line(row);
        match file.checked_sub(1).map(|last| &self.files[last].1) {
            Some(file) if file.rows == Rows::Single => file.name.clone(),
            Some(file) if file.rows == Rows::ByNumber => format!("{}: row {line}", file.name),
            Some(file) if !file.name.is_empty() => format!("{}:{line}", file.name),
            _ => format!("row {line}"),
        }
    }
}

/// A file as messages name it.
#[derive(Clone, Debug)]
struct FileName {
    name: String,
    rows: Rows,
}

/// How a row of a file is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    ByLine,
    ByNumber,
    /// The file is the row.
    Single,
}
