// SPDX-License-Identifier: MPL-2.0

//! Whether a package is what it says it is.

use std::fs;
use std::path::Path;

use gstlecture::package::check::{self, Files};
use gstlecture::package::manifest::{Manifest, MediaEntry};
use gstlecture::package::names;
use gstlecture::package::playlist;

use crate::error::Error;
use crate::stop::Stop;

/// The files of a package on the disk. What is no plain file is not there: a link may lead out of
/// the package.
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

/// Refuses a package that breaks a rule of HLS. What Apple asks beside, such as several renditions,
/// a small recording cannot keep.
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
            "make it again, and where that does not help report this with the recording",
        )),
    }
}

/// Refuses a package whose files are not what their names and the manifest say.
pub fn whole(folder: &Path, manifest: &Manifest, stop: &Stop) -> Result<(), Error> {
    let video = manifest.video.iter().map(|video| &video.media);
    let audio = manifest.audio.iter().map(|audio| &audio.media);
    for media in video.chain(audio) {
        rendition(folder, media, stop)?;
    }
    Ok(())
}

fn rendition(folder: &Path, media: &MediaEntry, stop: &Stop) -> Result<(), Error> {
    let path = folder.join(&media.playlist);
    let broken = |path: &Path, what: String| {
        Error::request(
            what,
            path.display().to_string(),
            "the package is damaged: make it again",
        )
    };
    let read = |path: &Path| fs::read(path).map_err(|error| Error::reading(path, &error));
    let (init, segments) = playlist::files(&read(&path)?)
        .ok_or_else(|| broken(&path, "it is no media playlist".into()))?;
    if segments.len() != media.segments {
        let what = format!(
            "it names {} segments, the manifest says {}",
            segments.len(),
            media.segments
        );
        return Err(broken(&path, what));
    }
    let mut bytes = 0;
    for name in [init].into_iter().chain(segments) {
        stop.check()?;
        let path = path.with_file_name(&name);
        let segment = read(&path)?;
        if !names::holds(&name, &segment) {
            let what = "its content is not what its name says".to_owned();
            return Err(broken(&path, what));
        }
        bytes += segment.len() as u64;
    }
    if bytes < media.bytes {
        let what = format!(
            "its segments have {bytes} bytes, the manifest says {}",
            media.bytes
        );
        return Err(broken(&path, what));
    }
    Ok(())
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
