// SPDX-License-Identifier: MPL-2.0

//! Levels audio and limits its true peaks; a private part of bins, not registered.
//!
//! Gains are at running times. The output keeps the timestamps of
//! the input, but is some milliseconds later: true peaks are detected in advance.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::speech::loudness::{Curve, Leveller};
use crate::timeline::Time;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "lecturelevel",
        gst::DebugColorFlags::empty(),
        Some("Levels audio and limits its true peaks"),
    )
});

/// Ceiling of true peaks in dBTP. EBU R 128 s2 requires -1; peaks added by an AAC encoder stay
/// below that.
const CEILING: f64 = -2.0;

glib::wrapper! {
    pub struct LevelElement(ObjectSubclass<LevelImp>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

impl LevelElement {
    pub fn new(gains: Curve) -> Self {
        let element: Self = glib::Object::new();
        element.imp().lock().gains = gains;
        element
    }
}

#[derive(Default)]
struct State {
    gains: Curve,
    format: Option<gst_audio::AudioInfo>,
    /// State since the first buffer of a segment.
    stream: Option<Stream>,
}

struct Stream {
    leveller: Leveller,
    start: gst::ClockTime,
    rate: u32,
    bytes_per_frame: usize,
    /// Number of frames in the output.
    count: u64,
}

impl Stream {
    /// Makes a buffer of the next output frames; returns `None` if there are none.
    fn buffer(&mut self, samples: &[f32]) -> Option<gst::Buffer> {
        if samples.is_empty() {
            return None;
        }
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let frames = (bytes.len() / self.bytes_per_frame) as u64;
        let at = |frames: u64| {
            let length = gst::ClockTime::SECOND.mul_div_floor(frames, u64::from(self.rate));
            Some(self.start + length?)
        };
        let (from, to) = (at(self.count), at(self.count + frames));
        self.count += frames;
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(from);
            buffer.set_duration(to.zip(from).map(|(to, from)| to - from));
        }
        Some(buffer)
    }
}

#[derive(Default)]
pub struct LevelImp {
    state: Mutex<State>,
}

impl LevelImp {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self, buffer: &gst::BufferRef) -> Result<Option<gst::Buffer>, gst::FlowError> {
        let segment = self.obj().segment();
        let running = segment
            .downcast_ref::<gst::ClockTime>()
            .and_then(|segment| segment.to_running_time(buffer.pts()?));
        let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let mut state = self.lock();
        let State {
            gains,
            format,
            stream,
        } = &mut *state;
        let format = format.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        if stream.is_none() {
            let start = running.map_or(Time::ZERO, |time| Time::from_nanos(time.nseconds()));
            let channels = format.channels() as usize;
            let leveller = Leveller::new(format.rate(), channels, gains.clone(), CEILING, start);
            *stream = Some(Stream {
                leveller: leveller.ok_or(gst::FlowError::NotNegotiated)?,
                start: buffer.pts().unwrap_or_default(),
                rate: format.rate(),
                bytes_per_frame: format.bpf() as usize,
                count: 0,
            });
        }
        let Some(stream) = stream else {
            return Ok(None);
        };
        let samples: Vec<f32> = map
            .chunks_exact(4)
            .filter_map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?)))
            .collect();
        let mut out = Vec::with_capacity(samples.len());
        stream.leveller.process(&samples, &mut out);
        Ok(stream.buffer(&out))
    }

    /// Returns the remaining samples, at the end of a stream or segment.
    fn rest(&self) -> Option<gst::Buffer> {
        let mut stream = self.lock().stream.take()?;
        let mut out = Vec::new();
        stream.leveller.finish(&mut out);
        stream.buffer(&out)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for LevelImp {
    const NAME: &'static str = "GstLectureLevel";
    type Type = LevelElement;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for LevelImp {}
impl GstObjectImpl for LevelImp {}

impl ElementImpl for LevelImp {
    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let caps = gst::Caps::builder("audio/x-raw")
                .field("format", "F32LE")
                .field("layout", "interleaved")
                .build();
            [
                ("sink", gst::PadDirection::Sink),
                ("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(|(name, direction)| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
            })
            .collect()
        });
        TEMPLATES.as_ref()
    }
}

impl BaseTransformImpl for LevelImp {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn set_caps(&self, caps: &gst::Caps, _out: &gst::Caps) -> Result<(), gst::LoggableError> {
        let format = gst_audio::AudioInfo::from_caps(caps)?;
        self.lock().format = Some(format);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let mut state = self.lock();
        state.stream = None;
        state.format = None;
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(_) | gst::EventView::Segment(_) | gst::EventView::Eos(_) => {
                if let Some(rest) = self.rest()
                    && let Err(error) = self.obj().src_pad().push(rest)
                {
                    gst::info!(CAT, imp = self, "the end is lost: {error}");
                }
            }
            gst::EventView::FlushStop(_) => self.lock().stream = None,
            _ => {}
        }
        self.parent_sink_event(event)
    }

    fn generate_output(
        &self,
    ) -> Result<gst_base::subclass::base_transform::GenerateOutputSuccess, gst::FlowError> {
        use gst_base::subclass::base_transform::GenerateOutputSuccess;
        let Some(buffer) = self.take_queued_buffer() else {
            return Ok(GenerateOutputSuccess::NoOutput);
        };
        Ok(match self.level(&buffer)? {
            Some(buffer) => GenerateOutputSuccess::Buffer(buffer),
            None => GenerateOutputSuccess::NoOutput,
        })
    }
}
