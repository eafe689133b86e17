// SPDX-License-Identifier: MPL-2.0

//! What the elements have found in a recording.

use gst::glib;
use gstlecture::chapters::rename_after_cuts;
use gstlecture::edit::Analysis;
use gstlecture::edit::passages::{Kind, Passage};
use gstlecture::timeline::{CutList, Span, Time};
use gstlecture::webvtt::{Block, Cue, Document};
use serde_json::{Map, Value, json};

use super::super::Request;
use super::AnalyseResults;
use crate::print::counted;

/// Kind of the text of slides, which has a file of its own.
const SLIDE_TEXT: &str = "slide-text";

/// Findings from the elements' messages, by kind, in seconds.
#[derive(Default)]
pub struct Findings(Map<String, Value>);

impl Findings {
    /// Takes a message of an element.
    pub fn hear(&mut self, message: &gst::StructureRef) {
        let (key, is_list) = match message.name().as_str() {
            "silencetrim-speech" => ("speech", true),
            "silencetrim-cut" => ("cuts", true),
            "silencetrim-summary" => ("summary", false),
            "chapterdetect-slide" => ("slides", true),
            "chapterdetect-title" => ("titles", true),
            "chapterdetect-chapter" => ("chapters", true),
            "chapterdetect-slide-text" => (SLIDE_TEXT, true),
            _ => return,
        };
        let found = to_json(message);
        match self.0.get_mut(key) {
            Some(Value::Array(list)) => list.push(found),
            _ if is_list => {
                self.0.insert(key.into(), Value::Array(vec![found]));
            }
            _ => {
                self.0.insert(key.into(), found);
            }
        }
    }

    /// Returns the titles that were read for certain, each with the time of its slides.
    pub fn slide_titles(&self) -> Vec<(Span, String)> {
        let titled = |found: &Value| {
            let time = |name: &str| Some(Time::from_secs_f64(found.get(name)?.as_f64()?));
            let span = Span::new(time("start")?, time("end")?);
            Some((span, found.get("title")?.as_str()?.to_owned()))
        };
        let titles = self.list("titles").iter();
        let certain = titles.filter(|slide| slide.get("needs-title") != Some(&Value::Bool(true)));
        certain.filter_map(titled).collect()
    }

    /// Removes the text of the slides from the findings and returns it as cues.
    pub fn take_slide_text(&mut self) -> Vec<Cue> {
        let found = self.0.remove(SLIDE_TEXT);
        let found = found
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let cue = |found: &Value| {
            let time = |name: &str| Some(Time::from_secs_f64(found.get(name)?.as_f64()?));
            let span = Span::new(time("start")?, time("end")?);
            Some(Cue::new(span, found.get("text")?.as_str()?))
        };
        found.filter_map(cue).collect()
    }

    /// Gives the chapters that begin in a cut, in the findings and in their draft, the titles of slides
    /// that are not cut.
    pub fn rename_chapters(&mut self, draft: &mut Document, cuts: &CutList) {
        let slides = self.slide_titles();
        let mut chapters: Vec<_> = draft
            .cues()
            .map(|cue| (cue.span, cue.plain_text()))
            .collect();
        let renamed = rename_after_cuts(&mut chapters, &slides, cuts);
        let cues = draft.blocks.iter_mut().filter_map(|block| match block {
            Block::Cue(cue) => Some(cue),
            _ => None,
        });
        for (index, cue) in cues
            .enumerate()
            .filter(|(index, _)| renamed.contains(index))
        {
            if let Some((span, title)) = chapters.get(index) {
                cue.text = Cue::new(*span, title).text;
                self.retitle(*span, title);
            }
        }
    }

    /// Gives the chapter that begins at the start of a span another title.
    fn retitle(&mut self, span: Span, title: &str) {
        let list = self.0.get_mut("chapters").and_then(Value::as_array_mut);
        for chapter in list.into_iter().flatten() {
            let start = chapter.get("start").and_then(Value::as_f64);
            // Times of WebVTT are whole milliseconds.
            if start.is_some_and(|start| (start - span.start.secs_f64()).abs() < 0.001) {
                chapter["title"] = title.into();
            }
        }
    }

    /// Takes the cuts of a recording that lasts until `end`, in place of those that were found.
    pub fn set_cuts(&mut self, passages: &[Passage], end: Time) {
        let seconds = |millis: u64| Time::from_millis(millis).secs_f64();
        let cuts = passages.iter().filter(|passage| passage.kind == Kind::Cut);
        let removed: f64 = cuts
            .clone()
            .map(|cut| seconds(cut.end) - seconds(cut.start))
            .sum();
        let cuts = cuts.map(|cut| {
            json!({
                "start": seconds(cut.start),
                "end": seconds(cut.end),
                "reason": cut.reason,
                // What a person marked is certain.
                "confidence": cut.confidence.unwrap_or(1.0),
                "speech": cut.speech.map(seconds),
                "review": cut.review,
            })
        });
        self.0.insert("cuts".into(), cuts.collect());
        let summary = self.0.entry("summary").or_insert_with(|| json!({}));
        summary["removed"] = removed.into();
        summary["kept"] = (end.secs_f64() - removed).max(0.0).into();
    }

    /// Returns the findings by kind.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Returns the length of the recording, as silencetrim has summed it up.
    pub fn length(&self) -> Option<Time> {
        Analysis::of(&self.0).length
    }

    fn list(&self, key: &str) -> &[Value] {
        self.0
            .get(key)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn removed(&self) -> f64 {
        self.0
            .get("summary")
            .and_then(|summary| summary.get("removed")?.as_f64())
            .unwrap_or_default()
    }

    pub fn results(&self, drafts: String, content: Option<String>) -> AnalyseResults {
        AnalyseResults {
            drafts,
            content,
            cuts: self.list("cuts").len(),
            removed: self.removed(),
            to_review: self.to_review(),
            slides: self.list("slides").len(),
            chapters: self.list("chapters").len(),
            slide_texts: None,
            summary_points: 0,
            assisted: None,
        }
    }

    fn to_review(&self) -> usize {
        let is_marked = |cut: &&Value| cut.get("review").and_then(Value::as_bool) == Some(true);
        self.list("cuts").iter().filter(is_marked).count()
    }

    pub fn say(&self, request: &Request) {
        request.note(&format!("found {}", self.words()));
    }

    fn words(&self) -> String {
        let cuts = self.list("cuts").len();
        let chapters = counted(self.list("chapters").len(), "chapter", "chapters");
        let length = Time::from_secs_f64(self.removed()).clock();
        let of = match (cuts, self.to_review()) {
            (0, _) => String::new(),
            (1, 0) => format!(" ({length})"),
            (1, _) => format!(" ({length}, to review)"),
            (_, review) => format!(" ({length} in total, {review} to review)"),
        };
        format!("{}{of} and {chapters}", counted(cuts, "cut", "cuts"))
    }
}

/// Converts a message to JSON. Its 64-bit numbers are times in nanoseconds and become seconds.
fn to_json(message: &gst::StructureRef) -> Value {
    let fields = message.iter().filter_map(|(name, value)| {
        let value = if let Ok(time) = value.get::<u64>() {
            json!(time as f64 / 1e9)
        } else if let Ok(number) = value.get::<f64>() {
            json!(number)
        } else if let Ok(is) = value.get::<bool>() {
            json!(is)
        } else {
            json!(value.get::<Option<glib::GString>>().ok()??.as_str())
        };
        Some((name.to_string(), value))
    });
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_said_in_english() {
        let cut = |review: bool| json!({ "review": review });
        for (cuts, chapters, words) in [
            (vec![], 0, "0 cuts and 0 chapters"),
            (vec![cut(false)], 1, "1 cut (0:05) and 1 chapter"),
            (vec![cut(true)], 2, "1 cut (0:05, to review) and 2 chapters"),
            (
                vec![cut(true), cut(false)],
                2,
                "2 cuts (0:05 in total, 1 to review) and 2 chapters",
            ),
        ] {
            let mut findings = Findings::default();
            let found = [
                ("cuts", json!(cuts)),
                ("chapters", json!(vec![json!({}); chapters])),
                ("summary", json!({ "removed": 5.0 })),
            ];
            findings
                .0
                .extend(found.map(|(name, found)| (name.to_owned(), found)));
            assert_eq!(findings.words(), words);
        }
    }
}
