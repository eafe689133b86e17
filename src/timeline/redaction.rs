// SPDX-License-Identifier: MPL-2.0

//! Kept parts of a recording that are changed: muted spans and covered spans.

use super::{CutList, Span, Time, union};

/// Least distance between a covered span and the frame that replaces it. A person who writes whole
/// seconds, or is a little late, must not have the face shown for longer.
const MARGIN: Time = Time::SECOND;

/// The muted and the covered spans of a recording, in its own time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Redaction {
    muted: Vec<Span>,
    covered: Vec<Cover>,
    /// Spans that are muted or covered.
    either: Vec<Span>,
}

/// A span whose video is covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cover {
    pub span: Span,
    /// Whether a plain card covers it; else the last clean frame before it does, or the card if
    /// there is none.
    pub card: bool,
}

/// Content of a stream, which decides when it has to be silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Content {
    /// Audio or captions of the class: silent while muted.
    #[default]
    Main,
    /// Descriptions of what is seen: silent while muted, and while they would describe covered
    /// video.
    Description,
    /// Titles of chapters, which last too long to be removed for one word.
    Chapters,
}

impl Redaction {
    /// Makes a redaction of spans in any order. Covers that overlap or touch are merged, with the
    /// card if any of them requests it.
    pub fn new(
        muted: impl IntoIterator<Item = Span>,
        covered: impl IntoIterator<Item = Cover>,
    ) -> Self {
        let muted = union(muted.into_iter());
        let mut covers: Vec<Cover> = covered
            .into_iter()
            .filter(|cover| !cover.span.is_empty())
            .collect();
        covers.sort_by_key(|cover| cover.span);
        let mut covered: Vec<Cover> = Vec::with_capacity(covers.len());
        for cover in covers {
            match covered.last_mut() {
                Some(last) if cover.span.start <= last.span.end => {
                    last.span.end = last.span.end.max(cover.span.end);
                    last.card |= cover.card;
                }
                _ => covered.push(cover),
            }
        }
        let spans = covered.iter().map(|cover| cover.span);
        let either = union(muted.iter().copied().chain(spans));
        Redaction {
            muted,
            covered,
            either,
        }
    }

    /// Returns the parts of it in what is kept.
    pub fn within(&self, cuts: &CutList) -> Redaction {
        let parts = |span: Span| cuts.kept().filter_map(move |kept| kept.intersection(span));
        let covered = self.covered.iter().flat_map(|cover| {
            let card = cover.card;
            parts(cover.span).map(move |span| Cover { span, card })
        });
        Redaction::new(self.muted.iter().flat_map(|span| parts(*span)), covered)
    }

    pub fn is_empty(&self) -> bool {
        self.either.is_empty()
    }

    /// Returns the spans in which a stream is silent: sorted and disjoint. A cue that touches a
    /// span is removed, since half a name is a name.
    pub fn silent(&self, content: Content) -> &[Span] {
        match content {
            Content::Main => &self.muted,
            Content::Description => &self.either,
            Content::Chapters => &[],
        }
    }

    /// Returns the spans in which the video is covered: sorted and disjoint.
    pub fn covered(&self) -> &[Cover] {
        &self.covered
    }

    /// Returns what covers a frame that is shown for this span. If any part is covered, the frame
    /// is.
    pub fn cover(&self, shown: Span) -> Option<Cover> {
        let first = self
            .covered
            .partition_point(|cover| cover.span.end <= shown.start);
        let cover = self.covered.get(first)?;
        touches(&[cover.span], shown).then_some(*cover)
    }

    /// Returns whether a frame shown for this span may replace a covered one: it is a second away
    /// from all covered spans.
    pub fn is_clean(&self, shown: Span) -> bool {
        let grown = Span::new(
            shown.start.saturating_sub(MARGIN),
            shown.end.saturating_add(MARGIN),
        );
        self.cover(grown).is_none()
    }
}

/// Returns whether a span overlaps one of `spans`, which are sorted and disjoint. An empty span is
/// an instant.
pub fn touches(spans: &[Span], span: Span) -> bool {
    let end = span.end.max(span.start.saturating_add(Time::from_nanos(1)));
    let first = spans.partition_point(|other| other.end <= span.start);
    spans.get(first).is_some_and(|other| other.start < end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Time::from_millis(start), Time::from_millis(end))
    }

    fn cover(start: u64, end: u64, card: bool) -> Cover {
        Cover {
            span: span(start, end),
            card,
        }
    }

    #[test]
    fn a_picture_is_covered_whole_and_only_a_distant_one_stands_for_it() {
        let redaction = Redaction::new([], [cover(10_000, 12_000, false)]);
        for (shown, covered, clean) in [
            ((0, 40), false, true),
            ((8_960, 9_000), false, true),
            ((8_961, 9_001), false, false),
            ((9_960, 10_000), false, false),
            ((9_961, 10_001), true, false),
            // A slide that stays until another one comes.
            ((5_000, 10_500), true, false),
            ((11_999, 12_039), true, false),
            ((12_000, 12_040), false, false),
            ((13_000, 13_040), false, true),
        ] {
            let shown = span(shown.0, shown.1);
            assert_eq!(redaction.cover(shown).is_some(), covered, "{shown:?}");
            assert_eq!(redaction.is_clean(shown), clean, "{shown:?}");
        }
        let instant = span(10_000, 10_000);
        assert!(redaction.cover(instant).is_some());
        assert!(redaction.cover(span(12_000, 12_000)).is_none());
    }

    #[test]
    fn covers_that_overlap_become_one_with_the_card_of_any() {
        let covers = [
            cover(20, 30, false),
            cover(0, 10, false),
            cover(10, 15, true),
            cover(28, 29, false),
        ];
        let redaction = Redaction::new([span(5, 6), span(5, 40)], covers);
        assert_eq!(
            redaction.covered(),
            [cover(0, 15, true), cover(20, 30, false)]
        );
        assert_eq!(redaction.silent(Content::Main), [span(5, 40)]);
        assert_eq!(redaction.silent(Content::Description), [span(0, 40)]);
        assert!(redaction.silent(Content::Chapters).is_empty());
    }

    #[test]
    fn what_lies_in_a_cut_is_gone() {
        let cuts = CutList::new([span(10, 20), span(30, 40)]).expect("valid");
        let redaction = Redaction::new([span(0, 10), span(22, 25)], [cover(15, 35, true)]);
        let left = redaction.within(&cuts);
        assert!(left.silent(Content::Main).is_empty());
        assert_eq!(left.covered(), [cover(15, 20, true), cover(30, 35, true)]);
        assert!(Redaction::new([span(0, 10)], []).within(&cuts).is_empty());
    }

    proptest! {
        #[test]
        fn an_instant_is_touched_where_a_span_holds_it(
            spans in prop::collection::vec((0u64..200, 1u64..30), 0..8), at in 0u64..250, length in 0u64..40)
        {
            let spans: Vec<Span> = spans.iter().map(|&(start, length)| span(start, start + length)).collect();
            let redaction = Redaction::new(spans.clone(), []);
            let wanted = span(at, at + length);
            let share = spans.iter().any(|other| {
                other.contains(wanted.start) || other.intersection(wanted).is_some()
            });
            prop_assert_eq!(touches(redaction.silent(Content::Main), wanted), share);
        }
    }
}
