// SPDX-License-Identifier: MPL-2.0

//! Frames at a constant rate, counted from zero.

use super::Time;

/// A constant frame rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRate {
    num: u64,
    den: u64,
}

impl FrameRate {
    /// Makes the rate of `num`/`den` frames per second; returns `None` if one of them is zero.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        (num > 0 && den > 0).then_some(FrameRate {
            num: num.into(),
            den: den.into(),
        })
    }

    /// Returns the time of the frame with this number, to the nearest nanosecond.
    pub fn start(self, number: u64) -> Time {
        scaled(number, self.den * Time::SECOND.nanos(), self.num)
    }

    /// Returns the number of the frame that starts nearest to a time.
    pub fn nearest(self, time: Time) -> u64 {
        scaled(time.nanos(), self.num, self.den * Time::SECOND.nanos()).nanos()
    }

    /// Returns the first frame that starts at or after a time.
    pub fn at_or_after(self, time: Time) -> u64 {
        let nearest = self.nearest(time);
        nearest + u64::from(self.start(nearest) < time)
    }

    /// Returns the last frame that starts at or before a time.
    pub fn at_or_before(self, time: Time) -> u64 {
        let nearest = self.nearest(time);
        nearest - u64::from(self.start(nearest) > time)
    }

    /// Returns the number of the frame that starts at this time, within a microsecond.
    pub fn exact(self, time: Time) -> Option<u64> {
        const CLOSE: Time = Time::from_nanos(1000);
        let nearest = self.nearest(time);
        (self.start(nearest).abs_diff(time) <= CLOSE).then_some(nearest)
    }

    /// Returns the duration of a frame in ticks of a timescale, if that is a whole number.
    pub fn ticks(self, timescale: u32) -> Option<u64> {
        let ticks = u64::from(timescale) * self.den;
        ticks.is_multiple_of(self.num).then(|| ticks / self.num)
    }
}

/// Returns `value` · `num` / `den`, rounded to the nearest.
fn scaled(value: u64, num: u64, den: u64) -> Time {
    let (value, num, den) = (u128::from(value), u128::from(num), u128::from(den));
    let scaled = (value * num + den / 2) / den;
    Time::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_by_their_times() {
        let rate = FrameRate::new(30_000, 1001).expect("a rate");
        for number in [0, 1, 2, 179_820, 2_589_408] {
            let start = rate.start(number);
            assert_eq!(rate.exact(start), Some(number));
            assert_eq!(rate.at_or_after(start), number);
            assert_eq!(rate.at_or_before(start), number);
            let behind = start.saturating_add(Time::from_millis(2));
            assert_eq!(rate.exact(behind), None);
            assert_eq!(rate.at_or_after(behind), number + 1);
            assert_eq!(rate.at_or_before(behind), number);
        }
        assert_eq!(rate.ticks(30_000), Some(1001));
        assert_eq!(rate.ticks(1000), None);
        assert_eq!(FrameRate::new(0, 1), None);
    }
}
