// SPDX-License-Identifier: MPL-2.0

//! The form of `events.xml`: a flat list of events, each with attributes and a flat list of fields.

use std::collections::BTreeMap;
use std::fmt;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as Xml};

use super::{MeetingError, NANOS_PER_MILLI};

/// An event of the file: its attributes, and its children by name.
#[derive(Default)]
pub(super) struct Entry {
    pub name: String,
    /// Nanoseconds of the meeting's clock.
    pub time: i64,
    fields: BTreeMap<String, String>,
}

impl Entry {
    fn start(start: &BytesStart<'_>) -> Result<Self, quick_xml::Error> {
        let value = |name: &str| -> Result<String, quick_xml::Error> {
            let attribute = start.try_get_attribute(name)?;
            Ok(attribute.map_or_else(String::new, |attribute| attribute.value.to_string()))
        };
        let millis: Option<i64> = value("timestamp")?.trim().parse().ok();
        Ok(Self {
            // Nothing is known of an event without a time: it stands for none.
            name: millis.map_or_else(|| Ok(String::new()), |_| value("eventname"))?,
            time: millis.unwrap_or(0).saturating_mul(NANOS_PER_MILLI),
            fields: BTreeMap::new(),
        })
    }

    /// Returns a field that is not empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        let text = self.fields.get(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Returns the name of the file that the event is about.
    pub fn file(&self) -> Option<String> {
        let path = self.field("filename").or_else(|| self.field("file"))?;
        let name = path.rsplit('/').next()?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Returns whether a field is true.
    pub fn is(&self, name: &str) -> bool {
        self.field(name) == Some("true")
    }
}

/// Reads the events, calls `see` with each of them, and returns the name of the meeting.
pub(super) fn read(
    text: &str,
    mut see: impl FnMut(&Entry),
) -> Result<Option<String>, MeetingError> {
    let mut reader = Reader::from_str(text);
    let mut room = None;
    let mut entry: Option<Entry> = None;
    let mut field: Option<String> = None;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let failed = |error: &dyn fmt::Display| MeetingError::Xml {
            line: 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count(),
            message: error.to_string(),
        };
        let event = reader.read_event().map_err(|error| failed(&error))?;
        match &event {
            Xml::Start(start) | Xml::Empty(start) => match start.name().as_ref() {
                "event" => {
                    let started = Entry::start(start).map_err(|error| failed(&error))?;
                    match event {
                        Xml::Empty(_) => see(&started),
                        _ => entry = Some(started),
                    }
                }
                "meeting" => {
                    let name = start.try_get_attribute("name");
                    let name = name.map_err(|error| failed(&error))?;
                    room = name.map(|name| unescaped(&name.value));
                }
                name if matches!(event, Xml::Start(_)) => field = Some(name.to_owned()),
                _ => {}
            },
            Xml::Text(_) | Xml::CData(_) | Xml::GeneralRef(_) => {
                if let (Some(entry), Some(field)) = (&mut entry, &field) {
                    let value = entry.fields.entry(field.clone()).or_default();
                    append(value, &event);
                }
            }
            Xml::End(end) if end.name().as_ref() == "event" => {
                if let Some(entry) = entry.take() {
                    see(&entry);
                }
            }
            Xml::End(_) => field = None,
            Xml::Eof => return Ok(room),
            _ => {}
        }
    }
}

/// Appends what an event of the XML stands for.
fn append(text: &mut String, event: &Xml<'_>) {
    match event {
        Xml::Text(part) => text.push_str(&part.xml10_content()),
        Xml::CData(part) => text.push_str(part),
        Xml::GeneralRef(part) => text.push_str(&unescaped(&format!("&{};", &**part))),
        _ => {}
    }
}

/// Resolves the references of a text; what is none stays as it is.
fn unescaped(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), |text| text.into_owned())
}
