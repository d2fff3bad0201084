//! Reads the groups of rows of a file, column by column. Knows which columns may be left out; not what a value's bytes mean.

use std::collections::{BTreeMap, HashMap};

use parquet::{
    file::reader::{FileReader as _, RowGroupReader},
    schema::types::ColumnDescPtr,
};

use jiff::tz::TimeZone;
use pipe_schema::stage::preprocess::Read;

use super::{
    Open, Trouble, broken,
    cell::{Cell, Stored},
    guard,
    list::List,
    zone,
};
use crate::{
    error::DataError,
    limits::UnpackBudget,
    table::{Column, Fields, NULL, Selection, Table},
    written::Notation,
};

/// The columns that are read, with what was read of them.
pub struct Wanted<'a> {
    columns: Vec<WantedColumn<'a>>,
    unread: BTreeMap<String, String>,
}

struct WantedColumn<'a> {
    name: &'a str,
    leaf: usize,
    descr: ColumnDescPtr,
    content: Content,
}

enum Content {
    Values(Box<Values>),
    List(List),
}

/// Values, one a row.
struct Values {
    cell: Cell,
    /// On whose clock moments are written.
    zone: Option<TimeZone>,
    /// How texts are written, where that is not usual.
    notation: Option<Notation>,
    fields: Fields,
}

impl Values {
    fn push(
        &mut self,
        row: usize,
        value: Option<Stored<'_>>,
        text: &mut Vec<u8>,
    ) -> Result<(), String> {
        text.clear();
        match value {
            Some(value) => self
                .cell
                .write(value, self.zone.as_ref(), text)
                .map_err(|why| format!("row {row} {why}"))?,
            None => text.extend_from_slice(NULL),
        }
        match &self.notation {
            None => self.fields.push(text),
            Some(notation) => {
                let plain = notation.read(text);
                self.fields
                    .push(&plain.map_err(|why| format!("row {row}: {why}"))?);
            }
        }
        Ok(())
    }
}

impl Open<'_> {
    /// The columns of these names, before a value of them is read.
    pub(super) fn wanted<'n>(
        &self,
        names: &[&'n str],
        read: &Read,
        selection: &Selection<'_>,
    ) -> Result<Wanted<'n>, DataError> {
        let known = self.columns.iter();
        let known: HashMap<&str, _> = known.map(|it| (it.name.as_str(), it)).collect();
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let zones = if read.is_of_old_schema() {
            HashMap::new()
        } else {
            zone::names(self.reader.metadata().file_metadata())
        };
        let mut wanted = Wanted {
            columns: Vec::with_capacity(names.len()),
            unread: BTreeMap::new(),
        };
        for &name in names {
            let Some(found) = known.get(name) else {
                return Err(self.wrong(name, "is not there"));
            };
            let leaf = found.leaf.clone();
            let cell = leaf.and_then(|leaf| {
                let cell = Cell::of(&schema.column(leaf))?;
                let zone = zones
                    .get(name)
                    .filter(|_| cell.is_in_utc() && !found.is_list);
                Ok((leaf, cell, zone.map(|zone| zone::find(zone)).transpose()?))
            });
            match cell {
                Ok((leaf, cell, zone)) => wanted.columns.push(WantedColumn {
                    name,
                    leaf,
                    descr: schema.column(leaf),
                    content: if found.is_list {
                        Content::List(List::new(cell))
                    } else {
                        let notation = read.notations.get(name).filter(|_| cell == Cell::Text);
                        Content::Values(Box::new(Values {
                            cell,
                            zone,
                            notation: notation.and_then(|column| Notation::of(read, column)),
                            fields: Fields::default(),
                        }))
                    },
                }),
                Err(why) if selection.is_optional(name) => {
                    wanted.unread.insert(name.to_owned(), why);
                }
                Err(why) => return Err(self.wrong(name, &why)),
            }
        }
        Ok(wanted)
    }

    /// Reads groups of rows until they unpack to `most` bytes; says whether there are more.
    pub(super) fn read_groups(
        &self,
        wanted: &mut Wanted<'_>,
        (budget, most): (&UnpackBudget, u64),
        selection: &Selection<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Table, bool), DataError> {
        let mut rows = 0;
        let (before, mut is_cut) = (budget.left(), false);
        for group in 0..self.reader.num_row_groups() {
            if before - budget.left() >= most {
                is_cut = true;
                break;
            }
            let group = self
                .reader
                .get_row_group(group)
                .map_err(|it| broken(self.path, &it))?;
            let mut at = 0;
            while let Some(column) = wanted.columns.get_mut(at) {
                match self.read_column(&*group, column, rows, budget) {
                    Ok(()) => at += 1,
                    Err(Trouble::Value(why)) if selection.is_optional(column.name) => {
                        wanted.unread.insert(column.name.to_owned(), why);
                        wanted.columns.remove(at);
                    }
                    Err(trouble) => return Err(trouble.told(self, column.name)),
                }
            }
            rows += count(&*group);
            progress(u64::try_from(group.metadata().compressed_size()).unwrap_or_default());
        }
        self.table(wanted, rows, selection)
            .map(|table| (table, is_cut))
    }

    /// Adds the values of a group to a column that has `before` rows.
    fn read_column(
        &self,
        group: &dyn RowGroupReader,
        column: &mut WantedColumn<'_>,
        before: usize,
        budget: &UnpackBudget,
    ) -> Result<(), Trouble> {
        let count = count(group);
        let WantedColumn {
            leaf,
            descr,
            content,
            ..
        } = column;
        let is_list = matches!(content, Content::List(_));
        guard::check_pages(&self.file, group.metadata().column(*leaf), is_list, budget)?;
        let reader = group.get_column_reader(*leaf).map_err(Trouble::File)?;
        match content {
            Content::Values(values) => {
                let mut text = Vec::new();
                let mut row = before;
                let cell = values.cell;
                cell.each(reader, descr, count, &mut |_, value| {
                    row += 1;
                    values.push(row, value, &mut text).map_err(Trouble::Value)?;
                    // A page may name a value of its dictionary as often as it likes.
                    let length = if text == NULL { 0 } else { text.len() };
                    budget.spend(length as u64 + 1)?;
                    Ok(())
                })?;
                if row == before + count {
                    Ok(())
                } else {
                    Err(Trouble::Value("is cut off".to_owned()))
                }
            }
            Content::List(list) => {
                let cell = list.cell;
                cell.each(reader, descr, count, &mut |level, value| {
                    list.add(level == 0, value).map_err(Trouble::Value)
                })
            }
        }
    }

    /// The table of all that was read.
    fn table(
        &self,
        wanted: &mut Wanted<'_>,
        rows: usize,
        selection: &Selection<'_>,
    ) -> Result<Table, DataError> {
        let mut table = Table::default();
        table.places.start_rows(0, self.path.display().to_string());
        table.unread = std::mem::take(&mut wanted.unread);
        for column in std::mem::take(&mut wanted.columns) {
            let name = column.name.to_owned();
            match column.content {
                Content::Values(values) => {
                    let fields = values.fields;
                    table.columns.push(Column { name, fields });
                }
                Content::List(list) => match list.finish(rows) {
                    Ok(block) => table.blocks.extend(block.map(|block| (name, block))),
                    Err(why) if selection.is_optional(&name) => {
                        table.unread.insert(name, why);
                    }
                    Err(why) => return Err(self.wrong(&name, &why)),
                },
            }
        }
        table.close_rows(rows);
        Ok(table)
    }
}

/// How many rows a group has.
fn count(group: &dyn RowGroupReader) -> usize {
    usize::try_from(group.metadata().num_rows()).unwrap_or_default()
}
