// SPDX-License-Identifier: MPL-2.0

//! HLS playlists and DASH manifests, read and listed anew.

use gstlecture::package::text::{self, Text, TextRole};
use gstlecture::package::{dash, hls::playlist};

pub fn run(file: &[u8]) {
    let captions = [Text::new(TextRole::Captions, Some("de".into()), None, &[])];
    let _ = playlist::files(file);
    let _ = playlist::named_frames(file);
    let _ = text::grid(file);
    let _ = text::relist(file, &captions);
    let _ = dash::files(file);
    let _ = dash::relist(file, &captions);
}
