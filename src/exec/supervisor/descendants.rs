//! Who descends from whom, as /proc tells it at one moment. Sends no signals.

use std::{
    collections::HashMap,
    fs,
    io::{BufReader, Read},
};

use pipe_wire::process::MARK;
use rustix::process::Pid;

/// The processes of the machine at one moment.
pub struct Processes {
    by_id: HashMap<i32, Process>,
    children: HashMap<i32, Vec<i32>>,
}

struct Process {
    parent: i32,
    is_zombie: bool,
}

/// Looks at all processes. Those that end meanwhile are left out.
pub fn read() -> Processes {
    let mut processes = Processes {
        by_id: HashMap::new(),
        children: HashMap::new(),
    };
    let Ok(entries) = fs::read_dir("/proc") else {
        return processes;
    };
    for entry in entries.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else {
            continue;
        };
        if let Some(process) = parse(&stat) {
            processes
                .children
                .entry(process.parent)
                .or_default()
                .push(id);
            processes.by_id.insert(id, process);
        }
    }
    processes
}

/// `pid (name) state parent …`; the name may hold anything, parentheses included.
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    Some(Process {
        parent: fields.next()?.parse().ok()?,
        is_zombie: matches!(state, "Z" | "X"),
    })
}

impl Processes {
    pub fn parent_of(&self, pid: i32) -> Option<i32> {
        self.by_id.get(&pid).map(|it| it.parent)
    }

    /// Whether it is dead, or gone.
    pub fn is_zombie(&self, pid: Pid) -> bool {
        self.by_id.get(&raw(pid)).is_none_or(|it| it.is_zombie)
    }

    pub fn children_of(&self, pid: Pid) -> Vec<Pid> {
        let children = self.children.get(&raw(pid));
        children
            .into_iter()
            .flatten()
            .filter_map(|&id| Pid::from_raw(id))
            .collect()
    }

    /// All that descend from `pid`, without itself.
    pub fn below(&self, pid: Pid) -> Vec<Pid> {
        let mut found = self.children_of(pid);
        let mut next = 0;
        while next < found.len() {
            let children = self.children_of(found[next]);
            found.extend(children);
            next += 1;
        }
        found
    }

    /// A job's processes: its first one, those that descend from it, and those that left its tree and have its mark.
    pub fn of_job(&self, leader: Pid, mark: &str) -> Vec<Pid> {
        let mut all = vec![leader];
        all.extend(self.below(leader));
        all.extend(self.marked(mark));
        all.sort_by_key(|pid| raw(*pid));
        all.dedup();
        all
    }

    /// Those of this process's descendants that have this mark.
    pub fn marked(&self, mark: &str) -> Vec<Pid> {
        let mut found = self.below(rustix::process::getpid());
        found.retain(|&pid| mark_of(pid).is_some_and(|it| it == mark.as_bytes()));
        found
    }
}

/// Whether this thread, to which orphans come, has no other children than these. Far cheaper than to look at all processes
/// of the machine. Only who reaps children takes them out of the kernel's list, so that none is overlooked.
pub fn has_no_children_but(known: &[Pid]) -> bool {
    let children = fs::read_to_string("/proc/thread-self/children");
    // A kernel may be built without that list.
    children.is_ok_and(|it| {
        let mut children = it.split_ascii_whitespace().map(str::parse::<i32>);
        children.all(|it| it.is_ok_and(|id| known.iter().any(|&known| raw(known) == id)))
    })
}

/// All processes of the machine whose mark begins so.
pub fn marked_anywhere(prefix: &str) -> Vec<Pid> {
    let mut found: Vec<Pid> = (read().by_id.keys())
        .filter_map(|&id| Pid::from_raw(id))
        .collect();
    found.retain(|&pid| mark_of(pid).is_some_and(|it| it.starts_with(prefix.as_bytes())));
    found
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

/// The mark that a process was started with.
fn mark_of(pid: Pid) -> Option<Vec<u8>> {
    let file = fs::File::open(format!("/proc/{}/environ", raw(pid))).ok()?;
    let mut environ = Vec::new();
    BufReader::new(file.take(1 << 20))
        .read_to_end(&mut environ)
        .ok()?;
    let name = format!("{MARK}=");
    environ
        .split(|&byte| byte == 0)
        .find_map(|variable| Some(variable.strip_prefix(name.as_bytes())?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let process = parse("17 (a) Z 1 (b) S 42 17 17").unwrap();
        assert_eq!((process.parent, process.is_zombie), (42, false));
        assert!(parse("nonsense").is_none());
    }

    #[test]
    fn a_child_that_is_not_known_is_noticed() {
        let spawn = || {
            let mut command = std::process::Command::new("sleep");
            command.arg("60").spawn().unwrap()
        };
        let pid = |child: &std::process::Child| Pid::from_raw(child.id() as i32).unwrap();
        assert!(has_no_children_but(&[]));
        let (mut known, mut other) = (spawn(), spawn());
        assert!(!has_no_children_but(&[]));
        assert!(!has_no_children_but(&[pid(&known)]));
        assert!(has_no_children_but(&[pid(&known), pid(&other)]));
        // One that ended is still there until it is reaped.
        other.kill().unwrap();
        assert!(!has_no_children_but(&[pid(&known)]));
        other.wait().unwrap();
        assert!(has_no_children_but(&[pid(&known)]));
        known.kill().unwrap();
        known.wait().unwrap();
    }

    #[test]
    fn children_are_found_below_their_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .env("PIPE_MARK_TEST", "yes")
            .spawn()
            .unwrap();
        let processes = read();
        let me = rustix::process::getpid();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        assert_eq!(processes.parent_of(raw(pid)), Some(raw(me)));
        assert!(processes.below(me).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(read().is_zombie(pid));
    }
}
