// SPDX-License-Identifier: MPL-2.0

//! Whether browsers play a recording as it is.

use std::path::Path;

use serde::Serialize;

use super::probe::Input;

/// Whether browsers play a recording at the times that the drafts have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Playable {
    /// Chromium, Firefox and Safari do.
    Everywhere,
    /// Some do, and the others report an error.
    Somewhere,
    /// Some do not, or leave out its audio without an error, or show it at other times.
    Unsure,
}

/// The media type of what a file name stands for.
pub fn media_type(path: &Path) -> &'static str {
    match extension(path).as_str() {
        "mp4" | "m4v" | "mov" => "video/mp4",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "ogg" | "ogv" => "video/ogg",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

/// Returns whether browsers play a recording. A video that a browser would not take, or edit lists,
/// make it unsure: the browser would show something else than the drafts are about.
pub fn of_input(input: &Input) -> Playable {
    let other = input.video.as_ref().is_some_and(|video| video.number > 1);
    if input.room.is_some() || input.is_rewritten || other {
        return Playable::Unsure;
    }
    let video = input.video.as_ref();
    let video = video.map(|video| video_codec(&video.caps, video.profile.as_deref()));
    let audio = input.audio.first().map(|audio| {
        let caps = audio.codec.structure(0);
        let number = |name| caps.and_then(|caps| caps.get::<i32>(name).ok());
        audio_codec(&audio.caps, number("mpegversion"), number("layer"))
    });
    of_codecs(media_type(&input.path), video, audio)
}

/// A codec that a browser may play.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Codec {
    H264,
    Vp8,
    Vp9,
    Av1,
    Aac,
    Mp3,
    Opus,
    Vorbis,
    Flac,
    Pcm,
    Other,
}

fn video_codec(caps: &str, profile: Option<&str>) -> Codec {
    match caps {
        // No browser plays 10 bits or 4:2:2 of H.264.
        "video/x-h264" => match profile {
            Some(profile) if profile.starts_with("high-") => Codec::Other,
            _ => Codec::H264,
        },
        "video/x-vp8" => Codec::Vp8,
        "video/x-vp9" => Codec::Vp9,
        "video/x-av1" => Codec::Av1,
        _ => Codec::Other,
    }
}

fn audio_codec(caps: &str, version: Option<i32>, layer: Option<i32>) -> Codec {
    match (caps, version, layer) {
        ("audio/mpeg", Some(1), Some(3)) => Codec::Mp3,
        ("audio/mpeg", Some(2 | 4), _) => Codec::Aac,
        ("audio/x-opus", ..) => Codec::Opus,
        ("audio/x-vorbis", ..) => Codec::Vorbis,
        ("audio/x-flac", ..) => Codec::Flac,
        ("audio/x-raw", ..) => Codec::Pcm,
        _ => Codec::Other,
    }
}

/// Returns whether browsers play a file of this type with these codecs.
fn of_codecs(media_type: &str, video: Option<Codec>, audio: Option<Codec>) -> Playable {
    use Codec::{Aac, Av1, Flac, H264, Mp3, Opus, Pcm, Vorbis, Vp8, Vp9};
    let holds = |videos: &[Codec], audios: &[Codec]| {
        video.is_none_or(|codec| videos.contains(&codec))
            && audio.is_none_or(|codec| audios.contains(&codec))
    };
    let everywhere = match media_type {
        "video/mp4" | "audio/mp4" => holds(&[H264], &[Aac]),
        "video/webm" => holds(&[Vp8, Vp9], &[Opus, Vorbis]),
        "audio/mpeg" => holds(&[], &[Mp3]),
        "audio/wav" => holds(&[], &[Pcm]),
        _ => false,
    };
    let somewhere = match media_type {
        "video/mp4" | "audio/mp4" => holds(&[H264, Vp9, Av1], &[Aac, Mp3, Opus, Flac]),
        "video/webm" | "video/x-matroska" => {
            holds(&[H264, Vp8, Vp9, Av1], &[Aac, Mp3, Opus, Vorbis, Flac])
        }
        "video/ogg" => holds(&[Vp8], &[Opus, Vorbis, Flac]),
        _ => false,
    };
    match (everywhere, somewhere) {
        (true, _) => Playable::Everywhere,
        (_, true) => Playable::Somewhere,
        _ => Playable::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_plays_where_its_container_and_all_its_codecs_do() {
        use Codec::{Aac, Av1, H264, Mp3, Opus, Other, Pcm, Vp9};
        for (kind, video, audio, playable) in [
            ("video/mp4", Some(H264), Some(Aac), Playable::Everywhere),
            ("video/mp4", Some(H264), None, Playable::Everywhere),
            ("video/mp4", Some(H264), Some(Other), Playable::Unsure),
            ("video/mp4", Some(H264), Some(Pcm), Playable::Unsure),
            ("video/mp4", Some(Other), Some(Aac), Playable::Unsure),
            ("video/mp4", Some(Av1), Some(Aac), Playable::Somewhere),
            (
                "video/x-matroska",
                Some(H264),
                Some(Opus),
                Playable::Somewhere,
            ),
            (
                "video/x-matroska",
                Some(Other),
                Some(Opus),
                Playable::Unsure,
            ),
            ("video/webm", Some(Vp9), Some(Opus), Playable::Everywhere),
            ("audio/mpeg", None, Some(Mp3), Playable::Everywhere),
            (
                "application/octet-stream",
                Some(H264),
                Some(Aac),
                Playable::Unsure,
            ),
        ] {
            let found = of_codecs(kind, video, audio);
            assert_eq!(found, playable, "{kind} {video:?} {audio:?}");
        }
        assert_eq!(video_codec("video/x-h264", Some("high-4:2:2")), Other);
        assert_eq!(video_codec("video/x-h264", Some("high")), H264);
        assert_eq!(video_codec("video/x-h265", Some("main")), Other);
        assert_eq!(audio_codec("audio/mpeg", Some(1), Some(2)), Other);
        assert_eq!(audio_codec("audio/x-ac3", None, None), Other);
    }

    #[test]
    fn the_ending_names_the_type_in_any_case() {
        assert_eq!(media_type(Path::new("a/B.MOV")), "video/mp4");
        assert_eq!(
            media_type(Path::new("a.mp4/b.ts")),
            "application/octet-stream"
        );
    }
}
