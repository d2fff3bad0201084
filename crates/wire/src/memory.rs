//! The memory that this process may still take.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// Returns the bytes that this process may still take: of its limit on data (`resources.memory`), of its control group's and
/// of the machine's memory. Whatever is not known does not bound it.
pub fn room() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    let (data, resident) = (kibibytes(&status, "VmData:"), kibibytes(&status, "VmRSS:"));
    let left = |most: Option<u64>, taken: Option<u64>| {
        most.map_or(u64::MAX, |most| most.saturating_sub(taken.unwrap_or(0)))
    };
    left(getrlimit(Resource::Data).current, data)
        .min(left(kibibytes(&machine, "MemTotal:"), resident))
        .min(left(group.trim().parse().ok(), resident))
}

/// The bytes that a line of a file of `/proc` tells in kB.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_the_machine_has_at_most() {
        let room = room();
        let machine = fs::read_to_string("/proc/meminfo").unwrap();
        assert!(room > 0 && room < kibibytes(&machine, "MemTotal:").unwrap());
    }

    #[test]
    fn room_reads_the_files_of_proc() {
        let text = "Name:\tx\nVmData:\t   12 kB\nVmRSS:\t7 MB\n";
        assert_eq!(kibibytes(text, "VmData:"), Some(12 << 10));
        assert_eq!(kibibytes(text, "VmRSS:"), None);
        assert_eq!(kibibytes(text, "VmSize:"), None);
    }
}
