// SPDX-License-Identifier: MPL-2.0

//! Audio samples → where somebody speaks, where music plays, how loud it is; and from that what of
//! a recording is dead air.
//!
//! [`Listener`] takes samples of any rate and channel count. A detector made for speech says how
//! likely each frame holds a voice; an adaptive noise floor and a search for steady tones stand
//! beside it, because the detector alone takes music and loud fans for voices.
//! [`trim`] holds the policy: which stretches are not part of the class.

use crate::timeline::Time;

mod activity;
mod evidence;
mod listener;
pub mod loudness;
mod mono;
mod music;
mod opening;
mod plan;
pub mod trim;
mod voice_over;

pub use listener::{Kind, Listener, Sound};
pub use plan::Plan;

/// Speech is heard to begin and to end up to this much late or early.
pub const HEARD_WITHIN: Time = Time::from_millis(300);
