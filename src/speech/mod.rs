// SPDX-License-Identifier: MPL-2.0

//! Detects where somebody speaks, where music plays and how loud the audio is; derives the dead air
//! of a recording.
//!
//! [`Listener`] takes samples of any rate and channel count. A speech detector returns the
//! probability that a frame contains a voice. An adaptive noise floor and a search for steady tones
//! complement it, because the detector alone mistakes music and loud fans for voices. [`trim`]
//! contains the policy: which passages are not part of the class.

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

/// Tolerance of the detected start and end of speech.
pub const HEARD_WITHIN: Time = Time::from_millis(300);
