//! A zygote: a process that has loaded all it needs and forks a child for each job.
//! Single-threaded. Knows nothing of what a job computes.

use std::{
    collections::BTreeMap,
    env, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result};
use pipe_schema::protocol::{Fork, Zygote};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::{Channel, Handler, Receiver, Sender, job, process};

/// Serves forks on the control socket that the process was started with, until that is closed.
///
/// The process should have one thread: set the tensor library's thread count to 1 before its first operation.
/// Where it has more, each job is executed afresh, as `<this program> job`: slower, but sound.
pub fn serve(handler: Handler) -> ExitCode {
    let served = process::take_socket()
        .map_err(Into::into)
        .and_then(|socket| Channel::new(UnixStream::from(socket)).map_err(Into::into))
        .and_then(|control| answer(control, handler));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A child that works. Its descriptor becomes readable when it ends.
struct Child {
    pid: Pid,
    ended: OwnedFd,
}

fn answer(control: Channel, handler: Handler) -> Result<()> {
    let Channel {
        mut sender,
        mut receiver,
    } = control;
    let mut children: BTreeMap<u64, Child> = BTreeMap::new();
    loop {
        let (asked, ended) = wait(receiver.as_fd(), &children)?;
        for job in ended {
            if let Some(child) = children.remove(&job) {
                let exit = process::reap(child.pid)?;
                sender.send(&Zygote::Exited { job, exit })?;
            }
        }
        if !asked {
            continue;
        }
        loop {
            let Some(fork) = receiver.receive::<Fork>()? else {
                return Ok(());
            };
            let socket = receiver
                .take_descriptor()
                .context("a request to fork came without the job's socket")?;
            let pid = start(&fork, socket, &mut sender, &mut receiver, handler)?;
            let ended = pidfd_open(pid, PidfdFlags::empty())?;
            children.insert(fork.job, Child { pid, ended });
            sender.send(&Zygote::Forked {
                job: fork.job,
                pid: pid.as_raw_nonzero().get(),
            })?;
            if !receiver.has_line() {
                break;
            }
        }
    }
}

/// Waits until the runner says something or a child ends.
fn wait(control: BorrowedFd<'_>, children: &BTreeMap<u64, Child>) -> io::Result<(bool, Vec<u64>)> {
    let mut sources = vec![PollFd::from_borrowed_fd(control, PollFlags::IN)];
    sources.extend(
        children
            .values()
            .map(|child| PollFd::new(&child.ended, PollFlags::IN)),
    );
    loop {
        match poll(&mut sources, None) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let ready = |source: &PollFd<'_>| !source.revents().is_empty();
    let ended = children
        .keys()
        .zip(&sources[1..])
        .filter(|(_, source)| ready(source))
        .map(|(&job, _)| job)
        .collect();
    Ok((ready(&sources[0]), ended))
}

fn start(
    fork: &Fork,
    socket: OwnedFd,
    sender: &mut Sender,
    receiver: &mut Receiver,
    handler: Handler,
) -> Result<Pid> {
    if process::threads()? != 1 {
        return execute_afresh(fork, socket);
    }
    // SAFETY: the line above saw that this process has one thread.
    if let Some(pid) = unsafe { process::fork() }.context("forking")? {
        return Ok(pid);
    }
    // From here on this is the child. It must not hold the control socket: the runner reads its end as "all gone".
    let code = match become_job(fork, sender, receiver) {
        Ok(()) => match job::converse(UnixStream::from(socket), |_| Vec::new(), handler) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("error: {error:#}");
                1
            }
        },
        Err(error) => {
            eprintln!("error: cannot set up the job: {error}");
            1
        }
    };
    process::leave(code);
}

fn become_job(fork: &Fork, sender: &mut Sender, receiver: &mut Receiver) -> io::Result<()> {
    let nothing = UnixStream::pair()?;
    sender.replace(nothing.0);
    receiver.replace(nothing.1);
    process::begin_group()?;
    // SAFETY: a child has one thread, and this one has not begun any other.
    unsafe { process::mark(fork.job) };
    let log = process::open_log(Path::new(&fork.log))?;
    rustix::stdio::dup2_stdout(&log)?;
    rustix::stdio::dup2_stderr(&log)?;
    process::bound_memory(fork.memory)
}

fn execute_afresh(fork: &Fork, socket: OwnedFd) -> Result<Pid> {
    let log = process::open_log(Path::new(&fork.log)).context("opening the log")?;
    let mut command = Command::new(env::current_exe()?);
    command
        .arg("job")
        .envs(process::mark_of(fork.job).map(|mark| (process::MARK, mark)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    process::equip(&mut command, Some(socket), fork.memory);
    let child = command.spawn().context("executing the worker afresh")?;
    Pid::from_raw(child.id() as i32).context("a child has no number")
}
