// SPDX-License-Identifier: MPL-2.0

//! Recorded sessions: rooms whose tracks were kept apart.

pub mod layout;
/// Recordings of the Janus WebRTC server.
pub mod mjr;
