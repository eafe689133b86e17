// SPDX-License-Identifier: MPL-2.0

//! The structures of messages and of the signal `event`.

use gst::glib;
use serde_json::{Map, Value};

use crate::record::session::{Event, EventKind, Track};

/// The state of a track's file, in the message `sessionsink-track`.
#[derive(Clone, Debug)]
pub enum Progress {
    Started,
    /// It ends at this time (ns) after this many frames.
    Ended {
        end: u64,
        frames: u64,
    },
    Failed {
        reason: String,
    },
    Unsupported {
        reason: String,
    },
}

/// Makes the message about a track.
pub fn track(track: &Track, progress: &Progress) -> gst::Structure {
    let source = serde_json::to_value(track.source).ok();
    let source = source.as_ref().and_then(Value::as_str).unwrap_or_default();
    let message = gst::Structure::builder("sessionsink-track")
        .field_if("file", &track.file, !track.file.is_empty())
        .field("participant", &track.participant)
        .field("source", source)
        .field_if_some("codec", track.codec.clone())
        .field("start", track.start);
    match progress {
        Progress::Started => message.field("state", "started"),
        Progress::Ended { end, frames } => message
            .field("state", "ended")
            .field("end", end)
            .field("frames", frames),
        Progress::Failed { reason } => message.field("state", "failed").field("reason", reason),
        Progress::Unsupported { reason } => message
            .field("state", "unsupported")
            .field("reason", reason),
    }
    .build()
}

/// Makes the message about an event. Its fields are those that the event has in `session.json`.
pub fn event(event: &Event) -> gst::Structure {
    let mut structure = gst::Structure::new_empty("sessionsink-event");
    if let Ok(Value::Object(fields)) = serde_json::to_value(event) {
        for (name, value) in fields {
            match value {
                Value::String(text) => structure.set(name, text),
                Value::Number(number) => structure.set(name, number.as_u64().unwrap_or_default()),
                _ => {}
            }
        }
    }
    structure
}

/// Reads an event of the room from a structure: its name is the type.
///
/// # Errors
/// The type is unknown, or a field is missing or wrong.
pub fn kind(structure: &gst::StructureRef) -> Result<EventKind, String> {
    let mut fields = Map::new();
    fields.insert("type".into(), Value::String(structure.name().to_string()));
    for (name, value) in structure.iter() {
        fields.insert(name.to_string(), json(value));
    }
    match serde_json::from_value(Value::Object(fields)) {
        Ok(EventKind::Unknown) => Err(format!("there is no event {}", structure.name())),
        Ok(kind) => Ok(kind),
        Err(error) => Err(error.to_string()),
    }
}

fn json(value: &glib::SendValue) -> Value {
    if let Ok(text) = value.get::<String>() {
        return Value::String(text);
    }
    let number = value.transform::<u64>();
    match number.map(|number| number.get::<u64>()) {
        Ok(Ok(number)) => Value::Number(number.into()),
        _ => Value::Null,
    }
}
