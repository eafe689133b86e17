// SPDX-License-Identifier: MPL-2.0

//! The floor: the active speaker, chosen with few swaps.
//!
//! Whoever holds the floor keeps it until somebody else with a camera track has a claim: they speak
//! while the holder is silent, or are louder by a margin. The claim must last for the attack time,
//! and a holder who won the floor by speaking keeps it for the hold time. Only when the holder
//! leaves, or never spoke and has the camera off, another takes over at once.

use std::cmp::Ordering;

use super::room::{Person, Role, Room};
use crate::timeline::Time;

/// When the active speaker changes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SwitchRules {
    /// Shortest time of speaking before somebody can take the floor.
    pub attack: Time,
    /// Shortest time for which whoever took the floor by speaking keeps it.
    pub hold: Time,
    /// Difference in dB by which somebody must be louder than a speaking holder to take the floor.
    pub margin: f32,
}

/// A second of speech, three seconds of hold, 6 dB (twice the amplitude).
impl Default for SwitchRules {
    fn default() -> Self {
        SwitchRules {
            attack: Time::from_secs(1),
            hold: Time::from_secs(3),
            margin: 6.0,
        }
    }
}

/// The active speaker and how long they keep the floor.
#[derive(Clone, Debug, Default)]
pub(super) struct Floor {
    holder: Option<String>,
    hold_until: Time,
}

impl Floor {
    pub(super) fn holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    /// Decides who holds the floor. `reserved` are participants with a place of their own.
    pub(super) fn settle(
        &mut self,
        room: &mut Room,
        now: Time,
        rules: &SwitchRules,
        reserved: &[String],
    ) {
        for person in &mut room.people {
            person.voice.settle(now, rules.attack);
        }
        let is_eligible = |person: &Person| {
            person.role != Role::Interpreter
                && person.camera().is_some()
                && !reserved.contains(&person.id)
        };
        let kept = self.keep_or_replace(room, now, rules, is_eligible);
        let Some(kept) = kept else {
            return;
        };
        self.update_claims(room, kept, now, rules, is_eligible);
        let winner = room
            .people
            .iter()
            .enumerate()
            .filter(|(_, person)| {
                let is_long_enough = |since| person.voice.is_heard_since(since, now, rules.attack);
                now >= self.hold_until && person.voice.claim.is_some_and(is_long_enough)
            })
            .min_by(|(_, a), (_, b)| by_order(a, b))
            .map(|(index, _)| index);
        if let Some(winner) = winner {
            self.hold_until = now.saturating_add(rules.hold);
            self.update_claims(room, winner, now, rules, is_eligible);
        }
        self.holder = room
            .people
            .get(winner.unwrap_or(kept))
            .map(|person| person.id.clone());
    }

    /// Returns who holds the floor if nobody wins it: the holder, or the first in order if the holder
    /// is gone or has nothing to show.
    fn keep_or_replace(
        &mut self,
        room: &Room,
        now: Time,
        rules: &SwitchRules,
        is_eligible: impl Fn(&Person) -> bool,
    ) -> Option<usize> {
        let best = room
            .people
            .iter()
            .enumerate()
            .filter(|(_, person)| is_eligible(person))
            .min_by(|(_, a), (_, b)| by_order(a, b));
        let holder = self.holder.take();
        let is_holder = |person: &Person| Some(&person.id) == holder.as_ref();
        room.people
            .iter()
            .position(|person| is_holder(person) && is_eligible(person))
            .filter(|index| {
                let has_better = best.is_some_and(|(_, best)| best.is_camera_on());
                !(has_better && room.people.get(*index).is_some_and(is_weak))
            })
            .or_else(|| {
                let (index, person) = best?;
                self.hold_until = if person.voice.is_in_turn() {
                    now.saturating_add(rules.hold)
                } else {
                    now
                };
                Some(index)
            })
    }

    /// Notes who has a claim against the holder, and since when.
    fn update_claims(
        &self,
        room: &mut Room,
        holder: usize,
        now: Time,
        rules: &SwitchRules,
        is_eligible: impl Fn(&Person) -> bool,
    ) {
        let Some(voice) = room.people.get(holder).map(|person| person.voice.clone()) else {
            return;
        };
        for (index, person) in room.people.iter_mut().enumerate() {
            let is_louder = match (person.voice.level(), voice.level()) {
                (Some(level), Some(other)) => level >= other + rules.margin,
                _ => false,
            };
            let has_claim = index != holder
                && is_eligible(person)
                && person.voice.is_speaking()
                && (!voice.is_speaking() || is_louder);
            person.voice.claim = has_claim.then(|| person.voice.claim.unwrap_or(now));
        }
    }

    /// The next time after `now` at which the floor may change without an event.
    pub(super) fn deadline(&self, room: &Room, now: Time, rules: &SwitchRules) -> Option<Time> {
        let claims = room.people.iter().filter_map(|person| {
            let since = person.voice.claim?;
            let heard = person.voice.heard_at(since, rules.attack)?;
            Some(heard.max(self.hold_until))
        });
        let voices = room
            .people
            .iter()
            .flat_map(|person| person.voice.deadlines(rules.attack));
        claims.chain(voices).filter(|time| *time > now).min()
    }
}

/// Whether somebody holds the floor for want of others: silent so far, and nothing to see.
fn is_weak(person: &Person) -> bool {
    !person.voice.is_speaking() && person.voice.last_turn.is_none() && !person.is_camera_on()
}

/// The order of people: the loudest current speaker, the most recent speaker, camera on. People
/// who are equal in it stay in the order in which they joined.
pub(super) fn by_order(a: &Person, b: &Person) -> Ordering {
    let in_turn = (a.voice.is_in_turn(), b.voice.is_in_turn());
    let loudness = |person: &Person| person.voice.level().unwrap_or(f32::NEG_INFINITY);
    let by_loudness = if in_turn == (true, true) {
        loudness(b).total_cmp(&loudness(a))
    } else {
        Ordering::Equal
    };
    in_turn
        .1
        .cmp(&in_turn.0)
        .then(by_loudness)
        .then(b.voice.last_turn.cmp(&a.voice.last_turn))
        .then(b.is_camera_on().cmp(&a.is_camera_on()))
}
