// SPDX-License-Identifier: MPL-2.0

//! `layout.vtt`: the director's choices, as a file that a person corrects.
//!
//! A WebVTT file of metadata cues in the session's time. The lines of a cue are `layout: NAME`,
//! `speaker: ID` and `screen: ID` (or `screen: none`), each at most once. What a cue does not name,
//! the director chooses.

use std::fmt;

use super::{LayoutName, Picture, UnknownLayout};
use crate::edit::Review;
use crate::timeline::{Span, Time};
use crate::webvtt::{self, Block, Cue, Document, Problem, ProblemKind, ReadError, Timestamp};

/// The longest time by which a cue may pass the end of the session.
const END_TOLERANCE: Time = Time::SECOND;

const HELP: &str = "\
Each cue decides what is shown during its span: layout, speaker (the participant on stage), screen (the
participant whose screen is shown, or none). Leave a line out and it is chosen automatically.
Correct times and names, add or delete cues. When all is right, turn draft above into approved.";

/// The content of a `layout.vtt`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LayoutDraft {
    pub review: Option<Review>,
    pub entries: Vec<Entry>,
}

/// A decision for a span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub span: Span,
    pub decision: Decision,
    /// The line its cue was read from, counted from one; zero if it was not read.
    pub line: usize,
}

/// A decision of the director; `None` leaves the choice open.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decision {
    pub layout: Option<LayoutName>,
    /// Identifier of the participant who is the active speaker.
    pub speaker: Option<String>,
    pub screen: Option<ScreenChoice>,
}

/// Whose screen comes first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScreenChoice {
    /// No screen is shown.
    Hidden,
    /// Identifier of the participant who shares it.
    Of(String),
}

/// The reason why a `layout.vtt` cannot be used, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LayoutDraftError {
    Unreadable(ReadError),
    Malformed(Problem),
    /// A line that decides nothing.
    UnknownLine {
        line: usize,
        text: String,
    },
    UnknownLayout {
        line: usize,
        error: UnknownLayout,
    },
    /// One cue decides the same thing twice.
    Repeated {
        line: usize,
        key: &'static str,
    },
    /// Nobody of that name is in the session.
    UnknownParticipant {
        line: usize,
        participant: String,
    },
    /// Two cues decide the same thing for the same time, differently.
    Contradiction {
        line: usize,
        other_line: usize,
        key: &'static str,
    },
    PastEnd {
        line: usize,
        end: Time,
        duration: Time,
    },
}

impl fmt::Display for LayoutDraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutDraftError::Unreadable(error) => write!(f, "{error}"),
            LayoutDraftError::Malformed(problem) => write!(f, "{problem}"),
            LayoutDraftError::UnknownLine { line, text } => write!(
                f,
                "line {line}: \"{text}\" is unknown; write layout: NAME, speaker: ID, screen: ID or \
                 screen: none"
            ),
            LayoutDraftError::UnknownLayout { line, error } => write!(f, "line {line}: {error}"),
            LayoutDraftError::Repeated { line, key } => write!(
                f,
                "line {line}: the cue has two lines {key}; delete one of them"
            ),
            LayoutDraftError::UnknownParticipant { line, participant } => write!(
                f,
                "line {line}: no participant \"{participant}\" is in the session; use an id of session.json"
            ),
            LayoutDraftError::Contradiction {
                line,
                other_line,
                key,
            } => write!(
                f,
                "line {line}: the cue overlaps the cue of line {other_line} and has another {key}; \
                 change the times of one"
            ),
            LayoutDraftError::PastEnd {
                line,
                end,
                duration,
            } => write!(
                f,
                "line {line}: the cue ends at {}, the session at {}; correct its times",
                Timestamp(*end),
                Timestamp(*duration)
            ),
        }
    }
}

impl std::error::Error for LayoutDraftError {}

impl LayoutDraftError {
    /// The line to look at first; zero if the whole file is meant.
    pub fn line(&self) -> usize {
        match self {
            LayoutDraftError::Unreadable(_) => 0,
            LayoutDraftError::Malformed(problem) => problem.line,
            LayoutDraftError::UnknownLine { line, .. }
            | LayoutDraftError::UnknownLayout { line, .. }
            | LayoutDraftError::Repeated { line, .. }
            | LayoutDraftError::UnknownParticipant { line, .. }
            | LayoutDraftError::Contradiction { line, .. }
            | LayoutDraftError::PastEnd { line, .. } => *line,
        }
    }
}

impl LayoutDraft {
    /// Reads a file. `duration` is the session's and `participants` are the identifiers of its
    /// participants, if known. Returns all errors in the order of the file.
    pub fn read(
        bytes: &[u8],
        duration: Option<Time>,
        participants: Option<&[&str]>,
    ) -> Result<Self, Vec<LayoutDraftError>> {
        let document =
            webvtt::read(bytes).map_err(|error| vec![LayoutDraftError::Unreadable(error)])?;
        let mut errors: Vec<LayoutDraftError> = document
            .problems
            .iter()
            .filter(|problem| !is_harmless(problem))
            .cloned()
            .map(LayoutDraftError::Malformed)
            .collect();
        let review = document.review().unwrap_or_else(|problem| {
            errors.push(LayoutDraftError::Malformed(problem));
            None
        });
        let mut entries = Vec::new();
        for cue in document.cues() {
            let decision = Decision::read(cue, &mut errors);
            entries.push(Entry {
                span: cue.span,
                decision,
                line: cue.line,
            });
        }
        let draft = LayoutDraft { review, entries };
        draft.check_limits(duration, participants, &mut errors);
        draft.check_contradictions(&mut errors);
        if errors.is_empty() {
            Ok(draft)
        } else {
            errors.sort_by_key(LayoutDraftError::line);
            Err(errors)
        }
    }

    fn check_limits(
        &self,
        duration: Option<Time>,
        participants: Option<&[&str]>,
        errors: &mut Vec<LayoutDraftError>,
    ) {
        for entry in &self.entries {
            let line = entry.line;
            let end = entry.span.end;
            if let Some(duration) = duration
                && end > duration.saturating_add(END_TOLERANCE)
            {
                errors.push(LayoutDraftError::PastEnd {
                    line,
                    end,
                    duration,
                });
            }
            let screen = match &entry.decision.screen {
                Some(ScreenChoice::Of(owner)) => Some(owner),
                _ => None,
            };
            for participant in entry.decision.speaker.iter().chain(screen) {
                if participants.is_some_and(|known| !known.contains(&participant.as_str())) {
                    errors.push(LayoutDraftError::UnknownParticipant {
                        line,
                        participant: participant.clone(),
                    });
                }
            }
        }
    }

    /// Compares each cue with those before it that still last when it starts.
    fn check_contradictions(&self, errors: &mut Vec<LayoutDraftError>) {
        let mut sorted: Vec<&Entry> = self.entries.iter().collect();
        sorted.sort_by_key(|entry| entry.span);
        let mut open: Vec<&Entry> = Vec::new();
        for entry in sorted {
            open.retain(|other| other.span.end > entry.span.start);
            let other = open.iter().find_map(|other| {
                let key = entry.decision.contradiction(&other.decision)?;
                Some((other.line, key))
            });
            if let Some((other_line, key)) = other {
                errors.push(LayoutDraftError::Contradiction {
                    line: entry.line.max(other_line),
                    other_line: entry.line.min(other_line),
                    key,
                });
            }
            open.push(entry);
        }
    }

    /// The choices of a director's pictures, to be written as a draft. `pictures` are as
    /// [`pictures`](super::pictures) returns them, and `end` is the end of the session.
    pub fn from_pictures(review: Option<Review>, pictures: &[(Time, Picture)], end: Time) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let ends = pictures
            .iter()
            .skip(1)
            .map(|(start, _)| *start)
            .chain([end]);
        for ((start, picture), end) in pictures.iter().zip(ends) {
            let span = Span::new(*start, end);
            let decision = Decision {
                layout: Some(picture.layout),
                speaker: picture.speaker.clone(),
                screen: picture.screen.clone().map(ScreenChoice::Of),
            };
            match entries.last_mut() {
                _ if span.is_empty() => {}
                Some(last) if last.decision == decision => last.span.end = end,
                _ => entries.push(Entry {
                    span,
                    decision,
                    line: 0,
                }),
            }
        }
        LayoutDraft { review, entries }
    }

    /// Everything that is decided for a time.
    pub fn decision_at(&self, time: Time) -> Decision {
        let mut decided = Decision::default();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.span.contains(time))
        {
            let Decision {
                layout,
                speaker,
                screen,
            } = entry.decision.clone();
            decided.layout = decided.layout.or(layout);
            decided.speaker = decided.speaker.or(speaker);
            decided.screen = decided.screen.or(screen);
        }
        decided
    }

    /// The first start or end of a cue after `time`.
    pub fn next_boundary(&self, time: Time) -> Option<Time> {
        let spans = self.entries.iter().map(|entry| entry.span);
        let boundaries = spans.flat_map(|span| [span.start, span.end]);
        boundaries.filter(|boundary| *boundary > time).min()
    }
}

/// Whether a problem of the file has no effect on a draft.
fn is_harmless(problem: &Problem) -> bool {
    matches!(
        problem.kind,
        ProblemKind::Setting(_) | ProblemKind::NotUtf8 | ProblemKind::Late(_)
    )
}

impl Decision {
    fn read(cue: &Cue, errors: &mut Vec<LayoutDraftError>) -> Self {
        let text = cue.plain_text();
        let mut decision = Decision::default();
        let line = cue.line;
        let mut repeat = |is_repeated: bool, key| {
            if is_repeated {
                errors.push(LayoutDraftError::Repeated { line, key });
            }
        };
        let mut unknown = Vec::new();
        let lines = text.lines().map(str::trim).filter(|text| !text.is_empty());
        for text in lines {
            let (key, value) = text.split_once(':').unwrap_or((text, ""));
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "layout" => match value.parse() {
                    Ok(layout) => repeat(decision.layout.replace(layout).is_some(), "layout"),
                    Err(error) => unknown.push(LayoutDraftError::UnknownLayout { line, error }),
                },
                "speaker" if !value.is_empty() => {
                    let last = decision.speaker.replace(value.to_owned());
                    repeat(last.is_some(), "speaker");
                }
                "screen" if !value.is_empty() => {
                    let screen = match value {
                        "none" => ScreenChoice::Hidden,
                        owner => ScreenChoice::Of(owner.to_owned()),
                    };
                    repeat(decision.screen.replace(screen).is_some(), "screen");
                }
                _ => unknown.push(LayoutDraftError::UnknownLine {
                    line,
                    text: text.to_owned(),
                }),
            }
        }
        errors.append(&mut unknown);
        decision
    }

    /// The key that both decide, differently.
    fn contradiction(&self, other: &Decision) -> Option<&'static str> {
        fn differ<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
            a.is_some() && b.is_some() && a != b
        }
        let keys = [
            ("layout", differ(&self.layout, &other.layout)),
            ("speaker", differ(&self.speaker, &other.speaker)),
            ("screen", differ(&self.screen, &other.screen)),
        ];
        keys.into_iter()
            .find(|(_, differs)| *differs)
            .map(|(key, _)| key)
    }
}

/// The lines of a cue.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line = |id: &str| id.split_whitespace().collect::<Vec<_>>().join(" ");
        let layout = self.layout.map(|layout| format!("layout: {layout}"));
        let speaker = self.speaker.as_deref().map(one_line);
        let screen = self.screen.as_ref().map(|screen| match screen {
            ScreenChoice::Hidden => "screen: none".to_owned(),
            ScreenChoice::Of(owner) => format!("screen: {}", one_line(owner)),
        });
        let speaker = speaker.map(|id| format!("speaker: {id}"));
        let lines: Vec<String> = [layout, speaker, screen].into_iter().flatten().collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Writes the file, with the help for whoever corrects it.
impl fmt::Display for LayoutDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by_key(|entry| entry.span);
        let cues = entries
            .into_iter()
            .map(|entry| Cue::new(entry.span, &entry.decision.to_string()));
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
