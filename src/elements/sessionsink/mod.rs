// SPDX-License-Identifier: MPL-2.0

//! SECTION: `sessionsink`
//!
//! Records a room: every track becomes one Matroska file, and `session.json` describes them for the
//! jobs `compose` and `mix`. It is made for recorders that may die: a killed process loses at most the
//! last second, and the folder is a valid session at every moment.
//!
//! Request pads `video_%u` and `audio_%u` take RTP or encoded streams; pads may come and go. Their
//! properties `participant` (default: the number of the pad), `label`, `source` and `role` are read
//! when a stream starts. All times are running times. They are kept in the files, so that all tracks
//! stay aligned. A track gets another file when its codec changes or its time jumps back by more than
//! a second. Nothing is transcoded, except G.722, which Matroska does not know: it becomes FLAC.
//!
//! A track that cannot be recorded never disturbs the others or its source: its data are dropped, a
//! warning is posted, and a failed file is tried again as another one after a while. Video starts
//! with a key frame, which is requested upstream.
//!
//! A pad with `recorded=false` has no file: its participant joins and leaves, for a session whose room is
//! composed beside it. `composite` is the name of that file in `session.json`, and `outputs` the list of
//! its further outputs there, which may change during the run. `stats` has the numbers of
//! the run.
//!
//! `location` must be a folder without a session. It holds the file `.recording`, which is locked
//! while a recorder writes there. An EOS event that is sent to the element ends all tracks.
//!
//! The action signal `event` records an event of the room: a structure whose name is the type
//! (`mark`, `mute`, `unmute`, `speaker`, `layout`, `caption`, `pause`, `resume`) and whose fields are
//! those of `session.json`. Between `pause` and `resume` nothing is written.
//!
//! Messages:
//! - `sessionsink-track`: `file`, `participant`, `source`, `codec`, `state` (`started`, `ended`,
//!   `failed` or `unsupported`), `start` and `end` (running times in ns), `frames`, `reason`;
//! - `sessionsink-event`: `time` (running time in ns), `type`, and the fields of the event.
//!
//! ## Example
//!
//! ```sh
//! gst-launch-1.0 -e sessionsink name=session location=class video_0::participant=ada audio_0::participant=ada \
//!   videotestsrc is-live=true ! vp8enc deadline=1 ! rtpvp8pay ! session.video_0 \
//!   audiotestsrc is-live=true ! opusenc ! rtpopuspay ! session.audio_0
//! ```

use gst::glib;
use gst::prelude::*;
use once_cell::sync::Lazy;

use crate::elements::shared::track_kind;

mod branch;
mod codec;
mod imp;
mod messages;
mod pad;
mod recording;
mod writer;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "sessionsink",
        gst::DebugColorFlags::empty(),
        Some("Records the tracks of a room"),
    )
});

glib::wrapper! {
    pub struct SessionSink(ObjectSubclass<imp::SessionSink>)
        @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    track_kind::mark_as_plugin_api();
    pad::SessionPad::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "sessionsink",
        gst::Rank::NONE,
        SessionSink::static_type(),
    )
}
