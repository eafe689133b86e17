// SPDX-License-Identifier: MPL-2.0

//! Progress of a job: per cent, speed, time left. On a terminal one line is overwritten; elsewhere
//! a line is printed every minute.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gstlecture::timeline::{Span, Time};

/// The share of the work that is done, for whoever waits for it in another thread.
#[derive(Clone, Default)]
pub struct Watched(Arc<AtomicU32>);

impl Watched {
    /// Notes that `done` of `total` is done.
    pub fn set(&self, done: u64, total: u64) {
        let percent = done.saturating_mul(100) / total.max(1);
        let percent = u32::try_from(percent.min(100)).unwrap_or(100);
        self.0.store(percent, Ordering::SeqCst);
    }

    /// Returns the share, 0 to 100.
    pub fn percent(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct Progress {
    step: &'static str,
    /// Start of the part that is read.
    start: Time,
    /// Length of the part that is read, if it is known.
    total: Option<Time>,
    started: Instant,
    shown: Instant,
    terminal: bool,
    watched: Watched,
}

impl Progress {
    pub fn start(step: &'static str, total: Option<Time>) -> Self {
        let now = Instant::now();
        Progress {
            step,
            start: Time::ZERO,
            total,
            started: now,
            shown: now,
            terminal: io::stderr().is_terminal(),
            watched: Watched::default(),
        }
    }

    /// Makes the progress of a part of the source.
    pub fn of_part(step: &'static str, part: Span) -> Self {
        let total = (part.end != Time::MAX).then(|| part.duration());
        let mut progress = Progress::start(step, total);
        progress.start = part.start;
        progress
    }

    /// Lets others see how far it is.
    pub fn watched(mut self, watched: &Watched) -> Self {
        self.watched = watched.clone();
        self
    }

    /// Shows that the source is read up to `position`, if an update is due.
    pub fn at(&mut self, position: Time) {
        let total = self.total;
        let position = position.saturating_sub(self.start);
        if let Some(total) = total {
            self.watched.set(position.nanos(), total.nanos());
        }
        self.show(|step, elapsed| line(step, position, total, elapsed));
    }

    /// Shows that `done` of `total` bytes are done, if an update is due.
    pub fn share(&mut self, done: u64, total: u64) {
        let percent = 100.0 * done as f64 / total.max(1) as f64;
        let megabytes = done as f64 / 1e6;
        self.show(|step, _| format!("{step}: {percent:.0} %, {megabytes:.1} MB"));
    }

    fn show(&mut self, line: impl FnOnce(&str, Duration) -> String) {
        let interval = if self.terminal {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(60)
        };
        if self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let line = line(self.step, self.started.elapsed());
        // If writing fails, nobody is left to read it.
        let _ = if self.terminal {
            write!(io::stderr(), "\r{line}\x1b[K")
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }
}

impl Drop for Progress {
    /// Removes the line from the terminal.
    fn drop(&mut self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(step: &str, position: Time, total: Option<Time>, elapsed: Duration) -> String {
    let speed = position.secs_f64() / elapsed.as_secs_f64().max(0.001);
    let Some(total) = total.filter(|total| *total > Time::ZERO) else {
        return format!("{step}: {} read, {speed:.1}x", position.clock());
    };
    let position = position.min(total);
    let percent = 100.0 * position.secs_f64() / total.secs_f64();
    let line = format!("{step}: {percent:.0} %, {speed:.1}x");
    if speed > 0.0 {
        let left = total.saturating_sub(position).secs_f64() / speed;
        format!("{line}, {} left", Time::from_secs_f64(left).clock())
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_speed_and_time_left_are_told() {
        let elapsed = Duration::from_secs(10);
        let total = Some(Time::from_secs(7200));
        assert_eq!(
            line("package", Time::from_secs(1800), total, elapsed),
            "package: 25 %, 180.0x, 0:30 left"
        );
        assert_eq!(
            line("package", Time::from_secs(3700), None, elapsed),
            "package: 1:01:40 read, 370.0x"
        );
        assert_eq!(line("x", Time::ZERO, total, elapsed), "x: 0 %, 0.0x");
    }
}
