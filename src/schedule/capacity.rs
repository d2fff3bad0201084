//! What of the machine is shared out among the stages that run. Starts nothing.

use std::fs;

use pipe_schema::stage::Resources;

use crate::{exec::environment::Host, threads};

/// The variable by which a process is told which GPUs are its own.
pub const DEVICES: &str = "CUDA_VISIBLE_DEVICES";

/// What of the machine is shared out. A stage that asks for more than all of it runs alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub cpus: u32,
    pub memory: u64,
    /// The GPUs that may be used, as `CUDA_VISIBLE_DEVICES` names them.
    pub gpus: Vec<String>,
}

impl Capacity {
    /// All of this machine that `host` lets us use.
    pub fn of_machine(host: &Host) -> Self {
        let info = rustix::system::sysinfo();
        Self {
            cpus: threads::cores() as u32,
            memory: (info.totalram as u64).saturating_mul(u64::from(info.mem_unit)),
            gpus: match host.get(DEVICES) {
                Some(names) => names
                    .split(',')
                    .map(|it| it.trim().to_owned())
                    .filter(|it| !it.is_empty() && it != "-1")
                    .collect(),
                None => (0..gpus()).map(|it| it.to_string()).collect(),
            },
        }
    }
}

/// GPUs with a driver, by their device files.
fn gpus() -> usize {
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
    };
    let found = fs::read_dir("/dev").into_iter().flatten().flatten();
    found
        .filter(|it| it.file_name().to_str().is_some_and(is_gpu))
        .count()
}

/// What a stage takes while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    jobs: usize,
    cpus: u32,
    memory: u64,
    pub gpus: u32,
}

impl Share {
    pub fn of(resources: &Resources, uses_gpu: bool) -> Self {
        Self {
            jobs: 1,
            cpus: resources.cpus,
            memory: resources.memory.map_or(0, |it| it.bytes),
            gpus: resources.gpus.max(u32::from(uses_gpu)),
        }
    }

    /// Whether `more` fits beside what is taken. Alone, anything fits.
    pub fn has_room(&self, more: &Self, jobs: usize, capacity: &Capacity) -> bool {
        self.jobs == 0
            || (self.jobs + more.jobs <= jobs
                && self.cpus + more.cpus <= capacity.cpus
                && self.memory.saturating_add(more.memory) <= capacity.memory
                && (more.gpus == 0 || self.gpus + more.gpus <= capacity.gpus.len() as u32))
    }

    /// Whether nothing that takes room fits beside what is taken.
    pub fn is_full(&self, jobs: usize) -> bool {
        self.jobs >= jobs
    }

    pub fn take(&mut self, more: &Self) {
        self.jobs += more.jobs;
        self.cpus += more.cpus;
        self.memory = self.memory.saturating_add(more.memory);
        self.gpus += more.gpus;
    }

    pub fn give_back(&mut self, less: &Self) {
        self.jobs -= less.jobs;
        self.cpus -= less.cpus;
        self.memory -= less.memory;
        self.gpus -= less.gpus;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_leaves_less_room_and_the_first_always_fits() {
        let capacity = Capacity {
            cpus: 4,
            memory: 100,
            gpus: vec!["0".to_owned()],
        };
        let resources = |cpus| Resources {
            cpus,
            ..Resources::default()
        };
        let mut taken = Share::default();
        let large = Share::of(&resources(64), false);
        assert!(taken.has_room(&large, 8, &capacity));
        taken.take(&Share::of(&resources(3), true));
        assert!(taken.has_room(&Share::of(&resources(1), false), 8, &capacity));
        assert!(!taken.has_room(&Share::of(&resources(2), false), 8, &capacity));
        assert!(!taken.has_room(&Share::of(&resources(1), true), 8, &capacity));
        assert!(!taken.has_room(&Share::of(&resources(1), false), 1, &capacity));
        taken.give_back(&Share::of(&resources(3), true));
        assert_eq!(taken, Share::default());
    }

    #[test]
    fn gpus_that_were_hidden_from_pipe_are_not_given_to_stages() {
        let with = |devices: &str| {
            let variables = [(DEVICES.into(), devices.into())].into();
            Capacity::of_machine(&Host::new(variables)).gpus
        };
        assert_eq!(with("2, GPU-7"), ["2", "GPU-7"]);
        assert!(with("").is_empty());
        assert!(with("-1").is_empty());
        assert!(Capacity::of_machine(&Host::default()).memory > 0);
    }
}
