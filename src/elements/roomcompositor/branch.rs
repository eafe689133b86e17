// SPDX-License-Identifier: MPL-2.0

//! The elements behind a pad.

use std::sync::Arc;

use super::audio::AudioBranch;
use super::avatar::Avatars;
use super::stage::Stage;
use super::video::VideoBranch;

#[derive(Clone)]
pub enum Branch {
    Video(Arc<VideoBranch>),
    Audio(Arc<AudioBranch>),
}

impl Branch {
    /// Starts a run, or ends it with `None`.
    pub fn set_stage(&self, stage: Option<Arc<Stage>>, avatars: Avatars) {
        match self {
            Branch::Video(branch) => branch.set_stage(stage, avatars),
            Branch::Audio(branch) => branch.set_stage(stage),
        }
    }

    /// Follows the participant, who turns the track off or on.
    pub fn set_muted(&self, is_muted: bool) {
        match self {
            Branch::Video(branch) => branch.set_muted(is_muted),
            Branch::Audio(branch) => branch.set_muted(is_muted),
        }
    }
}
