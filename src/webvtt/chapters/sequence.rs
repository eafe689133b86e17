// SPDX-License-Identifier: MPL-2.0

//! Live chapters from several inputs, put in the order and the nesting of a chapter file.
//!
//! There are two steps. Each input waits in a queue until no other input can bring an earlier
//! chapter. Then a chapter ends every open chapter of its own and of deeper levels, so that
//! chapters are disjoint or nested. It is open itself until its end is certain. Certain chapters
//! are returned, outer chapters before inner ones.

use std::collections::{BTreeMap, VecDeque};
use std::{fmt, mem};

use crate::timeline::{Span, Time};
use crate::webvtt::Cue;

const SHORTEST: Time = Time::from_millis(1);

/// A chapter from an input.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chapter {
    pub start: Time,
    /// End, or `None` if it ends where the next chapter of its level, or of an outer one, starts.
    pub end: Option<Time>,
    /// Level; zero is the outermost.
    pub level: u32,
    /// Plain text; white space is collapsed so that it is one line.
    pub title: String,
    pub id: Option<String>,
}

/// Optional properties of the chapter file, in addition to the standard's rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// Whether a chapter lasts until the next one of its level or the end of the outer one.
    pub fill_gaps: bool,
    /// Whether the first chapter starts at zero.
    pub start_at_zero: bool,
    /// Shortest chapter: a shorter one is joined to the one before it, the first one to the one
    /// after it.
    pub min_duration: Time,
}

/// A chapter that was left out, and the reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    pub title: String,
    pub start: Time,
    pub reason: Reason,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    NoLength,
    NoTitle,
    /// It came after a chapter that starts later.
    Late,
    /// Another chapter of its level starts at its time.
    SameStart,
    /// It has the times of the chapter around it.
    SameTimes,
    /// It is shorter than [`Rules::min_duration`] and was joined to its neighbour.
    Short,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoLength => "it has no length",
            Reason::NoTitle => "it has no title",
            Reason::Late => "it came after one that starts later",
            Reason::SameStart => "another one of its level starts at the same time",
            Reason::SameTimes => "it has the same times as the one around it",
            Reason::Short => "it is shorter than the minimum",
        })
    }
}

/// Puts chapters in order. `K` identifies an input.
#[derive(Debug, Default)]
pub struct Sequence<K> {
    rules: Rules,
    inputs: BTreeMap<K, Input>,
    /// Chapters in the order of the file that are not certain, or follow one that is not.
    pending: Vec<Pending>,
    /// A first chapter that was too short; the next one takes its start.
    carried: Option<Pending>,
    latest_start: Time,
    latest_end: Time,
    last_given: Option<Span>,
    dropped: Vec<Dropped>,
}

#[derive(Debug, Default)]
struct Input {
    /// Time before which this input brings no more chapters.
    position: Time,
    ended: bool,
    queue: VecDeque<Chapter>,
}

#[derive(Debug)]
struct Pending {
    chapter: Chapter,
    /// Whether its end is certain and set in the chapter.
    closed: bool,
    /// Whether no more siblings will come: an outer chapter has started or ended since.
    sealed: bool,
}

impl<K: Ord + Clone> Sequence<K> {
    pub fn new(rules: Rules) -> Self {
        Sequence {
            rules,
            inputs: BTreeMap::new(),
            pending: Vec::new(),
            carried: None,
            latest_start: Time::ZERO,
            latest_end: Time::ZERO,
            last_given: None,
            dropped: Vec::new(),
        }
    }

    /// Opens an input: nothing is certain until it reports its position.
    pub fn open_input(&mut self, input: K) {
        self.inputs.entry(input).or_default().ended = false;
    }

    /// Closes an input: no more chapters will come from it.
    pub fn close_input(&mut self, input: &K) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.ended = true;
        }
    }

    /// Sets the position of an input: it brings no more chapters that start before `time`.
    pub fn advance(&mut self, input: &K, time: Time) {
        self.latest_end = self.latest_end.max(time);
        if let Some(input) = self.inputs.get_mut(input) {
            input.position = input.position.max(time);
        }
    }

    /// Adds a chapter of an input; none that starts earlier will follow.
    pub fn add(&mut self, input: &K, chapter: Chapter) {
        let chapter = Chapter {
            start: whole_millis(chapter.start),
            end: chapter.end.map(whole_millis),
            title: one_line(&chapter.title),
            ..chapter
        };
        if chapter.end.is_some_and(|end| end <= chapter.start) {
            return self.drop(chapter, Reason::NoLength);
        }
        if chapter.title.is_empty() {
            return self.drop(chapter, Reason::NoTitle);
        }
        self.advance(input, chapter.start);
        self.latest_end = self.latest_end.max(chapter.end.unwrap_or_default());
        let Some(input) = self.inputs.get_mut(input) else {
            return;
        };
        if input
            .queue
            .back()
            .is_some_and(|last| chapter.start < last.start)
        {
            return self.drop(chapter, Reason::Late);
        }
        input.queue.push_back(chapter);
    }

    /// Returns the chapters that are certain now, in the order of the file.
    pub fn certain(&mut self) -> Vec<Cue> {
        self.release();
        let horizon = self.horizon();
        if !self.rules.fill_gaps {
            self.close_ended(horizon);
        }
        self.take_certain()
    }

    /// Returns all remaining chapters when the stream ends at `end` or later.
    pub fn finish(&mut self, end: Option<Time>) -> Vec<Cue> {
        for input in self.inputs.values_mut() {
            input.ended = true;
        }
        self.release();
        let end = whole_millis(self.latest_end.max(end.unwrap_or_default()));
        // A chapter that starts with the end still has a length.
        let end = end.max(self.latest_start.saturating_add(SHORTEST));
        if !self.rules.fill_gaps {
            self.close_ended(end);
        }
        self.close_levels(0, end);
        if self.pending.is_empty() && self.last_given.is_none() {
            // A single chapter may be short.
            self.pending.extend(self.carried.take());
        }
        let pending = mem::take(&mut self.pending);
        pending
            .into_iter()
            .filter_map(|pending| self.give(pending.chapter))
            .collect()
    }

    /// Returns the chapters left out since the last call.
    pub fn take_dropped(&mut self) -> Vec<Dropped> {
        mem::take(&mut self.dropped)
    }

    /// Moves chapters out of the queues, as far as no other input can bring an earlier one.
    fn release(&mut self) {
        loop {
            let first = self
                .inputs
                .iter()
                .filter_map(|(key, input)| Some((key, input.queue.front()?)))
                .min_by_key(|(_, chapter)| (chapter.start, chapter.level));
            let Some((key, chapter)) = first else {
                return;
            };
            let start = chapter.start;
            let may_bring_earlier = |(other, input): (&K, &Input)| {
                other != key && !input.ended && input.queue.is_empty() && input.position <= start
            };
            if self.inputs.iter().any(may_bring_earlier) {
                return;
            }
            let key = key.clone();
            let chapter = self
                .inputs
                .get_mut(&key)
                .and_then(|input| input.queue.pop_front());
            if let Some(chapter) = chapter {
                self.insert(chapter);
            }
        }
    }

    /// Returns the time before which every chapter is known; the largest time once all inputs have
    /// ended.
    pub fn horizon(&self) -> Time {
        let of = |input: &Input| match input.queue.front() {
            Some(chapter) => chapter.start,
            None if input.ended => Time::MAX,
            None => input.position,
        };
        self.inputs.values().map(of).min().unwrap_or(Time::MAX)
    }

    fn insert(&mut self, mut chapter: Chapter) {
        if chapter.start < self.latest_start {
            return self.drop(chapter, Reason::Late);
        }
        let is_same = |pending: &Pending| {
            pending.chapter.start == chapter.start && pending.chapter.level == chapter.level
        };
        if self.pending.iter().any(is_same) {
            return self.drop(chapter, Reason::SameStart);
        }
        if !self.rules.fill_gaps {
            self.close_ended(chapter.start);
        }
        self.close_levels(chapter.level, chapter.start);
        self.seal_inside(chapter.level);
        if self.rules.start_at_zero && self.pending.is_empty() && self.last_given.is_none() {
            chapter.start = Time::ZERO;
        }
        if let Some(carried) = self.carried.take() {
            if carried.chapter.level == chapter.level {
                chapter.start = carried.chapter.start;
            }
            self.drop(carried.chapter, Reason::Short);
        }
        if !self.rules.fill_gaps {
            let outer_ends = self.pending.iter().filter(|outer| !outer.closed);
            let limit = outer_ends.filter_map(|outer| outer.chapter.end).min();
            chapter.end = chapter.end.into_iter().chain(limit).min();
        }
        self.latest_start = self.latest_start.max(chapter.start);
        self.pending.push(Pending {
            chapter,
            closed: false,
            sealed: false,
        });
    }

    /// Closes chapters that end at `time` or before.
    fn close_ended(&mut self, time: Time) {
        let is_ended = |pending: &Pending| {
            !pending.closed && pending.chapter.end.is_some_and(|end| end <= time)
        };
        // Inner chapters follow outer ones and end no later.
        while let Some(index) = self.pending.iter().rposition(is_ended) {
            self.close(index, time);
        }
    }

    /// Closes chapters that are open at this level and the deeper ones.
    fn close_levels(&mut self, level: u32, at: Time) {
        let is_open = |pending: &Pending| !pending.closed && pending.chapter.level >= level;
        while let Some(index) = self.pending.iter().rposition(is_open) {
            self.close(index, at);
        }
    }

    fn close(&mut self, index: usize, at: Time) {
        let chapter = &mut self.pending[index].chapter;
        let (level, start) = (chapter.level, chapter.start);
        // A chapter carried inside this one does not leave it.
        self.carried
            .take_if(|carried| carried.chapter.level > level)
            .into_iter()
            .for_each(|carried| self.dropped.push(carried.chapter.dropped(Reason::Short)));
        let end = match chapter.end {
            Some(end) if !self.rules.fill_gaps => end.min(at),
            _ => at,
        };
        let end = end.max(start.saturating_add(SHORTEST));
        chapter.end = Some(end);
        self.pending[index].closed = true;
        self.seal_inside(level);
        if end.saturating_sub(start) >= self.rules.min_duration {
            return;
        }
        // All following ones are inside it and are as short.
        let mut short = self.pending.split_off(index);
        let is_sibling = |before: &&mut Pending| before.chapter.level == level && !before.sealed;
        match self.pending.iter_mut().rev().find(is_sibling) {
            Some(before) => {
                before.chapter.end = Some(end);
                let short = short.swap_remove(0);
                self.drop(short.chapter, Reason::Short);
            }
            None => self.carried = Some(short.swap_remove(0)),
        }
    }

    /// Seals the chapters inside those of this level.
    fn seal_inside(&mut self, level: u32) {
        for pending in &mut self.pending {
            pending.sealed |= pending.chapter.level > level;
        }
    }

    fn take_certain(&mut self) -> Vec<Cue> {
        let mut certain = 0;
        for (index, pending) in self.pending.iter().enumerate() {
            let level = pending.chapter.level;
            // A sibling that is too short would still lengthen this one.
            let is_sibling = |next: &Pending| next.chapter.level == level && next.closed;
            let is_last_word = self.rules.min_duration == Time::ZERO
                || pending.sealed
                || self.pending[index + 1..].iter().any(is_sibling);
            if !pending.closed || !is_last_word {
                break;
            }
            certain = index + 1;
        }
        let certain: Vec<Pending> = self.pending.drain(..certain).collect();
        certain
            .into_iter()
            .filter_map(|pending| self.give(pending.chapter))
            .collect()
    }

    /// Returns the chapter as a cue, unless it has the same times as the one around it: no two cues of a
    /// chapter file are the same.
    fn give(&mut self, chapter: Chapter) -> Option<Cue> {
        let span = Span::new(chapter.start, chapter.end?);
        if self.last_given == Some(span) {
            self.drop(chapter, Reason::SameTimes);
            return None;
        }
        self.last_given = Some(span);
        let mut cue = Cue::new(span, &chapter.title);
        cue.id = chapter.id;
        Some(cue)
    }

    fn drop(&mut self, chapter: Chapter, reason: Reason) {
        self.dropped.push(chapter.dropped(reason));
    }
}

impl Chapter {
    fn dropped(self, reason: Reason) -> Dropped {
        Dropped {
            title: self.title,
            start: self.start,
            reason,
        }
    }
}

fn whole_millis(time: Time) -> Time {
    Time::from_millis(time.saturating_add(Time::from_nanos(500_000)).millis())
}

fn one_line(title: &str) -> String {
    let words: Vec<&str> = title.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::Document;
    use crate::webvtt::chapters::check;
    use proptest::prelude::*;

    type Expected<'a> = (u64, u64, &'a str);

    fn chapter(start: u64, end: Option<u64>, level: u32, title: &str) -> Chapter {
        Chapter {
            start: Time::from_secs(start),
            end: end.map(Time::from_secs),
            level,
            title: title.to_owned(),
            id: None,
        }
    }

    fn assert_cues(cues: &[Cue], expected: &[Expected<'_>]) {
        let seconds = |time: Time| time.millis() / 1000;
        let cues: Vec<(u64, u64, String)> = cues
            .iter()
            .map(|cue| {
                (
                    seconds(cue.span.start),
                    seconds(cue.span.end),
                    cue.plain_text(),
                )
            })
            .collect();
        let expected: Vec<(u64, u64, String)> = expected
            .iter()
            .map(|&(start, end, title)| (start, end, title.to_owned()))
            .collect();
        assert_eq!(cues, expected);
    }

    /// Adds all chapters at once, one input per level.
    fn arranged(rules: Rules, chapters: &[Chapter], end: u64) -> Vec<Cue> {
        let mut sequence = Sequence::new(rules);
        for chapter in chapters {
            sequence.open_input(chapter.level);
            sequence.add(&chapter.level, chapter.clone());
        }
        sequence.finish(Some(Time::from_secs(end)))
    }

    #[test]
    fn a_chapter_is_given_once_its_end_is_certain() {
        let mut sequence = Sequence::new(Rules::default());
        sequence.open_input(0);
        sequence.add(&0, chapter(0, Some(10), 0, "A"));
        assert_cues(&sequence.certain(), &[]);
        sequence.advance(&0, Time::from_secs(9));
        assert_cues(&sequence.certain(), &[]);
        sequence.advance(&0, Time::from_secs(10));
        assert_cues(&sequence.certain(), &[(0, 10, "A")]);
        sequence.add(&0, chapter(10, None, 0, "B"));
        sequence.advance(&0, Time::from_secs(50));
        assert_cues(&sequence.certain(), &[]);
        sequence.add(&0, chapter(60, None, 0, "C"));
        assert_cues(&sequence.certain(), &[(10, 60, "B")]);
        assert_cues(
            &sequence.finish(Some(Time::from_secs(99))),
            &[(60, 99, "C")],
        );
    }

    #[test]
    fn outer_chapters_come_before_inner_ones_and_end_them() {
        let mut sequence = Sequence::new(Rules::default());
        sequence.open_input("outer");
        sequence.open_input("inner");
        sequence.add(&"inner", chapter(0, None, 1, "A1"));
        sequence.add(&"inner", chapter(5, Some(12), 1, "A2"));
        assert_cues(&sequence.certain(), &[]);
        sequence.add(&"outer", chapter(0, None, 0, "A"));
        sequence.add(&"outer", chapter(10, None, 0, "B"));
        sequence.add(&"inner", chapter(15, None, 1, "B1"));
        let expected = [(0, 10, "A"), (0, 5, "A1"), (5, 10, "A2")];
        assert_cues(&sequence.certain(), &expected);
        assert_cues(
            &sequence.finish(Some(Time::from_secs(20))),
            &[(10, 20, "B"), (15, 20, "B1")],
        );
    }

    #[test]
    fn gaps_are_filled_and_the_first_starts_at_zero_when_asked() {
        let chapters = [
            chapter(5, Some(10), 0, "A"),
            chapter(6, Some(7), 1, "A1"),
            chapter(20, Some(30), 0, "B"),
        ];
        let expected = [(5, 10, "A"), (6, 7, "A1"), (20, 30, "B")];
        assert_cues(&arranged(Rules::default(), &chapters, 60), &expected);
        let rules = Rules {
            fill_gaps: true,
            start_at_zero: true,
            ..Rules::default()
        };
        let expected = [(0, 20, "A"), (6, 20, "A1"), (20, 60, "B")];
        assert_cues(&arranged(rules, &chapters, 60), &expected);
    }

    #[test]
    fn short_chapters_are_joined() {
        let rules = Rules {
            min_duration: Time::from_secs(10),
            ..Rules::default()
        };
        let chapters = [
            chapter(0, None, 0, "Hello"),
            chapter(5, None, 0, "Intro"),
            chapter(100, None, 0, "Blip"),
            chapter(102, None, 1, "Blip 1"),
            chapter(103, None, 0, "Sets"),
            chapter(195, None, 0, "Bye"),
        ];
        assert_cues(
            &arranged(rules, &chapters, 200),
            &[(0, 103, "Intro"), (103, 200, "Sets")],
        );
        assert_cues(&arranged(rules, &chapters[..1], 5), &[(0, 5, "Hello")]);
    }

    #[test]
    fn what_cannot_be_in_the_file_is_named() {
        let mut sequence = Sequence::new(Rules::default());
        for key in 0..3 {
            sequence.open_input(key);
        }
        sequence.add(&0, chapter(10, Some(20), 0, "A\n  title"));
        sequence.add(&0, chapter(5, None, 0, "late"));
        sequence.add(&0, chapter(30, Some(30), 0, "empty"));
        sequence.add(&0, chapter(40, None, 0, " \n"));
        sequence.add(&1, chapter(10, Some(15), 0, "same"));
        sequence.add(&2, chapter(10, Some(20), 1, "inner"));
        assert_cues(&sequence.finish(None), &[(10, 20, "A title")]);
        let mut dropped: Vec<String> = sequence
            .take_dropped()
            .into_iter()
            .map(|dropped| dropped.title)
            .collect();
        dropped.sort();
        assert_eq!(dropped, ["", "empty", "inner", "late", "same"]);
    }

    fn any_chapters() -> impl Strategy<Value = Vec<Chapter>> {
        let one = (0u64..12, prop::option::of(0u64..30), 0u32..3);
        prop::collection::vec(one, 0..12).prop_map(|list| {
            let mut starts = [0; 3];
            let mut chapters = Vec::new();
            for (index, (gap, length, level)) in list.into_iter().enumerate() {
                let start = starts[level as usize] + gap;
                starts[level as usize] = start;
                let end = length.map(|length| start + length);
                chapters.push(chapter(start, end, level, &format!("title {index}")));
            }
            chapters
        })
    }

    fn any_rules() -> impl Strategy<Value = Rules> {
        (any::<bool>(), any::<bool>(), 0u64..8).prop_map(|(fill_gaps, start_at_zero, min)| Rules {
            fill_gaps,
            start_at_zero,
            min_duration: Time::from_secs(min),
        })
    }

    proptest! {
        #[test]
        fn the_file_keeps_the_rules(chapters in any_chapters(), rules in any_rules()) {
            let cues = arranged(rules, &chapters, 70);
            let document = Document::new(cues.clone());
            prop_assert_eq!(check(&document), [], "{}", document);
            if let Some(first) = cues.first() && rules.start_at_zero {
                prop_assert_eq!(first.span.start, Time::ZERO);
            }
            for cue in cues.iter().skip(1) {
                prop_assert!(cue.span.duration() >= rules.min_duration, "{}", document);
            }
        }

        #[test]
        fn what_is_given_early_is_what_is_given_at_the_end(
            chapters in any_chapters(), rules in any_rules(), order in any::<u64>())
        {
            let at_once = arranged(rules, &chapters, 70);
            let mut sequence = Sequence::new(rules);
            let mut queues: Vec<VecDeque<Chapter>> = vec![VecDeque::new(); 3];
            for chapter in chapters {
                sequence.open_input(chapter.level);
                queues[chapter.level as usize].push_back(chapter);
            }
            let mut streamed = Vec::new();
            let mut choice = order;
            while queues.iter().any(|queue| !queue.is_empty()) {
                let level = (choice % 3) as u32;
                choice = choice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1) >> 1;
                match queues[level as usize].pop_front() {
                    Some(chapter) => {
                        let start = chapter.start;
                        sequence.add(&level, chapter);
                        sequence.advance(&level, start);
                    }
                    None => sequence.close_input(&level),
                }
                streamed.extend(sequence.certain());
            }
            streamed.extend(sequence.finish(Some(Time::from_secs(70))));
            prop_assert_eq!(streamed, at_once);
        }
    }
}
