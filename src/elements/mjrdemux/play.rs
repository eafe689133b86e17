// SPDX-License-Identifier: MPL-2.0

//! The streaming thread: opens the recording, then sends packet by packet.

use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::chain::Plan;
use super::flow::Stop;
use super::imp::{CAT, MjrDemux, Output};
use super::index::Index;
use super::{Clock, messages};
use crate::elements::shared::lock::lock;
use crate::record::mjr::{Kind, Packet};

/// The last message of a data channel is shown this long, as janus-pp-rec does.
const LAST_MESSAGE: gst::ClockTime = gst::ClockTime::from_seconds(5);

impl MjrDemux {
    /// Sends the next packet; opens the recording before the first.
    pub fn step(&self) -> Result<(), Stop> {
        let opened = self.state().index.clone();
        let index = match opened {
            Some(index) => index,
            None => self.open()?,
        };
        let (at, feed, segment) = {
            let mut state = self.state();
            let feed = state.output.as_ref().map(|output| output.feed.clone());
            let needs_segment = std::mem::take(&mut state.needs_segment);
            let seqnum = state.seqnum;
            let segment = needs_segment.then(|| segment_event(&state.segment, seqnum));
            (state.next, feed.ok_or(Stop::Flushing)?, segment)
        };
        let packets = index.recording.packets();
        let packet = packets.get(at).ok_or(Stop::End)?;
        let time = index.time(at);
        let is_first = segment.is_some();
        if let Some(segment) = segment {
            feed.push_event(segment);
        }
        let stop = self.state().segment.stop();
        if stop.is_some_and(|stop| time >= stop) {
            return Err(Stop::End);
        }
        self.announce(&index, at, &feed, is_first);
        let buffer = self.buffer(&index, at, packet, time, is_first)?;
        {
            let mut state = self.state();
            state.next = at + 1;
            state.segment.set_position(time);
        }
        if let Some(buffer) = buffer {
            feed.push(buffer)?;
        }
        Ok(())
    }

    /// Indexes the recording and sets up the way out.
    fn open(&self) -> Result<Arc<Index>, Stop> {
        let source = self.state().source.clone().ok_or(Stop::Flushing)?;
        let clock = lock(&self.settings).clock;
        let index = Arc::new(Index::read(&source, clock.into())?);
        let _ = self.obj().post_message(
            gst::message::Element::builder(messages::stream(&index))
                .src(&*self.obj())
                .build(),
        );
        for problem in index.recording.problems() {
            gst::element_imp_warning!(self, gst::StreamError::Demux, ("{problem}"));
        }
        let header = index.recording.header();
        if clock == Clock::Arrival && !header.format.has_arrival_times() {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ("This old recording has no arrival times; its times follow the sender's clock")
            );
        }
        let plan = Plan::new(&index.recording)?;
        let feed = self.build_output(&plan)?;
        let group = self.sinkpad.sticky_event::<gst::event::StreamStart>(0);
        let group = group
            .and_then(|event| event.group_id())
            .unwrap_or_else(gst::GroupId::next);
        let sparse = match header.codec.kind() {
            Kind::Data => gst::StreamFlags::SPARSE,
            Kind::Audio | Kind::Video => gst::StreamFlags::empty(),
        };
        let stream_id = self.stream_id(&feed);
        let start = gst::event::StreamStart::builder(&stream_id)
            .group_id(group)
            .flags(sparse);
        feed.push_event(start.build());
        feed.push_event(gst::event::Caps::new(&plan.caps));
        let mut state = self.state();
        state.segment.set_duration(index.duration());
        state.needs_segment = true;
        state.index = Some(Arc::clone(&index));
        Ok(index)
    }

    /// Returns the same identifier each time the same file is opened, as other demuxers do: applications
    /// compare those of two runs. A bin does not pass the query for the URI on, which tells files apart in
    /// pull mode.
    fn stream_id(&self, feed: &gst::Pad) -> String {
        let has_upstream = self
            .sinkpad
            .sticky_event::<gst::event::StreamStart>(0)
            .is_some();
        let mut query = gst::query::Uri::new();
        let uri = (!has_upstream && self.sinkpad.peer_query(&mut query))
            .then(|| query.uri())
            .flatten();
        let sum =
            uri.and_then(|uri| glib::compute_checksum_for_string(glib::ChecksumType::Sha256, &uri));
        match sum {
            Some(sum) => format!("{sum}/0"),
            None => feed.create_stream_id(&*self.obj(), Some("0")).into(),
        }
    }

    /// Makes the chain and the pad that feeds it.
    fn build_output(&self, plan: &Plan) -> Result<gst::Pad, Stop> {
        let weak = self.obj().downgrade();
        let weak_for_queries = weak.clone();
        let feed = gst::Pad::builder(gst::PadDirection::Src)
            .name("feed")
            .event_function(move |_, _, event| {
                weak.upgrade()
                    .is_some_and(|demux| demux.imp().feed_event(&event))
            })
            .query_function(move |_, _, query| {
                let demux = weak_for_queries.upgrade();
                demux.is_some_and(|demux| demux.imp().feed_query(query))
            })
            .build();
        let failed = |error: &dyn std::fmt::Display| {
            gst::error_msg!(
                gst::CoreError::Failed,
                ["The depayloader cannot be fed: {error}"]
            )
        };
        feed.set_active(true).map_err(|error| failed(&error))?;
        let elements = plan.build(self.obj().upcast_ref())?;
        let tail = elements.last().and_then(|last| last.static_pad("src"));
        self.state().output = Some(Output {
            feed: feed.clone(),
            elements: elements.clone(),
            ghost: None,
        });
        if let Some(sink) = elements.first().and_then(|first| first.static_pad("sink")) {
            feed.link(&sink).map_err(|error| failed(&error))?;
        }
        let weak = self.obj().downgrade();
        tail.unwrap_or_else(|| feed.clone()).add_probe(
            gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
            move |tail, _| {
                if let Some(demux) = weak.upgrade()
                    && let Err(error) = demux.imp().expose(tail)
                {
                    gst::error!(CAT, obj = demux, "The pad cannot be added: {error}");
                }
                gst::PadProbeReturn::Remove
            },
        );
        // Sinks first, so that nothing arrives at an element that does not run.
        for element in elements.iter().rev() {
            element
                .sync_state_with_parent()
                .map_err(|error| failed(&error))?;
        }
        Ok(feed)
    }

    /// Adds the pad `src` when the end of the chain has caps and sends its first buffer.
    fn expose(&self, tail: &gst::Pad) -> Result<(), glib::BoolError> {
        let template = self.obj().pad_template("src");
        let template = template.ok_or_else(|| glib::bool_error!("no template for the pad src"))?;
        let ghost = gst::GhostPad::builder_from_template_with_target(&template, tail)?
            .name("src")
            .build();
        ghost.set_active(true)?;
        tail.sticky_events_foreach(|event| {
            let _ = ghost.store_sticky_event(event);
            std::ops::ControlFlow::Continue(gst::EventForeachAction::Keep)
        });
        if let Some(output) = &mut self.state().output {
            output.ghost = Some(ghost.clone());
        }
        self.obj().add_pad(&ghost)?;
        self.obj().no_more_pads();
        Ok(())
    }

    /// Removes the pad `src` and the chain; nothing streams any more.
    pub fn remove_output(&self) {
        let Some(output) = self.state().output.take() else {
            return;
        };
        let _ = output.feed.set_active(false);
        if let Some(ghost) = output.ghost {
            let _ = ghost.set_active(false);
            let _ = self.obj().remove_pad(&ghost);
        }
        for element in &output.elements {
            let _ = element.set_state(gst::State::Null);
        }
        let _ = self.obj().remove_many(&output.elements);
    }

    /// Sends and posts what happens in front of the packet: holes, losses, rotations, speech.
    fn announce(&self, index: &Index, at: usize, feed: &gst::Pad, is_first: bool) {
        let post = |structure| {
            let message = gst::message::Element::builder(structure).src(&*self.obj());
            let _ = self.obj().post_message(message.build());
        };
        if !is_first {
            if let Some((start, length)) = index.hole(at) {
                feed.push_event(gst::event::Gap::builder(start).duration(length).build());
            }
            if let Some(loss) = index.loss(at) {
                post(messages::gap(loss));
            }
        }
        if let Some((rotation, starts)) = index.rotation(at) {
            if starts || is_first {
                feed.push_event(gst::event::Tag::new(messages::orientation_tag(rotation)));
            }
            if starts {
                post(messages::rotation(rotation));
            }
        }
        for change in index.speaking(at) {
            post(messages::speaking(change));
        }
    }

    /// Returns the RTP packet or message at `at`; `None` if it holds nothing.
    fn buffer(
        &self,
        index: &Index,
        at: usize,
        packet: &Packet,
        time: gst::ClockTime,
        is_first: bool,
    ) -> Result<Option<gst::Buffer>, Stop> {
        let (source, mut block) = {
            let mut state = self.state();
            (
                state.source.clone().ok_or(Stop::Flushing)?,
                state.block.take(),
            )
        };
        let payload = source.range(packet.offset, usize::from(packet.length), &mut block);
        self.state().block = block;
        let payload = payload?;
        let is_message = index.recording.header().codec.kind() == Kind::Data;
        let bytes = if is_message {
            self.text(payload, time)
        } else {
            index
                .recording
                .rtp_packet(packet, &payload)
                .unwrap_or_default()
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(time);
            if is_message {
                let packets = index.recording.packets();
                let next = (at + 1 < packets.len()).then(|| index.time(at + 1));
                let shown = next.map_or(LAST_MESSAGE, |next| next.saturating_sub(time));
                buffer.set_duration(shown);
            }
            if is_first || index.loss(at).is_some() {
                buffer.set_flags(gst::BufferFlags::DISCONT);
            }
        }
        Ok(Some(buffer))
    }

    /// Returns a message as UTF-8; warns once if it is not.
    fn text(&self, payload: Vec<u8>, time: gst::ClockTime) -> Vec<u8> {
        let error = match String::from_utf8(payload) {
            Ok(text) => return text.into_bytes(),
            Err(error) => error,
        };
        let was_warned = std::mem::replace(&mut self.state().was_replaced, true);
        if !was_warned {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Decode,
                ("The message at {time} is not UTF-8; its invalid bytes are replaced")
            );
        }
        String::from_utf8_lossy(error.as_bytes())
            .into_owned()
            .into_bytes()
    }

    /// Ends the stream, or the segment that a seek asked for.
    pub fn finish(&self) {
        let (segment, seqnum) = {
            let state = self.state();
            (
                state.segment.clone(),
                state.seqnum.unwrap_or_else(gst::Seqnum::next),
            )
        };
        if segment.flags().contains(gst::SegmentFlags::SEGMENT) {
            let end = segment.stop().or(segment.duration()).unwrap_or_default();
            let done = gst::message::SegmentDone::builder(end)
                .src(&*self.obj())
                .seqnum(seqnum);
            let _ = self.obj().post_message(done.build());
            self.push_to_feed(gst::event::SegmentDone::builder(end).seqnum(seqnum).build());
            return;
        }
        // The chain may hold its last frame until now.
        self.push_to_feed(gst::event::Eos::builder().seqnum(seqnum).build());
        let is_exposed = self
            .state()
            .output
            .as_ref()
            .is_some_and(|output| output.ghost.is_some());
        if !is_exposed {
            gst::element_imp_error!(
                self,
                gst::StreamError::Demux,
                ("The recording holds no whole frame that a decoder can start at")
            );
        }
    }
}

fn segment_event(
    segment: &gst::FormattedSegment<gst::ClockTime>,
    seqnum: Option<gst::Seqnum>,
) -> gst::Event {
    let event = gst::event::Segment::builder(segment);
    match seqnum {
        Some(seqnum) => event.seqnum(seqnum).build(),
        None => event.build(),
    }
}
