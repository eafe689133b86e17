// SPDX-License-Identifier: MPL-2.0

//! Repairs the output of demuxers and decoders of GStreamer 1.22: missing and wrong timestamps, and
//! parts of joined files that end the stream or overlap.

use std::fs::File;
use std::io::BufReader;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstlecture::source::edits;

use crate::engine::frame_order::{Codec, order_frames};
use crate::engine::ledger::Ledger;
use crate::engine::picture_times;

mod blocks;
mod joined;
mod languages;
mod times;

use blocks::count_blocks;
use joined::{join_parts, relink_next_chain};
use languages::forget_defaults;
pub use times::count_frames;
use times::{count_untimed, time_pad};

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Repairs the streams of a pipeline's source and of the decoders in it. `ledger` gets an account
/// of each decoded stream.
pub fn attach(pipeline: &gst::Pipeline, source: &gst::Element, ledger: &Ledger) {
    let accounts = ledger.clone();
    pipeline.connect_deep_element_added(move |_, _, element| {
        if is_made_by(element, &["tsdemux"]) {
            count_untimed(element, &accounts);
        }
        if is_made_by(element, &["matroskademux"]) {
            join_parts(element);
        }
        if is_made_by(element, &["wavparse"])
            && let Some(pad) = element.static_pad("src")
        {
            count_blocks(&pad);
        }
        let video = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
        let factory = element.factory();
        if factory.is_some_and(|factory| factory.has_type(video))
            && let Some(pad) = element.static_pad("sink")
        {
            order_frames(&pad, Codec::of_decoder);
            picture_times::complete(&pad);
        }
    });
    forget_defaults(source);
    // Edit lists may show a part of the media twice, or a later one first.
    if follows_edits(source) {
        return;
    }
    let accounts = ledger.clone();
    source.connect_pad_added(move |source, pad| time_pad(source, pad, &accounts));
    relink_next_chain(source);
}

/// Returns whether timestamps are those of media that edit lists show parts of.
pub fn follows_edits(source: &gst::Element) -> bool {
    let reads_edits = || {
        let reader = reader(source)?;
        let is_rewritten = is_made_by(&reader, &["mp4editsrc"]);
        let mut file = open(&reader).filter(|_| is_rewritten)?;
        Some(edits::overlay(&mut file)?.changes_edits())
    };
    reads_edits().unwrap_or(false)
}

/// Returns the element that reads the file of `source`; a queue may stand between them.
fn reader(source: &gst::Element) -> Option<gst::Element> {
    let before = |element: &gst::Element| element.static_pad("sink")?.peer()?.parent_element();
    let reader = before(source)?;
    before(&reader).or(Some(reader))
}

/// Opens the file that an element reads, if it reads one.
fn open(reader: &gst::Element) -> Option<BufReader<File>> {
    reader.find_property("location")?;
    let location = reader.property_value("location");
    let location = location.get::<Option<String>>().ok()??;
    File::open(location).ok().map(BufReader::new)
}

fn is_made_by(element: &gst::Element, factories: &[&str]) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| factories.contains(&factory.name().as_str()))
}

/// Returns the part of a media type with the kind of stream.
fn media(caps: Option<gst::Caps>) -> Option<String> {
    let caps = caps?;
    Some(caps.structure(0)?.name().to_string())
}

enum Data<'a> {
    /// A segment, or data after a flush.
    Begins,
    Caps,
    Buffer(&'a mut gst::Buffer),
}

fn on_data(pad: &gst::Pad, see: impl Fn(&gst::Pad, Data) + Send + Sync + 'static) {
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(kinds, move |pad, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => see(pad, Data::Buffer(buffer)),
            Some(gst::PadProbeData::Event(event)) => match event.type_() {
                gst::EventType::Segment | gst::EventType::FlushStop => see(pad, Data::Begins),
                gst::EventType::Caps => see(pad, Data::Caps),
                _ => {}
            },
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}
