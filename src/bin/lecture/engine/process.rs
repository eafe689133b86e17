// SPDX-License-Identifier: MPL-2.0

//! Programs that this one starts, and their ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};

/// Interval at which a program that ends is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Time that a program has to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(3);

/// Has a program end when this one is killed, and keeps the signals of the terminal from it. The thread
/// that starts it must last as long as this program.
pub fn end_with_parent(command: &mut Command) {
    command.process_group(0);
    // SAFETY: only a system call is made between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
}

/// Ends a program that has a process group of its own, and everything that it has started. It has a
/// few seconds to end well.
pub fn end(child: &mut Child) {
    for signal in [Signal::TERM, Signal::KILL] {
        signal_group(child, signal);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                // What it has started may still run.
                signal_group(child, Signal::KILL);
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Ends a program that has a process group of its own, and everything that it has started, at once.
pub fn kill(child: &mut Child) {
    signal_group(child, Signal::KILL);
    // One that has ended before has its status.
    let _ = child.wait();
}

fn signal_group(child: &Child, signal: Signal) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Fails only if all of them have ended by themselves.
        let _ = kill_process_group(group, signal);
    }
}
