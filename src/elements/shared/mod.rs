// SPDX-License-Identifier: MPL-2.0

//! Code shared by several elements.

pub(super) mod cue_meta;
pub(super) mod draft_file;
pub(super) mod level;
pub(super) mod lock;
pub(super) mod pad_children;
pub(super) mod request_pads;
pub(super) mod slide_event;
pub(super) mod splice_event;
pub(super) mod track_kind;
