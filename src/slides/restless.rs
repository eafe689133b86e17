// SPDX-License-Identifier: MPL-2.0

//! Places where something small is replaced again and again: captions over the pages, a line that
//! is typed.

use std::collections::VecDeque;

use super::region::{Rect, Region, WORD_GAP};
use crate::timeline::Time;

/// Time within which repeated replacements count.
const WITHIN: Time = Time::from_secs(12);
const REPLACED: usize = 3;
/// Number of later replacements that suffice while the earlier ones are unknown.
const REPLACED_SOON: usize = 2;
/// Time for which a restless place stays known.
const KNOWN: Time = Time::from_secs(120);

/// State of such places.
pub struct Restless {
    none: Region,
    /// Recent small changes, and the blocks of each.
    replaced: VecDeque<(Time, Region)>,
    /// Known places, with their end times.
    places: Vec<(Rect, Time)>,
}

impl Restless {
    pub fn new(columns: usize, rows: usize) -> Self {
        Restless {
            none: Region::new(columns, rows),
            replaced: VecDeque::new(),
            places: Vec::new(),
        }
    }

    /// Adds the blocks that changed at `time`, a band of the frame; returns the restless places
    /// among them. `soon` are the small changes that follow, as far as they are known.
    pub fn take(&mut self, time: Time, changed: Region, soon: &[Region]) -> Region {
        self.places.retain(|(_, until)| time <= *until);
        self.replaced
            .retain(|(past, _)| past.saturating_add(WITHIN) >= time);
        let until = time.saturating_add(KNOWN);
        let mut found = self.none.clone();
        for piece in changed.pieces(WORD_GAP) {
            let replaces = |other: &&Region| other.replaces(&piece);
            let after = soon.iter().filter(replaces).count();
            let before = self.replaced.iter().map(|(_, region)| region);
            let before = before.filter(replaces).count();
            let is_known = |place: Rect| piece.bounds.shared(place) * 2 >= piece.bounds.area();
            let known = self.places.iter().any(|(place, _)| is_known(*place));
            if !known && after < REPLACED_SOON && before + after < REPLACED {
                continue;
            }
            found.insert_rect(piece.bounds);
            // The next line may be longer, or have a second one below it.
            let mut place = piece.bounds;
            self.places.retain(|(known, _)| {
                let joined = place.joined(*known);
                let grows = is_known(*known) && self.none.is_lines(joined);
                if grows {
                    place = joined;
                }
                !grows
            });
            self.places.push((place, until));
        }
        self.replaced.push_back((time, changed));
        found
    }
}
