// SPDX-License-Identifier: MPL-2.0

//! Earlier slides, so that a slide shown again is recognised.

use super::region::{Region, WORD_GAP};
use crate::timeline::Time;

/// Largest number of remembered slides; the oldest ones are dropped.
const REMEMBERED: usize = 512;
/// Largest difference between means that count as equal.
const TOLERANCE: u8 = 10;

/// A reduced frame: four means of each block.
pub(super) type Reduced = Vec<[u8; 4]>;

struct Slide {
    time: Time,
    picture: Reduced,
    /// Blocks that moved while it was shown.
    live: Region,
}

/// Slides in the order of their first appearance.
#[derive(Default)]
pub(super) struct Shown {
    slides: std::collections::VecDeque<Slide>,
}

impl Shown {
    /// Returns the time when this frame was first shown; remembers it if it is new.
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
        // If nearly everything moves, nothing can be recognised.
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
        // A cursor may be somewhere else.
        !pieces.iter().any(|piece| piece.bounds.is_content())
    }
}
