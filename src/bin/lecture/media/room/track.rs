// SPDX-License-Identifier: MPL-2.0

//! One track of a session on the disk.

use std::path::PathBuf;

use gstlecture::record::layout::Source;
use gstlecture::record::session::Track;
use gstlecture::timeline::Time;

use super::moving::Reached;
use crate::media::truncated;

/// A track whose file was opened.
#[derive(Clone, Debug)]
pub struct RoomTrack {
    pub track: Track,
    pub file: PathBuf,
    /// Size of the file in bytes.
    pub size: u64,
    /// The session's time at which the track ends, as far as is known.
    pub end: Option<Time>,
    /// Length that the header of the file promises.
    pub promised: Option<Time>,
    pub reached: Reached,
}

impl RoomTrack {
    /// Returns a warning if the file turned out to be shorter than its header promises.
    pub fn truncated(&self) -> Option<String> {
        let finding = truncated::finding("track", self.promised, self.reached.time())?;
        Some(format!("{}: {finding}", self.file.display()))
    }
}

/// Returns whether a track is a video.
pub fn is_video(track: &Track) -> bool {
    matches!(track.source, Source::Camera | Source::Screen)
}
