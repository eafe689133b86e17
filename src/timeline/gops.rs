// SPDX-License-Identifier: MPL-2.0

//! Positions at which encoded video can be cut: closed key frames, which are shown before all later
//! frames.

use super::{Span, Time};

/// The closed key frames of a stream, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Gops {
    closed: Vec<Time>,
    /// A key frame for which it is unknown whether a later frame is shown before it.
    candidate: Option<Time>,
    /// The latest frame seen. A closed key frame that is still to come is shown after it.
    frontier: Option<Time>,
    ended: bool,
}

impl Gops {
    /// Adds the next frame in decoding order.
    pub fn push(&mut self, shown: Time, key: bool) {
        if let Some(candidate) = self.candidate.take()
            && (key || shown > candidate)
        {
            self.closed.push(candidate);
        }
        let after_all = self.frontier.is_none_or(|frontier| shown > frontier);
        if key && after_all {
            self.candidate = Some(shown);
        }
        if after_all {
            self.frontier = Some(shown);
        }
    }

    /// Ends the stream: no frame follows.
    pub fn end(&mut self) {
        self.closed.extend(self.candidate.take());
        self.ended = true;
    }

    /// Returns the last closed key frame at or before `time`, else the last one known so far.
    fn before(&self, time: Time) -> Result<Option<Time>, Option<Time>> {
        let count = self.closed.partition_point(|key| *key <= time);
        let last = count.checked_sub(1).map(|index| self.closed[index]);
        let known = self.ended
            || (self.frontier.is_some_and(|frontier| frontier >= time)
                && self.candidate.is_none_or(|candidate| candidate > time));
        if known { Ok(last) } else { Err(last) }
    }

    /// Returns the first closed key frame at or after `time`; the end of time if none follows.
    fn after(&self, time: Time) -> Option<Time> {
        let index = self.closed.partition_point(|key| *key < time);
        self.closed
            .get(index)
            .copied()
            .or(self.ended.then_some(Time::MAX))
    }
}

/// The kept parts of the source, as far as they are decided.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decision {
    /// Kept spans, sorted and disjoint. The last one ends at `until` if it continues beyond.
    pub kept: Vec<Span>,
    /// End of the decided part. Times before it are kept if they are in `kept`, else cut; later
    /// times are undecided.
    pub until: Time,
}

impl Decision {
    pub fn keep_all() -> Self {
        Decision {
            kept: vec![Span::new(Time::ZERO, Time::MAX)],
            until: Time::MAX,
        }
    }

    /// Returns the same decision, with each span grown outward to closed key frames.
    pub fn grown(&self, gops: &Gops) -> Decision {
        let mut kept: Vec<Span> = Vec::with_capacity(self.kept.len());
        for span in &self.kept {
            let start = if span.start == Time::ZERO {
                Time::ZERO
            } else {
                match gops.before(span.start) {
                    Ok(key) => key.unwrap_or(span.start),
                    Err(key) => {
                        let last = kept.last().map_or(Time::ZERO, |last| last.end);
                        return Decision {
                            kept,
                            until: last.max(key.unwrap_or(Time::ZERO)),
                        };
                    }
                }
            };
            let goes_on = span.end == self.until;
            let end = if goes_on {
                Some(span.end)
            } else {
                gops.after(span.end)
            };
            let known = Span::new(start, end.unwrap_or(span.end));
            match kept.last_mut() {
                Some(last) if known.start <= last.end => last.end = last.end.max(known.end),
                _ => kept.push(known),
            }
            if end.is_none() {
                let until = kept.last().map_or(span.end, |last| last.end);
                return Decision { kept, until };
            }
        }
        Decision {
            kept,
            until: self.until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn t(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    fn spans(seconds: &[(u64, u64)]) -> Vec<Span> {
        seconds
            .iter()
            .map(|&(a, b)| Span::new(t(a), t(b)))
            .collect()
    }

    fn stream(keys: &[u64], end: u64) -> Gops {
        let mut gops = Gops::default();
        for second in 0..end {
            gops.push(t(second), keys.contains(&second));
        }
        gops.end();
        gops
    }

    fn decided(kept: &[(u64, u64)]) -> Decision {
        Decision {
            kept: spans(kept),
            until: Time::MAX,
        }
    }

    #[test]
    fn spans_grow_to_key_frames_and_become_one_where_they_meet() {
        let gops = stream(&[0, 10, 20, 30, 40], 50);
        let grown = decided(&[(3, 12), (25, 31)]).grown(&gops);
        assert_eq!(grown.kept, spans(&[(0, 40)]));
        let grown = decided(&[(13, 19), (31, 39)]).grown(&gops);
        assert_eq!(grown.kept, spans(&[(10, 20), (30, 40)]));
        assert_eq!(grown.until, Time::MAX);
    }

    #[test]
    fn an_open_key_frame_is_no_place_to_cut() {
        let mut gops = Gops::default();
        for (shown, key) in [(0, true), (4, false), (2, false), (8, true), (6, false)] {
            gops.push(t(shown), key);
        }
        for (shown, key) in [(12, true), (14, false), (16, true), (18, false)] {
            gops.push(t(shown), key);
        }
        gops.end();
        assert_eq!(gops.closed, [t(0), t(12), t(16)]);
    }

    #[test]
    fn what_the_video_has_not_reached_is_open() {
        let mut gops = Gops::default();
        for second in 0..25 {
            gops.push(t(second), second % 10 == 0);
        }
        let start = decided(&[(35, 50)]).grown(&gops);
        assert_eq!((start.kept.len(), start.until), (0, t(20)));
        let end = decided(&[(5, 22)]).grown(&gops);
        assert_eq!((end.kept, end.until), (spans(&[(0, 22)]), t(22)));
    }

    #[test]
    fn a_video_with_one_key_frame_is_kept_whole() {
        let grown = decided(&[(70, 300)]).grown(&stream(&[0], 390));
        assert_eq!(grown.kept, [Span::new(Time::ZERO, Time::MAX)]);
    }

    proptest! {
        #[test]
        fn growing_never_loses_and_never_takes_back(
            cuts in prop::collection::vec((1u64..40, 1u64..40), 1..5),
            keys in prop::collection::btree_set(1u64..200, 0..40),
            seen in 1u64..260,
        ) {
            let mut at = 0;
            let kept: Vec<(u64, u64)> = cuts
                .into_iter()
                .map(|(gap, length)| { let start = at + gap; at = start + length; (start, at) })
                .collect();
            let decision = decided(&kept);
            let mut gops = Gops::default();
            let mut partly = Decision::default();
            for second in 0..250 {
                if second == seen { partly = decision.grown(&gops); }
                gops.push(t(second), second == 0 || keys.contains(&second));
            }
            gops.end();
            let whole = decision.grown(&gops);
            for span in &decision.kept {
                prop_assert!(whole.kept.iter().any(|w| w.start <= span.start && span.end <= w.end));
            }
            for second in 0..250 {
                let time = t(second);
                let kept = |d: &Decision| d.kept.iter().any(|span| span.contains(time));
                if time < partly.until {
                    prop_assert_eq!(kept(&partly), kept(&whole), "at {}", second);
                }
            }
        }
    }
}
