// SPDX-License-Identifier: MPL-2.0

//! Video segments that can be reused after the cuts changed.
//!
//! Cuts are between frames ([`CutList::aligned`]) and segments on multiples of the source's time
//! ([`Grid`]). A passage that another cut does not touch is therefore split into the same segments.
//! All numbers here are frames of the renditions' constant rate.

use std::collections::BTreeSet;
use std::ops::Range;

use super::grid::{Grid, Splice};
use crate::timeline::{CutList, FrameRate, Span, Time};

/// A part of the new package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// The old segment of this number, shown from the frame `start` on.
    Old { segment: usize, start: u64 },
    /// Frames that have to be encoded. Without an end they are the last ones.
    New { start: u64, end: Option<u64> },
}

/// A kept span of the source. Without an end it lasts to the end of the source.
#[derive(Clone, Copy, Debug)]
struct Kept {
    source: u64,
    output: u64,
    length: Option<u64>,
}

impl Kept {
    /// Returns the spans of a list, or `None` if they are not whole frames.
    fn of(list: &CutList, rate: FrameRate) -> Option<Vec<Kept>> {
        let mut output = 0;
        let kept = list.kept().map(|span| {
            let source = rate.exact(span.start)?;
            let length = match span.end {
                Time::MAX => None,
                end => Some(rate.exact(end)?.checked_sub(source)?),
            };
            let kept = Kept {
                source,
                output,
                length,
            };
            output += length.unwrap_or(0);
            Some(kept)
        });
        kept.collect()
    }

    fn end(&self) -> Option<u64> {
        Some(self.source + self.length?)
    }

    fn output_end(&self) -> Option<u64> {
        Some(self.output + self.length?)
    }

    /// Returns where frames of the source are in the output, if this span has all of them.
    fn moved(&self, source: &Range<u64>) -> Option<u64> {
        let ends = self.end().is_none_or(|end| source.end <= end);
        let into = source.start.checked_sub(self.source).filter(|_| ends)?;
        Some(self.output + into)
    }

    /// Returns the frames of the source that frames of the output show, if this span has all of
    /// them.
    fn shown(&self, output: &Range<u64>) -> Option<Range<u64>> {
        let ends = self.output_end().is_none_or(|end| output.end <= end);
        let into = output.start.checked_sub(self.output).filter(|_| ends)?;
        let start = self.source + into;
        Some(start..start + (output.end - output.start))
    }

    fn splice(&self, rate: FrameRate) -> Splice {
        let end = self.end().map_or(Time::MAX, |end| rate.start(end));
        Splice {
            at: rate.start(self.output),
            source: Span::new(rate.start(self.source), end),
        }
    }
}

/// Returns the parts of the package with the `new` cuts, in order: old segments and new frames.
/// `segments` are the frames of the old segments with the `old` cuts; `duration` is the segment
/// duration. Returns `None` if the cuts are not between frames.
pub fn plan(
    segments: &[Range<u64>],
    old: &CutList,
    new: &CutList,
    rate: FrameRate,
    duration: Time,
) -> Option<Vec<Part>> {
    let (old, new) = (Kept::of(old, rate)?, Kept::of(new, rate)?);
    let last = new.last()?;
    // The end of the old package is also the end of the new one.
    let same_end = old.last()?.end() == last.end();
    let moved = |frames: &Range<u64>| {
        let source = old.iter().find_map(|kept| kept.shown(frames))?;
        let start = new.iter().find_map(|kept| kept.moved(&source))?;
        Some(start..start + (source.end - source.start))
    };
    let moved: Vec<Option<Range<u64>>> = segments.iter().map(moved).collect();
    let frames = moved.iter().flatten().map(|frames| frames.end).max();
    let starts = starts(&new, rate, duration, frames.unwrap_or(0));
    let whole = |number: usize, frames: &Range<u64>| {
        let is_last = number + 1 == segments.len() && same_end && frames.start >= last.output;
        let ends = || {
            let between = starts.range(frames.start + 1..frames.end).next();
            let end = starts.contains(&frames.end) || last.output_end() == Some(frames.end);
            end && between.is_none()
        };
        !frames.is_empty() && starts.contains(&frames.start) && (is_last || ends())
    };

    let mut parts = Vec::new();
    let mut at = 0;
    for (segment, frames) in moved.into_iter().enumerate() {
        let Some(frames) = frames.filter(|frames| whole(segment, frames)) else {
            continue;
        };
        if frames.start > at {
            let end = Some(frames.start);
            parts.push(Part::New { start: at, end });
        }
        parts.push(Part::Old {
            segment,
            start: frames.start,
        });
        at = frames.end;
        if segment + 1 == segments.len() && same_end {
            return Some(parts);
        }
    }
    if last.output_end() != Some(at) {
        parts.push(Part::New {
            start: at,
            end: None,
        });
    }
    Some(parts)
}

/// Returns the frames at which segments start, up to and including the frame `end`.
fn starts(kept: &[Kept], rate: FrameRate, duration: Time, end: u64) -> BTreeSet<u64> {
    let mut grid = Grid::new(duration, Time::MAX);
    for kept in kept {
        grid.splice(kept.splice(rate));
    }
    let frames = 0..=end;
    frames
        .filter(|&frame| grid.at(rate.start(frame)).segment)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate() -> FrameRate {
        FrameRate::new(30_000, 1001).expect("a rate")
    }

    /// Makes a list of kept spans in seconds.
    fn list(kept: &[(u64, u64)]) -> CutList {
        let spans = kept.iter().map(|&(start, end)| {
            let end = match end {
                0 => Time::MAX,
                end => Time::from_millis(end),
            };
            Span::new(Time::from_millis(start), end)
        });
        CutList::new(spans).expect("valid").aligned(rate())
    }

    /// Returns the segments of a package with these cuts of a source of `source` frames.
    fn segments(cuts: &CutList, source: u64) -> Vec<Range<u64>> {
        let kept = Kept::of(cuts, rate()).expect("aligned");
        let last = kept.last().expect("one");
        let end = last.end().map_or(source, |end| end.min(source));
        let total = last.output + end - last.source;
        let starts = starts(&kept, rate(), Time::from_secs(6), total - 1);
        let starts: Vec<u64> = starts.into_iter().chain([total]).collect();
        starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    fn planned(old: &CutList, new: &CutList, source: u64) -> Vec<Part> {
        let segments = segments(old, source);
        plan(&segments, old, new, rate(), Time::from_secs(6)).expect("aligned")
    }

    fn reused(parts: &[Part]) -> usize {
        let old = |part: &&Part| matches!(part, Part::Old { .. });
        parts.iter().filter(old).count()
    }

    const HOUR: u64 = 3600 * 30_000 / 1001;

    #[test]
    fn only_the_neighbourhood_of_a_changed_cut_is_new() {
        let whole = list(&[(63_400, 3_500_000)]);
        let count = segments(&whole, HOUR).len();
        assert_eq!(count, 574);
        // The same cuts: everything is reused.
        assert_eq!(reused(&planned(&whole, &whole, HOUR)), count);
        // The start is moved: the segment that it is in and those before it change.
        let parts = planned(&whole, &list(&[(58_400, 3_500_000)]), HOUR);
        assert_eq!(reused(&parts), count - 1);
        assert!(matches!(
            parts[0],
            Part::New {
                start: 0,
                end: Some(_)
            }
        ));
        let parts = planned(&whole, &list(&[(70_000, 3_500_000)]), HOUR);
        assert_eq!(reused(&parts), count - 2);
        // The end is moved.
        let parts = planned(&whole, &list(&[(63_400, 3_520_000)]), HOUR);
        assert_eq!(reused(&parts), count - 1);
        assert!(matches!(parts[count - 1], Part::New { end: None, .. }));
        // A cut in the middle.
        let cut = list(&[(63_400, 1_800_500), (1_900_000, 3_500_000)]);
        let parts = planned(&whole, &cut, HOUR);
        let new = parts.iter().filter(|part| matches!(part, Part::New { .. }));
        assert_eq!(new.count(), 1);
        assert_eq!(reused(&parts), count - 17);
        // The cut is undone.
        let parts = planned(&cut, &whole, HOUR);
        assert_eq!(reused(&parts), count - 17);
    }

    #[test]
    fn an_open_end_stays_the_end() {
        let parts = planned(&list(&[(3000, 0)]), &list(&[(9000, 0)]), HOUR);
        assert!(matches!(parts.last(), Some(Part::Old { .. })), "{parts:?}");
        let parts = planned(&list(&[(3000, 0)]), &list(&[(3000, 600_000)]), HOUR);
        assert_eq!(reused(&parts), 99);
        let last = parts.last();
        assert!(
            matches!(last, Some(Part::New { end: None, .. })),
            "{parts:?}"
        );
    }

    #[test]
    fn cuts_inside_of_frames_are_not_planned() {
        let inside = CutList::new([Span::new(Time::from_millis(5), Time::MAX)]).expect("valid");
        let all = CutList::keep_all();
        let segments = [0..180, 180..360];
        assert_eq!(plan(&segments, &inside, &all, rate(), Time::SECOND), None);
        assert_eq!(plan(&segments, &all, &inside, rate(), Time::SECOND), None);
    }

    /// Generates up to five kept spans of an hour, the last of which may be open.
    fn any_list() -> impl Strategy<Value = CutList> {
        let spans = prop::collection::vec((50u64..300_000, 100u64..400_000), 1..6);
        (spans, any::<bool>()).prop_map(|(spans, open)| {
            let mut at = 0;
            let mut kept: Vec<(u64, u64)> = spans
                .into_iter()
                .map(|(gap, length)| {
                    let start = at + gap;
                    at = start + length;
                    (start, at)
                })
                .collect();
            if let (Some(last), true) = (kept.last_mut(), open) {
                last.1 = 0;
            }
            list(&kept)
        })
    }

    proptest! {
        #[test]
        fn every_frame_is_there_once_and_shows_the_same(old in any_list(), new in any_list()) {
            let source = HOUR;
            let before = segments(&old, source);
            let parts = plan(&before, &old, &new, rate(), Time::from_secs(6)).expect("aligned");
            let after: BTreeSet<u64> = segments(&new, source).iter().map(|frames| frames.start).collect();
            let kept = Kept::of(&new, rate()).expect("aligned");
            let last = kept.last().expect("one");
            let end = last.output + last.end().map_or(source, |end| end.min(source)) - last.source;
            let shown = |list: &CutList, frame: u64| {
                // Times of frames and of splices are rounded separately.
                let inside = rate().start(frame).saturating_add(Time::from_nanos(1000));
                rate().nearest(list.to_source(inside))
            };
            let mut at = 0;
            for (number, part) in parts.iter().enumerate() {
                prop_assert!(after.contains(&at), "{at}");
                match part {
                    Part::New { start, end } => {
                        prop_assert_eq!(*start, at);
                        prop_assert_eq!(end.is_none(), number + 1 == parts.len());
                        at = end.unwrap_or(at);
                    }
                    Part::Old { segment, start } => {
                        prop_assert_eq!(*start, at);
                        let frames = before[*segment].clone();
                        for frame in [frames.start, frames.end - 1] {
                            prop_assert_eq!(shown(&old, frame), shown(&new, start + frame - frames.start));
                        }
                        at += frames.end - frames.start;
                    }
                }
            }
            if let Some(Part::Old { .. }) = parts.last() {
                prop_assert_eq!(at, end);
            }
        }
    }
}
