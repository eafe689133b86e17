// SPDX-License-Identifier: MPL-2.0

//! Tracks in a pipeline: moved to the time at which they were recorded, and measured.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gst::prelude::*;
use gstlecture::timeline::Time;

/// End of what a decoder delivers of a track, in the time of its file.
#[derive(Clone, Debug, Default)]
pub struct Reached(Arc<AtomicU64>);

impl Reached {
    pub fn time(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn follow(&self, pad: &gst::Pad) {
        let reached = self.0.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let length = info.buffer().and_then(|buffer| buffer.duration());
            let start = running_time(pad, info).unwrap_or_default();
            let end = start + length.unwrap_or_default();
            reached.fetch_max(end.nseconds(), Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
}

/// The time of the first packet of a file, in nanoseconds, once it is known.
type First = Arc<OnceLock<i64>>;

/// Moves each track to its start in the session, in nanoseconds, which stands beside the name of its
/// decodebin. The offset is measured at the demuxer, since a decoder may drop the first packets, and set
/// where the frames come out.
pub fn move_tracks(made: &gst::Pipeline, starts: Vec<(String, u64, Reached)>) {
    let mut firsts: BTreeMap<String, First> = BTreeMap::new();
    for (source, start, reached) in starts {
        let Some(decoder) = made.by_name(&source) else {
            continue;
        };
        let first = First::default();
        firsts.insert(source, first.clone());
        decoder.connect_pad_added(move |_, pad| {
            reached.follow(pad);
            move_to(pad, start, first.clone());
        });
    }
    made.connect_deep_element_added(move |_, bin, element| {
        let is_mjr = is_of(element, "mjrdemux");
        let is_demuxer = element.factory().is_some_and(|factory| {
            factory.has_type(gst::ElementFactoryType::DEMUXER)
                && !factory.has_type(gst::ElementFactoryType::MEDIA_METADATA)
        });
        if is_mjr {
            // A line through the times of arrival has no drift; a warning tells if there are none.
            element.set_property_from_str("clock", "arrival");
        }
        // Inside of mjrdemux packets are put in order by other demuxers. Those that only take a
        // tag off (ID3, APE) know no time.
        if !is_demuxer || is_of(bin.upcast_ref(), "mjrdemux") {
            return;
        }
        let Some(first) = firsts.get(bin.name().as_str()).cloned() else {
            return;
        };
        element.connect_pad_added(move |_, pad| {
            if is_mjr {
                // The zero of a Janus recording is its start.
                first.get_or_init(|| 0);
                return;
            }
            let first = first.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                first.get_or_init(|| nanos(running_time(pad, info)));
                gst::PadProbeReturn::Remove
            });
        });
    });
}

/// Gives a pad the offset that brings the first packet of its file, else its own first frame, to `start`.
/// The pad's own thread does that, before it sends the segment on: another would come too late.
fn move_to(pad: &gst::Pad, start: u64, first: First) {
    let start = i64::try_from(start).unwrap_or(i64::MAX);
    let mask = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
    pad.add_probe(mask, move |pad, info| {
        let first = *first.get_or_init(|| nanos(running_time(pad, info)));
        pad.set_offset(start.saturating_sub(first));
        gst::PadProbeReturn::Remove
    });
}

/// Gives what arrives at a pad its running time as its stream time, which is that of an analysis: the
/// stream time of a track that was moved is still that of its file.
pub fn use_running_time(pad: &gst::Pad) {
    let plain = gst::FormattedSegment::<gst::ClockTime>::new();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    let segment = Mutex::new(plain.clone());
    pad.add_probe(mask, move |_, info| {
        let mut segment = segment.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let start = segment.to_running_time(buffer.pts());
                start.map(|start| buffer.make_mut().set_pts(start))
            }
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Segment(view) => {
                    if let Some(new) = view.segment().downcast_ref::<gst::ClockTime>() {
                        *segment = new.clone();
                    }
                    *event = gst::event::Segment::builder(&plain)
                        .seqnum(event.seqnum())
                        .build();
                    Some(())
                }
                gst::EventView::Gap(gap) => {
                    let (start, duration) = gap.get();
                    segment.to_running_time(start).map(|start| {
                        let gap = gst::event::Gap::builder(start).duration(duration);
                        *event = gap.seqnum(event.seqnum()).build();
                    })
                }
                _ => Some(()),
            },
            _ => Some(()),
        };
        match moved {
            Some(()) => gst::PadProbeReturn::Ok,
            // It lies outside of the segment.
            None => gst::PadProbeReturn::Handled,
        }
    });
}

/// Returns the running time of a buffer, without the offset of its pad.
fn running_time(pad: &gst::Pad, info: &gst::PadProbeInfo) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(info.buffer()?.dts_or_pts()?)
}

fn nanos(time: Option<gst::ClockTime>) -> i64 {
    i64::try_from(time.unwrap_or_default().nseconds()).unwrap_or(i64::MAX)
}

/// Returns whether the factory of an element has this name.
pub fn is_of(element: &gst::Element, name: &str) -> bool {
    element
        .factory()
        .is_some_and(|factory| factory.name() == name)
}
