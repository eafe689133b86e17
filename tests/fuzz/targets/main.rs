// SPDX-License-Identifier: MPL-2.0

//! All fuzz targets in one program, which is built in a fraction of the time of many; the variable
//! `FUZZ_TARGET` of the environment names the one that runs.

#![no_main]

mod captions;
mod check;
mod codec_headers;
mod cue_text;
mod journal;
mod layout;
mod line21;
mod manifest;
mod mjr;
mod mp4;
mod playlists;
mod session;
mod summaries;
mod transcripts;
mod trim_file;
mod webvtt;
mod xapi;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// Runs on the bytes of an input.
type Run = fn(&[u8]);

const TARGETS: [(&str, Run); 17] = [
    ("captions", captions::run),
    ("check", check::run),
    ("codec_headers", codec_headers::run),
    ("cue_text", cue_text::run),
    ("journal", journal::run),
    ("layout", layout::run),
    ("line21", line21::run),
    ("manifest", manifest::run),
    ("mjr", mjr::run),
    ("mp4", mp4::run),
    ("playlists", playlists::run),
    ("session", session::run),
    ("summaries", summaries::run),
    ("transcripts", transcripts::run),
    ("trim_file", trim_file::run),
    ("webvtt", webvtt::run),
    ("xapi", xapi::run),
];

static CHOSEN: LazyLock<Run> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let Some((_, run)) = found else {
        panic!("FUZZ_TARGET={name}: there is no such target");
    };
    *run
});

fuzz_target!(|input: &[u8]| CHOSEN(input));
