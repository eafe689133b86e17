// SPDX-License-Identifier: MPL-2.0

//! Properties.

use std::fs;
use std::path::{Path, PathBuf};

use gst::glib;
use gst::prelude::*;

use crate::captions::{Profile, Report};
use crate::elements::shared::draft_file;

/// A built-in profile.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstCaptionCheckProfile")]
pub enum NamedProfile {
    #[default]
    #[enum_value(
        name = "WCAG: fails what no common guideline allows, warns where one is stricter",
        nick = "wcag"
    )]
    Wcag,
    #[enum_value(name = "DCMP Captioning Key", nick = "dcmp")]
    Dcmp,
    #[enum_value(name = "BBC subtitle guidelines", nick = "bbc")]
    Bbc,
    #[enum_value(name = "Netflix timed text style guide, English", nick = "netflix-en")]
    NetflixEn,
}

impl NamedProfile {
    const fn name(self) -> &'static str {
        match self {
            NamedProfile::Wcag => "wcag",
            NamedProfile::Dcmp => "dcmp",
            NamedProfile::Bbc => "bbc",
            NamedProfile::NetflixEn => "netflix-en",
        }
    }
}

#[derive(Clone, Default)]
pub struct Settings {
    profile: NamedProfile,
    profile_location: Option<String>,
    report_location: Option<String>,
}

impl Settings {
    pub fn properties() -> Vec<glib::ParamSpec> {
        vec![
            glib::ParamSpecEnum::builder::<NamedProfile>("profile")
                .nick("Profile")
                .blurb(
                    "Limits of the rules. WCAG itself limits neither the length of a line nor the \
                     speed of reading: those numbers are the profile's",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("profile-location")
                .nick("Profile location")
                .blurb("JSON file with limits of one's own, instead of profile (default: none)")
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("report-location")
                .nick("Report location")
                .blurb(
                    "File to write the findings to at the end: as WebVTT for a caption editor if \
                     its name ends in .vtt, else as JSON (default: none)",
                )
                .mutable_ready()
                .build(),
        ]
    }

    pub fn set(&mut self, name: &str, value: &glib::Value) {
        // GObject has checked the type.
        let text = || value.get::<Option<String>>().ok().flatten();
        match name {
            "profile" => self.profile = value.get().unwrap_or_default(),
            "profile-location" => self.profile_location = text().filter(|text| !text.is_empty()),
            "report-location" => self.report_location = text().filter(|text| !text.is_empty()),
            _ => (),
        }
    }

    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            "profile" => self.profile.to_value(),
            "profile-location" => self.profile_location.to_value(),
            _ => self.report_location.to_value(),
        }
    }

    /// Reads the profile, and checks that the report can be written.
    pub fn prepare(&self) -> Result<Profile, gst::ErrorMessage> {
        if let Some(folder) = self.report().as_deref().and_then(Path::parent)
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            return Err(gst::error_msg!(
                gst::ResourceError::OpenWrite,
                (
                    "{}: the folder for the report does not exist; make it",
                    folder.display()
                )
            ));
        }
        let Some(location) = &self.profile_location else {
            return Ok(Profile::named(self.profile.name()).unwrap_or_else(Profile::wcag));
        };
        let bytes = fs::read(location).map_err(|error| {
            gst::error_msg!(
                gst::ResourceError::OpenRead,
                ("{location}: the profile cannot be read ({error}); name a JSON file")
            )
        })?;
        Profile::read(&bytes)
            .map_err(|error| gst::error_msg!(gst::ResourceError::Settings, ("{location}: {error}")))
    }

    /// Writes the report, if one is wanted.
    pub fn write(&self, report: &Report) -> Result<(), gst::ErrorMessage> {
        let Some(path) = self.report() else {
            return Ok(());
        };
        let is_webvtt = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("vtt"));
        let text = if is_webvtt {
            report.to_webvtt()
        } else {
            report.to_json()
        };
        draft_file::write(&path, &text).map_err(|error| {
            gst::error_msg!(
                gst::ResourceError::Write,
                ("{}: the report cannot be written ({error})", path.display())
            )
        })
    }

    fn report(&self) -> Option<PathBuf> {
        self.report_location.as_ref().map(PathBuf::from)
    }
}
