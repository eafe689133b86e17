// SPDX-License-Identifier: MPL-2.0

//! Selection of the parts of a recording that are decoded for the analysis, and of their decoders.
//!
//! Most of a class shows nothing new. A first pass decodes key frames only and compares the packets
//! between them. The analysis then decodes the key frames, and the groups of pictures in which
//! something lasting may have changed, without the frames to which no other one refers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst_video::VideoFrameExt;
use gstlecture::slides::{self, Looks, Picture, Sensitivity, Survey};
use gstlecture::timeline::{CutList, Span, Time};

use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::media::probe::Input;
use crate::stop::Stop;

/// Bytes of each stream that are read ahead of decoding: half a minute of speech.
const READ_AHEAD: u32 = 128 << 10;

/// Restricts a pipeline that only analyses to decode no more of `input` than it needs.
pub fn spare(pipeline: &gst::Pipeline, input: &Input, stop: &Stop) -> Result<(), Error> {
    prefer_fast_decoders(pipeline);
    read_little_ahead(pipeline);
    decode_in_one_thread(pipeline);
    if input.video.is_some() && input.room.is_none() {
        survey(input, stop)?.apply(pipeline);
    }
    Ok(())
}

/// Appearance of the frames that a pipeline decodes.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Looks>>);

impl Seen {
    /// Examines frames that arrive at a pad of raw video, a few seconds apart.
    pub fn watch(pad: &gst::Pad) -> Self {
        let seen = Seen::default();
        let looks = seen.0.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
                look_at(&mut lock(&looks), pad, buffer);
            }
            gst::PadProbeReturn::Ok
        });
        seen
    }

    /// Returns whether most of the kept part shows a screen.
    pub fn is_screen(&self, cuts: &CutList) -> bool {
        lock(&self.0).is_screen(cuts)
    }
}

fn look_at(looks: &mut Looks, pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<()> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
    let time = nanos(segment.to_stream_time(buffer.pts()?)?);
    if looks.wants(time) {
        let caps = pad.current_caps()?;
        with_picture(&caps, buffer, |picture| looks.add(picture, time))?;
    }
    Some(())
}

/// The spans of the video whose frames are decoded; `None` means all.
struct Groups(Option<Arc<[Span]>>);

/// The first pass over the video of `input`.
fn survey(input: &Input, stop: &Stop) -> Result<Groups, Error> {
    let reader = input.reader();
    let injected = input.unread_orientation();
    let injected = injected.map(|tag| format!("! taginject tags={tag}"));
    let injected = injected.unwrap_or_default();
    let upright = match input.is_turned() {
        true => "! videoflip video-direction=auto",
        false => "",
    };
    let pad = input.video_pad().unwrap_or_else(|| "source.".into());
    let made = pipeline::parse(&format!(
        "{reader} ! decodebin name=source \
         {pad} ! queue max-size-buffers=2 max-size-bytes=0 max-size-time=0 \
         ! video/x-raw ! videoconvert {injected} {upright} \
         ! video/x-raw,format={{I420,NV12,YV12,NV21,Y42B,Y444,GRAY8}} \
         ! appsink name=pictures sync=false",
    ))?;
    if let Some(recording) = made.by_name("recording") {
        recording.set_property("location", input.path.display().to_string());
    }
    if let Some(source) = made.by_name(pipeline::SOURCE) {
        // Sound and words stay as they are.
        source.connect("autoplug-continue", false, |arguments| {
            let caps = arguments.get(2)?.get::<gst::Caps>().ok()?;
            let name = caps.structure(0)?.name();
            let is_video = !name.starts_with("audio/") && !name.starts_with("text/");
            Some(is_video.to_value())
        });
    }
    read_little_ahead(&made);
    let survey = Arc::new(Mutex::new(Survey::new(Sensitivity::default())));
    on_packets(&made, {
        let survey = survey.clone();
        move |packet| lock(&survey).packet(packet.time, packet.buffer.size() as u64, packet.key)
    });
    let pictures = made.by_name("pictures");
    if let Some(pictures) = pictures.and_then(|sink| sink.downcast::<gst_app::AppSink>().ok()) {
        let survey = survey.clone();
        let look = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            look(&mut lock(&survey), &sample);
            Ok(gst::FlowSuccess::Ok)
        };
        let callbacks = gst_app::AppSinkCallbacks::builder();
        pictures.set_callbacks(callbacks.new_sample(look).build());
    }
    let progress = Progress::start("survey", input.duration);
    if run_to_end(&made, progress, stop, |_| {}).is_err() {
        // What is wrong with the recording shows when all of it is decoded.
        stop.check()?;
        return Ok(Groups(None));
    }
    let survey = std::mem::replace(&mut *lock(&survey), Survey::new(Sensitivity::default()));
    Ok(Groups(survey.finish().map(Arc::from)))
}

impl Groups {
    /// Drops the frames of the pipeline's video that need not be decoded, before the decoder.
    fn apply(&self, pipeline: &gst::Pipeline) {
        let Some(spans) = self.0.clone() else {
            return;
        };
        on_packets(pipeline, move |packet| {
            let after = spans.partition_point(|span| span.start <= packet.time);
            let in_group = after > 0 && spans[after - 1].contains(packet.time);
            packet.key || in_group && !packet.is_disposable()
        });
    }
}

/// Makes a pipeline that only analyses decode Opus with FFmpeg's decoder, if there is one. It takes
/// a third of the time of libopus, which has the higher rank because it is meant for listeners.
fn prefer_fast_decoders(pipeline: &gst::Pipeline) {
    if gst::ElementFactory::find("avdec_opus").is_none() {
        return;
    }
    let Some(source) = pipeline.by_name(pipeline::SOURCE) else {
        return;
    };
    source.connect("autoplug-select", false, |arguments| {
        let factory = arguments.get(3)?.get::<gst::ElementFactory>().ok()?;
        let answer = glib::EnumClass::with_type(glib::Type::from_name("GstAutoplugSelectResult")?)?;
        answer.to_value_by_nick(if factory.name() == "opusdec" {
            "skip"
        } else {
            "try"
        })
    });
}

/// Limits the queue after the demuxer to [`READ_AHEAD`] per stream. Otherwise it stores more and
/// more packets of the slower stream, up to megabytes of small ones, each with its piece of the
/// file. It allows for sinks that wait for each other, which those of an analysis do not.
fn read_little_ahead(pipeline: &gst::Pipeline) {
    let Some(source) = pipeline.by_name(pipeline::SOURCE) else {
        return;
    };
    // Before that, streams are still searched for, and one that begins late has to be waited for.
    source.connect("no-more-pads", false, |arguments| {
        let source = arguments.first()?.get::<gst::Bin>().ok()?;
        for element in source.iterate_recurse().into_iter().flatten() {
            let factory = element.factory();
            if factory.is_some_and(|factory| factory.name() == "multiqueue") {
                element.set_property("max-size-bytes", READ_AHEAD);
            }
        }
        None
    });
}

/// Makes FFmpeg's decoders work in the thread that feeds them: each further thread has tables and
/// frames of its own, and the analysis keeps the processors busy.
fn decode_in_one_thread(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        let threads = element.find_property("max-threads");
        if threads.is_some_and(|threads| threads.value_type() == i32::static_type()) {
            element.set_property("max-threads", 1i32);
        }
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A packet that arrives at a video decoder.
struct Packet<'a> {
    pad: &'a gst::Pad,
    buffer: &'a gst::BufferRef,
    /// Presentation time of its frame.
    time: Time,
    key: bool,
}

impl Packet<'_> {
    /// Returns whether no other frame needs this one.
    fn is_disposable(&self) -> bool {
        self.judge().unwrap_or(false)
    }

    fn judge(&self) -> Option<bool> {
        let caps = self.pad.current_caps()?;
        let stream = caps.structure(0).filter(|s| s.name() == "video/x-h264")?;
        let length_size = match stream.get::<&str>("stream-format").ok()? {
            "byte-stream" => None,
            // ISO/IEC 14496-15, 5.3.3.1: lengthSizeMinusOne.
            _ => {
                let config = stream.get::<gst::Buffer>("codec_data").ok()?;
                let config = config.map_readable().ok()?;
                Some(usize::from(config.get(4)? & 3) + 1)
            }
        };
        let unit = self.buffer.map_readable().ok()?;
        Some(slides::is_disposable(&unit, length_size))
    }
}

/// Asks for every packet that arrives at a video decoder of the pipeline whether to decode it.
fn on_packets(pipeline: &gst::Pipeline, wanted: impl Fn(&Packet) -> bool + Send + Sync + 'static) {
    let wanted = Arc::new(wanted);
    pipeline.connect_deep_element_added(move |_, _, element| {
        let video = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
        let is_decoder = element
            .factory()
            .is_some_and(|factory| factory.has_type(video));
        let Some(pad) = element.static_pad("sink").filter(|_| is_decoder) else {
            return;
        };
        let wanted = wanted.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let Some(buffer) = info.buffer() else {
                return gst::PadProbeReturn::Ok;
            };
            let time = pad
                .sticky_event::<gst::event::Segment>(0)
                .and_then(|event| {
                    let segment = event.segment();
                    let segment = segment.downcast_ref::<gst::ClockTime>()?;
                    segment.to_stream_time(buffer.pts()?)
                });
            // A packet without a time, such as a header, is not a frame to leave out.
            let is_wanted = time.is_none_or(|time| {
                wanted(&Packet {
                    pad,
                    buffer,
                    time: nanos(time),
                    key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
                })
            });
            if is_wanted {
                gst::PadProbeReturn::Ok
            } else {
                // "Handled" and not "Drop": GStreamer would free again what is freed here.
                gst::PadProbeReturn::Handled
            }
        });
    });
}

fn nanos(time: gst::ClockTime) -> Time {
    Time::from_nanos(time.nseconds())
}

fn look(survey: &mut Survey, sample: &gst::Sample) -> Option<()> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = nanos(segment.to_stream_time(buffer.pts()?)?);
    with_picture(sample.caps()?, buffer, |picture| {
        survey.picture(picture, time)
    })
}

/// Calls `see` with the frame in a buffer of raw video, or with `None` if it cannot be read.
fn with_picture(
    caps: &gst::CapsRef,
    buffer: &gst::BufferRef,
    see: impl FnOnce(&Picture),
) -> Option<()> {
    let info = gst_video::VideoInfo::from_caps(caps).ok()?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
    let planes = slides::planes(info.format().to_str(), |index| {
        let data = frame.plane_data(index as u32).ok()?;
        let stride = usize::try_from(*frame.plane_stride().get(index)?).ok()?;
        Some((data, stride))
    });
    see(&Picture {
        width: info.width() as usize,
        height: info.height() as usize,
        planes: &planes,
    });
    Some(())
}
