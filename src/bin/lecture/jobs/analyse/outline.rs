// SPDX-License-Identifier: MPL-2.0

//! The drafts that follow from all findings: the text of the slides, the summary, and what a command
//! of the user's proposes.

use std::fs;
use std::path::Path;

use gstlecture::edit::assist::{Part, Reply, Request as Asked};
use gstlecture::edit::summary_file::{Item, SummaryFile};
use gstlecture::edit::trim_file::TrimFile;
use gstlecture::edit::{Review, Status, rewrite};
use gstlecture::package::text::TextRole;
use gstlecture::timeline::{CutList, Span, Time};
use gstlecture::topics::{Caption, Point, Sentence, Source, summarise};
use gstlecture::webvtt::{self, Cue, Document, captions};

use super::assist;
use super::findings::Findings;
use super::{AnalyseOptions, AnalyseResults, Spoken, read_draft, stamp};
use crate::class::drafts::{CHAPTERS, Drafts, SUMMARY, TRIM, text_name};
use crate::error::Error;
use crate::jobs::Request;
use crate::print::counted;

/// Everything that these drafts are made from.
pub struct Task<'a> {
    pub request: &'a Request,
    pub options: &'a AnalyseOptions,
    pub spoken: &'a Spoken,
    pub drafts: &'a Drafts,
    /// The folder with the drafts that the analysis has written, and for these.
    pub staging: &'a Path,
    /// Fingerprint of the recording.
    pub recording: &'a str,
    /// Cuts that were found.
    pub cuts: &'a CutList,
    /// Length of the recording.
    pub length: Time,
    /// Whether the chapters are those of the recording.
    pub has_own_chapters: bool,
}

/// Drafts that were made.
pub struct Made {
    slides: Option<usize>,
    points: usize,
    chapters: Option<usize>,
    assisted: Option<Vec<String>>,
}

impl Made {
    pub fn add_to(self, results: &mut AnalyseResults) {
        results.slide_texts = self.slides;
        results.summary_points = self.points;
        results.assisted = self.assisted;
        results.chapters = self.chapters.unwrap_or(results.chapters);
    }
}

/// Writes the drafts. Those of a person count in place of those of the analysis.
pub fn write(task: &Task<'_>, findings: &mut Findings) -> Result<Made, Error> {
    let slides = findings.take_slide_text();
    if !slides.is_empty() {
        let language = task.spoken.language(task.options);
        let path = task.staging.join(text_name(TextRole::Slides, &language));
        put(&path, &Document::new(slides.iter().cloned()).to_string())?;
        stamp(&path, task.recording)?;
    }
    let mut known = Known::gather(task, findings, &slides)?;
    let mut made = Made {
        slides: task.options.slide_text.then_some(slides.len()),
        points: 0,
        chapters: None,
        assisted: None,
    };
    let reply = propose(task, &known)?;
    if let Some((asked, reply)) = &reply {
        let mut changed = Vec::new();
        if let Some(chapters) = reply.chapters(asked) {
            made.chapters = known.rename(task, asked, chapters, &mut changed)?;
        }
        made.assisted = Some(changed);
    }
    let mut file = known.summary(task.recording);
    if let (Some((_, reply)), Some(changed)) = (reply, &mut made.assisted) {
        adopt(task, reply, &mut file, changed)?;
    }
    for change in made.assisted.iter().flatten() {
        task.request.note(&format!("assist-command: {change}"));
    }
    if !file.is_empty() {
        made.points = file.summary.len() + file.key_points.len();
        put(&task.staging.join(SUMMARY), &file.to_string())?;
    }
    Ok(made)
}

/// Asks the user's command, if there is one. A reply that cannot be used is reported and left out.
fn propose(task: &Task<'_>, known: &Known) -> Result<Option<(Asked, Reply)>, Error> {
    let options = &task.options.assist;
    let Some(command) = &options.command else {
        return Ok(None);
    };
    task.request.note(&format!("assist-command: {command}"));
    let asked = known.asked(task.length);
    let output = assist::ask(
        command,
        options.timeout,
        asked.to_json(),
        &task.request.stop,
    );
    let reply =
        output?.and_then(|output| Reply::read(&output, &asked).map_err(|error| error.to_string()));
    match reply {
        Ok(reply) => Ok(Some((asked, reply))),
        Err(why) => {
            task.request.note(&format!(
                "warning: assist-command changes nothing: {why}; the drafts are those of the analysis"
            ));
            Ok(None)
        }
    }
}

/// Takes the summary and the key points of a reply.
fn adopt(
    task: &Task<'_>,
    reply: Reply,
    file: &mut SummaryFile,
    changed: &mut Vec<String>,
) -> Result<(), Error> {
    let is_kept = task.drafts.persons(SUMMARY)?.is_some();
    let parts = [
        (
            reply.summary,
            &mut file.summary,
            ("summary: ", "sentence", "sentences"),
        ),
        (
            reply.key_points,
            &mut file.key_points,
            ("", "key point", "key points"),
        ),
    ];
    for (new, old, (of, one, many)) in parts {
        if new.is_empty() {
            continue;
        }
        let count = counted(new.len(), one, many);
        if is_kept {
            changed.push(format!(
                "{of}{count} left out: a person has changed {SUMMARY}"
            ));
            continue;
        }
        changed.push(format!("{of}{count} in place of {}", old.len()));
        *old = new;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error::writing(path, &error))
}

/// Everything that is known about a class, in the recording's time, without what is cut.
struct Known {
    language: Option<String>,
    transcript: Vec<Sentence>,
    chapters: Vec<Caption>,
    /// Chapters of which nothing is kept.
    cut: Vec<Cue>,
    titles: Vec<Caption>,
    slides: Vec<Caption>,
}

impl Known {
    fn gather(task: &Task<'_>, findings: &Findings, slides: &[Cue]) -> Result<Self, Error> {
        let length = Some(task.length);
        let trim = task.drafts.persons(TRIM)?;
        let trim = trim.and_then(|bytes| TrimFile::read(&bytes, length).ok());
        let cuts = trim.map_or_else(|| task.cuts.clone(), |trim| trim.cut_list(length));
        let chapters = match task.drafts.persons(CHAPTERS)? {
            Some(bytes) => webvtt::read(&bytes).ok(),
            None => read_draft(&task.staging.join(CHAPTERS))?,
        };
        let chapters = chapters.iter().flat_map(|found| found.cues().cloned());
        let (chapters, cut): (Vec<Cue>, Vec<Cue>) =
            chapters.partition(|chapter| cuts.span_to_output(chapter.span).is_some());
        let transcript = task.spoken.path.as_ref();
        let transcript = transcript.and_then(|path| fs::read(path).ok());
        let transcript = transcript.and_then(|bytes| captions::read(&bytes).ok());
        let sentences = transcript.iter().flat_map(Document::cues);
        let is_whole = |span: Span| {
            let moved = cuts.span_to_output(span);
            let difference = moved.map(|moved| moved.duration().abs_diff(span.duration()));
            difference.is_some_and(|difference| difference <= Time::from_millis(1))
        };
        let starts_kept = |span: Span| cuts.to_output(span.start).kept().is_some();
        let titles = findings.slide_titles().into_iter();
        Ok(Known {
            language: task.spoken.known_language(task.options),
            transcript: sentences
                .filter(|cue| is_whole(cue.span))
                .map(|cue| Sentence {
                    span: Some(cue.span),
                    text: cue.plain_text(),
                })
                .collect(),
            chapters: named(&chapters).collect(),
            cut,
            titles: titles
                .map(|(span, text)| Caption { span, text })
                .filter(|title| starts_kept(title.span))
                .collect(),
            slides: named(slides)
                .filter(|slide| starts_kept(slide.span))
                .collect(),
        })
    }

    /// Returns the request to the user's command.
    fn asked(&self, length: Time) -> Asked {
        let parts = |captions: &[Caption]| -> Vec<Part> {
            let parts = captions.iter();
            parts.map(|one| Part::new(one.span, &one.text)).collect()
        };
        let said = self.transcript.iter();
        Asked {
            transcript: said
                .filter_map(|one| Some(Part::new(one.span?, &one.text)))
                .collect(),
            slides: parts(if self.slides.is_empty() {
                &self.titles
            } else {
                &self.slides
            }),
            chapters: parts(&self.chapters),
            ..Asked::new(self.language.clone(), length)
        }
    }

    /// Takes chapters of the user's command into the draft and returns their number, unless the
    /// recording or a person has named them.
    fn rename(
        &mut self,
        task: &Task<'_>,
        asked: &Asked,
        chapters: Vec<Part>,
        changed: &mut Vec<String>,
    ) -> Result<Option<usize>, Error> {
        let kept = match task.drafts.persons(CHAPTERS)?.is_some() {
            true => Some("a person has changed chapters.vtt"),
            false => task
                .has_own_chapters
                .then_some("the recording has chapters of its own"),
        };
        if let Some(why) = kept {
            changed.push(format!("titles and chapters left out: {why}"));
            return Ok(None);
        }
        for change in changes(&asked.chapters, &chapters) {
            changed.push(change);
        }
        let mut cues: Vec<Cue> = chapters.iter().enumerate().map(cue).collect();
        self.chapters = named(&cues).collect();
        cues.append(&mut self.cut);
        cues.sort_by_key(|cue| cue.span);
        let starts: Vec<Time> = cues.iter().skip(1).map(|cue| cue.span.start).collect();
        for (cue, next) in cues.iter_mut().zip(starts) {
            cue.span.end = cue.span.end.min(next);
        }
        cues.retain(|cue| !cue.span.is_empty());
        let path = task.staging.join(CHAPTERS);
        let document = read_draft(&path)?.unwrap_or_default();
        let count = cues.len();
        put(&path, &rewrite(&document, cues).to_string())?;
        Ok(Some(count))
    }

    /// Makes the summary of the recording with this fingerprint.
    fn summary(&self, recording: &str) -> SummaryFile {
        let made = summarise(&Source {
            language: self.language.as_deref(),
            transcript: &self.transcript,
            chapters: &self.chapters,
            titles: &self.titles,
            slides: &self.slides,
        });
        let items = |points: Vec<Point>| -> Vec<Item> {
            let item = points.into_iter().map(|point| Item {
                span: Some(point.span),
                text: point.text,
            });
            item.collect()
        };
        SummaryFile {
            review: Review {
                status: Status::Draft,
                input: Some(recording.to_owned()),
                ..Review::default()
            },
            summary: items(made.sentences),
            key_points: items(made.key_points),
        }
    }
}

fn cue((index, part): (usize, &Part)) -> Cue {
    let span = Span::new(
        Time::from_secs_f64(part.start),
        Time::from_secs_f64(part.end),
    );
    match &*part.text {
        "" => Cue::new(span, &format!("Chapter {}", index + 1)),
        title => Cue::new(span, title),
    }
}

/// Returns each difference between the chapters that were found and those that were proposed.
fn changes(before: &[Part], after: &[Part]) -> Vec<String> {
    let starts = |parts: &[Part]| -> Vec<f64> { parts.iter().map(|part| part.start).collect() };
    if starts(before) != starts(after) {
        let chapters = counted(after.len(), "chapter", "chapters");
        return vec![format!("{chapters} in place of {}", before.len())];
    }
    let pairs = before.iter().zip(after);
    let renamed = pairs.filter(|(before, after)| before.text != after.text);
    renamed
        .map(|(before, after)| {
            let at = Time::from_secs_f64(after.start).clock();
            let old = match &*before.text {
                "" => "no title".to_owned(),
                text => format!("\"{text}\""),
            };
            format!("title at {at}: \"{}\" in place of {old}", after.text)
        })
        .collect()
}

/// Returns texts and their times. A chapter that nobody has named has no text.
fn named(cues: &[Cue]) -> impl Iterator<Item = Caption> {
    cues.iter().map(|cue| {
        let text = cue.plain_text();
        let is_number = text
            .strip_prefix("Chapter ")
            .is_some_and(|rest| rest.parse::<u32>().is_ok());
        Caption {
            span: cue.span,
            text: if is_number { String::new() } else { text },
        }
    })
}
