// SPDX-License-Identifier: MPL-2.0

//! Verification of a finished package.

use std::fs;
use std::path::Path;

use gstlecture::package::check::{self, Files};
use gstlecture::package::hls::playlist;
use gstlecture::package::manifest::{Manifest, MediaEntry};
use gstlecture::package::names;

use crate::error::Error;
use crate::stop::Stop;

/// The files of a package on the disk. Only regular files count: a link may lead out of the
/// package.
pub struct InFolder<'a>(pub &'a Path);

impl Files for InFolder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if !self.has(path) {
            return Err("there is no such file in the package".to_owned());
        }
        fs::read(self.0.join(path)).map_err(|error| error.to_string())
    }

    fn has(&self, path: &str) -> bool {
        let mut place = self.0.to_owned();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if ["", ".", ".."].contains(&part) {
                return false;
            }
            place.push(part);
            let is_right = fs::symlink_metadata(&place).is_ok_and(|found| match parts.peek() {
                Some(_) => found.is_dir(),
                None => found.is_file(),
            });
            if !is_right {
                return false;
            }
        }
        true
    }
}

/// Refuses a package that breaks a rule of HLS. Apple's additional rules, such as several
/// renditions, cannot always be met for a small recording.
pub fn rules(folder: &Path) -> Result<(), Error> {
    let report = check::check(&InFolder(folder), names::MULTIVARIANT);
    let broken = report
        .broken()
        .find(|finding| finding.rule.number.starts_with("HLS"));
    match broken {
        None => Ok(()),
        Some(finding) => Err(Error::request(
            format!(
                "the package breaks a rule, \"{}\": {}",
                finding.rule.asks, finding.what
            ),
            folder.join(&finding.file).display().to_string(),
            "make it again; if that does not help, report this with the recording",
        )),
    }
}

/// Refuses a package whose files do not match their names and the manifest.
pub fn whole(folder: &Path, manifest: &Manifest, stop: &Stop) -> Result<(), Error> {
    media(folder, manifest, stop)?;
    pictures(folder, manifest)
}

/// Like [`whole`], for the poster, the sheets of thumbnails and their track.
pub fn pictures(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let Some(thumbnails) = &manifest.thumbnails else {
        return Ok(());
    };
    let files = thumbnails.sheets.iter().chain(&thumbnails.poster);
    for name in files.chain([&thumbnails.track]) {
        read(folder, name)?;
    }
    Ok(())
}

/// Like [`whole`], for video and audio.
pub fn media(folder: &Path, manifest: &Manifest, stop: &Stop) -> Result<(), Error> {
    let video = manifest.video.iter().map(|video| &video.media);
    let audio = manifest.audio.iter().map(|audio| &audio.media);
    for media in video.chain(audio) {
        rendition(folder, media, stop)?;
    }
    Ok(())
}

fn rendition(folder: &Path, media: &MediaEntry, stop: &Stop) -> Result<(), Error> {
    let broken = |what: String| broken(&folder.join(&media.playlist), what);
    let (init, segments) = playlist::files(&read(folder, &media.playlist)?)
        .ok_or_else(|| broken("it is not a media playlist".into()))?;
    if segments.len() != media.segments {
        return Err(broken(format!(
            "it lists {} segments, but the manifest {}",
            segments.len(),
            media.segments
        )));
    }
    let mut bytes = 0;
    for name in [init].into_iter().chain(segments) {
        stop.check()?;
        let path = Path::new(&media.playlist).with_file_name(name);
        bytes += read(folder, &path.to_string_lossy())?.len() as u64;
    }
    if bytes < media.bytes {
        return Err(broken(format!(
            "its segments have {bytes} bytes, but {} in the manifest",
            media.bytes
        )));
    }
    Ok(())
}

/// Returns the content of a package's file, after comparing it with the file's name.
fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let path = folder.join(name);
    let files = InFolder(folder);
    let bytes = files.read(name).map_err(|what| broken(&path, what))?;
    match names::holds(name, &bytes) {
        true => Ok(bytes),
        false => Err(broken(&path, "its content does not match its name".into())),
    }
}

fn broken(path: &Path, what: String) -> Error {
    Error::request(
        what,
        path.display().to_string(),
        "the package is damaged: make it again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_package_is_not_in_it() {
        let at = tempfile::tempdir().expect("temporary folder");
        let package = at.path().join("package");
        fs::create_dir_all(package.join("video")).expect("made");
        fs::create_dir(at.path().join("drafts")).expect("made");
        fs::write(at.path().join("drafts/trim.vtt"), "private").expect("written");
        fs::write(package.join("video/a"), "a").expect("written");
        for (link, to) in [("link", "../drafts/trim.vtt"), ("folder", "../drafts")] {
            std::os::unix::fs::symlink(to, package.join(link)).expect("linked");
        }
        let files = InFolder(&package);
        assert_eq!(files.read("video/a"), Ok(b"a".to_vec()));
        for path in [
            "../drafts/trim.vtt",
            "link",
            "folder/trim.vtt",
            "video",
            "/etc/passwd",
            "",
        ] {
            assert!(!files.has(path) && files.read(path).is_err(), "{path}");
        }
    }
}
