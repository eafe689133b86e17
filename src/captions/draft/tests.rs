// SPDX-License-Identifier: MPL-2.0

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::captions::{Material, Profile, Report, Rule, Severity, check};

fn word(text: &str, start: f64, end: f64) -> Word {
    Word {
        text: text.to_owned(),
        span: Span::new(Time::from_secs_f64(start), Time::from_secs_f64(end)),
        is_estimated: false,
        speaker: None,
    }
}

/// A transcript of these words, spoken at this many per second, with a pause where a text ends.
fn transcript(texts: &[&str], rate: f64, pause: f64) -> Transcript {
    let mut transcript = Transcript::default();
    let mut at = 1.0;
    for text in texts {
        let start = at;
        for text in text.split_whitespace() {
            transcript.words.push(word(text, at, at + 0.9 / rate));
            at += 1.0 / rate;
        }
        transcript.passages.push(Span::new(
            Time::from_secs_f64(start),
            Time::from_secs_f64(at),
        ));
        at += pause;
    }
    transcript
}

fn texts(draft: &Draft) -> Vec<String> {
    draft.cues.iter().map(Cue::plain_text).collect()
}

#[test]
fn cues_end_where_clauses_end() {
    let text = "Today we look at the first part of signal processing, and we begin with the \
                sampling theorem. It says that a signal can be restored if it was sampled twice \
                as fast as its highest frequency.";
    let draft = draft(&transcript(&[text], 2.5, 1.0), None, Options::default());
    assert_eq!(
        texts(&draft),
        [
            "Today we look at the first\npart of signal processing,",
            "and we begin with the sampling theorem.\nIt says that a signal can be restored",
            "if it was sampled twice as\nfast as its highest frequency.",
        ]
    );
}

#[test]
fn a_speaker_is_named_and_never_shares_a_cue() {
    let mut transcript = transcript(&["Any questions? Yes, one."], 2.0, 1.0);
    for (index, word) in transcript.words.iter_mut().enumerate() {
        word.speaker = Some(if index < 2 { "Ada" } else { "Bo & Co" }.to_owned());
    }
    let draft = draft(&transcript, None, Options::default());
    let texts: Vec<&str> = draft.cues.iter().map(|cue| &*cue.text).collect();
    assert_eq!(
        texts,
        ["<v Ada>Any questions?</v>", "<v Bo &amp; Co>Yes, one.</v>"]
    );
}

#[test]
fn fast_speech_keeps_its_words_and_is_marked() {
    let text = "extraordinarily incomprehensible misrepresentations notwithstanding counterclaims";
    let draft = draft(&transcript(&[text], 4.0, 0.0), None, Options::default());
    assert_eq!(draft.kept, 5);
    let fast = draft
        .changes
        .iter()
        .filter(|change| matches!(change, Change::Fast { .. }));
    assert!(fast.count() > 0, "{draft:#?}");
    let written = draft.document().to_string();
    assert!(written.contains("NOTE\ntoo fast to read: "), "{written}");
}

#[test]
fn fillers_are_dropped_on_request_and_listed() {
    let transcript = transcript(&["So um, this is, uh, it, um."], 2.0, 1.0);
    let kept = draft(&transcript, None, Options::default());
    assert_eq!(texts(&kept), ["So um, this is, uh, it, um."]);
    let dropped = draft(&transcript, None, Options { drop_fillers: true });
    assert_eq!(texts(&dropped), ["So this is, it,"]);
    assert_eq!((dropped.words, dropped.kept), (7, 4));
    let listed: Vec<String> = dropped.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        listed,
        [
            "\"um,\" is left out",
            "\"uh,\" is left out",
            "\"um.\" is left out"
        ]
    );
}

#[test]
fn words_of_a_passage_lie_in_its_speech() {
    let text = "WEBVTT\n\n00:00.000 --> 00:10.000\none two six ten\n";
    let transcript = Transcript::read(text.as_bytes(), None).expect("a transcript");
    let speech = [(1000, 3000), (7000, 9000)]
        .map(|(start, end)| Span::new(Time::from_millis(start), Time::from_millis(end)));
    let draft = draft(&transcript, Some(&speech), Options::default());
    let spans: Vec<(u64, u64)> = draft
        .cues
        .iter()
        .map(|cue| (cue.span.start.millis(), cue.span.end.millis()))
        .collect();
    assert_eq!(texts(&draft), ["one two", "six ten"]);
    assert_eq!(spans[0].0, 1000);
    assert_eq!(spans[1].0, 7000);
}

#[test]
fn text_without_spaces_is_divided_too() {
    let text = "今日は画像処理の最初の講義です。皆さんようこそ。".repeat(6);
    let file = format!("WEBVTT\n\n00:00.000 --> 00:50.000\n{text}\n");
    let transcript = Transcript::read(file.as_bytes(), None).expect("a transcript");
    let draft = draft(&transcript, None, Options::default());
    assert!(draft.cues.len() >= 4, "{draft:#?}");
    let joined: String = texts(&draft).concat().replace('\n', "");
    assert_eq!(joined, text);
}

fn any_words() -> impl Strategy<Value = Vec<Word>> {
    let any = (
        "[a-zA-Z]{1,12}[.,?]{0,1}",
        0.0..2.5_f64,
        0.05..0.9_f64,
        0..8_u8,
    );
    proptest::collection::vec(any, 1..120).prop_map(|words| {
        let mut at = 0.0;
        let words = words.into_iter().map(|(text, pause, length, speaker)| {
            let start = at + if pause < 1.2 { 0.0 } else { pause };
            at = start + length;
            let mut word = word(&text, start, at);
            word.speaker = (speaker == 0).then(|| "Ada".to_owned());
            word
        });
        words.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_word_is_lost_and_every_cue_has_the_shape(words in any_words()) {
        let transcript = Transcript { words, passages: Vec::new() };
        let draft = draft(&transcript, None, Options::default());
        let written: Vec<String> = texts(&draft)
            .iter()
            .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let given: Vec<String> = transcript.words.iter().map(|word| word.text.clone()).collect();
        prop_assert_eq!(written, given);
        for pair in draft.cues.windows(2) {
            prop_assert!(pair[0].span.end <= pair[1].span.start);
        }
        for cue in &draft.cues {
            let text = cue.plain_text();
            prop_assert!(text.lines().count() <= 2);
            prop_assert!(text.lines().all(|line| line.width() <= layout::COLUMNS));
            prop_assert!(cue.span.duration() <= Time::from_millis(7300));
            prop_assert!(!cue.span.is_empty());
        }
    }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name)
}

/// Reads the words of a real lecture as a recogniser would write them: utterances end at pauses.
fn lecture(path: &Path) -> Transcript {
    let text = std::fs::read_to_string(path).expect("it can be read");
    let mut transcript = Transcript::default();
    for line in text.lines().skip(1) {
        let mut fields = line.split('\t');
        let mut time = || fields.next().and_then(|text| text.parse::<f64>().ok());
        if let (Some(start), Some(end), Some(text)) = (time(), time(), line.rsplit('\t').next()) {
            transcript.words.push(word(text, start, end.max(start)));
        }
    }
    transcript.words.sort_by_key(|word| word.span.start);
    for word in &transcript.words {
        match transcript.passages.last_mut() {
            Some(last) if word.span.start.saturating_sub(last.end) < Time::from_millis(500) => {
                last.end = last.end.max(word.span.end);
            }
            _ => transcript.passages.push(word.span),
        }
    }
    transcript
}

fn report(cues: &[Cue]) -> Report {
    let material = Material {
        cues,
        heard: None,
        voices: &[],
    };
    check(&material, &Profile::wcag())
}

fn fails(report: &Report) -> usize {
    let cues = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Fail);
    cues.count()
}

/// Real lectures, and real meetings as their platform captioned them.
#[test]
fn drafts_of_real_transcripts_break_few_rules() {
    let mut count = 0;
    for name in ["image-processing", "short-range", "team-dynamics"] {
        let path = data(&format!("lectures/{name}/words.tsv"));
        if !path.exists() {
            println!("skipped: {} is missing", path.display());
            continue;
        }
        let transcript = lecture(&path);
        let before: Vec<Cue> = transcript
            .passages
            .iter()
            .map(|passage| {
                let words = transcript.words.iter();
                let inside: Vec<Word> = words
                    .filter(|word| passage.contains(word.span.start))
                    .cloned()
                    .collect();
                Cue::new(*passage, &joined(&inside))
            })
            .collect();
        count += compare(name, &before, &transcript);
    }
    for number in 1..=5 {
        let name = format!("topics/meetings/meeting-{number}.transcript.vtt");
        let Ok(bytes) = std::fs::read(data(&name)) else {
            println!("skipped: {name} is missing");
            continue;
        };
        let before = webvtt::captions::read(&bytes).expect("captions");
        let before: Vec<Cue> = before.cues().cloned().collect();
        let transcript = Transcript::read(&bytes, Some("en")).expect("a transcript");
        count += compare(&name, &before, &transcript);
    }
    println!("{count} transcripts");
}

fn compare(name: &str, before: &[Cue], transcript: &Transcript) -> usize {
    let draft = draft(transcript, None, Options::default());
    assert_eq!(draft.kept, transcript.words.len());
    let (was, is) = (report(before), report(&draft.cues));
    println!(
        "{name}: fails {} of {} cues before, {} of {} after; warnings {} and {}",
        fails(&was),
        before.len(),
        fails(&is),
        draft.cues.len(),
        was.summary.warnings,
        is.summary.warnings,
    );
    // Speech that is faster than it can be read remains, and is marked.
    let marked = draft.changes.iter();
    let marked = marked.filter(|change| matches!(change, Change::Fast { .. }));
    let fast = is
        .findings
        .iter()
        .filter(|finding| finding.rule == Rule::ReadingSpeed && finding.severity == Severity::Fail);
    let fast = fast.count();
    assert_eq!(fast, marked.count(), "{name}");
    assert!((fails(&is) - fast) * 100 <= draft.cues.len(), "{name}");
    assert!(fails(&is) * 4 <= fails(&was), "{name}");
    1
}
