//! What the thread of every job needs: where its end arrives, and where its messages go. Knows no kind of job.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use pipe_schema::{
    protocol::{Done, Exit},
    run::{Failure, FailureKind},
};

use super::{
    super::{Job, JobWork, Message, Outcome, failure},
    board::{Board, End},
    link::Link,
    mailbox::{Mailbox, Nothing},
};

/// How long a socket or pipe may stay open after its job's process ended: something else holds it.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Attends to one job.
pub struct Attendant {
    pub job: u64,
    pub board: Arc<Board>,
    log: PathBuf,
    /// What the worker said before it had a job.
    spare_log: Option<PathBuf>,
    program: PathBuf,
    memory: Option<u64>,
    messages: Sender<Message>,
    ends: Mailbox<End>,
    end: Option<(End, Instant)>,
    started: Instant,
    link: Link,
}

impl Attendant {
    pub fn new(job: &Job, board: &Arc<Board>, messages: &Sender<Message>, link: &Link) -> Self {
        let is_forked = matches!(&job.work, JobWork::Worker(worker) if !worker.is_fresh);
        Self {
            job: job.id,
            board: Arc::clone(board),
            log: job.log.clone(),
            spare_log: None,
            program: PathBuf::from("/bin/sh"),
            memory: job.memory,
            messages: messages.clone(),
            ends: board.add(job.id, is_forked),
            end: None,
            started: Instant::now(),
            link: link.clone(),
        }
    }

    /// The log of the attempt.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Names the program, for the message that it could not be started.
    pub fn name_program(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    /// Names the log that tells why there was no process.
    pub fn name_spare_log(&mut self, log: &Path) {
        self.spare_log = Some(log.to_owned());
    }

    pub fn say(&self, message: Message) {
        // Nobody listens any more when the run is over.
        let _ = self.messages.send(message);
    }

    pub fn log(&self, text: String) {
        self.say(Message::Log {
            job: self.job,
            text,
        });
    }

    /// Whether the process ended so long ago that what it left open is not waited for.
    pub fn is_over(&mut self) -> bool {
        if self.end.is_none()
            && let Ok(end) = self.ends.take(Some(Duration::ZERO))
        {
            self.end = Some((end, Instant::now()));
        }
        self.end.as_ref().is_some_and(|(end, at)| match end {
            End::Exited(_) => at.elapsed() > DRAIN,
            End::NotStarted(_) | End::Lost => true,
        })
    }

    /// Waits for the end of the process. One that has nothing more to say and does not end is killed.
    pub fn wait(&mut self, patience: Duration) -> End {
        if let Some((end, _)) = &self.end {
            return end.clone();
        }
        let end = match self.ends.take(Some(patience)) {
            Ok(end) => end,
            Err(Nothing::More) => End::Lost,
            Err(Nothing::Yet) => {
                let now = Duration::ZERO;
                self.board.stop(self.job, false, None, now, &self.link);
                self.ends.take(None).unwrap_or(End::Lost)
            }
        };
        self.end = Some((end.clone(), Instant::now()));
        end
    }

    /// The end of the process, if it comes within this time.
    pub fn wait_briefly(&mut self, time: Duration) -> Option<End> {
        if self.end.is_none()
            && let Ok(end) = self.ends.take(Some(time))
        {
            self.end = Some((end, Instant::now()));
        }
        self.end.as_ref().map(|(end, _)| end.clone())
    }

    /// The failure of a process that ended without an answer.
    pub fn failure_of(&self, what: &str, end: &End) -> Failure {
        match end {
            End::Exited(exit) => failure::of_exit(what, exit, self.memory),
            End::NotStarted(error) => failure::plain(
                FailureKind::Wrong,
                format!("{what} could not be started: {error}"),
                Some(&format!(
                    "check `{}` and the folder it starts in",
                    self.program.display()
                )),
            ),
            End::Lost => failure::plain(
                FailureKind::Signal(9),
                format!("{what} was lost: the process that watched over it ended"),
                Some(
                    "if it was not killed by hand, the kernel may have ended it for lack of memory",
                ),
            ),
        }
    }

    /// The last message of the job.
    pub fn finish(self, result: Result<Done, Failure>) {
        let exit: Option<Exit> = match &self.end {
            Some((End::Exited(exit), _)) => Some(*exit),
            _ => None,
        };
        let outcome = Outcome {
            result: result.map_err(|failure| self.add_log(failure)),
            exit,
            started: self.started,
            ended: Instant::now(),
        };
        let job = self.job;
        self.say(Message::Finished {
            job,
            outcome: Box::new(outcome),
        });
    }

    fn add_log(&self, failure: Failure) -> Failure {
        // What is told of must be there, were it empty.
        let _ = pipe_wire::process::open_log(&self.log);
        let mut failure = failure::with_log(failure, &self.log);
        if let Some(log) = self.spare_log.as_ref().filter(|_| failure.tail.is_empty()) {
            failure.tail = failure::tail(log);
        }
        failure::name_lack_of_memory(failure, "its process", self.memory)
    }
}
