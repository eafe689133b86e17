// SPDX-License-Identifier: MPL-2.0

//! Gains that bring a class to a loudness, and its speakers near each other.

use super::curve::Curve;
use super::meter::Phrase;
use crate::timeline::{Span, Time};

/// Largest gain, in dB: it brings a voice at -52 LUFS, a microphone across the room, to -16. Audio
/// that needs more is the noise of a microphone into which nobody speaks.
const MOST: f64 = 36.0;
/// Voices that the largest gain leaves softer than the target by more than this are not raised, in
/// LU.
const SHORT_OF_TARGET: f64 = 6.0;
/// Shortest voice that is measured: single sounds are mistaken for voices now and then.
const MEASURED: Time = Time::from_secs(2);
/// Largest gain of one speaker beyond that of the whole, in dB.
const MOST_BEYOND: f64 = 20.0;
/// Distance from the noise, in LU, below which nothing is raised beyond the whole; each additional
/// LU allows three.
const NOISY: f64 = 6.0;
/// Least gain in fit for a change of the speaker: the squared difference in LU times seconds. A
/// question of three seconds is a change at 6 LU from the rest, eleven seconds are at 3 LU; a
/// stressed word is not.
const CHANGE: f64 = 50.0;
/// Factor of the cost of a change without a pause, which is rare between speakers.
const ABRUPT: f64 = 2.0;
const PAUSE: Time = Time::from_millis(300);
/// Largest number of phrases in a turn; speakers are compared with those around them anyway.
const LONGEST_TURN: usize = 1000;
/// Longest pause of a speaker that gets the speaker's gain.
const BREATH: Time = Time::from_millis(600);
/// Time before a phrase at which its gain is reached, and duration of the rise.
const BEFORE: Time = Time::from_millis(30);
const RISE: Time = Time::from_millis(120);
/// Time after a phrase for which its gain is held, and duration of the fall.
const AFTER: Time = Time::from_millis(120);
const FALL: Time = Time::from_millis(250);
/// Gating blocks last 400 ms and overlap by three quarters (BS.1770-4); the gate is 10 LU below the
/// mean of the levels above -70 LUFS.
const GATE_STEP: Time = Time::from_millis(100);
const GATE_STEPS: usize = 4;
const ABSOLUTE_GATE: f64 = -70.0;
const RELATIVE_GATE: f64 = -10.0;

/// A phrase with its gain.
struct Set {
    span: Span,
    level: f64,
    gain: f64,
}

/// Returns the gains that bring phrases to `target` LUFS together. Phrases within `speech` are
/// levelled; the other audio of a class keeps its relation to them, but is not raised above the
/// target. If nobody speaks, or so softly or briefly that no voice can be measured, nothing is
/// raised. The curve is empty if there is nothing to change.
pub fn plan(phrases: &[Phrase], speech: &[Span], target: f64) -> Curve {
    let (voices, others): (Vec<Phrase>, Vec<Phrase>) = phrases
        .iter()
        .partition(|phrase| is_in(phrase.span, speech));
    let Some(level) = voice_level(&voices, target) else {
        return lowered(phrases, target);
    };
    let base = (target - level).clamp(-MOST, MOST);
    let mut sets = Vec::with_capacity(phrases.len());
    for turn in turns(&voices) {
        let gain = |level: f64| (target - level).clamp(base - MOST_BEYOND, base + beyond(turn));
        sets.extend(set(turn, gain));
    }
    for turn in turns(&others) {
        sets.extend(set(turn, |level| base.min(target - level)));
    }
    sets.sort_by_key(|set| set.span);
    drawn_to(&sets, base, target)
}

/// Returns the single gain that brings all phrases to `target` LUFS, for a mix with a voice that is
/// already levelled. It follows the same limits as [`plan`].
pub fn plan_mix(phrases: &[Phrase], target: f64) -> Curve {
    let Some(level) = voice_level(phrases, target) else {
        return lowered(phrases, target);
    };
    whole(phrases, (target - level).clamp(-MOST, MOST), target)
}

/// Returns the loudness of voices in LUFS; `None` if they are too short, too soft or too near the
/// noise to be raised to `target`.
fn voice_level(voices: &[Phrase], target: f64) -> Option<f64> {
    let level = loudness(voices)?;
    let is_long = voices.iter().map(length).sum::<f64>() >= MEASURED.secs_f64();
    let is_faint = level + MOST + SHORT_OF_TARGET < target;
    (is_long && !is_faint && above_noise(voices) >= NOISY).then_some(level)
}

/// Returns the gain of audio without a voice: it is lowered to `target` if it is louder.
fn lowered(phrases: &[Phrase], target: f64) -> Curve {
    match loudness(phrases) {
        Some(level) if level > target => whole(phrases, (target - level).max(-MOST), target),
        _ => Curve::default(),
    }
}

fn whole(phrases: &[Phrase], gain: f64, target: f64) -> Curve {
    let sets: Vec<Set> = set(phrases, |_| gain).collect();
    drawn_to(&sets, gain, target)
}

/// Draws gains, and corrects them by the remaining distance from the target.
fn drawn_to(sets: &[Set], base: f64, target: f64) -> Curve {
    let mut curve = draw(sets, base);
    let reached = integrated(sets.iter().map(|set| (set.span, set.level + set.gain)));
    if let Some(reached) = reached {
        curve.raise((target - reached).clamp(-MOST_BEYOND, MOST_BEYOND));
    }
    curve.limit(MOST);
    curve
}

/// Returns whether at least half of `span` is within these spans, which are in order.
fn is_in(span: Span, spans: &[Span]) -> bool {
    let first = spans.partition_point(|other| other.end <= span.start);
    let shared: u64 = spans
        .iter()
        .skip(first)
        .map_while(|other| other.intersection(span))
        .map(|shared| shared.duration().nanos())
        .sum();
    shared.saturating_mul(2) >= span.duration().nanos()
}

/// Gives all phrases of a turn the gain for its loudness.
fn set(turn: &[Phrase], gain: impl Fn(f64) -> f64) -> impl Iterator<Item = Set> {
    let gain = loudness(turn).map(gain);
    turn.iter().filter_map(move |phrase| {
        Some(Set {
            span: phrase.span,
            level: phrase.level,
            gain: gain?,
        })
    })
}

/// Returns how far a turn may be raised beyond the whole: a turn close to the noise is not.
fn beyond(turn: &[Phrase]) -> f64 {
    (3.0 * (above_noise(turn) - NOISY)).clamp(0.0, MOST_BEYOND)
}

/// Returns the average distance of phrases from the noise, in LU.
fn above_noise(phrases: &[Phrase]) -> f64 {
    let seconds: f64 = phrases.iter().map(length).sum();
    let above = phrases
        .iter()
        .map(|phrase| phrase.above_noise * length(phrase));
    above.sum::<f64>() / seconds.max(f64::MIN_POSITIVE)
}

/// Returns the gated loudness of phrases in LUFS (BS.1770-4), or `None` if all is silent.
pub fn loudness(phrases: &[Phrase]) -> Option<f64> {
    integrated(phrases.iter().map(|phrase| (phrase.span, phrase.level)))
}

fn length(phrase: &Phrase) -> f64 {
    phrase.span.duration().secs_f64()
}

/// Divides phrases at lasting changes of loudness. The division has the least squared deviation
/// from the mean of each turn plus the price of each change (a Potts model, solved by dynamic
/// programming).
fn turns(voices: &[Phrase]) -> Vec<&[Phrase]> {
    // Sums of seconds, of levels and of squares up to each phrase.
    let mut sums = vec![(0.0, 0.0, 0.0)];
    let mut so_far = (0.0, 0.0, 0.0);
    for phrase in voices {
        let (seconds, level) = (length(phrase), phrase.level);
        so_far.0 += seconds;
        so_far.1 += seconds * level;
        so_far.2 += seconds * level * level;
        sums.push(so_far);
    }
    let deviation = |from: usize, to: usize| {
        let (Some(a), Some(b)) = (sums.get(from), sums.get(to)) else {
            return f64::INFINITY;
        };
        let (seconds, level, square) = (b.0 - a.0, b.1 - a.1, b.2 - a.2);
        square - level * level / seconds.max(f64::MIN_POSITIVE)
    };
    // The least cost up to each phrase, and the start of its last turn.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for (to, voice) in (1..).zip(voices) {
        let next = voices.get(to).map_or(Time::MAX, |next| next.span.start);
        let is_abrupt = next.saturating_sub(voice.span.end) < PAUSE;
        let change = if is_abrupt { CHANGE * ABRUPT } else { CHANGE };
        let first = to.saturating_sub(LONGEST_TURN);
        let costs = best.iter().enumerate().skip(first);
        let least = costs
            .map(|(from, (cost, _))| (cost + deviation(from, to) + change, from))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        best.push(least.unwrap_or((f64::INFINITY, first)));
    }
    let mut turns = Vec::new();
    let mut to = voices.len();
    while to > 0 {
        let from = best.get(to).map_or(0, |&(_, from)| from).min(to - 1);
        turns.extend(voices.get(from..to));
        to = from;
    }
    turns.reverse();
    turns
}

/// Draws gains so that they change in pauses.
fn draw(sets: &[Set], base: f64) -> Curve {
    let mut curve = Curve::default();
    let Some(first) = sets.first() else {
        curve.push(Time::ZERO, base);
        return curve;
    };
    let rest = first.gain.min(base);
    curve.push(
        first.span.start.saturating_sub(BEFORE.saturating_add(RISE)),
        rest,
    );
    curve.push(first.span.start.saturating_sub(BEFORE), first.gain);
    for pair in sets.windows(2) {
        let [a, b] = pair else { continue };
        let pause = b.span.start.saturating_sub(a.span.end);
        let stays = a.gain == b.gain && pause <= BREATH;
        if stays {
            continue;
        }
        let (fall, rise) = (AFTER.saturating_add(FALL), BEFORE.saturating_add(RISE));
        if pause >= fall.saturating_add(rise) {
            // A phrase louder than the whole has the pauses of the whole; a softer one has its own.
            let rest = base.min(a.gain).min(b.gain);
            curve.push(a.span.end.saturating_add(AFTER), a.gain);
            curve.push(a.span.end.saturating_add(fall), rest);
            curve.push(b.span.start.saturating_sub(rise), rest);
            curve.push(b.span.start.saturating_sub(BEFORE), b.gain);
        } else {
            // The softer gain gets most of the available time: noise is not raised, nor is the
            // attack of a loud voice.
            let room = pause.max(BEFORE.saturating_add(BEFORE));
            let third = Time::from_nanos(room.nanos() / 3);
            let middle = Time::from_nanos((a.span.end.nanos() / 2) + b.span.start.nanos() / 2);
            let from = if a.gain > b.gain {
                middle.saturating_sub(third)
            } else {
                middle
            };
            curve.push(from, a.gain);
            curve.push(from.saturating_add(third), b.gain);
        }
    }
    if let Some(last) = sets.last() {
        curve.push(last.span.end.saturating_add(AFTER), last.gain);
        let end = last.span.end.saturating_add(AFTER.saturating_add(FALL));
        curve.push(end, last.gain.min(base));
    }
    curve
}

/// Returns the gated loudness of spans of sound with silence between them (BS.1770-4), or `None` if
/// all is silent.
fn integrated(sound: impl Iterator<Item = (Span, f64)>) -> Option<f64> {
    let mut blocks: Vec<f64> = Vec::new();
    let mut end = 0;
    for (span, level) in sound {
        let from = span.start.nanos() / GATE_STEP.nanos();
        let to = span.end.nanos().div_ceil(GATE_STEP.nanos()).max(from + 1);
        // A window covers no more than its length.
        let silence = from.saturating_sub(end).min(GATE_STEPS as u64);
        blocks.extend((0..silence).map(|_| 0.0));
        let energy = 10f64.powf(level / 10.0);
        blocks.extend((0..to - from).map(|_| energy));
        end = to;
    }
    let windows: Vec<f64> = match blocks.len() < GATE_STEPS {
        true => blocks,
        false => blocks
            .windows(GATE_STEPS)
            .map(|window| window.iter().sum::<f64>() / GATE_STEPS as f64)
            .collect(),
    };
    let mean_above = |gate: f64| {
        let energy = 10f64.powf(gate / 10.0);
        let above = || windows.iter().filter(|&&window| window > energy);
        let mean = above().sum::<f64>() / above().count() as f64;
        mean.is_finite().then(|| 10.0 * mean.log10())
    };
    mean_above(mean_above(ABSOLUTE_GATE)? + RELATIVE_GATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: f64 = -16.0;

    /// Makes phrases of these durations in seconds and levels in LUFS, with a short pause after
    /// each.
    fn talk(parts: &[(f64, f64)]) -> Vec<Phrase> {
        let mut at = 5.0;
        let mut phrases = Vec::new();
        for (n, &(seconds, level)) in parts.iter().enumerate() {
            let mut left: f64 = seconds;
            while left > 0.0 {
                let now = left.min(2.0);
                // A voice is not always equally loud.
                let swing = if (n + phrases.len()).is_multiple_of(2) {
                    1.5
                } else {
                    -1.5
                };
                phrases.push(Phrase {
                    span: Span::new(Time::from_secs_f64(at), Time::from_secs_f64(at + now)),
                    level: level + swing,
                    above_noise: 25.0,
                });
                at += now + 0.4;
                left -= now;
            }
            at += 0.8;
        }
        phrases
    }

    fn all() -> [Span; 1] {
        [Span::new(Time::ZERO, Time::MAX)]
    }

    /// Returns the loudness of a span after the gains.
    fn reached(phrases: &[Phrase], curve: &Curve, from: usize, to: usize) -> f64 {
        let sound = phrases[from..to].iter().map(|phrase| {
            let middle =
                Time::from_nanos(phrase.span.start.nanos() / 2 + phrase.span.end.nanos() / 2);
            (phrase.span, phrase.level + curve.at(middle))
        });
        integrated(sound).expect("not silent")
    }

    #[test]
    fn a_quiet_question_comes_near_the_lecturer() {
        let phrases = talk(&[(60.0, -20.0), (4.0, -34.0), (60.0, -20.0)]);
        let curve = plan(&phrases, &all(), TARGET);
        let question = reached(&phrases, &curve, 30, 32);
        let lecturer = reached(&phrases, &curve, 0, 30);
        assert!((question - lecturer).abs() < 1.0, "{question} {lecturer}");
        let whole = reached(&phrases, &curve, 0, phrases.len());
        assert!((whole - TARGET).abs() < 0.3, "{whole}");
        // The stress of single words stays.
        let gains: Vec<f64> = phrases[2..28]
            .iter()
            .map(|phrase| curve.at(phrase.span.start))
            .collect();
        assert!(
            gains.iter().all(|gain| (gain - gains[0]).abs() < 1e-9),
            "{gains:?}"
        );
    }

    #[test]
    fn pauses_are_raised_no_more_than_the_whole() {
        let phrases = talk(&[(60.0, -20.0), (4.0, -34.0), (60.0, -20.0)]);
        let curve = plan(&phrases, &all(), TARGET);
        let usual = curve.at(phrases[10].span.start);
        let question = &phrases[30..32];
        for (time, raised) in [
            (
                question[0]
                    .span
                    .start
                    .saturating_sub(Time::from_millis(300)),
                false,
            ),
            (question[0].span.start, true),
            (question[1].span.end, true),
            (
                question[1].span.end.saturating_add(Time::from_millis(500)),
                false,
            ),
        ] {
            assert_eq!(
                curve.at(time) > usual + 1.0,
                raised,
                "{time} {}",
                curve.at(time)
            );
        }
        // Nor is a voice close to the noise.
        let mut noisy = phrases.clone();
        for phrase in &mut noisy[30..32] {
            phrase.above_noise = 5.0;
        }
        let curve = plan(&noisy, &all(), TARGET);
        assert!(curve.at(question[0].span.start) <= curve.at(phrases[10].span.start) + 0.1);
    }

    #[test]
    fn sound_that_is_no_speech_keeps_its_relation() {
        let mut phrases = talk(&[(60.0, -30.0)]);
        let voices = [Span::new(Time::ZERO, Time::from_secs(100))];
        for (start, level) in [(110, -40.0), (120, -20.0)] {
            phrases.push(Phrase {
                span: Span::new(Time::from_secs(start), Time::from_secs(start + 3)),
                level,
                above_noise: 20.0,
            });
        }
        let curve = plan(&phrases, &voices, TARGET);
        let usual = curve.at(phrases[4].span.start);
        let soft = curve.at(Time::from_secs(111));
        let loud = curve.at(Time::from_secs(121));
        assert!((soft - usual).abs() < 0.1, "{soft} {usual}");
        assert!(-20.0 + loud <= TARGET + 1.0, "{loud}");
    }

    #[test]
    fn a_mix_has_one_gain() {
        let mix = talk(&[(20.0, -30.0), (20.0, -24.0)]);
        let curve = plan_mix(&mix, TARGET);
        let whole = reached(&mix, &curve, 0, mix.len());
        assert!((whole - TARGET).abs() < 0.5, "{whole}");
        let gains = curve.points().iter().map(|&(_, gain)| gain);
        assert!(
            gains
                .clone()
                .all(|gain| (gain - curve.at(Time::ZERO)).abs() < 1e-9)
        );
    }

    #[test]
    fn nothing_is_raised_where_nobody_speaks() {
        assert!(plan(&[], &all(), TARGET).is_empty());
        assert!(plan_mix(&[], TARGET).is_empty());
        for level in [-64.0, -45.0, -30.0] {
            let music = talk(&[(20.0, level)]);
            assert!(plan(&music, &[], TARGET).is_empty(), "{level}");
        }
        // A voice that is too loud is lowered all the same.
        let music = talk(&[(20.0, -8.0)]);
        let curve = plan(&music, &[], TARGET);
        let whole = reached(&music, &curve, 0, music.len());
        assert!((whole - TARGET).abs() < 0.5, "{whole}");
    }

    #[test]
    fn noise_that_is_taken_for_a_voice_is_not_raised() {
        // So soft that no gain makes it audible.
        assert!(plan(&talk(&[(20.0, -64.0)]), &all(), TARGET).is_empty());
        // A single sound.
        assert!(plan(&talk(&[(1.0, -40.0)]), &all(), TARGET).is_empty());
        // It is close to the noise.
        let mut noisy = talk(&[(20.0, -45.0)]);
        for phrase in &mut noisy {
            phrase.above_noise = 4.0;
        }
        assert!(plan(&noisy, &all(), TARGET).is_empty());
        assert!(plan_mix(&noisy, TARGET).is_empty());
    }

    #[test]
    fn no_gain_is_larger_than_the_limit() {
        let phrases = talk(&[(40.0, -50.0), (5.0, -66.0), (40.0, -56.0)]);
        let curve = plan(&phrases, &all(), TARGET);
        let largest = curve
            .points()
            .iter()
            .map(|&(_, gain)| gain)
            .fold(0.0, f64::max);
        assert!((30.0..=MOST).contains(&largest), "{largest}");
    }
}
