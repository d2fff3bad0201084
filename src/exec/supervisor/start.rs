//! Starting a process as an order asks, with the mark of its job. Watches nothing.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use pipe_wire::{
    process,
    spawn::{self, Program},
};
use rustix::process::Pid;

use super::Start;

/// Starts what an order asks for.
pub fn spawn(
    start: &Start,
    output: &OwnedFd,
    socket: Option<&OwnedFd>,
    fence: Option<&OwnedFd>,
) -> io::Result<Pid> {
    let mut env = start.env.clone();
    env.push((process::MARK.to_owned(), mark(start.job)));
    let program = Program {
        path: &start.program,
        args: &start.args,
        env: &env,
        folder: &start.folder,
        output: output.as_fd(),
        socket: socket.map(AsFd::as_fd),
        memory: start.memory,
        fence: fence.map(AsFd::as_fd),
        leaves_no_core: start.leaves_no_core,
    };
    spawn::spawn(&program)
}

/// What the processes of a job bear; unique among the jobs of nested runs, too.
pub fn mark(job: u64) -> String {
    format!("{}.{job}", rustix::process::getpid())
}
