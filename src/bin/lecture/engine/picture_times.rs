// SPDX-License-Identifier: MPL-2.0

//! Presentation times of MPEG-1 and MPEG-2 frames.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

/// Sets the presentation time of MPEG-1 and MPEG-2 frames by their temporal reference (ISO/IEC
/// 13818-2, 6.3.9). In a program stream only the first frame that begins in a packet has a time:
/// muxers drop frames without one, and decoders guess.
pub fn complete(pad: &gst::Pad) {
    let groups = Mutex::new(Groups::default());
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
        if has_references(pad)
            && let Some(buffer) = info.buffer_mut()
            && let Some(length) = buffer.duration()
            && let Some(header) = buffer
                .map_readable()
                .ok()
                .and_then(|map| Header::read(&map))
        {
            let shown = groups.shown(header, buffer.pts(), length);
            if buffer.pts().is_none() {
                buffer.make_mut().set_pts(shown);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Returns whether frames of a pad are MPEG-1 or MPEG-2 video.
fn has_references(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    let stream = caps.as_ref().and_then(|caps| caps.structure(0));
    stream.is_some_and(|stream| {
        stream.name() == "video/mpeg"
            && stream
                .get::<i32>("mpegversion")
                .is_ok_and(|version| version < 4)
    })
}

/// The headers before a frame, as far as they concern its position.
#[derive(Clone, Copy)]
struct Header {
    begins_group: bool,
    /// Position in the group of pictures, in presentation order.
    place: u64,
}

impl Header {
    fn read(picture: &[u8]) -> Option<Self> {
        let mut begins_group = false;
        for (at, start) in picture.windows(6).enumerate() {
            match start {
                [0, 0, 1, 0xb8, ..] => begins_group = true,
                [0, 0, 1, 0, high, low] => {
                    let place = u64::from(*high) << 2 | u64::from(low >> 6);
                    return Some(Header {
                        begins_group,
                        place,
                    });
                }
                // Headers of streams are shorter than this; a frame of another codec has none.
                _ if at > 4096 => return None,
                _ => {}
            }
        }
        None
    }
}

/// Start of the group of pictures, and start of the one after it.
#[derive(Default)]
struct Groups {
    start: Option<gst::ClockTime>,
    next: Option<gst::ClockTime>,
}

impl Groups {
    /// Returns the presentation time of a frame, from its own time or from those of others in its
    /// group.
    fn shown(
        &mut self,
        header: Header,
        pts: Option<gst::ClockTime>,
        length: gst::ClockTime,
    ) -> Option<gst::ClockTime> {
        if header.begins_group {
            self.start = self.next;
        }
        let into = length.saturating_mul(header.place);
        if let Some(pts) = pts {
            self.start = Some(pts.saturating_sub(into));
        }
        let shown = self.start?.saturating_add(into);
        self.next = self.next.max(Some(shown.saturating_add(length)));
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the headers of a frame at this position.
    fn picture(begins_group: bool, place: u16) -> Vec<u8> {
        let mut bytes = vec![0, 0, 1, 0xb3, 1, 2, 3, 4];
        if begins_group {
            bytes.extend([0, 0, 1, 0xb8, 0, 8, 0, 0]);
        }
        let [high, low] = (place << 6 | 8).to_be_bytes();
        bytes.extend([0, 0, 1, 0, high, low, 0xff]);
        bytes
    }

    #[test]
    fn pictures_without_times_get_them_in_the_order_they_are_shown() {
        let ms = gst::ClockTime::from_mseconds;
        let mut groups = Groups::default();
        let mut shown = |begins, place, pts: Option<u64>| {
            let header = Header::read(&picture(begins, place)).expect("a header");
            let shown = groups.shown(header, pts.map(ms), ms(40));
            shown.map(gst::ClockTime::mseconds)
        };
        assert_eq!(shown(true, 2, None), None);
        // I B B P, decoded as I P B B.
        assert_eq!(shown(true, 0, Some(1000)), Some(1000));
        assert_eq!(shown(false, 3, None), Some(1120));
        assert_eq!(shown(false, 1, None), Some(1040));
        assert_eq!(shown(false, 2, None), Some(1080));
        assert_eq!(shown(true, 0, None), Some(1160));
        assert_eq!(shown(false, 300, Some(20_000)), Some(20_000));
        assert_eq!(shown(false, 301, None), Some(20_040));
        assert!(Header::read(&[0, 0, 1]).is_none());
    }
}
