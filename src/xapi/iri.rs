// SPDX-License-Identifier: MPL-2.0

//! Names defined by the Video Profile 1.0.3 and xAPI.

/// Activity in `context.contextActivities.category` of every statement of the profile.
pub const PROFILE: &str = "https://w3id.org/xapi/video";
/// Version of the profile that is implemented here.
pub const PROFILE_VERSION: &str = "https://w3id.org/xapi/video/v1.0.3";
/// `object.definition.type` of every statement of the profile.
pub const VIDEO: &str = "https://w3id.org/xapi/video/activity-type/video";
/// Distinguishes the sessions of one registration (xAPI Profiles, part 2, 8.2).
pub const SUBREGISTRATION: &str = "https://w3id.org/xapi/profiles/extensions/subregistration";

/// Prefix of all extensions of the profile.
pub const EXTENSIONS: &str = "https://w3id.org/xapi/video/extensions/";
pub const TIME: &str = "https://w3id.org/xapi/video/extensions/time";
pub const TIME_FROM: &str = "https://w3id.org/xapi/video/extensions/time-from";
pub const TIME_TO: &str = "https://w3id.org/xapi/video/extensions/time-to";
pub const PROGRESS: &str = "https://w3id.org/xapi/video/extensions/progress";
pub const PLAYED_SEGMENTS: &str = "https://w3id.org/xapi/video/extensions/played-segments";
pub const LENGTH: &str = "https://w3id.org/xapi/video/extensions/length";
pub const SESSION_ID: &str = "https://w3id.org/xapi/video/extensions/session-id";
pub const COMPLETION_THRESHOLD: &str =
    "https://w3id.org/xapi/video/extensions/completion-threshold";
pub const SPEED: &str = "https://w3id.org/xapi/video/extensions/speed";
pub const VOLUME: &str = "https://w3id.org/xapi/video/extensions/volume";
pub const FULL_SCREEN: &str = "https://w3id.org/xapi/video/extensions/full-screen";
pub const SCREEN_SIZE: &str = "https://w3id.org/xapi/video/extensions/screen-size";
pub const PLAYBACK_SIZE: &str = "https://w3id.org/xapi/video/extensions/video-playback-size";
/// Name in the profile's templates.
pub const CC_ENABLED: &str = "https://w3id.org/xapi/video/extensions/cc-enabled";
/// Name in the profile's concepts, for the same thing.
pub const CC_SUBTITLE_ENABLED: &str = "https://w3id.org/xapi/video/extensions/cc-subtitle-enabled";
pub const CC_SUBTITLE_LANG: &str = "https://w3id.org/xapi/video/extensions/cc-subtitle-lang";
pub const FRAME_RATE: &str = "https://w3id.org/xapi/video/extensions/frame-rate";
pub const QUALITY: &str = "https://w3id.org/xapi/video/extensions/quality";
pub const TRACK: &str = "https://w3id.org/xapi/video/extensions/track";
pub const USER_AGENT: &str = "https://w3id.org/xapi/video/extensions/user-agent";

/// The verbs of the profile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verb {
    Initialized,
    Played,
    Paused,
    Seeked,
    Interacted,
    Completed,
    Terminated,
}

impl Verb {
    pub const ALL: [Verb; 7] = [
        Verb::Initialized,
        Verb::Played,
        Verb::Paused,
        Verb::Seeked,
        Verb::Interacted,
        Verb::Completed,
        Verb::Terminated,
    ];

    pub const fn iri(self) -> &'static str {
        match self {
            Verb::Initialized => "http://adlnet.gov/expapi/verbs/initialized",
            Verb::Played => "https://w3id.org/xapi/video/verbs/played",
            Verb::Paused => "https://w3id.org/xapi/video/verbs/paused",
            Verb::Seeked => "https://w3id.org/xapi/video/verbs/seeked",
            Verb::Interacted => "http://adlnet.gov/expapi/verbs/interacted",
            Verb::Completed => "http://adlnet.gov/expapi/verbs/completed",
            Verb::Terminated => "http://adlnet.gov/expapi/verbs/terminated",
        }
    }

    /// Returns the English word, the last part of the IRI.
    pub const fn name(self) -> &'static str {
        match self {
            Verb::Initialized => "initialized",
            Verb::Played => "played",
            Verb::Paused => "paused",
            Verb::Seeked => "seeked",
            Verb::Interacted => "interacted",
            Verb::Completed => "completed",
            Verb::Terminated => "terminated",
        }
    }

    pub fn from_iri(iri: &str) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.iri() == iri)
    }
}

/// Returns whether the text is an absolute IRI: a scheme (RFC 3986, 3.1), a colon, at least one
/// more character, and none of the characters that RFC 3987 excludes.
pub fn is_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !rest.is_empty()
        && !rest.contains(|c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_found_by_their_iri() {
        for verb in Verb::ALL {
            assert_eq!(Verb::from_iri(verb.iri()), Some(verb));
            assert!(verb.iri().ends_with(verb.name()));
        }
    }

    #[test]
    fn an_iri_has_a_scheme() {
        for good in [
            "https://example.org/v?a=1#b",
            "urn:x:y",
            "tag:école,2026:a",
            "mailto:a@b.c",
        ] {
            assert!(is_iri(good), "{good}");
        }
        for bad in [
            "",
            "video_123",
            "/a/b",
            "https:",
            "1a:b",
            "https://a b",
            "http://a/{x}",
        ] {
            assert!(!is_iri(bad), "{bad}");
        }
    }
}
