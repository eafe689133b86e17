// SPDX-License-Identifier: MPL-2.0

//! The cut list: sorted spans of the source that are kept. Everything between them is cut.

use std::fmt;

use super::{FrameRate, Span, Time};

/// The kept spans of a source, sorted and disjoint.
///
/// Every time in the system is converted by [`CutList::to_output`] and [`CutList::to_source`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CutList {
    kept: Vec<Kept>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kept {
    source: Span,
    /// Start of the span in the output: the length of all spans before it.
    output_start: Time,
}

/// Position of a source time in the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moved {
    /// The time is kept, at this time of the output.
    Kept(Time),
    /// The time is cut; this is the splice in its place.
    Cut(Time),
}

impl Moved {
    /// Returns the time in the output; for a cut time, that of the splice.
    pub const fn time(self) -> Time {
        match self {
            Moved::Kept(time) | Moved::Cut(time) => time,
        }
    }

    /// Returns the time in the output, or `None` for a cut time.
    pub const fn kept(self) -> Option<Time> {
        match self {
            Moved::Kept(time) => Some(time),
            Moved::Cut(_) => None,
        }
    }
}

/// Spans that do not form a cut list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CutListError {
    /// The span ends at or before its start.
    Empty(Span),
    /// The second span starts before the first one ends.
    Overlap(Span, Span),
}

impl fmt::Display for CutListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CutListError::Empty(span) => {
                write!(f, "the span from {} ends at {}", span.start, span.end)
            }
            CutListError::Overlap(first, second) => write!(
                f,
                "the span from {} starts before the one from {} ends at {}",
                second.start, first.start, first.end
            ),
        }
    }
}

impl std::error::Error for CutListError {}

impl CutList {
    /// Makes a cut list of kept spans in any order. Adjacent spans are merged.
    pub fn new(kept: impl IntoIterator<Item = Span>) -> Result<Self, CutListError> {
        let mut spans: Vec<Span> = kept.into_iter().collect();
        spans.sort();
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            if span.is_empty() {
                return Err(CutListError::Empty(span));
            }
            match merged.last_mut() {
                Some(last) if span.start < last.end => {
                    return Err(CutListError::Overlap(*last, span));
                }
                Some(last) if span.start == last.end => last.end = span.end,
                _ => merged.push(span),
            }
        }
        let mut output_start = Time::ZERO;
        let kept = merged
            .into_iter()
            .map(|source| {
                let kept = Kept {
                    source,
                    output_start,
                };
                output_start = output_start.saturating_add(source.duration());
                kept
            })
            .collect();
        Ok(CutList { kept })
    }

    /// Returns a list that keeps everything.
    pub fn keep_all() -> Self {
        CutList {
            kept: vec![Kept {
                source: Span::new(Time::ZERO, Time::MAX),
                output_start: Time::ZERO,
            }],
        }
    }

    /// Returns the same list with every kept span shrunk to whole frames, so that the frames of the
    /// output are frames of the source. Nothing that is cut is kept. A span without an end stays
    /// open.
    pub fn aligned(&self, rate: FrameRate) -> Self {
        let aligned = self.kept().map(|span| {
            let end = match span.end {
                Time::MAX => Time::MAX,
                end => rate.start(rate.at_or_before(end)),
            };
            Span::new(rate.start(rate.at_or_after(span.start)), end)
        });
        // They are still disjoint.
        CutList::new(aligned.filter(|span| !span.is_empty())).unwrap_or_default()
    }

    /// Returns the kept parts of a span of the output, as spans of the source, in order.
    pub fn sources(&self, output: Span) -> Vec<Span> {
        let within = |kept: &Kept| {
            let length = kept.source.duration();
            let end = kept.output_start.saturating_add(length);
            let shared = output.intersection(Span::new(kept.output_start, end))?;
            let moved = |time: Time| match time {
                time if time == end => kept.source.end,
                time => {
                    let into = time.saturating_sub(kept.output_start);
                    kept.source.start.saturating_add(into)
                }
            };
            Some(Span::new(moved(shared.start), moved(shared.end)))
        };
        self.kept.iter().filter_map(within).collect()
    }

    /// Iterates over the kept spans, in order.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = Span> + ExactSizeIterator + '_ {
        self.kept.iter().map(|kept| kept.source)
    }

    /// Returns the spans of `[0, duration)` that are not kept, in order.
    pub fn cuts(&self, duration: Time) -> Vec<Span> {
        let mut cuts = Vec::new();
        let mut at = Time::ZERO;
        for span in self.kept() {
            cuts.push(Span::new(at, span.start.min(duration)));
            at = span.end;
        }
        cuts.push(Span::new(at, duration));
        cuts.retain(|cut| !cut.is_empty());
        cuts
    }

    /// Returns the length of the output.
    pub fn output_duration(&self) -> Time {
        self.kept.last().map_or(Time::ZERO, |last| {
            last.output_start.saturating_add(last.source.duration())
        })
    }

    /// Converts a time of the source to the output.
    pub fn to_output(&self, source: Time) -> Moved {
        let after = self
            .kept
            .partition_point(|kept| kept.source.start <= source);
        let Some(kept) = after.checked_sub(1).and_then(|index| self.kept.get(index)) else {
            return Moved::Cut(Time::ZERO);
        };
        let into = source.saturating_sub(kept.source.start);
        if source < kept.source.end {
            Moved::Kept(kept.output_start.saturating_add(into))
        } else {
            Moved::Cut(kept.output_start.saturating_add(kept.source.duration()))
        }
    }

    /// Converts a time of the output to the source. A splice belongs to the span after it; a time
    /// past the end becomes the end of the last kept span.
    pub fn to_source(&self, output: Time) -> Time {
        let after = self
            .kept
            .partition_point(|kept| kept.output_start <= output);
        let Some(kept) = after.checked_sub(1).and_then(|index| self.kept.get(index)) else {
            return Time::ZERO;
        };
        let into = output.saturating_sub(kept.output_start);
        kept.source.start.saturating_add(into).min(kept.source.end)
    }

    /// Converts a span of the source to the output, clipped to its kept parts. A span over a cut
    /// continues across the splice. Returns `None` if nothing of it is kept.
    pub fn span_to_output(&self, source: Span) -> Option<Span> {
        let moved = Span::new(
            self.to_output(source.start).time(),
            self.to_output(source.end).time(),
        );
        (!moved.is_empty()).then_some(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(spans: &[(u64, u64)]) -> CutList {
        CutList::new(
            spans
                .iter()
                .map(|&(start, end)| Span::new(Time::from_nanos(start), Time::from_nanos(end))),
        )
        .expect("valid spans")
    }

    /// Generates kept spans with gaps of at least one nanosecond between them.
    fn any_list() -> impl Strategy<Value = CutList> {
        prop::collection::vec((1u64..1000, 1u64..1000), 1..8).prop_map(|pairs| {
            let mut at = 0;
            CutList::new(pairs.into_iter().map(|(gap, length)| {
                let start = at + gap;
                at = start + length;
                Span::new(Time::from_nanos(start), Time::from_nanos(at))
            }))
            .expect("disjoint by construction")
        })
    }

    #[test]
    fn a_time_in_a_cut_moves_to_the_splice() {
        let cuts = list(&[(10, 20), (50, 60)]);
        assert_eq!(cuts.to_output(Time::from_nanos(5)), Moved::Cut(Time::ZERO));
        assert_eq!(
            cuts.to_output(Time::from_nanos(10)),
            Moved::Kept(Time::ZERO)
        );
        assert_eq!(
            cuts.to_output(Time::from_nanos(30)),
            Moved::Cut(Time::from_nanos(10))
        );
        assert_eq!(
            cuts.to_output(Time::from_nanos(99)),
            Moved::Cut(Time::from_nanos(20))
        );
        assert_eq!(cuts.to_source(Time::from_nanos(10)), Time::from_nanos(50));
        assert_eq!(cuts.to_source(Time::from_nanos(20)), Time::from_nanos(60));
    }

    #[test]
    fn touching_spans_become_one_and_overlaps_are_refused() {
        assert_eq!(list(&[(0, 10), (10, 20)]).kept().len(), 1);
        let overlap = CutList::new([
            Span::new(Time::from_nanos(0), Time::from_nanos(10)),
            Span::new(Time::from_nanos(9), Time::from_nanos(20)),
        ]);
        assert!(matches!(overlap, Err(CutListError::Overlap(..))));
        let empty = CutList::new([Span::new(Time::from_nanos(3), Time::from_nanos(3))]);
        assert!(matches!(empty, Err(CutListError::Empty(_))));
    }

    #[test]
    fn a_span_over_a_cut_is_clipped() {
        let cuts = list(&[(10, 20), (50, 60)]);
        let moved = cuts.span_to_output(Span::new(Time::from_nanos(15), Time::from_nanos(55)));
        assert_eq!(
            moved,
            Some(Span::new(Time::from_nanos(5), Time::from_nanos(15)))
        );
        let gone = cuts.span_to_output(Span::new(Time::from_nanos(20), Time::from_nanos(50)));
        assert_eq!(gone, None);
    }

    #[test]
    fn aligned_spans_are_whole_frames() {
        let rate = FrameRate::new(10, 1).expect("a rate");
        let secs = |start, end| Span::new(Time::from_millis(start), Time::from_millis(end));
        let cuts = CutList::new([secs(120, 480), secs(510, 590), secs(700, 1000)]).expect("valid");
        let aligned: Vec<Span> = cuts.aligned(rate).kept().collect();
        assert_eq!(aligned, [secs(200, 400), secs(700, 1000)]);
        let all = CutList::keep_all();
        assert_eq!(all.aligned(rate), all);
    }

    #[test]
    fn a_span_of_the_output_is_spans_of_the_source() {
        let cuts = list(&[(10, 20), (50, 60)]);
        let span = |start, end| Span::new(Time::from_nanos(start), Time::from_nanos(end));
        assert_eq!(cuts.sources(span(5, 15)), [span(15, 20), span(50, 55)]);
        assert_eq!(cuts.sources(span(10, 99)), [span(50, 60)]);
        assert_eq!(cuts.sources(span(20, 99)), []);
        let open = Span::new(Time::from_secs(3), Time::MAX);
        assert_eq!(CutList::keep_all().sources(open), [open]);
    }

    proptest! {
        #[test]
        fn moving_is_monotone(cuts in any_list(), a in 0u64..20_000, b in 0u64..20_000) {
            let (a, b) = (Time::from_nanos(a.min(b)), Time::from_nanos(a.max(b)));
            prop_assert!(cuts.to_output(a).time() <= cuts.to_output(b).time());
            prop_assert!(cuts.to_source(a) <= cuts.to_source(b));
        }

        #[test]
        fn to_source_is_the_inverse_on_kept_spans(cuts in any_list(), at in 0u64..20_000) {
            let source = Time::from_nanos(at);
            if let Moved::Kept(output) = cuts.to_output(source) {
                prop_assert_eq!(cuts.to_source(output), source);
            }
            let output = Time::from_nanos(at);
            if output < cuts.output_duration() {
                prop_assert_eq!(cuts.to_output(cuts.to_source(output)), Moved::Kept(output));
            }
        }

        #[test]
        fn kept_and_cut_add_up(cuts in any_list(), extra in 0u64..1000) {
            let end = cuts.kept().next_back().map_or(0, |span| span.end.nanos()) + extra;
            let cut: u64 = cuts
                .cuts(Time::from_nanos(end))
                .iter()
                .map(|span| span.duration().nanos())
                .sum();
            prop_assert_eq!(cuts.output_duration().nanos() + cut, end);
        }
    }
}
