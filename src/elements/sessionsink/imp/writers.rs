// SPDX-License-Identifier: MPL-2.0

//! The files that are written now, and their ends.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SessionSink;
use crate::elements::sessionsink::messages::{self, Progress};
use crate::elements::sessionsink::writer::Writer;
use crate::elements::shared::lock::lock;

impl SessionSink {
    /// Returns the writer that an object belongs to.
    pub(super) fn writer_of(&self, object: Option<&gst::Object>) -> Option<Arc<Writer>> {
        let object = object?;
        let writers = lock(&self.writers).clone();
        writers.into_iter().find(|writer| {
            let bin = writer.bin.upcast_ref::<gst::Object>();
            object == bin || object.has_as_ancestor(bin)
        })
    }

    /// Removes a writer that has ended, from another thread than its own.
    pub(super) fn retire(&self, writer: Arc<Writer>) {
        self.obj().call_async(move |this| {
            this.imp().remove_writer(&writer);
            this.imp().check_end();
        });
    }

    pub(super) fn remove_writer(&self, writer: &Arc<Writer>) {
        // Going down to NULL does not fail.
        let _ = writer.bin.set_state(gst::State::Null);
        let (track, end, frames) = writer.written();
        let end = end.nanos();
        let was_there = {
            let mut writers = lock(&self.writers);
            let before = writers.len();
            writers.retain(|other| !Arc::ptr_eq(other, writer));
            writers.len() < before
        };
        if !was_there {
            return;
        }
        let _ = self.obj().remove(&writer.bin);
        if frames == 0 {
            // A file without a frame is not in the session.
            let _ = std::fs::remove_file(&writer.path);
        } else {
            self.post(messages::track(&track, &Progress::Ended { end, frames }));
        }
        self.retired.notify_all();
    }

    /// Gives up a file that failed. The track goes on in another one after a while.
    pub(super) fn fail_writer(&self, writer: Arc<Writer>, reason: &str) {
        let is_current = self
            .branches()
            .iter()
            .any(|branch| branch.fail(Some(&writer)));
        let (track, _, _) = writer.written();
        let reason = reason.to_owned();
        gst::element_imp_warning!(
            self,
            gst::ResourceError::Write,
            (
                "{}: the track of {} cannot be written ({reason})",
                track.file,
                track.participant
            ),
            [
                "{}",
                if is_current {
                    "another file is tried"
                } else {
                    "it had ended"
                }
            ]
        );
        self.post(messages::track(&track, &Progress::Failed { reason }));
        self.retire(writer);
    }
}
