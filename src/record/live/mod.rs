// SPDX-License-Identifier: MPL-2.0

//! A session while it is recorded.
//!
//! - `address`: servers that a composite is sent to, whose keys are never shown.
//! - `feed`: the frames that an output of a composite takes, and those that become images.
//! - `journal`: the session so far, and the names of its files.
//! - `metrics`: the numbers of a recorder for Prometheus.
//! - `gate`: which frames of a track are written: none during a pause, and no video before a key
//!   frame.
//! - `livekit`: a LiveKit room that is recorded.
//! - `page`: a web page that is recorded, as its browser reports it.
//! - `retry`: when a track whose file cannot be written is tried again.
//! - `whip`: the requests of senders that publish by WHIP.

/// Name of the file in the folder of a session that is locked while a recorder writes there.
pub const LOCK_NAME: &str = ".recording";

/// Name of the socket in that folder, by which the recorder is controlled.
pub const SOCKET_NAME: &str = "control.socket";

mod address;
mod feed;
mod gate;
mod journal;
pub mod livekit;
mod metrics;
pub mod page;
mod retry;
pub mod whip;

pub use address::Address;
pub use feed::{Feed, Snapshots, Verdict};
pub use gate::{Gate, Pass, Pauses};
pub use journal::Journal;
pub use metrics::Metrics;
pub use retry::Retry;
