//! The few calls on processes that neither std nor rustix offers. Knows nothing of jobs.

use std::{
    fs::{File, OpenOptions},
    io,
    mem::{ManuallyDrop, MaybeUninit},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    path::Path,
    process::Command,
};

use pipe_schema::protocol::Exit;
use rustix::{
    io::FdFlags,
    process::{Pid, Resource, Signal},
};

/// The descriptor under which a worker finds its socket.
pub const SOCKET: RawFd = 3;
/// The variable that marks the processes of a job, even those that leave its group and its tree: `<supervisor>.<job>`.
pub const MARK: &str = "PIPE_JOB";

/// Takes over the socket that this process was started with.
/// Call it once, before anything else opens a file: whoever started the process put the socket there.
pub fn take_socket() -> io::Result<OwnedFd> {
    // SAFETY: descriptor 3 belongs to nobody else in this process: it was opened before `main`, by the one who
    // started us, for this purpose. If it is not open, the next call says so and nothing was touched.
    let socket = unsafe { OwnedFd::from_raw_fd(SOCKET) };
    match rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC) {
        Ok(()) => Ok(socket),
        Err(error) => {
            std::mem::forget(socket);
            Err(io::Error::other(format!(
                "descriptor {SOCKET} is no socket ({error}): this program is started by pipe"
            )))
        }
    }
}

/// Opens a log file for appending.
pub fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .open(path)
}

/// Lets `command` find `socket` as descriptor 3, in a process group of its own, with its data segment bounded,
/// and ends it with the process that starts it.
pub fn equip(command: &mut Command, socket: Option<OwnedFd>, memory: Option<u64>) {
    // SAFETY: between fork and exec only system calls are made (dup2, prlimit, prctl, setpgid), all of them
    // async-signal-safe; nothing is allocated and no lock is taken.
    unsafe {
        command.pre_exec(move || {
            match &socket {
                Some(socket) if socket.as_raw_fd() == SOCKET => {
                    rustix::io::fcntl_setfd(socket, FdFlags::empty())?;
                }
                Some(socket) => {
                    let mut target = ManuallyDrop::new(OwnedFd::from_raw_fd(SOCKET));
                    rustix::io::dup2(socket, &mut target)?;
                }
                None => {}
            }
            begin_group()?;
            bound_memory(memory)?;
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            Ok(())
        });
    }
}

/// Makes this process the leader of its own group.
pub fn begin_group() -> io::Result<()> {
    Ok(rustix::process::setpgid(None, None)?)
}

/// The mark of a job whose process is made by this one, which has a mark itself.
pub fn mark_of(job: u64) -> Option<String> {
    let own = std::env::var(MARK).ok()?;
    let (supervisor, _) = own.split_once('.')?;
    Some(format!("{supervisor}.{job}"))
}

/// Marks all that this process executes from now on.
///
/// # Safety
/// The process must have one thread only: others could read the environment meanwhile.
pub unsafe fn mark(job: u64) {
    if let Some(mark) = mark_of(job) {
        // SAFETY: the caller promises that there is one thread.
        unsafe { std::env::set_var(MARK, mark) };
    }
}

/// Bounds this process's data segment. Mapped files and GPU memory do not count.
pub fn bound_memory(bytes: Option<u64>) -> io::Result<()> {
    let Some(bytes) = bytes else { return Ok(()) };
    let mut limit = rustix::process::getrlimit(Resource::Data);
    limit.current = Some(limit.maximum.map_or(bytes, |most| most.min(bytes)));
    Ok(rustix::process::setrlimit(Resource::Data, limit)?)
}

/// Makes the bound of this process's data segment final, and lets it leave no core file, which would hold what it read.
pub fn seal_limits() -> io::Result<()> {
    let mut limit = rustix::process::getrlimit(Resource::Data);
    limit.maximum = limit.current;
    rustix::process::setrlimit(Resource::Data, limit)?;
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(rustix::process::setrlimit(Resource::Core, none)?)
}

/// Number of threads of this process.
pub fn threads() -> io::Result<u32> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
        .ok_or_else(|| io::Error::other("/proc/self/status does not tell the number of threads"))
}

/// Forks. `None` in the child.
///
/// # Safety
/// The process must have one thread only: otherwise the child inherits locks that nobody will ever release.
pub unsafe fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the caller promises that there is one thread, so the child is a whole process.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Waits for a child and tells how it ended and what it used.
pub fn reap(pid: Pid) -> io::Result<Exit> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers lead to live, writable memory of the right type, which wait4 fills.
        let got = unsafe {
            libc::wait4(
                pid.as_raw_nonzero().get(),
                &raw mut status,
                0,
                usage.as_mut_ptr(),
            )
        };
        if got >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: it was zeroed, which is a valid rusage, and then filled.
    let usage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Exit {
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        cpu_seconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        is_over_memory: false,
    })
}

/// Ends this process at once, without running destructors: those of a forked or half-dead process may hang.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit may be called at any time, from any thread.
    unsafe { libc::_exit(code) }
}
