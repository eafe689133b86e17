// SPDX-License-Identifier: MPL-2.0

//! Recognises Janus recordings by their first bytes.

use gst::glib;

/// The caps of a Janus recording.
pub const MEDIA_TYPE: &str = "application/x-janus-mjr";

const MARKS: [&[u8]; 3] = [b"MJR00002", b"MJR00001", b"MEETECHO"];

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let caps = gst::Caps::new_empty_simple(MEDIA_TYPE);
    gst::TypeFind::register(
        Some(plugin),
        "janus_mjr",
        gst::Rank::PRIMARY,
        Some("mjr"),
        Some(&caps),
        |find| {
            let start = find.peek(0, 8).unwrap_or_default();
            if MARKS.contains(&start) {
                find.suggest(
                    gst::TypeFindProbability::Maximum,
                    &gst::Caps::new_empty_simple(MEDIA_TYPE),
                );
            }
        },
    )
}
