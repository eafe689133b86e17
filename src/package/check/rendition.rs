// SPDX-License-Identifier: MPL-2.0

//! Rules of a single media playlist.

use m3u8_rs::{Key, MediaPlaylistType, MediaSegment};

use super::load::{Content, Rendition, Segment, ends_encryption, main_track};
use super::media::{Fragment, Kind, Track};
use super::{Report, rules};

/// Tolerance in seconds for times that were rounded to another timescale.
const ROUNDING: f64 = 0.001;

/// Checks a rendition; `i_frames` is true if the multivariant playlist lists it for trick play.
pub(super) fn check(report: &mut Report, rendition: &Rendition, i_frames: bool) {
    tags(report, rendition, i_frames);
    durations(report, rendition);
    let is_text = |segment: &Segment| matches!(segment.content, Content::Text(_));
    if rendition.segments.iter().any(is_text) {
        text(report, rendition);
    } else if let Some(track) = rendition.main_track() {
        tracks(report, rendition);
        media(report, rendition, track.kind == Kind::Video);
    }
}

/// Finds lines that the crate does not report: it treats an unreadable tag as unknown, and accepts
/// a segment without a duration.
fn unread(report: &mut Report, rendition: &Rendition) {
    const TAGS: [&str; 4] = ["X-TARGETDURATION", "X-BYTERANGE", "X-KEY", "X-MAP"];
    let (path, segments) = (&rendition.path[..], &rendition.playlist.segments);
    let unknown = segments.iter().flat_map(|segment| {
        let known_end = ends_encryption(segment);
        let tags = segment.unknown_tags.iter();
        tags.filter(move |tag| !(known_end && tag.tag == "X-KEY"))
    });
    for tag in unknown.filter(|tag| TAGS.contains(&&tag.tag[..])) {
        let what = format!("EXT-{} is malformed", tag.tag);
        report.add(rules::PLAYLIST, path, what);
    }
    let lines = || rendition.text.lines();
    let stray = [
        "#EXT-X-STREAM-INF",
        "#EXT-X-I-FRAME-STREAM-INF",
        "#EXT-X-MEDIA:",
    ];
    if lines().any(|line| stray.iter().any(|tag| line.starts_with(tag))) {
        let what = "it is a media playlist with tags of a multivariant playlist";
        report.add(rules::PLAYLIST, path, what);
    }
    let durations = lines().filter(|line| line.starts_with("#EXTINF:")).count();
    if durations < segments.len() {
        let what = format!("{} segments have {durations} EXTINF", segments.len());
        report.add(rules::DURATION, path, what);
    }
    if lines()
        .filter(|line| line.starts_with("#EXT-X-VERSION:"))
        .count()
        > 1
    {
        report.add(rules::VERSION, path, "there is more than one EXT-X-VERSION");
    }
}

fn tags(report: &mut Report, rendition: &Rendition, i_frames: bool) {
    let (path, playlist) = (&rendition.path[..], &rendition.playlist);
    unread(report, rendition);
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
        let what = format!("EXT-X-VERSION is {version}, but {needed} is needed");
        report.add(rules::VERSION, path, what);
    }
}

/// Returns the version that the features of a media playlist require, RFC 8216 section 7.
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

/// Returns whether a duration is written with decimals.
fn has_fractions(playlist: &str) -> bool {
    let mut durations = playlist.lines().filter_map(|line| {
        let value = line.strip_prefix("#EXTINF:")?;
        value.split(',').next()
    });
    durations.any(|duration| duration.contains('.'))
}

fn is_fragmented(segment: &Segment) -> bool {
    segment.fragment().is_some()
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
    let media = rendition.segments.iter().any(|segment| !segment.is_text());
    if media && !rendition.playlist.i_frames_only && target != 6.0 {
        report.add(
            rules::TARGET_6,
            path,
            format!("the target duration is {target} s"),
        );
    }
}

/// Checks WebVTT segments, RFC 8216 section 3.5.
fn text(report: &mut Report, rendition: &Rendition) {
    for segment in &rendition.segments {
        let text = match &segment.content {
            Content::Text(text) => text,
            Content::Unseen => continue,
            Content::Media(_) | Content::Broken => {
                report.add(rules::TIMESTAMP_MAP, &segment.path, "it is not WebVTT");
                continue;
            }
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

/// Checks the tracks of the rendition's maps.
fn tracks(report: &mut Report, rendition: &Rendition) {
    let path = &rendition.path[..];
    for tracks in &rendition.maps {
        let audio = |track: &&Track| track.kind == Kind::Audio;
        if tracks.iter().filter(audio).count() > 1 {
            report.add(rules::ONE_AUDIO, path, "there are several audio tracks");
        }
        let codec = main_track(tracks).and_then(|track| track.codec.as_deref());
        let codec = codec.unwrap_or_default();
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
}

/// Consecutive segments without a discontinuity between them, up to one of them. Times are in
/// seconds.
#[derive(Default)]
struct Stretch {
    start: Option<f64>,
    end: Option<f64>,
    /// Total of its EXTINF durations.
    said: f64,
    last_sync: Option<f64>,
    map: Option<usize>,
}

fn media(report: &mut Report, rendition: &Rendition, video: bool) {
    let path = &rendition.path[..];
    let i_frames = rendition.playlist.i_frames_only;
    let mut stretch = Stretch::default();
    for (segment, number) in rendition.segments.iter().zip(1..) {
        if segment.discontinuity {
            stretch = Stretch::default();
        }
        let fragment = match &segment.content {
            Content::Media(fragment) => fragment,
            other => {
                if matches!(other, Content::Broken) {
                    let rule = match i_frames {
                        true => rules::I_FRAME_MOOF,
                        false => rules::READABLE,
                    };
                    report.add(rule, path, format!("{} has no moof box", segment.path));
                }
                // The length is unknown.
                stretch = Stretch::default();
                continue;
            }
        };
        if video && !fragment.starts_with_sync {
            let what = format!(
                "segment {number} ({}) does not start with an IDR frame",
                segment.path
            );
            report.add(rules::STARTS_WITH_IDR, path, what);
        }
        if !i_frames {
            stretch.same_tracks(report, rendition, segment);
            stretch.continues(report, path, number, fragment);
            stretch.lasts(report, path, number, segment.duration, fragment);
            if video {
                stretch.key_frames(report, path, fragment);
            }
        }
    }
}

impl Stretch {
    /// Checks number, type and identifiers of tracks, RFC 8216 section 4.3.2.3.
    fn same_tracks(&mut self, report: &mut Report, rendition: &Rendition, segment: &Segment) {
        let tracks = |map: Option<usize>| {
            let tracks = map.and_then(|map| rendition.maps.get(map)).into_iter();
            let kinds = tracks.flatten().map(|track| (track.id, track.kind));
            kinds.collect::<Vec<_>>()
        };
        if self.map.is_some() && tracks(self.map) != tracks(segment.map) {
            let what = format!("the tracks of {} differ", segment.path);
            report.add(rules::DISCONTINUITY, &rendition.path, what);
        }
        self.map = segment.map;
    }

    fn continues(&mut self, report: &mut Report, path: &str, number: usize, fragment: &Fragment) {
        let start = fragment.start();
        if let Some(end) = self.end.filter(|end| (end - start).abs() > ROUNDING) {
            let what = format!(
                "segment {number} starts at {start:.3} s, the one before ends at {end:.3} s"
            );
            report.add(rules::CONTINUOUS, path, what);
        }
        self.end = Some(fragment.end());
    }

    fn lasts(
        &mut self,
        report: &mut Report,
        path: &str,
        number: usize,
        said: f64,
        fragment: &Fragment,
    ) {
        self.said += said;
        let said = self.said;
        let measured = fragment.end() - *self.start.get_or_insert(fragment.start());
        if (said - measured).abs() > fragment.sample_duration() {
            let what = format!(
                "up to segment {number}, EXTINF is {said:.3} s, but the media lasts {measured:.3} s"
            );
            report.add(rules::EXACT_DURATION, path, what);
        }
    }

    fn key_frames(&mut self, report: &mut Report, path: &str, fragment: &Fragment) {
        for sync in fragment.syncs() {
            let gap = sync - self.last_sync.unwrap_or(sync);
            if gap > 2.0 + fragment.sample_duration() {
                let what = format!("{gap:.1} s without a key frame before {sync:.1} s");
                report.add(rules::IDR_INTERVAL, path, what);
            }
            self.last_sync = Some(sync);
        }
    }
}
