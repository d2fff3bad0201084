//! Holds this process to what a prediction needs, before it opens a package that a stranger may have made: it reads the
//! package, the rows and libraries, writes into its output folder, starts no program and has no network (landlock(7),
//! seccomp(2)). Knows paths and system calls; not what is computed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags,
};
use pipe_schema::protocol::{Request, Work};
use pipe_wire::process;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

/// The role of the package among a prediction's inputs.
const PACKAGE: &str = "package";
/// The newest rights that are asked for; a kernel gives those that it has.
const NEWEST: ABI = ABI::V10;
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const READ_FILE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile});
const WRITE: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | MakeReg | RemoveFile | Truncate});
const WRITE_FILE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});

/// What libtorch and the C library look at to know the machine.
const SYSTEM: [&str; 9] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
];
/// The bit by which the second numbers of calls on x86-64 are told.
const X32: u32 = 0x4000_0000;
/// Libraries that load others from their own folder, when these are needed.
const LOADERS: [&str; 2] = ["libtorch_cpu.so", "libc.so.6"];

/// Confines the process if the request is a prediction. Comes before the process has threads. Returns what the kernel lacks,
/// in users' words.
pub fn confine(request: &Request) -> Vec<String> {
    if !matches!(request.work, Work::Predict(_)) {
        return Vec::new();
    }
    let mut notes = Vec::new();
    let reads = request
        .inputs
        .values()
        .map(|input| PathBuf::from(&input.path));
    let mut reads: Vec<PathBuf> = reads.collect();
    for (role, input) in &request.inputs {
        // Rows are the user's own: a folder of them may hold links to where they lie.
        if role != PACKAGE {
            add_link_targets(Path::new(&input.path), &mut reads);
        }
    }
    match restrict_files(&reads, Path::new(&request.output)) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => {}
        Ok(RulesetStatus::NotEnforced) => notes.push(unconfined(
            "this kernel has no Landlock: nothing keeps the worker from files",
        )),
        Err(error) => notes.push(unconfined(&format!(
            "nothing keeps the worker from files: Landlock: {error}"
        ))),
    }
    if let Err(error) = process::seal_limits() {
        notes.push(unconfined(&format!("its limits are not final: {error}")));
    }
    if let Err(error) = restrict_calls() {
        notes.push(unconfined(&format!(
            "nothing keeps the worker from the network and other programs: seccomp: {error}"
        )));
    }
    notes
}

/// Adds what the links in a folder, and in those below it, lead to.
fn add_link_targets(folder: &Path, targets: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => add_link_targets(&path, targets),
            Ok(kind) if kind.is_symlink() => targets.extend(path.canonicalize()),
            _ => {}
        }
    }
}

fn unconfined(what: &str) -> String {
    format!("not confined: {what}")
}

/// Holds the process, and all threads that it will have, to these files.
fn restrict_files(reads: &[PathBuf], output: &Path) -> Result<RulesetStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let system = SYSTEM.iter().map(PathBuf::from);
    let readable = reads.iter().cloned().chain(system).chain(libraries());
    let rules = readable.map(|path| (path, READ, READ_FILE)).chain([
        (output.to_owned(), WRITE, WRITE_FILE),
        (PathBuf::from("/dev/null"), WRITE, WRITE_FILE),
    ]);
    for (path, of_folder, of_file) in rules {
        // What is not there needs no right.
        let Ok(opened) = PathFd::new(&path) else {
            continue;
        };
        let rights = if path.is_dir() { of_folder } else { of_file };
        ruleset = ruleset.add_rule(PathBeneath::new(opened, rights))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The libraries that this process has loaded, and the folders from which more may be.
fn libraries() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        // Address, rights, offset, device and inode stand before the path, which may have blanks.
        let Some(start) = line.find('/') else {
            continue;
        };
        let path = Path::new(&line[start..]);
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name
            && LOADERS.contains(&name)
        {
            found.extend(path.parent().map(Path::to_owned));
        }
        found.insert(path.to_owned());
    }
    found
}

/// Refuses system calls that no prediction makes.
fn restrict_calls() -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let with = |rules, errno: i32| -> Result<BpfProgram, BackendError> {
        let refuse = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?.try_into()
    };
    // A C library that has no clone3 takes clone, whose flags can be looked at.
    let without_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let rules = refused_calls().map_err(|error| error.to_string())?;
    for program in [
        with(without_clone3, libc::ENOSYS),
        with(rules, libc::EPERM),
        Ok(without_x32()),
    ] {
        let program = program.map_err(|error| error.to_string())?;
        if !program.is_empty() {
            apply_filter_all_threads(&program).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn refused_calls() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let one = |argument, operator, value| -> Result<Vec<SeccompRule>, BackendError> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    // Threads, but no processes; limits may be read, not set.
    let thread = libc::CLONE_THREAD as u64;
    let is_process = one(0, SeccompCmpOp::MaskedEq(thread), 0)?;
    rules.insert(libc::SYS_clone, is_process);
    rules.insert(libc::SYS_prlimit64, one(2, SeccompCmpOp::Ne, 0)?);
    Ok(rules)
}

/// On x86-64 the kernel may know each call by a second number, which the other filters do not look at.
fn without_x32() -> BpfProgram {
    if cfg!(not(target_arch = "x86_64")) {
        return Vec::new();
    }
    let statement = |code: u32, jt, jf, k| seccompiler::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    vec![
        // The number of the call is the first word of what a filter is shown.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

/// Network, programs, other processes, and changes that Landlock does not see: modes, owners, times and attributes of files.
const REFUSED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_setrlimit,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    // fchmodat2, setxattrat, removexattrat and file_setattr, for which the C library has no names everywhere.
    452,
    463,
    466,
    469,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];
