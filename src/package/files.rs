// SPDX-License-Identifier: MPL-2.0

//! The playlists and the DASH manifest of a programme, as files of the package.

use super::hls::playlist::{i_frames, media};
use super::programme::Programme;
use super::{dash, names};

impl Programme {
    /// Returns all playlists and the DASH manifest: paths in the package and contents.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for track in self.tracks() {
            files.push((track.playlist(), media(track)));
            if let Some(path) = track.i_frame_playlist() {
                files.push((path, i_frames(track)));
            }
        }
        files.push((names::MULTIVARIANT.into(), self.multivariant()));
        files.push((names::DASH.into(), dash::manifest(self, self.duration())));
        files
    }
}
