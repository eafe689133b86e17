// SPDX-License-Identifier: MPL-2.0

//! First and last sentences of a class that a long pause separates from the rest: "welcome" on the
//! title page, "goodbye" on the last one.
//!
//! A single sentence cannot be distinguished from the talk of a lobby. The pages decide: the
//! lobby's page disappears when the class begins and returns when it has ended. A sentence on the
//! class's side of that change belongs to the class, unless it is one of many sparse remarks.

use super::HEARD_WITHIN;
use super::evidence::{Evidence, NO_INTERJECTION, Run, runs};
use crate::timeline::{Span, Time};

/// Longest pause between a first or last sentence and the class.
const LONGEST_WAIT: Time = Time::from_secs(60);
/// Longest time between the lobby's page and the class's first sentence, if people talked in the
/// lobby before.
const SOON: Time = Time::from_secs(10);
/// Time before a page change within which people who talked may still be talking after it.
const CHATTING: Time = Time::from_secs(60);
/// Time before a slide change for which it shows that the class was still going on.
const SLIDE_REACH: Time = Time::from_secs(15);
/// Seconds of speech in a sentence; shorter runs are the remarks of a lobby.
const SENTENCE: f64 = 3.0;
/// Number of short runs before sustained speech above which they are sparse talk.
const MOST_RUNS: usize = 2;

/// Returns the start of the class whose sustained speech begins at `begin`: that of the first
/// sentence after the lobby's page has gone, or `begin`.
pub(super) fn opening(evidence: &Evidence, begin: Time) -> Time {
    let is_first = |index: usize| index == 0;
    let mut start = begin;
    for (index, page) in evidence.slides.iter().enumerate().rev() {
        if page.end >= start {
            continue;
        }
        let said = runs_within(&evidence.speech, *page, start);
        let Some(first) = said.first() else { continue };
        let earlier = Span::new(page.start.saturating_sub(CHATTING), page.start);
        let chatted = evidence.speech.iter().any(|span| {
            span.start.saturating_add(HEARD_WITHIN) < page.start
                && span.intersection(earlier).is_some()
        });
        let is_sentence = first.speech >= SENTENCE;
        let opens = if chatted {
            is_sentence && first.span.start <= page.end.saturating_add(SOON)
        } else {
            is_sentence || is_first(index)
        };
        if opens && leads_to(&said, page.end, start) && !is_sparse(&said) {
            start = first.span.start;
        }
    }
    start
}

/// Returns whether a run after the pause that follows `end` still belongs to the class: pages
/// change right after it, and before it at most to the class's last page.
pub(super) fn closes(slides: &[Span], end: Time, run: &Run) -> bool {
    let mut changes = slides.iter().filter(|page| page.end >= end);
    let leaves = |page: &Span| {
        page.end >= run.span.end && page.end.saturating_sub(run.span.end) <= SLIDE_REACH
    };
    let Some(first) = changes.next() else {
        return false;
    };
    if leaves(first) {
        return true;
    }
    // The page before the change may already have been the lobby's.
    let on_last_page = run.speech >= SENTENCE
        && run.span.start.saturating_add(HEARD_WITHIN) >= first.start
        && first.end.saturating_sub(end) <= LONGEST_WAIT;
    on_last_page && changes.next().is_some_and(leaves)
}

/// Returns whether speech in a cut is outside of the lobby's page. At the start of a recording it
/// comes after the last page change in the cut, at the end before the first one.
pub(super) fn is_off_the_lobby(evidence: &Evidence, cut: Span, before: bool) -> bool {
    let Some(change) = (match before {
        true => evidence.slides.iter().rfind(|page| page.end <= cut.end),
        false => evidence.slides.iter().find(|page| page.end >= cut.start),
    }) else {
        // If no page follows, the class's last one stays.
        return !before && !evidence.slides.is_empty() && speaks(evidence, cut);
    };
    let off = match before {
        true => Span::new(change.start, cut.end),
        false => Span::new(cut.start, change.end.clamp(cut.start, cut.end)),
    };
    speaks(evidence, off)
}

fn speaks(evidence: &Evidence, span: Span) -> bool {
    let mut heard = evidence.speech.iter().filter_map(|s| s.intersection(span));
    heard.any(|said| said.duration() > HEARD_WITHIN)
}

/// Returns the runs of the speech that begins after a page change and before `until`.
fn runs_within(speech: &[Span], page: Span, until: Time) -> Vec<Run> {
    let spans = speech.iter().copied();
    let after = |span: &Span| span.start.saturating_add(HEARD_WITHIN) >= page.start;
    let spans: Vec<Span> = spans
        .filter(|span| after(span) && span.start < until)
        .collect();
    runs(&spans)
}

/// Returns whether no pause is too long between the page change, these runs and what follows.
fn leads_to(said: &[Run], page: Time, until: Time) -> bool {
    let starts = said.iter().map(|run| run.span.start).chain([until]);
    let ends = [page]
        .into_iter()
        .chain(said.iter().map(|run| run.span.end));
    let mut pauses = starts.zip(ends);
    pauses.all(|(start, end)| start.saturating_sub(end) <= LONGEST_WAIT)
}

fn is_sparse(said: &[Run]) -> bool {
    said.len() > MOST_RUNS && said.iter().all(|run| run.speech < NO_INTERJECTION)
}

#[cfg(test)]
mod tests {
    use super::super::trim::{Cut, Settings, class, cuts};
    use super::*;
    use proptest::prelude::*;

    fn secs(time: f64) -> Time {
        Time::from_secs_f64(time)
    }

    fn span(start: f64, end: f64) -> Span {
        Span::new(secs(start), secs(end))
    }

    /// Makes utterances of three seconds with short pauses.
    fn talk(from: f64, to: f64) -> Vec<Span> {
        let count = ((to - from) / 4.0) as usize;
        let starts = (0..count).map(|index| from + 4.0 * index as f64);
        starts.map(|start| span(start, start + 3.2)).collect()
    }

    /// Makes a class that is sustained from 70 s to 269.2 s, with this speech around it and page
    /// changes at these times.
    fn evidence(before: &[(f64, f64)], after: &[(f64, f64)], pages: &[f64]) -> Evidence {
        let spans = |list: &[(f64, f64)]| list.iter().map(|&(a, b)| span(a, b)).collect();
        let mut speech: Vec<Span> = spans(before);
        speech.extend(talk(70.0, 270.0));
        speech.extend::<Vec<Span>>(spans(after));
        Evidence {
            speech,
            slides: pages.iter().map(|&at| span(at - 0.1, at)).collect(),
            ..Evidence::default()
        }
    }

    fn class_of(evidence: &Evidence) -> (f64, f64) {
        let class = class(evidence).expect("somebody speaks");
        let tenth = |time: Time| (time.secs_f64() * 10.0).round() / 10.0;
        (tenth(class.span.start), tenth(class.span.end))
    }

    fn edges(evidence: &Evidence) -> (Cut, Cut) {
        let mut cuts = cuts(evidence, secs(320.0), &Settings::default());
        let last = cuts.pop().expect("a cut at the end");
        (cuts.pop().expect("a cut at the start"), last)
    }

    #[test]
    fn a_sentence_on_the_title_page_is_the_class() {
        for wait in [10.0, 17.0, 25.0, 40.0] {
            for length in [1.2, 4.4] {
                let welcome = (70.0 - wait - length, 70.0 - wait);
                // The page has just gone, or had gone before.
                for gone in [welcome.0 - 0.2, welcome.0 - 9.0] {
                    let evidence = evidence(&[welcome], &[], &[gone, 120.0]);
                    let near = (class_of(&evidence).0 - welcome.0).abs() < 0.1;
                    assert!(near, "{wait} {length} {gone}");
                }
            }
        }
        // Two sentences, and the agenda that is shown between them.
        let said = [(20.0, 22.0), (30.0, 33.5)];
        let evidence = evidence(&said, &[], &[19.0, 45.0, 69.5]);
        assert_eq!(class_of(&evidence).0, 20.0);
    }

    #[test]
    fn talk_while_the_page_of_the_lobby_is_up_is_cut() {
        let chatter = [(5.0, 7.5), (20.0, 22.0), (41.0, 45.0)];
        // The page goes just before sustained speech.
        let lobby = evidence(&chatter, &[], &[69.0, 120.0]);
        assert_eq!(class_of(&lobby).0, 70.0);
        assert!(!edges(&lobby).0.review);
        // A sentence after the page has gone is kept, the talk before is not.
        let welcome = evidence(&[(5.0, 7.5), (20.0, 22.0), (44.0, 48.4)], &[], &[43.5]);
        assert_eq!(class_of(&welcome).0, 44.0);
        assert_eq!(edges(&welcome).0.speech, secs(4.5));
    }

    #[test]
    fn sparse_talk_on_the_first_page_of_the_class_is_cut_and_marked() {
        let remarks = [(44.0, 46.0), (52.0, 54.0), (62.0, 64.0)];
        let sparse = evidence(&remarks, &[], &[43.5]);
        assert_eq!(class_of(&sparse).0, 70.0);
        let (cut, _) = edges(&sparse);
        assert!(cut.review && cut.confidence < 0.5, "{cut:?}");
        assert!(cut.reason.contains("after the lobby's page has gone"));
        // People who have talked before continue for a moment.
        let goes_on = evidence(&[(20.0, 22.0), (33.0, 35.0), (44.0, 46.0)], &[], &[43.5]);
        assert_eq!(class_of(&goes_on).0, 70.0);
        assert!(edges(&goes_on).0.review);
        // Somebody announces that it begins in two minutes.
        let early = evidence(&[(2.0, 6.0)], &[], &[1.0]);
        assert_eq!(class_of(&early).0, 70.0);
        assert!(edges(&early).0.review);
    }

    #[test]
    fn a_last_sentence_before_the_page_of_the_lobby_is_the_class() {
        for wait in [10.0, 17.0, 40.0] {
            let goodbye = (269.2 + wait, 269.2 + wait + 4.4);
            let gone = goodbye.1 + 2.0;
            let farewell = evidence(&[], &[goodbye], &[69.5, gone]);
            assert!((class_of(&farewell).1 - goodbye.1).abs() < 0.1, "{wait}");
            // The class's last page appears with it.
            let farewell = evidence(&[], &[goodbye], &[69.5, goodbye.0 - 0.5, gone]);
            assert!((class_of(&farewell).1 - goodbye.1).abs() < 0.1, "{wait}");
            // The page of the lobby has appeared before.
            let chatter = evidence(&[], &[goodbye], &[69.5, 271.0]);
            assert_eq!(class_of(&chatter).1, 269.2, "{wait}");
            assert!(!edges(&chatter).1.review);
        }
    }

    #[test]
    fn talk_after_the_class_on_its_last_page_is_marked() {
        let stays = evidence(&[], &[(284.0, 288.0)], &[69.5, 150.0]);
        assert_eq!(class_of(&stays).1, 269.2);
        let (_, cut) = edges(&stays);
        assert!(cut.review && cut.confidence < 0.5, "{cut:?}");
        assert!(cut.reason.contains("before the lobby's page has come"));
        // Without pages nothing is known about a lobby's.
        let heard = evidence(&[], &[(284.0, 288.0)], &[]);
        assert!(!edges(&heard).1.review);
    }

    proptest! {
        #[test]
        fn a_class_begins_no_later_for_what_is_seen(
            talk in prop::collection::vec((1u64..30_000, 300u64..9_000), 1..40),
            pages in prop::collection::btree_set(0u64..400, 0..12),
        ) {
            let mut at = 0;
            let speech: Vec<Span> = talk.into_iter().map(|(pause, length)| {
                let start = at + pause;
                at = start + length;
                Span::new(Time::from_millis(start), Time::from_millis(at))
            }).collect();
            let slides = pages.into_iter().map(|at| span(at as f64, at as f64)).collect();
            let heard = Evidence { speech, ..Evidence::default() };
            let seen = Evidence { slides, ..heard.clone() };
            let (heard, seen) = (class(&heard).expect("speech"), class(&seen).expect("speech"));
            prop_assert!(seen.span.start <= heard.span.start);
            prop_assert!(seen.span.end >= heard.span.end);
        }
    }
}
