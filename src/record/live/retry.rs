// SPDX-License-Identifier: MPL-2.0

//! The time at which a failed track is tried again.

use crate::timeline::Time;

const SHORTEST: Time = Time::from_secs(1);
const LONGEST: Time = Time::from_secs(60);

/// Waits after a failure: 1 s, twice as long after each further failure, at most a minute.
#[derive(Debug, Default)]
pub struct Retry {
    wait: Option<Time>,
    until: Option<Time>,
}

impl Retry {
    /// Records a failure.
    pub fn fail(&mut self, now: Time) {
        let wait = self
            .wait
            .map_or(SHORTEST, |wait| wait.saturating_add(wait).min(LONGEST));
        self.wait = Some(wait);
        self.until = Some(now.saturating_add(wait));
    }

    /// Returns whether it may be tried now.
    pub fn is_due(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_minute() {
        let mut retry = Retry::default();
        assert!(retry.is_due(Time::ZERO));
        let mut now = Time::from_secs(100);
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            retry.fail(now);
            let due = now.saturating_add(Time::from_secs(wait));
            assert!(!retry.is_due(Time::from_nanos(due.nanos() - 1)), "{wait}");
            assert!(retry.is_due(due), "{wait}");
            now = due;
        }
    }
}
