// SPDX-License-Identifier: MPL-2.0

//! How a rendition of the picture is encoded: elements and their settings.
//!
//! Whatever the codec, key frames come from the events before each encoder alone: its own limit lies
//! beyond them, and scene cuts make none, or renditions would differ.

use std::ops::ControlFlow;

use gst::glib;
use gst::prelude::*;
use once_cell::sync::OnceCell;

use super::bin::{make, static_pad};
use super::settings::{Preset, Settings};
use crate::package::coding::VideoCodec;
use crate::package::ladder::{Content, Rung};
use crate::package::mp4::codec::without_parameter_sets;

/// How long x264 and x265 may borrow from the ceiling, in milliseconds: a slide change is one large
/// frame.
const BUFFERED: u32 = 2000;
/// The worst quality that x264 and x265 know.
const MAX_QUALITY: u32 = 50;
/// What x264 does otherwise for a screen: of its kinds of adaptive quantization the one that takes
/// least from text.
const SCREEN_OPTIONS: &str = ":aq-mode=3";
/// And it weighs how each block is coded by distortion and bits, which the slow presets do anyway. Most
/// of a screen's bytes are key frames, where that saves a seventh, and what stands still costs no time.
const SEARCH_OPTIONS: &str = ":subme=7:trellis=2";
/// What that search is worth, as a rate factor: AV1's encoder, which has none, is set finer by it.
const SCREEN_SEARCH: u32 = 3;
/// Frames that x264 and x265 look ahead where the preset has fewer: what is still seen then is worth
/// more bits.
const LOOK_AHEAD: &str = ":rc-lookahead=25";
/// And where few pictures a second are shown: trees of macroblocks spend more on a picture the longer
/// it stands still, and the largest part of such a rendition would be that. Text that scrolls is far
/// away in the next picture, and looking for it takes a third of the bytes away.
const FEW_OPTIONS: &str = ":mbtree=0:me=umh:merange=128";

/// A rate factor of x265 that looks as one of x264 does is so much larger.
const X265_COARSER: u32 = 4;
/// The default search for motion loses text that scrolls: five times the bytes.
const X265_OPTIONS: &str = "scenecut=0:open-gop=0:min-keyint=1:me=umh:repeat-headers=0:info=0";
/// As [`SEARCH_OPTIONS`], of x265: it takes a quarter of the bytes of text that scrolls away.
const X265_SEARCH_OPTIONS: &str = ":rd=4:rdoq-level=2";
/// As [`FEW_OPTIONS`], of x265.
const X265_FEW_OPTIONS: &str = ":cutree=0";

/// The quantizer of AV1 that looks as x264's rate factor 23 does, and by how much it rises with each
/// step of that.
const AV1_QUANTIZER: (f64, f64) = (25.0, 1.3);
/// The worst that there is.
const AV1_MAX_QUANTIZER: u32 = 63;

/// The elements that encode in a codec.
pub fn elements(codec: VideoCodec, settings: &Settings) -> [&str; 2] {
    match codec {
        VideoCodec::H264 => [&settings.video_encoder, "h264parse"],
        VideoCodec::H265 => ["x265enc", "h265parse"],
        VideoCodec::Av1 => ["av1enc", "av1parse"],
    }
}

/// The Debian package that has an element which a run needs.
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

/// What a rendition of the picture is encoded as.
pub struct Coding<'a> {
    pub codec: VideoCodec,
    pub rung: &'a Rung,
    /// Of the picture before it is thinned out.
    pub rate: (u32, u32),
    /// In so many threads, where the encoder can be told.
    pub threads: u32,
    pub settings: &'a Settings,
}

impl Coding<'_> {
    /// The encoder of what comes out of `source`.
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

    /// What makes of an encoder's output what can go into a file; `None` where it can as it is.
    pub fn parser(&self, encoder: &gst::Element) -> Result<Option<gst::Element>, glib::BoolError> {
        if self.codec == VideoCodec::H264 && makes_avc(encoder) {
            return Ok(None);
        }
        let [_, parser] = elements(self.codec, self.settings);
        let parser = make(parser)?;
        mend(&parser, self.codec)?;
        Ok(Some(parser))
    }

    /// Frames between two key frames that lie beyond those that are asked for.
    fn key_frames(&self) -> u32 {
        let (num, den) = self.rung.frame_rate(self.rate);
        let frames = self.settings.keyframe_interval * f64::from(num) / f64::from(den.max(1));
        (frames * 2.0).ceil() as u32 + 1
    }

    /// The quality as an x264 rate factor.
    fn quality(&self) -> u32 {
        self.settings
            .quality
            .saturating_add_signed(self.rung.quality)
    }

    /// Whether the encoder shall search longer than the preset says: the slow ones do.
    fn searches(&self) -> bool {
        let slow = matches!(
            self.settings.preset,
            Preset::Slow | Preset::Slower | Preset::Veryslow
        );
        self.rung.content == Content::Screen && !slow
    }

    /// Whether it shall look farther ahead than the preset says. Faster presets make no trees of
    /// macroblocks, which that is for; slower ones look as far anyway.
    fn looks_ahead(&self) -> bool {
        let preset = matches!(self.settings.preset, Preset::Veryfast | Preset::Faster);
        self.rung.content == Content::Screen && self.rung.every == 1 && preset
    }

    /// Capped constant quality. Parameter sets stand in the sample description alone, as `avc1` asks
    /// for.
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

    /// The same for x265, as `hvc1` asks for.
    fn set_x265(&self, encoder: &gst::Element) {
        encoder.set_property_from_str("speed-preset", &self.settings.preset.nick());
        // The tunings are for measures, not for eyes.
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

    /// Capped constant quality, without frames that wait for later ones: these take half as much time again
    /// and no fewer bytes where little moves. The realtime modes take more bytes for a screen than
    /// x264 does.
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

    /// Other encoders agree on the name of the bit rate, not on its unit: kbit/s but for openh264enc.
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

/// Whether an encoder's output can go into a file as it is.
fn makes_avc(encoder: &gst::Element) -> bool {
    let avc = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .build();
    let pad = encoder.static_pad("src");
    pad.is_some_and(|pad| pad.pad_template_caps().can_intersect(&avc))
}

/// Mends what a parser lets out. It moves the segment to the first decoding time (1.22), and with it
/// all that follow: the one that came in goes on. Caps stay the first. And it leaves the parameter sets
/// of H.265 in the stream, where `hvc1` has none.
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

/// A key frame as `hvc1` has it; `None` where it is so.
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

/// av1enc (1.22) makes no key frames that it is asked for. Where one is, it is started again behind
/// `source`, and what it makes first is one. It holds no picture that could be lost then.
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
                // It has forgotten what came before the pictures.
                source.sticky_events_foreach(|event| {
                    sink.send_event(event.clone());
                    ControlFlow::Continue(gst::EventForeachAction::Keep)
                });
            }
        }
        gst::PadProbeReturn::Ok
    });
}
