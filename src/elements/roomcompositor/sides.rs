// SPDX-License-Identifier: MPL-2.0

//! The two sides of the bin: compositor and mixer, each with its output pad.

use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;

use super::audio::mix_caps;
use super::avatar::{blank_frame, caps as tile_caps};
use super::bin;
use super::settings::Settings;
use crate::elements::shared::level::LevelElement;
use crate::elements::shared::lock::lock;
use crate::record::layout::Rect;
use crate::speech::loudness::Curve;

/// The elements that every track shares.
pub struct Sides {
    pub compositor: gst::Element,
    pub mixer: gst::Element,
    video_filter: gst::Element,
    limiter: gst::Element,
    audio_filter: gst::Element,
    /// Pads of our own at the aggregators: the background, the pace of a live room, or the end of a side
    /// without pads.
    own: Mutex<Vec<Own>>,
    has_duration: Mutex<bool>,
}

/// A pad at an aggregator that the bin feeds itself.
struct Own {
    feed: gst::Pad,
    sink: gst::Pad,
    aggregator: gst::Element,
}

impl Sides {
    pub fn new(is_live: bool) -> Result<Arc<Self>, glib::BoolError> {
        let aggregator = |factory: &str| {
            gst::ElementFactory::make(factory)
                .property("force-live", is_live)
                .property("ignore-inactive-pads", is_live)
                .build()
                .map_err(|_| {
                    glib::bool_error!("there is no element \"{factory}\"; install its plugin")
                })
        };
        let compositor = aggregator("compositor")?;
        compositor.set_property_from_str("background", "black");
        compositor.set_property("emit-signals", true);
        let mixer = aggregator("audiomixer")?;
        let audio_filter = bin::make("capsfilter")?;
        audio_filter.set_property("caps", mix_caps());
        Ok(Arc::new(Sides {
            compositor,
            mixer,
            video_filter: bin::make("capsfilter")?,
            limiter: LevelElement::new(Curve::default()).upcast(),
            audio_filter,
            own: Mutex::default(),
            has_duration: Mutex::default(),
        }))
    }

    /// Adds the elements to the bin and returns the targets of its output pads.
    pub fn add_to(&self, parent: &gst::Bin) -> Result<(gst::Pad, gst::Pad), glib::BoolError> {
        let video = [self.compositor.clone(), self.video_filter.clone()];
        let audio = [
            self.mixer.clone(),
            self.audio_filter.clone(),
            self.limiter.clone(),
        ];
        bin::add(parent, &video)?;
        bin::add(parent, &audio)?;
        Ok((
            bin::static_pad(&self.video_filter, "src")?,
            bin::static_pad(&self.limiter, "src")?,
        ))
    }

    /// Sets up the outputs for a run.
    pub fn configure(&self, settings: &Settings) {
        let mut caps = tile_caps(Rect::new(0, 0, settings.width, settings.height));
        caps.make_mut().set("framerate", settings.framerate);
        self.video_filter.set_property("caps", caps);
        for aggregator in [&self.compositor, &self.mixer] {
            let latency = if settings.live {
                settings.latency.nseconds()
            } else {
                0
            };
            aggregator.set_property("min-upstream-latency", latency);
        }
    }

    /// Keeps the video going for at least `duration`, once per run. Without this pad the compositor
    /// would never end, because all others show their last frame until the end.
    pub fn start_duration(&self, duration: gst::ClockTime) -> Result<(), glib::BoolError> {
        if std::mem::replace(&mut *lock(&self.has_duration), true) {
            return Ok(());
        }
        let own = Own::new(&self.compositor)?;
        own.sink.set_property("alpha", 0.0f64);
        let duration = duration.max(gst::ClockTime::from_nseconds(1));
        own.play(&blank_frame(), Some(duration));
        lock(&self.own).push(own);
        Ok(())
    }

    /// Shows a frame behind all tiles; the compositor itself has black and white only.
    pub fn start_background(&self, frame: &gst::Sample) -> Result<(), glib::BoolError> {
        let own = Own::new(&self.compositor)?;
        own.sink.set_property("zorder", 0u32);
        own.sink.set_property("repeat-after-eos", true);
        own.play(frame, None);
        lock(&self.own).push(own);
        Ok(())
    }

    /// Keeps a live room in step with the clock: an aggregator whose pads have all been silent since they
    /// came (`ignore-inactive-pads`) composes as fast as it can. A pad that has delivered once is waited
    /// for until the deadline of each frame.
    pub fn start_pace(&self) -> Result<(), glib::BoolError> {
        for (aggregator, sample) in [
            (&self.compositor, blank_frame()),
            (&self.mixer, short_silence()?),
        ] {
            let own = Own::new(aggregator)?;
            if aggregator == &self.compositor {
                own.sink.set_property("alpha", 0.0f64);
            }
            own.push(&sample, None);
            lock(&self.own).push(own);
        }
        Ok(())
    }

    /// Ends a side that has no pads.
    pub fn end_empty(&self, aggregator: &gst::Element) {
        if aggregator.num_sink_pads() > 0 {
            return;
        }
        if let Ok(own) = Own::new(aggregator) {
            own.start();
            own.feed.push_event(gst::event::Eos::new());
            lock(&self.own).push(own);
        }
    }

    /// Removes the pads of our own, after a run.
    pub fn stop(&self) {
        *lock(&self.has_duration) = false;
        for own in std::mem::take(&mut *lock(&self.own)) {
            let _ = own.feed.set_active(false);
            let _ = own.feed.unlink(&own.sink);
            own.aggregator.release_request_pad(&own.sink);
        }
    }
}

impl Own {
    fn new(aggregator: &gst::Element) -> Result<Self, glib::BoolError> {
        let sink = bin::request(aggregator)?;
        let feed = gst::Pad::new(gst::PadDirection::Src);
        let own = Own {
            feed,
            sink,
            aggregator: aggregator.clone(),
        };
        own.feed
            .link_full(&own.sink, gst::PadLinkCheck::empty())
            .map_err(|error| glib::bool_error!("{} is not linked: {error}", own.sink.name()))?;
        Ok(own)
    }

    fn start(&self) {
        let _ = self.feed.set_active(true);
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        for event in [
            gst::event::StreamStart::new("roomcompositor"),
            gst::event::Segment::new(&segment),
        ] {
            self.feed.push_event(event);
        }
    }

    /// Pushes one frame, and the end.
    fn play(&self, frame: &gst::Sample, duration: Option<gst::ClockTime>) {
        self.push(frame, duration);
        self.feed.push_event(gst::event::Eos::new());
    }

    /// Pushes one frame or some samples.
    fn push(&self, frame: &gst::Sample, duration: Option<gst::ClockTime>) {
        let _ = self.feed.set_active(true);
        self.feed
            .push_event(gst::event::StreamStart::new("roomcompositor"));
        if let (Some(mut buffer), Some(caps)) = (frame.buffer_owned(), frame.caps_owned()) {
            {
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::ZERO);
                buffer.set_duration(duration);
            }
            self.feed.push_event(gst::event::Caps::new(&caps));
            let segment = gst::FormattedSegment::<gst::ClockTime>::new();
            self.feed.push_event(gst::event::Segment::new(&segment));
            let _ = self.feed.push(buffer);
        }
    }
}

/// Returns 10 ms of silence in the mixer's format.
fn short_silence() -> Result<gst::Sample, glib::BoolError> {
    let caps = mix_caps();
    let info = gst_audio::AudioInfo::from_caps(&caps)?;
    let size = u64::from(info.bpf()) * u64::from(info.rate()) / 100;
    // Zero is silence in floating point.
    let silence = vec![0u8; usize::try_from(size).unwrap_or_default()];
    let buffer = gst::Buffer::from_mut_slice(silence);
    Ok(gst::Sample::builder().buffer(&buffer).caps(&caps).build())
}
