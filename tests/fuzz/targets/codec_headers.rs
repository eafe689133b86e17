// SPDX-License-Identifier: MPL-2.0

//! The headers of coded video: AVC and AV1 configurations, HEVC samples, H.264 access units.

use gstlecture::package::mp4::codec;
use gstlecture::slides::is_disposable;

pub fn run(bytes: &[u8]) {
    let _ = codec::complete_avc_configuration(bytes);
    let _ = codec::complete_av1_configuration(&initialization(bytes));
    if let Some(kept) = codec::without_parameter_sets(bytes) {
        assert!(kept.len() < bytes.len());
        assert_eq!(codec::without_parameter_sets(&kept), None);
    }
    for length_size in [None, Some(1), Some(2), Some(4), Some(8)] {
        let _ = is_disposable(bytes, length_size);
    }
}

/// An initialization segment whose AV1 configuration has these bytes.
fn initialization(configuration: &[u8]) -> Vec<u8> {
    let av1c = boxed(b"av1C", configuration);
    let av01 = boxed(b"av01", &[&[0; 78][..], &av1c].concat());
    let mut inner = boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &av01].concat());
    for kind in [b"stbl", b"minf", b"mdia", b"trak", b"moov"] {
        inner = boxed(kind, &inner);
    }
    inner
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u32 + 8).to_be_bytes();
    [&size[..], kind, content].concat()
}
