// SPDX-License-Identifier: MPL-2.0

//! Finds the differing regions of two frames, so that only those are scaled. In a class most of the
//! frame is a slide that does not move.

use super::plane::{Plane, Region};

/// Number of rows that are compared as one.
const BAND: usize = 16;
/// Number of bytes that are compared as one.
const STEP: usize = 32;

/// Returns the regions of the luma plane outside of which both frames are the same in all planes.
/// The planes are those of 4:2:0 frames of equal size.
pub fn changes(before: &[Plane<'_>; 3], after: &[Plane<'_>; 3]) -> Vec<Region> {
    let [luma, _, _] = after;
    let mut regions: Vec<Region> = Vec::new();
    for top in (0..luma.height).step_by(BAND) {
        let bottom = (top + BAND).min(luma.height);
        let mut columns: Option<(usize, usize)> = None;
        for (plane, (before, after)) in before.iter().zip(after).enumerate() {
            let sub = if plane == 0 { 1 } else { 2 };
            for row in top / sub..bottom.div_ceil(sub) {
                if let Some((left, right)) = difference(before.row(row), after.row(row)) {
                    let (left, right) = (left * sub, (right * sub).min(luma.width));
                    let (least, most) = columns.unwrap_or((left, right));
                    columns = Some((least.min(left), most.max(right)));
                }
            }
        }
        let Some((left, right)) = columns else {
            continue;
        };
        match regions.last_mut() {
            Some(last) if last.bottom == top => {
                last.bottom = bottom;
                last.left = last.left.min(left);
                last.right = last.right.max(right);
            }
            _ => regions.push(Region {
                left,
                top,
                right,
                bottom,
            }),
        }
    }
    regions
}

/// Returns the columns from the first difference to the end of the last one, rounded outward.
fn difference(before: &[u8], after: &[u8]) -> Option<(usize, usize)> {
    if before == after {
        return None;
    }
    let steps = || before.chunks(STEP).zip(after.chunks(STEP));
    let first = steps().position(|(before, after)| before != after)?;
    let last = steps().rposition(|(before, after)| before != after)?;
    Some((first * STEP, ((last + 1) * STEP).min(after.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(usize, usize); 3] = [(200, 100), (100, 50), (100, 50)];

    fn picture() -> [Vec<u8>; 3] {
        SIZES.map(|(width, height)| vec![7; width * height])
    }

    fn planes(picture: &[Vec<u8>; 3]) -> [Plane<'_>; 3] {
        [0, 1, 2].map(|plane| {
            let (width, height) = SIZES[plane];
            Plane::new(&picture[plane], width, width, height).expect("large enough")
        })
    }

    #[test]
    fn the_same_picture_has_no_changes() {
        assert_eq!(changes(&planes(&picture()), &planes(&picture())), []);
    }

    #[test]
    fn changes_are_bounded_by_bands_and_steps() {
        let before = picture();
        let mut after = picture();
        after[0][40 * 200 + 70] = 8;
        after[0][50 * 200 + 130] = 8;
        after[2][49 * 100 + 99] = 8;
        let found = changes(&planes(&before), &planes(&after));
        let expected = [
            Region {
                left: 64,
                top: 32,
                right: 160,
                bottom: 64,
            },
            Region {
                left: 192,
                top: 96,
                right: 200,
                bottom: 100,
            },
        ];
        assert_eq!(found, expected);
    }
}
