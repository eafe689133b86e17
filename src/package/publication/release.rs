// SPDX-License-Identifier: MPL-2.0

//! Choice of the files to publish, their headers and their order.
//!
//! Media have names that change with their content. At the destination, so does everything between
//! the multivariant playlist and the media. Each media playlist has a copy with such a name, and
//! the published multivariant playlist refers to the copies. A class therefore switches to the new
//! version with that single file, even if the work is interrupted. A playlist that a viewer has
//! loaded leads to one complete version.
//!
//! Only files to which the package's playlists and manifest refer are published.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use m3u8_rs::SessionDataField;
use serde_json::Value;

use super::encryption::{self, Sealing};
use crate::package::check::{Files, resolve};
use crate::package::dash;
use crate::package::hls::written;
use crate::package::manifest::{EncryptionEntry, Manifest};
use crate::package::names::{self, ContentName};

/// For files that may be cached for good: the name has only one content.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For files that keep their names: cached for a minute.
pub const BRIEFLY: &str = "public, max-age=60";
/// For files that are not for viewers.
const NEVER: &str = "no-store";

/// A package that cannot be published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Path of the file in the package.
    pub file: String,
    /// Description of the problem.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

impl std::error::Error for Broken {}

fn broken(file: &str, what: impl Into<String>) -> Broken {
    Broken {
        file: file.to_owned(),
        what: what.into(),
    }
}

/// Order of sending: each step is complete before the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// Segments and images.
    Media,
    /// Playlists, and other files to which the multivariant playlist refers.
    Playlists,
    /// Files that keep their names, on which nothing depends.
    Beside,
    /// The manifest, the DASH manifest and, last of all, the multivariant playlist.
    Entry,
}

/// Source of the bytes of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A file of the package.
    Package,
    /// Bytes written for the destination.
    Made(Vec<u8>),
    /// The encrypted form of the package's file at this path.
    Sealed(String),
}

/// A file to publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// Path at the destination, and in the package if it comes from there.
    pub path: String,
    pub origin: Origin,
    pub step: Step,
}

impl Object {
    /// Returns whether its name changes with its content, so that a file of this name is up to
    /// date.
    pub fn is_immutable(&self) -> bool {
        names::is_content_name(&self.path)
    }
}

/// Returns the media type by RFC 6838 with which a file is served.
pub fn content_type(path: &str) -> &'static str {
    let is_sound = path.starts_with("audio/");
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        // RFC 8216 section 4.
        "m3u8" => "application/vnd.apple.mpegurl",
        // ISO/IEC 23009-1 annexes C and D.
        "mpd" => "application/dash+xml",
        "m4s" => "video/iso.segment",
        "mp4" if is_sound => "audio/mp4",
        "mp4" => "video/mp4",
        "vtt" => "text/vtt; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "jpg" => "image/jpeg",
        _ => "application/octet-stream",
    }
}

/// Returns the Cache-Control header (RFC 9111) with which a file is served.
pub fn cache_control(path: &str) -> &'static str {
    if path == super::listing::LISTING {
        NEVER
    } else if names::is_content_name(path) {
        FOR_EVER
    } else {
        BRIEFLY
    }
}

/// Returns the media segments and initialization segments of a package's playlists.
pub fn segments(files: &dyn Files, manifest: &Manifest) -> Result<BTreeSet<String>, Broken> {
    let mut found = BTreeSet::new();
    for path in Playlists::read(files, manifest)?.media.keys() {
        found.extend(named(path, &read(files, path)?)?);
    }
    Ok(found)
}

/// Files of an encrypted release that are published in clear.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clear {
    /// Whole captions, descriptions, the text of slides, transcripts and the summary.
    pub texts: bool,
    /// Poster, thumbnails and the chapters' images.
    pub thumbnails: bool,
}

/// Returns the files to publish, in the order of sending. With a sealing, segments are encrypted,
/// and only the files in `clear` may reveal their content.
pub fn release(
    files: &dyn Files,
    manifest: &Manifest,
    sealing: Option<(&Sealing, Clear)>,
) -> Result<Vec<Object>, Broken> {
    let (sealing, clear) = match sealing {
        Some((sealing, clear)) => (Some(sealing), clear),
        None => (
            None,
            Clear {
                texts: true,
                thumbnails: true,
            },
        ),
    };
    let playlists = Playlists::read(files, manifest)?;
    let mut release = Release {
        files,
        sealing,
        clear,
        manifest: manifest.clone(),
        objects: BTreeMap::new(),
        renamed: BTreeMap::new(),
    };
    for (path, &i_frames) in &playlists.media {
        // A byte range of a file that is encrypted as a whole cannot be decrypted.
        if sealing.is_none() || !i_frames {
            release.add_media(path)?;
        }
    }
    for path in &playlists.data {
        release.add_chapters(path)?;
    }
    release.add_other_forms()?;
    release.add_texts();
    release.add_pictures();
    release.add_entry(playlists);
    release.in_order()
}

/// A release in the making.
struct Release<'a> {
    files: &'a dyn Files,
    sealing: Option<&'a Sealing>,
    clear: Clear,
    /// Manifest of the published files only.
    manifest: Manifest,
    objects: BTreeMap<String, Object>,
    /// Published names of the files to which the multivariant playlist refers.
    renamed: BTreeMap<String, String>,
}

impl Release<'_> {
    fn add(&mut self, path: &str, origin: Origin, step: Step) {
        let object = Object {
            path: path.to_owned(),
            origin,
            step,
        };
        self.objects.insert(path.to_owned(), object);
    }

    fn add_all(&mut self, paths: impl IntoIterator<Item = String>, step: Step) {
        for path in paths {
            self.add(&path, Origin::Package, step);
        }
    }

    /// Adds a file under its own name, and under a name of its content to which the multivariant
    /// playlist refers.
    fn add_twice(&mut self, path: &str, extension: &str, bytes: Vec<u8>) {
        let copy = beside(path, &content_name(&bytes, extension));
        self.renamed.insert(path.to_owned(), copy.clone());
        self.add(path, Origin::Made(bytes.clone()), Step::Beside);
        self.add(&copy, Origin::Made(bytes), Step::Playlists);
    }

    /// Adds a media playlist and its segments.
    fn add_media(&mut self, path: &str) -> Result<(), Broken> {
        let mut bytes = read(self.files, path)?;
        for segment in named(path, &bytes)? {
            match self.sealing.and_then(|sealing| sealing.files.get(&segment)) {
                Some(sealed) => {
                    let name = beside(&segment, &sealed.name);
                    self.add(&name, Origin::Sealed(segment), Step::Media);
                }
                None => self.add(&segment, Origin::Package, Step::Media),
            }
        }
        if let Some(sealing) = self.sealing {
            let sealed = |uri: &str| sealing.files.get(&in_package(path, uri));
            bytes = encryption::playlist(&bytes, sealed, &sealing.key_uri).ok_or_else(|| {
                broken(path, "it is not a media playlist written by this program")
            })?;
        }
        self.add_twice(path, "m3u8", bytes);
        Ok(())
    }

    /// Adds the chapters of session data, and their images.
    fn add_chapters(&mut self, path: &str) -> Result<(), Broken> {
        let mut bytes = read(self.files, path)?;
        let chapters: Value =
            serde_json::from_slice(&bytes).map_err(|_| broken(path, "it is not JSON"))?;
        if self.clear.thumbnails {
            let pictures: Vec<String> =
                images(&chapters).map(|url| in_package(path, url)).collect();
            self.add_all(pictures, Step::Media);
        } else {
            bytes = without_images(chapters);
        }
        self.add_twice(path, "json", bytes);
        Ok(())
    }

    /// Adds the forms for other players than HLS; an encrypted release has none.
    fn add_other_forms(&mut self) -> Result<(), Broken> {
        if self.sealing.is_some() {
            self.manifest.dash = None;
            self.manifest.mp4 = None;
        }
        if let Some(path) = self.manifest.dash.clone() {
            let bytes = read(self.files, &path)?;
            let named = dash::files(&bytes).ok_or_else(|| broken(&path, "it cannot be parsed"))?;
            for file in named.iter().map(|file| in_package(&path, file)) {
                let step = match names::is_content_name(&file) {
                    true => Step::Media,
                    false => Step::Beside,
                };
                self.add(&file, Origin::Package, step);
            }
            self.add(&path, Origin::Package, Step::Entry);
        }
        let movie = self.manifest.mp4.as_ref().map(|movie| movie.file.clone());
        self.add_all(movie, Step::Beside);
        if self.files.has(names::CHAPTERS_VTT) {
            self.add(names::CHAPTERS_VTT, Origin::Package, Step::Beside);
        }
        Ok(())
    }

    /// Adds whole captions, descriptions, the text of slides, transcripts and the summary.
    fn add_texts(&mut self) {
        let Manifest {
            captions,
            descriptions,
            slides,
            summary,
            ..
        } = &mut self.manifest;
        let mut paths = Vec::new();
        let texts = captions.iter_mut().chain(&mut *descriptions);
        if !self.clear.texts {
            *summary = None;
        }
        for text in texts.chain(&mut *slides) {
            if !self.clear.texts {
                text.file = None;
                text.transcript = None;
            }
            paths.extend(
                [&text.file, &text.transcript]
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
        // A text that is not a rendition consists of this file only.
        descriptions.retain(|text| text.file.is_some() || text.playlist.is_some());
        slides.retain(|text| text.file.is_some());
        if !slides.is_empty() {
            paths.push(names::SLIDES_JSON.to_owned());
        }
        self.add_all(paths, Step::Beside);
    }

    /// Adds poster, thumbnails, and the chapters' images.
    fn add_pictures(&mut self) {
        if !self.clear.thumbnails {
            self.manifest.thumbnails = None;
            for chapter in &mut self.manifest.chapters {
                chapter.image = None;
            }
        }
        if let Some(pictures) = self.manifest.thumbnails.clone() {
            self.add_all(pictures.sheets, Step::Media);
            self.add_all(
                pictures.poster.into_iter().chain([pictures.track]),
                Step::Beside,
            );
        }
        let chapters = self.manifest.chapters.iter();
        let images: Vec<String> = chapters
            .filter_map(|chapter| chapter.image.clone())
            .collect();
        self.add_all(images, Step::Media);
    }

    /// Adds the manifest and the multivariant playlist.
    fn add_entry(&mut self, playlists: Playlists) {
        let manifest = match self.sealing {
            None => Origin::Package,
            Some(sealing) => {
                self.manifest.encryption = Some(EncryptionEntry {
                    method: "AES-128".into(),
                    key_uri: sealing.key_uri.clone(),
                });
                Origin::Made(self.manifest.to_json())
            }
        };
        self.add(names::MANIFEST, manifest, Step::Entry);
        let path = playlists.path.clone();
        let multivariant = playlists.renamed(&self.renamed);
        self.add(&path, Origin::Made(multivariant), Step::Entry);
    }

    /// Returns all files in the order of sending; fails if the package lacks one.
    fn in_order(self) -> Result<Vec<Object>, Broken> {
        let mut objects: Vec<Object> = self.objects.into_values().collect();
        for object in &objects {
            let path = match &object.origin {
                Origin::Package => &object.path,
                Origin::Sealed(path) => path,
                Origin::Made(_) => continue,
            };
            if !self.files.has(path) {
                return Err(broken(path, "the package refers to it, but it is missing"));
            }
        }
        let last = |object: &Object| object.path == self.manifest.playlist;
        objects.sort_by_key(|object| (object.step, last(object)));
        Ok(objects)
    }
}

/// The multivariant playlist, and the files to which it refers, by their paths.
struct Playlists {
    path: String,
    multivariant: m3u8_rs::MasterPlaylist,
    /// Media playlists; the value is true for I-frame playlists.
    media: BTreeMap<String, bool>,
    /// JSON files of session data.
    data: Vec<String>,
}

impl Playlists {
    fn read(files: &dyn Files, manifest: &Manifest) -> Result<Self, Broken> {
        let path = &manifest.playlist;
        let multivariant = m3u8_rs::parse_master_playlist_res(&read(files, path)?)
            .map_err(|_| broken(path, "it is not a multivariant playlist"))?;
        let variants = multivariant.variants.iter();
        let alternatives = multivariant.alternatives.iter();
        let media = alternatives
            .filter_map(|media| Some((media.uri.as_deref()?, false)))
            .chain(variants.map(|variant| (&variant.uri[..], variant.is_i_frame)))
            .map(|(uri, i_frames)| (in_package(path, uri), i_frames))
            .collect();
        let data = multivariant.session_data.iter();
        let data = data
            .filter_map(|data| match &data.field {
                SessionDataField::Uri(uri) => Some(in_package(path, uri)),
                SessionDataField::Value(_) => None,
            })
            .collect();
        Ok(Playlists {
            path: path.clone(),
            multivariant,
            media,
            data,
        })
    }

    /// Returns the multivariant playlist with these names; I-frame playlists without one are left
    /// out.
    fn renamed(mut self, names: &BTreeMap<String, String>) -> Vec<u8> {
        let rename = |uri: &mut String| {
            if let Some(name) = names.get(&in_package(&self.path, uri)) {
                uri.clone_from(name);
            }
        };
        let playlist = &mut self.multivariant;
        playlist
            .variants
            .retain(|variant| names.contains_key(&in_package(&self.path, &variant.uri)));
        playlist
            .variants
            .iter_mut()
            .for_each(|variant| rename(&mut variant.uri));
        let alternatives = playlist.alternatives.iter_mut();
        alternatives
            .filter_map(|media| media.uri.as_mut())
            .for_each(rename);
        for data in &mut playlist.session_data {
            if let SessionDataField::Uri(uri) = &mut data.field {
                rename(uri);
            }
        }
        written(|bytes| playlist.write_to(bytes))
    }
}

fn read(files: &dyn Files, path: &str) -> Result<Vec<u8>, Broken> {
    files.read(path).map_err(|error| broken(path, error))
}

/// Returns the files to which the media playlist at `path` refers, by their paths in the package.
fn named(path: &str, playlist: &[u8]) -> Result<BTreeSet<String>, Broken> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlist)
        .map_err(|_| broken(path, "it is not a media playlist"))?;
    let segments = playlist.segments.iter();
    let uris = segments.flat_map(|segment| {
        let map = segment.map.iter().map(|map| &map.uri);
        map.chain([&segment.uri])
    });
    Ok(uris.map(|uri| in_package(path, uri)).collect())
}

/// Resolves a URI in the playlist at `playlist`. A URI outside of the package stays as it is.
fn in_package(playlist: &str, uri: &str) -> String {
    resolve(playlist, uri).unwrap_or_else(|| uri.to_owned())
}

/// Returns the path of a file called `name` in the folder of the file at `path`.
fn beside(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

fn content_name(bytes: &[u8], extension: &str) -> String {
    let mut name = ContentName::default();
    name.update(bytes);
    name.finish(extension)
}

/// Iterates over the images in Apple's JSON chapters.
fn images(chapters: &Value) -> impl Iterator<Item = &str> {
    let chapters = chapters.as_array().into_iter().flatten();
    let images = chapters.flat_map(|chapter| chapter["images"].as_array().into_iter().flatten());
    images.filter_map(|image| image["url"].as_str())
}

fn without_images(mut chapters: Value) -> Vec<u8> {
    for chapter in chapters.as_array_mut().into_iter().flatten() {
        if let Some(chapter) = chapter.as_object_mut() {
            chapter.remove("images");
        }
    }
    serde_json::to_vec_pretty(&chapters).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::programme::Programme;
    use crate::timeline::Time;

    const SEGMENT: &str = "video/360p/0123456789abcdef.m4s";

    /// Makes a package of one segment.
    fn package(segment: &str) -> (BTreeMap<String, Vec<u8>>, Manifest) {
        let mut manifest = Manifest::of_media(&Programme::default(), &[], Time::from_secs(6));
        manifest.dash = None;
        let master = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-STREAM-INF:BANDWIDTH=1\n\
            video/360p/playlist.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,\
            URI=\"video/360p/iframes.m3u8\"\n";
        let media =
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{segment}\n#EXT-X-ENDLIST\n");
        let files = [
            (names::MULTIVARIANT, master),
            ("video/360p/playlist.m3u8", &media),
            ("video/360p/iframes.m3u8", &media),
            (SEGMENT, "segment"),
            (names::MANIFEST, "{}"),
            ("drafts.vtt", "private"),
        ];
        let files = files
            .into_iter()
            .map(|(path, text)| (path.into(), text.into()));
        (files.collect(), manifest)
    }

    #[test]
    fn what_leads_to_others_comes_after_them() {
        let (files, manifest) = package("0123456789abcdef.m4s");
        let objects = release(&files, &manifest, None).expect("whole");
        let paths: Vec<&str> = objects.iter().map(|object| &object.path[..]).collect();
        assert_eq!(paths[0], SEGMENT);
        let last = &paths[paths.len() - 2..];
        assert_eq!(last, [names::MANIFEST, names::MULTIVARIANT]);
        assert!(!paths.contains(&"drafts.vtt"), "{paths:?}");
        // The multivariant playlist refers to the copies, which are sent before it.
        let Some(Object {
            origin: Origin::Made(master),
            ..
        }) = objects.last()
        else {
            panic!("the multivariant playlist is made");
        };
        let master = String::from_utf8_lossy(master);
        assert!(!master.contains("/playlist.m3u8") && !master.contains("/iframes.m3u8"));
        let copies = objects
            .iter()
            .filter(|object| object.step == Step::Playlists);
        for copy in copies {
            assert!(
                copy.is_immutable() && master.contains(&copy.path),
                "{copy:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let (mut files, manifest) = package("0123456789abcdef.m4s");
        files.remove(SEGMENT);
        let error = release(&files, &manifest, None).expect_err("a segment is missing");
        assert_eq!(error.file, SEGMENT);
        let (files, manifest) = package("../../../drafts/trim.vtt");
        let error = release(&files, &manifest, None).expect_err("it is not in the package");
        assert_eq!(error.file, "../drafts/trim.vtt");
    }

    #[test]
    fn everything_has_its_type_and_age() {
        for (path, kind, cache) in [
            (
                names::MULTIVARIANT,
                "application/vnd.apple.mpegurl",
                BRIEFLY,
            ),
            (SEGMENT, "video/iso.segment", FOR_EVER),
            ("audio/main/0123456789abcdef.mp4", "audio/mp4", FOR_EVER),
            ("class.mp4", "video/mp4", BRIEFLY),
            (
                "captions/captions.en.vtt",
                "text/vtt; charset=utf-8",
                BRIEFLY,
            ),
            (names::DASH, "application/dash+xml", BRIEFLY),
        ] {
            assert_eq!(
                (content_type(path), cache_control(path)),
                (kind, cache),
                "{path}"
            );
        }
    }
}
