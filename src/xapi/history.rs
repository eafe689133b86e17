// SPDX-License-Identifier: MPL-2.0

//! Data of a registration that is kept between its sessions.

use serde::{Deserialize, Serialize};

use super::{Uuid, segments::Segment};
use crate::timeline::{CutList, Span, Time};

/// State that the sessions of one registration share.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct History {
    pub registration: Uuid,
    /// Number of sessions that were initialized.
    pub sessions: u32,
    /// Played segments in the order of playing.
    pub played: Vec<Segment>,
    /// Wall time during which media was played, in microseconds.
    pub spent: u64,
    /// Whether completed was sent; it is sent once.
    pub completed: bool,
    pub check_passed: bool,
    /// Spans of the recording that the published video keeps, from and to in nanoseconds of the
    /// recording, if known.
    pub kept: Option<Vec<(u64, u64)>>,
}

impl History {
    pub fn new(registration: Uuid, kept: Option<&CutList>) -> Self {
        History {
            registration,
            sessions: 0,
            played: Vec::new(),
            spent: 0,
            completed: false,
            check_passed: false,
            kept: kept.map(spans),
        }
    }

    /// Continues with a video that keeps these spans of the recording. After a change of the cuts,
    /// every segment is moved through both cut lists. Media that was not in the earlier video stays
    /// unseen. If one of the lists is unknown, nothing can be moved and progress starts from zero.
    pub fn recut(&mut self, kept: Option<&CutList>) {
        let now = kept.map(spans);
        if self.kept == now {
            return;
        }
        let before = self.kept.take().and_then(|spans| {
            CutList::new(
                spans
                    .into_iter()
                    .map(|(from, to)| Span::new(Time::from_nanos(from), Time::from_nanos(to))),
            )
            .ok()
        });
        self.played = match (before, kept) {
            (Some(before), Some(after)) => self
                .played
                .iter()
                .flat_map(|&segment| moved(segment, &before, after))
                .collect(),
            _ => Vec::new(),
        };
        self.kept = now;
    }
}

fn spans(cuts: &CutList) -> Vec<(u64, u64)> {
    cuts.kept()
        .map(|span| (span.start.nanos(), span.end.nanos()))
        .collect()
}

/// Returns the parts of a segment that both videos contain, in times of the later one. Times are
/// rounded inwards, so that no millisecond is added.
fn moved((from, to): Segment, before: &CutList, after: &CutList) -> Vec<Segment> {
    let played = Span::new(Time::from_millis(from), Time::from_millis(to));
    let mut moved: Vec<Segment> = Vec::new();
    for old in before.kept() {
        let Some(start) = before.to_output(old.start).kept() else {
            continue;
        };
        let Some(shown) =
            played.intersection(Span::new(start, start.saturating_add(old.duration())))
        else {
            continue;
        };
        let seen = Span::new(
            old.start.saturating_add(shown.start.saturating_sub(start)),
            old.start.saturating_add(shown.end.saturating_sub(start)),
        );
        for new in after.kept() {
            let Some(both) = seen.intersection(new) else {
                continue;
            };
            let from = after.to_output(both.start).time();
            let to = from.saturating_add(both.duration());
            let segment = (from.nanos().div_ceil(1_000_000), to.millis());
            match moved.last_mut() {
                // A splice that both videos share does not split a segment.
                Some(last) if last.1 == segment.0 => last.1 = segment.1,
                _ if segment.0 < segment.1 => moved.push(segment),
                _ => {}
            }
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(spans: &[(u64, u64)]) -> CutList {
        CutList::new(
            spans
                .iter()
                .map(|&(a, b)| Span::new(Time::from_secs(a), Time::from_secs(b))),
        )
        .expect("valid spans")
    }

    fn after(played: &[Segment], before: Option<&CutList>, now: Option<&CutList>) -> Vec<Segment> {
        let mut history = History::new(Uuid::v4([0; 16]), before);
        history.played = played.to_vec();
        history.recut(now);
        history.played
    }

    #[test]
    fn the_same_video_keeps_its_progress() {
        assert_eq!(after(&[(0, 5000)], None, None), [(0, 5000)]);
        let same = cuts(&[(10, 20)]);
        assert_eq!(after(&[(0, 5000)], Some(&same), Some(&same)), [(0, 5000)]);
    }

    #[test]
    fn seconds_that_were_not_seen_are_not_claimed() {
        let before = cuts(&[(10, 20), (30, 40)]);
        // Twenty seconds shown, all seen. Ten more at the front, and the break restored.
        assert_eq!(
            after(&[(0, 20_000)], Some(&before), Some(&cuts(&[(0, 40)]))),
            [(10_000, 20_000), (30_000, 40_000)]
        );
        // Starts a minute later, without the second half.
        assert_eq!(
            after(&[(0, 20_000)], Some(&before), Some(&cuts(&[(12, 20)]))),
            [(0, 8000)]
        );
        // A splice that stays does not split the segment.
        assert_eq!(
            after(
                &[(5000, 15_000)],
                Some(&before),
                Some(&cuts(&[(12, 20), (30, 40)]))
            ),
            [(3000, 13_000)]
        );
    }

    #[test]
    fn without_both_cut_lists_nothing_is_claimed() {
        let list = cuts(&[(10, 20)]);
        assert!(after(&[(0, 5000)], None, Some(&list)).is_empty());
        assert!(after(&[(0, 5000)], Some(&list), None).is_empty());
    }
}
