// SPDX-License-Identifier: MPL-2.0

//! The sink pads: their data, events and queries, and the files that they open.

use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SessionSink;
use crate::elements::sessionsink::CAT;
use crate::elements::sessionsink::branch::{Branch, Next};
use crate::elements::sessionsink::codec::Stream;
use crate::elements::sessionsink::messages::{self, Progress};
use crate::elements::sessionsink::pad::SessionPad;
use crate::elements::sessionsink::recording::{Recording, count};
use crate::elements::sessionsink::writer::{self, Observer, Writer};
use crate::elements::shared::lock::lock;
use crate::record::layout::Source;
use crate::record::live::{Gate, Pass};
use crate::record::session::{EventKind, Participant, Track};
use crate::timeline::Time;

/// Records what a writer reports.
struct Reporter {
    element: glib::WeakRef<super::super::SessionSink>,
    pad: glib::WeakRef<SessionPad>,
    recording: Arc<Recording>,
}

impl Observer for Reporter {
    fn pass(&self, gate: &mut Gate, time: Time, is_key: bool) -> Pass {
        let pass = writer::pass(gate, &self.recording.pauses, time, is_key);
        let counts = &self.recording.counts;
        count(match pass {
            Pass::Write => &counts.frames,
            Pass::Drop | Pass::Request => &counts.dropped,
        });
        pass
    }

    fn start(&self, track: &Track) {
        let (_, written) = self
            .recording
            .update(|journal| journal.add_track(track.clone()));
        if let Some(element) = self.element.upgrade() {
            element.imp().check_written(written);
            let message = messages::track(track, &Progress::Started);
            element.imp().post(message);
        }
    }

    fn resize(&self, track: &Track, time: Time, (width, height): (u32, u32)) {
        let kind = EventKind::Size {
            participant: track.participant.clone(),
            source: track.source,
            width,
            height,
        };
        let (event, written) = self.recording.update(|journal| journal.add(time, kind));
        if let Some((element, event)) = self.element.upgrade().zip(event.ok()) {
            element.imp().check_written(written);
            element.imp().post_event(event);
        }
    }

    fn request_key_frame(&self) {
        if let Some(pad) = self.pad.upgrade() {
            count(&self.recording.counts.requests);
            pad.request_key_frame();
        }
    }
}

impl SessionSink {
    /// Makes a sink pad, for a video or an audio track as its name has it.
    pub(super) fn make_pad(template: &gst::PadTemplate, name: &str) -> SessionPad {
        let pad = gst::PadBuilder::<SessionPad>::from_template(template)
            .name(name)
            .chain_function(|pad, parent, buffer| {
                SessionSink::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| {
                        this.take_buffer(pad, buffer);
                        // What is wrong with a track is no concern of its source.
                        Ok(gst::FlowSuccess::Ok)
                    },
                )
            })
            .event_function(|pad, parent, event| {
                SessionSink::catch_panic_pad_function(
                    parent,
                    || false,
                    |this| this.sink_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                SessionSink::catch_panic_pad_function(
                    parent,
                    || false,
                    |this| this.sink_query(pad, query),
                )
            })
            .build();
        if !pad.is_video() {
            pad.set_property_from_str("source", "microphone");
        }
        pad
    }

    fn branch(&self, pad: &SessionPad) -> Option<Arc<Branch>> {
        lock(&self.branches).get(&*pad.name()).cloned()
    }

    fn take_buffer(&self, pad: &SessionPad, buffer: gst::Buffer) {
        let Some((branch, recording)) = self.branch(pad).zip(self.recording()) else {
            return;
        };
        let Some((buffer, time)) = branch.place(buffer) else {
            return;
        };
        let owner = self.owner(pad, &branch, &recording, time);
        if !pad.is_recorded() {
            branch.pass(time);
            return;
        }
        match branch.next(time) {
            Next::Push(writer) => writer.push(buffer),
            Next::Open(stream, caps, before) => {
                if let Some(before) = before {
                    before.finish();
                }
                match self.open_writer(pad, &recording, stream, owner) {
                    Ok(writer) => {
                        writer.set_caps(&caps);
                        branch.set_writer(writer.clone());
                        writer.push(buffer);
                    }
                    Err(error) => {
                        branch.fail(None);
                        // A change of state that fails has posted its reason.
                        if !error.matches(gst::CoreError::StateChange) {
                            let text = format!("{}: no file can be opened: {error}", pad.name());
                            gst::element_imp_warning!(
                                self,
                                gst::ResourceError::OpenWrite,
                                ("{text}")
                            );
                        }
                    }
                }
            }
            Next::Drop => {}
        }
    }

    /// Returns who sends the track. They join with its first buffer.
    fn owner(
        &self,
        pad: &SessionPad,
        branch: &Branch,
        recording: &Recording,
        time: Time,
    ) -> (Participant, Source) {
        if let Some(owner) = branch.owner() {
            return owner;
        }
        let owner = pad.owner();
        branch.set_owner(owner.clone());
        let participant = owner.0.clone();
        let event = recording.change(|journal| journal.publish(time, participant));
        if let Some(event) = event {
            self.post_event(event);
            if !pad.is_recorded() {
                // No first frame of a file writes it.
                self.obj().call_async(move |this| {
                    if let Some(recording) = this.imp().recording() {
                        this.imp().check_written(recording.update(|_| ()).1);
                    }
                });
            }
        }
        owner
    }

    fn open_writer(
        &self,
        pad: &SessionPad,
        recording: &Arc<Recording>,
        stream: Stream,
        (participant, source): (Participant, Source),
    ) -> Result<Arc<Writer>, glib::Error> {
        let file = recording.change(|journal| journal.name_file(&participant.id, source));
        let path = recording.path(&file);
        let track = Track {
            file,
            stream: None,
            participant: participant.id,
            source,
            start: 0,
            estimated: false,
            codec: Some(stream.codec.clone()),
            languages: Vec::new(),
        };
        gst::info!(
            CAT,
            obj = pad,
            "{} gets {}",
            track.codec.as_deref().unwrap_or(""),
            track.file
        );
        let is_video = stream.is_video;
        let writer = Arc::new(Writer::new(&stream, track, &path)?);
        writer.observe(Reporter {
            element: self.obj().downgrade(),
            pad: pad.downgrade(),
            recording: recording.clone(),
        });
        // Its errors find it there.
        lock(&self.writers).push(writer.clone());
        let started = self
            .obj()
            .add(&writer.bin)
            .map_err(|error| error.to_string())
            .and_then(|()| {
                let state = writer.bin.set_state(gst::State::Playing);
                state.map_err(|error| error.to_string())
            });
        if let Err(error) = started {
            self.remove_writer(&writer);
            return Err(glib::Error::new(gst::CoreError::StateChange, &error));
        }
        if is_video {
            count(&recording.counts.requests);
            pad.request_key_frame();
        }
        Ok(writer)
    }

    fn sink_event(&self, pad: &SessionPad, event: gst::Event) -> bool {
        let Some(branch) = self.branch(pad) else {
            return false;
        };
        match event.view() {
            gst::EventView::StreamStart(_) => {
                branch.start_stream();
                lock(&self.run).has_posted_eos = false;
            }
            gst::EventView::Caps(caps) => self.take_caps(pad, &branch, caps.caps_owned()),
            gst::EventView::Segment(segment) => return branch.set_segment(segment.segment()),
            gst::EventView::FlushStop(_) => branch.flush(),
            gst::EventView::Eos(_) => {
                lock(&self.run).seqnum = Some(event.seqnum());
                self.end_branch(&branch);
                self.check_end();
            }
            gst::EventView::CustomDownstream(custom) => {
                let structure = custom.structure();
                let name = structure.map(|structure| structure.name().as_str());
                if name == Some("GstRTPPacketLost")
                    && let Some(recording) = self.recording()
                {
                    count(&recording.counts.losses);
                    // rtph265depay does not ask for key frames after a loss.
                    if pad.is_video() {
                        count(&recording.counts.requests);
                        pad.request_key_frame();
                    }
                }
            }
            _ => {}
        }
        true
    }

    fn take_caps(&self, pad: &SessionPad, branch: &Branch, caps: gst::Caps) {
        let (before, known) = branch.set_caps(&caps);
        if let Err(codec) = known {
            self.report_unsupported(pad, codec);
        }
        if let Some(before) = before {
            before.finish();
        }
    }

    fn report_unsupported(&self, pad: &SessionPad, codec: String) {
        let (participant, source) = pad.owner();
        let reason = format!("the codec {codec} is not recorded");
        gst::element_imp_warning!(
            self,
            gst::StreamError::CodecNotFound,
            ("{}: {reason}; the track is left out", pad.name())
        );
        let track = Track {
            file: String::new(),
            stream: None,
            participant: participant.id,
            source,
            start: self.now().nanos(),
            estimated: false,
            codec: Some(codec),
            languages: Vec::new(),
        };
        self.post(messages::track(&track, &Progress::Unsupported { reason }));
    }

    /// Answers for all codecs at any time: a stream may change its codec.
    fn sink_query(&self, pad: &SessionPad, query: &mut gst::QueryRef) -> bool {
        let taken = pad.pad_template_caps();
        match query.view_mut() {
            gst::QueryViewMut::Caps(caps) => {
                let mode = gst::CapsIntersectMode::First;
                let filtered = caps
                    .filter()
                    .map(|filter| filter.intersect_with_mode(&taken, mode));
                caps.set_result(filtered.as_ref().unwrap_or(&taken));
                true
            }
            gst::QueryViewMut::AcceptCaps(accept) => {
                let is_taken = accept.caps().can_intersect(&taken);
                accept.set_result(is_taken);
                true
            }
            gst::QueryViewMut::Allocation(_) => false,
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }
}
