// SPDX-License-Identifier: MPL-2.0

//! Divides words into cues: at pauses and changes of speakers always, else at the cheapest places.

use std::ops::Range;

use super::layout::{self, LONGEST, SPEED};
use super::phrase::{ends_clause, ends_sentence, leads, opens_clause};
use super::{Word, columns};
use crate::timeline::Time;

/// Pause that always ends a cue.
const PAUSE: Time = Time::from_millis(1500);
/// Pause that is a good end of a cue.
const BREATH: Time = Time::from_millis(300);
/// Longest time that a cue stays after its words.
const AFTER: Time = Time::from_secs(2);
/// Cues with fewer columns are avoided.
const FEW: f64 = 24.0;
/// Largest number of words of a cue: more never fit.
const MOST: usize = 60;

/// Returns the words of each cue.
pub fn blocks(words: &[Word]) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let mut start = 0;
    for (index, pair) in words.windows(2).enumerate() {
        let [word, next] = pair else { continue };
        let pause = next.span.start.saturating_sub(word.span.end);
        if pause >= PAUSE || word.speaker != next.speaker {
            divide(words, start..index + 1, &mut blocks);
            start = index + 1;
        }
    }
    divide(words, start..words.len(), &mut blocks);
    blocks
}

/// Divides a run of words at the places that cost least in sum.
fn divide(words: &[Word], run: Range<usize>, blocks: &mut Vec<Range<usize>>) {
    let count = run.len();
    // The cost of the words before each place, and the start of the last cue before it.
    let mut best = vec![(f64::INFINITY, 0); count + 1];
    if let Some(first) = best.first_mut() {
        first.0 = 0.0;
    }
    for end in 1..=count {
        for start in (end.saturating_sub(MOST)..end).rev() {
            let cue = run.start + start..run.start + end;
            let Some(cost) = cost(words, cue, run.end) else {
                break;
            };
            let before = best.get(start).map_or(f64::INFINITY, |best| best.0);
            if let Some(entry) = best.get_mut(end)
                && before + cost < entry.0
            {
                *entry = (before + cost, start);
            }
        }
    }
    let mut ends = Vec::new();
    let mut end = count;
    while end > 0 {
        let start = best.get(end).map_or(0, |best| best.1).min(end - 1);
        ends.push(run.start + start..run.start + end);
        end = start;
    }
    blocks.extend(ends.into_iter().rev());
}

/// Returns the cost of a cue with these words, or `None` if they do not fit. One word always fits.
fn cost(words: &[Word], cue: Range<usize>, run_end: usize) -> Option<f64> {
    let inside = words.get(cue.clone())?;
    let (first, last) = (inside.first()?, inside.last()?);
    if inside.len() > 1 && layout::lines(inside).is_none() {
        return None;
    }
    let next = words.get(cue.end);
    let mut cost = 1.0;
    if cue.end < run_end
        && let Some(next) = next
    {
        cost += end_cost(last, next);
    }
    let sentences = inside
        .iter()
        .rev()
        .skip(1)
        .filter(|word| ends_sentence(word));
    cost += 0.7 * sentences.count() as f64;
    let columns = columns(inside) as f64;
    cost += (1.0 - columns / FEW).max(0.0);
    let latest = last.span.end.saturating_add(AFTER);
    let end = next.map_or(latest, |next| next.span.start.min(latest));
    let end = end.max(last.span.end);
    let shown = end.saturating_sub(first.span.start).secs_f64().max(0.1);
    let speed = columns / shown;
    if speed > SPEED {
        cost += 2.0 + 8.0 * (speed / SPEED - 1.0).min(2.0);
    }
    let spoken = last.span.end.saturating_sub(first.span.start).secs_f64();
    cost += 5.0 * (spoken - LONGEST).max(0.0);
    if shown < layout::SHORTEST {
        cost += 2.0 + 3.0 * (layout::SHORTEST - shown);
    }
    Some(cost)
}

/// Returns the cost of an end between two words.
fn end_cost(word: &Word, next: &Word) -> f64 {
    let pause = next.span.start.saturating_sub(word.span.end);
    let cost = if ends_sentence(word) {
        0.0
    } else if ends_clause(word) {
        0.5
    } else if opens_clause(next) {
        1.0
    } else {
        2.5
    };
    let leads = if leads(word) { 1.5 } else { 0.0 };
    let breath = if pause >= BREATH { 0.8 } else { 0.0 };
    f64::max(cost + leads - breath, 0.0)
}
