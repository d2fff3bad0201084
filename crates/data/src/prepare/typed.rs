//! The columns of a table with the types that they have or that their values in the train part tell.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use pipe_schema::{
    dataset::{Column, Target},
    stage::preprocess::{ColumnType, DeclaredColumn, Preprocess},
};

use super::{Note, division::Division};
use crate::{
    dataset::TargetValues,
    error::DataError,
    frame::{Frame, Misfit, Values, expected},
    infer::{self, Missing},
    met::Met,
    moment,
    picture::column,
    table::{self, Table},
    target, tell,
};

/// What is read of a table before any step.
pub(super) struct TypedTable {
    pub frame: Frame,
    /// The columns of the frame.
    pub raw: Vec<Column>,
    pub target: Target,
    pub targets: TargetValues,
    /// Why dropped columns could not be read.
    pub unread: BTreeMap<String, String>,
}

impl TypedTable {
    /// Takes the columns out of the table.
    pub fn of(
        block: &Preprocess,
        table: &mut Table,
        missing: &Missing,
        division: &Division,
        report: &mut dyn FnMut(Note),
    ) -> Result<Self, DataError> {
        let (predicted, mut columns): (Vec<_>, Vec<_>) = std::mem::take(&mut table.columns)
            .into_iter()
            .partition(|column| block.target.contains(&column.name));
        let frame = Frame {
            columns: IndexMap::with_capacity(columns.len()),
            places: std::mem::take(&mut table.places),
            met: Met::default(),
        };
        let mut types = block.columns.clone();
        for name in (table.truths.iter()).filter(|name| block.target.contains(name)) {
            types
                .entry(name.clone())
                .or_insert(DeclaredColumn::Plain(ColumnType::Boolean));
        }
        let (target, targets) = target::read(
            &block.target,
            &predicted,
            &types,
            missing,
            &division.is_train,
            &frame.places,
        )?;
        if block.windows.as_ref().is_some_and(|it| it.with_target) {
            columns.extend(predicted.iter().cloned());
        }
        let mut typed = Self {
            raw: Vec::with_capacity(columns.len()),
            frame,
            target,
            targets,
            unread: std::mem::take(&mut table.unread),
        };
        typed.tell_strays_of_targets(block, &predicted, missing, division, report);
        for column in columns {
            typed.add_column(block, column, missing, division, report)?;
        }
        let notations = block.notations();
        for column in &mut typed.raw {
            column.notation = notations.get(&column.name).cloned();
        }
        typed.add_blocks(table)?;
        let train = &division.train;
        if let Some(note) = column::keep_depth(&mut typed.frame, train, &mut typed.raw) {
            report(Note::Log(note));
        }
        Ok(typed)
    }

    fn tell_strays_of_targets(
        &self,
        block: &Preprocess,
        predicted: &[table::Column],
        missing: &Missing,
        Division { is_train, .. }: &Division,
        report: &mut dyn FnMut(Note),
    ) {
        for column in predicted {
            let is_words = infer::means_classes(&column.fields, missing, is_train);
            if is_words && block.column_type(&column.name).is_none() {
                let r#type = ColumnType::Categorical;
                let places = &self.frame.places;
                tell::strays(column, r#type, missing, is_train, places, report);
            }
        }
    }

    fn add_column(
        &mut self,
        block: &Preprocess,
        column: table::Column,
        missing: &Missing,
        Division {
            train, is_train, ..
        }: &Division,
        report: &mut dyn FnMut(Note),
    ) -> Result<(), DataError> {
        let places = &self.frame.places;
        let given = block.column_type(&column.name);
        let (r#type, values) = match given {
            Some(given) => (given, Values::of(&column.fields, given, missing)),
            None => Values::infer(&column.fields, missing, is_train),
        };
        if let Err(misfit) = &values
            && block.drops(&column.name, Some(r#type))
        {
            let (place, text) = (places.of(misfit.row), &misfit.text);
            let why = format!("in {place}, `{text}` is not {}", expected(r#type));
            self.unread.insert(column.name, why);
            return Ok(());
        }
        let mut values = values
            .map_err(|found| misfit(&found, &column.name, r#type, given.is_some(), &self.frame))?;
        if given.is_none() {
            tell::strays(&column, r#type, missing, is_train, places, report);
            if let Values::Words(words) = &values {
                tell::notation(&column.name, words, train, report);
            }
        }
        if let Values::Words(words) = &mut values
            && r#type == ColumnType::Categorical
        {
            words.unite(train);
        }
        self.raw.push(Column {
            name: column.name.clone(),
            r#type,
            shape: None,
            depth: None,
            notation: None,
        });
        self.frame.columns.insert(column.name, values);
        Ok(())
    }

    /// Adds columns that have more than one number a row.
    fn add_blocks(&mut self, table: &mut Table) -> Result<(), DataError> {
        for (name, block) in std::mem::take(&mut table.blocks) {
            self.raw.push(Column {
                name: name.clone(),
                r#type: ColumnType::Numeric,
                shape: Some(block.shape().to_vec()),
                depth: None,
                notation: None,
            });
            self.frame.add_block(&name, block, None)?;
        }
        column::add(table.pictures.take(), &mut self.frame, &mut self.raw)
    }
}

fn misfit(
    it: &Misfit,
    column: &str,
    r#type: ColumnType,
    is_given: bool,
    frame: &Frame,
) -> DataError {
    let expected = expected(r#type);
    let place = frame.places.of(it.row);
    let text = &it.text;
    let error = DataError::wrong(format!(
        "{place}: column `{column}`: `{text}` is not {expected}"
    ));
    error.hint(if is_given && r#type == ColumnType::Datetime {
        moment::EXPECTED.to_owned()
    } else if is_given {
        format!("if `{text}` stands for a missing value, add it to `source: {{read: {{na: […]}}}}`")
    } else {
        format!(
            "all values of the train part are; if `{text}` stands for a missing value, add it to \
             `source: {{read: {{na: […]}}}}`, else set `columns: {{{column}: categorical}}`"
        )
    })
}
