// SPDX-License-Identifier: MPL-2.0

//! Tests of the program `lecture`: each runs whole jobs on recordings that ffmpeg makes, and reads
//! the results with ffprobe, ffmpeg or another independent tool.

mod assist;
mod caption_checks;
mod caption_drafts;
mod captions;
mod captions_odd;
mod closed_captions;
mod codecs;
mod colour;
mod descriptions;
mod drafts;
mod edits;
mod formats;
mod harness;
mod incremental;
mod inputs;
mod inside;
mod interruptions;
mod jobs;
mod live;
mod live_faults;
mod live_operations;
mod live_outputs;
mod livekit;
mod loudness;
mod meetings;
mod privacy;
mod progressive;
mod publish;
mod recordings;
mod review;
mod rooms;
mod sessions;
mod slide_text;
mod splices;
mod spoken;
mod stills;
mod titles;
mod trim;
mod web;
mod whip;
