// SPDX-License-Identifier: MPL-2.0

//! A LiveKit room that is recorded, without a connection of its own.
//!
//! - `token`: the tokens by which the server knows the recorder.
//! - `roster`: who is in the room with which tracks, as the server's API lists them.
//! - `offer`: the tracks that the server offers in a session description.

mod offer;
mod roster;
mod token;

pub use offer::{Section, read as read_offer};
pub use roster::{Change, Owner, Person, Published, Roster, read_participants, read_rooms};
pub use token::{Claims, Grant, sign};

use crate::record::layout::Source;

/// The codecs that are recorded, by their RTP encoding names; AV1 if its depayloader is installed.
pub const CODECS: [&str; 9] = [
    "VP8", "VP9", "H264", "H265", "AV1", "OPUS", "G722", "PCMU", "PCMA",
];

/// Which tracks are recorded; without a choice all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chosen {
    /// The identity of the only participant.
    pub participant: Option<String>,
    /// Identifiers of tracks (`TR_…`).
    pub tracks: Vec<String>,
}

impl Chosen {
    pub fn has(&self, identity: &str, track: &str) -> bool {
        let is_theirs = self
            .participant
            .as_deref()
            .is_none_or(|own| own == identity);
        is_theirs && (self.tracks.is_empty() || self.tracks.iter().any(|own| own == track))
    }
}

/// Returns the address of the server's API for that of its WebSocket, `ws://` or `wss://`.
///
/// # Errors
/// It is no such address, or it has a secret or a path that the server does not know. The text is what
/// is wrong.
pub fn api_address(url: &str) -> Result<String, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("this is not a URL")?;
    let scheme = match scheme {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return Err("the address of a LiveKit server starts with ws:// or wss://"),
    };
    if rest.contains('@') || rest.contains('?') {
        return Err("the address has a secret or a query; give token= or api-key= and api-secret=");
    }
    let rest = rest.trim_end_matches('/');
    match rest {
        "" => Err("the address has no host"),
        rest => Ok(format!("{scheme}://{rest}")),
    }
}

/// Returns the address of the WebSocket for either address of a server.
pub fn socket_address(url: &str) -> String {
    match url.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        _ => url.to_owned(),
    }
}

/// Returns the content of a track by the name that LiveKit gives it: of the API (`SCREEN_SHARE`) or of
/// the group of streams that it plays in sync (`screen`). A source that is not known is a camera or a
/// microphone.
pub fn source(name: &str, is_video: bool) -> Source {
    let is_screen = matches!(
        name,
        "SCREEN_SHARE" | "SCREEN_SHARE_AUDIO" | "screen" | "screen_share" | "screen_share_audio"
    );
    match (is_video, is_screen) {
        (true, false) => Source::Camera,
        (true, true) => Source::Screen,
        (false, false) => Source::Microphone,
        (false, true) => Source::ScreenAudio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_at_the_address_of_the_websocket() {
        assert_eq!(
            api_address("wss://live.example.org/").as_deref(),
            Ok("https://live.example.org")
        );
        assert_eq!(
            api_address("http://[::1]:7880").as_deref(),
            Ok("http://[::1]:7880")
        );
        for wrong in [
            "live.example.org",
            "rtmp://a",
            "ws://",
            "ws://key:secret@a",
            "ws://a?access_token=b",
        ] {
            assert!(api_address(wrong).is_err(), "{wrong}");
        }
        assert_eq!(socket_address("https://a"), "wss://a");
        assert_eq!(socket_address("ws://a"), "ws://a");
    }

    #[test]
    fn what_is_not_chosen_is_left_out() {
        let all = Chosen::default();
        assert!(all.has("ada", "TR_1"));
        let own = Chosen {
            participant: Some("ada".into()),
            tracks: vec!["TR_1".into(), "TR_2".into()],
        };
        assert!(own.has("ada", "TR_2"));
        assert!(!own.has("ada", "TR_3"));
        assert!(!own.has("ben", "TR_1"));
    }

    #[test]
    fn a_source_has_the_names_of_the_api_and_of_the_streams() {
        assert_eq!(source("SCREEN_SHARE", true), Source::Screen);
        assert_eq!(source("screen", true), Source::Screen);
        assert_eq!(source("SCREEN_SHARE_AUDIO", false), Source::ScreenAudio);
        assert_eq!(source("screen", false), Source::ScreenAudio);
        assert_eq!(source("CAMERA", true), Source::Camera);
        assert_eq!(source("camera", false), Source::Microphone);
        assert_eq!(source("UNKNOWN", false), Source::Microphone);
    }
}
