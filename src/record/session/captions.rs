// SPDX-License-Identifier: MPL-2.0

//! Captions of a session's tracks, joined to those of the class.

use crate::timeline::Time;
use crate::webvtt::captions::shift;
use crate::webvtt::{Cue, escape};

/// The captions of one track.
#[derive(Clone, Debug)]
pub struct TrackCaptions {
    /// The name of the person who speaks in the track.
    pub speaker: String,
    /// The session's time of the zero of the captions.
    pub start: Time,
    pub cues: Vec<Cue>,
}

/// Joins the captions of tracks, in the order of time. A cue without a voice gets that of its track.
pub fn join(tracks: &[TrackCaptions]) -> Vec<Cue> {
    let cues = tracks.iter().flat_map(|track| {
        track.cues.iter().map(|cue| {
            let mut cue = shift(cue, track.start);
            if cue.voice().is_none() {
                let speaker = escape(&track.speaker);
                cue.text = format!("<v {speaker}>{}", cue.text);
            }
            // Two tracks may number their cues alike.
            cue.id = None;
            cue
        })
    });
    let mut cues: Vec<Cue> = cues.collect();
    cues.sort_by_key(|cue| cue.span.start);
    cues
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Span;

    fn cue(start: u64, end: u64, text: &str) -> Cue {
        let span = Span::new(Time::from_secs(start), Time::from_secs(end));
        Cue {
            id: Some("1".into()),
            text: text.into(),
            ..Cue::new(span, "")
        }
    }

    #[test]
    fn captions_of_tracks_are_in_the_time_of_the_session_and_name_who_speaks() {
        let joined = join(&[
            TrackCaptions {
                speaker: "Ada & Co".into(),
                start: Time::from_secs(10),
                cues: vec![
                    cue(0, 1, "one <00:00:00.500>two"),
                    cue(5, 6, "<v Eve>three"),
                ],
            },
            TrackCaptions {
                speaker: "Ben".into(),
                start: Time::from_secs(12),
                cues: vec![cue(0, 1, "four")],
            },
        ]);
        let seen: Vec<_> = joined
            .iter()
            .map(|cue| (cue.span.start.secs_f64(), &*cue.text, &cue.id))
            .collect();
        assert_eq!(
            seen,
            [
                (10.0, "<v Ada &amp; Co>one <00:00:10.500>two", &None),
                (12.0, "<v Ben>four", &None),
                (15.0, "<v Eve>three", &None),
            ]
        );
    }
}
