// SPDX-License-Identifier: MPL-2.0

//! State shared by all pairs: decisions, and which stream waits for which.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::item::Item;
use super::settings::{Mode, Settings};
use super::stream::{Backlog, Stream};
use crate::speech::trim::Cut;
use crate::speech::{Kind, Plan, Sound};
use crate::timeline::{CutList, Decision, Gops, Redaction, Span, Time};

/// Time after the others have ended, or brought much, for which a pad without a source may still be
/// linked to one. A link that waits for the choice of a decoder is visible only as the missing pad.
pub(super) const BEGIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Limit of a pair's own decided backlog at which its chain waits …
const BACKLOG_TIME: Time = Time::SECOND;
/// … or this many bytes in at least `BACKLOG_BUFFERS` buffers.
const BACKLOG_BYTES: u64 = 4 << 20;
const BACKLOG_BUFFERS: usize = 3;
/// Length of the other streams after which a linked pad that has not begun is no longer waited for.
const LATEST_START: Time = Time::from_secs(5);

/// Outcome of a session.
pub struct Outcome {
    pub cuts: Vec<Cut>,
    pub kept: Vec<Span>,
    pub duration: Time,
    /// Whether streams were analysed and nobody spoke.
    pub nobody_spoke: bool,
}

pub struct Session {
    pub mode: Mode,
    /// Decision from a file.
    given: Option<Decision>,
    /// Redaction of the kept parts.
    pub redaction: Arc<Redaction>,
    plan: Plan,
    /// Whether everything is kept because there is no audio to analyse.
    pub unheard: bool,
    /// Time since when no audio is analysed although the limits are exceeded.
    unheard_since: Option<Instant>,
    gops: Gops,
    /// The encoded video that cuts follow.
    leader: Option<u32>,
    /// False once a hold limit was reached before the leader could provide a cut point.
    follow_leader: bool,
    max_hold_time: Time,
    max_hold_bytes: u64,
    /// Whether the warning about a limit was returned.
    bound_reached: bool,
    pub decision: Arc<Decision>,
    pub streams: BTreeMap<u32, Stream>,
    pub finished: bool,
    /// The flush with which this session began: it arrives once on every pad.
    flush: Option<gst::Seqnum>,
}

/// Reason for a restart of the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    AfterEos,
    Flush(gst::Seqnum),
}

impl Session {
    pub fn new(settings: &Settings, given: Option<(CutList, Redaction)>) -> Self {
        let (given, redaction) = given.unzip();
        let mut session = Session {
            mode: settings.mode,
            redaction: Arc::new(redaction.unwrap_or_default()),
            given: given.map(|list| Decision {
                kept: list.kept().collect(),
                until: Time::MAX,
            }),
            plan: Plan::new(settings.policy()),
            unheard: false,
            unheard_since: None,
            gops: Gops::default(),
            leader: None,
            follow_leader: true,
            max_hold_time: Time::from_nanos(settings.max_hold_time),
            max_hold_bytes: settings.max_hold_bytes,
            bound_reached: false,
            decision: Arc::default(),
            streams: BTreeMap::new(),
            finished: false,
            flush: None,
        };
        session.refresh();
        session
    }

    /// Returns whether the session has to restart; false if it already did for this reason.
    pub fn restarts(&self, why: Again) -> bool {
        match why {
            Again::AfterEos => self.finished,
            Again::Flush(seqnum) => self.flush != Some(seqnum),
        }
    }

    /// Continues as `fresh`: discards findings, keeps the streams.
    pub fn restart(&mut self, mut fresh: Session, why: Again) {
        fresh.streams = std::mem::take(&mut self.streams);
        match why {
            // The caps that require it are sent again.
            Again::AfterEos => {
                let ended = fresh.streams.values_mut().filter(|stream| stream.eos);
                ended.for_each(Stream::await_next);
            }
            Again::Flush(seqnum) => {
                fresh.leader = self.leader;
                fresh.flush = Some(seqnum);
            }
        }
        *self = fresh;
        self.refresh();
        self.wake_all();
    }

    /// Returns whether everything before the end has been sent.
    pub fn is_drained(&self) -> bool {
        self.streams.values().all(|stream| {
            stream.queue.is_empty() || !stream.active || stream.flushing || stream.flow.is_some()
        })
    }

    pub fn is_detecting(&self) -> bool {
        self.given.is_none()
    }

    /// Returns whether buffers pass unchanged.
    pub fn passes(&self) -> bool {
        self.mode == Mode::Detect
    }

    pub fn wake_all(&self) {
        for stream in self.streams.values() {
            stream.wake.notify_all();
        }
    }

    /// Evaluates everything again and wakes waiting threads.
    pub fn refresh(&mut self) {
        let decision = self.decide();
        if decision != *self.decision {
            self.decision = Arc::new(decision);
            self.wake_all();
        }
    }

    fn decide(&mut self) -> Decision {
        if self.passes() {
            return Decision::keep_all();
        }
        if !self.finished && !self.all_begun() {
            return Decision::default();
        }
        let decision = match &self.given {
            Some(given) => given.clone(),
            None if self.unheard => Decision::keep_all(),
            None if self.finished => (*self.decision).clone(),
            None => self.plan.decision(),
        };
        if self.leader.is_some() && self.follow_leader && !(self.finished && self.given.is_none()) {
            decision.grown(&self.gops)
        } else {
            decision
        }
    }

    /// Returns whether every possible stream has begun: cuts depend on which there are.
    fn all_begun(&self) -> bool {
        self.streams
            .values()
            .all(|stream| stream.has_caps || stream.eos || !stream.fed)
            || self.held_time() >= LATEST_START
            || self.decision.until > Time::ZERO
    }

    /// Returns the time from the first undecided time to the latest one received.
    pub fn held_time(&self) -> Time {
        let counts = |stream: &&Stream| !stream.sparse && !stream.flushing;
        let streams = self.streams.values().filter(counts);
        let first = streams.clone().filter_map(|stream| stream.first).min();
        let end = streams.map(|stream| stream.end).max();
        match (first, end) {
            (Some(first), Some(end)) => end.saturating_sub(first.max(self.decision.until)),
            _ => Time::ZERO,
        }
    }

    pub fn held_bytes(&self) -> u64 {
        self.streams.values().map(|stream| stream.bytes).sum()
    }

    pub fn speech(&self) -> Time {
        let whole = Span::new(Time::ZERO, Time::MAX);
        crate::speech::trim::covered(&self.plan.evidence.speech, whole)
    }

    pub fn hear(&mut self, sounds: &[Sound]) {
        for sound in sounds {
            let list = match sound.kind {
                Kind::Speech => &mut self.plan.evidence.speech,
                Kind::Music => &mut self.plan.evidence.music,
                Kind::SpeechOverMusic => &mut self.plan.evidence.over_music,
            };
            insert(list, sound.span);
        }
        if !sounds.is_empty() {
            self.weigh();
        }
    }

    pub fn see_slide(&mut self, change: Span) {
        let slides = &mut self.plan.evidence.slides;
        let at = slides.partition_point(|slide| slide.end <= change.end);
        slides.insert(at, change);
        self.weigh();
    }

    /// Makes the possible decisions. If nothing is cut, all evidence is evaluated at the end: the
    /// order in which audio and video arrive is arbitrary.
    fn weigh(&mut self) {
        if !self.passes() {
            self.plan.update();
            self.refresh();
        }
    }

    /// Offers an encoded video as leader; the first one is used.
    pub fn offer_leader(&mut self, id: u32) {
        self.leader.get_or_insert(id);
    }

    /// Adds the leader's next frame.
    pub fn see_frame(&mut self, id: u32, shown: Time, key: bool) {
        if self.leader == Some(id) && !self.passes() {
            self.gops.push(shown, key);
            self.refresh();
        }
    }

    /// Removes the stream of a removed pad.
    pub fn remove_stream(&mut self, id: u32) {
        if self.leader == Some(id) {
            self.gops.end();
        }
        self.streams.remove(&id);
        self.refresh();
        self.wake_all();
    }

    pub fn end_stream(&mut self, id: u32) {
        if self.leader == Some(id) {
            self.gops.end();
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.eos = true;
        }
        self.refresh();
        self.wake_all();
    }

    /// Returns whether there are pads to which a decoder may still be linked, which takes it a
    /// moment.
    fn awaits_link(&mut self) -> bool {
        let open = |stream: &Stream| !stream.has_caps && !stream.eos && !stream.sparse;
        let since = *self.unheard_since.get_or_insert_with(Instant::now);
        self.streams.values().any(open) && since.elapsed() < BEGIN_TIMEOUT
    }

    /// Keeps everything held once a limit is exceeded; returns the warning to post.
    pub fn bound(&mut self) -> Option<String> {
        if self.passes() || self.finished || self.decision.until == Time::MAX {
            return None;
        }
        let streams = self.streams.values().filter(|stream| !stream.flushing);
        let newest = streams.map(|stream| stream.end).max()?;
        if self.is_detecting() && !self.unheard {
            // A stream that has not begun may bring audio late.
            let may_hear = |stream: &Stream| {
                let begins = stream.fed && !stream.has_caps && !stream.eos && !stream.sparse;
                stream.listened || begins
            };
            let heard = self.streams.values().any(may_hear);
            if !heard && self.held_time() >= LATEST_START && !self.awaits_link() {
                self.unheard = true;
                self.refresh();
                return Some("there is no raw audio to analyse, so everything is kept; link a decoded copy of the audio to another sink pad".into());
            }
        }
        let why = if self.held_time() > self.max_hold_time {
            "max-hold-time"
        } else if self.undecided_bytes() > self.max_hold_bytes {
            "max-hold-bytes"
        } else {
            return None;
        };
        self.plan.keep_until(newest);
        // If the leader is what is waited for, the cut is not grown.
        self.refresh();
        if self.decision.until < newest {
            self.follow_leader = false;
            self.refresh();
        }
        let first = !std::mem::replace(&mut self.bound_reached, true);
        first.then(|| format!(
            "{why} is reached at {newest}: everything that is undecided from here on is kept; raise {why}, or write a cut list with mode=detect first"
        ))
    }

    /// The part that does not merely wait for downstream.
    fn undecided_bytes(&self) -> u64 {
        let held = self.held_bytes();
        if held <= self.max_hold_bytes {
            return held;
        }
        let streams = self.streams.values().filter(|stream| stream.linked);
        let items = streams.flat_map(|stream| &stream.queue);
        items
            .filter(|item| !item.is_decided(&self.decision))
            .map(Item::bytes)
            .sum()
    }

    /// Applies multiqueue's rule: a chain waits only for its own decided backlog, and not while
    /// another linked pad that is not at EOS starves because of that. Sparse and unlinked pads are
    /// not waited for.
    ///
    /// A pad that is fed by the same thread, or may be, starves because of that: while the chain
    /// waits, it gets no data. A pad fed by another thread may starve only because its data has
    /// already been sent. It is waited for until the backlog no longer shrinks
    /// ([`Session::give_way`]); a backlog of `max_hold_bytes` waits for it in any case.
    pub fn must_wait(&self, id: u32) -> bool {
        let Some(stream) = self.streams.get(&id) else {
            return false;
        };
        if stream.flushing || stream.sparse || !stream.linked || stream.flow.is_some() {
            return false;
        }
        if !stream.has_decided(&self.decision) {
            return false;
        }
        let Backlog { time, bytes } = self.backlog(stream);
        let many = self.decision.until == Time::MAX
            && bytes >= BACKLOG_BYTES
            && stream.queue.len() >= BACKLOG_BUFFERS;
        if time < BACKLOG_TIME && !many {
            return false;
        }
        let starving = |(other, stream): &(&u32, &Stream)| {
            **other != id
                && stream.fed
                && stream.linked
                && !stream.eos
                && !stream.sparse
                && !stream.flushing
                && !stream.has_decided(&self.decision)
                && (stream.has_stream || time < LATEST_START)
        };
        let mut starving = self.streams.iter().filter(starving).peekable();
        let is_needed = starving.peek().is_some()
            && bytes < self.max_hold_bytes
            && (time < stream.may_reach.time || bytes < stream.may_reach.bytes);
        let by_this_thread =
            |other: &Stream| other.fed_by.is_none() || other.fed_by == stream.fed_by;
        !is_needed && !starving.any(|(_, other)| by_this_thread(other))
    }

    /// Returns how many items of a stream were sent.
    pub fn taken(&self, id: u32) -> u64 {
        self.streams.get(&id).map_or(0, |stream| stream.taken)
    }

    fn backlog(&self, stream: &Stream) -> Backlog {
        let mut spans = stream.queue.iter().filter_map(Item::span);
        let first = spans.next().map_or(Time::ZERO, |span| span.start);
        Backlog {
            time: stream.end.min(self.decision.until).saturating_sub(first),
            bytes: stream.bytes,
        }
    }

    /// Lets a backlog that does not shrink grow to twice its size. It does not shrink because
    /// downstream, a muxer or sinks that preroll, waits for data of other streams.
    pub fn give_way(&mut self, id: u32) {
        let Some(stream) = self.streams.get(&id) else {
            return;
        };
        let Backlog { time, bytes } = self.backlog(stream);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.may_reach = Backlog {
                time: time.saturating_add(time),
                bytes: bytes.saturating_mul(2),
            };
        }
    }

    /// Returns whether all streams that started are at EOS; the flag is true if no others may still
    /// start.
    pub fn all_ended(&self) -> Option<bool> {
        let mut started = self
            .streams
            .values()
            .filter(|s| s.has_stream || s.has_caps || s.eos)
            .peekable();
        started.peek()?;
        started
            .all(|stream| stream.eos)
            .then(|| self.not_started().next().is_none())
    }

    /// Iterates over the linked pads without data.
    pub fn not_started(&self) -> impl Iterator<Item = u32> + '_ {
        let waits = |s: &Stream| s.fed && !(s.has_stream || s.has_caps || s.eos);
        self.streams
            .iter()
            .filter(move |(_, stream)| waits(stream))
            .map(|(id, _)| *id)
    }

    /// Ends the recording.
    pub fn finish(&mut self) -> Option<Outcome> {
        if self.finished {
            return None;
        }
        self.finished = true;
        let duration = self
            .streams
            .values()
            .filter(|stream| !stream.sparse)
            .map(|stream| stream.end)
            .max()
            .unwrap_or_default();
        let listened = self.streams.values().any(|stream| stream.listened);
        let (cuts, decision) = match &self.given {
            Some(given) => (Vec::new(), given.clone()),
            None if self.unheard => (Vec::new(), Decision::keep_all()),
            None => self.plan.finish(duration),
        };
        let leads = self.leader.is_some() && self.follow_leader && !self.passes();
        let decision = if leads {
            self.gops.end();
            decision.grown(&self.gops)
        } else {
            decision
        };
        let kept: Vec<Span> = decision
            .kept
            .iter()
            .filter_map(|span| span.intersection(Span::new(Time::ZERO, duration)))
            .collect();
        if !self.passes() {
            self.decision = Arc::new(decision);
        }
        self.wake_all();
        Some(Outcome {
            cuts: fitted(cuts, &kept),
            kept,
            duration,
            nobody_spoke: listened && self.plan.evidence.speech.is_empty(),
        })
    }
}

/// Returns the cuts as they were made: grown spans make them shorter.
fn fitted(cuts: Vec<Cut>, kept: &[Span]) -> Vec<Cut> {
    cuts.into_iter()
        .filter_map(|mut cut| {
            for span in kept {
                if span.start <= cut.span.start {
                    cut.span.start = cut.span.start.max(span.end);
                } else if span.start < cut.span.end {
                    cut.span.end = span.start;
                }
            }
            (!cut.span.is_empty()).then_some(cut)
        })
        .collect()
}

/// Inserts a span; the list stays sorted and disjoint.
fn insert(list: &mut Vec<Span>, span: Span) {
    let first = list.partition_point(|other| other.end < span.start);
    let last = list.partition_point(|other| other.start <= span.end);
    let merged = list[first..last].iter().fold(span, |sum, other| {
        Span::new(sum.start.min(other.start), sum.end.max(other.end))
    });
    list.splice(first..last, [merged]);
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    fn packet(at: u64) -> Item {
        let span = Span::new(Time::from_secs(at), Time::from_secs(at + 1));
        Item::Buffer(gst::Buffer::from_slice([0; 1000]), span, Kind::Packets)
    }

    fn session(streams: usize) -> Session {
        gst::init().expect("gst");
        let settings = Settings {
            max_hold_bytes: 5000,
            ..Settings::default()
        };
        let mut session = Session::new(&settings, None);
        for id in 0..streams {
            let stream = Stream {
                fed: true,
                linked: true,
                has_stream: true,
                has_caps: true,
                listened: true,
                ..Stream::default()
            };
            session.streams.insert(id as u32, stream);
        }
        session
    }

    #[test]
    fn what_is_held_behind_a_backlog_counts() {
        let mut session = session(1);
        session.plan.keep_until(Time::from_secs(2));
        session.refresh();
        // Two seconds are decided, and downstream does not accept them.
        for at in 0..7 {
            session
                .streams
                .get_mut(&0)
                .expect("a stream")
                .push(packet(at));
            assert_eq!(session.bound(), None, "{at}");
        }
        session
            .streams
            .get_mut(&0)
            .expect("a stream")
            .push(packet(7));
        let warning = session.bound().expect("a warning");
        assert!(warning.contains("max-hold-bytes"), "{warning}");
        assert_eq!(session.decision.until, Time::from_secs(8));
    }

    #[test]
    fn the_next_recording_begins_without_the_positions_of_the_one_before() {
        let mut session = session(2);
        for id in 0..2 {
            session
                .streams
                .get_mut(&id)
                .expect("a stream")
                .reach(Some(Span::new(Time::ZERO, Time::from_secs(500))));
            session.end_stream(id);
        }
        assert!(session.finish().is_some());
        // The first pad starts again; the second one has received nothing.
        let first = session.streams.get_mut(&0).expect("a stream");
        first.await_next();
        first.has_stream = true;
        first.has_caps = true;
        first.listened = true;
        let settings = Settings {
            max_hold_time: 10_000_000_000,
            ..Settings::default()
        };
        session.restart(Session::new(&settings, None), Again::AfterEos);
        let first = session.streams.get_mut(&0).expect("a stream");
        first.reach(Some(Span::new(Time::ZERO, Time::SECOND)));
        assert_eq!(session.held_time(), Time::SECOND);
        assert_eq!(session.bound(), None);
        assert_eq!(session.decision.until, Time::ZERO);
        session.end_stream(0);
        assert_eq!(session.all_ended(), Some(false));
    }

    #[test]
    fn nobody_waits_for_a_flushed_stream_of_before() {
        let mut session = session(2);
        let seqnum = gst::Seqnum::next();
        for stream in session.streams.values_mut() {
            stream.push(packet(500));
            stream.flushing = true;
        }
        session.streams.get_mut(&0).expect("a stream").flush();
        let settings = Settings::default();
        assert!(session.restarts(Again::Flush(seqnum)));
        session.restart(Session::new(&settings, None), Again::Flush(seqnum));
        assert!(!session.restarts(Again::Flush(seqnum)));
        let first = session.streams.get_mut(&0).expect("a stream");
        first.flushing = false;
        first.push(packet(0));
        assert_eq!(session.held_time(), Time::SECOND);
    }
}
