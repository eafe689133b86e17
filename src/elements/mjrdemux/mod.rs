// SPDX-License-Identifier: MPL-2.0

//! SECTION: `mjrdemux`
//!
//! Demuxes a recording of the Janus WebRTC server (`.mjr`, also the `.mjr.tmp` of a server that was
//! killed): one audio, video or text stream, in playing order, with exact times and without
//! transcoding. All three formats of the file are read; the stock RTP depayloaders do the rest.
//!
//! Packets are sorted; duplicates and packets of other senders are dropped; lost packets become GAP
//! events. The rotation of a phone's video becomes the tag `image-orientation`.
//!
//! Messages (times are stream time in ns, instants are microseconds since 1970 UTC):
//! - `mjrdemux-stream`: `kind` (audio, video, data), `codec`, `packets`, `duplicates`, `duration`,
//!   and if the file has them `created`, `first-frame`, `origin` (the instant of time zero) and
//!   `description`;
//! - `mjrdemux-rotation`: `time`, `degrees` (clockwise), `flipped`;
//! - `mjrdemux-speaking`: `time`, `speaking`, by the audio level that the sender gives;
//! - `mjrdemux-gap`: `time`, `duration`, `packets` that were lost.
//!
//! The file is indexed first (40 bytes per packet) and then read packet by packet. A seekable input
//! such as `filesrc` is never held in memory; any other is collected first, up to 256 MiB.
//!
//! ## Example
//!
//! ```sh
//! gst-launch-1.0 filesrc location=videoroom-audio-0.mjr ! mjrdemux ! matroskamux ! filesink location=audio.mkv
//! ```

use gst::glib;
use gst::prelude::*;

use crate::record::mjr;

mod chain;
mod flow;
mod imp;
mod index;
mod messages;
mod play;
mod seek;
mod source;
mod typefind;

/// The clock that gives packets their times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstLectureMjrClock")]
pub enum Clock {
    #[default]
    #[enum_value(name = "The sender's clock, as janus-pp-rec", nick = "rtp")]
    Rtp,
    #[enum_value(
        name = "The recorder's clock, without the sender's drift (not in old formats)",
        nick = "arrival"
    )]
    Arrival,
}

impl From<Clock> for mjr::Clock {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::Rtp => Self::Rtp,
            Clock::Arrival => Self::Arrival,
        }
    }
}

glib::wrapper! {
    pub struct MjrDemux(ObjectSubclass<imp::MjrDemux>)
        @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    Clock::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    typefind::register(plugin)?;
    // decodebin has to find it.
    gst::Element::register(
        Some(plugin),
        "mjrdemux",
        gst::Rank::PRIMARY,
        MjrDemux::static_type(),
    )
}
