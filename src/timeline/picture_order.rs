// SPDX-License-Identifier: MPL-2.0

//! Presentation times of coded frames of which only the order of decoding is known: from AVI, from
//! Matroska tracks in the manner of Video for Windows.
//!
//! There each frame has the time at which it is decoded. The frame that is shown first gets the
//! earliest of these times, the second one the next, and so on.

use super::Time;

/// Frames held back at most: a stream whose groups are longer is not one that this module knows.
const MOST_HELD: usize = 2000;

/// A coded frame's place in the order of presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// No frame from here on is shown before one that came earlier.
    pub begins_group: bool,
    /// Rises within a group as frames are shown.
    pub order: i64,
}

/// Gives frames their presentation times, a group at a time.
#[derive(Debug)]
pub struct PictureOrder<T> {
    held: Vec<(Place, Time, T)>,
}

impl<T> Default for PictureOrder<T> {
    fn default() -> Self {
        PictureOrder { held: Vec::new() }
    }
}

impl<T> PictureOrder<T> {
    /// Takes the next frame in the order of decoding; returns those whose times are known now, in
    /// the same order.
    pub fn push(&mut self, place: Place, decoded: Time, frame: T) -> Vec<(Time, T)> {
        let known = match place.begins_group || self.held.len() >= MOST_HELD {
            true => self.finish(),
            false => Vec::new(),
        };
        self.held.push((place, decoded, frame));
        known
    }

    /// Returns the frames that are still held.
    pub fn finish(&mut self) -> Vec<(Time, T)> {
        let held = std::mem::take(&mut self.held);
        let mut times: Vec<Time> = held.iter().map(|(_, decoded, _)| *decoded).collect();
        times.sort_unstable();
        let mut shown: Vec<usize> = (0..held.len()).collect();
        shown.sort_by_key(|&n| held[n].0.order);
        let mut rank = vec![0; held.len()];
        for (place, &n) in shown.iter().enumerate() {
            rank[n] = place;
        }
        let frames = held.into_iter().zip(rank);
        frames
            .map(|((_, _, frame), rank)| (times[rank], frame))
            .collect()
    }
}

/// Reads the places of MPEG-4 Part 2 frames (ISO/IEC 14496-2, 6.3.5 `vop_coding_type`): a B-VOP is
/// shown before the reference frame that was decoded before it.
#[derive(Debug, Default)]
pub struct Mpeg4Order {
    count: i64,
    is_packed: bool,
}

impl Mpeg4Order {
    /// Returns the place of the frame in `unit`; `None` if there is no VOP in it, and for all units of
    /// a packed stream.
    pub fn place(&mut self, unit: &[u8]) -> Option<Place> {
        const VOP: [u8; 4] = [0, 0, 1, 0xb6];
        let mut frames = unit.windows(5).filter(|bytes| bytes[..4] == VOP);
        let first = frames.next()?;
        // Two frames in a unit, and an empty one after it: the times of such a packed stream are not
        // those of its units.
        self.is_packed |= frames.next().is_some();
        if self.is_packed {
            return None;
        }
        let is_bidirectional = first[4] >> 6 == 2;
        self.count += 1;
        Some(Place {
            begins_group: !is_bidirectional,
            // The reference frame that begins a group is the last one of it to be shown.
            order: match is_bidirectional {
                true => self.count,
                false => i64::MAX,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_shown_first_gets_the_earliest_time() {
        let mut order = PictureOrder::default();
        let mut known = Vec::new();
        // I P b b, then I P: as an H.264 encoder writes picture order counts.
        let frames = [
            (true, 0),
            (false, 6),
            (false, 2),
            (false, 4),
            (true, 0),
            (false, 2),
        ];
        for (n, (begins_group, at)) in frames.into_iter().enumerate() {
            let place = Place {
                begins_group,
                order: at,
            };
            known.extend(order.push(place, Time::from_millis(n as u64 * 40), n));
        }
        known.extend(order.finish());
        let known: Vec<_> = known.iter().map(|(time, n)| (time.millis(), *n)).collect();
        assert_eq!(
            known,
            [(0, 0), (120, 1), (40, 2), (80, 3), (160, 4), (200, 5)]
        );
    }

    #[test]
    fn mpeg4_references_are_shown_after_the_frames_between() {
        let vop = |kind: u8| [0, 0, 1, 0xb6, kind << 6 | 5];
        let (mut places, mut order) = (Mpeg4Order::default(), PictureOrder::default());
        let mut known = Vec::new();
        for (n, kind) in [0u8, 1, 2, 2, 1, 1].into_iter().enumerate() {
            let place = places.place(&vop(kind)).expect("a VOP");
            known.extend(order.push(place, Time::from_millis(n as u64), n));
        }
        known.extend(order.finish());
        let times: Vec<u64> = known.iter().map(|(time, _)| time.millis()).collect();
        assert_eq!(times, [0, 3, 1, 2, 4, 5]);
        assert_eq!(places.place(b"no frame"), None);
        let packed = [vop(1), vop(2)].concat();
        assert_eq!(places.place(&packed), None);
        assert_eq!(places.place(&vop(1)), None);
    }
}
