// SPDX-License-Identifier: MPL-2.0

//! A set of captions broken one rule at a time, and a good one.

use super::*;
use crate::timeline::{Span, Time};
use crate::webvtt::Cue;

fn millis(start: u64, end: u64) -> Span {
    Span::new(Time::from_millis(start), Time::from_millis(end))
}

/// Texts of two lines that can be read in three seconds.
const TEXT: &str = "We look at the first\nof these";

/// A class with pauses: utterances of about 3 s, music of 8 s at the end. The pauses differ, so
/// that they fit nowhere else.
fn heard() -> Heard {
    let mut at = 2000;
    let speech = (0..60_u64).map(|n| {
        let span = millis(at, at + 3000);
        at += 4000 + n * n * 37 % 1700;
        span
    });
    let speech: Vec<Span> = speech.collect();
    let end = speech.last().map_or(0, |span| span.end.millis());
    Heard {
        speech,
        music: vec![millis(end + 3000, end + 11_000)],
        over_music: Vec::new(),
    }
}

/// Good captions of that class.
fn good() -> Vec<Cue> {
    let heard = heard();
    let speech = heard.speech.iter().enumerate();
    let mut cues: Vec<Cue> = speech
        .map(|(index, span)| Cue {
            text: match index {
                0 => format!("<v Ada>{TEXT}</v>"),
                _ => TEXT.to_owned(),
            },
            span: *span,
            ..Cue::default()
        })
        .collect();
    let music = heard.music[0];
    cues.push(Cue::new(
        Span::new(music.start, music.start.saturating_add(Time::from_secs(3))),
        "[music]",
    ));
    cues
}

fn voices(change_at: usize) -> Vec<Voice> {
    let speech = heard().speech.into_iter().enumerate();
    let voices = speech.map(|(index, span)| Voice {
        span,
        speaker: if index < change_at { "Ada" } else { "Bo" }.to_owned(),
    });
    voices.collect()
}

fn report(cues: &[Cue], voices: &[Voice]) -> Report {
    let heard = heard();
    let material = Material {
        cues,
        heard: Some(&heard),
        voices,
    };
    check(&material, &Profile::named("wcag").expect("it is built in"))
}

/// A rule, the severity to find, and the change that breaks the rule.
type Break = (Rule, Severity, fn(&mut Vec<Cue>));

fn shift(cues: &mut [Cue], to: impl Fn(u64) -> u64) {
    for cue in cues {
        cue.span = millis(to(cue.span.start.millis()), to(cue.span.end.millis()));
    }
}

const BREAKS: [Break; 17] = [
    (Rule::Overlap, Severity::Fail, |cues| {
        cues[4].span.end = cues[5].span.start.saturating_add(Time::from_millis(100));
    }),
    (Rule::Lines, Severity::Fail, |cues| {
        cues[4].text = "We look at the\nfirst of these\ntoday".to_owned();
    }),
    (Rule::LineLength, Severity::Fail, |cues| {
        cues[4].text = "Incomprehensible misrepresentations occurred".to_owned();
    }),
    (Rule::LineLength, Severity::Warn, |cues| {
        cues[4].text = "Characteristic phenomena of today".to_owned();
    }),
    (Rule::TooShort, Severity::Fail, |cues| {
        cues[4].text = "So".to_owned();
        cues[4].span.end = cues[4].span.start.saturating_add(Time::from_millis(800));
    }),
    (Rule::TooShort, Severity::Warn, |cues| {
        cues[4].text = "So".to_owned();
        cues[4].span.end = cues[4].span.start.saturating_add(Time::from_millis(1200));
    }),
    (Rule::TooLong, Severity::Fail, |cues| {
        cues[4].span.end = cues[4].span.start.saturating_add(Time::from_millis(7100));
        cues.remove(5);
    }),
    (Rule::ReadingSpeed, Severity::Fail, |cues| {
        cues[4].text = "Incomprehensibilities and\nmisrepresentations overwhelmed".to_owned();
        cues[4].span.end = cues[4].span.start.saturating_add(Time::from_millis(2600));
    }),
    (Rule::ReadingSpeed, Severity::Warn, |cues| {
        cues[4].text = "We do it as it is for us all\nif we can".to_owned();
    }),
    (Rule::Offset, Severity::Fail, |cues| {
        shift(cues, |time| time + 1200);
    }),
    (Rule::Offset, Severity::Fail, |cues| {
        shift(cues, |time| time.saturating_sub(900));
    }),
    (Rule::Drift, Severity::Warn, |cues| {
        shift(cues, |time| time + time.saturating_sub(60_000) / 1000);
    }),
    (Rule::Drift, Severity::Fail, |cues| {
        shift(cues, |time| (time + time / 400).saturating_sub(400));
    }),
    (Rule::Uncaptioned, Severity::Fail, |cues| {
        cues.remove(4);
        cues.remove(4);
    }),
    (Rule::OverSilence, Severity::Warn, |cues| {
        let music = cues.pop().expect("a cue");
        let late = |ms: u64| music.span.end.millis() + 20_000 + ms;
        let more = Cue::new(millis(late(0), late(3000)), "So that was it");
        cues.extend([music, more]);
    }),
    (Rule::NoSpeaker, Severity::Warn, |cues| {
        cues[0].text = TEXT.to_owned();
    }),
    (Rule::NoSoundLabel, Severity::Warn, |cues| {
        cues.pop();
    }),
];

#[test]
fn good_captions_break_no_rule() {
    let report = report(&good(), &[]);
    assert_eq!(report.findings, []);
    let summary = report.summary;
    assert_eq!((summary.fails, summary.warnings, summary.cues), (0, 0, 61));
    assert!(summary.coverage.is_some_and(|share| share > 0.99));
    assert_eq!(summary.longest_uncaptioned, Some(0.0));
    let sync = summary.sync.expect("measured");
    assert!(
        sync.offset.abs() < 0.01 && sync.certain_drift() == 0.0,
        "{sync:?}"
    );
}

#[test]
fn each_broken_rule_is_found_and_no_other() {
    for (index, (rule, severity, change)) in BREAKS.iter().enumerate() {
        let mut cues = good();
        change(&mut cues);
        let report = report(&cues, &[]);
        let found: Vec<(Rule, Severity)> = report
            .findings
            .iter()
            .map(|finding| (finding.rule, finding.severity))
            .collect();
        assert!(!found.is_empty(), "{index}: {rule}");
        let only = found.iter().all(|found| *found == (*rule, *severity));
        assert!(only, "{index}: {rule}: {:#?}", report.findings);
    }
}

#[test]
fn a_new_speaker_needs_a_name_where_the_voices_are_known() {
    let mut cues = good();
    assert_eq!(report(&cues, &voices(60)).findings, []);
    let found = report(&cues, &voices(20)).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].rule, found[0].cue), (Rule::NoSpeaker, Some(20)));
    cues[20].text = format!("BO: {TEXT}");
    assert_eq!(report(&cues, &voices(20)).findings, []);
}

#[test]
fn without_audio_the_rules_about_speech_are_not_checked() {
    let mut cues = good();
    cues.remove(9);
    cues.remove(9);
    let material = Material {
        cues: &cues,
        heard: None,
        voices: &[],
    };
    let report = check(&material, &Profile::named("wcag").expect("it is built in"));
    assert_eq!(report.findings, []);
    assert_eq!((report.summary.coverage, report.summary.sync), (None, None));
}

#[test]
fn each_profile_has_its_own_limits() {
    let profile = |name| Profile::named(name).expect("it is built in");
    let found = |name, cues: &[Cue]| -> Vec<(Rule, Severity)> {
        let heard = heard();
        let material = Material {
            cues,
            heard: Some(&heard),
            voices: &[],
        };
        let findings = check(&material, &profile(name)).findings;
        let found = findings
            .iter()
            .map(|finding| (finding.rule, finding.severity));
        found.collect()
    };
    let mut cues = good();
    // 40 columns, then 36.
    cues[4].text = "Characteristic representations of today".to_owned();
    cues[6].text = "Characteristic representation of it".to_owned();
    let (fail, warn) = (Severity::Fail, Severity::Warn);
    assert_eq!(found("dcmp", &cues), [(Rule::LineLength, fail); 2]);
    assert_eq!(found("bbc", &cues), [(Rule::LineLength, fail)]);
    assert_eq!(found("netflix-en", &cues), []);
    assert_eq!(found("wcag", &cues), [(Rule::LineLength, warn); 2]);
    // Two frames of pause for Netflix, none or a second for the BBC.
    let mut cues = good();
    cues[4].span.end = cues[5].span.start.saturating_sub(Time::from_millis(40));
    assert_eq!(found("netflix-en", &cues), [(Rule::Gap, fail)]);
    assert_eq!(found("bbc", &cues), [(Rule::Gap, warn)]);
    cues[4].span.end = cues[5].span.start;
    assert_eq!(found("bbc", &cues), []);
    // A late cue, in sync for the BBC.
    let mut cues = good();
    shift(&mut cues, |time| time + 1700);
    assert_eq!(found("bbc", &cues), []);
    assert_eq!(found("netflix-en", &cues), [(Rule::Offset, fail)]);
}

#[test]
fn a_file_changes_some_limits_of_a_profile() {
    let text = r#"{ "name": "school", "based-on": "bbc", "line-length": { "fail": 30 },
        "no-speaker": null, "too-long": {} }"#;
    let profile = Profile::read(text.as_bytes()).expect("a profile");
    assert_eq!(profile.name, "school");
    let limits = Limits {
        fail: Some(30.0),
        warn: None,
    };
    assert_eq!(profile.line_length, limits);
    assert_eq!(
        (profile.no_speaker, profile.too_long),
        (None, Limits::default())
    );
    let bbc = Profile::named("bbc").expect("it is built in");
    assert_eq!(profile.late, bbc.late);
    for (text, part) in [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        (r#"{ "line-lenght": { "fail": 30 } }"#, "line-lenght"),
        (r#"{ "lines": { "fails": 2 } }"#, "fails"),
        (r#"{ "lines": { "fail": -2 } }"#, "lines is below zero"),
        (r#"{ "based-on": "ebu" }"#, "wcag, dcmp"),
        (r#"{ "overlap": "error" }"#, "error"),
    ] {
        let error = Profile::read(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn the_schema_lists_every_field_of_a_profile() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let profile = Profile::named("netflix-en").expect("it is built in");
    let fields = serde_json::to_value(profile).expect("JSON");
    let listed = schema["properties"].as_object().expect("properties");
    let fields = fields.as_object().expect("an object");
    for field in fields.keys() {
        assert!(listed.contains_key(field), "{field}");
    }
    assert_eq!(listed.len(), fields.len() + 2);
}

#[test]
fn wide_characters_have_two_columns_and_no_spaces_are_words() {
    let text = "今日は画像処理の最初の講義です、皆さんようこそ";
    let cues = [Cue::new(millis(0, 3000), text)];
    let material = Material {
        cues: &cues,
        heard: None,
        voices: &[],
    };
    let mut profile = Profile::named("wcag").expect("it is built in");
    profile.no_speaker = None;
    let found = check(&material, &profile).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].text, "46 characters in a line; wcag allows 42");
}

#[test]
fn a_report_is_json_and_captions_of_findings() {
    let mut cues = good();
    cues[4].text = "a <b>lot</b> of &lt;script&gt; ".repeat(40);
    let report = report(&cues, &[]);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
    assert_eq!(json["fails"], 2);
    assert_eq!(json["findings"][0]["rule"], "line-length");
    assert_eq!(json["findings"][0]["cue"], 5);
    assert_eq!(json["findings"][0]["basis"], "profile");
    let document = crate::webvtt::read(report.to_webvtt().as_bytes()).expect("WebVTT");
    assert_eq!(document.problems, []);
    let shown: Vec<&Cue> = document.cues().collect();
    assert_eq!(shown.len(), report.findings.len());
    assert_eq!(shown[0].span, cues[4].span);
    assert!(
        shown[0]
            .plain_text()
            .starts_with("fail: line-length (cue 5)\n")
    );
}
