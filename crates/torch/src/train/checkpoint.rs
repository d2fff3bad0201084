//! Checkpoints: one file with all that the next step depends on, replaced at once. What goes on from it ends in the same
//! bits as what was never interrupted. Knows no schedule and no data.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use pipe_schema::layer::Layer;
use pipe_wire::Reporter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::Device;

use super::{Learner, Setting, State};
use crate::{
    error::{Error, Result},
    model::{
        Net, Tensors,
        file::{decode, encode, note},
    },
    shim::{rng_state, set_rng_state},
};

const FILE: &str = "train.safetensors";
/// The key of the note in the file's header.
const NOTE: &str = "checkpoint";
/// The layout's version.
const VERSION: u32 = 1;
/// Between two checkpoints lies at least this.
const PAUSE: Duration = Duration::from_secs(2);
/// Saving may take at most this share of the time: 1 part in so many.
const SHARE: u32 = 20;

/// Where checkpoints of a training are kept, if anywhere.
pub struct Checkpoints {
    path: Option<PathBuf>,
    saved: Instant,
    pause: Duration,
}

/// What the file's header says.
#[derive(Serialize, Deserialize)]
struct Note<L, S> {
    version: u32,
    layers: L,
    state: S,
}

impl Checkpoints {
    pub fn new(folder: Option<&str>) -> Self {
        Self {
            path: folder.map(|folder| Path::new(folder).join(FILE)),
            saved: Instant::now(),
            pause: PAUSE,
        }
    }

    /// Saves if the last one is old enough.
    pub fn save_when_due(&mut self, learner: &Learner, state: &State, reporter: &mut Reporter) {
        if self.saved.elapsed() >= self.pause {
            self.save_or_tell(learner, state, reporter);
        }
    }

    /// Saves; a failure is told and does not end the training.
    pub fn save_or_tell(&mut self, learner: &Learner, state: &State, reporter: &mut Reporter) {
        let start = Instant::now();
        if let Err(error) = self.save(learner, state) {
            reporter.log(format!("no checkpoint was written: {error}"));
        }
        self.pause = PAUSE.max(start.elapsed() * SHARE);
        self.saved = Instant::now();
    }

    /// Saves now.
    pub fn save(&self, learner: &Learner, state: &State) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let tensors = collect(learner, state)?;
        let note = Note {
            version: VERSION,
            layers: learner.net.layers(),
            state,
        };
        let note = serde_json::to_string(&note).map_err(|error| Error::bug(error.to_string()))?;
        let mut bytes = encode(&tensors, Some((NOTE, &note)))?;
        // A file that power loss left half empty must not pass for a whole one.
        bytes.extend(Sha256::digest(&bytes));
        write_at_once(path, &bytes)
    }

    /// What was saved last, if anything was.
    fn load(&self, setting: &Setting) -> Option<Result<(Learner, State)>> {
        let path = self.path.as_ref().filter(|path| path.exists())?;
        Some(read(path, setting))
    }
}

/// As the last checkpoint left it; or, where there is none that can be used, from the start.
pub fn begin(
    setting: &Setting,
    checkpoints: &Checkpoints,
    reporter: &mut Reporter,
) -> Result<(Learner, State)> {
    match checkpoints.load(setting) {
        Some(Ok((learner, state))) => {
            reporter.log(format!(
                "goes on from its checkpoint: epoch {}, row {}",
                state.epoch + 1,
                state.row
            ));
            return Ok((learner, state));
        }
        Some(Err(error)) => reporter.log(format!(
            "the checkpoint cannot be used, training starts afresh: {error}"
        )),
        None => {}
    }
    tch::manual_seed(setting.stage.seed as i64);
    let net = setting.initial_net()?;
    Ok((Learner::new(net, setting)?, State::default()))
}

fn collect(learner: &Learner, state: &State) -> Result<Tensors> {
    let device = learner.net.device();
    let mut tensors = Tensors::new();
    let mut add = |prefix: &str, from: &Tensors| {
        for (name, tensor) in from {
            tensors.insert(format!("{prefix}.{name}"), tensor.shallow_clone());
        }
    };
    add("net", &learner.net.tensors());
    add("optimizer", learner.optimizer.state());
    if let Some(best) = &state.best_weights {
        add("best", best);
    }
    if let Some(order) = &state.order {
        tensors.insert("order".to_owned(), order.shallow_clone());
    }
    tensors.insert("rng.cpu".to_owned(), rng_state(Device::Cpu)?);
    if device.is_cuda() {
        tensors.insert("rng.cuda".to_owned(), rng_state(device)?);
    }
    Ok(tensors)
}

fn read(path: &Path, setting: &Setting) -> Result<(Learner, State)> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, &error))?;
    let split = bytes.len().saturating_sub(size_of::<[u8; 32]>());
    let (bytes, digest) = bytes.split_at(split);
    if Sha256::digest(bytes).as_slice() != digest {
        return Err(Error::unreadable(path, "it is damaged"));
    }
    let mut tensors = decode(bytes)?;
    let text = note(bytes, NOTE).ok_or_else(|| Error::unreadable(path, "it has no header"))?;
    let note: Note<Vec<Layer>, State> =
        serde_json::from_str(&text).map_err(|error| Error::unreadable(path, error))?;
    let Note {
        version,
        layers,
        mut state,
    } = note;
    if version != VERSION || layers != setting.layers {
        return Err(Error::unreadable(path, "it is of another training"));
    }
    if (state.epoch, state.row) > (setting.last_epoch, 0) {
        return Err(Error::unreadable(path, "it is further than was asked for"));
    }

    let net = Net::from_tensors(&layers, part(&mut tensors, "net"), setting.device)?;
    let mut learner = Learner::new(net, setting)?;
    learner
        .optimizer
        .restore(&part(&mut tensors, "optimizer"))?;
    let best = part(&mut tensors, "best");
    state.best_weights = (!best.is_empty()).then_some(best);
    state.order = match tensors.swap_remove("order") {
        Some(order) => Some(order.f_to_device(setting.device)?),
        None => None,
    };
    for (name, device) in [("rng.cpu", Device::Cpu), ("rng.cuda", setting.device)] {
        if let Some(saved) = tensors.swap_remove(name) {
            set_rng_state(device, &saved)?;
        }
    }
    Ok((learner, state))
}

/// Takes the tensors whose names begin with `prefix` and a dot.
fn part(tensors: &mut Tensors, prefix: &str) -> Tensors {
    let mut taken = Tensors::new();
    tensors.retain(|name, tensor| {
        let rest = name
            .strip_prefix(prefix)
            .and_then(|it| it.strip_prefix('.'));
        if let Some(rest) = rest {
            taken.insert(rest.to_owned(), tensor.shallow_clone());
        }
        rest.is_none()
    });
    taken
}

/// Readers see the old file or the new one.
fn write_at_once(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, &error))?;
    }
    fs::write(&beside, bytes).map_err(|error| Error::io(&beside, &error))?;
    fs::rename(&beside, path).map_err(|error| Error::io(path, &error))
}
