// SPDX-License-Identifier: MPL-2.0

//! GStreamer elements that turn a recorded live class into a catalog asset, over pure modules that
//! know no GStreamer.

pub mod captions;
pub mod chapters;
pub mod descriptions;
pub mod edit;
pub mod language;
pub mod package;
pub mod record;
pub mod slides;
pub mod source;
pub mod speech;
pub mod timeline;
pub mod titles;
pub mod topics;
pub mod webvtt;
pub mod xapi;

#[cfg(feature = "plugin")]
pub mod delivery;
#[cfg(feature = "plugin")]
mod elements;
#[cfg(feature = "plugin")]
use elements::register;

#[cfg(feature = "plugin")]
gst::plugin_define!(
    lecture,
    env!("CARGO_PKG_DESCRIPTION"),
    register,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MPL-2.0",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_REPOSITORY"),
    env!("BUILD_REL_DATE")
);
