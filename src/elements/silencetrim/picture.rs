// SPDX-License-Identifier: MPL-2.0

//! The layout of raw video frames, and a plain frame of that layout.

use gst_video::{VideoConverter, VideoFrame, VideoInfo};

/// Brightness of the card, of 255: dark, so that it does not glare between slides.
const CARD: u8 = 0x30;

/// Layout of a stream's frames, and a plain frame.
#[derive(Debug)]
pub struct Picture {
    pub(super) info: VideoInfo,
    pub(super) card: gst::Buffer,
}

impl Picture {
    /// Makes the layout for raw frames in system memory; the error states what others need.
    pub fn new(caps: &gst::CapsRef) -> Result<Self, String> {
        let features = caps.features(0);
        if features.is_some_and(|features| !features.contains("memory:SystemMemory")) {
            return Err(
                "video outside of system memory cannot be covered; put an element before it that \
                 downloads them"
                    .into(),
            );
        }
        let unknown = |error| {
            format!("video of this kind cannot be covered: {error}; put videoconvert before it")
        };
        let info = VideoInfo::from_caps(caps).map_err(unknown)?;
        let card = card(&info).map_err(unknown)?;
        Ok(Picture { info, card })
    }
}

fn card(info: &VideoInfo) -> Result<gst::Buffer, gst::glib::BoolError> {
    let grey = VideoInfo::builder(gst_video::VideoFormat::Rgb, info.width(), info.height())
        .fps(info.fps())
        .interlace_mode(info.interlace_mode())
        .build()?;
    let source = gst::Buffer::from_mut_slice(vec![CARD; grey.size()]);
    let failed = |_| gst::glib::bool_error!("its memory does not match its caps");
    let source = VideoFrame::from_buffer_readable(source, &grey).map_err(failed)?;
    let made = gst::Buffer::with_size(info.size())?;
    let mut made = VideoFrame::from_buffer_writable(made, info).map_err(failed)?;
    VideoConverter::new(&grey, info, None)?.frame(&source, &mut made);
    Ok(made.into_buffer())
}
