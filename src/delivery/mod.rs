// SPDX-License-Identifier: MPL-2.0

//! Delivery of statements to a Learning Record Store: the journal on disk, the LRS over HTTP, and
//! the threads between them. [`crate::xapi`] decides what is written and what is sent next.

mod agent;
mod courier;
mod journal;
mod lrs;
mod secret;

use std::time::{SystemTime, UNIX_EPOCH};

pub use agent::agent;
pub use courier::{Courier, Delivery, Notice};
pub use journal::{Journal, Trouble};
pub use lrs::{Endpoint, Lrs};
pub use secret::{Credentials, Secret};

/// Returns milliseconds since 1970 by the system's clock.
pub fn wall_clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
