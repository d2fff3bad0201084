//! Stages that are known to be up to date before the loop begins. Finds out nothing; whoever knows says so.

use std::{collections::BTreeMap, sync::Arc};

use foldhash::HashMap;
use pipe_schema::{key::Key, record::Record};

use crate::plan::StageId;

/// Stages that need not be looked at, and all that they wait for is among them. The store keeps their results as long as
/// the run goes on.
#[derive(Clone, Debug, Default)]
pub struct Untouched {
    /// The run whose log tells of them, with the logs that it names in its turn.
    pub of: String,
    /// How many logs that are.
    pub logs: u32,
    pub keys: HashMap<StageId, Key>,
    /// The records of those that other stages of the run read.
    pub records: BTreeMap<StageId, Arc<Record>>,
}

impl Untouched {
    pub fn has(&self, stage: &str) -> bool {
        self.keys.contains_key(stage)
    }
}
