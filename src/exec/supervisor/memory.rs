//! The memory of a job's processes together, as /proc tells it: what is theirs alone or shared among them, not files that
//! are mapped. It is looked at from time to time, so a job can be over its bound for a moment. Sends no signals.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use rustix::process::Pid;

use super::descendants::Processes;

/// How often is looked, at most.
const PAUSE: Duration = Duration::from_millis(200);
/// To look takes at most this share of the time.
const SHARE: u32 = 20;

/// The jobs whose processes are bounded together.
#[derive(Default)]
pub struct Watch {
    bounds: BTreeMap<u64, u64>,
    next: Option<Instant>,
}

impl Watch {
    /// Bounds a job from now on.
    pub fn add(&mut self, job: u64, bytes: u64) {
        self.bounds.insert(job, bytes);
        self.next.get_or_insert_with(|| Instant::now() + PAUSE);
    }

    /// Forgets a job.
    pub fn remove(&mut self, job: u64) {
        self.bounds.remove(&job);
        if self.bounds.is_empty() {
            self.next = None;
        }
    }

    /// When to look next.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The jobs that take more than they may; none before it is time to look.
    pub fn find_over(&mut self, processes_of: impl Fn(&Processes, u64) -> Vec<Pid>) -> Vec<u64> {
        let begin = Instant::now();
        if self.next.is_none_or(|it| it > begin) {
            return Vec::new();
        }
        let processes = super::descendants::read();
        let over = self.bounds.iter().filter(|(job, most)| {
            let pids = processes_of(&processes, **job);
            is_over(&pids, **most)
        });
        let over = over.map(|(job, _)| *job).collect();
        self.next = Some(Instant::now() + PAUSE.max(begin.elapsed() * SHARE));
        over
    }
}

/// Whether processes take more than that together. What they share is counted once, but only where that can matter: the
/// kernel needs long to tell it.
fn is_over(pids: &[Pid], most: u64) -> bool {
    let sum = |of: fn(Pid) -> Option<u64>| pids.iter().filter_map(|pid| of(*pid)).sum::<u64>();
    sum(resident) > most && sum(proportional) > most
}

/// Memory of a process, with all that it shares.
fn resident(pid: Pid) -> Option<u64> {
    let status = read(pid, "status")?;
    Some(kibibytes(&status, "RssAnon:")? + kibibytes(&status, "RssShmem:")?)
}

/// Memory of a process, and its part of what it shares.
fn proportional(pid: Pid) -> Option<u64> {
    let parts = || {
        let rollup = read(pid, "smaps_rollup")?;
        Some(kibibytes(&rollup, "Pss_Anon:")? + kibibytes(&rollup, "Pss_Shmem:")?)
    };
    // Of a process of another user it cannot be told.
    parts().or_else(|| resident(pid))
}

fn read(pid: Pid, file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{}/{file}", pid.as_raw_nonzero())).ok()
}

/// The bytes in a line like `RssAnon:    123 kB`.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|it| it.strip_prefix(name))?;
    let number = line.trim().strip_suffix("kB")?.trim_end();
    number.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_process_is_told_by_its_status_and_its_rollup() {
        let me = rustix::process::getpid();
        let before = resident(me).unwrap();
        let block = vec![1_u8; 64 << 20];
        assert!(resident(me).unwrap() > before + (48 << 20));
        assert!(proportional(me).unwrap() > 48 << 20);
        assert!(is_over(&[me], 48 << 20));
        assert!(!is_over(&[me], 1 << 40));
        drop(block);
        assert_eq!(
            kibibytes("A: 1 kB\nRssAnon:\t  12 kB\n", "RssAnon:"),
            Some(12 << 10)
        );
        assert_eq!(kibibytes("RssAnon: many", "RssAnon:"), None);
    }
}
