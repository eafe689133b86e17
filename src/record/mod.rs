// SPDX-License-Identifier: MPL-2.0

//! Recorded sessions: rooms whose tracks were kept apart.

pub mod layout;
pub mod mjr;
pub mod session;
