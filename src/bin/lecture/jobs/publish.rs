// SPDX-License-Identifier: MPL-2.0

//! `publish`: sends a package to a folder or to object storage.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use gstlecture::package::manifest::Manifest;
use gstlecture::package::publication::encryption::{Sealing, SegmentKey};
use gstlecture::package::publication::listing::{LISTING, Listing};
use gstlecture::package::publication::release::{self, Broken, Clear, Object, Origin, Step};
use gstlecture::package::standard::{self, Missing, Standard};
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::Summary;
use super::{Request, absolute};
use crate::class::folder::{self, ClassFolder, Staging};
use crate::destination::{Batch, Destination, Sent};
use crate::engine::progress::Progress;
use crate::error::Error;
use crate::fs::files;
use crate::media::verify::{self, InFolder};
use crate::options::{FromText, Options, Wrong, options};
use crate::print;

pub const ABOUT: &str = "\
Publishes a class's package to a folder, or to object storage through rclone.

Sends only files that OUT/package refers to, with the right content type and cache headers.
Segments are sent first and the multivariant playlist last: viewers get the complete old version
until the new one is complete, even if the work is interrupted. To resume, run the same command
again: it sends only what is missing.

A package is refused if it has drafts that nobody approved, or no captions in the class's language,
or captions that fail the rules of `captions-check`. standard=AA also asks for audio description, or
for the line `signed: nothing-to-describe` in an approved draft with a name in `by:`.

The published files are listed in published.json there. Files of earlier versions stay for viewers
who still watch them, until prune= removes them. After a cut for privacy, publish with prune=0.

Remotes and secrets are configured in rclone: `rclone config`, or RCLONE_… and AWS_… in the
environment. Destinations other than a folder and object storage replace playlists in place.

With encrypt-key, all video, audio and caption segments are encrypted with AES-128 (RFC 8216)
before they are sent. Files that players could not decrypt are not sent: the DASH manifest,
I-frame playlists, class.mp4. Nor are files that would reveal the content: whole captions,
transcripts, descriptions, thumbnails; clear= publishes these all the same. Title, chapters and
manifest are always in clear. The key is never sent: your server gives it to permitted viewers.

--print lists what would be sent, and sends nothing.";

options! {
    /// Variables of `publish`.
    pub struct PublishOptions {
        /// the class's folder
        "output" (default "OUT") => output: PathBuf,
        /// a folder, or an rclone remote with a path, for example s3:bucket/class-7
        "to" (required) => to: String,
        /// true publishes drafts that nobody approved; no standard is asked for then, unless standard=
        /// names one
        "allow-drafts" (default "false") => allow_drafts: bool,
        /// what the package must have: A (captions), AA (also audio description) or none; A by default
        "standard" (optional) => standard: Option<Asked>,
        /// removes files of versions that were replaced at least this many days ago; 0 removes all but
        /// those of the current version
        "prune" (optional) => prune: Option<Days>,
        /// file with a key of 16 bytes, as `openssl rand 16` writes it
        "encrypt-key" (optional) => encrypt_key: Option<PathBuf>,
        /// the URI from which players get that key
        "key-uri" (optional) => key_uri: Option<KeyUri>,
        /// files of an encrypted package to publish in clear all the same: texts, thumbnails, or both,
        /// separated by a comma
        "clear" (optional) => clear: Option<Clear>,
    }
}

/// The standard that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked(Option<Standard>);

impl FromText for Asked {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "A" => Ok(Asked(Some(Standard::A))),
            "AA" => Ok(Asked(Some(Standard::Aa))),
            "none" => Ok(Asked(None)),
            _ => Err(Wrong::Form("write A, AA or none")),
        }
    }
}

/// A number of days.
#[derive(Clone, Copy, Debug)]
pub struct Days(u64);

impl FromText for Days {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let days = text.parse().map(Days);
        days.map_err(|_| Wrong::Form("write a number of days, or 0"))
    }
}

/// The URI of a key, which stands between quotation marks in a playlist.
#[derive(Clone, Debug)]
pub struct KeyUri(String);

impl FromText for KeyUri {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let is_odd = |character: char| {
            character.is_whitespace() || character.is_control() || character == '"'
        };
        match text.contains("://") && !text.contains(is_odd) {
            true => Ok(KeyUri(text.to_owned())),
            false => Err(Wrong::Form(
                "write the whole URI, for example https://keys.example.org/class-7",
            )),
        }
    }
}

impl FromText for Clear {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let mut clear = Clear::default();
        for part in text.split(',') {
            match part {
                "texts" => clear.texts = true,
                "thumbnails" => clear.thumbnails = true,
                "" => {}
                _ => return Err(Wrong::Form("write texts, thumbnails or texts,thumbnails")),
            }
        }
        Ok(clear)
    }
}

/// Results of `publish`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PublishResults {
    /// The destination.
    pub to: String,
    /// Number of files of the package.
    pub files: usize,
    /// Size of all files of the package, in bytes.
    pub bytes: u64,
    /// Number of files that this run sent.
    pub sent_files: u64,
    /// Size of the files that this run sent, in bytes.
    pub sent_bytes: u64,
    /// Number of files of earlier versions that were removed.
    pub removed: usize,
    /// Number of files of earlier versions that are still there.
    pub earlier: usize,
}

/// A publication in progress.
struct Publication<'a> {
    request: &'a Request,
    destination: Destination,
    objects: Vec<Object>,
    /// Sizes of the files, by their paths.
    sizes: BTreeMap<String, u64>,
    package: &'a Path,
    /// Folder of files that are not sent as they are in the package.
    staging: Staging,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = PublishOptions::parse(&request.values)?;
    let package = absolute(&options.output)?.join("package");
    let encryption = encryption(&options)?;
    let destination = Destination::open(&options.to)?;
    check_apart(&destination, &package)?;
    let no_package = || {
        Error::request(
            "there is no package",
            package.display().to_string(),
            "make one: `lecture catalog` or `lecture package`",
        )
    };
    // The lock would make the folder.
    if !options.output.exists() {
        return Err(no_package());
    }
    let place = destination.shown();
    let publish = || {
        // Another run may be about to exchange the package.
        let folder = ClassFolder::open(&options.output)?;
        let manifest = folder::manifest(&package).ok_or_else(no_package)?;
        check_standard(&manifest, options.asked(), options.allow_drafts)?;
        verify::rules(&package)?;
        verify::whole(&package, &manifest, &request.stop)?;
        let staging = folder.publication_staging()?;
        let objects = prepare(request, &package, &manifest, encryption, &staging)?;
        if request.print {
            for object in &objects {
                let path = &object.path;
                let (kind, cache) = (release::content_type(path), release::cache_control(path));
                print::answer(format_args!("{path}\t{kind}\t{cache}"));
            }
            return Ok(());
        }
        note_left_out(request, &package, &objects);
        let publication = Publication::new(request, destination, objects, &package, staging)?;
        publication.publish(options.prune.map(|days| days.0), summary)
    };
    publish().map_err(|error| {
        error.where_stopped(
            "viewers see the previous version, or the new one if it was complete",
            &place,
            "run the same command again to resume",
        )
    })
}

/// Returns the key, its URI and the files that stay in clear.
fn encryption(options: &PublishOptions) -> Result<Option<(SegmentKey, String, Clear)>, Error> {
    let (path, uri) = match (&options.encrypt_key, &options.key_uri) {
        (Some(path), Some(uri)) => (path, uri),
        (None, None) if options.clear.is_none() => return Ok(None),
        _ => {
            return Err(Error::usage(
                "encrypt-key= and key-uri= must be given together, clear= only with them",
                "",
                "give the key's file and the URI from which players get it",
            ));
        }
    };
    let bytes = fs::read(path).map_err(|error| Error::reading(path, &error))?;
    let key = SegmentKey::new(&bytes).ok_or_else(|| {
        Error::request(
            format!("a key has 16 bytes, this file has {}", bytes.len()),
            path.display().to_string(),
            "make one: openssl rand -out FILE 16",
        )
    })?;
    let clear = options.clear.unwrap_or_default();
    Ok(Some((key, uri.0.clone(), clear)))
}

/// Checks that a package is not published into itself.
fn check_apart(destination: &Destination, package: &Path) -> Result<(), Error> {
    let Destination::Folder(to) = destination else {
        return Ok(());
    };
    if real(to).starts_with(real(package)) {
        return Err(Error::usage(
            "this is the package itself",
            to.display().to_string(),
            "name another folder: to=",
        ));
    }
    Ok(())
}

/// Returns the absolute path without links; parts that do not exist yet cannot be links.
fn real(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut real, part| {
        match part {
            Component::ParentDir => {
                real.pop();
            }
            part => real.push(part),
        }
        real.canonicalize().unwrap_or(real)
    })
}

impl PublishOptions {
    /// Returns the standard that the package has to meet.
    fn asked(&self) -> Option<Standard> {
        let default = (!self.allow_drafts).then_some(Standard::A);
        self.standard.map_or(default, |asked| asked.0)
    }
}

/// Refuses a package that lacks something. Drafts that nobody approved are always missing, unless
/// they are allowed.
fn check_standard(
    manifest: &Manifest,
    asked: Option<Standard>,
    allow_drafts: bool,
) -> Result<(), Error> {
    let mut missing = match asked {
        Some(standard) => standard::missing(manifest, standard),
        None => standard::drafts(manifest),
    };
    let is_approval = |missing: &Missing| matches!(missing, Missing::Approval(_));
    if allow_drafts {
        missing.retain(|missing| !is_approval(missing));
    }
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let remedy = if is_approval(first) {
        "read each one in drafts/, change its line to `status: approved` and make the package again, \
         or publish the drafts as they are: allow-drafts=true"
    } else {
        "add or correct the drafts and make the package again (`lecture captions-check` lists each \
         finding), or publish without a standard: standard=none"
    };
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    Err(Error::request(missing.join(", "), "", remedy))
}

fn broken(package: &Path, broken: &Broken) -> Error {
    Error::request(
        format!("the package is incomplete: {}", broken.what),
        package.join(&broken.file).display().to_string(),
        "make it again",
    )
}

/// Lists the files to send, and writes those made for publishing to `staging`.
fn prepare(
    request: &Request,
    package: &Path,
    manifest: &Manifest,
    encryption: Option<(SegmentKey, String, Clear)>,
    staging: &Staging,
) -> Result<Vec<Object>, Error> {
    let package_files = InFolder(package);
    let broken = |error: Broken| broken(package, &error);
    let mut sealing = Sealing::default();
    let mut clear = None;
    if let Some((key, key_uri, in_clear)) = encryption {
        clear = Some(in_clear);
        sealing.key_uri = key_uri;
        for path in release::segments(&package_files, manifest).map_err(broken)? {
            request.stop.check()?;
            let from = package.join(&path);
            let segment = fs::read(&from).map_err(|error| Error::reading(&from, &error))?;
            let extension = from.extension().unwrap_or_default().to_string_lossy();
            let (sealed, bytes) = key.seal(&segment, &extension);
            files::write(
                &staging.path().join(&path).with_file_name(&sealed.name),
                &bytes,
            )?;
            sealing.files.insert(path, sealed);
        }
    }
    let objects = release::release(
        &package_files,
        manifest,
        clear.map(|clear| (&sealing, clear)),
    );
    let objects = objects.map_err(broken)?;
    for object in &objects {
        if let Origin::Made(bytes) = &object.origin {
            files::write(&staging.path().join(&object.path), bytes)?;
        }
    }
    Ok(objects)
}

/// Warns about files in the package's folder that do not belong to it.
fn note_left_out(request: &Request, package: &Path, objects: &[Object]) {
    let is_encrypted = objects
        .iter()
        .any(|object| matches!(object.origin, Origin::Sealed(_)));
    if is_encrypted {
        return;
    }
    let mut folders = vec![package.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(package)
                .unwrap_or(&path)
                .to_string_lossy();
            if !objects.iter().any(|object| object.path == name) {
                request.note(&format!(
                    "warning: {name} is not sent because no file of the package refers to it"
                ));
            }
        }
    }
}

impl<'a> Publication<'a> {
    fn new(
        request: &'a Request,
        destination: Destination,
        objects: Vec<Object>,
        package: &'a Path,
        staging: Staging,
    ) -> Result<Self, Error> {
        let mut publication = Publication {
            request,
            destination,
            objects,
            sizes: BTreeMap::new(),
            package,
            staging,
        };
        for object in &publication.objects {
            let path = publication.root(object).join(&object.path);
            let size = fs::metadata(&path)
                .map_err(|error| Error::reading(&path, &error))?
                .len();
            publication.sizes.insert(object.path.clone(), size);
        }
        Ok(publication)
    }

    fn root(&self, object: &Object) -> &Path {
        match object.origin {
            Origin::Package => self.package,
            Origin::Made(_) | Origin::Sealed(_) => self.staging.path(),
        }
    }

    fn publish(&self, prune: Option<u64>, summary: &mut Summary) -> Result<(), Error> {
        let place = self.destination.shown();
        let before = self.listing()?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let old = before.clone().unwrap_or_default();
        let listing = old.with(&self.sizes);
        if before.as_ref() != Some(&listing) {
            self.write_listing(&listing)?;
        }
        let sent = self.send()?;

        let mut listing = listing.switched(&self.sizes, now);
        let due = prune.map_or_else(Vec::new, |days| listing.left_for(days, now));
        if !due.is_empty() {
            self.write_listing(&listing)?;
            self.destination.remove(&due, &self.request.stop)?;
            listing.files.retain(|path, _| !due.contains(path));
        }
        self.write_listing(&listing)?;

        let bytes: u64 = self.sizes.values().sum();
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let was_sent = if sent.files == self.objects.len() as u64 {
            "all of them sent".to_owned()
        } else {
            format!(
                "{} of them sent, {:.1} MB",
                sent.files,
                megabytes(sent.bytes)
            )
        };
        self.request.note(&format!(
            "{place}: {} files, {:.1} MB, {was_sent}",
            self.objects.len(),
            megabytes(bytes),
        ));
        if !due.is_empty() {
            let count = due.len();
            self.request
                .note(&format!("files of earlier versions removed: {count}"));
        }
        let (earlier, earlier_bytes) = listing.earlier();
        if earlier > 0 {
            self.request.note(&format!(
                "files of earlier versions still there: {earlier}, {:.1} MB; prune=DAYS \
                 removes them",
                megabytes(earlier_bytes)
            ));
        }
        summary.add(&PublishResults {
            to: place,
            files: self.objects.len(),
            bytes,
            sent_files: sent.files,
            sent_bytes: sent.bytes,
            removed: due.len(),
            earlier,
        });
        Ok(())
    }

    /// Reads the listing of the previous publication. Refuses a folder that contains other people's
    /// files under our names.
    fn listing(&self) -> Result<Option<Listing>, Error> {
        let names = self.destination.names(&self.request.stop)?;
        if names.contains(LISTING) {
            return read_listing(&self.destination, self.request).map(Some);
        }
        let top = |object: &Object| object.path.split('/').next().map(str::to_owned);
        match self
            .objects
            .iter()
            .filter_map(top)
            .find(|name| names.contains(name))
        {
            None => Ok(None),
            Some(name) => Err(Error::request(
                format!("{name} is there already and was not published by this program"),
                self.destination.shown(),
                "choose another place, or remove what is there",
            )),
        }
    }

    /// Sends everything, step by step.
    fn send(&self) -> Result<Sent, Error> {
        let mut batches: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for (index, object) in self.objects.iter().enumerate() {
            let path = &object.path[..];
            // Files that refer to all others are sent one by one, in their order.
            let turn = if object.step == Step::Entry { index } else { 0 };
            let key = (
                object.step,
                turn,
                self.root(object),
                release::content_type(path),
                release::cache_control(path),
                object.is_immutable(),
            );
            batches.entry(key).or_default().push(path);
        }
        let total: u64 = self.sizes.values().sum();
        let mut progress = Progress::start("publish", None);
        let (mut sent, mut done) = (Sent::default(), 0);
        for ((_, _, root, content_type, cache_control, by_name), paths) in batches {
            let size: u64 = paths.iter().filter_map(|path| self.sizes.get(*path)).sum();
            let batch = Batch {
                root,
                paths,
                content_type,
                cache_control,
                by_name,
            };
            sent += self.destination.send(&batch, &self.request.stop, |bytes| {
                progress.share(done + bytes.min(size), total);
            })?;
            done += size;
        }
        Ok(sent)
    }

    fn write_listing(&self, listing: &Listing) -> Result<(), Error> {
        files::write(&self.staging.path().join(LISTING), &listing.to_json())?;
        let batch = Batch {
            root: self.staging.path(),
            paths: vec![LISTING],
            content_type: release::content_type(LISTING),
            cache_control: release::cache_control(LISTING),
            by_name: false,
        };
        self.destination
            .send(&batch, &self.request.stop, |_| {})
            .map(|_| ())
    }
}

/// Reads the listing at a destination.
pub fn read_listing(destination: &Destination, request: &Request) -> Result<Listing, Error> {
    let bytes = destination.read(LISTING, &request.stop)?;
    Listing::read(&bytes).ok_or_else(|| {
        Error::request(
            format!("this version of lecture cannot read the {LISTING} there"),
            destination.shown(),
            "choose another place, or use the version that published there",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gstlecture::package::manifest::ReviewEntry;

    #[test]
    fn every_draft_that_nobody_approved_is_named() {
        let review = |file: &str, approved| ReviewEntry {
            file: file.into(),
            approved,
            by: None,
            signed: Vec::new(),
            on: None,
        };
        let mut manifest =
            Manifest::of_media(&Default::default(), &[], gstlecture::timeline::Time::ZERO);
        assert_eq!(check_standard(&manifest, None, false), Ok(()));
        manifest.review = vec![
            review("trim.vtt", true),
            review("chapters.vtt", false),
            review("captions.en.vtt", false),
        ];
        assert_eq!(check_standard(&manifest, None, true), Ok(()));
        for asked in [None, Some(Standard::A)] {
            let error = check_standard(&manifest, asked, false).expect_err("drafts");
            assert_eq!(error.status(), 1);
            let text = error.to_string();
            for part in ["approved chapters.vtt, ", "approved captions.en.vtt;"] {
                assert!(text.contains(part), "{text}");
            }
            assert!(!text.contains("trim.vtt"), "{text}");
        }
        let error =
            check_standard(&manifest, Some(Standard::Aa), true).expect_err("no description");
        assert!(error.to_string().contains("standard=none"), "{error}");
    }
}
