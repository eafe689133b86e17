// SPDX-License-Identifier: MPL-2.0

//! Everybody who can be shown, and the tiles of a picture while they are placed.

use super::geometry::{even_down, even_share, scaled};
use super::page::Page;
use super::room::Track;
use super::{Fit, Rect, Tile};

/// The most tiles of a grid.
pub(super) const MAX_GRID: usize = 25;
/// The most interpreters who are always seen. Further ones are placed like other people.
pub(super) const MAX_INTERPRETERS: usize = 4;
/// An interpreter has at least an n-th of the width.
pub(super) const INTERPRETER_SHARE: u32 = 6;
/// Everybody who can be shown, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Cast<'a> {
    /// In the order in which they joined, at most [`MAX_INTERPRETERS`].
    pub(super) interpreters: Vec<Track<'a>>,
    pub(super) screens: Vec<Track<'a>>,
    pub(super) speaker: Option<Track<'a>>,
    /// Cameras of all others, the active speaker first. Those whom a layout file reserves a region
    /// for are in `reserved`.
    pub(super) people: Vec<Track<'a>>,
    pub(super) reserved: Vec<Track<'a>>,
}

/// Who keeps which place, for each list of places.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pub(super) grid: Page,
    pub(super) thumbnails: Page,
    pub(super) pair: Page,
    pub(super) numbered: Page,
}

/// The tiles of a picture while they are placed.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    tiles: Vec<(Tile, bool)>,
}

impl Canvas {
    pub(super) fn place(&mut self, track: &Track<'_>, rect: Rect, fit: Option<Fit>, z: u32) {
        let is_interpreter = track.is_interpreter();
        let fit = fit.filter(|_| !is_interpreter);
        let tile = Tile {
            participant: track.participant.to_owned(),
            source: track.source(),
            rect,
            fit: fit.unwrap_or_else(|| track.fit()),
            z,
        };
        if !rect.is_empty() {
            self.tiles.push((tile, is_interpreter));
        }
    }

    pub(super) fn place_all(
        &mut self,
        tracks: &[Track<'_>],
        rects: impl IntoIterator<Item = Rect>,
    ) {
        for (track, rect) in tracks.iter().zip(rects) {
            self.place(track, rect, None, 0);
        }
    }

    /// The tiles. Interpreters lie above all others.
    pub(super) fn into_tiles(self) -> Vec<Tile> {
        let others = self
            .tiles
            .iter()
            .filter(|(_, is_interpreter)| !is_interpreter);
        let top = others.map(|(tile, _)| tile.z + 1).max().unwrap_or(0);
        let raise = |(tile, is_interpreter)| match is_interpreter {
            true => Tile { z: top, ..tile },
            false => tile,
        };
        self.tiles.into_iter().map(raise).collect()
    }
}

/// The rest of the picture, and places for interpreters at its right or lower edge, 16:10.
pub(super) fn strip(area: Rect, count: usize, share: u32) -> (Rect, Vec<Rect>) {
    let Some(count) = u32::try_from(count).ok().filter(|count| *count > 0) else {
        return (area, Vec::new());
    };
    if area.is_landscape() {
        let width = even_share(area.width, share);
        let (rest, column) = area.split_left(area.width - width);
        let height = scaled(width, 10, 16).min(even_down(column.height / count));
        let top = column.bottom() - count * height;
        let place = |index| Rect::new(column.x, top + index * height, width, height);
        (rest, (0..count).map(place).collect())
    } else {
        let (rest, row) = area.split_height(share - 1, share);
        let width = scaled(row.height, 16, 10).min(even_down(row.width / count));
        let left = row.right() - count * width;
        let place = |index| Rect::new(left + index * width, row.y, width, row.height);
        (rest, (0..count).map(place).collect())
    }
}
