//! How often results were used again, in all runs that the index knows.

use indexmap::IndexMap;

use super::{Index, index::TrackError};

/// How results were used, in all runs whose logs are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uses {
    pub runs: u64,
    pub ran: u64,
    pub reused: u64,
    /// By id.
    pub stages: IndexMap<String, StageUses>,
}

/// The same of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageUses {
    pub ran: u64,
    pub reused: u64,
    pub seconds_spent: f64,
    /// What the reused results took when they were made.
    pub seconds_saved: f64,
}

impl Index {
    /// How often each stage was executed, and how often its result was there already.
    pub fn uses(&self) -> Result<Uses, TrackError> {
        let totals = "SELECT count(*), coalesce(sum(ran), 0), coalesce(sum(cached), 0) FROM runs";
        let stages = "SELECT stage, sum(has_run), sum(NOT has_run),
             sum(CASE WHEN has_run THEN seconds ELSE 0.0 END), sum(CASE WHEN has_run THEN 0.0 ELSE seconds END)
             FROM stages GROUP BY stage ORDER BY stage";
        let ask = || -> rusqlite::Result<Uses> {
            let (runs, ran, reused) = self.connection.query_row(totals, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let mut statement = self.connection.prepare(stages)?;
            let stages = statement.query_map([], |row| {
                let uses = StageUses {
                    ran: row.get(1)?,
                    reused: row.get(2)?,
                    seconds_spent: row.get(3)?,
                    seconds_saved: row.get(4)?,
                };
                Ok((row.get(0)?, uses))
            })?;
            Ok(Uses {
                runs,
                ran,
                reused,
                stages: stages.collect::<rusqlite::Result<_>>()?,
            })
        };
        self.check(ask())
    }
}
