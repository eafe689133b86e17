// SPDX-License-Identifier: MPL-2.0

//! The check of whole captions, and its report.

use serde::Serialize;

use super::coverage::{self, Heard};
use super::label::{is_sound_only, names_sound, names_speaker};
use super::profile::Profile;
use super::rule::{Basis, Finding, Rule, Severity};
use super::shape;
use super::sync::{self, Sync};
use crate::timeline::{Span, Time, touches, union};
use crate::webvtt::{Cue, Document};

/// Distance between a sound and the cue that names it.
const LABEL_WITHIN: Time = Time::from_secs(2);

/// The captions to check, and what is known of the audio.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    pub cues: &'a [Cue],
    /// Sounds of the recording; without them the rules about speech are not checked.
    pub heard: Option<&'a Heard>,
    /// Who spoke when, in order of time, if that is known.
    pub voices: &'a [Voice],
}

/// A passage in which one person speaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Voice {
    pub span: Span,
    pub speaker: String,
}

/// Numbers about the captions. Times are in seconds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    pub fails: usize,
    pub warnings: usize,
    pub cues: usize,
    /// Share of the speech under a cue, 0 to 1.
    pub coverage: Option<f64>,
    /// Longest speech without a cue.
    pub longest_uncaptioned: Option<f64>,
    pub sync: Option<Sync>,
}

/// Findings, in order of time, and numbers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    pub profile: String,
    pub findings: Vec<Finding>,
    pub summary: Summary,
}

/// Checks captions against a profile.
pub fn check(material: &Material, profile: &Profile) -> Report {
    let mut cues: Vec<(usize, &Cue)> = material.cues.iter().enumerate().collect();
    cues.retain(|(_, cue)| !cue.span.is_empty() && !cue.plain_text().trim().is_empty());
    cues.sort_by_key(|(index, cue)| (cue.span.start, *index));
    let mut report = Report {
        profile: profile.name.clone(),
        ..Report::default()
    };
    report.summary.cues = cues.len();
    report.findings = shape::check(&cues, profile);
    if let Some(heard) = material.heard {
        check_sound(heard, &cues, profile, &mut report);
    }
    let sync = report.summary.sync;
    let to_speech = |span: Span| sync.map_or(span, |sync| sync.span_to_speech(span));
    check_speakers(material.voices, &cues, to_speech, profile, &mut report);
    report
        .findings
        .sort_by_key(|finding| (finding.span.start, finding.rule));
    let count = |severity| {
        let findings = report.findings.iter();
        findings
            .filter(|finding| finding.severity == severity)
            .count()
    };
    report.summary.fails = count(Severity::Fail);
    report.summary.warnings = count(Severity::Warn);
    report
}

/// Checks the cues against the sounds. Offset and drift are found first and taken out, so that one
/// fault is one finding.
fn check_sound(heard: &Heard, cues: &[(usize, &Cue)], profile: &Profile, report: &mut Report) {
    let spoken: Vec<&(usize, &Cue)> = cues
        .iter()
        .filter(|(_, cue)| !is_sound_only(&cue.plain_text()))
        .collect();
    let starts: Vec<Span> = coverage::disjoint(spoken.iter().map(|(_, cue)| cue.span));
    let sync = sync::measure(&heard.speech, &starts);
    if let (Some(sync), Some(first), Some(last)) = (sync, starts.first(), starts.last()) {
        let whole = Span::new(first.start, last.end);
        report.findings.extend(offset(&sync, whole, profile));
        report.findings.extend(drift(&sync, whole, profile));
    }
    let to_speech = |span: Span| sync.map_or(span, |sync| sync.span_to_speech(span));
    let spans: Vec<Span> = cues.iter().map(|(_, cue)| to_speech(cue.span)).collect();
    let passages = coverage::uncaptioned(&heard.speech, &spans);
    let longest = passages.iter().map(|passage| passage.speech).max();
    for passage in &passages {
        let seconds = passage.speech.secs_f64();
        if let Some((severity, limit)) = profile.uncaptioned.above(seconds) {
            let name = &profile.name;
            report.findings.push(Finding {
                rule: Rule::Uncaptioned,
                severity,
                span: passage.span,
                cue: None,
                text: format!("{seconds:.1} s of speech without a cue; {name} allows {limit} s"),
            });
        }
    }
    for (index, cue) in spoken {
        let is_silent = coverage::is_over_silence(heard, to_speech(cue.span));
        if let Some(severity) = profile.over_silence.filter(|_| is_silent) {
            report.findings.push(Finding {
                rule: Rule::OverSilence,
                severity,
                span: cue.span,
                cue: Some(*index),
                text: "nobody was heard speaking during this cue".to_owned(),
            });
        }
    }
    check_music(heard, cues, to_speech, profile, report);
    report.summary.coverage = coverage::share(&heard.speech, &spans);
    let spoken_at_all = report.summary.coverage.is_some();
    report.summary.longest_uncaptioned =
        spoken_at_all.then(|| longest.unwrap_or_default().secs_f64());
    report.summary.sync = sync;
}

fn offset(sync: &Sync, span: Span, profile: &Profile) -> Option<Finding> {
    let (limits, how) = if sync.offset < 0.0 {
        (profile.early, "early")
    } else {
        (profile.late, "late")
    };
    let seconds = sync.offset.abs();
    let (severity, limit) = limits.above(seconds)?;
    let name = &profile.name;
    (seconds > sync.offset_error).then(|| Finding {
        rule: Rule::Offset,
        severity,
        span,
        cue: None,
        text: format!("all cues are {seconds:.2} s {how}; {name} allows {limit} s"),
    })
}

fn drift(sync: &Sync, span: Span, profile: &Profile) -> Option<Finding> {
    let drift = sync.certain_drift();
    let gained = (drift * span.duration().secs_f64()).abs();
    let (severity, limit) = profile.drift.above(gained)?;
    let (name, ppm) = (&profile.name, drift * 1e6);
    let how = if drift < 0.0 { "earlier" } else { "later" };
    Some(Finding {
        rule: Rule::Drift,
        severity,
        span,
        cue: None,
        text: format!(
            "the last cue is {gained:.2} s {how} against the speech than the first ({ppm:.0} ppm); \
             {name} allows {limit} s"
        ),
    })
}

fn check_music(
    heard: &Heard,
    cues: &[(usize, &Cue)],
    to_speech: impl Fn(Span) -> Span,
    profile: &Profile,
    report: &mut Report,
) {
    let labels = cues
        .iter()
        .filter(|(_, cue)| names_sound(&cue.plain_text()))
        .map(|(_, cue)| coverage::widened(to_speech(cue.span), LABEL_WITHIN));
    let labels = union(labels);
    for span in coverage::music(heard) {
        if let Some(severity) = profile.no_sound_label.filter(|_| !touches(&labels, span)) {
            let seconds = span.duration().secs_f64();
            report.findings.push(Finding {
                rule: Rule::NoSoundLabel,
                severity,
                span,
                cue: None,
                text: format!("{seconds:.0} s of music that no cue names, such as [music]"),
            });
        }
    }
}

/// Checks that a cue names its speaker where another person speaks than before; without knowledge of
/// the voices, that any cue does.
fn check_speakers(
    voices: &[Voice],
    cues: &[(usize, &Cue)],
    to_speech: impl Fn(Span) -> Span,
    profile: &Profile,
    report: &mut Report,
) {
    let Some(severity) = profile.no_speaker else {
        return;
    };
    let mut add = |span, cue, text| {
        report.findings.push(Finding {
            rule: Rule::NoSpeaker,
            severity,
            span,
            cue,
            text,
        });
    };
    if voices.is_empty() {
        let is_named = cues.iter().any(|(_, cue)| names_speaker(cue));
        if let (false, Some((_, first)), Some((_, last))) = (is_named, cues.first(), cues.last()) {
            let span = Span::new(first.span.start, last.span.end);
            add(
                span,
                None,
                "no cue names a speaker; several speakers need names".to_owned(),
            );
        }
        return;
    }
    let several = voices
        .iter()
        .any(|voice| voice.speaker != voices[0].speaker);
    let mut last: Option<&str> = None;
    for (index, cue) in cues.iter().filter(|_| several) {
        let span = to_speech(cue.span);
        let Some(speaker) = speaker(voices, span) else {
            continue;
        };
        if last != Some(speaker) && !names_speaker(cue) {
            let text = format!("{speaker} begins to speak here and is not named");
            add(cue.span, Some(*index), text);
        }
        last = Some(speaker);
    }
}

/// Returns who speaks for the longest part of a span.
fn speaker(voices: &[Voice], span: Span) -> Option<&str> {
    let mut longest: Option<(Time, &str)> = None;
    for voice in voices {
        if let Some(shared) = voice.span.intersection(span) {
            let shared = shared.duration();
            if longest.is_none_or(|(other, _)| shared > other) {
                longest = Some((shared, &voice.speaker));
            }
        }
    }
    longest.map(|(_, speaker)| speaker)
}

/// The report as a file. Times are in seconds.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Written<'a> {
    profile: &'a str,
    fails: usize,
    warnings: usize,
    cues: usize,
    coverage: Option<f64>,
    longest_uncaptioned: Option<f64>,
    offset: Option<f64>,
    offset_error: Option<f64>,
    drift_ppm: Option<f64>,
    drift_error_ppm: Option<f64>,
    findings: Vec<WrittenFinding<'a>>,
}

#[derive(Serialize)]
struct WrittenFinding<'a> {
    start: f64,
    end: f64,
    rule: Rule,
    severity: Severity,
    basis: Basis,
    /// Number of the cue, from 1.
    cue: Option<usize>,
    text: &'a str,
}

impl Report {
    /// Writes the report as JSON.
    pub fn to_json(&self) -> String {
        let Summary {
            fails,
            warnings,
            cues,
            coverage,
            longest_uncaptioned,
            sync,
        } = self.summary;
        let findings = self.findings.iter().map(|finding| WrittenFinding {
            start: finding.span.start.secs_f64(),
            end: finding.span.end.secs_f64(),
            rule: finding.rule,
            severity: finding.severity,
            basis: finding.rule.basis(),
            cue: finding.cue.map(|index| index + 1),
            text: &finding.text,
        });
        let written = Written {
            profile: &self.profile,
            fails,
            warnings,
            cues,
            coverage,
            longest_uncaptioned,
            offset: sync.map(|sync| sync.offset),
            offset_error: sync.map(|sync| sync.offset_error),
            drift_ppm: sync.map(|sync| sync.drift * 1e6),
            drift_error_ppm: sync.map(|sync| sync.drift_error * 1e6),
            findings: findings.collect(),
        };
        // Everything in a report can be written as JSON.
        let mut text = serde_json::to_string_pretty(&written).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Writes the findings as WebVTT, one cue each at its time, for a caption editor.
    pub fn to_webvtt(&self) -> String {
        let cues = self.findings.iter().map(|finding| {
            let cue = finding.cue.map(|index| format!(" (cue {})", index + 1));
            let text = format!(
                "{}: {}{}\n{}",
                finding.severity,
                finding.rule,
                cue.unwrap_or_default(),
                finding.text
            );
            Cue::new(finding.span, &text)
        });
        Document::new(cues).to_string()
    }
}
