// SPDX-License-Identifier: MPL-2.0

//! Subtitles that a recording holds, as captions that a job is given.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

use gstlecture::language::{self, UNDETERMINED};
use gstlecture::record::inside::{self, TextTrack};

use crate::error::Error;
use crate::media::line21;
use crate::media::probe::Input;
use crate::print;
use crate::stop::Stop;

/// Captions of one language.
pub struct Inside {
    pub language: String,
    pub track: TextTrack,
}

/// Returns one track a language, and names those that are left out. `spoken` is the language of a
/// track that names none.
///
/// # Errors
/// The user has stopped the job.
pub fn find(input: &Input, spoken: Option<&str>, stop: &Stop) -> Result<Vec<Inside>, Error> {
    let mut chosen: BTreeMap<String, TextTrack> = BTreeMap::new();
    for track in tracks(input, stop)? {
        let language = track.language.as_deref().and_then(language::shortest);
        let language = language
            .filter(|language| language != UNDETERMINED)
            .or_else(|| spoken.map(str::to_owned))
            .or_else(|| input.audio.first()?.language.clone())
            .unwrap_or_else(|| UNDETERMINED.to_owned());
        if track.cues.is_empty() {
            let what = describe(&language, &track);
            leave_out(&what, "no captions can be made of them");
            continue;
        }
        if track.is_forced {
            let why = "they are forced, and hold only what is said in another language";
            leave_out(&describe(&language, &track), why);
            continue;
        }
        let best = match chosen.remove(&language) {
            None => track,
            Some(other) => {
                let (best, left) = match rank(&track) > rank(&other) {
                    true => (track, other),
                    false => (other, track),
                };
                let what = describe(&language, &left);
                leave_out(&what, "captions of this language are made of another track");
                best
            }
        };
        chosen.insert(language, best);
    }
    let chosen = chosen.into_iter();
    let chosen = chosen.map(|(language, track)| Inside { language, track });
    Ok(chosen.collect())
}

/// Returns the tracks that the container holds, else those in the frames of the video; names those of
/// containers that are not read.
fn tracks(input: &Input, stop: &Stop) -> Result<Vec<TextTrack>, Error> {
    let read = File::open(&input.path)
        .map_err(|error| error.to_string())
        .and_then(|file| inside::texts(&mut BufReader::new(file)));
    let tracks = read.unwrap_or_else(|error| {
        let why = format!("they cannot be read ({error})");
        leave_out("subtitles inside", &why);
        Vec::new()
    });
    if tracks.iter().any(|track| !track.cues.is_empty()) {
        return Ok(tracks);
    }
    let closed = line21::find(input, stop)?;
    if !closed.is_empty() {
        return Ok(closed);
    }
    // Containers that are read name all of their tracks.
    if tracks.is_empty() {
        for text in &input.texts {
            let language = text.language.as_deref().unwrap_or(UNDETERMINED);
            let what = format!("subtitles inside (language {language}, {})", text.caps);
            leave_out(&what, "captions cannot be made of this format");
        }
    }
    Ok(tracks)
}

/// Returns how much a track counts: one with sounds for the deaf before one that is shown by default.
fn rank(track: &TextTrack) -> (bool, bool) {
    (track.is_for_the_deaf, track.is_default)
}

fn describe(language: &str, track: &TextTrack) -> String {
    let title = track.title.as_ref();
    let title = title.map_or_else(String::new, |title| format!(", \"{title}\""));
    format!(
        "subtitles inside (language {language}, {}{title})",
        track.format
    )
}

fn leave_out(what: &str, why: &str) {
    print::note(format_args!("warning: {what} are left out: {why}"));
}
