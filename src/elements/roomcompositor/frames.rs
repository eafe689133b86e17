// SPDX-License-Identifier: MPL-2.0

//! Caps, tags and times of frames.

use super::avatar::CHROMA_SITE;
use crate::record::layout::VideoSize;
use crate::timeline::Time;

/// Returns a segment in which every position is a running time. That of a track may begin late, and then
/// has no position for what stands for the track before.
pub fn plain_segment(seqnum: gst::Seqnum) -> gst::Event {
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    gst::event::Segment::builder(&segment)
        .seqnum(seqnum)
        .build()
}

/// Gives a frame its time in a plain segment, and no duration: it is shown until the next.
pub fn set_time(buffer: &mut gst::Buffer, time: Time) {
    let buffer = buffer.make_mut();
    buffer.set_pts(gst::ClockTime::from_nseconds(time.nanos()));
    buffer.set_dts(gst::ClockTime::NONE);
    buffer.set_duration(gst::ClockTime::NONE);
}

/// Writes the colorimetry out that caps without it mean, which depends on the size and would change
/// with it. All videos get the same chroma site, half a pixel off at most: the compositor would
/// convert every frame of a video that differs.
pub fn with_colors(mut caps: gst::Caps) -> gst::Caps {
    let info = gst_video::VideoInfo::from_caps(&caps);
    let Some(info) = info.ok().filter(gst_video::VideoInfo::is_yuv) else {
        return caps;
    };
    caps.make_mut()
        .set("colorimetry", info.colorimetry().to_string());
    if info.format_info().h_sub().iter().any(|shift| *shift > 0) {
        caps.make_mut().set("chroma-site", CHROMA_SITE);
    }
    caps
}

/// Returns the size of the video as it is coded.
pub fn video_size(caps: &gst::CapsRef) -> Option<VideoSize> {
    let info = gst_video::VideoInfo::from_caps(caps).ok()?;
    let par = info.par();
    let part = |number: i32| u32::try_from(number).unwrap_or(1).max(1);
    Some(VideoSize {
        width: info.width(),
        height: info.height(),
        pixel_aspect: (part(par.numer()), part(par.denom())),
    })
}

/// Returns the clockwise rotation that a tag names. Mirrored videos are shown as they are.
pub fn orientation(tags: &gst::TagListRef) -> Option<u32> {
    let tag = tags.get::<gst::tags::ImageOrientation>()?;
    match tag.get() {
        "rotate-0" => Some(0),
        "rotate-90" => Some(90),
        "rotate-180" => Some(180),
        "rotate-270" => Some(270),
        _ => None,
    }
}
