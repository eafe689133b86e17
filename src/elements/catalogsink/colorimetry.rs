// SPDX-License-Identifier: MPL-2.0

//! Colour tags of caps, complete, and as the conversion of colours asks for them.

use gst_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoTransferFunction,
};

use crate::package::colour::{Matrix, Primaries, Range, Signal, Transfer};

/// The colorimetry of caps, with what they leave open filled in by the size of the video.
pub fn colorimetry(caps: &gst::CapsRef, rows: u32) -> VideoColorimetry {
    let tagged = caps
        .structure(0)
        .and_then(|video| video.get::<&str>("colorimetry").ok())
        .and_then(|tag| tag.parse::<VideoColorimetry>().ok());
    let untagged = match Matrix::of_untagged(rows) {
        Matrix::Bt601 => VideoColorimetry::new(
            VideoColorRange::Range16_235,
            VideoColorMatrix::Bt601,
            VideoTransferFunction::Bt601,
            VideoColorPrimaries::Smpte170m,
        ),
        _ => bt709(),
    };
    let Some(tagged) = tagged else {
        return untagged;
    };
    let matrix = match tagged.matrix() {
        VideoColorMatrix::Rgb => VideoColorMatrix::Unknown,
        matrix => matrix,
    };
    VideoColorimetry::new(
        known(tagged.range(), VideoColorRange::Unknown, untagged.range()),
        known(matrix, VideoColorMatrix::Unknown, untagged.matrix()),
        known(
            tagged.transfer(),
            VideoTransferFunction::Unknown,
            untagged.transfer(),
        ),
        known(
            tagged.primaries(),
            VideoColorPrimaries::Unknown,
            untagged.primaries(),
        ),
    )
}

fn known<T: PartialEq>(value: T, unknown: T, otherwise: T) -> T {
    if value == unknown { otherwise } else { value }
}

/// The colorimetry of HD.
pub fn bt709() -> VideoColorimetry {
    VideoColorimetry::new(
        VideoColorRange::Range16_235,
        VideoColorMatrix::Bt709,
        VideoTransferFunction::Bt709,
        VideoColorPrimaries::Bt709,
    )
}

/// The same in video range.
pub fn in_video_range(colorimetry: VideoColorimetry) -> VideoColorimetry {
    VideoColorimetry::new(
        VideoColorRange::Range16_235,
        colorimetry.matrix(),
        colorimetry.transfer(),
        colorimetry.primaries(),
    )
}

/// Colour of the samples of video with these caps.
pub fn signal(
    caps: &gst::CapsRef,
    info: &gst_video::VideoInfo,
    colorimetry: VideoColorimetry,
) -> Signal {
    Signal {
        depth: info.format_info().depth().first().copied().unwrap_or(8),
        range: match colorimetry.range() {
            VideoColorRange::Range0_255 => Range::Full,
            _ => Range::Video,
        },
        matrix: match colorimetry.matrix() {
            VideoColorMatrix::Bt601 => Matrix::Bt601,
            VideoColorMatrix::Bt709 => Matrix::Bt709,
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            _ => Matrix::Other,
        },
        transfer: match colorimetry.transfer() {
            VideoTransferFunction::AribStdB67 => Transfer::Hlg,
            VideoTransferFunction::Smpte2084 => Transfer::Pq,
            _ => Transfer::Sdr,
        },
        primaries: match colorimetry.primaries() {
            VideoColorPrimaries::Bt2020 => Primaries::Bt2020,
            VideoColorPrimaries::Smpteeg432 => Primaries::P3,
            _ => Primaries::Bt709,
        },
        peak: peak(caps),
    }
}

/// The brightest light that metadata of HDR name, in cd/m².
fn peak(caps: &gst::CapsRef) -> Option<f32> {
    /// Units of mastering luminance in a cd/m² (SMPTE ST 2086 as HEVC has it).
    const PER_CANDELA: f32 = 10_000.0;
    let content = gst_video::VideoContentLightLevel::from_caps(caps).ok();
    let content = content.map(|light| f32::from(light.max_content_light_level()));
    let mastered = gst_video::VideoMasteringDisplayInfo::from_caps(caps).ok();
    let mastered =
        mastered.map(|display| display.max_display_mastering_luminance() as f32 / PER_CANDELA);
    content
        .filter(|light| *light > 0.0)
        .or(mastered.filter(|light| *light > 0.0))
}
