//! What of the machine is shared out among the stages that run. Starts nothing.

use std::{fs, thread};

use pipe_schema::stage::Resources;

/// What of the machine is shared out. A stage that asks for more than all of it runs alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub cpus: u32,
    pub memory: u64,
    pub gpus: u32,
}

impl Capacity {
    /// All of this machine.
    pub fn of_machine() -> Self {
        Self {
            cpus: thread::available_parallelism().map_or(1, |it| it.get() as u32),
            memory: memory().unwrap_or(u64::MAX),
            gpus: fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, |it| it.count() as u32),
        }
    }
}

/// Bytes of memory of this machine.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// What a stage takes while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    jobs: usize,
    cpus: u32,
    memory: u64,
    gpus: u32,
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
                && (more.gpus == 0 || self.gpus + more.gpus <= capacity.gpus))
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
            gpus: 1,
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
        assert!(Capacity::of_machine().memory > 0);
    }
}
