// SPDX-License-Identifier: MPL-2.0

//! Chapters of a package, in the form that players read.

use serde::Serialize;

use crate::timeline::{Span, Time};
use crate::webvtt::{Cue, Document};

/// A chapter in the package's own time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chapter {
    /// Time from its first frame to the next chapter or to the end.
    pub span: Span,
    /// Title: one line of plain text.
    pub title: String,
}

/// A chapter's image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// Path in the package.
    pub url: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// A chapter as it arrives; its end may be unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Start time.
    pub start: Time,
    /// End time; `None` for the start of the next chapter.
    pub end: Option<Time>,
    /// Title, in any number of lines.
    pub title: String,
}

/// Makes chapters from marks in a programme of this duration: sorted by start, longer ones first,
/// clipped, each with a title of one line.
pub fn chapters(mut marks: Vec<Mark>, duration: Time) -> Vec<Chapter> {
    marks.sort_by_key(|mark| (mark.start, std::cmp::Reverse(mark.end)));
    let starts: Vec<Time> = marks.iter().map(|mark| mark.start).collect();
    marks
        .into_iter()
        .enumerate()
        .filter_map(|(index, mark)| {
            let next = starts[index..].iter().find(|&&start| start > mark.start);
            let end = mark.end.or(next.copied()).unwrap_or(duration);
            let span = Span::new(mark.start, end.min(duration));
            let title = mark.title.split_whitespace().collect::<Vec<_>>().join(" ");
            (!span.is_empty()).then_some(Chapter { span, title })
        })
        .collect()
}

/// A chapter as in Apple's "Providing JSON chapters".
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AppleChapter<'a> {
    chapter: usize,
    start_time: f64,
    duration: f64,
    titles: [AppleTitle<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<AppleImage<'a>>,
}

#[derive(Serialize)]
struct AppleTitle<'a> {
    language: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AppleImage<'a> {
    image_category: &'a str,
    pixel_width: usize,
    pixel_height: usize,
    url: &'a str,
}

impl<'a> From<&'a Image> for AppleImage<'a> {
    fn from(image: &'a Image) -> Self {
        AppleImage {
            image_category: "thumbnail",
            pixel_width: image.width,
            pixel_height: image.height,
            url: &image.url,
        }
    }
}

/// Writes `chapters.json`. `language` is a BCP 47 tag; chapters after the last image have none.
pub fn json(chapters: &[Chapter], language: &str, images: &[Option<Image>]) -> Vec<u8> {
    let images = images.iter().map(Option::as_ref);
    let list: Vec<AppleChapter> = chapters
        .iter()
        .zip(images.chain(std::iter::repeat(None)))
        .enumerate()
        .map(|(index, (chapter, image))| AppleChapter {
            chapter: index + 1,
            start_time: chapter.span.start.secs_f64(),
            duration: chapter.span.duration().secs_f64(),
            titles: [AppleTitle {
                language,
                title: &chapter.title,
            }],
            images: image.into_iter().map(AppleImage::from).collect(),
        })
        .collect();
    let mut bytes = serde_json::to_vec_pretty(&list).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Writes `chapters.vtt`, by the W3C's rules.
pub fn vtt(chapters: &[Chapter]) -> Vec<u8> {
    let cues = chapters
        .iter()
        .map(|chapter| Cue::new(chapter.span, &chapter.title));
    Document::new(cues).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: u64, end: Option<u64>, title: &str) -> Mark {
        Mark {
            start: Time::from_secs(start),
            end: end.map(Time::from_secs),
            title: title.into(),
        }
    }

    #[test]
    fn marks_are_sorted_closed_and_clipped() {
        let marks = vec![
            mark(50, None, "Last\n one"),
            mark(0, None, "First"),
            mark(20, Some(500), "Nested in none"),
            mark(700, None, "Behind the end"),
        ];
        let found = chapters(marks, Time::from_secs(100));
        let spans: Vec<(u64, u64, &str)> = found
            .iter()
            .map(|chapter| {
                let millis = |time: Time| time.millis() / 1000;
                let Span { start, end } = chapter.span;
                (millis(start), millis(end), chapter.title.as_str())
            })
            .collect();
        let expected = [
            (0, 20, "First"),
            (20, 100, "Nested in none"),
            (50, 100, "Last one"),
        ];
        assert_eq!(spans, expected);
    }

    #[test]
    fn vtt_is_escaped_and_reads_back() {
        let found = chapters(vec![mark(0, Some(90), "A < B & C")], Time::from_secs(60));
        let bytes = vtt(&found);
        assert!(bytes.starts_with(b"WEBVTT\n\n00:00:00.000 --> 00:01:00.000\nA &lt; B &amp; C\n"));
        let read = crate::webvtt::read(&bytes).expect("WebVTT");
        let cues: Vec<_> = read.cues().map(Cue::plain_text).collect();
        assert_eq!(cues, ["A < B & C"]);
    }

    #[test]
    fn json_has_apples_form() {
        let marks = vec![mark(0, Some(50), "A \"quote\""), mark(50, None, "B")];
        let found = chapters(marks, Time::from_secs(60));
        let image = Image {
            url: "thumbnails/a.jpg".into(),
            width: 640,
            height: 360,
        };
        let value: serde_json::Value =
            serde_json::from_slice(&json(&found, "en", &[Some(image)])).expect("valid JSON");
        let expected = serde_json::json!([{
            "chapter": 1,
            "start-time": 0.0,
            "duration": 50.0,
            "titles": [{"language": "en", "title": "A \"quote\""}],
            "images": [{
                "image-category": "thumbnail",
                "pixel-width": 640,
                "pixel-height": 360,
                "url": "thumbnails/a.jpg",
            }],
        }, {
            "chapter": 2,
            "start-time": 50.0,
            "duration": 10.0,
            "titles": [{"language": "en", "title": "B"}],
        }]);
        assert_eq!(value, expected);
    }
}
