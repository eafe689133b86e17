// SPDX-License-Identifier: MPL-2.0

//! Stand-ins for cameras that are off, made by stock elements: the file of a participant, or
//! initials on a color. Each is one frame of the size of its tile.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

use crate::record::layout::avatar::{background, initials};
use crate::record::layout::{Color, Rect};

/// Chroma site of all frames, that of VP8's decoder.
pub const CHROMA_SITE: &str = "jpeg";

/// Longest time to make a frame.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// The kind of stand-in.
#[derive(Clone, Debug)]
pub enum Avatars {
    Initials,
    None,
    Folder(PathBuf),
}

impl Avatars {
    /// Parses the property.
    ///
    /// # Errors
    /// The text is neither a kind nor a folder.
    pub fn parse(text: &str) -> Result<Self, gst::ErrorMessage> {
        match text {
            "initials" => Ok(Avatars::Initials),
            "none" => Ok(Avatars::None),
            folder if PathBuf::from(folder).is_dir() => Ok(Avatars::Folder(folder.into())),
            other => Err(gst::error_msg!(
                gst::LibraryError::Settings,
                ("avatar: \"{other}\" is not a folder; use initials, none, or a folder of PNG files")
            )),
        }
    }

    /// Makes the frame of a participant, with its caps; `None` for [`Avatars::None`].
    ///
    /// # Errors
    /// A stock element is missing or fails, or the file is not a PNG.
    pub fn make(
        &self,
        participant: &str,
        name: &str,
        rect: Rect,
    ) -> Result<Option<gst::Sample>, glib::Error> {
        let file = match self {
            Avatars::None => return Ok(None),
            Avatars::Initials => None,
            Avatars::Folder(folder) => {
                // An identifier is not trusted: it stays one name in the folder.
                let is_name = !participant.contains(['/', '\\', '\0']);
                let file = folder.join(format!("{participant}.png"));
                (is_name && file.is_file()).then_some(file)
            }
        };
        let sample = match file {
            Some(file) => {
                let line =
                    "filesrc name=file ! pngdec ! videoconvert ! videoscale add-borders=true";
                run(line, rect, |pipeline| {
                    if let Some(source) = pipeline.by_name("file") {
                        source.set_property("location", file.as_path());
                    }
                })
            }
            None => run(INITIALS, rect, |pipeline| {
                set_initials(pipeline, participant, name, rect)
            }),
        };
        sample.map(Some)
    }
}

const INITIALS: &str = "videotestsrc name=color num-buffers=1 pattern=solid-color \
     ! capsfilter name=size ! textoverlay name=text halignment=center valignment=center \
     auto-resize=false shaded-background=false draw-shadow=false draw-outline=false";

fn set_initials(pipeline: &gst::Pipeline, participant: &str, name: &str, rect: Rect) {
    if let Some(source) = pipeline.by_name("color") {
        source.set_property("foreground-color", argb(background(participant)));
    }
    if let Some(filter) = pipeline.by_name("size") {
        filter.set_property("caps", caps(rect));
    }
    if let Some(text) = pipeline.by_name("text") {
        let height = (rect.height.min(rect.width) * 2 / 5).max(8);
        text.set_property("font-desc", format!("Sans Bold {height}px"));
        text.set_property("text", initials(name));
    }
}

/// Makes a frame of one color.
pub fn plain(color: Color, rect: Rect) -> Result<gst::Sample, glib::Error> {
    let line = "videotestsrc name=color num-buffers=1 pattern=solid-color";
    run(line, rect, |pipeline| {
        if let Some(source) = pipeline.by_name("color") {
            source.set_property("foreground-color", argb(color));
        }
    })
}

/// Side of a blank frame in pixels.
const BLANK: u32 = 16;

/// Makes a small black frame.
pub fn blank_frame() -> gst::Sample {
    let luma = usize::try_from(BLANK * BLANK).unwrap_or_default();
    let mut pixels = vec![16u8; luma];
    pixels.resize(luma * 3 / 2, 128);
    gst::Sample::builder()
        .buffer(&gst::Buffer::from_mut_slice(pixels))
        .caps(&caps(Rect::new(0, 0, BLANK, BLANK)))
        .build()
}

/// Returns a color as stock elements take it.
fn argb(color: Color) -> u32 {
    u32::from_be_bytes([0xFF, color.red, color.green, color.blue])
}

/// Returns the caps of a frame that fills a rectangle. Colors are those of WebRTC's video (BT.601).
pub fn caps(rect: Rect) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", i32::try_from(rect.width).unwrap_or(i32::MAX))
        .field("height", i32::try_from(rect.height).unwrap_or(i32::MAX))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("colorimetry", "bt601")
        .field("chroma-site", CHROMA_SITE)
        .build()
}

/// Runs a description to its first frame.
fn run(
    line: &str,
    rect: Rect,
    set: impl FnOnce(&gst::Pipeline),
) -> Result<gst::Sample, glib::Error> {
    let failed = |text: &str| glib::Error::new(gst::CoreError::Failed, text);
    let line = format!("{line} ! capsfilter name=out ! appsink name=sink sync=false");
    let pipeline = gst::parse::launch(&line)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| failed("the description of an avatar is not a pipeline"))?;
    if let Some(filter) = pipeline.by_name("out") {
        filter.set_property("caps", caps(rect));
    }
    set(&pipeline);
    let sink = pipeline
        .by_name("sink")
        .and_then(|sink| sink.downcast::<gst_app::AppSink>().ok())
        .ok_or_else(|| failed("the description of an avatar has no sink"))?;
    let started = pipeline.set_state(gst::State::Playing);
    let sample = started.ok().and_then(|_| sink.try_pull_sample(PATIENCE));
    let error = pipeline
        .bus()
        .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    let _ = pipeline.set_state(gst::State::Null);
    sample.ok_or_else(|| match error.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => error.error(),
        _ => failed("no frame was made"),
    })
}
