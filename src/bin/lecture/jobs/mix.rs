// SPDX-License-Identifier: MPL-2.0

//! `mix`: the audio of a session in one file.

use std::path::{Path, PathBuf};

use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::session_input::{ParticipantOptions, room};
use super::summary::Summary;
use super::{Request, output};
use crate::engine::description::{Description, Facts};
use crate::error::Error;
use crate::options::{Options, options};
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!("../../../../pipelines/mix.launch")).behind(room())
});

options! {
    /// Variables of `mix`.
    pub struct MixOptions {
        /// the session: a folder with session.json, or that file
        "input" (required) => input: PathBuf,
        /// the file to write; its extension selects the format: .opus, .ogg, .mka, .m4a or .mp3
        "output" (required) => output: PathBuf,
        /// bits per second of the audio
        "bitrate" (default "96000") => bitrate: u64,
    }
    groups { participants: ParticipantOptions }
}

/// Results of `mix`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MixResults {
    /// The file that was written.
    pub output: String,
    /// Number of audio tracks in it.
    pub audios: usize,
}

/// Bit rates of MP3 (MPEG-1 layer III) in kbit/s.
const MP3_RATES: [u64; 14] = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = MixOptions::parse(&request.values)?;
    let output = &*options.output;
    let mut facts = format(output)?;
    let mut room = options.participants.open(&options.input)?;
    // Nothing is decoded that nobody sees.
    room.videos.clear();
    if room.audios.is_empty() {
        return Err(Error::request(
            "no audio track is there to mix",
            room.file.display().to_string(),
            "name a session with microphones, or other participants",
        ));
    }
    let mut values = request.values.clone();
    room.set_facts(&mut facts);
    room.set_values(&mut values);
    let rates = MP3_RATES.iter();
    let nearest = rates.min_by_key(|rate| rate.abs_diff(options.bitrate / 1000));
    values.set("kilobits", nearest.unwrap_or(&96).to_string());
    let describe = |to: &Path| {
        let mut values = values.clone();
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    let place = |made: &gst::Pipeline| room.place(made);
    if !output::write(request, ("mix", room.end()), output, describe, place)? {
        return Ok(());
    }
    room.warn_of_truncated();
    let audios = room.audios.len();
    request.note(&format!(
        "{}: {}",
        output.display(),
        counted(audios, "voice", "voices")
    ));
    summary.add(&MixResults {
        output: output.display().to_string(),
        audios,
    });
    Ok(())
}

/// Returns the facts of the format to write.
fn format(output: &Path) -> Result<Facts, Error> {
    let extension = output.extension().and_then(|extension| extension.to_str());
    let (container, codec) = match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "opus" | "ogg" => ("ogg", "opus"),
        "mka" => ("matroska", "opus"),
        "m4a" => ("mp4", "aac"),
        "mp3" => ("mp3", "mp3"),
        _ => {
            return Err(Error::usage(
                "the extension of this name is not that of a known format",
                output.display().to_string(),
                "write output=NAME.opus, .ogg, .mka, .m4a or .mp3",
            ));
        }
    };
    let mut facts = Facts::default();
    facts.set(container, true);
    facts.set(codec, true);
    Ok(facts)
}
