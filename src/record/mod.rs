// SPDX-License-Identifier: MPL-2.0

//! Recorded sessions, rooms whose tracks were kept apart, and what single recordings hold.

pub mod inside;
pub mod layout;
pub mod live;
pub mod mjr;
pub mod session;
