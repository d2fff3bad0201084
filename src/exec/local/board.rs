//! Who waits for the end of which job, and what is needed to end it early. Starts nothing.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pipe_schema::protocol::{Control, Exit};

use super::{
    super::supervisor::{Stop, Target},
    link::Link,
    mailbox::{Mailbox, Slit, mailbox},
};

/// How a job's process ended.
#[derive(Clone, Debug)]
pub enum End {
    Exited(Exit),
    /// There never was one.
    NotStarted(String),
    /// Whoever watched it is gone.
    Lost,
}

/// The jobs that have not ended.
#[derive(Default)]
pub struct Board {
    entries: Mutex<HashMap<u64, Entry>>,
}

struct Entry {
    end: Slit<End>,
    /// Whether a zygote makes its process.
    is_forked: bool,
    /// Whether the supervisor does not know of it yet.
    is_awaited: bool,
    /// The zygote's number, once it took the job.
    zygote: Option<u64>,
    /// Of a forked job: the child, once it is known.
    child: Option<i32>,
    /// What was asked before there was a process.
    held: Option<(Option<Duration>, Duration)>,
    /// Of a worker: its socket.
    control: Option<pipe_wire::Sender>,
}

impl Board {
    /// Adds a job; its end arrives in the mailbox.
    pub fn add(&self, job: u64, is_forked: bool) -> Mailbox<End> {
        let (end, mailbox) = mailbox();
        let entry = Entry {
            end,
            is_forked,
            is_awaited: false,
            zygote: None,
            child: None,
            held: None,
            control: None,
        };
        self.lock().insert(job, entry);
        mailbox
    }

    /// Notes that something must be done before the job's process is ordered.
    pub fn set_awaited(&self, job: u64) {
        if let Some(entry) = self.lock().get_mut(&job) {
            entry.is_awaited = true;
        }
    }

    /// Notes that it is done. False where the job is not wanted any more.
    pub fn set_ready(&self, job: u64) -> bool {
        self.lock().get_mut(&job).is_some_and(|entry| {
            entry.is_awaited = false;
            entry.held.is_none()
        })
    }

    /// Notes that a zygote took the job.
    pub fn set_zygote(&self, job: u64, zygote: u64) {
        if let Some(entry) = self.lock().get_mut(&job) {
            entry.zygote = Some(zygote);
        }
    }

    /// Notes the socket on which a worker hears `Stop`.
    pub fn set_control(&self, job: u64, control: pipe_wire::Sender) {
        if let Some(entry) = self.lock().get_mut(&job) {
            entry.control = Some(control);
        }
    }

    /// Notes the child that a zygote made, and ends it if that was asked meanwhile.
    pub fn set_child(&self, job: u64, pid: i32, parent: u64, link: &Link) {
        if let Some(entry) = self.lock().get_mut(&job) {
            entry.zygote = Some(parent);
            entry.child = Some(pid);
            if let Some((terminate, kill)) = entry.held.take() {
                link.stop(order(Target::Child { job, pid, parent }, terminate, kill));
            }
        }
    }

    pub fn end(&self, job: u64, end: End) {
        if let Some(entry) = self.lock().remove(&job) {
            entry.end.leave(end);
        }
    }

    pub fn forget(&self, job: u64) {
        self.lock().remove(&job);
    }

    /// Nobody watches the jobs any more, or those of one zygote.
    pub fn lose(&self, zygote: Option<u64>, end: &End) {
        self.lock().retain(|_, entry| {
            let is_lost = zygote.is_none() || entry.zygote == zygote;
            if is_lost {
                entry.end.leave(end.clone());
            }
            !is_lost
        });
    }

    pub fn stop(
        &self,
        job: u64,
        finish: bool,
        terminate: Option<Duration>,
        kill: Duration,
        link: &Link,
    ) {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(&job) else {
            return;
        };
        let mut terminate = terminate;
        match &mut entry.control {
            // It may be gone; then its end is on the way.
            Some(control) if finish => drop(control.send(&Control::Stop)),
            // Only workers know how to finish.
            _ if finish => terminate = Some(Duration::ZERO),
            _ => {}
        }
        let target = match (entry.zygote, entry.child) {
            _ if !entry.is_forked && !entry.is_awaited => Target::Job(job),
            (Some(parent), Some(pid)) => Target::Child { job, pid, parent },
            _ => {
                entry.held = Some((terminate, kill));
                return;
            }
        };
        link.stop(order(target, terminate, kill));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        // Every change under the lock is one step, so a panic elsewhere leaves nothing half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn order(target: Target, terminate: Option<Duration>, kill: Duration) -> Stop {
    Stop {
        target,
        terminate_in: terminate.map(|it| it.as_millis() as u64),
        kill_in: kill.as_millis() as u64,
    }
}
