// SPDX-License-Identifier: MPL-2.0

//! The policy: speech, music and slide changes decide what is not part of the class.
//!
//! Sparse talk ("can everyone hear me?") is not the class, sustained talk is. A talk is sustained
//! once its utterances outweigh the pauses between them. If there is no sustained talk, only silent
//! edges are cut. In case of doubt everything is kept.

use super::HEARD_WITHIN;
pub use super::evidence::Evidence;
use super::evidence::{NO_INTERJECTION, Run, runs};
use super::opening::{closes, is_off_the_lobby, opening};
use crate::timeline::{Span, Time};

/// Event at which the class starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StartAt {
    /// Sustained speech, combined with the slides.
    #[default]
    Auto,
    /// The first speech, sparse or not.
    Speech,
    /// The first slide change; without one as `Auto`.
    Slide,
}

/// Kinds of dead air to cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// Before and after the class.
    #[default]
    Edges,
    /// Long breaks inside as well.
    All,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    pub start_at: StartAt,
    pub scope: Scope,
    /// Shortest dead air at the edges, beyond the lead-in and the lead-out, that is cut.
    pub min_silence: Time,
    /// Shortest break inside that is cut.
    pub min_break: Time,
    /// Time kept before the first speech; less if a slide appears in between, since the content
    /// before is the lobby's.
    pub lead_in: Time,
    /// Time kept after the last speech; less if the slide disappears in between.
    pub lead_out: Time,
    /// Length above which cuts are marked for review; a quarter of the recording also counts.
    pub review_above: Time,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            start_at: StartAt::Auto,
            scope: Scope::Edges,
            min_silence: Time::from_millis(500),
            min_break: Time::from_secs(60),
            lead_in: Time::from_secs(1),
            lead_out: Time::from_secs(3),
            review_above: Time::from_secs(15 * 60),
        }
    }
}

/// Position of a cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Before,
    Inside,
    After,
}

/// A span that is not part of the class.
#[derive(Clone, PartialEq, Debug)]
pub struct Cut {
    pub span: Span,
    pub place: Place,
    /// Reason, for the person who reviews it.
    pub reason: String,
    /// Confidence, 0 to 1.
    pub confidence: f64,
    /// Speech inside the cut.
    pub speech: Time,
    /// Whether a person should check it.
    pub review: bool,
}

/// Seconds of speech that a second of pause outweighs.
const PAUSE_WEIGHT: f64 = 0.7;
/// Seconds by which speech must outweigh the pauses before a class has begun …
const BEGUN: f64 = 10.0;
/// … and after a pause for it to continue.
const GOES_ON: f64 = 5.0;
/// Longest time between the end of such a run and the class.
const NEAR: Time = Time::from_secs(20);
/// Longest pause that does not interrupt a class.
const BREATH: Time = Time::from_millis(3500);
/// Longest time for which somebody teaches against music: a slide that appeared earlier in it is
/// the lobby's, and an earlier voice sings.
const AGAINST_MUSIC: Time = Time::from_secs(30);
/// Longest time between a slide and the end of music that was turned off for it.
const TURNED_OFF: Time = Time::from_secs(3);

/// Confidence below which cuts are marked for review.
const DOUBTFUL: f64 = 0.5;
/// Confidence in a cut of speech that may belong to the class.
const AT_MOST: f64 = 0.45;

/// The class as far as it is known.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Class {
    /// First and last speech; the end advances with the class.
    pub span: Span,
    /// Whether it begins with sustained speech, not just with any.
    pub sustained: bool,
}

/// Finds the class in the evidence so far; returns `None` if there is no speech. A class that is
/// not `sustained` reaches from the first speech to the last.
pub fn class(evidence: &Evidence) -> Option<Class> {
    let runs = runs(&evidence.speech);
    let (first, last) = (runs.first()?, runs.last()?);
    let Some((begin, sure)) = begin(&runs) else {
        return Some(Class {
            span: Span::new(first.span.start, last.span.end),
            sustained: false,
        });
    };
    let mut end = sure;
    let mut chain: Option<f64> = None;
    for index in sure + 1..runs.len() {
        let pause = runs[index]
            .span
            .start
            .saturating_sub(runs[index - 1].span.end);
        let weight = chain.map_or(0.0, |weight| {
            (weight - PAUSE_WEIGHT * pause.secs_f64()).max(0.0)
        }) + runs[index].speech;
        let connected = end + 1 == index && pause < BREATH;
        if connected
            || weight >= GOES_ON
            || closes(&evidence.slides, runs[end].span.end, &runs[index])
        {
            end = index;
            chain = None;
        } else {
            chain = Some(weight);
        }
    }
    let start = opening(evidence, runs[begin].span.start);
    let span = Span::new(start, runs[end].span.end);
    Some(Class {
        span: Span::new(
            start_under_music(evidence, span.start),
            end_under_music(evidence, span.end),
        ),
        sustained: true,
    })
}

/// Returns the start of a class whose speech is detected from `start` on. Music that is still
/// playing when somebody begins hides the first sentences. Hints of a voice over it lead back to
/// them, and so does a slide that appeared while it played.
fn start_under_music(evidence: &Evidence, start: Time) -> Time {
    let mut music = evidence.music.iter().rev();
    let before = |music: &&Span| music.start < start && start.saturating_sub(music.end) < NEAR;
    let Some(music) = music.find(before).copied() else {
        return start;
    };
    let mut first = start;
    for voice in evidence.over_music.iter().rev() {
        let near = first.saturating_sub(voice.end) < NEAR;
        if voice.end <= start && near && voice.start >= music.start {
            first = first.min(voice.start);
        }
    }
    let is_song = music.end.saturating_sub(first) > AGAINST_MUSIC;
    if first < start && !is_song {
        return first;
    }
    // Slides that change all along are the lobby's; the last of them may be the class's first.
    let slides = evidence.slides.iter().map(|slide| slide.end);
    let mut slides = slides.filter(|slide| *slide > music.start && *slide < start);
    let against = |slide: &Time| {
        let went_on = music.end.saturating_sub(*slide);
        went_on > TURNED_OFF && went_on < AGAINST_MUSIC
    };
    let first = slides.next();
    let slide = first
        .filter(against)
        .or_else(|| slides.next_back().filter(against));
    slide.unwrap_or(start)
}

/// Returns the end of a class whose speech is detected until `end`: the last words may be said when
/// the music has begun.
fn end_under_music(evidence: &Evidence, end: Time) -> Time {
    let next = evidence.music.iter().find(|music| music.end > end);
    let Some(music) = next.filter(|music| music.start.saturating_sub(end) < BREATH) else {
        return end;
    };
    let voices = evidence.over_music.iter();
    let voices = voices.filter(|voice| voice.start >= end && voice.end <= music.end);
    voices.fold(end, |last, voice| {
        let near = voice.start.saturating_sub(last) < BREATH;
        if near { voice.end } else { last }
    })
}

/// Returns the cuts of a recording of this length; none if there is no speech. A silent microphone
/// is not a reason to cut.
pub fn cuts(evidence: &Evidence, duration: Time, settings: &Settings) -> Vec<Cut> {
    let Some(class) = class(evidence) else {
        return Vec::new();
    };
    let kept = Span::new(
        start(evidence, class, settings),
        end(evidence, class, settings).min(duration),
    );
    let mut cuts = Vec::new();
    if kept.start >= settings.min_silence {
        let span = Span::new(Time::ZERO, kept.start);
        cuts.push(edge(
            span,
            Place::Before,
            evidence,
            class,
            settings,
            duration,
        ));
    }
    if settings.scope == Scope::All {
        cuts.extend(breaks(evidence, kept, duration, settings));
    }
    if duration.saturating_sub(kept.end) >= settings.min_silence {
        let span = Span::new(kept.end, duration);
        cuts.push(edge(
            span,
            Place::After,
            evidence,
            class,
            settings,
            duration,
        ));
    }
    cuts
}

/// Returns the start of the kept part.
pub fn start(evidence: &Evidence, class: Class, settings: &Settings) -> Time {
    let speech = match settings.start_at {
        StartAt::Slide if !evidence.slides.is_empty() => {
            return evidence
                .slides
                .first()
                .map_or(Time::ZERO, |slide| slide.end);
        }
        StartAt::Speech => evidence.speech.first().map_or(class.span, |first| *first),
        StartAt::Slide | StartAt::Auto => class.span,
    };
    let earliest = speech.start.saturating_sub(settings.lead_in);
    let latest = speech.start.saturating_sub(HEARD_WITHIN);
    let slides = evidence.slides.iter().map(|slide| slide.end);
    let slide = slides.take_while(|slide| *slide <= latest).last();
    slide.map_or(earliest, |slide| slide.max(earliest))
}

/// Returns the end of the kept part.
pub fn end(evidence: &Evidence, class: Class, settings: &Settings) -> Time {
    let latest = class.span.end.saturating_add(settings.lead_out);
    let earliest = class.span.end.saturating_add(HEARD_WITHIN);
    let mut slides = evidence.slides.iter().map(|slide| slide.start);
    let slide = slides.find(|slide| *slide >= earliest);
    slide.map_or(latest, |slide| slide.min(latest))
}

/// Returns the run with which the class begins, and the one with which that became certain.
fn begin(runs: &[Run]) -> Option<(usize, usize)> {
    let (mut weight, mut first) = (0.0, 0);
    let sure = runs.iter().enumerate().position(|(index, run)| {
        if let Some(before) = index.checked_sub(1) {
            let pause = run.span.start.saturating_sub(runs[before].span.end);
            weight -= PAUSE_WEIGHT * pause.secs_f64();
        }
        if weight <= 0.0 {
            (weight, first) = (0.0, index);
        }
        weight += run.speech;
        weight >= BEGUN
    })?;
    while let Some(before) = first.checked_sub(1) {
        let near = runs[first].span.start.saturating_sub(runs[before].span.end) < NEAR;
        if !near || runs[before].speech < NO_INTERJECTION {
            break;
        }
        first = before;
    }
    Some((first, sure))
}

fn edge(
    span: Span,
    place: Place,
    evidence: &Evidence,
    class: Class,
    settings: &Settings,
    duration: Time,
) -> Cut {
    let speech = covered(&evidence.speech, span);
    let music = covered(&evidence.music, span).secs_f64() > 0.2 * span.duration().secs_f64();
    let slides = evidence
        .slides
        .iter()
        .filter(|slide| span.contains(slide.end))
        .count();
    let before = place == Place::Before;
    let side = if before { "before" } else { "after" };
    let what = match (speech > Time::ZERO, music) {
        (true, _) => "sparse talk",
        (false, true) => "music",
        (false, false) => "silence",
    };
    let with_slide = before && near_slide(evidence, class.span.start);
    let at_slide = settings.start_at == StartAt::Slide && !evidence.slides.is_empty();
    let why = match (before, speech > Time::ZERO) {
        (true, _) if at_slide => "; the first slide comes next",
        (true, true) if with_slide => "; sustained speech and slides come next",
        (true, true) => "; sustained speech comes next",
        (false, true) => "; sustained speech has ended",
        (_, false) => "",
    };
    let mut confidence: f64 = if speech == Time::ZERO {
        0.95
    } else {
        // The denser the talk, the more likely it is the class.
        let density = speech.secs_f64() / span.duration().secs_f64();
        0.85 - density.min(0.5)
    };
    if with_slide {
        confidence += 0.05;
    }
    // Somebody who changes slides may be talking into a muted microphone.
    confidence -= 0.1 * (slides.saturating_sub(1).min(4) as f64);
    let review = long(span, duration, settings) || confidence < DOUBTFUL;
    let mut cut = Cut {
        span,
        place,
        reason: format!("{what} {side} the class{why}"),
        confidence: confidence.clamp(0.05, 0.99),
        speech,
        review,
    };
    doubt(&mut cut, evidence);
    cut
}

/// Updates the speech in a cut, and marks the cut for review if somebody speaks in it outside of
/// the lobby's page.
pub(super) fn doubt(cut: &mut Cut, evidence: &Evidence) {
    cut.speech = covered(&evidence.speech, cut.span);
    let is_off = |before| is_off_the_lobby(evidence, cut.span, before);
    let why = match cut.place {
        Place::Before if is_off(true) => "after the lobby's page has gone",
        Place::After if is_off(false) => "before the lobby's page has come",
        _ => return,
    };
    if cut.confidence >= DOUBTFUL {
        cut.confidence = AT_MOST;
    }
    cut.review = true;
    let note = format!("; somebody speaks {why}");
    if !cut.reason.ends_with(&note) {
        cut.reason.push_str(&note);
    }
}

fn near_slide(evidence: &Evidence, start: Time) -> bool {
    let reach = Time::from_secs(15);
    evidence
        .slides
        .iter()
        .any(|slide| slide.end.abs_diff(start) <= reach)
}

/// Returns long breaks inside the kept part, each from one activity of the class to the next.
pub fn breaks(evidence: &Evidence, kept: Span, duration: Time, settings: &Settings) -> Vec<Cut> {
    // Every activity of the class, with the time kept around it. Music may be a demonstration.
    let mut active: Vec<Span> = evidence
        .speech
        .iter()
        .map(|s| around(*s, settings))
        .chain(evidence.music.iter().map(|s| around(*s, settings)))
        .chain(evidence.slides.iter().map(|slide| around(*slide, settings)))
        .collect();
    active.sort();
    let mut at = kept.start;
    let mut cuts = Vec::new();
    for span in active {
        let pause = Span::new(at, span.start.min(kept.end));
        // The leads around it are silent, too.
        let length = pause
            .duration()
            .saturating_add(settings.lead_in)
            .saturating_add(settings.lead_out);
        if !pause.is_empty() && length >= settings.min_break {
            cuts.push(Cut {
                span: pause,
                place: Place::Inside,
                reason: "break: nobody speaks, nothing plays, no slide changes".to_string(),
                confidence: 0.7,
                speech: Time::ZERO,
                review: long(pause, duration, settings),
            });
        }
        at = at.max(span.end);
    }
    cuts
}

fn around(span: Span, settings: &Settings) -> Span {
    Span::new(
        span.start.saturating_sub(settings.lead_in),
        span.end.saturating_add(settings.lead_out),
    )
}

fn long(span: Span, duration: Time, settings: &Settings) -> bool {
    span.duration() > settings.review_above || span.duration().nanos() > duration.nanos() / 4
}

/// Returns how much of `span` these cover.
pub fn covered(spans: &[Span], span: Span) -> Time {
    spans
        .iter()
        .filter_map(|s| s.intersection(span))
        .fold(Time::ZERO, |sum, s| sum.saturating_add(s.duration()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(seconds: &[(f64, f64)]) -> Vec<Span> {
        seconds
            .iter()
            .map(|&(a, b)| Span::new(Time::from_secs_f64(a), Time::from_secs_f64(b)))
            .collect()
    }

    fn talk(from: f64, to: f64) -> Vec<(f64, f64)> {
        let count = ((to - from) / 4.0) as usize;
        (0..count)
            .map(|i| (from + 4.0 * i as f64, from + 4.0 * i as f64 + 3.2))
            .collect()
    }

    fn evidence(speech: &[(f64, f64)]) -> Evidence {
        Evidence {
            speech: spans(speech),
            ..Evidence::default()
        }
    }

    /// Makes slide changes that are seen at once.
    fn slides(seconds: &[u64]) -> Vec<Span> {
        let at = |&time| Span::new(secs(time), secs(time));
        seconds.iter().map(at).collect()
    }

    fn secs(time: u64) -> Time {
        Time::from_secs(time)
    }

    #[test]
    fn chatter_before_and_after_is_cut_and_says_so() {
        let mut speech = vec![(5.0, 7.5), (20.0, 22.0), (33.0, 35.5), (74.7, 77.2)];
        speech.extend(talk(90.0, 328.0));
        speech.extend([(335.0, 337.0), (348.0, 350.0)]);
        let mut evidence = evidence(&speech);
        evidence.slides = slides(&[78, 107, 200, 330]);
        let cuts = cuts(&evidence, secs(380), &Settings::default());
        assert_eq!(cuts.len(), 2);
        assert_eq!(cuts[0].span, Span::new(Time::ZERO, secs(89)));
        assert_eq!(cuts[0].speech, Time::from_millis(9500));
        assert!(cuts[0].reason.starts_with("sparse talk before the class"));
        assert!(cuts[0].confidence < 0.9 && cuts[0].confidence > 0.5);
        assert!(!cuts[0].review);
        let last = Time::from_secs_f64(90.0 + 58.0 * 4.0 + 3.2);
        assert_eq!(cuts[1].span.start, last.saturating_add(secs(3)));
        assert_eq!(cuts[1].speech, secs(4));
    }

    #[test]
    fn a_silent_microphone_keeps_everything() {
        let silent = Evidence {
            slides: slides(&[30, 300]),
            ..Evidence::default()
        };
        assert_eq!(cuts(&silent, secs(600), &Settings::default()), []);
    }

    #[test]
    fn where_nobody_talks_for_long_all_speech_is_kept() {
        let cuts = cuts(
            &evidence(&[(20.0, 22.0), (60.0, 63.0)]),
            secs(100),
            &Settings::default(),
        );
        let spans: Vec<Span> = cuts.iter().map(|cut| cut.span).collect();
        assert_eq!(
            spans,
            [
                Span::new(Time::ZERO, secs(19)),
                Span::new(secs(66), secs(100))
            ]
        );
        assert!(cuts.iter().all(|cut| cut.speech == Time::ZERO));
    }

    #[test]
    fn a_last_sentence_before_the_goodbye_slide_is_kept() {
        let mut speech = talk(10.0, 100.0);
        speech.push((112.0, 113.5));
        let mut with = evidence(&speech);
        assert!(class(&with).expect("speech").span.end < secs(100));
        with.slides = slides(&[9, 115]);
        assert_eq!(
            class(&with).expect("speech").span.end,
            Time::from_millis(113_500)
        );
        // The slides were gone before.
        with.slides = slides(&[9, 105, 115]);
        assert!(class(&with).expect("speech").span.end < secs(100));
    }

    #[test]
    fn the_lobby_s_slide_is_not_shown_in_the_leads() {
        let kept = |slides: &[(f64, f64)]| {
            let mut evidence = evidence(&talk(10.0, 90.0));
            evidence.slides = spans(slides);
            let cuts = cuts(&evidence, secs(120), &Settings::default());
            (cuts[0].span.end.secs_f64(), cuts[1].span.start.secs_f64())
        };
        let last = 89.2;
        assert_eq!(kept(&[]), (9.0, last + 3.0));
        assert_eq!(kept(&[(9.3, 9.5), (90.5, 90.7)]), (9.5, 90.5));
        // Several: the content shown with the first and with the last word.
        assert_eq!(
            kept(&[(9.2, 9.3), (9.5, 9.6), (90.5, 90.6), (91.0, 91.1)]),
            (9.6, 90.5)
        );
        // Farther away than the leads.
        assert_eq!(kept(&[(7.0, 7.1), (95.0, 95.1)]), (9.0, last + 3.0));
        // So near that it may belong to the first or the last word.
        assert_eq!(kept(&[(9.7, 9.8), (89.2, 89.4)]), (9.0, last + 3.0));
    }

    #[test]
    fn a_class_that_begins_under_music_is_kept_from_its_first_words() {
        let mut evidence = evidence(&talk(76.0, 200.0));
        evidence.music = spans(&[(0.0, 70.0)]);
        let begins = |evidence: &Evidence| class(evidence).expect("speech").span.start;
        assert_eq!(begins(&evidence), secs(76));
        // The slide of the class appears while the music continues.
        evidence.slides = slides(&[55, 66]);
        assert_eq!(begins(&evidence), secs(55));
        // Slides that change all along are the lobby's, except the last one.
        evidence.slides = slides(&[15, 30, 45, 60]);
        assert_eq!(begins(&evidence), secs(60));
        // The music is turned off with the slide.
        evidence.slides = slides(&[68]);
        assert_eq!(begins(&evidence), secs(76));
        // Hints of a voice that lead up to clear speech.
        evidence.over_music = spans(&[(10.0, 14.0), (52.0, 57.0), (58.0, 66.0)]);
        assert_eq!(begins(&evidence), secs(52));
        // Voices all along are singing.
        evidence.over_music = spans(&[(10.0, 14.0), (24.0, 30.0), (42.0, 47.0), (58.0, 66.0)]);
        assert_eq!(begins(&evidence), secs(76));
    }

    #[test]
    fn last_words_over_the_closing_music_are_kept() {
        let mut evidence = evidence(&talk(10.0, 100.0));
        let end = class(&evidence).expect("speech").span.end;
        evidence.music = spans(&[(99.0, 160.0)]);
        evidence.over_music = spans(&[(100.0, 106.0), (130.0, 133.0)]);
        assert!(end < secs(99));
        assert_eq!(class(&evidence).expect("speech").span.end, secs(106));
    }

    #[test]
    fn start_at_says_what_counts() {
        let mut speech = vec![(5.0, 7.0)];
        speech.extend(talk(60.0, 200.0));
        let mut evidence = evidence(&speech);
        evidence.slides = slides(&[40, 100]);
        let start = |start_at| {
            let settings = Settings {
                start_at,
                ..Settings::default()
            };
            cuts(&evidence, secs(204), &settings)[0].span.end
        };
        assert_eq!(start(StartAt::Auto), secs(59));
        assert_eq!(start(StartAt::Speech), secs(4));
        assert_eq!(start(StartAt::Slide), secs(40));
    }

    #[test]
    fn a_break_is_cut_only_when_asked_and_a_demonstration_never() {
        let mut speech = talk(10.0, 100.0);
        speech.extend(talk(190.0, 300.0));
        let mut evidence = evidence(&speech);
        let all = Settings {
            scope: Scope::All,
            ..Settings::default()
        };
        let inner = |evidence: &Evidence, settings: &Settings| {
            cuts(evidence, secs(301), settings)
                .iter()
                .filter(|cut| cut.reason.starts_with("break"))
                .count()
        };
        assert_eq!(inner(&evidence, &Settings::default()), 0);
        assert_eq!(inner(&evidence, &all), 1);
        evidence.music = spans(&[(102.0, 188.0)]);
        assert_eq!(inner(&evidence, &all), 0);
    }

    #[test]
    fn long_cuts_are_marked_for_review() {
        let speech = talk(1000.0, 5000.0);
        let cuts = cuts(&evidence(&speech), secs(5100), &Settings::default());
        assert!(cuts[0].review && !cuts[1].review);
    }

    fn any_speech() -> impl Strategy<Value = Vec<Span>> {
        prop::collection::vec((1u64..40_000, 300u64..30_000), 0..60).prop_map(|pairs| {
            let mut at = 0;
            pairs
                .into_iter()
                .map(|(pause, length)| {
                    let start = at + pause;
                    at = start + length;
                    Span::new(Time::from_millis(start), Time::from_millis(at))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn cuts_are_sorted_disjoint_and_never_touch_sustained_speech(
            speech in any_speech(),
            slides in prop::collection::btree_set(0u64..2000, 0..20),
            all in any::<bool>(),
            tail in 0u64..200_000,
        ) {
            let end = speech.last().map_or(0, |span| span.end.millis()) + tail;
            let duration = Time::from_millis(end);
            let evidence = Evidence {
                speech,
                slides: super::tests::slides(&Vec::from_iter(slides)),
                ..Evidence::default()
            };
            let settings = Settings {
                scope: if all { Scope::All } else { Scope::Edges },
                ..Settings::default()
            };
            let cuts = cuts(&evidence, duration, &settings);
            let mut at = Time::ZERO;
            for cut in &cuts {
                prop_assert!(cut.span.start >= at && !cut.span.is_empty());
                prop_assert!(cut.span.end <= duration);
                prop_assert!(cut.speech.nanos() == covered(&evidence.speech, cut.span).nanos());
                at = cut.span.end;
                for run in runs(&evidence.speech) {
                    if run.speech >= BEGUN {
                        prop_assert!(cut.span.intersection(run.span).is_none());
                    }
                }
            }
        }

        #[test]
        fn the_start_does_not_move_once_it_is_known(speech in any_speech(), part in 0usize..60) {
            let early = Evidence { speech: speech[..part.min(speech.len())].to_vec(), ..Evidence::default() };
            let whole = Evidence { speech, ..Evidence::default() };
            if let Some(known) = class(&early).filter(|class| class.sustained) {
                let later = class(&whole).expect("more speech");
                prop_assert_eq!(known.span.start, later.span.start);
                prop_assert!(later.span.end >= known.span.end);
            }
        }
    }
}
