// SPDX-License-Identifier: MPL-2.0

//! Finishes the outputs of a recorder that was killed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use gstlecture::package::hls::live::EventList;
use gstlecture::package::mp4::live::{VideoTrack, whole};
use gstlecture::record::session::{OutputKind, OutputState, Session};
use gstlecture::timeline::Time;

use super::segments::INIT;
use super::target::{HLS, MP4};
use crate::error::Error;
use crate::fs::{AtomicFile, files};
use crate::media::mp4;

/// Removes what is cut off of the files, names the last segment in the playlist, and ends it.
///
/// # Errors
/// A file cannot be read or written.
pub fn recover(folder: &Path, session: &mut Session) -> Result<(), Error> {
    for output in &mut session.outputs {
        if matches!(output.state, OutputState::Complete | OutputState::Failed) {
            continue;
        }
        let is_whole = match output.kind {
            OutputKind::Mp4 => trim(&folder.join(MP4))?,
            OutputKind::Hls => end_playlist(&folder.join(HLS))?,
            OutputKind::Images => {
                remove_parts(&folder.join(&output.to))?;
                true
            }
            OutputKind::Rtmp | OutputKind::Srt | OutputKind::Unknown => false,
        };
        output.state = match is_whole {
            true => OutputState::Complete,
            false => OutputState::Failed,
        };
        let killed = || "the recorder was killed".to_owned();
        output.error = (!is_whole).then(|| output.error.take().unwrap_or_else(killed));
    }
    Ok(())
}

/// Removes what comes after the last whole fragment of a file. Returns whether there is one.
fn trim(path: &Path) -> Result<bool, Error> {
    let reading = |error: io::Error| Error::reading(path, &error);
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(reading(error)),
    };
    let end = mp4::end_of_media(&mut file).map_err(reading)?;
    if end > 0 {
        let trimmed = file.set_len(end);
        trimmed.map_err(|error| Error::writing(path, &error))?;
    }
    Ok(end > 0)
}

/// Adds what was written of the last segment to a playlist, and ends it. Returns whether it has segments.
fn end_playlist(path: &Path) -> Result<bool, Error> {
    remove_parts(path.parent().unwrap_or(Path::new(".")))?;
    let mut list = match fs::read(path) {
        Ok(bytes) => EventList::read(&bytes).unwrap_or_else(|| EventList::new(INIT)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => EventList::new(INIT),
        Err(error) => return Err(Error::reading(path, &error)),
    };
    if list.has_ended() {
        return Ok(true);
    }
    let name = EventList::name(list.len());
    let last = path.with_file_name(&name);
    let written = fs::read(path.with_file_name(INIT))
        .ok()
        .and_then(|init| Some(whole(&fs::read(&last).ok()?, VideoTrack::of(&init)?)))
        .unwrap_or_default();
    if written.duration > Time::ZERO {
        let file = File::options().write(true).open(&last);
        let trimmed = file.and_then(|file| file.set_len(written.bytes));
        trimmed.map_err(|error| Error::writing(&last, &error))?;
        list.push(name, written.duration);
    } else {
        files::remove(&last)?;
    }
    if list.is_empty() {
        return Ok(false);
    }
    list.end();
    AtomicFile::write(path, list.to_bytes())?;
    Ok(true)
}

/// Removes files that were not finished.
fn remove_parts(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".part") {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).expect("small");
        [&size.to_be_bytes()[..], kind, content].concat()
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_ends_with_a_whole_fragment() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.mp4");
        let first = [
            boxed(b"moov", b"head"),
            boxed(b"moof", b"1"),
            boxed(b"mdat", b"one"),
        ]
        .concat();
        let whole = [&first[..], &boxed(b"moof", b"2"), &boxed(b"mdat", b"two")].concat();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).expect("written");
            let is_whole = trim(&path).expect("readable");
            assert_eq!(is_whole, length >= first.len(), "{length}");
            let left = fs::metadata(&path).expect("a file").len() as usize;
            let expected = match length {
                length if length < first.len() => length,
                length if length < whole.len() => first.len(),
                length => length,
            };
            assert_eq!(left, expected, "{length}");
        }
        assert!(!trim(&folder.path().join("none.mp4")).expect("nothing"));
    }
}
