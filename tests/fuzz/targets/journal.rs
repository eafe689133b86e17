// SPDX-License-Identifier: MPL-2.0

//! The journal of xAPI statements: as bytes, and as records with right checksums.

use fuzz::BETWEEN;
use gstlecture::xapi::journal;

pub fn run(input: &[u8]) {
    read(input);
    let mut file = journal::header();
    let mut rest = input;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|four| four == BETWEEN) {
        file.extend(record(&rest[..at]));
        rest = &rest[at + BETWEEN.len()..];
    }
    file.extend(record(rest));
    read(&file);
}

fn read(file: &[u8]) {
    let Ok(contents) = journal::read(file) else {
        return;
    };
    assert!(contents.end <= file.len() as u64);
    let compacted = journal::compact(file, &contents);
    let again = journal::read(&compacted).expect("what is written can be read");
    assert!(again.damaged.is_empty());
    assert!(again.pending.keys().eq(contents.pending.keys()));
    assert_eq!(again.dead.len(), contents.dead.len());
    assert!(again.states.keys().eq(contents.states.keys()));
}

/// A record with this payload: marker, length, checksum.
fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    let checksum = hasher.finalize().to_le_bytes();
    [b"\xa9LX\x1a", &length[..], &checksum, payload].concat()
}
