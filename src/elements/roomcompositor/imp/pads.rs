// SPDX-License-Identifier: MPL-2.0

//! The sink pads: the elements behind them, their data, events and queries.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::RoomCompositor;
use crate::elements::roomcompositor::audio::AudioBranch;
use crate::elements::roomcompositor::avatar::Avatars;
use crate::elements::roomcompositor::bin;
use crate::elements::roomcompositor::branch::Branch;
use crate::elements::roomcompositor::pad::RoomPad;
use crate::elements::roomcompositor::video::VideoBranch;
use crate::elements::shared::lock::lock;
use crate::elements::shared::track_kind::PadSource;

impl RoomCompositor {
    /// Makes a sink pad, for a video or an audio track as its name has it.
    pub(super) fn make_pad(template: &gst::PadTemplate, name: &str) -> RoomPad {
        let builder = gst::PadBuilder::<RoomPad>::from_template(template).name(name);
        if !name.starts_with("video") {
            let pad = builder.build();
            pad.set_property("source", PadSource::Microphone);
            return pad;
        }
        builder
            .chain_function(|pad, parent, buffer| {
                RoomCompositor::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| match this.branch(pad) {
                        Some(Branch::Video(branch)) => branch.chain(buffer),
                        _ => Err(gst::FlowError::Flushing),
                    },
                )
            })
            .event_function(|pad, parent, event| {
                RoomCompositor::catch_panic_pad_function(
                    parent,
                    || false,
                    |this| this.video_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                RoomCompositor::catch_panic_pad_function(
                    parent,
                    || false,
                    |this| this.video_query(pad, query),
                )
            })
            .build()
    }

    /// Makes the elements of a new pad.
    pub(super) fn attach(&self, pad: &RoomPad) -> Result<(), glib::BoolError> {
        let sides = self
            .sides()
            .ok_or_else(|| glib::bool_error!("a stock element is missing"))?;
        let obj = self.obj();
        let parent = obj.upcast_ref::<gst::Bin>();
        let settings = lock(&self.settings).clone();
        let branch = if pad.is_video() {
            let has_labels = settings.labels;
            Branch::Video(VideoBranch::new(
                parent,
                &sides.compositor,
                pad,
                has_labels,
            )?)
        } else {
            Branch::Audio(AudioBranch::new(parent, &sides.mixer, pad)?)
        };
        lock(&self.branches).insert(pad.name().into(), branch);
        if let Some(stage) = self.stage() {
            let avatars = Avatars::parse(&settings.avatar).unwrap_or(Avatars::Initials);
            self.set_stage(pad, Some(stage), avatars);
            if pad.is_video() && !settings.live {
                sides.start_duration(settings.duration)?;
            }
        }
        Ok(())
    }

    /// Makes the elements of pads again whose labels were switched on or off since they were requested.
    pub(super) fn renew_labels(&self) -> Result<(), glib::BoolError> {
        let has_labels = lock(&self.settings).labels;
        for pad in self.room_pads() {
            if let Some(Branch::Video(branch)) = self.branch(&pad)
                && branch.fitter.has_labels() != has_labels
            {
                self.detach(&pad);
                self.attach(&pad)?;
            }
        }
        Ok(())
    }

    /// Ends the track of a pad and removes its elements.
    pub(super) fn detach(&self, pad: &RoomPad) {
        let (Some(branch), Some(sides)) = (self.branch(pad), self.sides()) else {
            return;
        };
        let obj = self.obj();
        let parent = obj.upcast_ref::<gst::Bin>();
        // Releasing the aggregator's pad first frees a thread that is blocked in it.
        match &branch {
            Branch::Video(branch) => {
                branch.end();
                branch.cancel();
                sides.compositor.release_request_pad(&branch.sink);
                let _ = pad.set_active(false);
                bin::remove(parent, &branch.fitter.elements);
            }
            Branch::Audio(branch) => {
                branch.end();
                sides.mixer.release_request_pad(&branch.sink);
                let _ = pad.set_active(false);
                bin::remove(parent, &branch.elements);
            }
        }
        let _ = pad.set_target(None::<&gst::Pad>);
        lock(&self.branches).remove(&*pad.name());
    }

    /// Answers what a source asks of its pad. The elements behind it change with the layout, at any moment,
    /// so that they are not asked: their answer would be wrong before the source could use it.
    fn video_query(&self, pad: &RoomPad, query: &mut gst::QueryRef) -> bool {
        let Some(Branch::Video(branch)) = self.branch(pad) else {
            return false;
        };
        match query.view_mut() {
            gst::QueryViewMut::Caps(caps) => {
                let taken = branch.fitter.taken_caps();
                let mode = gst::CapsIntersectMode::First;
                let filtered = caps
                    .filter()
                    .map(|filter| filter.intersect_with_mode(&taken, mode));
                caps.set_result(filtered.as_ref().unwrap_or(&taken));
                true
            }
            gst::QueryViewMut::AcceptCaps(accept) => {
                let is_taken = accept.caps().is_subset(&branch.fitter.taken_caps());
                accept.set_result(is_taken);
                true
            }
            gst::QueryViewMut::Allocation(allocation) => {
                // Frames may have strides of their own.
                allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
                true
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    fn video_event(&self, pad: &RoomPad, event: gst::Event) -> bool {
        let Some(Branch::Video(branch)) = self.branch(pad) else {
            return false;
        };
        match branch.sink_event(event) {
            Ok(Some(event)) => gst::Pad::event_default(pad, Some(&*self.obj()), event),
            Ok(None) => true,
            Err(_) => false,
        }
    }
}
