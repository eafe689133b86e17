// SPDX-License-Identifier: MPL-2.0

//! Fills the regions of a layout file.

use super::{LayoutFile, Show};
use crate::record::layout::Rect;
use crate::record::layout::canvas::{Canvas, Cast, INTERPRETER_SHARE, MAX_GRID, Pages, strip};
use crate::record::layout::geometry::grid_cells;
use crate::record::layout::room::{Person, Role, Room, Track};

impl LayoutFile {
    /// The participants whom regions are reserved for by name or role, interpreters excepted: they
    /// are shown there and not as the active speaker.
    pub(in crate::record::layout) fn reserved(&self, room: &Room) -> Vec<String> {
        let mut reserved: Vec<String> = Vec::new();
        for region in &self.regions {
            let is_meant = |person: &&Person| {
                person.role != Role::Interpreter
                    && person.camera().is_some()
                    && !reserved.contains(&person.id)
                    && region.show.names(&person.id, person.role)
            };
            if let Some(person) = room.people.iter().find(is_meant) {
                reserved.push(person.id.clone());
            }
        }
        reserved
    }

    /// Places everybody. Interpreters without a fitting region get a strip of the picture, and the
    /// regions share the rest.
    pub(in crate::record::layout) fn arrange(
        &self,
        area: Rect,
        cast: &Cast<'_>,
        pages: &mut Pages,
        canvas: &mut Canvas,
    ) {
        let mut filling = Filling {
            tracks: vec![None; self.regions.len()],
        };
        let mut left = self.seat_interpreters(area, area, cast, &mut filling);
        let mut rest = area;
        if !left.is_empty() {
            // The regions become narrower, so that others may no longer be wide enough.
            (rest, _) = strip(area, left.len(), INTERPRETER_SHARE);
            left = self.seat_interpreters(area, rest, cast, &mut filling);
            let (_, places) = strip(area, left.len(), INTERPRETER_SHARE);
            for (track, place) in left.iter().zip(places) {
                canvas.place(track, place, None, 0);
            }
        }
        self.fill(rest, cast, pages, filling, canvas);
    }

    /// Gives interpreters the regions that are meant and fit for them; returns the others.
    fn seat_interpreters<'a>(
        &self,
        picture: Rect,
        area: Rect,
        cast: &Cast<'a>,
        filling: &mut Filling<'a>,
    ) -> Vec<Track<'a>> {
        filling.tracks.fill(None);
        let mut left = Vec::new();
        for track in &cast.interpreters {
            let mut seats = self.regions.iter().zip(&mut filling.tracks);
            let seat = seats.find(|(region, filled)| {
                filled.is_none()
                    && region.show.names(track.participant, track.role)
                    && region.outer_rect(area).width * INTERPRETER_SHARE >= picture.width
                    && !self.regions.iter().any(|other| region.is_covered_by(other))
            });
            match seat {
                Some((_, filled)) => *filled = Some(*track),
                None => left.push(*track),
            }
        }
        left
    }

    /// Fills the regions: first with those whom they name, then by number, then with the rest.
    fn fill<'a>(
        &self,
        area: Rect,
        cast: &Cast<'a>,
        pages: &mut Pages,
        mut filling: Filling<'a>,
        canvas: &mut Canvas,
    ) {
        for (index, region) in self.regions.iter().enumerate() {
            let named = region.choices().take_while(|show| !show.is_of_others());
            filling.fill_first(index, named, cast);
        }
        let others = cast.people.iter().filter(|track| !filling.shows(track));
        let others: Vec<Track<'a>> = others.copied().collect();
        let places = pages.numbered.update(&others, self.capacity(&filling));
        for (index, region) in self.regions.iter().enumerate() {
            if !filling.is_filled(index) {
                let number = region.choices().find_map(Show::number);
                let track = number.and_then(|number| places.get(number - 1));
                let track = track.filter(|track| !filling.shows(track)).copied();
                filling.fill(index, track);
            }
        }
        for (index, region) in self.regions.iter().enumerate() {
            if region.show.number().is_some() {
                filling.fill_first(index, region.otherwise.iter(), cast);
            }
        }
        let rest = places.iter().filter(|track| !filling.shows(track));
        let rest: Vec<Track<'a>> = rest.take(MAX_GRID).copied().collect();
        self.place_rest(area, &rest, &filling, canvas);
        if rest.is_empty() {
            for (index, region) in self.regions.iter().enumerate() {
                if region.show == Show::Rest {
                    filling.fill_first(index, region.otherwise.iter(), cast);
                }
            }
        }
        for (region, track) in self.regions.iter().zip(&filling.tracks) {
            if let Some(track) = track {
                let rect = match track.is_interpreter() {
                    true => region.outer_rect(area),
                    false => region.rect(area),
                };
                canvas.place(track, rect, region.fit, region.z);
            }
        }
    }

    /// The number of people whom the empty regions have places for.
    fn capacity(&self, filling: &Filling<'_>) -> usize {
        let empty = self.regions.iter().enumerate();
        let empty = empty.filter(|(index, _)| !filling.is_filled(*index));
        let wanted: Vec<&Show> = empty.flat_map(|(_, region)| region.choices()).collect();
        let numbers = wanted.iter().filter_map(|show| show.number());
        let rest = match wanted.contains(&&Show::Rest) {
            true => MAX_GRID,
            false => 0,
        };
        numbers.max().unwrap_or(0) + rest
    }

    /// Shows the rest as a grid in the first empty region for it.
    fn place_rest(
        &self,
        area: Rect,
        rest: &[Track<'_>],
        filling: &Filling<'_>,
        canvas: &mut Canvas,
    ) {
        let regions = self.regions.iter().enumerate();
        let mut regions = regions.filter(|(index, _)| !filling.is_filled(*index));
        let region = regions.find(|(_, region)| region.choices().any(|show| *show == Show::Rest));
        if let Some((_, region)) = region {
            let cells = grid_cells(region.rect(area), rest.len());
            for (track, cell) in rest.iter().zip(cells) {
                canvas.place(track, cell, region.fit, region.z);
            }
        }
    }
}

/// The track of each region that shows one.
struct Filling<'a> {
    tracks: Vec<Option<Track<'a>>>,
}

impl<'a> Filling<'a> {
    fn is_filled(&self, index: usize) -> bool {
        self.tracks.get(index).is_some_and(Option::is_some)
    }

    fn fill(&mut self, index: usize, track: Option<Track<'a>>) {
        if let Some(place) = self.tracks.get_mut(index) {
            *place = track;
        }
    }

    /// Fills an empty region with the first of these who is there and not shown yet.
    fn fill_first<'b>(
        &mut self,
        index: usize,
        choices: impl Iterator<Item = &'b Show>,
        cast: &Cast<'a>,
    ) {
        for show in choices {
            if !self.is_filled(index) {
                let track = cast.find(show, self);
                self.fill(index, track);
            }
        }
    }

    fn shows(&self, track: &Track<'_>) -> bool {
        self.tracks.iter().flatten().any(|shown| {
            shown.participant == track.participant && shown.is_screen == track.is_screen
        })
    }
}

impl<'a> Cast<'a> {
    /// The first track that `show` asks for and no region shows yet.
    fn find(&self, show: &Show, filling: &Filling<'_>) -> Option<Track<'a>> {
        let tracks = match show {
            Show::Screen => &self.screens[..],
            Show::Speaker => self.speaker.as_slice(),
            Show::Participant(_) | Show::Role(_) => &self.reserved[..],
            Show::Number(_) | Show::Rest => &[],
        };
        let is_meant = |track: &&Track<'_>| match show {
            Show::Participant(_) | Show::Role(_) => show.names(track.participant, track.role),
            _ => true,
        };
        let mut free = tracks.iter().filter(|track| !filling.shows(track));
        free.find(is_meant).copied()
    }
}
