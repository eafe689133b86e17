// SPDX-License-Identifier: MPL-2.0

//! Tests of the program `lecture`: each runs whole jobs on recordings that ffmpeg makes, and reads
//! the results with ffprobe, ffmpeg or another independent tool.

mod captions;
mod captions_odd;
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
mod loudness;
mod privacy;
mod progressive;
mod publish;
mod recordings;
mod rooms;
mod splices;
mod stills;
mod titles;
mod trim;
