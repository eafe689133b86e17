// SPDX-License-Identifier: MPL-2.0

//! A finished track: its segments, and the bit rates measured over them.

use std::ops::Range;

use super::names;
use crate::timeline::{Span, Time};

/// A media segment that has been written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// File name in the track's folder.
    pub name: String,
    /// Time at which it is shown.
    pub span: Span,
    /// Size of the file.
    pub bytes: u64,
    /// Key frames of a video track: frames that can be shown by themselves.
    pub keys: Vec<KeyFrame>,
}

/// A frame with the boxes that it needs, as a byte range of its segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyFrame {
    /// Time at which it is shown.
    pub start: Time,
    /// Its bytes of the segment.
    pub range: Range<u64>,
}

impl Segment {
    /// Joins this segment and the next one into one file.
    pub fn joined(&self, next: &Segment, name: String, bytes: u64) -> Segment {
        let moved = |key: &KeyFrame| KeyFrame {
            start: key.start,
            range: key.range.start + self.bytes..key.range.end + self.bytes,
        };
        Segment {
            name,
            span: Span::new(self.span.start, next.span.end),
            bytes,
            keys: self
                .keys
                .iter()
                .cloned()
                .chain(next.keys.iter().map(moved))
                .collect(),
        }
    }
}

/// The segments of one rendition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Track {
    /// Folder relative to the package, such as `video/720p`.
    pub folder: String,
    /// Name of the initialization segment in the folder.
    pub init: String,
    /// Codec by RFC 6381.
    pub codec: String,
    /// Media segments in order.
    pub segments: Vec<Segment>,
    /// Target duration in seconds that its playlists have at least, because others have it.
    pub shared_target: u64,
}

/// Bit rates in bit/s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rates {
    /// Average over the whole track.
    pub average: u64,
    /// Highest rate that a player has to keep up with.
    pub peak: u64,
}

impl std::ops::Add for Rates {
    type Output = Rates;

    fn add(self, other: Rates) -> Rates {
        Rates {
            average: self.average + other.average,
            peak: self.peak + other.peak,
        }
    }
}

impl Track {
    /// Returns the path of the media playlist in the package.
    pub fn playlist(&self) -> String {
        format!("{}/{}", self.folder, names::PLAYLIST)
    }

    /// Returns the path of the I-frame playlist in the package, or `None` if there are no key
    /// frames.
    pub fn i_frame_playlist(&self) -> Option<String> {
        let any = self.keys().next().is_some();
        any.then(|| format!("{}/{}", self.folder, names::I_FRAMES))
    }

    /// Iterates over the key frames, each with its segment and its duration in the I-frame
    /// playlist.
    pub fn keys(&self) -> impl Iterator<Item = (&Segment, &KeyFrame, Span)> {
        let keys = || {
            let segments = self.segments.iter();
            segments.flat_map(|segment| segment.keys.iter().map(move |key| (segment, key)))
        };
        let ends = keys().skip(1).map(|(_, key)| key.start).chain([self.end()]);
        keys()
            .zip(ends)
            .map(|((segment, key), end)| (segment, key, Span::new(key.start, end)))
    }

    /// Returns the end of the last segment.
    pub fn end(&self) -> Time {
        self.segments
            .last()
            .map_or(Time::ZERO, |segment| segment.span.end)
    }

    /// Returns the size of all media segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Returns the [`target_duration`] of its segments, or that which it shares if it is longer.
    pub fn target_duration(&self) -> u64 {
        target_duration(&self.grid()).max(self.shared_target)
    }

    /// Returns the times of its segments.
    pub fn grid(&self) -> Vec<Span> {
        self.segments.iter().map(|segment| segment.span).collect()
    }

    /// Returns the last two segments if the last one is too short on its own. A player that looks
    /// for the next segment slightly before the end of its buffer may not find one of a single
    /// frame. The joined segment is still within the target duration.
    pub fn short_tail(&self) -> Option<(&Segment, &Segment)> {
        /// Half a second: a segment may exceed the target duration by that much (RFC 8216 section
        /// 4.3.3.1).
        const SHORT: Time = Time::from_millis(500);
        let [.., last, tail] = &self.segments[..] else {
            return None;
        };
        let length = last.span.duration().saturating_add(tail.span.duration());
        let fits = length.secs_f64().round() as u64 <= self.target_duration();
        (tail.span.duration() < SHORT && fits).then_some((last, tail))
    }

    /// Returns the measured rates.
    ///
    /// The peak is that of any run of segments that together last half to one and a half target
    /// durations (draft-pantos-hls-rfc8216bis section 4.4.6.2, "peak segment bit rate"). A short
    /// last segment therefore does not count by itself.
    pub fn rates(&self) -> Rates {
        let segments = self.segments.iter();
        self.rates_of(segments.map(|segment| (segment.bytes, segment.span)))
    }

    /// Returns the measured rates of the key frames alone.
    pub fn i_frame_rates(&self) -> Rates {
        self.rates_of(
            self.keys()
                .map(|(_, key, span)| (key.range.end - key.range.start, span)),
        )
    }

    fn rates_of(&self, parts: impl Iterator<Item = (u64, Span)>) -> Rates {
        let parts: Vec<(u64, u64)> = parts
            .map(|(bytes, span)| (bytes, span.duration().nanos()))
            .collect();
        let average = rate(
            parts.iter().map(|(bytes, _)| bytes).sum(),
            parts.iter().map(|(_, nanos)| nanos).sum(),
        );
        let target = self.target_duration() * Time::SECOND.nanos();
        let mut peak = 0;
        for first in 0..parts.len() {
            let (mut bytes, mut nanos) = (0, 0);
            for (more, longer) in &parts[first..] {
                bytes += more;
                nanos += longer;
                if nanos > target + target / 2 {
                    break;
                }
                if nanos >= target / 2 {
                    peak = peak.max(rate(bytes, nanos));
                }
            }
        }
        Rates {
            average,
            peak: peak.max(average),
        }
    }
}

/// Returns the length in whole seconds that no segment exceeds when rounded (RFC 8216 section
/// 4.3.3.1).
pub fn target_duration(segments: &[Span]) -> u64 {
    segments
        .iter()
        .map(|segment| segment.duration().secs_f64().round() as u64)
        .max()
        .unwrap_or(0)
        .max(1)
}

/// Returns the bit rate in bit/s of `bytes` in `nanos`, rounded up.
fn rate(bytes: u64, nanos: u64) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(Time::SECOND.nanos());
    u64::try_from(bits.div_ceil(u128::from(nanos.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes a track of segments of this many milliseconds and bytes each.
    pub(crate) fn track(folder: &str, codec: &str, segments: &[(u64, u64)]) -> Track {
        let mut at = Time::ZERO;
        Track {
            folder: folder.into(),
            init: "init.mp4".into(),
            codec: codec.into(),
            shared_target: 0,
            segments: segments
                .iter()
                .enumerate()
                .map(|(index, &(millis, bytes))| {
                    let start = at;
                    at = at.saturating_add(Time::from_millis(millis));
                    Segment {
                        name: format!("{index}.m4s"),
                        span: Span::new(start, at),
                        bytes,
                        keys: Vec::new(),
                    }
                })
                .collect(),
        }
    }

    #[test]
    fn rates_are_measured_over_segments() {
        let rates = track("v", "", &[(6000, 6000), (6000, 12_000), (6000, 3000)]).rates();
        assert_eq!(rates.average, (21_000_u64 * 8).div_ceil(18));
        assert_eq!(rates.peak, 16_000);
    }

    #[test]
    fn a_short_last_segment_counts_with_the_one_before() {
        let rates = track("v", "", &[(6000, 6000), (6000, 6000), (100, 10_000)]).rates();
        assert_eq!(rates.peak, (16_000_u64 * 8 * 10).div_ceil(61));
        let only = track("v", "", &[(100, 100)]).rates();
        assert_eq!(
            only,
            Rates {
                average: 8000,
                peak: 8000
            }
        );
    }

    #[test]
    fn key_frames_stand_for_what_follows() {
        let mut track = track("v", "", &[(6000, 9000), (6000, 9000)]);
        let mut key = |segment: usize, millis, range| {
            let start = Time::from_millis(millis);
            track.segments[segment].keys.push(KeyFrame { start, range });
        };
        key(0, 0, 0..3000);
        key(0, 4500, 5000..8000);
        key(1, 6000, 0..3000);
        let spans: Vec<_> = track
            .keys()
            .map(|(segment, _, span)| (&segment.name[..], span.duration().millis()))
            .collect();
        let expected = [("0.m4s", 4500), ("0.m4s", 1500), ("1.m4s", 6000)];
        assert_eq!(spans, expected);
        assert_eq!(track.i_frame_rates().average, 6000);
        // 1.5 s alone is less than half of a target duration.
        assert_eq!(track.i_frame_rates().peak, 8000);
        assert_eq!(track.i_frame_playlist().as_deref(), Some("v/iframes.m3u8"));
    }

    #[test]
    fn the_target_duration_is_rounded() {
        assert_eq!(track("v", "", &[(6006, 1), (5994, 1)]).target_duration(), 6);
        assert_eq!(track("v", "", &[(300, 1)]).target_duration(), 1);
    }
}
