// SPDX-License-Identifier: MPL-2.0

//! What a recording takes: space on the disk, processor time and memory.

use std::fs;
use std::path::Path;

use rustix::fs::statvfs;

/// Bytes of the unit in which users name sizes.
pub const MB: u64 = 1_000_000;

/// Returns the bytes that are free in the file system of a folder, for this user.
pub fn free_space(folder: &Path) -> Option<u64> {
    let space = statvfs(folder).ok()?;
    space.f_bavail.checked_mul(space.f_frsize)
}

/// Returns the bytes of the files in a folder.
pub fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some(entry.metadata().ok()?.len()));
    sizes.sum()
}

/// Returns the processor time of this process so far and of the programs that it started and that have
/// ended, in seconds, as `/proc` counts it.
pub fn cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may contain spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    let own = ticks(11)? + ticks(12)?;
    let programs = ticks(13)? + ticks(14)?;
    Some((own + programs) / TICKS_PER_SECOND)
}

/// Returns the largest memory of this process so far, in MB.
pub fn peak_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0 / MB as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_something() {
        assert!(cpu_seconds().is_some());
        assert!(peak_memory().is_some_and(|memory| memory > 1.0));
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free_space(folder.path()).is_some());
        fs::write(folder.path().join("a"), [0; 10]).expect("written");
        assert_eq!(size(folder.path()), 10);
    }
}
