// SPDX-License-Identifier: MPL-2.0

//! Makes a package: from parts of the previous one where they still fit, or anew.

use std::path::Path;

use gstlecture::package::manifest::{Completion, MadeFrom, Manifest};

use super::describe::describe;
use super::finish::{self, Wanted};
use super::incremental::Republish;
use super::spoken::Spoken;
use super::{PackageOptions, ReusedSegments};
use crate::class::drafts::Corrected;
use crate::class::folder::{self, ClassFolder, Staging};
use crate::engine::description::Pipeline;
use crate::engine::pipeline;
use crate::error::Error;
use crate::jobs::Request;
use crate::media::probe::Input;
use crate::media::verify;

/// A package in the making.
pub(super) struct Making<'a> {
    pub request: &'a Request,
    pub options: &'a PackageOptions,
    pub input: &'a Input,
    pub folder: &'a ClassFolder,
    pub corrected: Corrected,
    /// Folder of the drafts in use.
    pub held: &'a Path,
    pub spoken: Spoken,
    pub made_from: String,
    pub each_made_from: MadeFrom,
}

impl Making<'_> {
    /// Makes the package in a folder of its own, from parts of the old one where that is possible.
    /// The third result tells what was reused.
    pub fn make(mut self) -> Result<(Staging, Manifest, Option<ReusedSegments>), Error> {
        let package = self.folder.package();
        let old = folder::manifest(&package);
        if !old.as_ref().is_some_and(|old| self.is_same(old)) {
            self.level()?;
        }
        self.request.say(&self.describe(&package));
        self.corrected.hold(self.held)?;
        let mut reused = None;
        let again = old.map_or(Ok(None), |old| self.make_again(old, &mut reused));
        let again = match again {
            Err(why @ Error::Request(_)) => self.in_doubt(&why),
            again => again,
        };
        if let Some((staging, manifest)) = again? {
            return Ok((staging, manifest, reused));
        }
        let (staging, manifest) = self.make_anew()?;
        Ok((staging, manifest, None))
    }

    /// Returns whether the old package was made from the same input and settings.
    fn is_same(&self, old: &Manifest) -> bool {
        old.made_from.as_ref() == Some(&self.made_from)
    }

    fn describe(&self, folder: &Path) -> Pipeline {
        let (request, options) = (self.request, self.options);
        describe(request, options, self.input, &self.corrected, folder)
    }

    /// Makes the package from the intact parts of the old one. Returns `None` if everything has to
    /// be encoded.
    fn make_again(
        &self,
        mut old: Manifest,
        reused: &mut Option<ReusedSegments>,
    ) -> Result<Option<(Staging, Manifest)>, Error> {
        let (request, package) = (self.request, self.folder.package());
        match verify::media(&package, &old, &request.stop) {
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(damage) => return self.in_doubt(&damage),
            Ok(()) => {}
        }
        let staging = self.folder.package_staging()?;
        let media = if self.is_same(&old) {
            request.note("the media stay unchanged: only chapters, texts and manifest are written");
            finish::link(&package, staging.path())
                .map_err(|error| Error::writing(&package, &error))?;
            if let Err(damage) = verify::pictures(&package, &old) {
                let note = format!("the still images are made again: {}", damage.finding());
                request.note(&note);
                old.thumbnails = None;
            }
            old
        } else {
            let parts = Republish {
                request,
                options: self.options,
                input: self.input,
                corrected: &self.corrected,
                old: &package,
                staging: staging.path(),
            };
            match parts.make(&old, &self.each_made_from, reused)? {
                Some(media) => media,
                None => return Ok(None),
            }
        };
        let manifest = self.complete(staging.path(), media)?;
        Ok(Some((staging, manifest)))
    }

    /// Reports why the old package is not used.
    fn in_doubt<T>(&self, why: &Error) -> Result<Option<T>, Error> {
        self.request.note(&format!(
            "the old package cannot be reused, everything is encoded: {}",
            why.finding()
        ));
        Ok(None)
    }

    /// Makes the package with everything encoded.
    fn make_anew(&mut self) -> Result<(Staging, Manifest), Error> {
        self.level()?;
        let (request, input) = (self.request, self.input);
        let staging = self.folder.package_staging()?;
        let made = pipeline::make(&self.describe(staging.path()))?;
        input.place(&made)?;
        let recording = &self.options.source.recording;
        recording.run(request, "package", &made, input, |_| {})?;
        let media = folder::written_manifest(staging.path())?;
        let manifest = self.complete(staging.path(), media)?;
        Ok((staging, manifest))
    }

    /// Speaks the descriptions that are texts, and measures all that are encoded, once.
    fn level(&mut self) -> Result<(), Error> {
        let (request, corrected) = (self.request, &mut self.corrected);
        self.spoken
            .make(request, self.options, self.input, corrected, self.held)?;
        let target = self.options.loudness.0;
        match target.filter(|_| self.corrected.described_gains.is_empty()) {
            Some(target) => self.corrected.level_described(target, &self.request.stop),
            None => Ok(()),
        }
    }

    fn completion(&self) -> Completion {
        let threshold = self.options.completion_threshold.0;
        Completion { threshold }
    }

    /// Adds the files that need no encoding to the media, and checks the package against the rules.
    fn complete(&self, staging: &Path, media: Manifest) -> Result<Manifest, Error> {
        let (request, corrected) = (self.request, &self.corrected);
        let mut manifest = Manifest {
            title: Some(title(self.options, self.input)),
            completion: Some(self.completion()),
            made_from: Some(self.made_from.clone()),
            each_made_from: Some(self.each_made_from.clone()),
            ..corrected.complete(media)
        };
        if let Some(spoken) = self.spoken.entries() {
            manifest.spoken = spoken.to_vec();
        }
        let wanted = Wanted {
            mp4: self.options.mp4,
            pricing: self.options.pricing(),
        };
        let manifest = finish::write(staging, corrected, manifest, wanted, &request.stop)?;
        verify::rules(staging)?;
        Ok(manifest)
    }
}

/// Returns the title that was asked for, that of the recording, or its name.
fn title(options: &PackageOptions, input: &Input) -> String {
    let given = options.title.clone().or_else(|| input.title.clone());
    given.unwrap_or_else(|| input.name.clone())
}
