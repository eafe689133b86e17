// SPDX-License-Identifier: MPL-2.0

//! `trim.vtt`: the decision for each span of a recording, as a file that a person corrects.
//!
//! A WebVTT file of metadata cues. The first line of a cue is `keep`, `cut: reason`, `mute: reason`
//! or `cover: reason`. Below a cut are `confidence 0.97, speech 0 s` and `review`, if known. A line
//! below a cover that contains the word `card` requests a plain card. Any other line after the
//! first one is a person's remark.

use std::fmt;

use super::Review;
use crate::timeline::{Cover, CutList, Redaction, Span, Time, union};
use crate::webvtt::{self, Block, Cue, Document, Problem, ProblemKind, ReadError};

/// Largest time by which a cue may exceed the recording: containers and the milliseconds of a cue
/// round the duration.
const END_TOLERANCE: Time = Time::SECOND;
/// Rounding of a cue's milliseconds at the end of the recording.
const ROUNDING: Time = Time::from_millis(1);

const HELP: &str = "\
Each cue decides what happens to its span of the recording: keep, or cut, mute or cover with a reason.
Correct times, change a cut to keep, add or delete cues. If no cue is keep, everything but the cuts is
kept; if any cue is keep, only those spans are. mute silences the audio and removes the captions, cover
hides the video behind the last frame before it, or behind a plain card if the next line is card.
Both may apply to the same span. When everything is right, change draft above to approved.";

/// Content of a `trim.vtt`, in the recording's own time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TrimFile {
    pub review: Option<Review>,
    pub entries: Vec<Entry>,
}

/// Decision for one span.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub span: Span,
    pub action: Action,
    /// Line of its cue, counted from one; zero if it was not read from a file.
    pub line: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Keep,
    Cut(Cut),
    /// Removes the audio and the captions.
    Mute {
        reason: String,
    },
    /// Hides the video.
    Cover {
        reason: String,
        /// Whether a plain card is shown, whatever was seen before.
        card: bool,
    },
}

/// Reason of a cut and what is known about it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cut {
    pub reason: String,
    /// Confidence, 0 to 1.
    pub confidence: Option<f64>,
    /// Duration of speech in the span.
    pub speech: Option<Time>,
    /// Whether a person should check this cut.
    pub review: bool,
}

/// Reason why a `trim.vtt` cannot be used, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TrimFileError {
    Unreadable(ReadError),
    Malformed(Problem),
    UnknownAction {
        line: usize,
        text: String,
    },
    /// One cue keeps a span and another one cuts it.
    Contradiction {
        keep_line: usize,
        cut_line: usize,
    },
    PastEnd {
        line: usize,
        end: Time,
        duration: Time,
    },
    /// There is no cue.
    Empty,
    NothingKept,
}

impl fmt::Display for TrimFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrimFileError::Unreadable(error) => write!(f, "{error}"),
            TrimFileError::Malformed(problem) => write!(f, "{problem}"),
            TrimFileError::UnknownAction { line, text } => write!(
                f,
                "line {line}: \"{text}\" is unknown; write keep, cut: reason, mute: reason or cover: reason"
            ),
            TrimFileError::Contradiction {
                keep_line,
                cut_line,
            } => write!(
                f,
                "line {keep_line} keeps what line {cut_line} cuts; change the times of one or delete it"
            ),
            TrimFileError::PastEnd {
                line,
                end,
                duration,
            } => write!(
                f,
                "line {line}: the cue ends at {}, but the recording at {}; correct its times",
                webvtt::Timestamp(*end),
                webvtt::Timestamp(*duration)
            ),
            TrimFileError::Empty => write!(
                f,
                "the file has no cue; add one with keep, or delete the file and run the analysis again"
            ),
            TrimFileError::NothingKept => {
                write!(f, "everything is cut; shorten a cut, or change it to keep")
            }
        }
    }
}

impl std::error::Error for TrimFileError {}

impl TrimFile {
    /// Reads a file. `duration` is the recording's, if known. All errors are returned, in the order
    /// of the file, so that a person can correct them together.
    pub fn read(bytes: &[u8], duration: Option<Time>) -> Result<Self, Vec<TrimFileError>> {
        let document =
            webvtt::read(bytes).map_err(|error| vec![TrimFileError::Unreadable(error)])?;
        let is_harmless = |problem: &Problem| {
            matches!(
                problem.kind,
                ProblemKind::Setting(_) | ProblemKind::NotUtf8 | ProblemKind::Late(_)
            )
        };
        let mut errors: Vec<TrimFileError> = document
            .problems
            .iter()
            .filter(|problem| !is_harmless(problem))
            .cloned()
            .map(TrimFileError::Malformed)
            .collect();
        let review = document.review().unwrap_or_else(|problem| {
            errors.push(TrimFileError::Malformed(problem));
            None
        });
        let mut entries = Vec::new();
        for cue in document.cues() {
            match Action::read(cue) {
                Ok(action) => entries.push(Entry {
                    span: cue.span,
                    action,
                    line: cue.line,
                }),
                Err(error) => errors.push(error),
            }
        }
        let file = TrimFile { review, entries };
        if errors.is_empty() {
            errors = file.check(duration);
        }
        if errors.is_empty() {
            Ok(file)
        } else {
            errors.sort_by_key(TrimFileError::line);
            Err(errors)
        }
    }

    fn check(&self, duration: Option<Time>) -> Vec<TrimFileError> {
        if self.entries.is_empty() {
            return vec![TrimFileError::Empty];
        }
        let mut errors = Vec::new();
        if let Some(duration) = duration {
            let limit = duration.saturating_add(END_TOLERANCE);
            for entry in self.entries.iter().filter(|entry| entry.span.end > limit) {
                errors.push(TrimFileError::PastEnd {
                    line: entry.line,
                    end: entry.span.end,
                    duration,
                });
            }
        }
        let of = |cut: bool| {
            self.entries.iter().filter(move |entry| match entry.action {
                Action::Keep => !cut,
                Action::Cut(_) => cut,
                Action::Mute { .. } | Action::Cover { .. } => false,
            })
        };
        for keep in of(false) {
            let contradicts = |cut: &&Entry| keep.span.intersection(cut.span).is_some();
            errors.extend(
                of(true)
                    .filter(contradicts)
                    .map(|cut| TrimFileError::Contradiction {
                        keep_line: keep.line,
                        cut_line: cut.line,
                    }),
            );
        }
        if errors.is_empty() && self.cut_list(duration).kept().len() == 0 {
            errors.push(TrimFileError::NothingKept);
        }
        errors
    }

    /// Returns the kept spans: those of the `keep` cues if there are any, else everything but the
    /// cuts. Without a duration, the span after the last cut has no end.
    pub fn cut_list(&self, duration: Option<Time>) -> CutList {
        let end = duration.unwrap_or(Time::MAX);
        // A cue that ends close to the end of the recording ends with it.
        let clamped = |span: Span| {
            let to_end = span.end.saturating_add(ROUNDING) >= end;
            Span::new(span.start.min(end), if to_end { end } else { span.end })
        };
        let spans = |keep: bool| {
            let spans = self.entries.iter().filter(|entry| match entry.action {
                Action::Keep => keep,
                Action::Cut(_) => !keep,
                Action::Mute { .. } | Action::Cover { .. } => false,
            });
            union(spans.map(|entry| clamped(entry.span)))
        };
        let kept = spans(true);
        if kept.is_empty() {
            list(list(spans(false)).cuts(end))
        } else {
            list(kept)
        }
    }

    /// Returns the muted and covered spans, even inside of cuts: [`Redaction::within`] removes
    /// those.
    pub fn redaction(&self) -> Redaction {
        let muted = self.entries.iter().filter_map(|entry| match entry.action {
            Action::Mute { .. } => Some(entry.span),
            _ => None,
        });
        let covered = self.entries.iter().filter_map(|entry| match entry.action {
            Action::Cover { card, .. } => Some(Cover {
                span: entry.span,
                card,
            }),
            _ => None,
        });
        Redaction::new(muted, covered)
    }
}

/// Makes a cut list of disjoint spans, which cannot fail.
fn list(spans: Vec<Span>) -> CutList {
    CutList::new(spans).unwrap_or_default()
}

impl TrimFileError {
    /// Returns the line of the error; zero for the whole file.
    pub fn line(&self) -> usize {
        match self {
            TrimFileError::Malformed(problem) => problem.line,
            TrimFileError::UnknownAction { line, .. } | TrimFileError::PastEnd { line, .. } => {
                *line
            }
            TrimFileError::Contradiction {
                keep_line,
                cut_line,
            } => *keep_line.min(cut_line),
            TrimFileError::Unreadable(_) | TrimFileError::Empty | TrimFileError::NothingKept => 0,
        }
    }
}

impl Action {
    pub(super) fn read(cue: &Cue) -> Result<Self, TrimFileError> {
        let text = cue.plain_text();
        let mut lines = text.lines().map(str::trim);
        let first = lines.next().unwrap_or_default();
        let (word, reason) = first.split_once(':').unwrap_or((first, ""));
        let reason = reason.trim().to_owned();
        match word.trim().to_ascii_lowercase().as_str() {
            "keep" => Ok(Action::Keep),
            "cut" => {
                let mut cut = Cut {
                    reason,
                    ..Cut::default()
                };
                for fact in lines.flat_map(|line| line.split(',')) {
                    cut.read_fact(fact);
                }
                Ok(Action::Cut(cut))
            }
            "mute" => Ok(Action::Mute { reason }),
            "cover" => Ok(Action::Cover {
                reason,
                card: lines.any(asks_for_card),
            }),
            _ => Err(TrimFileError::UnknownAction {
                line: cue.line,
                text: first.to_owned(),
            }),
        }
    }
}

/// Returns whether a line below a cover requests the card, in any wording: the card reveals the
/// least.
fn asks_for_card(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric())
        .any(|word| word.eq_ignore_ascii_case("card"))
}

impl Cut {
    /// Parses `confidence 0.97`, `speech 1.5 s` or `review`; anything else is a remark.
    fn read_fact(&mut self, fact: &str) {
        let words: Vec<&str> = fact.split_whitespace().collect();
        match words[..] {
            ["confidence", value] => {
                let is_share = |value: &f64| (0.0..=1.0).contains(value);
                self.confidence = value.parse().ok().filter(is_share);
            }
            ["speech", value, "s"] => self.speech = value.parse().ok().map(Time::from_secs_f64),
            ["review"] => self.review = true,
            _ => {}
        }
    }
}

/// Formats the text of the cue, not escaped.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, reason) = match self {
            Action::Keep => return write!(f, "keep"),
            Action::Cut(cut) => ("cut", &cut.reason),
            Action::Mute { reason } => ("mute", reason),
            Action::Cover { reason, .. } => ("cover", reason),
        };
        let reason: Vec<&str> = reason.split_whitespace().collect();
        match reason[..] {
            [] => write!(f, "{word}")?,
            _ => write!(f, "{word}: {}", reason.join(" "))?,
        }
        let cut = match self {
            Action::Cut(cut) => cut,
            Action::Cover { card: true, .. } => return write!(f, "\ncard"),
            _ => return Ok(()),
        };
        let confidence = cut.confidence.map(|value| format!("confidence {value:.2}"));
        let speech = cut
            .speech
            .map(|time| format!("speech {} s", time.millis() as f64 / 1e3));
        let facts: Vec<String> = confidence.into_iter().chain(speech).collect();
        if !facts.is_empty() {
            write!(f, "\n{}", facts.join(", "))?;
        }
        if cut.review {
            write!(f, "\nreview")?;
        }
        Ok(())
    }
}

/// Writes the file, sorted by time, with a NOTE that explains how to correct it.
impl fmt::Display for TrimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by_key(|entry| entry.span);
        let cues = entries
            .into_iter()
            .map(|entry| Cue::new(entry.span, &entry.action.to_string()));
        let mut document = Document::new(cues);
        if let Some(review) = &self.review {
            document.set_review(review);
        }
        let help = Block::Note {
            text: HELP.to_owned(),
            line: 0,
        };
        let after_review = usize::from(self.review.is_some());
        document.blocks.insert(after_review, help);
        document.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Status;
    use proptest::prelude::*;

    fn secs(start: u64, end: u64) -> Span {
        Span::new(Time::from_secs(start), Time::from_secs(end))
    }

    fn entry(span: Span, action: Action) -> Entry {
        Entry {
            span,
            action,
            line: 0,
        }
    }

    fn cover(span: Span, card: bool) -> Cover {
        Cover { span, card }
    }

    fn kept(file: &TrimFile, duration: Option<u64>) -> Vec<Span> {
        file.cut_list(duration.map(Time::from_secs))
            .kept()
            .collect()
    }

    fn messages(cues: &str, duration: Option<u64>) -> Vec<String> {
        let file = format!("WEBVTT\n\n{cues}");
        match TrimFile::read(file.as_bytes(), duration.map(Time::from_secs)) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(TrimFileError::to_string).collect(),
        }
    }

    #[test]
    fn a_file_reads_as_a_person_writes_it() {
        let text = "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada\n\n\
            first\n00:00.000 --> 00:10.000\nCUT :  people &amp; chatter\nconfidence 0.97, speech 1.5 s\n\
            review\nI listened to it\n\n00:20.000 --> 00:25.000\nmute: a name\n\n\
            00:22.000 --> 00:24.000\ncover\n\n00:30.000 --> 00:31.000\ncover: a face\nher face\nCard!\n\n\
            00:52.000 --> 00:53.000\nCover: in the cut\nwith a card\n\n00:50.000 --> 01:00.000\ncut\n";
        let file = TrimFile::read(text.as_bytes(), Some(Time::from_secs(60))).expect("valid");
        assert_eq!(
            file.review.as_ref().map(|review| review.status),
            Some(Status::Approved)
        );
        let cut = Cut {
            reason: "people & chatter".to_owned(),
            confidence: Some(0.97),
            speech: Some(Time::from_millis(1500)),
            review: true,
        };
        assert_eq!(file.entries[0].action, Action::Cut(cut));
        assert_eq!(file.entries[0].line, 7);
        assert_eq!(kept(&file, Some(60)), [secs(10, 50)]);
        assert_eq!(
            kept(&file, None),
            [secs(10, 50), Span::new(Time::from_secs(60), Time::MAX)]
        );
        let redaction = Redaction::new(
            [secs(20, 25)],
            [
                cover(secs(22, 24), false),
                cover(secs(30, 31), true),
                cover(secs(52, 53), true),
            ],
        );
        assert_eq!(file.redaction(), redaction);
    }

    #[test]
    fn where_a_cue_says_keep_only_those_stay() {
        let file = TrimFile {
            review: None,
            entries: vec![
                entry(secs(0, 10), Action::Cut(Cut::default())),
                entry(secs(10, 20), Action::Keep),
                entry(secs(15, 30), Action::Keep),
            ],
        };
        assert_eq!(kept(&file, Some(60)), [secs(10, 30)]);
    }

    #[test]
    fn the_milliseconds_of_a_cue_leave_no_sliver_at_the_end() {
        let duration = Time::from_nanos(60_000_400_000);
        let to_end = |action| TrimFile {
            review: None,
            entries: vec![entry(secs(50, 60), action)],
        };
        let spans = |action| {
            to_end(action)
                .cut_list(Some(duration))
                .kept()
                .collect::<Vec<_>>()
        };
        assert_eq!(spans(Action::Cut(Cut::default())), [secs(0, 50)]);
        assert_eq!(
            spans(Action::Keep),
            [Span::new(Time::from_secs(50), duration)]
        );
    }

    #[test]
    fn errors_name_the_line_and_what_to_do() {
        let keep = "00:10.000 --> 00:50.000\nkeep\n\n";
        for (cues, words) in [
            (String::new(), "no cue"),
            (
                format!("{keep}00:00.000 --> 00:10.001\ncut: silence\n"),
                "line 3 keeps what line 6 cuts",
            ),
            (
                format!("{keep}00:00.000 --> 00:10.000\nremove\n"),
                "line 6: \"remove\" is unknown",
            ),
            (
                format!("{keep}00:00.000 -> 00:10.000\ncut\n"),
                "line 6: \"00:00.000 -> 00:10.000\" belongs to no cue",
            ),
            (
                format!("{keep}00:00,000 --> 00:10,000\ncut\n"),
                "line 6: \"00:00,000 --> 00:10,000\" is not a timing line",
            ),
            (
                format!("{keep}00:08.000 --> 00:07.000\ncut\n"),
                "line 6: the cue does not end",
            ),
            (
                format!("{keep}00:40.000 --> 01:30.000\nmute: a name\n"),
                "line 6: the cue ends at 00:01:30.000, but the recording at 00:01:00.000",
            ),
            (
                format!("{keep}00:10.000 --> 00:11.000\nblur: a face\n"),
                "line 6: \"blur: a face\" is unknown; write keep, cut: reason, mute: reason or cover",
            ),
            (
                format!("{keep}00:50.000 --> 01:30.000\ncut\n"),
                "line 6: the cue ends at 00:01:30.000, but the recording at 00:01:00.000",
            ),
            ("00:00.000 --> 01:00.000\ncut\n".into(), "everything is cut"),
            (
                format!("NOTE status: ok\n\n{keep}"),
                "line 3: the status \"ok\"",
            ),
        ] {
            let messages = messages(&cues, Some(60));
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert!(
                messages[0].starts_with(words) || messages[0].contains(words),
                "{messages:?}"
            );
        }
        assert!(matches!(
            TrimFile::read(b"keep all", None).expect_err("not WebVTT")[..],
            [TrimFileError::Unreadable(ReadError::NotWebVtt)]
        ));
        assert_eq!(messages("keep\n\n00:00 --> 00:01\nkeep\n", None).len(), 2);
    }

    #[test]
    fn it_tells_how_to_correct_it() {
        let file = TrimFile {
            review: Some(Review {
                input: Some("abc".to_owned()),
                ..Review::default()
            }),
            entries: vec![entry(
                secs(0, 61),
                Action::Cut(Cut {
                    reason: "silence".to_owned(),
                    confidence: Some(0.971),
                    speech: Some(Time::ZERO),
                    review: true,
                }),
            )],
        };
        let expected = format!(
            "WEBVTT\n\nNOTE\nstatus: draft\ninput: abc\n\nNOTE\n{HELP}\n\n\
             00:00:00.000 --> 00:01:01.000\ncut: silence\nconfidence 0.97, speech 0 s\nreview\n"
        );
        assert_eq!(file.to_string(), expected);
    }

    fn any_action() -> impl Strategy<Value = Action> {
        let reason =
            "[a-z&<>:-]{0,5}( [a-z&<>:-]{1,5})?".prop_map(|reason| reason.trim().to_owned());
        let cut = (
            reason.clone(),
            prop::option::of(0u32..=100),
            prop::option::of(0u64..1_000_000),
            any::<bool>(),
        );
        prop_oneof![
            Just(Action::Keep),
            reason.clone().prop_map(|reason| Action::Mute { reason }),
            (reason, any::<bool>()).prop_map(|(reason, card)| Action::Cover { reason, card }),
            cut.prop_map(|(reason, confidence, speech, review)| Action::Cut(Cut {
                reason,
                confidence: confidence.map(|hundredths| f64::from(hundredths) / 100.0),
                speech: speech.map(Time::from_millis),
                review,
            })),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            actions in prop::collection::vec((any_action(), 1u64..100_000, 1u64..100_000), 1..8),
            approved in any::<bool>())
        {
            let mut at = 0;
            let entries: Vec<Entry> = actions
                .into_iter()
                .map(|(action, gap, length)| {
                    let start = at + gap;
                    at = start + length;
                    entry(Span::new(Time::from_millis(start), Time::from_millis(at)), action)
                })
                .collect();
            let review = approved.then(|| Review {
                status: Status::Approved,
                by: Some("Ada".to_owned()),
                ..Review::default()
            });
            let file = TrimFile { review, entries };
            let mut again = TrimFile::read(file.to_string().as_bytes(), None).expect("valid");
            for entry in &mut again.entries {
                prop_assert!(entry.line > 0);
                entry.line = 0;
            }
            prop_assert_eq!(&again, &file);
            prop_assert_eq!(again.cut_list(None), file.cut_list(None));
        }
    }
}
