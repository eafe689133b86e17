// SPDX-License-Identifier: MPL-2.0

//! The passages of a `trim.vtt` that are cut, muted or covered, and the file that follows from them.

use serde::{Deserialize, Serialize};

use super::rewrite::rewrite;
use super::trim_file::{Action, Cut, Entry, TrimFile};
use crate::timeline::{CutList, Span, Time};
use crate::webvtt::{Block, Cue, Document};

/// Largest difference between times that are the same in whole milliseconds.
const ROUNDING: Time = Time::from_millis(1);

/// A passage that is not published as it was recorded. Times are in milliseconds of the recording.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Passage {
    pub kind: Kind,
    pub start: u64,
    pub end: u64,
    #[serde(default)]
    pub reason: String,
    /// Confidence of a cut that the analysis found, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Speech in a cut that the analysis found, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<u64>,
    /// Whether a person should check this cut.
    #[serde(default)]
    pub review: bool,
    /// Whether a plain card covers the video.
    #[serde(default)]
    pub card: bool,
    /// Remarks of a person below the first line.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// The treatment of a passage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[default]
    Cut,
    Mute,
    Cover,
}

impl Passage {
    fn new(span: Span, action: &Action, remarks: Vec<String>) -> Option<Self> {
        let mut passage = Passage {
            start: span.start.millis(),
            end: span.end.millis(),
            remarks,
            ..Passage::default()
        };
        match action {
            Action::Keep => return None,
            Action::Cut(cut) => {
                passage.reason.clone_from(&cut.reason);
                passage.confidence = cut.confidence;
                passage.speech = cut.speech.map(Time::millis);
                passage.review = cut.review;
            }
            Action::Mute { reason } => {
                passage.kind = Kind::Mute;
                passage.reason.clone_from(reason);
            }
            Action::Cover { reason, card } => {
                passage.kind = Kind::Cover;
                passage.reason.clone_from(reason);
                passage.card = *card;
            }
        }
        Some(passage)
    }

    fn span(&self) -> Span {
        Span::new(Time::from_millis(self.start), Time::from_millis(self.end))
    }

    fn action(&self) -> Action {
        let reason = self.reason.clone();
        match self.kind {
            Kind::Cut => Action::Cut(Cut {
                reason,
                confidence: self.confidence,
                speech: self.speech.map(Time::from_millis),
                review: self.review,
            }),
            Kind::Mute => Action::Mute { reason },
            Kind::Cover => Action::Cover {
                reason,
                card: self.card,
            },
        }
    }

    fn cue(&self) -> Cue {
        let remarks = self.remarks.iter().map(|remark| format!("\n{remark}"));
        let text = self.action().to_string() + &remarks.collect::<String>();
        Cue::new(self.span(), &text)
    }
}

/// Returns the passages of a cut list of a recording of this length. Whatever it does not keep is a
/// cut.
pub fn passages(document: &Document, file: &TrimFile, duration: Time) -> Vec<Passage> {
    let cues = document.cues().zip(&file.entries);
    let all: Vec<Passage> = cues
        .filter_map(|(cue, entry)| Passage::new(entry.span, &entry.action, remarks(cue)))
        .collect();
    let (cuts, mut passages): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|passage| passage.kind == Kind::Cut);
    for span in file.cut_list(Some(duration)).cuts(duration) {
        let same = |cut: &&Passage| {
            cut.span().start.abs_diff(span.start) <= ROUNDING
                && cut.span().end.abs_diff(span.end) <= ROUNDING
        };
        let touches = |cut: &&Passage| cut.span().intersection(span).is_some();
        let plain = Passage {
            start: span.start.millis(),
            end: span.end.millis(),
            ..Passage::default()
        };
        passages.push(match cuts.iter().find(same) {
            Some(cut) => cut.clone(),
            None => Passage {
                reason: cuts
                    .iter()
                    .find(touches)
                    .map_or_else(String::new, |cut| cut.reason.clone()),
                ..plain
            },
        });
    }
    passages.sort_by_key(|passage| (passage.start, passage.end));
    passages
}

/// Returns the lines of a cue that are neither its action nor known facts of it.
fn remarks(cue: &Cue) -> Vec<String> {
    let text = cue.plain_text();
    let mut lines = text.lines();
    let word = lines.next().unwrap_or_default().to_owned();
    let is_remark = |line: &&str| {
        let read = |text: &str| Action::read(&Cue::new(cue.span, text)).ok();
        read(&word) == read(&format!("{word}\n{line}"))
    };
    lines.filter(is_remark).map(str::to_owned).collect()
}

/// Returns a cut list with these passages. Comments of `before` stay.
pub fn with_passages(before: &Document, passages: &[Passage], duration: Time) -> Document {
    let mut cues: Vec<Cue> = passages.iter().map(Passage::cue).collect();
    let cuts = passages
        .iter()
        .filter(|passage| passage.kind == Kind::Cut)
        .map(|passage| Entry {
            span: passage.span(),
            action: Action::Cut(Cut::default()),
            line: 0,
        });
    let cut = TrimFile {
        review: None,
        entries: cuts.collect(),
    };
    let list: CutList = cut.cut_list(Some(duration));
    let millis = |time: Time| Time::from_millis(time.millis());
    cues.extend(list.kept().map(|span| {
        let span = Span::new(millis(span.start), millis(span.end));
        Cue::new(span, &Action::Keep.to_string())
    }));
    cues.sort_by_key(|cue| (cue.span.start, cue.span.end));
    rewrite(before, cues)
}

/// Returns a cut list that keeps everything, with the note that explains how to correct it.
pub fn empty() -> Document {
    let text = TrimFile::default().to_string();
    let mut document = crate::webvtt::read(text.as_bytes()).unwrap_or_default();
    document
        .blocks
        .retain(|block| matches!(block, Block::Note { .. }));
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt;

    const FILE: &str = "WEBVTT\n\nNOTE\nstatus: draft\ninput: abc\n\n\
        00:00.000 --> 00:10.000\ncut: chatter\nconfidence 0.90, speech 1 s\nreview\nI listened\n\n\
        NOTE ask Bob\n\n00:10.000 --> 00:50.000\nkeep\n\n\
        00:20.000 --> 00:25.000\ncover: a face\ncard\n";
    const LENGTH: Time = Time::from_secs(60);

    fn read(text: &str) -> Vec<Passage> {
        let document = webvtt::read(text.as_bytes()).expect("WebVTT");
        let file = TrimFile::read(text.as_bytes(), Some(LENGTH)).expect("a cut list");
        passages(&document, &file, LENGTH)
    }

    #[test]
    fn what_is_not_kept_is_a_cut() {
        let found = read(FILE);
        let spans: Vec<_> = found
            .iter()
            .map(|passage| (passage.kind, passage.start, passage.end))
            .collect();
        let expected = [
            (Kind::Cut, 0, 10_000),
            (Kind::Cover, 20_000, 25_000),
            (Kind::Cut, 50_000, 60_000),
        ];
        assert_eq!(spans, expected);
        assert_eq!(found[0].reason, "chatter");
        assert_eq!(
            (found[0].confidence, found[0].speech),
            (Some(0.9), Some(1000))
        );
        assert!(found[0].review && found[1].card);
        assert_eq!(found[0].remarks, ["I listened"]);
    }

    #[test]
    fn corrected_passages_read_back_and_remarks_stay() {
        let document = webvtt::read(FILE.as_bytes()).expect("WebVTT");
        let mut edited = read(FILE);
        edited[0].end = 12_500;
        let text = with_passages(&document, &edited, LENGTH).to_string();
        assert_eq!(read(&text), edited);
        for kept in ["input: abc", "NOTE\nask Bob", "I listened", "keep"] {
            assert!(text.contains(kept), "{kept} in {text}");
        }
        let file = TrimFile::read(text.as_bytes(), Some(LENGTH)).expect("a cut list");
        let kept: Vec<Span> = file.cut_list(Some(LENGTH)).kept().collect();
        let expected = Span::new(Time::from_millis(12_500), Time::from_secs(50));
        assert_eq!(kept, [expected]);
    }

    #[test]
    fn a_recording_without_cuts_is_kept_whole() {
        let text = with_passages(&empty(), &[], LENGTH).to_string();
        assert_eq!(read(&text), []);
        assert!(text.contains("Each cue decides"), "{text}");
    }
}
