//! The end of a run that did not come to its own: all that is left is killed. Knows no job.

use std::time::{Duration, Instant};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use rustix::process::Signal;

use super::{GONE, descendants};

/// How long a supervisor tries to kill what is left when the runner is gone.
const LAST: Duration = Duration::from_secs(30);

/// Kills what a supervisor that is dead itself has left: its marks stay, wherever its processes went.
pub fn kill_marked_by(supervisor: u32) {
    let until = Instant::now() + GONE;
    let prefix = format!("{supervisor}.");
    loop {
        let mut left = descendants::marked_anywhere(&prefix);
        left.retain(|&pid| rustix::process::kill_process(pid, Signal::KILL).is_ok());
        if left.is_empty() || Instant::now() > until {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills all that descends from this process, which is their subreaper.
pub fn kill_descendants() {
    let until = Instant::now() + LAST;
    loop {
        let processes = descendants::read();
        let mut is_any_alive = false;
        for pid in processes.below(rustix::process::getpid()) {
            if !processes.is_zombie(pid) {
                is_any_alive = true;
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        while matches!(
            waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG),
            Ok(status) if status != WaitStatus::StillAlive
        ) {}
        if !is_any_alive || Instant::now() > until {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
