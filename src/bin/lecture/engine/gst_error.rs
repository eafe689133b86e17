// SPDX-License-Identifier: MPL-2.0

//! GStreamer's errors in the user's words.

use gst::glib;
use gst::prelude::*;

use crate::error::{self, Error};

/// The remedy for a failure without a reason.
pub const SEE_MORE: &str = "run it with GST_DEBUG=3 to see more";

/// Name under which this plugin is registered.
const PLUGIN: &str = "lecture";

/// Returns the error that ends the pipeline. This is the first one, unless it only reports that the
/// data stopped flowing and a later one has the cause.
pub fn first(error: &gst::message::Error, bus: &gst::Bus) -> Error {
    let mut told = translate(error);
    if is_follow_up(&error.error()) {
        while let Some(message) = bus.pop_filtered(&[gst::MessageType::Error]) {
            if let gst::MessageView::Error(other) = message.view()
                && !is_follow_up(&other.error())
            {
                told = translate(other);
                break;
            }
        }
    }
    told
}

/// Returns the error that was posted to the bus, if there is one.
pub fn posted(bus: &gst::Bus) -> Option<Error> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(first(error, bus)),
        _ => None,
    }
}

/// Returns whether a branch of the description found no stream to link to.
pub fn is_failed_link(warning: &gst::message::Warning) -> bool {
    warning.error().matches(gst::CoreError::Failed)
        && warning
            .debug()
            .is_some_and(|debug| debug.contains("delayed link"))
}

fn is_follow_up(error: &glib::Error) -> bool {
    error.matches(gst::StreamError::Failed)
}

fn translate(message: &gst::message::Error) -> Error {
    let error = message.error();
    let place = place(message);
    if error.matches(gst::ResourceError::NoSpaceLeft) {
        return error::disk_full(place);
    }
    let later = error.matches(gst::ResourceError::Write) || error.matches(gst::ResourceError::Busy);
    // Errors of this plugin already contain the place and the remedy.
    if is_ours(message.src()) {
        let words = words(&error, message.debug());
        return if later {
            Error::later(words, "", "")
        } else {
            Error::request(words, "", "")
        };
    }
    if later || error.matches(gst::ResourceError::Read) {
        return Error::later(error.message(), place, "check the disk and try again");
    }
    if error.matches(gst::ResourceError::OpenWrite) {
        return Error::request(
            error.message(),
            place,
            "choose a folder that you may write to",
        );
    }
    if error.matches(gst::StreamError::Decode) || error.matches(gst::StreamError::Demux) {
        return Error::request(
            format!("the input is damaged ({})", error.message()),
            place,
            "copy it again, or record again",
        );
    }
    if error.matches(gst::StreamError::Decrypt) || error.matches(gst::StreamError::DecryptNokey) {
        return Error::request("the input is encrypted", place, "decrypt it first");
    }
    let is_unlinked = |debug: glib::GString| debug.contains("not-linked");
    if is_follow_up(&error) && message.debug().is_some_and(is_unlinked) {
        return Error::request(
            "a stream of this recording ends or changes in a way that this job cannot follow",
            place,
            "convert it to one piece: ffmpeg -i INPUT OUTPUT.mkv",
        );
    }
    let detail = message
        .debug()
        .and_then(|debug| debug.lines().last().map(String::from))
        .unwrap_or_default();
    Error::request(
        format!("{} ({detail})", error.message()),
        place,
        "run it with GST_DEBUG=3 to see more",
    )
}

/// Formats a warning for the user.
pub fn warning(message: &gst::message::Warning) -> String {
    let error = message.error();
    if is_ours(message.src()) {
        words(&error, message.debug())
    } else {
        error.message().to_string()
    }
}

/// Returns the text from one of our elements: its own message, or the detail next to GStreamer's
/// stock message, which ends with a full stop.
fn words(error: &glib::Error, debug: Option<glib::GString>) -> String {
    // "FILE(LINE): FUNCTION (): ELEMENT:\nDETAIL"
    let detail = debug.and_then(|debug| Some(debug.split_once(":\n")?.1.to_string()));
    match detail {
        Some(detail) if error.message().ends_with('.') => detail,
        _ => error.message().to_string(),
    }
}

/// Returns whether the message comes from one of our elements, or from an element inside one.
fn is_ours(source: Option<&gst::Object>) -> bool {
    let mut object = source.cloned();
    while let Some(at) = object {
        let plugin = at
            .downcast_ref::<gst::Element>()
            .and_then(|element| element.factory())
            .and_then(|factory| factory.plugin_name());
        if plugin.is_some_and(|plugin| plugin == PLUGIN) {
            return true;
        }
        object = at.parent();
    }
    false
}

/// Returns the file that the element works on, else the element's name.
fn place(message: &gst::message::Error) -> String {
    let Some(source) = message.src() else {
        return String::new();
    };
    source
        .find_property("location")
        .filter(|spec| spec.value_type() == String::static_type())
        .and_then(|_| source.property::<Option<String>>("location"))
        .unwrap_or_else(|| source.name().to_string())
}
