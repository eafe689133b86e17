// SPDX-License-Identifier: MPL-2.0

//! Positions of chapter starts.
//!
//! Every place where something happens is a candidate with the log odds that a chapter starts
//! there; evidence adds up. Dynamic programming then takes the set of candidates with the largest
//! sum. Chapters of usual length add to the sum; very long ones reduce it.

use super::{Chapter, Evidence, Material, Options, SlideChange};
use crate::speech::HEARD_WITHIN;
use crate::timeline::{Span, Time};
use crate::titles::{self, Shown};

/// Shortest chapter: players refuse lists with shorter ones.
const SHORTEST: Time = Time::from_secs(10);
/// Largest distance of a topic boundary from its slide change: a topic's words come some sentences
/// before its slide, or become frequent only after it.
const SLIDE_REACH: Time = Time::from_secs(20);
/// Largest distance of a boundary from its pause.
const PAUSE_REACH: Time = Time::from_secs(4);
/// Shortest pause that counts; breaks for breath and thought are shorter.
const PAUSE: Time = Time::from_millis(1500);

/// Shortest pause in which a page is turned; shorter ones are between two words.
const TURN: Time = Time::from_millis(400);
/// Longest time in which a speaker who turns the page in order to continue does so.
const GOES_ON: Time = Time::from_secs(3);

/// Log odds before anything else is known: about one of four slides starts a chapter, half of the
/// topic boundaries do, pauses alone seldom.
const SLIDE: f64 = -1.1;
const TOPIC: f64 = 0.0;
const PAUSE_ONLY: f64 = -2.2;
/// A slide shown again is an agenda, or a figure to which the speaker returns.
const SEEN_BEFORE: f64 = 1.1;
/// A page turned between two sentences belongs to what follows; a page turned in mid-sentence
/// belongs to the current thought.
const BETWEEN: f64 = 1.0;
const IN_SENTENCE: f64 = -0.8;
/// A slide far from any topic boundary, if the transcript has some.
const NO_TOPIC: f64 = -0.3;
/// A slide with another title than the one before begins something; one with the same title goes
/// on with it.
const NEW_TITLE: f64 = 1.3;
const SAME_TITLE: f64 = -2.5;
/// Most cuts between two cameras are made for variety. One begins a chapter only together with a
/// pause or a new topic.
const CAMERA_CUT: f64 = -2.0;
/// Weight of usual lengths.
const LENGTH: f64 = 1.0;

/// A place where a chapter may start.
struct Candidate {
    time: Time,
    /// Log odds.
    score: f64,
    evidence: Evidence,
    is_camera_cut: bool,
}

/// Returns chapters that cover `[0, duration)`, the first one from 0; none if the recording is
/// empty.
pub fn plan(material: &Material, options: &Options) -> Vec<Chapter> {
    if material.duration == Time::ZERO {
        return Vec::new();
    }
    let whole = Span::new(Time::ZERO, material.duration);
    let class = material
        .class
        .and_then(|class| class.intersection(whole))
        .unwrap_or(whole);
    let shortest = options
        .min_chapter
        .min(Time::from_nanos(class.duration().nanos() / 10))
        .max(SHORTEST);
    let hours = (class.duration().secs_f64() / 3600.0).max(1.0);
    let chapters = (hours * f64::from(options.max_per_hour)).max(1.0) as usize;

    let mut candidates = candidates(material, options);
    candidates.retain(|candidate| {
        candidate.time >= class.start.saturating_add(shortest)
            && candidate.time.saturating_add(shortest) <= class.end
    });
    strongest(&mut candidates, 8 * chapters);
    let chosen = choose(&candidates, class, shortest, chapters - 1);

    let mut planned = vec![Chapter {
        span: whole,
        title: None,
        confidence: 1.0,
        evidence: Evidence {
            start: true,
            ..Evidence::default()
        },
    }];
    for candidate in chosen.into_iter().map(|index| &candidates[index]) {
        if let Some(last) = planned.last_mut() {
            last.span.end = candidate.time;
        }
        planned.push(Chapter {
            span: Span::new(candidate.time, material.duration),
            title: None,
            confidence: 1.0 / (1.0 + (-candidate.score).exp()),
            evidence: candidate.evidence,
        });
    }
    planned
}

/// Returns all places with evidence for a chapter, in order of time.
fn candidates(material: &Material, options: &Options) -> Vec<Candidate> {
    let pauses: Vec<Span> = material
        .speech
        .windows(2)
        .map(|pair| Span::new(pair[0].end, pair[1].start))
        .filter(|pause| pause.duration() >= PAUSE)
        .collect();
    let mut found = slides(material);
    for topic in &material.topics {
        let confidence = topic.confidence.clamp(0.0, 1.0);
        // A nearer slide is more likely to belong to the topic, and is stronger.
        let fit =
            |slide: &Candidate| slide.score - slide.time.abs_diff(topic.time).secs_f64() / 10.0;
        let slide = found
            .iter_mut()
            .filter(|other| other.evidence.slide && !other.evidence.topic)
            .filter(|slide| slide.time.abs_diff(topic.time) <= SLIDE_REACH)
            .max_by(|a, b| fit(a).total_cmp(&fit(b)));
        match slide {
            Some(slide) => {
                slide.score += 1.0 + 2.0 * confidence;
                slide.evidence.topic = true;
            }
            None => found.push(Candidate {
                time: topic.time,
                is_camera_cut: false,
                score: TOPIC + 3.0 * (confidence - 0.5),
                evidence: Evidence {
                    topic: true,
                    ..Evidence::default()
                },
            }),
        }
    }
    if !material.topics.is_empty() {
        for slide in found.iter_mut().filter(|other| !other.evidence.topic) {
            slide.score += NO_TOPIC;
        }
    }
    let alone = at_pauses(&mut found, &pauses);
    found.extend(alone);
    let stands_alone = |other: &Candidate| !other.evidence.pause && !other.evidence.topic;
    found.retain(|other| !other.is_camera_cut || !stands_alone(other));
    for candidate in &mut found {
        candidate.score += 4.0 * (options.sensitivity.clamp(0.0, 1.0) - 0.5);
    }
    found.sort_by_key(|candidate| candidate.time);
    found
}

/// Returns the slide changes of the class, each weighed against the others: builds are small ones.
fn slides(material: &Material) -> Vec<Candidate> {
    /// Usual slide change, if there are too few to know better.
    const USUAL: f64 = 0.1;
    const FEW: usize = 4;
    // At the change from the lobby to the class everything changes, which is no evidence about
    // slides.
    let in_class = |slide: &&SlideChange| {
        let class = material.class;
        class.is_none_or(|class| class.contains(slide.time))
    };
    let of_class = || material.slides.iter().filter(in_class);
    let pages = of_class().filter(|slide| !slide.is_camera_cut);
    let mut sizes: Vec<f64> = pages.map(|slide| slide.difference).collect();
    sizes.sort_by(f64::total_cmp);
    let usual = if sizes.len() < FEW {
        USUAL
    } else {
        sizes[sizes.len() / 2]
    };
    of_class()
        .map(|slide| {
            let size = (slide.difference / usual).ln();
            let size = if size.is_finite() { size } else { 0.0 };
            let as_page = SLIDE
                + size.clamp(-1.5, 1.0)
                + turned(slide.time, &material.speech)
                + if slide.seen_before { SEEN_BEFORE } else { 0.0 };
            let is_new = has_new_title(slide.time, &material.titles);
            let as_titled = match is_new {
                Some(true) => NEW_TITLE,
                Some(false) => SAME_TITLE,
                None => 0.0,
            };
            Candidate {
                time: slide.time,
                score: if slide.is_camera_cut {
                    CAMERA_CUT
                } else {
                    as_page + as_titled
                },
                evidence: Evidence {
                    slide: true,
                    title: is_new == Some(true),
                    ..Evidence::default()
                },
                is_camera_cut: slide.is_camera_cut,
            }
        })
        .collect()
}

/// Returns whether the slide that comes at a time has another title than the one before; `None` if
/// either has none.
fn has_new_title(time: Time, titles: &[Shown]) -> Option<bool> {
    let next = titles.partition_point(|shown| shown.span.start < time);
    let before = titles.get(next.checked_sub(1)?)?;
    let after = titles.get(next).filter(|shown| shown.span.start == time)?;
    (before.span.end == time).then(|| !titles::is_same(&before.title.text, &after.title.text))
}

/// Returns the evidence from whether a page is turned between two sentences.
fn turned(time: Time, speech: &[Span]) -> f64 {
    let next = speech.partition_point(|span| span.start.saturating_add(HEARD_WITHIN) < time);
    let before = next.checked_sub(1).and_then(|index| speech.get(index));
    let Some(said) = before.map(|span| span.end) else {
        return 0.0;
    };
    let goes_on = speech.get(next).map_or(Time::MAX, |span| span.start);
    if time.saturating_add(HEARD_WITHIN) < said || goes_on.saturating_sub(said) < TURN {
        IN_SENTENCE
    } else if goes_on.saturating_sub(time) <= GOES_ON {
        BETWEEN
    } else {
        0.0
    }
}

/// Adds pauses to the candidates near them, and returns the pauses without a candidate nearby.
fn at_pauses(found: &mut [Candidate], pauses: &[Span]) -> Vec<Candidate> {
    let worth = |pause: &Span| {
        let times = pause.duration().secs_f64() / PAUSE.secs_f64();
        (0.5 + 0.6 * times.ln()).min(3.0)
    };
    let mut alone = Vec::new();
    for pause in pauses {
        let reach = Span::new(
            pause.start.saturating_sub(PAUSE_REACH),
            pause.end.saturating_add(PAUSE_REACH),
        );
        let near = found
            .iter_mut()
            .filter(|other| reach.contains(other.time) && !other.evidence.pause)
            .max_by(|a, b| a.score.total_cmp(&b.score));
        match near {
            Some(candidate) => {
                candidate.score += worth(pause);
                candidate.evidence.pause = true;
                if !candidate.evidence.slide {
                    candidate.time = pause.end;
                }
            }
            None => alone.push(Candidate {
                time: pause.end,
                is_camera_cut: false,
                score: PAUSE_ONLY + worth(pause),
                evidence: Evidence {
                    pause: true,
                    ..Evidence::default()
                },
            }),
        }
    }
    alone
}

/// Keeps the strongest candidates, in their order: the work grows with the square of their number.
fn strongest(candidates: &mut Vec<Candidate>, most: usize) {
    if candidates.len() > most {
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.time.cmp(&b.time)));
        candidates.truncate(most);
        candidates.sort_by_key(|candidate| candidate.time);
    }
}

/// Returns the candidates with the largest sum of scores and lengths, at most `most` and none
/// nearer to another than `shortest`.
fn choose(candidates: &[Candidate], class: Span, shortest: Time, most: usize) -> Vec<usize> {
    // Longer classes have longer chapters: 6 min in a class of an hour, 3 min in one of ten
    // minutes.
    let usual = 50.0 * (class.duration().secs_f64() / 60.0).sqrt();
    // Gamma distribution of shape 2, relative to its most likely length.
    let length = |start: Time, end: Time| {
        let times = (end.saturating_sub(start).secs_f64() / usual).max(1e-3);
        LENGTH * (times.ln() - times + 1.0)
    };
    let count = candidates.len();
    // The same for all rounds: lengths[i][j] of a chapter from candidate j to candidate i, for each
    // j that is far enough away.
    let lengths: Vec<Vec<f64>> = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| {
            candidates[..index]
                .iter()
                .take_while(|earlier| earlier.time.saturating_add(shortest) <= candidate.time)
                .map(|earlier| length(earlier.time, candidate.time))
                .collect()
        })
        .collect();
    // sums[i]: the best set so far that ends with candidate i, and the candidate before it.
    let mut sums: Vec<f64> = vec![f64::NEG_INFINITY; count];
    let mut rounds: Vec<Vec<Option<usize>>> = Vec::new();
    // The best set as (its sum, its size, its last candidate).
    let mut best = (length(class.start, class.end), 0, None);
    for round in 1..=most.min(count) {
        let mut next = vec![f64::NEG_INFINITY; count];
        let mut before = vec![None; count];
        for (index, candidate) in candidates.iter().enumerate() {
            if round == 1 {
                next[index] = candidate.score + length(class.start, candidate.time);
                continue;
            }
            for (other, length) in lengths[index].iter().enumerate() {
                let sum = sums[other] + candidate.score + length;
                if sum > next[index] {
                    next[index] = sum;
                    before[index] = Some(other);
                }
            }
        }
        sums = next;
        rounds.push(before);
        for (index, candidate) in candidates.iter().enumerate() {
            let sum = sums[index] + length(candidate.time, class.end);
            if sum > best.0 {
                best = (sum, round, Some(index));
            }
        }
    }
    let (_, mut round, mut last) = best;
    let mut chosen = Vec::with_capacity(round);
    while let Some(index) = last {
        chosen.push(index);
        round -= 1;
        last = rounds[round][index];
    }
    chosen.reverse();
    chosen
}
