// SPDX-License-Identifier: MPL-2.0

//! What was shown before, so that a slide shown again is recognised.

use super::region::{Region, WORD_GAP};
use crate::timeline::Time;

/// The slides that are remembered; of more the oldest are forgotten.
const REMEMBERED: usize = 512;
/// A mean that differs by no more than this is the same.
const TOLERANCE: u8 = 10;

/// A reduced picture: four means of each block.
pub(super) type Reduced = Vec<[u8; 4]>;

struct Slide {
    time: Time,
    picture: Reduced,
    /// Blocks that moved while it was shown.
    live: Region,
}

/// Slides in the order of their first showing.
#[derive(Default)]
pub(super) struct Shown {
    slides: std::collections::VecDeque<Slide>,
}

impl Shown {
    /// The time of the first showing of this picture; remembers it where there is none.
    pub fn recall(&mut self, time: Time, picture: Reduced, live: Region) -> Option<Time> {
        let known = self
            .slides
            .iter()
            .find(|slide| slide.shows(&picture, &live))
            .map(|slide| slide.time);
        if known.is_none() {
            if self.slides.len() == REMEMBERED {
                self.slides.pop_front();
            }
            self.slides.push_back(Slide {
                time,
                picture,
                live,
            });
        }
        known
    }
}

impl Slide {
    fn shows(&self, picture: &Reduced, live: &Region) -> bool {
        if self.picture.len() != picture.len() {
            return false;
        }
        let still = |block: &usize| !self.live.contains(*block) && !live.contains(*block);
        let compared = (0..picture.len()).filter(still).count();
        // Where nearly everything moves, nothing can be recognised.
        if compared * 4 < picture.len() {
            return false;
        }
        let differing = (0..picture.len()).filter(still).filter(|&block| {
            let pairs = self.picture[block].iter().zip(&picture[block]);
            pairs
                .into_iter()
                .any(|(ours, theirs)| ours.abs_diff(*theirs) > TOLERANCE)
        });
        let pieces = live.with(differing).pieces(WORD_GAP);
        // A cursor lies somewhere else.
        !pieces.iter().any(|piece| piece.bounds.is_content())
    }
}
