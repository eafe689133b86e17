// SPDX-License-Identifier: MPL-2.0

//! What a cue is beyond its plain text, carried on the buffer of that text so that nothing is lost
//! until it is written again. It survives queues, tees and copies.

use crate::webvtt::Cue;

const NAME: &str = "LectureCueMeta";

/// Identifier, settings and text of a cue as written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct CueMeta {
    pub id: Option<String>,
    pub settings: String,
    pub text: String,
}

/// Makes the meta known to GStreamer. The plugin may be in the process twice: linked into the
/// program, and as a library beside it.
pub(in crate::elements) fn register() {
    if !gst::meta::CustomMeta::is_registered(NAME) {
        gst::meta::CustomMeta::register(NAME, &[]);
    }
}

impl CueMeta {
    /// Puts the meta of a cue on its buffer.
    pub fn add(buffer: &mut gst::BufferRef, cue: &Cue) -> Result<(), gst::glib::BoolError> {
        let mut meta = gst::meta::CustomMeta::add(buffer, NAME)?;
        fill(meta.mut_structure(), &cue.id, &cue.settings, &cue.text);
        Ok(())
    }

    /// Puts this in the place of the meta that the buffer has.
    pub fn replace(&self, buffer: &mut gst::BufferRef) {
        // A buffer without one gets none.
        if let Ok(mut meta) = gst::meta::CustomMeta::from_mut_buffer(buffer, NAME) {
            fill(meta.mut_structure(), &self.id, &self.settings, &self.text);
        }
    }

    /// The meta of a buffer, where it has one.
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
