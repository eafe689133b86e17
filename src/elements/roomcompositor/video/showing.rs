// SPDX-License-Identifier: MPL-2.0

//! The frames that the compositor gets of a track: fitted to the tile, repeated, or a stand-in.

use gst::prelude::*;

use super::VideoBranch;
use crate::elements::roomcompositor::CAT;
use crate::elements::roomcompositor::avatar::{Avatars, blank_frame};
use crate::elements::roomcompositor::frames::set_time;
use crate::elements::roomcompositor::pad::Track;
use crate::elements::roomcompositor::shown::{HIDDEN, Look, PadLook, Shown, hidden};
use crate::elements::roomcompositor::stage::{Stage, tile_of};
use crate::elements::shared::lock::lock;
use crate::record::layout::{Crop, Picture, Placement, Rect, Tile, TileSource, VideoSize, place};
use crate::timeline::Time;

impl VideoBranch {
    /// Fits the last frame again at each change of its tile until `time`.
    pub fn refit(&self, stage: &Stage, time: Time) -> Result<(), gst::FlowError> {
        let Some(last) = lock(&self.state).last else {
            return Ok(());
        };
        for change in stage.changes(last.time, time) {
            self.show(stage, change, false)?;
        }
        Ok(())
    }

    /// Fits the last frame to the picture of `time`. A frame that is neither new nor shown
    /// differently is left out.
    pub(super) fn show(
        &self,
        stage: &Stage,
        time: Time,
        is_new: bool,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let track = self.track();
        let tile = stage.tile_at(time, &track.participant, track.source);
        let look = self.look(stage, time, &track, tile.as_ref());
        let shown = Shown {
            time,
            tile: tile.map(|tile| tile.rect),
            look,
        };
        let last = lock(&self.state).last;
        let is_same = last.is_some_and(|last| last.look == look && last.tile == shown.tile);
        match look {
            _ if is_same && !is_new => Ok(gst::FlowSuccess::Ok),
            Look::Hidden | Look::Avatar(_) if is_same => {
                self.repeat(stage, time).map(|()| gst::FlowSuccess::Ok)
            }
            Look::Avatar(rect) => {
                let Some(avatar) = self.avatar(stage, &track, rect) else {
                    return Ok(gst::FlowSuccess::Ok);
                };
                let Some((buffer, caps)) = avatar.buffer_owned().zip(avatar.caps_owned()) else {
                    return Ok(gst::FlowSuccess::Ok);
                };
                let whole = Placement {
                    crop: Crop::default(),
                    rect,
                };
                self.push(stage, &track, shown, (buffer, caps), whole, 0)
            }
            Look::Hidden | Look::Video(_) => {
                let Some((frame, caps, size)) = self.frame() else {
                    return Ok(gst::FlowSuccess::Ok);
                };
                let placement = match look {
                    Look::Video(placement) => placement,
                    _ => hidden(size),
                };
                let turned = match look {
                    Look::Video(_) => self.turn_at(stage, time, &track),
                    _ => 0,
                };
                self.push(stage, &track, shown, (frame, caps), placement, turned)
            }
        }
    }

    fn frame(&self) -> Option<(gst::Buffer, gst::Caps, VideoSize)> {
        let state = lock(&self.state);
        Some((state.frame.clone()?, state.caps.clone()?, state.size?))
    }

    fn look(&self, stage: &Stage, time: Time, track: &Track, tile: Option<&Tile>) -> Look {
        let is_none = matches!(*lock(&self.avatars), Avatars::None);
        match tile {
            Some(tile) if tile.source == TileSource::Avatar && is_none => Look::Hidden,
            Some(tile) if tile.source == TileSource::Avatar => Look::Avatar(tile.rect),
            Some(tile) => match self.upright_size(stage, time, track) {
                Some(size) => Look::Video(place(tile.fit, tile.rect, size)),
                None => Look::Hidden,
            },
            None => Look::Hidden,
        }
    }

    /// Returns the stand-in of the size of the tile; made once per size.
    fn avatar(&self, stage: &Stage, track: &Track, rect: Rect) -> Option<gst::Sample> {
        if let Some((made, sample)) = &lock(&self.state).avatar
            && (made.width, made.height) == (rect.width, rect.height)
        {
            return Some(sample.clone());
        }
        let avatars = lock(&self.avatars).clone();
        let name = self.label(stage, track);
        match avatars.make(&track.participant, &name, rect) {
            Ok(sample) => {
                let sample = sample?;
                lock(&self.state).avatar = Some((rect, sample.clone()));
                Some(sample)
            }
            Err(error) => {
                gst::warning!(CAT, "{}: no avatar: {error}", self.name);
                None
            }
        }
    }

    /// Pushes a frame through the elements that fit it.
    fn push(
        &self,
        stage: &Stage,
        track: &Track,
        shown: Shown,
        (mut buffer, caps): (gst::Buffer, gst::Caps),
        placement: Placement,
        turned: u32,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.fitter.fit(placement, turned);
        let label = self.label(stage, track);
        self.fitter.label(&label, shown.look == Look::Hidden);
        let (is_new, segment) = {
            let mut state = lock(&self.state);
            let is_new = state.fed_caps.as_ref() != Some(&caps);
            state.fed_caps = Some(caps.clone());
            state.last = Some(shown);
            (is_new, state.held_segment.take())
        };
        lock(&self.shown).push_back(shown);
        if is_new && !self.feed.push_event(gst::event::Caps::new(&caps)) {
            return Err(gst::FlowError::NotNegotiated);
        }
        if let Some(segment) = segment {
            self.feed.push_event(segment);
        }
        set_time(&mut buffer, shown.time);
        self.feed.push(buffer)
    }

    /// Shows what is shown already until `time`, so that the compositor need not wait.
    pub(super) fn repeat(&self, stage: &Stage, time: Time) -> Result<(), gst::FlowError> {
        let (fitted, last) = {
            let state = lock(&self.state);
            (state.fitted.clone(), state.last)
        };
        if last.is_some_and(|last| last.time >= time) {
            return Ok(());
        }
        let is_segment_held = lock(&self.state).held_segment.is_some();
        let (Some(mut fitted), Some(last), false) = (fitted, last, is_segment_held) else {
            return self.show_nothing(stage, time);
        };
        lock(&self.state).last = Some(Shown { time, ..last });
        lock(&self.shown).push_back(Shown { time, ..last });
        set_time(&mut fitted, time);
        self.sink.chain(fitted).map(|_| ())
    }

    /// Stands for a track that has shown nothing so far in its segment.
    fn show_nothing(&self, stage: &Stage, time: Time) -> Result<(), gst::FlowError> {
        let blank = blank_frame();
        let Some((buffer, caps)) = blank.buffer_owned().zip(blank.caps_owned()) else {
            return Ok(());
        };
        let shown = Shown {
            time,
            tile: None,
            look: Look::Hidden,
        };
        let whole = Placement {
            crop: Crop::default(),
            rect: Rect::new(0, 0, HIDDEN, HIDDEN),
        };
        let pushed = self.push(stage, &self.track(), shown, (buffer, caps), whole, 0);
        pushed.map(|_| ())
    }

    /// Sets the compositor's pad for the frame that ends at `end`.
    pub fn apply(&self, picture: &Picture, end: Time) {
        let track = self.track();
        let tile = tile_of(picture, &track.participant, track.source);
        let shown = {
            let mut shown = lock(&self.shown);
            while shown.get(1).is_some_and(|next| next.time < end) {
                shown.pop_front();
            }
            shown.front().copied()
        };
        let look = PadLook::new(tile, shown);
        let is_new = lock(&self.applied).replace(look) != Some(look);
        if is_new {
            look.set(&self.sink);
        }
    }
}
