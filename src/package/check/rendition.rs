// SPDX-License-Identifier: MPL-2.0

//! The rules of one media playlist.

use m3u8_rs::{Key, MediaPlaylistType, MediaSegment};

use super::load::{Rendition, Segment};
use super::media::{Kind, Track};
use super::{Report, rules};

/// Seconds by which times differ that were rounded to another time scale.
const ROUNDING: f64 = 0.001;

/// Checks a rendition; `i_frames` where the multivariant playlist names it for trick play.
pub(super) fn check(report: &mut Report, rendition: &Rendition, i_frames: bool) {
    tags(report, rendition, i_frames);
    durations(report, rendition);
    if rendition
        .segments
        .iter()
        .any(|segment| segment.text.is_some())
    {
        text(report, rendition);
    } else if let Some(track) = rendition.main_track() {
        media(report, rendition, track);
    }
}

fn tags(report: &mut Report, rendition: &Rendition, i_frames: bool) {
    let (path, playlist) = (&rendition.path[..], &rendition.playlist);
    if !playlist.end_list {
        report.add(rules::ENDLIST, path, "EXT-X-ENDLIST is missing");
    }
    if playlist.playlist_type != Some(MediaPlaylistType::Vod) {
        report.add(rules::VOD, path, "EXT-X-PLAYLIST-TYPE is not VOD");
    }
    if i_frames && !playlist.i_frames_only {
        report.add(rules::I_FRAMES_ONLY, path, "EXT-X-I-FRAMES-ONLY is missing");
    }
    let maps = playlist
        .segments
        .iter()
        .any(|segment| segment.map.is_some());
    let fragmented = rendition.segments.iter().any(is_fragmented);
    if fragmented && !maps {
        report.add(rules::MAP, path, "EXT-X-MAP is missing");
    }
    let needed = needed_version(rendition);
    let version = playlist.version.unwrap_or(1);
    if version < needed {
        let what = format!("EXT-X-VERSION is {version}, {needed} is needed");
        report.add(rules::VERSION, path, what);
    }
}

/// The version that a media playlist asks for by what it uses, RFC 8216 section 7.
fn needed_version(rendition: &Rendition) -> usize {
    let playlist = &rendition.playlist;
    let any = |uses: fn(&MediaSegment) -> bool| playlist.segments.iter().any(uses);
    let any_key = |uses: fn(&Key) -> bool| {
        let mut keys = playlist.segments.iter().filter_map(|one| one.key.as_ref());
        keys.any(uses)
    };
    let has_map = any(|segment| segment.map.is_some());
    let has_format = any_key(|key| key.keyformat.is_some() || key.keyformatversions.is_some());
    let has_range = any(|segment| segment.byte_range.is_some());
    match () {
        () if has_map && !playlist.i_frames_only => 6,
        () if has_map || has_format => 5,
        () if has_range || playlist.i_frames_only => 4,
        () if has_fractions(&rendition.text) => 3,
        () if any_key(|key| key.iv.is_some()) => 2,
        () => 1,
    }
}

/// Whether a duration is written with decimals.
fn has_fractions(playlist: &str) -> bool {
    let mut durations = playlist.lines().filter_map(|line| {
        let value = line.strip_prefix("#EXTINF:")?;
        value.split(',').next()
    });
    durations.any(|duration| duration.contains('.'))
}

fn is_fragmented(segment: &Segment) -> bool {
    segment.fragment.is_some()
        || [".m4s", ".mp4", ".cmfv", ".cmfa"]
            .iter()
            .any(|end| segment.path.ends_with(end))
}

fn durations(report: &mut Report, rendition: &Rendition) {
    let path = &rendition.path[..];
    let target = rendition.playlist.target_duration as f64;
    for (index, segment) in rendition.segments.iter().enumerate() {
        let said = || {
            format!(
                "segment {} lasts {:.3} s, the target is {target} s",
                index + 1,
                segment.duration
            )
        };
        if segment.duration.round() > target {
            report.add(rules::TARGET, path, said());
        }
        if segment.duration > target + 0.5 {
            report.add(rules::OVER_TARGET, path, said());
        }
    }
    let media = rendition
        .segments
        .iter()
        .any(|segment| segment.text.is_none());
    if media && !rendition.playlist.i_frames_only && target != 6.0 {
        report.add(
            rules::TARGET_6,
            path,
            format!("the target duration is {target} s"),
        );
    }
}

/// WebVTT segments, RFC 8216 section 3.5.
fn text(report: &mut Report, rendition: &Rendition) {
    for segment in &rendition.segments {
        let Some(text) = &segment.text else {
            report.add(rules::TIMESTAMP_MAP, &segment.path, "it is no WebVTT");
            continue;
        };
        if !text.trim_start_matches('\u{feff}').starts_with("WEBVTT") {
            report.add(
                rules::TIMESTAMP_MAP,
                &segment.path,
                "it does not start with WEBVTT",
            );
        }
        if !text.contains("X-TIMESTAMP-MAP=") {
            let what = format!("{} has no X-TIMESTAMP-MAP", segment.path);
            report.add(rules::SUBTITLE_MAP, &rendition.path, what);
        }
    }
}

fn media(report: &mut Report, rendition: &Rendition, track: &Track) {
    let path = &rendition.path[..];
    let seconds = |ticks: u64| ticks as f64 / f64::from(track.timescale.max(1));
    let audio = |track: &&Track| track.kind == Kind::Audio;
    if rendition.tracks.iter().filter(audio).count() > 1 {
        report.add(rules::ONE_AUDIO, path, "there are several audio tracks");
    }
    if let Some(codec) = &track.codec {
        if codec.starts_with("avc3") || codec.starts_with("hev1") {
            report.add(rules::PARAMETER_SETS, path, format!("it is {codec}"));
        }
        let level = codec.strip_prefix("avc1.").and_then(|rest| rest.get(4..6));
        if let Some(level) = level.and_then(|level| u8::from_str_radix(level, 16).ok())
            && level > 52
        {
            let what = format!("the level is {}.{}", level / 10, level % 10);
            report.add(rules::H264_LEVEL, path, what);
        }
    }

    let i_frames = rendition.playlist.i_frames_only;
    let mut end: Option<u64> = None;
    let mut said = 0.0;
    let mut last_sync: Option<u64> = None;
    let mut start = None;
    for (index, segment) in rendition.segments.iter().enumerate() {
        let Some(fragment) = &segment.fragment else {
            let rule = if i_frames {
                rules::I_FRAME_MOOF
            } else {
                rules::READABLE
            };
            report.add(rule, path, format!("{} has no moof box", segment.path));
            continue;
        };
        let (video, number) = (track.kind == Kind::Video, index + 1);
        if video && !fragment.starts_with_sync {
            let what = format!(
                "segment {number} ({}) starts with another frame",
                segment.path
            );
            report.add(rules::STARTS_WITH_IDR, path, what);
        }
        if i_frames {
            continue;
        }
        if let Some(end) = end.filter(|end| seconds(end.abs_diff(fragment.start)) > ROUNDING) {
            let what = format!(
                "segment {number} starts at {:.3} s, the one before ends at {:.3} s",
                seconds(fragment.start),
                seconds(end)
            );
            report.add(rules::CONTINUOUS, path, what);
        }
        let first = *start.get_or_insert(fragment.start);
        let fragment_end = fragment.start.saturating_add(fragment.duration);
        said += segment.duration;
        let frame = seconds(fragment.duration) / fragment.samples.max(1) as f64;
        let measured = seconds(fragment_end.saturating_sub(first));
        if (said - measured).abs() > frame {
            let what = format!(
                "up to segment {number} EXTINF says {said:.3} s, the media lasts {measured:.3} s"
            );
            report.add(rules::EXACT_DURATION, path, what);
        }
        if video {
            for sync in &fragment.syncs {
                let gap = seconds(sync.saturating_sub(last_sync.unwrap_or(*sync)));
                if gap > 2.0 + frame {
                    let what = format!("{gap:.1} s without one before {:.1} s", seconds(*sync));
                    report.add(rules::IDR_INTERVAL, path, what);
                }
                last_sync = Some(*sync);
            }
        }
        end = Some(fragment_end);
    }
}
