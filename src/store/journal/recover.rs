//! Records that were lost with a journal: the logs of runs have them, too. What their results lie in must still be there.

use std::collections::HashSet;

use pipe_schema::{
    key::Key,
    record::Record,
    run::Event,
};

use super::{
    super::{
        Store,
        error::Result,
        record::{last_note, note_of},
    },
    Kind, Note,
};
use crate::key;

impl Store {
    /// Notes again what runs tell of and no journal does. Reads the logs of all runs: for what is lost only.
    pub(in super::super) fn recover(&self) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        let mut known: HashSet<Key> = self.journals().contents.keys().copied().collect();
        let mut named = HashSet::new();
        let mut notes: Vec<Note> = Vec::new();
        // The newest run comes first: what it says of a stage counts.
        for run in self.runs()? {
            let mut spec = String::new();
            let mut lines = self.read_run(&run).unwrap_or_default();
            lines.reverse();
            if let Some(Event::RunStarted(started)) = lines.last().map(|it| &it.event) {
                spec.clone_from(&started.name);
            }
            for line in lines {
                let (Event::StageDone { stage, record } | Event::StageCached { stage, record }) =
                    line.event
                else {
                    continue;
                };
                if known.contains(&record.key) || !self.is_complete(&record) {
                    continue;
                }
                known.insert(record.key);
                notes.push(note_of(&record)?);
                let name = format!("{spec}/{stage}");
                let is_known = self.journals().contents.last(&name).is_some();
                if !is_known && named.insert(name.clone()) {
                    notes.push(last_note(&name, &record.key));
                }
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        self.append(notes)
    }

    /// Whether the record is of its key, and all that it speaks of is there.
    fn is_complete(&self, record: &Record) -> bool {
        let has_folder = |digest| self.layout.object(digest).is_dir();
        let mut outputs = record.outputs.values();
        let mut outs = record.outs.values();
        key::of(&record.parts) == record.key
            && outputs.all(|it| has_folder(&it.digest))
            && outs.all(|it| {
                let is_packed = self.journals().contents.has(Kind::Pack, &it.digest);
                is_packed || has_folder(&it.digest)
            })
    }
}
