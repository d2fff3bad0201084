//! The runner's end of the supervisor: orders out, notices in. Knows no stage.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use pipe_schema::protocol::Exit;
use pipe_wire::{Channel, Sender};

use super::super::supervisor::{Notice, Order, Start, Stop, kill_marked_by};

/// The connection to a supervisor. When all clones are dropped, the supervisor kills what it started and ends.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    sender: Mutex<Sender>,
    is_gone: Arc<AtomicBool>,
}

impl Link {
    /// Starts a supervisor. `hear` gets what it says, in a thread of its own; nothing when it is gone, with all it started.
    pub fn open(
        program: &Path,
        hear: impl Fn(Option<Notice>) + Send + 'static,
    ) -> io::Result<Self> {
        let (channel, theirs) = Channel::pair()?;
        let mut supervisor = Command::new(program)
            .arg0("pipe")
            .arg("supervise")
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .current_dir("/")
            .spawn()?;
        let Channel {
            sender,
            mut receiver,
        } = channel;
        let is_gone = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_gone);
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || {
                while let Ok(Some(notice)) = receiver.receive::<Notice>() {
                    hear(Some(notice));
                }
                flag.store(true, Ordering::Relaxed);
                // If it was killed, what it watched over is still there. Nobody else gets its number before it is waited for.
                kill_marked_by(supervisor.id());
                hear(None);
                let _ = supervisor.wait();
            })?;
        let sender = Mutex::new(sender);
        Ok(Self {
            shared: Arc::new(Shared { sender, is_gone }),
        })
    }

    /// Whether the supervisor has ended.
    pub fn is_gone(&self) -> bool {
        self.shared.is_gone.load(Ordering::Relaxed)
    }

    /// Orders a process. Its descriptors are closed here: the process alone holds them.
    pub fn start(
        &self,
        start: &Start,
        output: OwnedFd,
        socket: Option<OwnedFd>,
        fence: Option<OwnedFd>,
    ) -> io::Result<()> {
        let owned: Vec<OwnedFd> = [Some(output), socket, fence]
            .into_iter()
            .flatten()
            .collect();
        let descriptors: Vec<BorrowedFd<'_>> = owned.iter().map(AsFd::as_fd).collect();
        self.sender()
            .send_with(&Order::Start(start.clone()), &descriptors)
    }

    /// Orders an end. If the supervisor is gone, so is the job.
    pub fn stop(&self, stop: Stop) {
        let _ = self.sender().send(&Order::Stop(stop));
    }

    /// Orders the end of what a zygote's child left behind; then the supervisor tells of the child's end.
    pub fn clear(&self, job: u64, exit: Exit) -> io::Result<()> {
        self.sender().send(&Order::Clear { job, exit })
    }

    fn sender(&self) -> std::sync::MutexGuard<'_, Sender> {
        self.shared
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The receiving thread holds the socket, too: only a shutdown tells the supervisor that we are done.
        let sender = self
            .sender
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = rustix::net::shutdown(sender.as_fd(), rustix::net::Shutdown::Write);
    }
}
