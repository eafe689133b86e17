// SPDX-License-Identifier: MPL-2.0

//! The rectangles of each layout.

use super::canvas::{Canvas, Cast, INTERPRETER_SHARE, MAX_GRID, Pages, strip};
use super::file::LayoutFile;
use super::geometry::{cell, even_down, even_share, grid_cells, scaled};
use super::room::Track;
use super::{Kind, Rect, Size, Tile};

/// Pictures up to this width have the stage above the thumbnails.
const NARROW: u32 = 600;

/// Returns the tiles of a picture. `file` is the layout of [`Kind::Custom`].
pub(super) fn arrange(
    kind: Kind,
    file: Option<&LayoutFile>,
    size: Size,
    cast: &Cast<'_>,
    pages: &mut Pages,
) -> Vec<Tile> {
    let area = size.area();
    let mut canvas = Canvas::default();
    let is_grid = kind == Kind::Grid && cast.screens.is_empty();
    match (kind, file) {
        (Kind::Custom, Some(file)) => file.arrange(area, cast, pages, &mut canvas),
        _ if is_grid || (cast.screens.is_empty() && cast.people.is_empty()) => {
            arrange_grid(area, cast, pages, &mut canvas);
        }
        (Kind::Grid | Kind::Speaker | Kind::Custom, _) => {
            arrange_speaker(area, cast, pages, &mut canvas);
        }
        (Kind::SingleSpeaker, _) => {
            let rest = place_strip(area, cast, INTERPRETER_SHARE, &mut canvas);
            canvas.place_all(&stage(cast), [rest]);
        }
        (Kind::Interpreter, _) if !cast.interpreters.is_empty() => {
            arrange_interpreter(area, cast, &mut canvas);
        }
        (Kind::Slides | Kind::Interpreter, _) => {
            let rest = place_strip(area, cast, INTERPRETER_SHARE, &mut canvas);
            arrange_slides(rest, cast, &mut canvas);
        }
        (Kind::SideBySide, _) => arrange_side_by_side(area, cast, pages, &mut canvas),
    }
    canvas.into_tiles()
}

/// The track on the stage: the shared screen, else the active speaker.
fn stage<'a>(cast: &Cast<'a>) -> Vec<Track<'a>> {
    let screen = cast.screens.first().copied();
    screen.or(cast.speaker).into_iter().collect()
}

fn arrange_grid(area: Rect, cast: &Cast<'_>, pages: &mut Pages, canvas: &mut Canvas) {
    let mut shown = cast.interpreters.clone();
    let capacity = MAX_GRID.saturating_sub(shown.len());
    shown.extend(pages.grid.update(&cast.people, capacity));
    canvas.place_all(&shown, grid_cells(area, shown.len()));
}

/// Columns 1:5, or rows 5:1 if the picture is narrow; the thumbnails are 16:10.
fn arrange_speaker(area: Rect, cast: &Cast<'_>, pages: &mut Pages, canvas: &mut Canvas) {
    let stage = stage(cast);
    let is_on_stage = |track: &Track<'_>| {
        stage.iter().any(|on_stage| {
            on_stage.participant == track.participant && on_stage.is_screen == track.is_screen
        })
    };
    let others = cast.screens.iter().chain(&cast.people);
    let others: Vec<Track<'_>> = others
        .filter(|track| !is_on_stage(track))
        .copied()
        .collect();
    if others.is_empty() && cast.interpreters.is_empty() {
        canvas.place_all(&stage, [area]);
        return;
    }
    let (rest, thumbnails) = if area.width <= NARROW {
        thumbnail_row(area, cast.interpreters.len())
    } else {
        thumbnail_column(area, cast.interpreters.len())
    };
    let capacity = thumbnails.len().saturating_sub(cast.interpreters.len());
    let mut shown = cast.interpreters.clone();
    shown.extend(pages.thumbnails.update(&others, capacity));
    canvas.place_all(&stage, [rest]);
    canvas.place_all(&shown, thumbnails);
}

/// The stage, and the places of a column of thumbnails left of it.
fn thumbnail_column(area: Rect, interpreters: usize) -> (Rect, Vec<Rect>) {
    let (column, stage) = area.split_left(even_share(area.width, INTERPRETER_SHARE));
    let height = scaled(column.width, 10, 16).min(column.height);
    let count = (column.height / height.max(2)).max(1);
    let (count, height) = fit_interpreters(count, height, interpreters, column.height);
    let place = |index| Rect::new(column.x, column.y + index * height, column.width, height);
    (stage, (0..count).map(place).collect())
}

/// The stage, and the places of a row of thumbnails below it.
fn thumbnail_row(area: Rect, interpreters: usize) -> (Rect, Vec<Rect>) {
    let (stage, row) = area.split_height(5, 6);
    let mut width = scaled(row.height, 16, 10);
    if interpreters > 0 {
        width = width.max(even_share(area.width, INTERPRETER_SHARE));
    }
    let width = width.min(row.width);
    let count = (row.width / width.max(2)).max(1);
    let (count, width) = fit_interpreters(count, width, interpreters, row.width);
    let place = |index| Rect::new(row.x + index * width, row.y, width, row.height);
    (stage, (0..count).map(place).collect())
}

/// Makes thumbnails smaller if the interpreters alone would not fit. Returns number and length.
fn fit_interpreters(count: u32, length: u32, interpreters: usize, whole: u32) -> (u32, u32) {
    match u32::try_from(interpreters) {
        Ok(interpreters) if interpreters > count => {
            (interpreters, even_down(whole / interpreters).min(length))
        }
        _ => (count, length),
    }
}

/// Places the interpreters at the right edge (below, in portrait) and returns the rest of the
/// picture. Landscape: an n-th of the width each; portrait: an n-th of the height.
fn place_strip(area: Rect, cast: &Cast<'_>, share: u32, canvas: &mut Canvas) -> Rect {
    let (rest, places) = strip(area, cast.interpreters.len(), share);
    canvas.place_all(&cast.interpreters, places);
    rest
}

/// The screen, and the active speaker in its lower right corner; without a screen the speaker.
fn arrange_slides(area: Rect, cast: &Cast<'_>, canvas: &mut Canvas) {
    canvas.place_all(&stage(cast), [area]);
    let (Some(speaker), false) = (cast.speaker, cast.screens.is_empty()) else {
        return;
    };
    let share = if area.is_landscape() { 5 } else { 3 };
    let height = scaled(area.width / share, 9, 16).min(even_down(area.height / 3));
    let width = scaled(height, 16, 9).min(area.width);
    let margin = even_down(area.width.min(area.height) / 36);
    let corner = Rect::new(
        area.right() - (width + margin).min(area.width),
        area.bottom() - (height + margin).min(area.height),
        width,
        height,
    );
    canvas.place(&speaker, corner, None, 1);
}

/// The screen on two thirds of the width, the active speaker and the interpreters beside it;
/// without a screen, two people. Portrait: above one another.
fn arrange_side_by_side(area: Rect, cast: &Cast<'_>, pages: &mut Pages, canvas: &mut Canvas) {
    let Some(screen) = cast.screens.first() else {
        let rest = place_strip(area, cast, INTERPRETER_SHARE, canvas);
        let shown = pages.pair.update(&cast.people, 2);
        canvas.place_all(&shown, grid_cells(rest, shown.len()));
        return;
    };
    let mut beside: Vec<Track<'_>> = cast.speaker.into_iter().collect();
    beside.extend(&cast.interpreters);
    let Some(count) = u32::try_from(beside.len()).ok().filter(|count| *count > 0) else {
        canvas.place(screen, area, None, 0);
        return;
    };
    if area.is_landscape() {
        let (left, column) = area.split_width(2, 3);
        let height = scaled(column.width, 3, 4).min(even_down(column.height / count));
        let stack = column.centered(column.width, count * height);
        let place = |row| Rect::new(stack.x, stack.y + row * height, stack.width, height);
        canvas.place(screen, left, None, 0);
        canvas.place_all(&beside, (0..count).map(place));
    } else {
        let (top, bottom) = area.split_height(1, 2);
        canvas.place(screen, top, None, 0);
        canvas.place_all(
            &beside,
            (0..count).map(|column| cell(bottom, column, count, 0, 1)),
        );
    }
}

/// The interpreters on a third of the picture; the screen with the active speaker below it, or the
/// speaker alone, on the rest.
fn arrange_interpreter(area: Rect, cast: &Cast<'_>, canvas: &mut Canvas) {
    let is_landscape = area.is_landscape();
    let (rest, third) = if is_landscape {
        area.split_left(area.width - even_share(area.width, 3))
    } else {
        area.split_height(2, 3)
    };
    let count = u32::try_from(cast.interpreters.len()).unwrap_or(1);
    let place = |index| match is_landscape {
        true => cell(third, 0, 1, index, count),
        false => cell(third, index, count, 0, 1),
    };
    canvas.place_all(&cast.interpreters, (0..count).map(place));
    match (cast.screens.first(), cast.speaker) {
        (Some(screen), Some(speaker)) => {
            let (top, bottom) = if is_landscape {
                rest.split_height(2, 3)
            } else {
                rest.split_height(1, 2)
            };
            let width = scaled(bottom.height, 16, 9).min(bottom.width);
            canvas.place(screen, top, None, 0);
            canvas.place(&speaker, bottom.centered(width, bottom.height), None, 0);
        }
        _ => canvas.place_all(&stage(cast), [rest]),
    }
}
