// SPDX-License-Identifier: MPL-2.0

//! The time that each description has.

use super::{RAMP, gaps};
use crate::timeline::{CutList, Span, Time, touches};
use crate::webvtt::Cue;

/// What bounds descriptions. Times are those of the recording.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Detected speech, sorted and disjoint; `None` if nobody listened for it.
    pub speech: Option<&'a [Span]>,
    /// Published spans.
    pub cuts: &'a CutList,
    /// Spans in which nothing is described, sorted and disjoint.
    pub silent: &'a [Span],
    /// End of the recording.
    pub end: Time,
}

/// A description to be spoken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passage {
    /// Text on one line, without control characters.
    pub text: String,
    /// Line of the cue in its file.
    pub line: usize,
    /// Time in which it has to be spoken: a pause of the speech in one published span. It is empty
    /// if somebody speaks during the whole cue.
    pub room: Span,
}

/// Returns the descriptions of cues, which are in order of time. Cues that are cut or touch a hidden
/// span are left out.
///
/// A description has the longest pause that its cue begins in or covers. The pause ends when somebody
/// speaks or the next cue starts.
pub fn passages(cues: &[Cue], scene: &Scene) -> Vec<Passage> {
    let nexts = cues.iter().skip(1).map(|next| next.span.start);
    let nexts = nexts.chain([scene.end]);
    let passage = |(cue, next): (&Cue, Time)| {
        let text = spoken_text(cue);
        if text.is_empty() || touches(scene.silent, cue.span) {
            return None;
        }
        Some(Passage {
            text,
            line: cue.line,
            room: room(cue.span, next, scene)?,
        })
    };
    cues.iter().zip(nexts).filter_map(passage).collect()
}

/// Returns the words of a cue on one line.
fn spoken_text(cue: &Cue) -> String {
    let text = cue.plain_text();
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Returns the time that a cue has; `next` is the start of the next cue. It is `None` if the cue is
/// cut.
fn room(cue: Span, next: Time, scene: &Scene) -> Option<Span> {
    let hidden = scene.silent.iter().find(|span| span.start >= cue.end);
    let hidden = hidden.map_or(Time::MAX, |span| span.start);
    // Cues that overlap are spoken as they are written: the first one ends where its cue does.
    let end = match scene.speech {
        Some(_) => next.max(cue.end),
        None => cue.end,
    };
    let whole = Span::new(cue.start, end.min(hidden).min(scene.end));
    let mut parts = scene.cuts.kept().filter_map(|kept| {
        kept.intersection(cue)?;
        kept.intersection(whole)
    });
    let first = parts.next()?;
    let speech = scene.speech.unwrap_or_default();
    let pauses = [first]
        .into_iter()
        .chain(parts)
        .flat_map(|part| gaps(part, speech.iter().copied()))
        .filter(|pause| pause.intersection(cue).is_some())
        .map(|pause| within_ramps(pause, whole));
    let longest = pauses.max_by_key(|pause| pause.duration());
    Some(longest.unwrap_or(Span::new(first.start, first.start)))
}

/// Returns a pause without the ramps at those of its ends that a cut or speech makes.
fn within_ramps(pause: Span, whole: Span) -> Span {
    let start = match pause.start > whole.start {
        true => pause.start.saturating_add(RAMP),
        false => pause.start,
    };
    let end = match pause.end < whole.end {
        true => pause.end.saturating_sub(RAMP),
        false => pause.end,
    };
    Span::new(start, end.max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Time = Time::from_secs(100);

    fn span(start: u64, end: u64) -> Span {
        Span::new(Time::from_millis(start), Time::from_millis(end))
    }

    fn cue(start: u64, end: u64) -> Cue {
        Cue::new(span(start, end), "A\nmap.")
    }

    fn rooms(cues: &[Cue], scene: &Scene) -> Vec<(u64, u64)> {
        let room = |passage: Passage| (passage.room.start.millis(), passage.room.end.millis());
        passages(cues, scene).into_iter().map(room).collect()
    }

    fn scene<'a>(speech: Option<&'a [Span]>, cuts: &'a CutList, silent: &'a [Span]) -> Scene<'a> {
        Scene {
            speech,
            cuts,
            silent,
            end: END,
        }
    }

    #[test]
    fn a_description_has_its_cue_and_the_rest_of_the_pause() {
        let all = CutList::keep_all();
        let speech = [span(0, 10_000), span(15_000, 20_000)];
        let listened = scene(Some(&speech), &all, &[]);
        for (cues, expected) in [
            (vec![cue(11_000, 12_000)], vec![(11_000, 14_800)]),
            // Nothing is spoken over speech.
            (vec![cue(9_000, 12_000)], vec![(10_200, 14_800)]),
            (vec![cue(11_000, 16_000)], vec![(11_000, 14_800)]),
            (vec![cue(14_000, 30_000)], vec![(20_200, 100_000)]),
            (vec![cue(2_000, 3_000)], vec![(2_000, 2_000)]),
            (vec![cue(30_000, 31_000)], vec![(30_000, 100_000)]),
            (
                vec![cue(11_000, 12_000), cue(13_000, 13_500)],
                vec![(11_000, 13_000), (13_000, 14_800)],
            ),
            (vec![cue(99_000, 200_000)], vec![(99_000, 100_000)]),
        ] {
            assert_eq!(rooms(&cues, &listened), expected, "{cues:?}");
        }
        let not_listened = scene(None, &all, &[]);
        assert_eq!(
            rooms(&[cue(11_000, 12_000)], &not_listened),
            [(11_000, 12_000)]
        );
        let found = passages(&[cue(9_000, 12_000)], &listened);
        assert_eq!(found.first().map(|passage| &*passage.text), Some("A map."));
    }

    #[test]
    fn a_description_lies_in_one_published_span() {
        let cuts = CutList::new([span(0, 12_000), span(20_000, 90_000)]).expect("disjoint");
        let scene = scene(Some(&[]), &cuts, &[]);
        for (cues, expected) in [
            (vec![cue(5_000, 6_000)], vec![(5_000, 11_800)]),
            (vec![cue(11_000, 22_000)], vec![(20_200, 89_800)]),
            (vec![cue(13_000, 15_000)], vec![]),
            (vec![cue(91_000, 92_000)], vec![]),
        ] {
            assert_eq!(rooms(&cues, &scene), expected, "{cues:?}");
        }
    }

    #[test]
    fn what_is_hidden_is_not_described() {
        let all = CutList::keep_all();
        let silent = [span(10_000, 12_000)];
        let scene = scene(Some(&[]), &all, &silent);
        let cues = [cue(5_000, 6_000), cue(9_500, 10_500), cue(11_000, 11_500)];
        assert_eq!(rooms(&cues, &scene), [(5_000, 9_500)]);
        assert_eq!(rooms(&[cue(5_000, 6_000)], &scene), [(5_000, 10_000)]);
        assert_eq!(rooms(&[Cue::new(span(0, 1), " \u{1}\n")], &scene), []);
    }
}
