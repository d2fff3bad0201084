//! Records that were lost with a journal: the logs of runs have them, too. What their results lie in must still be there.

use std::collections::HashSet;

use pipe_schema::{key::Key, record::Record, run::Event};

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
                let name = format!("{spec}/{stage}");
                let is_newest = named.insert(name.clone());
                let is_wanted = match self.state_of(&record) {
                    State::Whole => true,
                    // Nobody should take for the user's what the stage left in the workspace.
                    State::WithoutOuts => is_newest,
                    State::Gone => false,
                };
                if !is_wanted || !known.insert(record.key) {
                    continue;
                }
                notes.push(note_of(&record)?);
                if is_newest && self.journals().contents.last(&name).is_none() {
                    notes.push(last_note(&name, &record.key));
                }
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        self.append(notes)
    }

    /// What there is of what a record speaks of. One that is not of its key speaks of nothing.
    fn state_of(&self, record: &Record) -> State {
        let has_folder = |digest| self.layout.object(digest).is_dir();
        let mut outputs = record.outputs.values();
        if key::of(&record.parts) != record.key || !outputs.all(|it| has_folder(&it.digest)) {
            return State::Gone;
        }
        let mut outs = record.outs.values();
        let is_kept = |digest| self.journals().contents.has(Kind::Pack, digest);
        if outs.all(|it| is_kept(&it.digest) || has_folder(&it.digest)) {
            State::Whole
        } else {
            State::WithoutOuts
        }
    }
}

/// What there is of a result.
enum State {
    Whole,
    WithoutOuts,
    Gone,
}
