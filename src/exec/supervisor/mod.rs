//! The process that starts all others of a run and survives none of them: it watches over groups and descendants,
//! and when the runner's end of the socket closes it kills all that is left. Single-threaded. Knows no stage and no protocol.

mod descendants;
mod last;
mod memory;
mod start;

pub use self::last::kill_marked_by;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno as NixErrno,
    sys::wait::{Id, WaitPidFlag, WaitStatus, waitid},
};
use pipe_schema::protocol::Exit;
use pipe_wire::{Channel, Receiver, Sender, process};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal},
};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use self::start::{mark, spawn};

/// How long the supervisor waits for killed processes to be gone before it reports the end of their job.
const GONE: Duration = Duration::from_secs(2);

/// What the runner orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Start(Start),
    Stop(Stop),
    /// A zygote's child ended: what it left behind is to end, too, before `Exited` is told of it.
    Clear {
        job: u64,
        exit: Exit,
    },
}

/// A process to start, in a group of its own. With the order come the descriptors of its output and, if it has them, of its
/// socket and of the ruleset that it is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub job: u64,
    pub program: String,
    pub args: Vec<String>,
    /// All that it sees.
    pub env: Vec<(String, String)>,
    pub folder: String,
    pub memory: Option<u64>,
    pub has_socket: bool,
    pub has_fence: bool,
    /// It sees secrets, which a core file would hold.
    pub leaves_no_core: bool,
}

/// A job to end: SIGTERM and SIGKILL to all of its processes, in this many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub target: Target,
    pub terminate_in: Option<u64>,
    pub kill_in: u64,
}

/// Whom to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A job that the supervisor started.
    Job(u64),
    /// A process that a job's process started: a zygote's child.
    Child { job: u64, pid: i32, parent: u64 },
}

/// What the supervisor tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The process could not be started.
    NotStarted { job: u64, error: String },
    /// The job's process ended, and nothing is left of its group and its descendants.
    Exited { job: u64, exit: Exit },
}

/// Serves the runner on standard input until it goes away, then kills all that is left.
pub fn serve() -> Result<()> {
    // The control socket takes the place that a child's socket will have, so that nothing else can lie there.
    let control = rustix::io::fcntl_dupfd_cloexec(io::stdin(), process::SOCKET)
        .context("taking over the control socket")?;
    let nothing = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    // A session of its own: what is typed at the terminal reaches the runner only. It fails where we lead a group already.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        // Caught rather than ignored: children would inherit being ignored.
        signal_hook::flag::register(signal, std::sync::Arc::default())?;
    }
    let (bell, clapper) = UnixStream::pair()?;
    bell.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGCHLD, clapper)?;

    let Channel { sender, receiver } = Channel::new(UnixStream::from(control))?;
    let mut supervisor = Supervisor {
        sender,
        jobs: BTreeMap::new(),
        stops: BTreeMap::new(),
        memory: memory::Watch::default(),
        over_memory: BTreeSet::new(),
    };
    let served = supervisor.watch(receiver, &bell);
    last::kill_descendants();
    match served {
        // The runner died while it was told something: that is an end like any other.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        served => served,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
}

struct Supervisor {
    sender: Sender,
    /// Processes that were started and have not ended, by job.
    jobs: BTreeMap<u64, Pid>,
    /// Signals that are due.
    stops: BTreeMap<Target, Deadlines>,
    memory: memory::Watch,
    /// Jobs that were ended because they took too much.
    over_memory: BTreeSet<u64>,
}

#[derive(Clone, Copy)]
struct Deadlines {
    terminate: Option<Instant>,
    kill: Instant,
}

impl Supervisor {
    fn watch(&mut self, mut orders: Receiver, bell: &UnixStream) -> Result<()> {
        loop {
            let (is_ordered, _) = wait(&orders, bell, self.next_deadline())?;
            while io::Read::read(&mut &*bell, &mut [0; 64]).is_ok_and(|got| got > 0) {}
            self.reap()?;
            if is_ordered {
                loop {
                    match orders.receive::<Order>()? {
                        Some(Order::Start(start)) => self.start(&start, &mut orders)?,
                        Some(Order::Stop(stop)) => self.note_stop(stop),
                        Some(Order::Clear { job, exit }) => self.end(job, exit)?,
                        None => return Ok(()),
                    }
                    if !orders.has_line() {
                        break;
                    }
                }
            }
            self.send_due_signals();
            self.end_jobs_over_memory();
        }
    }

    /// Ends the jobs whose processes take more memory together than they may.
    fn end_jobs_over_memory(&mut self) {
        let jobs = &self.jobs;
        let over = self.memory.find_over(|processes, job| {
            let leader = jobs.get(&job).copied();
            leader.map_or(Vec::new(), |pid| processes.of_job(pid, &mark(job)))
        });
        for job in over {
            self.over_memory.insert(job);
            self.signal(Target::Job(job), Signal::KILL);
        }
    }

    fn start(&mut self, start: &Start, orders: &mut Receiver) -> Result<()> {
        let output = orders
            .take_descriptor()
            .context("an order came without the descriptor of the output")?;
        let mut take = |is_sent: bool| is_sent.then(|| orders.take_descriptor()).flatten();
        let (socket, fence) = (take(start.has_socket), take(start.has_fence));
        match spawn(start, &output, socket.as_ref(), fence.as_ref()) {
            Ok(pid) => {
                self.jobs.insert(start.job, pid);
                if let Some(bytes) = start.memory {
                    self.memory.add(start.job, bytes);
                }
                Ok(())
            }
            Err(error) => Ok(self.sender.send(&Notice::NotStarted {
                job: start.job,
                error: error.to_string(),
            })?),
        }
    }

    fn note_stop(&mut self, stop: Stop) {
        let now = Instant::now();
        let deadlines = Deadlines {
            terminate: stop.terminate_in.map(|it| now + Duration::from_millis(it)),
            kill: now + Duration::from_millis(stop.kill_in),
        };
        self.stops
            .entry(stop.target)
            .and_modify(|old| {
                old.terminate = match (old.terminate, deadlines.terminate) {
                    (Some(old), Some(new)) => Some(old.min(new)),
                    (old, new) => old.or(new),
                };
                old.kill = old.kill.min(deadlines.kill);
            })
            .or_insert(deadlines);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.stops
            .values()
            .flat_map(|it| it.terminate.into_iter().chain([it.kill]))
            .chain(self.memory.next())
            .min()
    }

    fn send_due_signals(&mut self) {
        let now = Instant::now();
        let mut due = Vec::new();
        self.stops.retain(|&target, deadlines| {
            if deadlines.kill <= now {
                due.push((target, Signal::KILL));
                return false;
            }
            if deadlines.terminate.is_some_and(|at| at <= now) {
                deadlines.terminate = None;
                due.push((target, Signal::TERM));
            }
            true
        });
        for (target, signal) in due {
            self.signal(target, signal);
        }
    }

    /// Signals a job's group and those of its processes that left the group.
    fn signal(&self, target: Target, signal: Signal) {
        let processes = descendants::read();
        let (leader, job) = match target {
            Target::Job(job) => match self.jobs.get(&job) {
                Some(&pid) => (pid, job),
                None => return,
            },
            Target::Child { job, pid, parent } => {
                // The number may have been given to another process since.
                let is_child = self.jobs.get(&parent).is_some_and(|parent| {
                    processes.parent_of(pid) == Some(parent.as_raw_nonzero().get())
                });
                match Pid::from_raw(pid).filter(|_| is_child) {
                    Some(pid) => (pid, job),
                    None => return,
                }
            }
        };
        let targets = processes.of_job(leader, &mark(job));
        let _ = rustix::process::kill_process_group(leader, signal);
        for pid in targets.into_iter().filter(|pid| *pid != leader) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Tells of jobs that ended, after killing what they left behind.
    fn reap(&mut self) -> Result<()> {
        let ended: Vec<(u64, Pid)> = self
            .jobs
            .iter()
            .filter(|(_, pid)| has_ended(**pid))
            .map(|(&job, &pid)| (job, pid))
            .collect();
        for (job, pid) in ended {
            // As long as it is not reaped, its number belongs to nobody else.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let exit = process::reap(pid)?;
            self.jobs.remove(&job);
            self.stops.remove(&Target::Job(job));
            self.memory.remove(job);
            let is_over_memory = self.over_memory.remove(&job);
            let exit = Exit {
                is_over_memory,
                ..exit
            };
            self.end(job, exit)?;
        }
        Ok(())
    }

    fn end(&mut self, job: u64, exit: Exit) -> Result<()> {
        self.clear_leftovers(job);
        Ok(self.sender.send(&Notice::Exited { job, exit })?)
    }

    /// Kills the orphans of a job. Those that bear no mark are spared while other jobs run: they may be theirs.
    fn clear_leftovers(&self, job: u64) {
        let until = Instant::now() + GONE;
        let live: Vec<Pid> = self.jobs.values().copied().collect();
        // Whatever a job left behind hangs below a child of ours that no job is led by.
        if descendants::has_no_children_but(&live) {
            return;
        }
        loop {
            let processes = descendants::read();
            let mut leftovers = processes.marked(&mark(job));
            let orphans = processes.children_of(rustix::process::getpid());
            for orphan in orphans.into_iter().filter(|it| !live.contains(it)) {
                if processes.is_zombie(orphan) {
                    let _ = process::reap(orphan);
                } else if live.is_empty() {
                    leftovers.push(orphan);
                    leftovers.extend(processes.below(orphan));
                }
            }
            leftovers.retain(|&it| !processes.is_zombie(it));
            if leftovers.is_empty() || Instant::now() > until {
                return;
            }
            for pid in leftovers {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether a child is dead, without reaping it.
fn has_ended(pid: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let pid = nix::unistd::Pid::from_raw(pid.as_raw_nonzero().get());
    match waitid(Id::Pid(pid), flags) {
        Ok(WaitStatus::StillAlive) => false,
        Ok(_) | Err(NixErrno::ECHILD) => true,
        Err(_) => false,
    }
}

/// Waits for an order, for the end of a child, or until `deadline`.
fn wait(
    orders: &Receiver,
    bell: &UnixStream,
    deadline: Option<Instant>,
) -> io::Result<(bool, bool)> {
    let mut sources = [
        PollFd::new(orders, PollFlags::IN),
        PollFd::new(bell, PollFlags::IN),
    ];
    let timeout = deadline.map(|at| {
        let left = at.saturating_duration_since(Instant::now());
        Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        }
    });
    match poll(&mut sources, timeout.as_ref()) {
        Ok(_) => Ok((
            !sources[0].revents().is_empty(),
            !sources[1].revents().is_empty(),
        )),
        Err(Errno::INTR) => Ok((false, true)),
        Err(error) => Err(error.into()),
    }
}
