// SPDX-License-Identifier: MPL-2.0

//! Computes when the frames of a segment are decoded, from when they are shown.
//!
//! Frames that are not shown in the order of their decoding are usually decoded at an even pace, which
//! puts a key frame's decode time several frames before its presentation. Such a file needs negative
//! composition offsets or an edit list, and readers disagree about both: FFmpeg and GStreamer (1.22)
//! delay all frames by a negative offset, hls.js ignores an edit list, and FFmpeg's HLS demuxer passes
//! over each segment whose first decode time lies before its start, so that a seek lands on the next
//! key frame.
//!
//! Here every group of pictures is decoded in the time in which it is shown. Its key frame is decoded
//! when it is shown, the frames that are decoded ahead share the time until the second frame is shown, and
//! the rest keeps the pace of presentation. They share it evenly because browsers take the distance of
//! decode times for a frame's duration: a seek to a moment after it shows the next frame. Composition offsets (ISO/IEC 14496-12 section 8.6.1.3) are
//! never negative, and no edit list is needed. The durations of samples, which are the distances of
//! decode times, never reach beyond the group's end, and the frame that is shown last has its own.

/// A frame in the order of decoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// When it is shown, in ticks.
    pub shown: u64,
    /// Whether it can be decoded by itself.
    pub is_key: bool,
}

/// Returns the decode times of a segment's frames in ticks. `end` is where the segment ends. They rise,
/// none lies after its frame's presentation, and that of the segment's first frame equals it, as does
/// that of every key frame which no frame is shown across.
///
/// `None` if the first frame is not shown first, if two frames are shown at once, if one is not shown
/// before `end`, or if there are more frames to decode ahead than ticks.
pub fn decode_times(frames: &[Frame], end: u64) -> Option<Vec<u64>> {
    let starts = group_starts(frames)?;
    let mut times = Vec::with_capacity(frames.len());
    for (index, &start) in starts.iter().enumerate() {
        let next = starts.get(index + 1).copied();
        let group = frames.get(start..next.unwrap_or(frames.len()))?;
        let end = next.map_or(Some(end), |next| Some(frames.get(next)?.shown))?;
        times.extend(group_times(group, end)?);
    }
    Some(times)
}

/// Returns decode times at the pace at which frames are shown, and by how much later each frame has to be
/// shown so that none is decoded too late. `shown` is in the order of decoding.
pub fn even_times(shown: &[i64]) -> (Vec<i64>, i64) {
    let mut times = shown.to_vec();
    times.sort_unstable();
    let late = times.iter().zip(shown).map(|(time, shown)| time - shown);
    let delay = late.max().unwrap_or_default();
    (times, delay)
}

/// Returns the indices at which closed groups of pictures start: key frames after which nothing is
/// decoded that is shown earlier. `None` if the first frame is none.
fn group_starts(frames: &[Frame]) -> Option<Vec<usize>> {
    let mut earliest = u64::MAX;
    let mut starts = Vec::new();
    for (index, frame) in frames.iter().enumerate().rev() {
        let is_first = frame.shown < earliest;
        earliest = earliest.min(frame.shown);
        if is_first && (frame.is_key || index == 0) {
            starts.push(index);
        }
    }
    starts.reverse();
    (starts.first() == Some(&0)).then_some(starts)
}

/// Returns the decode times of a closed group of pictures that ends at `end`.
fn group_times(group: &[Frame], end: u64) -> Option<Vec<u64>> {
    let mut order: Vec<u64> = group.iter().map(|frame| frame.shown).collect();
    order.sort_unstable();
    let ahead = frames_ahead(group, &order)?;
    let first = *order.first()?;
    let second = order.get(1).copied().unwrap_or(end);
    let room = second.checked_sub(first).filter(|&room| room > 0)?;
    let step = (room / (ahead + 1)).max(1);
    let mut times = Vec::with_capacity(group.len());
    let mut next = end;
    // Backwards, for a frame must not be decoded so early that its sample lasts beyond the end.
    for (index, frame) in group.iter().enumerate().rev() {
        let number = index as u64;
        let paced = match number {
            0 => first,
            _ if number <= ahead => second.checked_sub((ahead + 1 - number) * step)?,
            _ => *order.get(usize::try_from(number - ahead).ok()?)?,
        };
        let lasting = next.saturating_sub(end.checked_sub(frame.shown)?);
        let time = paced.max(lasting);
        if time >= next || time > frame.shown {
            return None;
        }
        times.push(time);
        next = time;
    }
    times.reverse();
    (next == first).then_some(times)
}

/// Returns how many frames of a group have to be decoded before a frame that is shown ahead of them.
/// `None` if two are shown at once. `order` is when frames are shown, sorted.
fn frames_ahead(group: &[Frame], order: &[u64]) -> Option<u64> {
    if order.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let late = group.iter().enumerate().map(|(index, frame)| {
        let rank = order.binary_search(&frame.shown).ok()?;
        Some(index.saturating_sub(rank))
    });
    let late = late.collect::<Option<Vec<_>>>()?;
    u64::try_from(late.into_iter().max()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(shown: &[u64], keys: &[u64]) -> Vec<Frame> {
        let frame = |&shown: &u64| Frame {
            shown,
            is_key: keys.contains(&shown),
        };
        shown.iter().map(frame).collect()
    }

    #[test]
    fn frames_in_order_are_decoded_when_they_are_shown() {
        let shown = [100, 200, 350, 400];
        let times = decode_times(&frames(&shown, &[100]), 500);
        assert_eq!(times, Some(shown.to_vec()));
    }

    #[test]
    fn frames_decoded_ahead_follow_before_the_second_is_shown() {
        // I P B b b P B b b, and a key frame before its time.
        let shown = [0, 1600, 800, 400, 1200, 3200, 2400, 2000, 2800, 3300, 3700];
        let times = decode_times(&frames(&shown, &[0, 3300]), 4100).expect("valid");
        assert_eq!(
            times,
            [0, 134, 267, 400, 800, 1500, 1600, 2000, 2800, 3300, 3700]
        );
    }

    #[test]
    fn what_cannot_be_decoded_in_its_time_is_refused() {
        let times = |shown: &[u64], end| decode_times(&frames(shown, &[shown[0]]), end);
        assert!(
            times(&[0, 3, 1, 2], 4).is_none(),
            "no tick is left between 0 and 1"
        );
        assert!(
            times(&[4, 12, 0, 8], 16).is_none(),
            "the key frame is not shown first"
        );
        assert!(times(&[0, 8, 8], 16).is_none());
        assert!(times(&[0, 8, 16], 16).is_none());
        assert_eq!(decode_times(&[], 4), None);
    }

    #[test]
    fn an_even_pace_needs_a_delay() {
        let (times, delay) = even_times(&[0, 400, 200, 100, 300, 500]);
        assert_eq!(times, [0, 100, 200, 300, 400, 500]);
        assert_eq!(delay, 200);
        assert_eq!(even_times(&[]), (Vec::new(), 0));
    }

    /// Frames of an irregular rate in an order of decoding, and where they end: groups of pictures, in
    /// them runs of frames of which the last is decoded first, then the middle one, as encoders do.
    fn any_segment() -> impl Strategy<Value = (Vec<Frame>, u64)> {
        let run = prop::collection::vec(1_u64..9, 1..6);
        let group = prop::collection::vec(run, 0..5);
        let groups = prop::collection::vec((1_u64..9, group), 1..5);
        (0_u64..1_000_000, groups).prop_map(|(start, groups)| {
            const FRAME: u64 = 100;
            let mut at = start * FRAME;
            let mut frames = Vec::new();
            for (first, runs) in groups {
                frames.push(Frame {
                    shown: at,
                    is_key: true,
                });
                at += first * FRAME;
                for run in runs {
                    let mut shown = Vec::new();
                    for length in run {
                        shown.push(at);
                        at += length * FRAME;
                    }
                    let mut coded: Vec<u64> = shown.pop().into_iter().collect();
                    if shown.len() > 1 {
                        coded.push(shown.remove(shown.len() / 2));
                    }
                    coded.extend(shown);
                    frames.extend(coded.into_iter().map(|shown| Frame {
                        shown,
                        is_key: false,
                    }));
                }
            }
            (frames, at)
        })
    }

    proptest! {
        #[test]
        fn every_group_is_decoded_in_the_time_in_which_it_is_shown((frames, end) in any_segment()) {
            let times = decode_times(&frames, end).expect("valid");
            prop_assert_eq!(times.len(), frames.len());
            prop_assert!(times.is_sorted_by(|one, other| one < other));
            let ends = times.iter().skip(1).copied().chain([end]);
            let group_end = |index: usize| {
                let mut later = frames[index + 1..].iter();
                later.find(|frame| frame.is_key).map_or(end, |frame| frame.shown)
            };
            for (index, (frame, next)) in frames.iter().zip(ends).enumerate() {
                prop_assert!(times[index] <= frame.shown);
                if frame.is_key {
                    prop_assert_eq!(times[index], frame.shown);
                }
                prop_assert!(frame.shown + (next - times[index]) <= group_end(index));
            }
        }
    }
}
