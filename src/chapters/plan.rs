// SPDX-License-Identifier: MPL-2.0

//! Where chapters start.

use super::{Chapter, Evidence, Material, Options};
use crate::timeline::{Span, Time};

/// No chapter is shorter: players refuse such lists.
const SHORTEST: Time = Time::from_secs(10);
/// A topic boundary lies within this of the slide change that it belongs to: words of the new
/// topic start before the slide and go on being rare for some sentences after it.
const SLIDE_REACH: Time = Time::from_secs(20);
/// A boundary lies within this of the pause that it belongs to.
const PAUSE_REACH: Time = Time::from_secs(4);
/// Breaks for breath and thought are shorter.
const PAUSE: Time = Time::from_millis(1500);

/// A place where a chapter may start.
struct Candidate {
    time: Time,
    /// Log odds.
    score: f64,
    evidence: Evidence,
}

/// Chapters that cover `[0, duration)`, the first one from 0; none where the recording is empty.
pub fn plan(material: &Material, options: &Options) -> Vec<Chapter> {
    if material.duration == Time::ZERO {
        return Vec::new();
    }
    let whole = Span::new(Time::ZERO, material.duration);
    let class = material
        .class
        .and_then(|class| class.intersection(whole))
        .unwrap_or(whole);
    let shortest = Time::from_nanos(
        options
            .min_chapter
            .nanos()
            .min(class.duration().nanos() / 10),
    )
    .max(SHORTEST);
    let hours = (class.duration().secs_f64() / 3600.0).max(1.0);
    let most = (hours * f64::from(options.max_per_hour)).floor().max(1.0) as usize - 1;

    let candidates: Vec<Candidate> = candidates(material, options)
        .into_iter()
        .filter(|candidate| {
            candidate.score > 0.0
                && candidate.time >= class.start.saturating_add(shortest)
                && candidate.time.saturating_add(shortest) <= class.end
        })
        .collect();
    let chosen = choose(&candidates, shortest, most);

    let mut chapters = vec![Chapter {
        span: whole,
        title: None,
        confidence: 1.0,
        evidence: Evidence {
            start: true,
            ..Evidence::default()
        },
    }];
    for candidate in chosen.into_iter().map(|index| &candidates[index]) {
        if let Some(last) = chapters.last_mut() {
            last.span.end = candidate.time;
        }
        chapters.push(Chapter {
            span: Span::new(candidate.time, material.duration),
            title: None,
            confidence: 1.0 / (1.0 + (-candidate.score).exp()),
            evidence: candidate.evidence,
        });
    }
    chapters
}

/// All places where something speaks for a chapter, in order of time.
fn candidates(material: &Material, options: &Options) -> Vec<Candidate> {
    let pauses: Vec<Span> = material
        .speech
        .windows(2)
        .map(|pair| Span::new(pair[0].end, pair[1].start))
        .filter(|pause| pause.duration() >= PAUSE)
        .collect();
    let pause_at = |time: Time| {
        pauses
            .iter()
            .filter(|pause| {
                pause.start.saturating_sub(PAUSE_REACH) <= time
                    && time <= pause.end.saturating_add(PAUSE_REACH)
            })
            .max_by_key(|pause| pause.duration())
    };
    let bar = 4.0 * (0.5 - options.sensitivity.clamp(0.0, 1.0)) - 2.0;
    let mut found: Vec<Candidate> = material
        .slides
        .iter()
        .map(|slide| Candidate {
            time: slide.time,
            score: bar
                + (4.0 * slide.difference.clamp(0.0, 1.0)).min(1.5)
                + if slide.seen_before { 1.5 } else { 0.0 },
            evidence: Evidence {
                slide: true,
                ..Evidence::default()
            },
        })
        .collect();
    for topic in &material.topics {
        let support = 4.0 * topic.confidence.clamp(0.0, 1.0);
        let near = found
            .iter_mut()
            .filter(|c| c.evidence.slide && c.time.abs_diff(topic.time) <= SLIDE_REACH)
            .min_by_key(|c| c.time.abs_diff(topic.time));
        match near {
            Some(slide) => {
                if !slide.evidence.topic {
                    slide.score += support;
                }
                slide.evidence.topic = true;
            }
            None => found.push(Candidate {
                time: topic.time,
                score: bar + support,
                evidence: Evidence {
                    topic: true,
                    ..Evidence::default()
                },
            }),
        }
    }
    for candidate in &mut found {
        if let Some(pause) = pause_at(candidate.time) {
            candidate.score += (pause.duration().secs_f64() / 3.0).min(2.0);
            candidate.evidence.pause = true;
            if !candidate.evidence.slide {
                candidate.time = pause.end;
            }
        }
    }
    found.sort_by_key(|candidate| candidate.time);
    found
}

/// The candidates, at most `most` and none nearer to another than `shortest`, with the largest sum
/// of scores.
fn choose(candidates: &[Candidate], shortest: Time, most: usize) -> Vec<usize> {
    let most = most.min(candidates.len());
    // best[n][i]: the largest sum of n of the first i candidates, and whether it takes the last.
    let mut best = vec![vec![(0.0, false); candidates.len() + 1]; most + 1];
    let before: Vec<usize> = candidates
        .iter()
        .map(|candidate| {
            candidates
                .partition_point(|other| other.time.saturating_add(shortest) <= candidate.time)
        })
        .collect();
    for n in 1..=most {
        for (index, candidate) in candidates.iter().enumerate() {
            let without = best[n][index].0;
            let with = best[n - 1][before[index]].0 + candidate.score;
            best[n][index + 1] = if with > without {
                (with, true)
            } else {
                (without, false)
            };
        }
    }
    let mut chosen = Vec::new();
    let (mut n, mut index) = (most, candidates.len());
    while n > 0 && index > 0 {
        index -= 1;
        if best[n][index + 1].1 {
            chosen.push(index);
            index = before[index];
            n -= 1;
        }
    }
    chosen.reverse();
    chosen
}
