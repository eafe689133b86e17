// SPDX-License-Identifier: MPL-2.0

//! Places that keep their people: who has a tile, and where, when there are more than tiles.

use super::room::Track;

/// A number of places in which people stay as long as they are among the first in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// The participant and whether the place shows their screen.
    places: Vec<(String, bool)>,
}

impl Page {
    /// Returns who stands where: the first `capacity` of `ordered`. Whoever was there keeps the
    /// place; a newcomer takes the place of one who is gone or no longer among the first.
    pub(super) fn update<'a>(&mut self, ordered: &[Track<'a>], capacity: usize) -> Vec<Track<'a>> {
        let wanted = ordered.get(..capacity).unwrap_or(ordered);
        let mut newcomers = wanted
            .iter()
            .filter(|track| !self.places.iter().any(|place| is_at(track, place)))
            .copied();
        let mut shown = Vec::with_capacity(wanted.len());
        for place in &self.places {
            let stays = wanted.iter().find(|track| is_at(track, place)).copied();
            shown.extend(stays.or_else(|| newcomers.next()));
        }
        shown.extend(newcomers);
        self.places = shown.iter().map(place_of).collect();
        shown
    }
}

fn place_of(track: &Track<'_>) -> (String, bool) {
    (track.participant.to_owned(), track.is_screen)
}

fn is_at(track: &Track<'_>, place: &(String, bool)) -> bool {
    track.participant == place.0 && track.is_screen == place.1
}
