// SPDX-License-Identifier: MPL-2.0

//! `slides.json`: the text of the slides with their times, for a search in what is shown. Its JSON
//! schema is `slides.schema.json` in this folder.

use serde::{Deserialize, Serialize};

use super::text::Text;
use crate::timeline::{Span, Time};
use crate::webvtt::Document;

/// The JSON schema (draft 2020-12) that every such file follows.
pub const SCHEMA: &str = include_str!("slides.schema.json");

/// Version of the file's format.
const VERSION: u32 = 1;
/// Largest difference in seconds between times that are the same in whole milliseconds.
const ROUNDING: f64 = 0.001;

/// The text of all slides of a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slides {
    /// Version of this format, 1.
    pub version: u32,
    /// One for each language.
    pub tracks: Vec<SlideTrack>,
}

/// The text of the slides in a language.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SlideTrack {
    /// BCP 47 tag.
    pub language: String,
    /// Path of the same text as a WebVTT metadata track.
    pub file: String,
    /// Slides in the order of their times.
    pub slides: Vec<Slide>,
}

/// A slide. Times are in seconds of the package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slide {
    pub start: f64,
    pub end: f64,
    /// Lines of text from top to bottom.
    pub text: String,
    /// Small image of it: a path with its place in the sheet (`#xywh=`, Media Fragments 4.2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl SlideTrack {
    /// Returns the slides of a text, given in the package's time.
    pub fn new(text: &Text, document: &Document) -> Self {
        let slides = document.cues().map(|cue| Slide {
            start: cue.span.start.millis() as f64 / 1e3,
            end: cue.span.end.millis() as f64 / 1e3,
            text: cue.plain_text(),
            image: None,
        });
        SlideTrack {
            language: text.language.clone(),
            file: text.file(),
            slides: slides.collect(),
        }
    }

    /// Returns whether a document has the same text and times.
    pub fn is_of(&self, document: &Document) -> bool {
        let is_near = |one: f64, other: Time| (one - other.secs_f64()).abs() <= ROUNDING;
        let mut cues = document.cues();
        let are_same = self.slides.iter().all(|slide| {
            cues.next().is_some_and(|cue| {
                is_near(slide.start, cue.span.start)
                    && is_near(slide.end, cue.span.end)
                    && slide.text == cue.plain_text()
            })
        });
        are_same && cues.next().is_none()
    }

    /// Adds the images of a thumbnail track, whose paths are relative to `folder`, a path in the
    /// package.
    pub fn add_images(&mut self, thumbnails: &Document, folder: &str) {
        let images: Vec<(Span, String)> = thumbnails
            .cues()
            .map(|cue| (cue.span, format!("{folder}/{}", cue.plain_text().trim())))
            .collect();
        for slide in &mut self.slides {
            let (start, end) = (
                Time::from_secs_f64(slide.start),
                Time::from_secs_f64(slide.end),
            );
            // The first one that begins with the slide shows it, else the one of the moment.
            let begins = images
                .iter()
                .find(|(span, _)| span.start >= start && span.start < end);
            let image = begins.or_else(|| images.iter().find(|(span, _)| span.contains(start)));
            slide.image = image.map(|(_, image)| image.clone());
        }
    }
}

impl Slides {
    /// Makes the file of these tracks.
    pub fn new(tracks: Vec<SlideTrack>) -> Self {
        Slides {
            version: VERSION,
            tracks,
        }
    }

    /// Parses a file of this version.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let slides: Slides = serde_json::from_slice(bytes).ok()?;
        (slides.version == VERSION).then_some(slides)
    }

    /// Writes the file.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::text::TextRole;
    use crate::webvtt::read;

    fn document(text: &str) -> Document {
        read(text.as_bytes()).expect("WebVTT")
    }

    #[test]
    fn a_slide_has_the_first_image_that_shows_it() {
        let text = Text::new(TextRole::Slides, Some("en".into()), None, &[]);
        let words = document(
            "WEBVTT\n\n00:03.000 --> 00:11.000\nWaves &amp; light\n\n\
             00:11.000 --> 00:12.000\nLenses\n",
        );
        let mut track = SlideTrack::new(&text, &words);
        assert!(track.is_of(&words));
        assert!(!track.is_of(&document("WEBVTT\n\n00:03.000 --> 00:11.000\nWaves\n")));
        assert_eq!(
            (&*track.file, &*track.language),
            ("slides/slides.en.vtt", "en")
        );
        let images = document(
            "WEBVTT\n\n00:00.000 --> 00:05.000\na.jpg#xywh=0,0,2,2\n\n\
             00:05.000 --> 00:20.000\na.jpg#xywh=2,0,2,2\n",
        );
        track.add_images(&images, "thumbnails");
        let found: Vec<_> = track
            .slides
            .iter()
            .map(|slide| (&*slide.text, slide.image.as_deref()))
            .collect();
        let second = Some("thumbnails/a.jpg#xywh=2,0,2,2");
        assert_eq!(found, [("Waves & light", second), ("Lenses", second)]);
        let file = Slides::new(vec![track]);
        assert_eq!(Slides::read(&file.to_json()), Some(file));
        assert_eq!(Slides::read(b"{\"version\":2,\"tracks\":[]}"), None);
    }
}
