//! The runner's end of a zygote: forks out, births and deaths in. Knows no request.

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use pipe_schema::protocol::{Fork, Zygote};
use pipe_wire::{Channel, Receiver, Sender, process};

use super::{
    super::{Job, supervisor::Start},
    attendant::DRAIN,
    board::{Board, End},
    link::Link,
};

/// The connection to a zygote, which ends when this is dropped.
pub struct ZygoteLink {
    id: u64,
    sender: Sender,
    is_gone: Arc<AtomicBool>,
    board: Arc<Board>,
}

impl ZygoteLink {
    /// Starts a zygote. What it says on standard error goes to `log`.
    pub fn open(link: &Link, start: &Start, log: &Path, board: &Arc<Board>) -> io::Result<Self> {
        let (Channel { sender, receiver }, theirs) = Channel::pair()?;
        let log = process::open_log(log)?;
        let end = board.add(start.job, false);
        link.start(start, log.into(), Some(theirs.into()), None)?;
        let is_gone = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_gone);
        let (id, link, ears) = (start.job, link.clone(), Arc::clone(board));
        thread::Builder::new()
            .name("zygote".to_owned())
            .spawn(move || {
                hear(receiver, id, &ears, &link);
                flag.store(true, Ordering::SeqCst);
                // How the zygote itself ended is what its jobs' failures tell.
                let end = end.take(Some(DRAIN)).unwrap_or(End::Lost);
                ears.lose(Some(id), &end);
            })?;
        Ok(Self {
            id,
            sender,
            is_gone,
            board: Arc::clone(board),
        })
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// Asks for a child that serves `socket`.
    pub fn fork(&mut self, job: &Job, socket: &UnixStream) -> io::Result<()> {
        let log = super::text_of(&job.log)?;
        let fork = Fork {
            job: job.id,
            log,
            memory: job.memory,
        };
        self.sender.send_with(&fork, &[socket.as_fd()])?;
        self.board.set_zygote(job.id, self.id);
        if self.is_gone() {
            // It died before it was known to have the job.
            self.board.lose(Some(self.id), &End::Lost);
        }
        Ok(())
    }
}

impl Drop for ZygoteLink {
    fn drop(&mut self) {
        // The receiving thread holds the socket, too: only a shutdown tells the zygote that we are done.
        let _ = rustix::net::shutdown(self.sender.as_fd(), rustix::net::Shutdown::Write);
    }
}

fn hear(mut receiver: Receiver, id: u64, board: &Board, link: &Link) {
    while let Ok(Some(said)) = receiver.receive::<Zygote>() {
        match said {
            Zygote::Forked { job, pid } => board.set_child(job, pid, id, link),
            Zygote::Exited { job, exit } => {
                if link.clear(job, exit).is_err() {
                    board.end(job, End::Exited(exit));
                }
            }
        }
    }
}
