// SPDX-License-Identifier: MPL-2.0

//! Properties.

use gst::glib;
use gst::prelude::*;

use super::analysis::Naming;
use crate::chapters::Options;
use crate::timeline::Time;

const DEFAULT_MIN_CHAPTER: gst::ClockTime = gst::ClockTime::from_seconds(120);
const DEFAULT_MAX_PER_HOUR: u32 = 14;
const DEFAULT_SENSITIVITY: f64 = 0.5;

/// Source of titles.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstChapterDetectTitles")]
pub enum Titles {
    #[enum_value(name = "None: chapters are numbered", nick = "none")]
    None,
    #[enum_value(name = "Transcript: what is said on text_sink", nick = "transcript")]
    Transcript,
    #[enum_value(
        name = "OCR: what Tesseract reads on the slides, else the transcript; warns without Tesseract",
        nick = "ocr"
    )]
    Ocr,
    #[default]
    #[enum_value(
        name = "Auto: like ocr where Tesseract is installed, else like transcript",
        nick = "auto"
    )]
    Auto,
}

#[derive(Clone)]
pub struct Settings {
    min_chapter: gst::ClockTime,
    max_per_hour: u32,
    pub sensitivity: f64,
    titles: Titles,
    language: Option<String>,
    slide_text: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            min_chapter: DEFAULT_MIN_CHAPTER,
            max_per_hour: DEFAULT_MAX_PER_HOUR,
            sensitivity: DEFAULT_SENSITIVITY,
            titles: Titles::default(),
            language: None,
            slide_text: false,
        }
    }
}

impl Settings {
    pub fn properties() -> Vec<glib::ParamSpec> {
        vec![
            glib::ParamSpecUInt64::builder("min-chapter")
                .nick("Minimum chapter")
                .blurb(
                    "Shortest chapter in nanoseconds; a tenth of the class if the class is \
                     shorter than ten such chapters",
                )
                .maximum(gst::ClockTime::MAX.nseconds())
                .default_value(DEFAULT_MIN_CHAPTER.nseconds())
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("max-per-hour")
                .nick("Maximum per hour")
                .blurb("Largest number of chapters per hour; a shorter class may have as many")
                .minimum(1)
                .maximum(3600)
                .default_value(DEFAULT_MAX_PER_HOUR)
                .mutable_ready()
                .build(),
            glib::ParamSpecDouble::builder("sensitivity")
                .nick("Sensitivity")
                .blurb(
                    "Sensitivity to slide changes and to evidence for a chapter, from 0 (clear \
                     changes only) to 1 (every hint)",
                )
                .minimum(0.0)
                .maximum(1.0)
                .default_value(DEFAULT_SENSITIVITY)
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder::<Titles>("titles")
                .nick("Titles")
                .blurb(
                    "Source of the chapter titles. A title is read from a slide if it is certain; \
                     a chapter without any title is numbered",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("language")
                .nick("Language")
                .blurb(
                    "Language of the transcript and the slides as a BCP 47 tag (default: of the \
                     transcript, detected from the text; of the slides, en)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("slide-text")
                .nick("Slide text")
                .blurb(
                    "Read all text of each slide with Tesseract and post it as messages \
                     chapterdetect-slide-text; warns without Tesseract",
                )
                .mutable_ready()
                .build(),
        ]
    }

    pub fn set(&mut self, name: &str, value: &glib::Value) {
        // GObject has checked type and range.
        match name {
            "min-chapter" => {
                if let Ok(nanos) = value.get() {
                    self.min_chapter = gst::ClockTime::from_nseconds(nanos);
                }
            }
            "max-per-hour" => self.max_per_hour = value.get().unwrap_or(DEFAULT_MAX_PER_HOUR),
            "sensitivity" => self.sensitivity = value.get().unwrap_or(DEFAULT_SENSITIVITY),
            "titles" => self.titles = value.get().unwrap_or_default(),
            "slide-text" => self.slide_text = value.get().unwrap_or_default(),
            "language" => self.language = value.get().unwrap_or_default(),
            _ => (),
        }
    }

    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            "min-chapter" => self.min_chapter.nseconds().to_value(),
            "max-per-hour" => self.max_per_hour.to_value(),
            "sensitivity" => self.sensitivity.to_value(),
            "titles" => self.titles.to_value(),
            "slide-text" => self.slide_text.to_value(),
            _ => self.language.to_value(),
        }
    }

    pub fn options(&self) -> Options {
        Options {
            min_chapter: Time::from_nanos(self.min_chapter.nseconds()),
            max_per_hour: self.max_per_hour,
            sensitivity: self.sensitivity,
        }
    }

    pub fn naming(&self) -> Naming {
        Naming {
            from_slides: matches!(self.titles, Titles::Ocr | Titles::Auto),
            from_transcript: self.titles != Titles::None,
            reads_text: self.slide_text,
            language: self.language.clone(),
        }
    }

    /// Returns whether the user has to know that no slide can be read.
    pub fn requires_reading(&self) -> bool {
        self.titles == Titles::Ocr || self.slide_text
    }
}
