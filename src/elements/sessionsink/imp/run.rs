// SPDX-License-Identifier: MPL-2.0

//! The start and the end of a session.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::{Run, SessionSink};
use crate::elements::sessionsink::branch::Branch;
use crate::elements::sessionsink::recording::Recording;
use crate::elements::sessionsink::writer::Writer;
use crate::elements::shared::lock::lock;
use crate::xapi::units;

/// Longest time for which a stop waits for files to be finished.
const LONGEST_END: Duration = Duration::from_secs(2);

impl SessionSink {
    /// Opens the session.
    pub(super) fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let location = settings.location;
        let location = location.ok_or_else(|| {
            let text = "location is not set; name the folder of the session";
            gst::error_msg!(gst::ResourceError::NotFound, ("{text}"))
        })?;
        let recording =
            Recording::open(&location, &settings.room, settings.composite).map_err(|error| {
                gst::error_msg!(
                    gst::ResourceError::OpenWrite,
                    ("{}: {error}", location.display())
                )
            })?;
        *lock(&self.recording) = Some(Arc::new(recording));
        *lock(&self.run) = Run::default();
        let names: Vec<String> = lock(&self.branches).keys().cloned().collect();
        // A stream that ended in the last run is another one now.
        let fresh = names.into_iter().map(|name| (name, Arc::default()));
        *lock(&self.branches) = fresh.collect();
        Ok(())
    }

    /// Records the time of day at which the session started.
    pub(super) fn date(&self) {
        let Some(recording) = self.recording() else {
            return;
        };
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since_epoch.unwrap_or_default().as_millis();
        let start = u64::try_from(now)
            .unwrap_or_default()
            .saturating_sub(self.now().millis());
        let (_, written) = recording.update(|journal| {
            if journal.session().started.is_none() {
                journal.set_started(units::timestamp(start));
            }
        });
        self.check_written(written);
    }

    /// Finishes all files and closes the session.
    pub(super) fn stop(&self) {
        for branch in self.branches() {
            self.end_branch(&branch);
        }
        let writers: Vec<Arc<Writer>> = lock(&self.writers).clone();
        for writer in &writers {
            writer.finish();
        }
        let guard = lock(&self.writers);
        let waited = self
            .retired
            .wait_timeout_while(guard, LONGEST_END, |writers| !writers.is_empty());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        let late: Vec<Arc<Writer>> = lock(&self.writers).clone();
        for writer in late {
            self.remove_writer(&writer);
        }
        self.end_session();
        if let Some(recording) = lock(&self.recording).take() {
            recording.close();
        }
    }

    pub(super) fn end_session(&self) {
        let Some(recording) = self.recording() else {
            return;
        };
        let now = self.now();
        let (events, written) = recording.update(|journal| journal.end(now));
        self.check_written(written);
        for event in events {
            self.post_event(event);
        }
    }

    /// Ends a track: its file is finished, and its participant leaves if it was the last one.
    pub(super) fn end_branch(&self, branch: &Branch) {
        let (writer, owner, last) = branch.end();
        if let Some(writer) = writer {
            writer.finish();
        }
        if let Some((recording, owner)) = self.recording().zip(owner) {
            let (event, written) = recording.update(|journal| journal.unpublish(last, &owner.id));
            self.check_written(written);
            if let Some(event) = event {
                self.post_event(event);
            }
        }
    }

    /// Posts EOS once every track has ended and every file is finished.
    pub(super) fn check_end(&self) {
        let branches = self.branches();
        let has_ended = !branches.is_empty() && branches.iter().all(|branch| branch.has_ended());
        let is_written = lock(&self.writers).is_empty();
        let (is_over, seqnum) = {
            let mut run = lock(&self.run);
            let is_over =
                is_written && (has_ended || run.is_ended) && run.is_playing && !run.has_posted_eos;
            run.has_posted_eos |= is_over;
            (is_over, run.seqnum)
        };
        if !is_over {
            return;
        }
        self.end_session();
        let obj = self.obj();
        let message = gst::message::Eos::builder()
            .src(&*obj)
            .seqnum_if_some(seqnum);
        let _ = obj.post_message(message.build());
    }

    /// Ends everything, whatever the sources do.
    pub(super) fn end_all(&self, seqnum: gst::Seqnum) {
        {
            let mut run = lock(&self.run);
            run.is_ended = true;
            run.seqnum = Some(seqnum);
        }
        for branch in self.branches() {
            self.end_branch(&branch);
        }
        self.check_end();
    }
}
