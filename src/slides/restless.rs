// SPDX-License-Identifier: MPL-2.0

//! Places in which something small is replaced time and again: captions over the pages, a line that is
//! typed.

use std::collections::VecDeque;

use super::region::{Rect, Region, WORD_GAP};
use crate::timeline::Time;

/// What is replaced so often within this time stands over the pages.
const WITHIN: Time = Time::from_secs(12);
const REPLACED: usize = 3;
/// Until it is known what came before, so often in what follows will do.
const REPLACED_SOON: usize = 2;
/// A place that was restless stays known for so long.
const KNOWN: Time = Time::from_secs(120);

/// What is known of such places.
pub struct Restless {
    none: Region,
    /// The small changes of the last time, and the blocks of each.
    replaced: VecDeque<(Time, Region)>,
    /// The places, and until when they are taken for granted.
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

    /// Takes the blocks that changed at `time`, a band of the picture; gives the restless places among
    /// them. `soon` are the small changes that follow, as far as they are seen.
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
