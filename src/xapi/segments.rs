// SPDX-License-Identifier: MPL-2.0

//! Played segments in the profile's form, and their share of the video.

use super::units::{seconds_from_text, seconds_text};

/// A span of media that was played, from and to, in milliseconds of media time.
pub type Segment = (u64, u64);

/// Formats segments as `0[.]12.5[,]20[.]55`: in the order of playing, not merged.
pub fn to_text(segments: impl IntoIterator<Item = Segment>) -> String {
    segments
        .into_iter()
        .map(|(from, to)| format!("{}[.]{}", seconds_text(from), seconds_text(to)))
        .collect::<Vec<_>>()
        .join("[,]")
}

/// Parses played-segments; the error is the part that cannot be read. An empty text means that
/// nothing was played.
pub fn from_text(text: &str) -> Result<Vec<Segment>, &str> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split("[,]")
        .map(|part| {
            let (from, to) = part.split_once("[.]").ok_or(part)?;
            let from = seconds_from_text(from).ok_or(part)?;
            let to = seconds_from_text(to).ok_or(part)?;
            if from > to { Err(part) } else { Ok((from, to)) }
        })
        .collect()
}

/// Returns the segments sorted and merged, clipped to `[0, length)`.
pub fn union(segments: impl IntoIterator<Item = Segment>, length: u64) -> Vec<Segment> {
    let mut sorted: Vec<Segment> = segments
        .into_iter()
        .map(|(from, to)| (from, to.min(length)))
        .filter(|(from, to)| from < to)
        .collect();
    sorted.sort_unstable();
    let mut merged: Vec<Segment> = Vec::with_capacity(sorted.len());
    for (from, to) in sorted {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// Returns how many different milliseconds of the video were played.
pub fn covered(segments: impl IntoIterator<Item = Segment>, length: u64) -> u64 {
    union(segments, length)
        .iter()
        .map(|(from, to)| to - from)
        .sum()
}

/// Returns the progress in thousandths, rounded down, so that 999 ‰ is never reported as complete.
pub fn progress(covered: u64, length: u64) -> u16 {
    if length == 0 {
        return 0;
    }
    let thousandths = u128::from(covered.min(length)) * 1000 / u128::from(length);
    thousandths as u16
}

/// Returns whether the threshold (in thousandths) is reached.
pub fn reached(covered: u64, length: u64, threshold: u16) -> bool {
    length > 0 && u128::from(covered) * 1000 >= u128::from(threshold) * u128::from(length)
}

/// Returns the media time at which the threshold is reached if playback continues from `position`.
/// Returns `None` if the end of the video comes first.
pub fn reached_at(
    segments: impl IntoIterator<Item = Segment>,
    length: u64,
    threshold: u16,
    position: u64,
) -> Option<u64> {
    let seen = union(segments, length);
    let have: u64 = seen.iter().map(|(from, to)| to - from).sum();
    let need = (u128::from(threshold) * u128::from(length)).div_ceil(1000) as u64;
    let mut missing = need.saturating_sub(have);
    let mut at = position;
    for (from, to) in seen.into_iter().filter(|(_, to)| *to > position) {
        let fresh = from.saturating_sub(at);
        if missing <= fresh {
            break;
        }
        missing -= fresh;
        at = to;
    }
    let reached = at.checked_add(missing)?;
    (reached <= length).then_some(reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn segments_read_and_write() {
        let text = "0[.]12.5[,]20[.]55[,]18[.]30";
        let segments = from_text(text).expect("valid");
        assert_eq!(segments, [(0, 12_500), (20_000, 55_000), (18_000, 30_000)]);
        assert_eq!(to_text(segments), text);
        assert_eq!(from_text(""), Ok(vec![]));
        for (bad, part) in [
            ("0", "0"),
            ("0[.]30,32[.]45", "0[.]30,32[.]45"),
            ("0[.]1[,]5[.]4", "5[.]4"),
        ] {
            assert_eq!(from_text(bad), Err(part));
        }
    }

    #[test]
    fn progress_is_rounded_down() {
        assert_eq!(progress(59_999, 60_000), 999);
        assert_eq!(progress(60_000, 60_000), 1000);
        assert_eq!(progress(70_000, 60_000), 1000);
        assert_eq!(progress(0, 0), 0);
        assert!(!reached(53_999, 60_000, 900));
        assert!(reached(54_000, 60_000, 900));
        assert!(!reached(0, 0, 0));
    }

    #[test]
    fn where_the_threshold_is_reached() {
        // 40 of 100 s seen; 90 needed; from 50 s on: 10 new, 40 seen, 10 new at the end.
        assert_eq!(reached_at([(60_000, 100_000)], 100_000, 900, 50_000), None);
        assert_eq!(
            reached_at([(0, 50_000)], 100_000, 900, 50_000),
            Some(90_000)
        );
        assert_eq!(
            reached_at([(0, 50_000), (60_000, 70_000)], 100_000, 900, 50_000),
            Some(90_000)
        );
        assert_eq!(reached_at([(0, 95_000)], 100_000, 900, 3000), Some(3000));
    }

    proptest! {
        #[test]
        fn covered_is_what_counting_says(
            raw in prop::collection::vec((0u64..300, 0u64..300), 0..12),
            length in 1u64..300,
            threshold in 0u16..=1000,
            position in 0u64..300,
        ) {
            let segments: Vec<Segment> = raw.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
            let mut seen = vec![false; length as usize];
            for &(from, to) in &segments {
                for ms in from..to.min(length) {
                    seen[ms as usize] = true;
                }
            }
            let count = seen.iter().filter(|ms| **ms).count() as u64;
            prop_assert_eq!(covered(segments.iter().copied(), length), count);

            let mut at = position;
            let mut count = count;
            let mut expected = None;
            while at <= length {
                if reached(count, length, threshold) {
                    expected = Some(at);
                    break;
                }
                if at < length && !seen[at as usize] {
                    count += 1;
                }
                at += 1;
            }
            prop_assert_eq!(reached_at(segments, length, threshold, position), expected);
        }
    }
}
