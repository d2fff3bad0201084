//! Runs jobs on this machine: commands and workers, under a supervisor that outlives nobody.
//! A thread a job attends to it, and then to another; the supervisor and the zygote have one each that hears them.

mod attendant;
mod board;
mod bounds;
mod command;
mod crew;
pub mod fence;
mod link;
mod mailbox;
mod output;
mod worker;
mod zygote;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use pipe_schema::{
    protocol::Request,
    run::{Failure, FailureKind},
};

pub use self::command::typed;
use self::{
    attendant::Attendant,
    board::{Board, End},
    crew::Crew,
    link::Link,
    zygote::ZygoteLink,
};
use super::{
    CommandJob, Executor, InputCheck, Job, JobWork, Message, Outcome, Stop, WorkerJob,
    environment::Host,
    failure,
    mask::Mask,
    supervisor::{self, Notice},
};

/// How long a worker that was told to finish may go on.
const FINISH_GRACE: Duration = Duration::from_secs(10);
/// How long a process that was sent SIGTERM may go on.
const TERMINATE_GRACE: Duration = Duration::from_secs(5);

/// Where a zygote writes what it says before it has a job.
const ZYGOTE_LOG: &str = "worker.log";

/// What a local executor needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program that has the command `supervise`: pipe itself, `/proc/self/exe`.
    pub program: PathBuf,
    /// The worker's program.
    pub worker: PathBuf,
    pub host: Host,
    /// An existing folder for what the worker says outside of jobs.
    pub logs: PathBuf,
}

/// Runs jobs on this machine. Starts nothing before the first job.
pub struct Local {
    config: Config,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    board: Arc<Board>,
    crew: Crew,
    link: Option<Link>,
    zygote: Option<ZygoteLink>,
    zygotes: u64,
}

impl Local {
    pub fn new(config: Config) -> Self {
        let (sender, receiver) = unbounded();
        Self {
            config,
            sender,
            receiver,
            board: Arc::default(),
            crew: Crew::new(),
            link: None,
            zygote: None,
            zygotes: 0,
        }
    }

    fn begin(&mut self, job: &Job) -> io::Result<()> {
        let link = self.link()?;
        let attendant = Attendant::new(job, &self.board, &self.sender, &link);
        match &job.work {
            JobWork::Command(command) => self.begin_command(job, command, attendant),
            JobWork::Worker(worker) if worker.is_fresh => {
                let mut env = self.config.host.worker_base();
                env.extend(worker.env.iter().cloned());
                let program = (self.config.worker.clone(), "job");
                self.begin_fresh(
                    job,
                    program,
                    env,
                    (worker.request.clone(), worker.check.clone()),
                    (&worker.mask, worker.has_secrets),
                    attendant,
                )
            }
            JobWork::Fetch(request) => {
                let env = self.config.host.fetcher_base();
                let program = (self.config.program.clone(), "fetch");
                self.begin_fresh(
                    job,
                    program,
                    env,
                    (request.clone(), None),
                    (&Arc::default(), false),
                    attendant,
                )
            }
            JobWork::Worker(worker) => self.begin_forked_worker(job, worker, attendant),
        }
    }

    fn begin_command(
        &mut self,
        job: &Job,
        command: &CommandJob,
        attendant: Attendant,
    ) -> io::Result<()> {
        let (reader, writer) = io::pipe()?;
        let mut env = self.config.host.base();
        env.extend(command.env.iter().cloned());
        let (program, args) = command::program(&command.shell, &command.lines);
        let mut attendant = attendant;
        attendant.name_program(program.as_ref());
        let mut start = supervisor::Start {
            job: job.id,
            program,
            args,
            env,
            folder: text_of(&command.folder)?,
            memory: job.memory,
            has_socket: false,
            has_fence: false,
            leaves_no_core: command.has_secrets,
        };
        let output = output::Output::new(reader, &job.log, &command.mask);
        let link = self.link()?;
        let command = command.clone();
        let Some(confinement) = command.confinement.clone() else {
            link.start(&start, writer.into(), None, None)?;
            return (self.crew).run(move || command::attend(attendant, &command, output));
        };
        self.board.set_awaited(job.id);
        (self.crew).run(move || {
            let fence = confinement.build().and_then(|()| {
                let fence = fence::around(confinement.reads());
                fence.map_err(|error| failure::of_io("it could not be confined", &error))
            });
            let begun = fence.and_then(|fence| {
                if !attendant.board.set_ready(attendant.job) {
                    let message = "it was not begun";
                    return Err(failure::plain(FailureKind::Io, message, None));
                }
                start.has_fence = fence.is_some();
                let started = link.start(&start, writer.into(), None, fence);
                started.map_err(|error| failure::of_io("its process could not be started", &error))
            });
            match begun {
                Ok(()) => command::attend(attendant, &command, output),
                Err(failure) => {
                    attendant.board.forget(attendant.job);
                    attendant.finish(Err(failure));
                }
            }
        })
    }

    /// Starts a program, with its mode, that serves one request.
    fn begin_fresh(
        &mut self,
        job: &Job,
        (program, mode): (PathBuf, &str),
        env: Vec<(String, String)>,
        (request, check): (Box<Request>, Option<Arc<dyn InputCheck>>),
        (mask, has_secrets): (&Arc<Mask>, bool),
        mut attendant: Attendant,
    ) -> io::Result<()> {
        let (reader, writer) = io::pipe()?;
        let (channel, theirs) = pipe_wire::Channel::pair()?;
        let start = supervisor::Start {
            job: job.id,
            program: text_of(&program)?,
            args: vec![mode.to_owned()],
            env,
            folder: text_of(&self.config.logs)?,
            memory: job.memory,
            has_socket: true,
            has_fence: false,
            leaves_no_core: has_secrets,
        };
        let output = output::Output::new(reader, &job.log, mask);
        self.link()?
            .start(&start, writer.into(), Some(theirs.into()), None)?;
        attendant.name_program(&program);
        (self.crew).run(move || worker::attend(attendant, channel, (&request, check), Some(output)))
    }

    fn begin_forked_worker(
        &mut self,
        job: &Job,
        worker: &WorkerJob,
        mut attendant: Attendant,
    ) -> io::Result<()> {
        attendant.name_program(&self.config.worker);
        attendant.name_spare_log(&self.config.logs.join(ZYGOTE_LOG));
        let request = worker.request.clone();
        // A zygote that died is found out by sending to it; a new one gets the job then.
        for is_last_try in [false, true] {
            let (channel, theirs) = pipe_wire::Channel::pair()?;
            let asked = self.zygote()?.fork(job, &theirs);
            match asked {
                Ok(()) => {
                    let check = worker.check.clone();
                    let attend =
                        move || worker::attend(attendant, channel, (&request, check), None);
                    return self.crew.run(attend);
                }
                Err(error) if is_last_try => return Err(error),
                Err(_) => self.zygote = None,
            }
        }
        Ok(())
    }

    fn link(&mut self) -> io::Result<Link> {
        if self.link.as_ref().is_none_or(Link::is_gone) {
            self.zygote = None;
            let board = Arc::clone(&self.board);
            let hear = move |notice| match notice {
                Some(Notice::NotStarted { job, error }) => board.end(job, End::NotStarted(error)),
                Some(Notice::Exited { job, exit }) => board.end(job, End::Exited(exit)),
                None => board.lose(None, &End::Lost),
            };
            self.link = Some(Link::open(&self.config.program, hear)?);
        }
        self.link
            .clone()
            .ok_or_else(|| io::Error::other("there is no supervisor"))
    }

    fn zygote(&mut self) -> io::Result<&mut ZygoteLink> {
        if self.zygote.as_ref().is_none_or(ZygoteLink::is_gone) {
            // Jobs are numbered from below, zygotes from above.
            let id = u64::MAX - self.zygotes;
            self.zygotes += 1;
            let log = self.config.logs.join(ZYGOTE_LOG);
            let start = supervisor::Start {
                job: id,
                program: text_of(&self.config.worker)?,
                args: vec!["zygote".to_owned()],
                env: self.config.host.worker_base(),
                folder: text_of(&self.config.logs)?,
                memory: None,
                has_socket: true,
                has_fence: false,
                leaves_no_core: false,
            };
            let board = Arc::clone(&self.board);
            let zygote = ZygoteLink::open(&self.link()?, &start, &log, &board)?;
            self.zygote = Some(zygote);
        }
        self.zygote
            .as_mut()
            .ok_or_else(|| io::Error::other("there is no zygote"))
    }
}

impl Executor for Local {
    fn start(&mut self, job: Job) {
        if let Err(error) = self.begin(&job) {
            self.board.forget(job.id);
            let now = Instant::now();
            let outcome = Outcome {
                result: Err(unstarted(&job, &error)),
                exit: None,
                started: now,
                ended: now,
            };
            let _ = self.sender.send(Message::Finished {
                job: job.id,
                outcome: Box::new(outcome),
            });
        }
    }

    fn stop(&mut self, job: u64, how: Stop) {
        let Some(link) = &self.link else { return };
        let (finish, terminate_in, kill_in) = match how {
            Stop::Finish => (true, Some(FINISH_GRACE), FINISH_GRACE + TERMINATE_GRACE),
            Stop::Terminate => (false, Some(Duration::ZERO), TERMINATE_GRACE),
            Stop::Kill => (false, None, Duration::ZERO),
        };
        self.board.stop(job, finish, terminate_in, kill_in, link);
    }

    fn messages(&self) -> &Receiver<Message> {
        &self.receiver
    }
}

fn unstarted(job: &Job, error: &io::Error) -> Failure {
    let mut failure = failure::of_io("its process could not be started", error);
    failure.log = Some(job.log.display().to_string());
    failure
}

fn text_of(path: &Path) -> io::Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        io::Error::other(format!(
            "the path {} is not text that can be passed on",
            path.display()
        ))
    })
}
