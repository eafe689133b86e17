// SPDX-License-Identifier: MPL-2.0

//! Player state other than the position: volume, captions, sizes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::iri;

/// Facts about the player; `None` means unknown.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Volume from 0 (mute) to 1.
    pub volume: Option<f64>,
    pub captions: Option<bool>,
    /// Language of the captions (RFC 5646).
    pub captions_language: Option<String>,
    pub full_screen: Option<bool>,
    /// Width and height in pixels.
    pub screen_size: Option<(u32, u32)>,
    /// Width and height in pixels of the video as it is shown.
    pub playback_size: Option<(u32, u32)>,
    /// Height in pixels of the rendition.
    pub quality: Option<u32>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Name of the audio track.
    pub track: Option<String>,
    pub user_agent: Option<String>,
}

impl Facts {
    /// Updates these facts with the ones known in `newer`.
    pub fn update(&mut self, newer: Facts) {
        fn take<T>(old: &mut Option<T>, new: Option<T>) {
            if new.is_some() {
                *old = new;
            }
        }
        take(&mut self.volume, newer.volume);
        take(&mut self.captions, newer.captions);
        take(&mut self.captions_language, newer.captions_language);
        take(&mut self.full_screen, newer.full_screen);
        take(&mut self.screen_size, newer.screen_size);
        take(&mut self.playback_size, newer.playback_size);
        take(&mut self.quality, newer.quality);
        take(&mut self.frame_rate, newer.frame_rate);
        take(&mut self.track, newer.track);
        take(&mut self.user_agent, newer.user_agent);
    }

    /// Returns the facts that every interacted statement needs. The profile's three templates of
    /// interacted have the same determining properties, so a statement must satisfy all of them.
    /// Unknown facts become full volume, no captions in an undetermined language, a window, and a
    /// size of zero.
    pub(super) fn snapshot(&self) -> Facts {
        Facts {
            volume: self.volume.or(Some(1.0)),
            captions: self.captions.or(Some(false)),
            captions_language: self
                .captions_language
                .clone()
                .or_else(|| Some("und".into())),
            full_screen: self.full_screen.or(Some(false)),
            screen_size: self.screen_size.or(Some((0, 0))),
            playback_size: self.playback_size.or(Some((0, 0))),
            ..self.clone()
        }
    }

    /// Writes the known facts as context extensions.
    pub(super) fn write(&self, extensions: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                extensions.insert(name.to_owned(), value);
            }
        };
        let size = |size: Option<(u32, u32)>| size.map(|(w, h)| Value::from(format!("{w}x{h}")));
        let number = |number: Option<f64>| number.filter(|n| n.is_finite()).map(Value::from);
        put(iri::VOLUME, number(self.volume.map(|v| v.clamp(0.0, 1.0))));
        put(iri::CC_ENABLED, self.captions.map(Value::from));
        put(iri::CC_SUBTITLE_ENABLED, self.captions.map(Value::from));
        put(
            iri::CC_SUBTITLE_LANG,
            self.captions_language.clone().map(Value::from),
        );
        put(iri::FULL_SCREEN, self.full_screen.map(Value::from));
        put(iri::SCREEN_SIZE, size(self.screen_size));
        put(iri::PLAYBACK_SIZE, size(self.playback_size));
        put(iri::QUALITY, self.quality.map(Value::from));
        put(iri::FRAME_RATE, number(self.frame_rate));
        put(iri::TRACK, self.track.clone().map(Value::from));
        put(iri::USER_AGENT, self.user_agent.clone().map(Value::from));
    }
}

/// Formats a playback rate as the profile does: `1.5x`.
pub(super) fn speed(rate: f64) -> Value {
    Value::from(format!("{rate}x"))
}
