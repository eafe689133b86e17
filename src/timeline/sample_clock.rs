// SPDX-License-Identifier: MPL-2.0

//! Times of decoded audio, held against the number of samples.

use super::Time;

/// Difference between a timestamp and the count that jitter explains.
const TOLERANCE: Time = Time::from_millis(40);
/// Longest overlap that a clock running apart explains: recorders correct it before it is heard.
const LONGEST_CORRECTION: Time = Time::from_millis(500);
/// Share of the time that two clocks run apart at most, as one of so many.
const DRIFT: u64 = 20;

/// Places decoded audio in time: by its timestamps if they agree with the number of samples, else by
/// the number of samples.
///
/// Samples cannot overlap. A demuxer or decoder that stamps them too early makes those behind it drop
/// what seems to have been heard already, so such buffers follow their predecessor instead. Gaps are
/// kept, because a recorder that was paused leaves them. Small overlaps of a clock that runs apart are
/// kept as well: there the timestamps hold audio and video in step.
#[derive(Clone, Debug, Default)]
pub struct SampleClock {
    /// End of what was placed so far; `None` before the first buffer.
    next: Option<Time>,
    /// Length of what was placed since the timestamps were believed last.
    counted: Time,
    /// Added to timestamps that begin again or stand still.
    offset: Time,
    /// The container has no timestamps: only samples count.
    only_counts: bool,
    moved: Time,
    overlapped: Time,
}

impl SampleClock {
    /// A clock for a container without timestamps, whose demuxer makes them up.
    pub fn counting() -> Self {
        SampleClock {
            only_counts: true,
            ..SampleClock::default()
        }
    }

    /// Returns the start of a buffer of `length` that is stamped with `stamp`.
    pub fn place(&mut self, stamp: Option<Time>, length: Time) -> Time {
        let Some(next) = self.next else {
            let start = stamp.unwrap_or_default();
            return self.follow(start, length);
        };
        let Some(stamp) = stamp.filter(|_| !self.only_counts) else {
            return self.follow(next, length);
        };
        if stamp.saturating_add(TOLERANCE) >= next {
            self.offset = Time::ZERO;
            return self.believe(stamp, next, length);
        }
        let shifted = stamp.saturating_add(self.offset);
        if shifted.saturating_add(TOLERANCE) >= next {
            let within = shifted.abs_diff(next) <= TOLERANCE;
            return match within {
                true => self.follow(next, length),
                false => self.believe(shifted, next, length),
            };
        }
        let overlap = next.saturating_sub(shifted);
        if self.is_drift(overlap) {
            self.overlapped = self.overlapped.saturating_add(overlap);
            self.counted = Time::ZERO;
            return self.follow(shifted, length);
        }
        self.offset = self.offset.saturating_add(overlap);
        self.moved = self.moved.saturating_add(overlap);
        self.follow(next, length)
    }

    /// Forgets where the stream was, as after a flush.
    pub fn restart(&mut self) {
        self.next = None;
        self.offset = Time::ZERO;
        self.counted = Time::ZERO;
    }

    /// Time by which buffers were moved in all because their timestamps were too early.
    pub fn moved(&self) -> Time {
        self.moved
    }

    /// Length of the samples that lie over earlier ones and are lost behind this clock.
    pub fn overlapped(&self) -> Time {
        self.overlapped
    }

    /// A gap begins anew; within the tolerance the timestamp stands and the count goes on.
    fn believe(&mut self, stamp: Time, next: Time, length: Time) -> Time {
        if stamp > next.saturating_add(TOLERANCE) {
            self.counted = Time::ZERO;
            return self.follow(stamp, length);
        }
        self.follow(next, length);
        stamp
    }

    fn follow(&mut self, start: Time, length: Time) -> Time {
        self.next = Some(start.saturating_add(length));
        self.counted = self.counted.saturating_add(length);
        start
    }

    fn is_drift(&self, overlap: Time) -> bool {
        let all = self.offset.saturating_add(overlap);
        overlap <= LONGEST_CORRECTION && all.nanos().saturating_mul(DRIFT) < self.counted.nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Time = Time::from_millis(128);

    fn ms(time: u64) -> Time {
        Time::from_millis(time)
    }

    #[test]
    fn audio_stamped_too_early_follows_its_predecessor() {
        // IMA ADPCM: blocks of four buffers, each block stamped at half its time.
        let mut clock = SampleClock::default();
        for n in 0..60u64 {
            let stamp = n / 4 * 256 + n % 4 * 128;
            assert_eq!(clock.place(Some(ms(stamp)), BLOCK), ms(n * 128), "{n}");
        }
        assert!(clock.moved() > Time::from_secs(3));
        assert_eq!(clock.overlapped(), Time::ZERO);
    }

    #[test]
    fn timestamps_that_stand_still_or_are_missing_are_counted() {
        for stamp in [Some(Time::ZERO), None] {
            let mut clock = SampleClock::default();
            let mut placed = Vec::new();
            for _ in 0..500 {
                placed.push(clock.place(stamp, ms(10)));
            }
            assert!(placed.is_sorted(), "{stamp:?}");
            assert_eq!(placed.last(), Some(&ms(4990)), "{stamp:?}");
        }
    }

    #[test]
    fn a_recording_that_begins_again_goes_on() {
        let mut clock = SampleClock::default();
        for n in 0..200u64 {
            let stamp = n % 100 * 20;
            assert_eq!(clock.place(Some(ms(stamp)), ms(20)), ms(n * 20), "{n}");
        }
        // A gap after the second start is a gap.
        assert_eq!(clock.place(Some(ms(3000)), ms(20)), ms(5000));
    }

    #[test]
    fn a_gap_and_jitter_stay() {
        let mut clock = SampleClock::default();
        assert_eq!(clock.place(Some(ms(1000)), ms(20)), ms(1000));
        assert_eq!(clock.place(Some(ms(1015)), ms(20)), ms(1015));
        assert_eq!(clock.place(Some(ms(1045)), ms(20)), ms(1045));
        assert_eq!(clock.place(Some(ms(9000)), ms(20)), ms(9000));
        assert_eq!(clock.place(None, ms(20)), ms(9020));
        assert_eq!(clock.moved(), Time::ZERO);
    }

    #[test]
    fn one_wrong_timestamp_moves_nothing_after_it() {
        let mut clock = SampleClock::default();
        for n in 0..100u64 {
            let stamp = if n == 50 { 100 } else { n * 20 };
            assert_eq!(clock.place(Some(ms(stamp)), ms(20)), ms(n * 20), "{n}");
        }
    }

    #[test]
    fn a_clock_that_runs_apart_keeps_its_timestamps() {
        let mut clock = SampleClock::default();
        let step = |n: u64| Time::from_nanos(n * 19_980_000);
        for n in 0..20_000 {
            assert_eq!(clock.place(Some(step(n)), ms(20)), step(n), "{n}");
        }
        assert!(clock.overlapped() > Time::from_millis(300));
        assert_eq!(clock.moved(), Time::ZERO);
    }

    #[test]
    fn without_timestamps_in_the_container_only_samples_count() {
        let mut clock = SampleClock::counting();
        for n in 0..50u64 {
            assert_eq!(clock.place(Some(ms(n * 77)), ms(20)), ms(n * 20));
        }
        clock.restart();
        assert_eq!(clock.place(Some(ms(7)), ms(20)), ms(7));
    }
}
