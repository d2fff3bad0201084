//! Starting a program without a copy of the memory of who starts it: the child borrows it until it is another program
//! (clone(2), `CLONE_VM` and `CLONE_VFORK`). Far cheaper than `fork`. Knows nothing of jobs.

use std::{
    collections::BTreeMap,
    ffi::CString,
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr,
    sync::atomic::{AtomicI32, Ordering},
};

use rustix::process::{Pid, Resource};

use super::process::{SOCKET, reap};

/// Bytes of stack that a child has until it is another program.
const STACK: usize = 64 << 10;

/// A program to be started, in a process group of its own, which ends with the process that starts it.
/// Its standard input is that of this process.
#[derive(Debug)]
pub struct Program<'a> {
    /// A path.
    pub path: &'a str,
    /// Without the program's own name.
    pub args: &'a [String],
    /// All that it sees. Of two values of one name the last counts.
    pub env: &'a [(String, String)],
    pub folder: &'a str,
    /// Standard output and standard error.
    pub output: BorrowedFd<'a>,
    /// What it finds as descriptor 3.
    pub socket: Option<BorrowedFd<'a>>,
    /// Bound on its data segment, in bytes.
    pub memory: Option<u64>,
    /// A Landlock ruleset, to which it and all that it starts are held for good (landlock(7)).
    pub fence: Option<BorrowedFd<'a>>,
    /// Neither it nor what it starts leaves a core file, whatever it asks for.
    pub leaves_no_core: bool,
}

/// All that the child needs, ready made: it may not allocate.
struct Plan {
    path: CString,
    folder: CString,
    args: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    output: RawFd,
    socket: Option<RawFd>,
    limit: Option<libc::rlimit>,
    fence: Option<RawFd>,
    core: Option<libc::rlimit>,
    mask: libc::sigset_t,
    /// Why it could not be started.
    error: AtomicI32,
}

/// Starts it.
pub fn spawn(program: &Program<'_>) -> io::Result<Pid> {
    let texts = |all: Vec<String>| -> io::Result<Vec<CString>> {
        Ok(all
            .into_iter()
            .map(CString::new)
            .collect::<Result<Vec<_>, _>>()?)
    };
    let mut words = vec![program.path.to_owned()];
    words.extend_from_slice(program.args);
    let words = texts(words)?;
    let variables: BTreeMap<_, _> = program
        .env
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    let variables = variables
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    let variables = texts(variables.collect())?;
    let mut plan = Plan {
        path: CString::new(program.path)?,
        folder: CString::new(program.folder)?,
        args: pointers(&words),
        env: pointers(&variables),
        output: program.output.as_raw_fd(),
        socket: program.socket.map(|it| it.as_raw_fd()),
        limit: program.memory.map(limit_of),
        fence: program.fence.map(|it| it.as_raw_fd()),
        core: program.leaves_no_core.then(no_core),
        mask: no_signals(),
        error: AtomicI32::new(0),
    };
    let mut stack = vec![MaybeUninit::<u8>::uninit(); STACK];
    // SAFETY: the set is initialized; a handler that ran in the child would change what this process has.
    unsafe {
        let mut all = no_signals();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut plan.mask);
    }
    let top = stack.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: this thread stands still until the child has left this memory; `begin` makes system calls only, of which other
    // threads see nothing; the stack is aligned, large enough for them, and lives until then, as does the plan.
    let pid = unsafe {
        libc::clone(
            begin,
            top.map_addr(|it| it & !15).cast(),
            flags,
            (&raw mut plan).cast(),
        )
    };
    let error = io::Error::last_os_error();
    // SAFETY: the mask is the one that was there before.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const plan.mask, ptr::null_mut()) };
    let pid = if pid > 0 { Pid::from_raw(pid) } else { None };
    let pid = pid.ok_or(error)?;
    match plan.error.load(Ordering::SeqCst) {
        0 => Ok(pid),
        errno => {
            reap(pid)?;
            Err(io::Error::from_raw_os_error(errno))
        }
    }
}

/// The child's first and last function in this memory.
extern "C" fn begin(plan: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes a plan that lives as long as this function runs.
    let plan = unsafe { &*plan.cast::<Plan>() };
    // SAFETY: only system calls are made, with descriptors that are open and texts and lists that end with a zero; all of them
    // live on. The signal that Rust ignores is set back, in the child's own table.
    let errno = unsafe {
        let is_ready = libc::signal(libc::SIGPIPE, libc::SIG_DFL) != libc::SIG_ERR
            && libc::dup2(plan.output, 1) >= 0
            && libc::dup2(plan.output, 2) >= 0
            && plan.socket.is_none_or(|it| take_place(it))
            && libc::setpgid(0, 0) == 0
            && (plan.limit.as_ref()).is_none_or(|it| libc::setrlimit(libc::RLIMIT_DATA, it) == 0)
            && (plan.core.as_ref()).is_none_or(|it| forbid_core(it))
            && libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0
            && libc::chdir(plan.folder.as_ptr()) == 0
            && plan.fence.is_none_or(|it| enter(it))
            && libc::sigprocmask(libc::SIG_SETMASK, &raw const plan.mask, ptr::null_mut()) == 0;
        if is_ready {
            libc::execve(plan.path.as_ptr(), plan.args.as_ptr(), plan.env.as_ptr());
        }
        *libc::__errno_location()
    };
    plan.error.store(errno.max(1), Ordering::SeqCst);
    // SAFETY: this ends the child alone, and runs nothing of this process's.
    unsafe { libc::_exit(127) }
}

/// Lets the socket be descriptor 3, which the next program inherits.
unsafe fn take_place(socket: RawFd) -> bool {
    // SAFETY: calls on descriptors alone.
    unsafe {
        if socket == SOCKET {
            libc::fcntl(socket, libc::F_SETFD, 0) == 0
        } else {
            libc::dup2(socket, SOCKET) >= 0
        }
    }
}

/// Holds this process to a ruleset. The kernel wants it to renounce privileges that a program's file would give first.
unsafe fn enter(fence: RawFd) -> bool {
    // SAFETY: calls with numbers alone; the descriptor is open.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_landlock_restrict_self, fence, 0) == 0
    }
}

/// Forbids core files for good: root, too, may not raise the limit without this capability. Whoever is not root has none to drop.
unsafe fn forbid_core(limit: &libc::rlimit) -> bool {
    const CAP_SYS_RESOURCE: libc::c_ulong = 24;
    // SAFETY: calls with numbers and a limit that lives on.
    unsafe {
        libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
        libc::setrlimit(libc::RLIMIT_CORE, limit) == 0
    }
}

/// One byte holds no core file, and is what the kernel takes for "none" where a program receives them (core(5) says that 0
/// does not count there). Less where more is not allowed.
fn no_core() -> libc::rlimit {
    let most = rustix::process::getrlimit(Resource::Core).maximum;
    let limit = most.map_or(1, |most| most.min(1));
    libc::rlimit {
        rlim_cur: limit,
        rlim_max: limit,
    }
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    let texts = texts.iter().map(|it| it.as_ptr());
    texts.chain([ptr::null()]).collect()
}

fn limit_of(bytes: u64) -> libc::rlimit {
    let most = rustix::process::getrlimit(Resource::Data).maximum;
    libc::rlimit {
        rlim_cur: most.map_or(bytes, |most| most.min(bytes)),
        rlim_max: most.unwrap_or(libc::RLIM_INFINITY),
    }
}

fn no_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the call initializes the whole set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        os::{
            fd::{AsFd, OwnedFd},
            unix::net::UnixStream,
        },
    };

    use super::*;

    fn text(all: &[&str]) -> Vec<String> {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    /// What a shell script says that was started so.
    fn said(script: &str, memory: Option<u64>, socket: Option<OwnedFd>) -> (String, i32) {
        let (mut reader, writer) = io::pipe().unwrap();
        let args = text(&["-c", script, "zero", "a word"]);
        let env = [("PATH", "/nowhere"), ("PATH", "/usr/bin:/bin")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let program = Program {
            path: "/bin/sh",
            args: &args,
            env: &env,
            folder: "/usr",
            output: writer.as_fd(),
            socket: socket.as_ref().map(AsFd::as_fd),
            memory,
            fence: None,
            leaves_no_core: script.contains("core"),
        };
        let pid = spawn(&program).unwrap();
        drop((writer, socket));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        (text, reap(pid).unwrap().code.unwrap())
    }

    #[test]
    fn a_program_has_its_words_its_folder_its_variables_and_nothing_else() {
        let (text, code) = said(
            "pwd; echo \"$1\" >&2; env | grep -v ^PWD | grep -v ^_ | grep -v SHLVL; exit 3",
            None,
            None,
        );
        assert_eq!(
            (text.as_str(), code),
            ("/usr\na word\nPATH=/usr/bin:/bin\n", 3)
        );
    }

    #[test]
    fn it_leads_a_group_has_its_signals_and_its_bound() {
        let script = "ps -o pid=,pgid= -p $$ | awk '{print ($1 == $2)}'; \
                      grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f 2; ulimit -d";
        let (text, _) = said(script, Some(64 << 20), None);
        let [leads, blocked, ignored, bound] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("{text}")
        };
        assert_eq!((leads, bound), ("1", "65536"));
        assert_eq!(u64::from_str_radix(blocked, 16), Ok(0));
        let pipe = 1 << (libc::SIGPIPE - 1);
        assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & pipe, 0);
        // Here it is as it was.
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let own = |name| status.lines().find_map(|it: &str| it.strip_prefix(name));
        let mask = |name| u64::from_str_radix(own(name).unwrap().trim(), 16).unwrap();
        assert_eq!((mask("SigBlk:"), mask("SigIgn:") & pipe), (0, pipe));
    }

    #[test]
    fn core_files_stay_forbidden_whatever_a_program_asks_for() {
        let script = "exec 2>&1; ulimit -c unlimited && echo raised; ulimit -Hc unlimited && echo raised; \
                      grep 'core file' /proc/self/limits";
        let (text, _) = said(script, None, None);
        assert!(!text.contains("raised"), "{text}");
        let limits: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        let [.., soft, hard, _] = limits[..] else {
            panic!("{text}")
        };
        assert!(["0", "1"].contains(&soft) && soft == hard, "{text}");
    }

    #[test]
    fn it_finds_its_socket_as_descriptor_3() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let (text, code) = said("echo over >&3", None, Some(theirs.into()));
        assert_eq!((text.as_str(), code), ("", 0));
        let mut heard = String::new();
        ours.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "over\n");
    }

    #[test]
    fn what_cannot_be_started_is_an_error_and_no_process() {
        let (_reader, writer) = io::pipe().unwrap();
        let start = |path: &str, folder: &str| {
            let program = Program {
                path,
                args: &[],
                env: &[],
                folder,
                output: writer.as_fd(),
                socket: None,
                memory: None,
                fence: None,
                leaves_no_core: false,
            };
            spawn(&program).unwrap_err().kind()
        };
        assert_eq!(start("/bin/no such program", "/"), io::ErrorKind::NotFound);
        assert_eq!(start("/bin/sh", "/no such folder"), io::ErrorKind::NotFound);
        assert_eq!(start("/etc", "/"), io::ErrorKind::PermissionDenied);
        assert_eq!(start("a\0b", "/"), io::ErrorKind::InvalidInput);
    }
}
