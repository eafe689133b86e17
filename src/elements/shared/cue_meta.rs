// SPDX-License-Identifier: MPL-2.0

//! The parts of a cue other than its plain text, attached to the text buffer so that nothing is
//! lost until the cue is written again. The meta survives queues, tees and copies.

use crate::webvtt::Cue;

const NAME: &str = "LectureCueMeta";

/// Identifier, settings and text of a cue as written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct CueMeta {
    pub id: Option<String>,
    pub settings: String,
    pub text: String,
}

/// Registers the meta with GStreamer. The plugin may be in the process twice: linked into the
/// program, and as a library.
pub(in crate::elements) fn register() {
    if !gst::meta::CustomMeta::is_registered(NAME) {
        gst::meta::CustomMeta::register(NAME, &[]);
    }
}

impl CueMeta {
    /// Attaches the meta of a cue to its buffer.
    pub fn add(buffer: &mut gst::BufferRef, cue: &Cue) -> Result<(), gst::glib::BoolError> {
        let mut meta = gst::meta::CustomMeta::add(buffer, NAME)?;
        fill(meta.mut_structure(), &cue.id, &cue.settings, &cue.text);
        Ok(())
    }

    /// Replaces the meta of the buffer.
    pub fn replace(&self, buffer: &mut gst::BufferRef) {
        // A buffer without one stays without.
        if let Ok(mut meta) = gst::meta::CustomMeta::from_mut_buffer(buffer, NAME) {
            fill(meta.mut_structure(), &self.id, &self.settings, &self.text);
        }
    }

    /// Returns the meta of a buffer, if it has one.
    pub fn get(buffer: &gst::BufferRef) -> Option<Self> {
        let meta = gst::meta::CustomMeta::from_buffer(buffer, NAME).ok()?;
        let structure = meta.structure();
        let field = |name| structure.get::<String>(name).unwrap_or_default();
        Some(CueMeta {
            id: Some(field("id")).filter(|id| !id.is_empty()),
            settings: field("settings"),
            text: field("text"),
        })
    }
}

fn fill(meta: &mut gst::StructureRef, id: &Option<String>, settings: &str, text: &str) {
    meta.set("id", id.as_deref().unwrap_or_default());
    meta.set("settings", settings);
    meta.set("text", text);
}
