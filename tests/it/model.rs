//! What must come of a history of edits, runs, deaths and damage, told by a model that has no store: contents are a pure
//! function of the sources, and what is known of a key is known, not known, or perhaps. Touches no file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Source files of a history.
pub const SOURCES: usize = 3;
/// A stage of this salt fails.
pub const BAD_SALT: u8 = 4;

/// A stage that writes its salt and, in brackets, all it reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    pub salt: u8,
    /// Bits: which of the stages before it are read.
    pub inputs: u8,
    /// Which source is read, if there is one of this number.
    pub source: u8,
    pub form: Form,
    /// Whether it reads the outs of those before it by their paths, where they have some.
    #[serde(default)]
    pub by_path: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    Whole,
    /// Only the beginning of what it reads counts, so that changes are cut off.
    Short,
    /// It writes to the workspace, too.
    Out,
    /// It writes more there than what the store keeps without a folder.
    Large,
}

impl Form {
    pub fn has_out(self) -> bool {
        matches!(self, Self::Out | Self::Large)
    }
}

/// Something that happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Act {
    Edit {
        source: u8,
        text: u8,
    },
    /// The same bytes at another time.
    Touch {
        source: u8,
    },
    Salt {
        stage: u8,
        salt: u8,
    },
    Wire {
        stage: u8,
        inputs: u8,
    },
    Run {
        target: Option<u8>,
        jobs: u8,
    },
    /// The spec is edited where there was nothing to do, and it is run.
    Rework {
        stage: u8,
        salt: u8,
        inputs: Option<u8>,
    },
    Gc {
        keep: u8,
    },
    Verify,
    /// A command meets death or a broken disk at a step.
    Strike {
        command: Struck,
        blow: Blow,
        step: u16,
    },
    Damage {
        object: u8,
        harm: Harm,
    },
    /// Somebody removes a stage's out from the workspace.
    LoseOut {
        stage: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Struck {
    Run,
    Gc,
    Verify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blow {
    Kill,
    Power,
    Full,
    Broken,
    NoFiles,
}

/// What is done to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Harm {
    Flip,
    /// With the old time of modification.
    FlipUnseen,
    Cut,
    Remove,
    Swap,
    /// A byte of a manifest, a small artifact, a record in a journal.
    Manifest,
    Pack,
    Record,
    /// A record is taken out of its journal.
    NoRecord,
    CutJournal,
    NoJournal,
    Mode,
    /// Nonsense between two frames of a journal.
    Nonsense,
    NoIndex,
}

impl Harm {
    pub const ALL: [Self; 14] = [
        Self::Flip,
        Self::FlipUnseen,
        Self::Cut,
        Self::Remove,
        Self::Swap,
        Self::Manifest,
        Self::Pack,
        Self::Record,
        Self::NoRecord,
        Self::CutJournal,
        Self::NoJournal,
        Self::Mode,
        Self::Nonsense,
        Self::NoIndex,
    ];

    /// Modes, manifests, accelerators and what lies between are mended without making anything again.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Manifest | Self::Mode | Self::Nonsense | Self::NoIndex
        )
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
    pub stages: Vec<Stage>,
    pub acts: Vec<Act>,
}

/// All that a stage's result depends on.
pub type Key = String;

/// Whether the store must have a key's result. What is in neither set, it must not have.
#[derive(Default)]
pub struct Model {
    pub stages: Vec<Stage>,
    pub sources: [u8; SOURCES],
    known: BTreeSet<Key>,
    perhaps: BTreeSet<Key>,
    /// What each stage last made for sure.
    last: BTreeMap<usize, Key>,
}

/// What must come of a run.
#[derive(Debug, Default)]
pub struct Forecast {
    pub is_good: bool,
    /// By stage; none for those that cannot be made.
    pub contents: BTreeMap<usize, Option<String>>,
    /// How often commands of a salt run, at least and at most.
    pub runs: BTreeMap<u8, (usize, usize)>,
    keys: BTreeMap<usize, Key>,
}

impl Model {
    /// The stages that this one reads.
    pub fn inputs(&self, stage: usize) -> Vec<usize> {
        let mask = self.stages[stage].inputs;
        (0..stage).filter(|it| mask >> it & 1 == 1).collect()
    }

    /// Whether a stage reads an input by its path in the workspace.
    pub fn is_by_path(&self, stage: usize, input: usize) -> bool {
        self.stages[stage].by_path && self.stages[input].form.has_out()
    }

    /// The stages whose results may be that of this one, or decide it: all before it, and those of its own salt and form.
    pub fn deciding(&self, stage: usize) -> BTreeSet<usize> {
        let of = |it: usize| (self.stages[it].salt, self.stages[it].form);
        let mut found: BTreeSet<usize> = (0..stage).filter(|it| of(*it) == of(stage)).collect();
        found.extend(self.inputs(stage));
        for at in (0..stage).rev() {
            if found.contains(&at) {
                found.extend(self.inputs(at));
                found.extend((0..at).filter(|it| of(*it) == of(at)));
            }
        }
        found
    }

    pub fn source(&self, stage: usize) -> Option<usize> {
        Some(usize::from(self.stages[stage].source)).filter(|it| *it < SOURCES)
    }

    pub fn text(&self, source: usize) -> String {
        char::from(b'a' + self.sources[source]).to_string()
    }

    /// The stages that a run of this one needs; of all without one.
    pub fn selection(&self, target: Option<u8>) -> BTreeSet<usize> {
        let mut wanted: BTreeSet<usize> = match target {
            Some(target) => [usize::from(target) % self.stages.len()].into(),
            None => (0..self.stages.len()).collect(),
        };
        for stage in (0..self.stages.len()).rev() {
            if wanted.contains(&stage) {
                wanted.extend(self.inputs(stage));
            }
        }
        wanted
    }

    pub fn forecast(&self, target: Option<u8>) -> Forecast {
        let mut forecast = Forecast {
            is_good: true,
            ..Forecast::default()
        };
        let mut made = BTreeSet::new();
        for stage in self.selection(target) {
            let it = &self.stages[stage];
            let read: Option<Vec<String>> = self
                .inputs(stage)
                .into_iter()
                .map(|input| forecast.contents[&input].clone())
                .collect();
            let Some(mut read) = read else {
                forecast.contents.insert(stage, None);
                continue;
            };
            read.extend(self.source(stage).map(|source| self.text(source)));
            let out = it.form.has_out().then_some(stage);
            let paths = self.inputs(stage).into_iter();
            let paths: Vec<_> = paths
                .map(|input| {
                    (self.is_by_path(stage, input)).then_some((input, self.stages[input].form))
                })
                .collect();
            let key = format!(
                "{} {:?} {out:?} {:?} {paths:?} {read:?}",
                it.salt,
                it.form,
                self.source(stage)
            );
            let counts = forecast.runs.entry(it.salt).or_default();
            if it.salt == BAD_SALT {
                counts.0 += 1;
                counts.1 += 1;
                forecast.is_good = false;
                forecast.contents.insert(stage, None);
                continue;
            }
            if made.insert(key.clone()) && !self.known.contains(&key) {
                counts.0 += usize::from(!self.perhaps.contains(&key));
                counts.1 += 1;
            }
            let mut content = format!("{}({})", it.salt, read.concat());
            if it.form == Form::Short {
                content.truncate(3);
            }
            forecast.contents.insert(stage, Some(content));
            forecast.keys.insert(stage, key);
        }
        forecast
    }

    /// A run came to its end.
    pub fn note_run(&mut self, forecast: &Forecast) {
        for (stage, key) in &forecast.keys {
            self.perhaps.remove(key);
            self.known.insert(key.clone());
            self.last.insert(*stage, key.clone());
        }
    }

    /// A run was broken off: what it would have made it may have made. What was there is there.
    pub fn note_broken_run(&mut self, forecast: &Forecast) {
        for (stage, key) in &forecast.keys {
            if !self.known.contains(key) {
                self.perhaps.insert(key.clone());
            }
            self.last.remove(stage);
        }
    }

    /// Only the last result of each stage must still be there.
    pub fn note_gc(&mut self) {
        let kept: BTreeSet<Key> = self.last.values().cloned().collect();
        let (kept, doubtful) = std::mem::take(&mut self.known)
            .into_iter()
            .partition(|it| kept.contains(it));
        self.known = kept;
        self.perhaps.extend::<BTreeSet<Key>>(doubtful);
    }

    /// Nobody knows which results were harmed.
    pub fn note_damage(&mut self) {
        self.perhaps.append(&mut self.known);
    }
}
