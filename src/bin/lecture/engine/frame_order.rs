// SPDX-License-Identifier: MPL-2.0

//! Presentation times of coded frames whose container has only decoding times.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstlecture::timeline::Time;
use gstlecture::timeline::h264_order::H264Order;
use gstlecture::timeline::picture_order::{Mpeg4Order, PictureOrder, Place};

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the order in which frames of a codec are shown.
pub enum Codec {
    /// MPEG-4 Part 2, with frames between references.
    Mpeg4(Mpeg4Order),
    /// H.264, with the bytes before each NAL unit.
    H264(Box<H264Order>, Option<usize>),
    /// A codec whose frames are shown as they are decoded.
    InOrder(i64),
}

impl Codec {
    /// Returns the codecs whose decoders in GStreamer need help.
    pub fn of_decoder(caps: &gst::CapsRef) -> Option<Self> {
        match Self::of_packets(caps)? {
            Codec::H264(..) => None,
            codec => Some(codec),
        }
    }

    /// Returns the codecs that are found in containers without presentation times.
    pub fn of_packets(caps: &gst::CapsRef) -> Option<Self> {
        let stream = caps.structure(0)?;
        match stream.name().as_str() {
            "video/mpeg" if stream.get::<i32>("mpegversion") != Ok(4) => None,
            "video/mpeg" | "video/x-divx" | "video/x-xvid" | "video/x-3ivx" => {
                Some(Codec::Mpeg4(Mpeg4Order::default()))
            }
            "video/x-h264" => {
                let mut order = Box::new(H264Order::default());
                let configuration = stream.get::<gst::Buffer>("codec_data").ok();
                let configuration =
                    configuration.and_then(|data| data.into_mapped_buffer_readable().ok());
                let length_size = configuration.and_then(|data| order.configure(&data));
                Some(Codec::H264(order, length_size))
            }
            "video/x-h263"
            | "video/x-flash-video"
            | "video/x-msmpeg"
            | "video/x-wmv"
            | "image/jpeg"
            | "video/x-dv"
            | "video/x-huffyuv"
            | "video/x-ffv"
            | "video/x-svq"
            | "video/x-vp6-flash"
            | "image/png"
            | "video/x-cinepak" => Some(Codec::InOrder(0)),
            _ => None,
        }
    }

    fn place(&mut self, unit: &[u8]) -> Option<Place> {
        match self {
            Codec::Mpeg4(order) => order.place(unit),
            Codec::H264(order, length_size) => order.place(unit, *length_size),
            Codec::InOrder(count) => {
                *count += 1;
                Some(Place {
                    begins_group: true,
                    order: *count,
                })
            }
        }
    }
}

/// The frames of a pad whose presentation times are not known yet.
#[derive(Default)]
struct Stream {
    reader: Option<Codec>,
    order: PictureOrder<gst::Buffer>,
    /// Whether a frame without a presentation time has been seen.
    lacks_times: bool,
    /// Whether frames are on their way that were held.
    passes: bool,
}

impl Stream {
    /// Returns the frames that wait, unless they are on their way.
    fn take_held(&mut self) -> Vec<(Time, gst::Buffer)> {
        match self.passes {
            true => Vec::new(),
            false => self.order.finish(),
        }
    }

    /// Takes the next frame if it has to wait; returns the frames whose times are known now.
    ///
    /// avidemux stamps key frames alone, with the time at which they are decoded.
    fn take(
        &mut self,
        pad: &gst::Pad,
        codec: fn(&gst::CapsRef) -> Option<Codec>,
        buffer: &gst::Buffer,
    ) -> Option<Vec<(Time, gst::Buffer)>> {
        let decoded = buffer.dts()?;
        let is_only_decoded = buffer.pts().is_none_or(|shown| shown == decoded);
        if self.passes || !is_only_decoded {
            return None;
        }
        if self.reader.is_none() {
            self.reader = pad.current_caps().and_then(|caps| codec(&caps));
        }
        // A key frame that passes is read as well: the order of the next frames counts from it.
        let place = {
            let unit = buffer.map_readable().ok()?;
            self.reader.as_mut()?.place(&unit)
        }?;
        self.lacks_times |= buffer.pts().is_none();
        let decoded = Time::from_nanos(decoded.nseconds());
        self.lacks_times
            .then(|| self.order.push(place, decoded, buffer.clone()))
    }
}

/// Sets the presentation times of coded frames that have only decoding times. `codec` returns how
/// the order of a stream with these caps is read.
pub fn order_frames(pad: &gst::Pad, codec: fn(&gst::CapsRef) -> Option<Codec>) {
    let stream: Mutex<Stream> = Mutex::default();
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(kinds, move |pad, info| match &mut info.data {
        Some(gst::PadProbeData::Event(event)) => {
            match event.type_() {
                gst::EventType::FlushStop => *lock(&stream) = Stream::default(),
                // Tags and the like may overtake frames.
                gst::EventType::StreamStart
                | gst::EventType::Caps
                | gst::EventType::Segment
                | gst::EventType::Eos => {
                    let known = lock(&stream).take_held();
                    // The next buffer gets the flow of this one.
                    let _ = pass(pad, &stream, known);
                }
                _ => {}
            }
            if event.type_() == gst::EventType::Caps {
                lock(&stream).reader = None;
            }
            gst::PadProbeReturn::Ok
        }
        Some(gst::PadProbeData::Buffer(buffer)) => {
            let taken = lock(&stream).take(pad, codec, buffer);
            if let Some(known) = taken {
                info.data = None;
                info.flow_res = pass(pad, &stream, known);
                return gst::PadProbeReturn::Handled;
            }
            // A frame that does not wait overtakes none that does.
            let held = lock(&stream).take_held();
            match pass(pad, &stream, held) {
                Ok(_) => gst::PadProbeReturn::Ok,
                flow => {
                    info.data = None;
                    info.flow_res = flow;
                    gst::PadProbeReturn::Handled
                }
            }
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

/// Pushes frames whose times are known. They pass the probe again, which does not hold them.
fn pass(
    pad: &gst::Pad,
    stream: &Mutex<Stream>,
    known: Vec<(Time, gst::Buffer)>,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    if known.is_empty() {
        return Ok(gst::FlowSuccess::Ok);
    }
    lock(stream).passes = true;
    let mut flow = Ok(gst::FlowSuccess::Ok);
    for (shown, mut frame) in known {
        frame
            .make_mut()
            .set_pts(gst::ClockTime::from_nseconds(shown.nanos()));
        flow = pad.chain(frame);
        if flow.is_err() {
            break;
        }
    }
    lock(stream).passes = false;
    flow
}
