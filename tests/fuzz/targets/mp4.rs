// SPDX-License-Identifier: MPL-2.0

//! The boxes of MP4 files: an initialization segment and media segments.

use std::io::Cursor;

use fuzz::Parts;
use gstlecture::package::check::Files;
use gstlecture::package::mp4::progressive::Movie;
use gstlecture::package::mp4::{chunks, codec, fragment};
use gstlecture::timeline::Time;

#[path = "../../../src/bin/lecture/media/mp4.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod mp4;

pub fn run(input: &[u8]) {
    let parts = Parts::new(input);
    let init = parts.read("init").unwrap_or_default();
    read_init(&init);
    let mut movie = Movie::new();
    let track = movie.add_track(&init);
    for name in ["first", "second"] {
        let Ok(segment) = parts.read(name) else {
            break;
        };
        read_segment(&segment);
        if let Ok(track) = track {
            let _ = movie.add_segment(track, &segment);
        }
    }
    movie.set_chapters([(Time::ZERO, "Start".to_owned())]);
    let _ = movie.finish();
}

fn read_init(init: &[u8]) {
    let _ = codec::sample_description(init);
    let _ = codec::avc_configuration(init).map(|bytes| codec::complete_avc_configuration(&bytes));
    let _ = codec::complete_av1_configuration(init);
    let _ = fragment::without_dates(init);
    let _ = mp4::promised_bytes(&mut Cursor::new(init));
    let _ = mp4::tracks(&mut Cursor::new(init));
}

fn read_segment(segment: &[u8]) {
    let _ = chunks::media(segment);
    let _ = chunks::split(segment, 512, 4096);
    let _ = chunks::shorten(segment, 1000);
    let _ = fragment::retime(&mut segment.to_vec(), 1, 3, 512);
}
