//! Records that were lost with a journal: the logs of runs have them, too. What their results lie in must still be there.

use std::{collections::HashSet, fs::OpenOptions, io::ErrorKind};

use pipe_data::regular;
use pipe_schema::{key::Key, record::Record, run::Event};

use super::{
    super::{
        Store, disk,
        error::{At, Result, StoreError},
        names::{self, StageName},
        record::{last_note, note_of},
        removal,
    },
    Kind, Note,
};
use crate::key;

/// What is noted when a run told of all before.
const TOLD: &str = "told";

impl Store {
    /// Notes again what runs tell of and no journal does. Reads the logs of all runs: for what is lost only.
    pub(in super::super) fn recover(&self) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        let mut known: HashSet<Key> = self.journals().contents.keys().copied().collect();
        let mut named = HashSet::new();
        let mut owned: HashSet<String> = HashSet::new();
        let mut notes: Vec<Note> = Vec::new();
        // The newest run comes first: what it says of a stage counts.
        for run in self.runs()? {
            let (mut project, mut spec) = (String::new(), String::new());
            let mut lines = self.read_run(&run).unwrap_or_default();
            lines.reverse();
            if let Some(Event::RunStarted(started)) = lines.last().map(|it| &it.event) {
                project.clone_from(&started.name);
                spec = names::spec_name(&started.spec);
            }
            for line in lines {
                let (Event::StageDone { stage, record } | Event::StageCached { stage, record }) =
                    line.event
                else {
                    continue;
                };
                let mut name = StageName {
                    project: Some(&project),
                    spec: Some(&spec),
                    stage: &stage,
                    is_owner: false,
                };
                let is_newest = named.insert(name.identity());
                if self.is_revoked(&record, None) {
                    continue;
                }
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
                let journals = self.journals();
                if is_newest && journals.contents.last(&name.identity()).is_none() {
                    let owner = journals.contents.owner(&stage);
                    name.is_owner =
                        owner.is_none_or(|owner| owner == spec) && owned.insert(stage.clone());
                    notes.push(last_note(&name, &record.key));
                }
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        let records = notes.iter().filter(|note| note.kind == Kind::Record);
        self.add_to_recoveries(&records.count().to_string())?;
        self.append(notes)
    }

    /// Keeps for the next run or verify that records were lost: whoever found it out may be a command that shows none of it.
    fn add_to_recoveries(&self, line: &str) -> Result<()> {
        let path = self.layout.recoveries();
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        let line = format!("{line}\n");
        let file =
            super::super::with_parent(&path, || disk::open(&options, &path)).at("open", &path)?;
        disk::write_all(&file, &path, line.as_bytes()).at("write", &path)
    }

    /// How many records were lost with journals and noted again from the logs of runs, since a verify told of it.
    pub(in super::super) fn take_recovered(&self) -> Result<u64> {
        let lines = self.recoveries()?;
        let recovered = lines.iter().filter_map(|it| it.parse::<u64>().ok()).sum();
        if self.is_writable {
            removal::remove_tree(&self.layout.recoveries())?;
        }
        Ok(recovered)
    }

    /// How many of them no run told of yet. A verify still counts them.
    pub fn tell_recovered(&self) -> Result<u64> {
        let lines = self.recoveries()?;
        let untold = lines.iter().rev().take_while(|it| *it != TOLD);
        let recovered = untold.filter_map(|it| it.parse::<u64>().ok()).sum();
        if self.is_writable && recovered > 0 {
            self.add_to_recoveries(TOLD)?;
        }
        Ok(recovered)
    }

    /// What was noted of recoveries, when whatever is lost is found out.
    fn recoveries(&self) -> Result<Vec<String>> {
        self.with_fresh_contents(|_| ())?;
        let path = self.layout.recoveries();
        match regular::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(StoreError::io("read", &path, error)),
        }
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
