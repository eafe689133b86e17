// SPDX-License-Identifier: MPL-2.0

//! Makes a pipeline from a description.

use gst::glib;
use gst::prelude::*;

use crate::engine::description::{Assignment, Pipeline};
use crate::engine::gst_error;
use crate::engine::mpeg_clock;
use crate::engine::standing;
use crate::error::Error;

/// Name in a description of the element whose pads are the input's streams.
pub const SOURCE: &str = "source";
/// Name of the element that composes a session.
pub const ROOM: &str = "room";

/// Parses a description and sets its properties, so that wrong values are found before any work is
/// done.
pub fn make(pipeline: &Pipeline) -> Result<gst::Pipeline, Error> {
    let made = parse(&pipeline.text())?;
    for assignment in pipeline.assignments() {
        assign(&made, assignment)?;
    }
    Ok(made)
}

/// Makes the elements of a pipeline look for what they need, before any work is done.
pub fn prepare(pipeline: &gst::Pipeline) -> Result<(), Error> {
    let running = Running(pipeline);
    let prepared = pipeline.set_state(gst::State::Ready);
    let told = pipeline.bus().as_ref().and_then(gst_error::posted);
    drop(running);
    match (told, prepared) {
        (Some(error), _) => Err(error),
        (None, Ok(_)) => Ok(()),
        (None, Err(_)) => Err(Error::request(
            "the pipeline cannot be prepared",
            "",
            gst_error::SEE_MORE,
        )),
    }
}

/// Restricts decoding to the source's streams that become `media`.
pub fn decode_only(pipeline: &gst::Pipeline, media: &str) {
    if let Some(source) = pipeline.by_name(SOURCE) {
        source.set_property("expose-all-streams", false);
        source.set_property("caps", gst::Caps::new_empty_simple(media));
    }
}

/// Makes the pipeline of a description in the syntax of `gst-launch-1.0`.
pub fn parse(text: &str) -> Result<gst::Pipeline, Error> {
    let mut context = gst::ParseContext::new();
    let element = gst::parse::launch_full(text, Some(&mut context), gst::ParseFlags::FATAL_ERRORS)
        .map_err(|error| {
            let missing = context.missing_elements();
            if missing.is_empty() {
                Error::request(
                    format!("the pipeline cannot be made ({})", error.message()),
                    "",
                    "see the line that `--print` prints",
                )
            } else {
                Error::request(
                    format!("GStreamer elements are missing: {}", missing.join(", ")),
                    "",
                    "install the packages that pipelines/packages lists",
                )
            }
        })?;
    let made = element
        .downcast::<gst::Pipeline>()
        .unwrap_or_else(|element| {
            let made = gst::Pipeline::new();
            // A lone element has no parent that could refuse to release it.
            let _ = made.add(&element);
            made
        });
    mpeg_clock::begin_at_zero(&made);
    standing::keep(&made);
    Ok(made)
}

fn assign(pipeline: &gst::Pipeline, set: &Assignment) -> Result<(), Error> {
    let place = format!("{}.{}", set.element, set.property);
    let wrong = |what: String| Error::usage(what, &*place, "see --help");
    let object = pipeline.by_name(&set.element);
    let (object, property) = match set.property.split_once("::") {
        Some((pad, property)) => (
            object
                .and_then(|element| element.static_pad(pad))
                .map(|pad| pad.upcast::<glib::Object>()),
            property,
        ),
        None => (object.map(|element| element.upcast()), &*set.property),
    };
    let Some((object, spec)) =
        object.and_then(|object| object.find_property(property).map(|spec| (object, spec)))
    else {
        return Err(wrong("there is no such property".into()));
    };
    let value = if spec.value_type() == String::static_type() {
        set.value.to_value()
    } else {
        glib::Value::deserialize_with_pspec(&set.value, &spec).map_err(|_| {
            wrong(format!(
                "{} is not a value of {property} ({})",
                set.value,
                spec.blurb().unwrap_or_default()
            ))
        })?
    };
    if !is_in_range(&spec, &value) {
        return Err(wrong(format!(
            "{property} cannot be {} ({})",
            set.value,
            spec.blurb().unwrap_or_default()
        )));
    }
    object.set_property_from_value(property, &value);
    Ok(())
}

/// Returns whether the value is in range: GObject panics on a value out of range.
fn is_in_range(spec: &glib::ParamSpec, value: &glib::Value) -> bool {
    let range = if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        (f64::from(spec.minimum()), f64::from(spec.maximum()))
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecInt>() {
        (f64::from(spec.minimum()), f64::from(spec.maximum()))
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt64>() {
        (spec.minimum() as f64, spec.maximum() as f64)
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecDouble>() {
        (spec.minimum(), spec.maximum())
    } else {
        return true;
    };
    let number = value.transform::<f64>().map(|number| number.get::<f64>());
    matches!(number, Ok(Ok(number)) if (range.0..=range.1).contains(&number))
}

/// A guard that stops the pipeline, however its run ends.
pub struct Running<'a>(pub &'a gst::Pipeline);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Going down to NULL does not fail.
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// Links a pad of an element in `bin` to a sink that discards what comes; `None` if that fails.
pub fn discard(bin: &gst::Pipeline, pad: &gst::Pad) -> Option<()> {
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .property("async", false)
        .build()
        .ok()?;
    bin.add(&sink).ok()?;
    sink.sync_state_with_parent().ok()?;
    pad.link(&sink.static_pad("sink")?).ok()?;
    Some(())
}
