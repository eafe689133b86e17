// SPDX-License-Identifier: MPL-2.0

//! Gains over time.

use std::fmt;
use std::str::FromStr;

use crate::timeline::Time;

/// Precision of written times.
const STEP: Time = Time::from_millis(1);

/// Gains at points of time, in dB; straight between the points, level before the first and after
/// the last. Written as `SECONDS:DB,…`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    points: Vec<(Time, f64)>,
}

/// The part of a text that is not a gain at a later time than the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurveError(String);

impl fmt::Display for CurveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is not a gain at a later time than the one before; write, for example, \
             \"0:-1.5,80.25:4\" (seconds and dB)",
            self.0
        )
    }
}

impl std::error::Error for CurveError {}

impl Curve {
    /// Adds a point; it replaces those that are not a millisecond before it.
    pub fn push(&mut self, time: Time, gain: f64) {
        let too_late = |&(last, _): &(Time, f64)| last.saturating_add(STEP) > time;
        while self.points.last().is_some_and(too_late) {
            self.points.pop();
        }
        // Among points with the same gain, the first and the last are enough.
        if let [.., (_, before), (_, last)] = &self.points[..]
            && *before == gain
            && *last == gain
        {
            self.points.pop();
        }
        self.points.push((time, gain));
    }

    /// Raises all gains by this value in dB.
    pub fn raise(&mut self, by: f64) {
        for (_, gain) in &mut self.points {
            *gain += by;
        }
    }

    /// Limits all gains to this value in dB.
    pub fn limit(&mut self, most: f64) {
        for (_, gain) in &mut self.points {
            *gain = gain.min(most);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    pub fn points(&self) -> &[(Time, f64)] {
        &self.points
    }

    /// Returns the gain at a time in dB; 0 if there is no point.
    pub fn at(&self, time: Time) -> f64 {
        let next = self.points.partition_point(|&(at, _)| at <= time);
        let before = next.checked_sub(1).and_then(|n| self.points.get(n));
        match (before, self.points.get(next)) {
            (Some(&(from, a)), Some(&(to, b))) => {
                let part =
                    time.saturating_sub(from).secs_f64() / to.saturating_sub(from).secs_f64();
                a + (b - a) * part
            }
            (Some(&(_, gain)), None) | (None, Some(&(_, gain))) => gain,
            (None, None) => 0.0,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (time, gain)) in self.points.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{:.3}:{gain:.2}", time.secs_f64())?;
        }
        Ok(())
    }
}

impl FromStr for Curve {
    type Err = CurveError;

    fn from_str(text: &str) -> Result<Self, CurveError> {
        let mut curve = Curve::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let wrong = || CurveError(part.to_owned());
            let (time, gain) = part.split_once(':').ok_or_else(wrong)?;
            let time: f64 = time.trim().parse().map_err(|_| wrong())?;
            let gain: f64 = gain.trim().parse().map_err(|_| wrong())?;
            let is_time = (0.0..1e9).contains(&time);
            if !is_time || !(-100.0..=100.0).contains(&gain) {
                return Err(wrong());
            }
            let time = Time::from_secs_f64(time);
            if curve.points.last().is_some_and(|&(last, _)| last >= time) {
                return Err(wrong());
            }
            curve.points.push((time, gain));
        }
        Ok(curve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_read_as_it_was_written() {
        let mut curve = Curve::default();
        assert_eq!(curve.at(Time::from_secs(3)), 0.0);
        for (time, gain) in [(1.5, -3.25), (2.0, 6.0), (2.0, 7.5), (1e5, 0.0)] {
            curve.push(Time::from_secs_f64(time), gain);
        }
        assert_eq!(curve.points().len(), 3);
        assert_eq!(curve.to_string().parse(), Ok(curve.clone()));
        assert_eq!(curve.at(Time::ZERO), -3.25);
        assert_eq!(curve.at(Time::from_secs_f64(1.75)), 2.125);
        assert_eq!(curve.at(Time::MAX), 0.0);
        assert_eq!("".parse(), Ok(Curve::default()));
        for wrong in [
            "1", "1:x", "2:1,1:1", "-1:0", "nan:0", "1:inf", "1:1:1", "1e300:0",
        ] {
            assert!(wrong.parse::<Curve>().is_err(), "{wrong}");
        }
    }
}
