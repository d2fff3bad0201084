//! What commands in a sandbox may read that no stage declares: the system's folders and those of interpreters.
//! Looks at names; reads of files no more than the line that names an interpreter.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use pipe_data::regular;

use super::{super::Options, parent};

/// Where systems keep programs, libraries, settings and devices (hier(7)), and where two package managers do.
const SYSTEM: [&str; 17] = [
    "/bin",
    "/dev",
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt",
    "/proc",
    "/run",
    "/sbin",
    "/snap",
    "/sys",
    "/usr",
    "/var/lib",
];
/// By what the folder of a virtual environment is known: Python's (PEP 405) and Conda's.
const ENVIRONMENT: [&str; 2] = ["pyvenv.cfg", "conda-meta"];
/// Bytes of a script in which its interpreter is named.
const FIRST_LINE: u64 = 256;

/// The system's folders, and those of the programs that a shell finds; without the places that are hidden.
pub fn of_machine(options: &Options, hidden: &[PathBuf]) -> Vec<PathBuf> {
    let path = options.host.get("PATH").unwrap_or_default();
    let folders = path.split(':').filter(|it| it.starts_with('/'));
    let homes = folders.flat_map(|it| {
        let folder = Path::new(it);
        // Those of an environment are links to what it was made from.
        let interpreters = ["python", "python3"].map(|it| folder.join(it).canonicalize());
        let behind = interpreters.into_iter().flatten();
        let behind = behind.map(|it| home_of(parent(&it), options));
        std::iter::once(home_of(folder, options))
            .chain(behind)
            .collect::<Vec<_>>()
    });
    let all = SYSTEM.iter().map(PathBuf::from).chain(homes);
    all.flat_map(|it| without(it, hidden)).collect()
}

/// A program or script, what a link leads to that it is, its interpreter, and the folders that they were installed in.
pub fn of_program(program: &Path, options: &Options) -> Vec<PathBuf> {
    let interpreter = interpreter_of(program);
    let named = [Some(program.to_owned()), interpreter];
    let mut places = Vec::new();
    for path in named.into_iter().flatten() {
        places.extend(path.canonicalize());
        places.push(path);
    }
    let homes: Vec<PathBuf> = places
        .iter()
        .filter_map(|it| Some((it, home_of(it.parent()?, options))))
        // A folder of programs is not theirs alone.
        .map(|(it, home)| {
            if Some(home.as_path()) == it.parent() {
                it.clone()
            } else {
                home
            }
        })
        .collect();
    homes.into_iter().chain(places).collect()
}

/// Whether a folder is a virtual environment.
pub fn is_environment(folder: &Path) -> bool {
    ENVIRONMENT.iter().any(|it| folder.join(it).exists())
}

/// What was installed together with the programs of a folder: of `/opt/python/bin` it is `/opt/python`. The folder itself,
/// if that would be all that a user has.
fn home_of(programs: &Path, options: &Options) -> PathBuf {
    let is_bin = ["bin", "sbin"].iter().any(|it| programs.ends_with(it));
    let home = parent(programs);
    let user = options.host.get("HOME").map(PathBuf::from);
    let is_shared = home == Path::new("/") || Some(home) == user.as_deref();
    let is_own = home.starts_with(&options.folder) || options.folder.starts_with(home);
    if is_bin && (is_environment(home) || !is_shared && !is_own) {
        home.to_owned()
    } else {
        programs.to_owned()
    }
}

/// A folder, in pieces if hidden places lie in it: all of it but those. Links are left out: what they lead to is readable
/// only if it lies in a folder that is.
pub fn without(folder: PathBuf, hidden: &[PathBuf]) -> Vec<PathBuf> {
    if hidden.iter().any(|it| folder.starts_with(it)) {
        return Vec::new();
    }
    if !hidden.iter().any(|it| it.starts_with(&folder)) {
        return vec![folder];
    }
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    entries
        .map(|it| it.path())
        .filter(|it| !it.is_symlink())
        .flat_map(|it| without(it, hidden))
        .collect()
}

/// What the first line of a script names, as in `#!/usr/bin/python3 -u`.
fn interpreter_of(script: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    let file = regular::open(script).ok()?;
    file.take(FIRST_LINE).read_to_end(&mut line).ok()?;
    let line = line.strip_prefix(b"#!")?;
    let line = line.split(|it| *it == b'\n').next()?;
    let name = str::from_utf8(line).ok()?.split_whitespace().next()?;
    Some(PathBuf::from(name)).filter(|it| it.is_absolute())
}
