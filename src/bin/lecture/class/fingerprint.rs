// SPDX-License-Identifier: MPL-2.0

//! Fingerprints: identify the recording of a draft and show whether a person has changed a file
//! since it was written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::media::probe::Input;
use crate::media::room::RoomTrack;

/// Number of bytes read at the head, the middle and the tail of a recording.
const PIECE: u64 = 1 << 20;

/// Returns the fingerprint of an input: of the recording, or of the tracks of a session. Another layout
/// of the same tracks is the same class.
///
/// # Errors
/// A file cannot be read.
pub fn of_input(input: &Input) -> Result<String, Error> {
    let of = |path: &Path| of_recording(path).map_err(|error| Error::reading(path, &error));
    let Some(room) = &input.room else {
        return of(&input.path);
    };
    let tracks = room.tracks().map(|RoomTrack { track, file, .. }| {
        Ok((&track.participant, track.source, track.start, of(file)?))
    });
    let tracks: Vec<_> = tracks.collect::<Result<_, Error>>()?;
    Ok(of_bytes(serde_json::json!(tracks).to_string().as_bytes()))
}

/// Returns the fingerprint of a recording, made of its size and three pieces, so that hours of
/// video take no longer than minutes.
pub fn of_recording(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut digest = Sha256::new();
    digest.update(size.to_le_bytes());
    let last = size.saturating_sub(PIECE);
    for start in [0, last / 2, last] {
        file.seek(SeekFrom::Start(start))?;
        io::copy(&mut (&mut file).take(PIECE), &mut digest)?;
    }
    Ok(hex(&digest.finalize()))
}

/// Returns the fingerprint of a whole file. Use it for files that are small next to a recording and
/// may differ in one place only.
pub fn of_file(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(path)?, &mut digest)?;
    Ok(hex(&digest.finalize()))
}

/// Returns the fingerprint of a small file's bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Formats the first 16 bytes, which are enough to tell any two files apart.
fn hex(digest: &[u8]) -> String {
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_and_three_pieces_of_a_recording_count() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("recording");
        let bytes = vec![0; 5 << 20];
        let mut fingerprints = Vec::new();
        for changed in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut bytes = bytes.clone();
            bytes[changed] = 1;
            std::fs::write(&path, bytes).expect("written");
            fingerprints.push(of_recording(&path).expect("read"));
        }
        std::fs::write(&path, &bytes[1..]).expect("written");
        fingerprints.push(of_recording(&path).expect("read"));
        std::fs::write(&path, b"short").expect("written");
        fingerprints.push(of_recording(&path).expect("read"));
        let count = fingerprints.len();
        fingerprints.sort();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), count);
    }

    #[test]
    fn every_byte_of_a_file_counts() {
        type Of = fn(&Path) -> io::Result<String>;
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("described.wav");
        let mut bytes = vec![0; 5 << 20];
        let [before, after] = [0, 1].map(|value| {
            bytes[3 << 19] = value;
            std::fs::write(&path, &bytes).expect("written");
            [of_file as Of, of_recording].map(|of| of(&path).expect("read"))
        });
        assert_ne!(before[0], after[0]);
        assert_eq!(before[1], after[1], "between the pieces of a recording");
    }
}
