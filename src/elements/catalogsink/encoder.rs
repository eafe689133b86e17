// SPDX-License-Identifier: MPL-2.0

//! Encoding of a video rendition: elements and their settings.
//!
//! With every codec, key frames come only from the events before each encoder: the encoder's own
//! limit is longer, and scene cuts add none, or renditions would differ.

use std::ops::ControlFlow;

use gst::glib;
use gst::prelude::*;
use once_cell::sync::OnceCell;

use super::bin::{make, static_pad};
use super::settings::{Preset, Settings};
use crate::package::coding::VideoCodec;
use crate::package::ladder::{Content, Rung};
use crate::package::mp4::codec::without_parameter_sets;

/// Time in milliseconds for which x264 and x265 may exceed the ceiling: a slide change is one large
/// frame.
const BUFFERED: u32 = 2000;
/// Worst quality of x264 and x265.
const MAX_QUALITY: u32 = 50;
/// x264 option for a screen: the kind of adaptive quantization that takes least from text.
const SCREEN_OPTIONS: &str = ":aq-mode=3";
/// Decides the coding of each block by distortion and bits, as the slow presets do anyway. Most of
/// a screen's bytes are key frames, where that saves a seventh, and still content costs no time.
const SEARCH_OPTIONS: &str = ":subme=7:trellis=2";
/// Value of that search as a rate factor: AV1's encoder, which has no such search, is set finer by
/// it.
const SCREEN_SEARCH: u32 = 3;
/// Number of frames that x264 and x265 look ahead if the preset has fewer: content that stays
/// visible is worth more bits.
const LOOK_AHEAD: &str = ":rc-lookahead=25";
/// Options for low frame rates. Macroblock trees spend more on a frame the longer it is still,
/// which would be most of such a rendition. Scrolling text moves far from frame to frame; the wider
/// search saves a third of the bytes.
const FEW_OPTIONS: &str = ":mbtree=0:me=umh:merange=128";

/// Difference between rate factors of x265 and x264 of the same quality.
const X265_COARSER: u32 = 4;
/// The default motion search loses scrolling text, which costs five times the bytes.
const X265_OPTIONS: &str = "scenecut=0:open-gop=0:min-keyint=1:me=umh:repeat-headers=0:info=0";
/// Like [`SEARCH_OPTIONS`], for x265: it saves a quarter of the bytes of scrolling text.
const X265_SEARCH_OPTIONS: &str = ":rd=4:rdoq-level=2";
/// Like [`FEW_OPTIONS`], for x265.
const X265_FEW_OPTIONS: &str = ":cutree=0";

/// AV1 quantizer that looks like x264's rate factor 23, and its increase with each step of that.
const AV1_QUANTIZER: (f64, f64) = (25.0, 1.3);
/// Worst quantizer.
const AV1_MAX_QUANTIZER: u32 = 63;

/// Returns the elements that encode in a codec.
pub fn elements(codec: VideoCodec, settings: &Settings) -> [&str; 2] {
    match codec {
        VideoCodec::H264 => [&settings.video_encoder, "h264parse"],
        VideoCodec::H265 => ["x265enc", "h265parse"],
        VideoCodec::Av1 => ["av1enc", "av1parse"],
    }
}

/// Returns the Debian package of an element that a run needs.
pub fn debian_package(element: &str) -> Option<&'static str> {
    match element {
        "x264enc" => Some("gstreamer1.0-plugins-ugly"),
        "avenc_aac" => Some("gstreamer1.0-libav"),
        "x265enc" | "av1enc" | "openh264enc" | "h264parse" | "h265parse" | "av1parse" => {
            Some("gstreamer1.0-plugins-bad")
        }
        _ => None,
    }
}

/// Codec and properties of a video rendition.
pub struct Coding<'a> {
    pub codec: VideoCodec,
    pub rung: &'a Rung,
    /// Frame rate before decimation.
    pub rate: (u32, u32),
    /// Number of threads, if the encoder has such a setting.
    pub threads: u32,
    pub settings: &'a Settings,
}

impl Coding<'_> {
    /// Makes the encoder for the output of `source`.
    pub fn encoder(&self, source: &gst::Pad) -> Result<gst::Element, glib::BoolError> {
        let [encoder, _] = elements(self.codec, self.settings);
        let encoder = make(encoder)?;
        match self.codec {
            VideoCodec::H264 if self.settings.video_encoder == "x264enc" => self.set_x264(&encoder),
            VideoCodec::H264 => self.set_other(&encoder),
            VideoCodec::H265 => self.set_x265(&encoder),
            VideoCodec::Av1 => {
                self.set_av1(&encoder);
                restart_at_keys(source, &encoder);
            }
        }
        Ok(encoder)
    }

    /// Makes the parser that prepares an encoder's output for a file; returns `None` if none is
    /// needed.
    pub fn parser(&self, encoder: &gst::Element) -> Result<Option<gst::Element>, glib::BoolError> {
        if self.codec == VideoCodec::H264 && makes_avc(encoder) {
            return Ok(None);
        }
        let [_, parser] = elements(self.codec, self.settings);
        let parser = make(parser)?;
        mend(&parser, self.codec)?;
        Ok(Some(parser))
    }

    /// Returns the key-frame limit of the encoder in frames, which is longer than the requested
    /// intervals.
    fn key_frames(&self) -> u32 {
        let (num, den) = self.rung.frame_rate(self.rate);
        let frames = self.settings.keyframe_interval * f64::from(num) / f64::from(den.max(1));
        (frames * 2.0).ceil() as u32 + 1
    }

    /// Returns the quality as an x264 rate factor.
    fn quality(&self) -> u32 {
        self.settings
            .quality
            .saturating_add_signed(self.rung.quality)
    }

    /// Returns whether the encoder has to search longer than the preset does; slow presets already
    /// do.
    fn searches(&self) -> bool {
        let slow = matches!(
            self.settings.preset,
            Preset::Slow | Preset::Slower | Preset::Veryslow
        );
        self.rung.content == Content::Screen && !slow
    }

    /// Returns whether it has to look farther ahead than the preset does. Faster presets have no
    /// macroblock trees, for which that is; slower ones look as far anyway.
    fn looks_ahead(&self) -> bool {
        let preset = matches!(self.settings.preset, Preset::Veryfast | Preset::Faster);
        self.rung.content == Content::Screen && self.rung.every == 1 && preset
    }

    /// Sets capped constant quality. Parameter sets are in the sample description only, as `avc1`
    /// requires.
    fn set_x264(&self, encoder: &gst::Element) {
        encoder.set_property_from_str("speed-preset", &self.settings.preset.nick());
        encoder.set_property_from_str("pass", "qual");
        encoder.set_property("quantizer", self.quality().clamp(1, MAX_QUALITY));
        encoder.set_property("bitrate", self.rung.ceiling);
        encoder.set_property("vbv-buf-capacity", BUFFERED);
        encoder.set_property("key-int-max", self.key_frames());
        let mut options = String::from("scenecut=0:repeat-headers=0");
        if self.rung.content == Content::Screen {
            options.push_str(SCREEN_OPTIONS);
        }
        if self.searches() {
            options.push_str(SEARCH_OPTIONS);
        }
        if self.looks_ahead() {
            options.push_str(LOOK_AHEAD);
        }
        if self.rung.every > 1 {
            options.push_str(FEW_OPTIONS);
        }
        encoder.set_property("option-string", options);
        encoder.set_property("aud", false);
        encoder.set_property("threads", self.threads);
    }

    /// Sets the same for x265, as `hvc1` requires.
    fn set_x265(&self, encoder: &gst::Element) {
        encoder.set_property_from_str("speed-preset", &self.settings.preset.nick());
        // The tunings are for metrics, not for eyes.
        encoder.set_property_from_str("tune", "No tunning");
        encoder.set_property("key-int-max", self.key_frames().cast_signed());
        let quality = (self.quality() + X265_COARSER).clamp(1, MAX_QUALITY);
        let ceiling = self.rung.ceiling;
        let buffer = ceiling * BUFFERED / 1000;
        let mut options = format!(
            "crf={quality}:vbv-maxrate={ceiling}:vbv-bufsize={buffer}:pools={}:frame-threads=1:\
             {X265_OPTIONS}",
            self.threads
        );
        if self.searches() {
            options.push_str(X265_SEARCH_OPTIONS);
        }
        if self.looks_ahead() {
            options.push_str(LOOK_AHEAD);
        }
        if self.rung.every > 1 {
            options.push_str(X265_FEW_OPTIONS);
        }
        encoder.set_property("option-string", options);
    }

    /// Sets capped constant quality, without frames that wait for later ones: these take half as
    /// much time again and save no bytes if little moves. The realtime modes need more bytes for a
    /// screen than x264.
    fn set_av1(&self, encoder: &gst::Element) {
        let speed = match self.settings.preset {
            Preset::Ultrafast | Preset::Superfast | Preset::Veryfast | Preset::Faster => 6,
            Preset::Fast | Preset::Medium => 5,
            Preset::Slow => 4,
            Preset::Slower => 3,
            Preset::Veryslow => 2,
        };
        let (middle, step) = AV1_QUANTIZER;
        let searched = match self.rung.content {
            Content::Screen => SCREEN_SEARCH,
            Content::Camera => 0,
        };
        let quality = self.quality().saturating_sub(searched);
        let quantizer = (middle + (f64::from(quality) - 23.0) * step).round();
        let quantizer = quantizer.clamp(1.0, f64::from(AV1_MAX_QUANTIZER)) as u32;
        encoder.set_property_from_str("usage-profile", "good-quality");
        encoder.set_property("cpu-used", speed);
        encoder.set_property("lag-in-frames", 0u32);
        encoder.set_property_from_str("end-usage", "cq");
        encoder.set_property("target-bitrate", self.rung.ceiling);
        encoder.set_property("min-quantizer", quantizer);
        encoder.set_property("max-quantizer", AV1_MAX_QUANTIZER);
        encoder.set_property_from_str("keyframe-mode", "disabled");
        encoder.set_property("keyframe-max-dist", self.key_frames().cast_signed());
        encoder.set_property("threads", self.threads);
    }

    /// Sets the bit rate. Other encoders agree on the name of the property, not on its unit: kbit/s
    /// except for openh264enc.
    fn set_other(&self, encoder: &gst::Element) {
        let in_bits = encoder
            .factory()
            .is_some_and(|factory| factory.name() == "openh264enc");
        let rate = self.rung.ceiling * if in_bits { 1000 } else { 1 };
        if encoder.find_property("bitrate").is_some() {
            encoder.set_property_from_str("bitrate", &rate.to_string());
        }
    }
}

/// Returns whether an encoder's output can be used in a file as it is.
fn makes_avc(encoder: &gst::Element) -> bool {
    let avc = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .build();
    let pad = encoder.static_pad("src");
    pad.is_some_and(|pad| pad.pad_template_caps().can_intersect(&avc))
}

/// Repairs the output of a parser. The parser moves the segment to the first decoding time (1.22),
/// and with it all that follow; the incoming segment is used instead. Caps stay the first. The
/// parser also leaves the parameter sets of H.265 in the stream, where `hvc1` has none.
fn mend(parser: &gst::Element, codec: VideoCodec) -> Result<(), glib::BoolError> {
    let sink = static_pad(parser, "sink")?.downgrade();
    let first_caps = OnceCell::new();
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    static_pad(parser, "src")?.add_probe(mask, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Segment(_) => {
                    let came = sink.upgrade();
                    let came = came.and_then(|sink| sink.sticky_event::<gst::event::Segment>(0));
                    if let Some(came) = came {
                        *event = came.into();
                    }
                }
                gst::EventView::Caps(caps) => {
                    let first = first_caps.get_or_init(|| caps.caps_owned());
                    *event = gst::event::Caps::builder(first)
                        .seqnum(event.seqnum())
                        .build();
                }
                _ => {}
            },
            Some(gst::PadProbeData::Buffer(buffer)) if codec == VideoCodec::H265 => {
                if let Some(mended) = in_hvc1(buffer) {
                    *buffer = mended;
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Returns a key frame in the form of `hvc1`, or `None` if it already has it.
fn in_hvc1(buffer: &gst::BufferRef) -> Option<gst::Buffer> {
    if buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
        return None;
    }
    let bytes = without_parameter_sets(&buffer.map_readable().ok()?)?;
    let mut mended = gst::Buffer::from_mut_slice(bytes);
    let flags =
        gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::META;
    buffer.copy_into(mended.get_mut()?, flags, ..).ok()?;
    Some(mended)
}

/// Restarts av1enc (1.22) after `source` at requested key frames, because it ignores the requests
/// and its first output is a key frame. At that time it contains no frame that could be lost.
fn restart_at_keys(source: &gst::Pad, encoder: &gst::Element) {
    let encoder = encoder.downgrade();
    source.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |source, info| {
        let is_asked = info
            .event()
            .is_some_and(|event| gst_video::DownstreamForceKeyUnitEvent::parse(event).is_ok());
        if let (Some(encoder), Some(sink)) = (encoder.upgrade(), source.peer())
            && is_asked
        {
            let restarted = encoder.set_state(gst::State::Ready).is_ok()
                && encoder.sync_state_with_parent().is_ok();
            if restarted {
                // It has lost the events before the frames.
                source.sticky_events_foreach(|event| {
                    sink.send_event(event.clone());
                    ControlFlow::Continue(gst::EventForeachAction::Keep)
                });
            }
        }
        gst::PadProbeReturn::Ok
    });
}
