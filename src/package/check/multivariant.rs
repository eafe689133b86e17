// SPDX-License-Identifier: MPL-2.0

//! Rules of a multivariant playlist, and of its renditions compared with each other.

use std::collections::{BTreeMap, BTreeSet};

use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, ClosedCaptionGroupId, MasterPlaylist, SessionDataField,
    VariantStream,
};

use super::load::{Loader, Rendition, Segment, resolve};
use super::media::{Fragment, Kind, Track};
use super::{Report, beside, rendition, rules};
use crate::package::hls::multivariant::from_first_rate;
use crate::package::programme::sample_format;

const DESCRIBES_VIDEO: &str = "public.accessibility.describes-video";
const TRANSCRIBES: &str = "public.accessibility.transcribes-spoken-dialog";
const DESCRIBES_SOUND: &str = "public.accessibility.describes-music-and-sound";

/// Largest relative difference between declared and measured rates, and frame rates.
const TOLERANCE: f64 = 0.10;

/// Lines of the smallest rendition that Apple's ladders have.
const SMALLEST: u64 = 360;

/// Longest time in seconds by which one track of a recording may start after another.
const LATE: f64 = 0.5;

pub(super) fn check(loader: &mut Loader<'_>, path: &str, text: &str) {
    let Ok(playlist) = m3u8_rs::parse_master_playlist_res(text.as_bytes()) else {
        let what = "a required attribute is missing or malformed";
        loader.report.add(rules::PLAYLIST, path, what);
        return;
    };
    let renditions = load(loader, path, &playlist);
    for data in &playlist.session_data {
        if let SessionDataField::Uri(uri) = &data.field {
            let Some(file) = loader.path(path, uri) else {
                continue;
            };
            let Some(bytes) = loader.file(path, &file) else {
                continue;
            };
            match serde_json::from_slice(&bytes) {
                Ok(chapters) => beside::chapters(loader, &file, &chapters),
                Err(_) => {
                    let what = format!("{file} is not JSON");
                    loader.report.add(rules::SESSION_DATA, path, what);
                }
            }
        }
    }
    let mut checker = Checker {
        path,
        playlist: &playlist,
        renditions: &renditions,
        report: &mut loader.report,
    };
    checker.tags(text);
    checker.alternatives();
    checker.variants();
    checker.together();
}

/// Returns the sample formats of a variant.
fn formats(variant: &VariantStream) -> BTreeSet<&str> {
    let codecs = variant.codecs.iter().flat_map(|codecs| codecs.split(','));
    codecs.map(|codec| sample_format(codec.trim())).collect()
}

/// Returns whether a sample format is a video format.
fn is_of_pictures(format: &str) -> bool {
    let known = [
        "avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe", "av01", "vp08", "vp09", "vvc1", "mp4v",
    ];
    known.contains(&format)
}

/// Reads every media playlist once and checks it by itself.
fn load(
    loader: &mut Loader<'_>,
    path: &str,
    playlist: &MasterPlaylist,
) -> BTreeMap<String, Rendition> {
    let variants = playlist.variants.iter();
    let named: BTreeMap<String, bool> = playlist
        .alternatives
        .iter()
        .filter_map(|media| media.uri.as_deref().map(|uri| (uri, false)))
        .chain(variants.map(|variant| (&variant.uri[..], variant.is_i_frame)))
        .filter_map(|(uri, i_frames)| Some((loader.path(path, uri)?, i_frames)))
        .collect();
    let mut renditions = BTreeMap::new();
    for (file, i_frames) in named {
        if let Some(rendition) = loader.rendition(&file) {
            rendition::check(&mut loader.report, &rendition, i_frames);
            renditions.insert(file, rendition);
        }
    }
    renditions
}

struct Checker<'a> {
    path: &'a str,
    playlist: &'a MasterPlaylist,
    renditions: &'a BTreeMap<String, Rendition>,
    report: &'a mut Report,
}

impl<'a> Checker<'a> {
    fn rendition(&self, uri: &str) -> Option<&'a Rendition> {
        self.renditions.get(&resolve(self.path, uri)?)
    }

    fn group(&self, kind: AlternativeMediaType, id: &str) -> Vec<&'a AlternativeMedia> {
        self.playlist
            .alternatives
            .iter()
            .filter(|media| media.media_type == kind && media.group_id == id)
            .collect()
    }

    /// Checks details of tags that the crate does not report. It treats a tag that lacks an
    /// attribute as unknown, and any value but YES as NO.
    fn tags(&mut self, text: &str) {
        const TAGS: [&str; 4] = [
            "X-STREAM-INF",
            "X-I-FRAME-STREAM-INF",
            "X-MEDIA",
            "X-SESSION-DATA",
        ];
        for tag in &self.playlist.unknown_tags {
            // The crate treats an empty string as missing.
            let has_empty = tag.rest.as_ref().is_some_and(|rest| rest.contains("\"\""));
            if TAGS.contains(&&tag.tag[..]) && !has_empty {
                let what = format!("an attribute of EXT-{} is missing or malformed", tag.tag);
                self.report.add(rules::PLAYLIST, self.path, what);
            }
        }
        for line in text.lines() {
            let Some(attributes) = line.strip_prefix("#EXT-X-MEDIA:") else {
                continue;
            };
            // Every second part is in quotes.
            let bare: String = attributes.split('"').step_by(2).collect();
            let says = |wanted: &str| bare.split(',').any(|one| one.trim() == wanted);
            if says("DEFAULT=YES") && says("AUTOSELECT=NO") {
                let what = "DEFAULT=YES is combined with AUTOSELECT=NO";
                self.report.add(rules::MEDIA, self.path, what);
            }
        }
    }

    fn alternatives(&mut self) {
        let mut names = BTreeSet::new();
        let mut defaults = BTreeSet::new();
        for media in &self.playlist.alternatives {
            let kind = media.media_type.to_string();
            let named = format!("{kind} \"{}\"", media.name);
            if !names.insert((kind.clone(), &media.group_id, &media.name)) {
                let what = format!("{named} is listed twice in group \"{}\"", media.group_id);
                self.report.add(rules::MEDIA_GROUP, self.path, what);
            }
            if media.default && !defaults.insert((kind.clone(), &media.group_id)) {
                let what = format!("{named} is a second default of \"{}\"", media.group_id);
                self.report.add(rules::MEDIA_GROUP, self.path, what);
            }
            let subtitles = media.media_type == AlternativeMediaType::Subtitles;
            if subtitles && media.uri.is_none() {
                self.report
                    .add(rules::MEDIA, self.path, format!("{named} has no URI"));
            }
            if media.forced && !subtitles {
                let what = format!("{named} is FORCED but not subtitles");
                self.report.add(rules::MEDIA, self.path, what);
            }
            if media.language.is_none() && media.media_type != AlternativeMediaType::Video {
                let what = format!("{named} has no LANGUAGE");
                let rule = if subtitles {
                    rules::SUBTITLE_LANGUAGE
                } else {
                    rules::LANGUAGE
                };
                self.report.add(rule, self.path, what);
            }
            self.accessibility(media, &named);
        }
    }

    fn accessibility(&mut self, media: &AlternativeMedia, named: &str) {
        let characteristics = media.characteristics.as_deref().unwrap_or_default();
        let has = |wanted: &str| characteristics.split(',').any(|one| one.trim() == wanted);
        let name = media.name.to_lowercase();
        let says_so = ["descri", "dvs", "audiodes"]
            .iter()
            .any(|word| name.contains(word));
        let is_sound = media.media_type == AlternativeMediaType::Audio;
        if is_sound && says_so && !has(DESCRIBES_VIDEO) {
            let what = format!("{named} has only \"{characteristics}\"");
            self.report.add(rules::DESCRIPTION_MARKED, self.path, what);
        }
        if has(DESCRIBES_VIDEO) {
            if !media.autoselect {
                let what = format!("{named} has no AUTOSELECT=YES");
                self.report.add(rules::DESCRIPTION, self.path, what);
            }
            if !says_so {
                let what = format!("{named} does not");
                self.report.add(rules::DESCRIPTION_NAME, self.path, what);
            }
        }
        if has(TRANSCRIBES) || has(DESCRIBES_SOUND) {
            if !(has(TRANSCRIBES) && has(DESCRIBES_SOUND)) {
                let what = format!("{named} has only \"{characteristics}\"");
                self.report.add(rules::CAPTIONS, self.path, what);
            }
            if !media.autoselect {
                let what = format!("{named} has no AUTOSELECT=YES");
                self.report.add(rules::CAPTIONS_AUTOSELECT, self.path, what);
            }
        }
    }

    fn variants(&mut self) {
        for variant in &self.playlist.variants {
            let audio = self.audio_of(variant);
            let Some(rendition) = self.rendition(&variant.uri) else {
                continue;
            };
            self.attributes(variant, rendition, &audio);
            if !variant.is_i_frame {
                self.rates(variant, rendition, &audio);
            }
        }
    }

    /// Returns the audio renditions that can be played with a variant.
    fn audio_of(&mut self, variant: &VariantStream) -> Vec<&'a Rendition> {
        let mut of_group = |kind: AlternativeMediaType, id: Option<&String>| {
            let group = id.map_or_else(Vec::new, |id| self.group(kind.clone(), id));
            if let Some(id) = id.filter(|_| group.is_empty()) {
                let what = format!(
                    "{} refers to the {kind} group \"{id}\", which does not exist",
                    variant.uri
                );
                self.report.add(rules::GROUP, self.path, what);
            }
            group
        };
        of_group(AlternativeMediaType::Subtitles, variant.subtitles.as_ref());
        of_group(AlternativeMediaType::Video, variant.video.as_ref());
        let captions = match &variant.closed_captions {
            Some(ClosedCaptionGroupId::GroupId(id) | ClosedCaptionGroupId::Other(id)) => Some(id),
            Some(ClosedCaptionGroupId::None) | None => None,
        };
        of_group(AlternativeMediaType::ClosedCaptions, captions);
        let audio = of_group(AlternativeMediaType::Audio, variant.audio.as_ref());
        audio
            .iter()
            .filter_map(|media| self.rendition(media.uri.as_deref()?))
            .collect()
    }

    fn attributes(&mut self, variant: &VariantStream, rendition: &Rendition, audio: &[&Rendition]) {
        let uri = &variant.uri;
        let track = rendition.main_track();
        let video = match track {
            Some(track) => track.kind == Kind::Video,
            None => formats(variant).into_iter().any(is_of_pictures),
        };
        let (codecs_rule, resolution_rule) = if variant.is_i_frame {
            (rules::I_FRAME_CODECS, rules::I_FRAME_RESOLUTION)
        } else {
            (rules::CODECS, rules::RESOLUTION)
        };
        match &variant.codecs {
            None => self
                .report
                .add(codecs_rule, self.path, format!("{uri} has none")),
            Some(codecs) => {
                let declared: Vec<&str> = codecs.split(',').map(str::trim).collect();
                let of_audio = audio.iter().flat_map(|one| one.tracks());
                let tracks = rendition.tracks().chain(of_audio);
                let missing = tracks
                    .filter_map(|track| track.codec.as_deref())
                    .find(|codec| !declared.iter().any(|one| one.eq_ignore_ascii_case(codec)));
                if let Some(codec) = missing {
                    let what = format!("{uri} has \"{codecs}\", the media has {codec}");
                    self.report.add(codecs_rule, self.path, what);
                }
            }
        }
        let size = track.and_then(|track| track.size);
        match (&variant.resolution, size) {
            (None, _) if video => {
                self.report
                    .add(resolution_rule, self.path, format!("{uri} has none"));
            }
            (Some(said), Some((width, height)))
                if (said.width, said.height) != (width.into(), height.into()) =>
            {
                let what = format!("{uri} has {said}, the media has {width}x{height}");
                self.report.add(resolution_rule, self.path, what);
            }
            _ => {}
        }
        if video {
            self.range(variant, track);
        }
        if !variant.is_i_frame && video {
            self.frame_rate(variant, rendition);
            self.independence(variant, rendition);
        }
        if !variant.is_i_frame && variant.average_bandwidth.is_none() {
            self.report
                .add(rules::AVERAGE_GIVEN, self.path, format!("{uri} has none"));
        }
    }

    /// The range that a variant declares, and what its track says of its range and direction.
    fn range(&mut self, variant: &VariantStream, track: Option<&Track>) {
        let uri = &variant.uri;
        if track.is_some_and(|track| track.is_turned) {
            let what = format!("{uri} turns or mirrors it");
            self.report.add(rules::UPRIGHT, self.path, what);
        }
        let measured = match track.and_then(|track| track.transfer) {
            Some(1 | 6 | 13 | 14 | 15) => "SDR",
            Some(16) => "PQ",
            Some(18) => "HLG",
            _ => return,
        };
        let attributes = variant.other_attributes.as_ref();
        let declared = attributes.and_then(|all| all.get("VIDEO-RANGE"));
        let declared = declared.map_or("SDR", |range| range.as_str());
        if declared != measured {
            let what = format!("{uri} has {declared}, the media is {measured}");
            self.report.add(rules::VIDEO_RANGE, self.path, what);
        }
    }

    fn frame_rate(&mut self, variant: &VariantStream, rendition: &Rendition) {
        let uri = &variant.uri;
        let Some(said) = variant.frame_rate else {
            self.report
                .add(rules::FRAME_RATE, self.path, format!("{uri} has none"));
            return;
        };
        if said > 60.0 {
            let what = format!("{uri} has {said}");
            self.report.add(rules::FRAME_RATE_MAX, self.path, what);
        }
        let fragments = || rendition.segments.iter().filter_map(Segment::fragment);
        let seconds: f64 = fragments().map(Fragment::duration).sum();
        let frames: u64 = fragments().map(|fragment| fragment.samples).sum();
        if seconds <= 0.0 {
            return;
        }
        let measured = frames as f64 / seconds;
        if (said / measured - 1.0).abs() > TOLERANCE {
            let what = format!("{uri} has {said:.3}, the media has {measured:.3}");
            self.report.add(rules::FRAME_RATE, self.path, what);
        }
    }

    fn independence(&mut self, variant: &VariantStream, rendition: &Rendition) {
        let starts = |segment: &Segment| {
            let fragment = segment.fragment();
            fragment.is_some_and(|fragment| fragment.starts_with_sync)
        };
        let said = self.playlist.independent_segments
            || rendition.playlist.independent_segments
            || rendition.text.contains("#EXT-X-INDEPENDENT-SEGMENTS");
        if !said && !rendition.segments.is_empty() && rendition.segments.iter().all(starts) {
            let what = format!("{} has no EXT-X-INDEPENDENT-SEGMENTS", variant.uri);
            self.report.add(rules::INDEPENDENT, self.path, what);
        }
    }

    fn rates(&mut self, variant: &VariantStream, rendition: &Rendition, audio: &[&Rendition]) {
        let uri = &variant.uri;
        // Without video, a variant is one of the audio renditions of its own group.
        let is_sound = audio.iter().any(|one| std::ptr::eq(*one, rendition));
        let with_audio = |rate: fn(&Rendition) -> Option<f64>| {
            let sounds: Option<Vec<f64>> = audio.iter().map(|one| rate(one)).collect();
            let own = if is_sound { Some(0.0) } else { rate(rendition) };
            Some(sounds?.into_iter().fold(0.0, f64::max) + own?)
        };
        let (Some(peak), Some(average)) = (
            with_audio(Rendition::peak_rate),
            with_audio(Rendition::average_rate),
        ) else {
            return;
        };
        if average <= 0.0 {
            return;
        }
        let differs = |said: u64, measured: f64| (said as f64 / measured - 1.0).abs() > TOLERANCE;
        if differs(variant.bandwidth, peak) {
            let what = format!("{uri} has {}, measured {peak:.0}", variant.bandwidth);
            self.report.add(rules::PEAK, self.path, what);
        }
        if let Some(said) = variant
            .average_bandwidth
            .filter(|said| differs(*said, average))
        {
            let what = format!("{uri} has {said}, measured {average:.0}");
            self.report.add(rules::AVERAGE, self.path, what);
        }
        if peak > 2.0 * average {
            let what = format!("{uri} has a peak of {peak:.0} over {average:.0}");
            self.report.add(rules::PEAK_TO_AVERAGE, self.path, what);
        }
    }

    /// Checks what all renditions must have in common.
    fn together(&mut self) {
        let variants: Vec<&VariantStream> = self
            .playlist
            .variants
            .iter()
            .filter(|one| !one.is_i_frame)
            .collect();
        let videos: Vec<(&VariantStream, &Rendition)> = variants
            .iter()
            .filter_map(|variant| Some((*variant, self.rendition(&variant.uri)?)))
            .filter(|(variant, rendition)| {
                variant.resolution.is_some() || rendition.has(Kind::Video)
            })
            .collect();
        if let Some((first, reference)) = videos.first().copied() {
            self.pictures(&videos, first, reference);
        }
        let renditions: Vec<&Rendition> = variants
            .iter()
            .filter_map(|variant| self.rendition(&variant.uri))
            .collect();
        // Without video, the audio is the reference for the others.
        let pictures = videos.first().map(|(_, rendition)| *rendition);
        let Some(reference) = pictures.or_else(|| renditions.first().copied()) else {
            return;
        };
        for sound in renditions.iter().filter(|one| !one.has(Kind::Video)) {
            self.same_time_range(reference, sound);
        }
        for media in &self.playlist.alternatives {
            let Some(rendition) = media.uri.as_deref().and_then(|uri| self.rendition(uri)) else {
                continue;
            };
            match media.media_type {
                AlternativeMediaType::Audio => self.same_time_range(reference, rendition),
                AlternativeMediaType::Subtitles => self.subtitle_span(reference, rendition),
                _ => {}
            }
        }
    }

    /// Checks what the video renditions must have in common.
    fn pictures(
        &mut self,
        videos: &[(&VariantStream, &Rendition)],
        first: &VariantStream,
        reference: &Rendition,
    ) {
        // Below the smallest size of a ladder there is nothing to switch to.
        let is_small = first
            .resolution
            .is_some_and(|size| size.width.min(size.height) <= SMALLEST);
        if videos.len() < 2 && !is_small {
            self.report.add(rules::VARIANTS, self.path, "there is one");
        }
        if !self
            .playlist
            .variants
            .iter()
            .any(|variant| variant.is_i_frame)
        {
            self.report.add(
                rules::I_FRAMES,
                self.path,
                "EXT-X-I-FRAME-STREAM-INF is missing",
            );
        }
        // A player that starts with the first variant continues in its codec.
        let of_codec = videos
            .iter()
            .filter(|(variant, _)| formats(variant) == formats(first));
        let nearest = of_codec.map(|(variant, _)| from_first_rate(variant)).min();
        if nearest.is_some_and(|nearest| nearest < from_first_rate(first)) {
            let what = format!("{} is listed first", first.uri);
            self.report.add(rules::DEFAULT_VARIANT, self.path, what);
        }
        for (variant, rendition) in &videos[1..] {
            if let (Some(a), Some(b)) = (&first.resolution, &variant.resolution) {
                // Even sizes change the ratio by up to a pixel per side.
                let off = a.width as f64 * b.height as f64 / (a.height as f64 * b.width as f64);
                if (off - 1.0).abs() > 0.02 {
                    let what = format!("{} is {a}, {} is {b}", first.uri, variant.uri);
                    self.report.add(rules::ASPECT, self.path, what);
                }
            }
            if boundaries(reference) != boundaries(rendition) {
                let what = format!("{} and {} differ", first.uri, variant.uri);
                self.report.add(rules::ALIGNED, self.path, what);
            }
            self.same_time_range(reference, rendition);
        }
    }

    fn same_time_range(&mut self, reference: &Rendition, other: &Rendition) {
        let (a, b) = (
            reference.playlist.target_duration,
            other.playlist.target_duration,
        );
        if a != b {
            let what = format!("it is {b} s, but {a} s in {}", reference.path);
            self.report.add(rules::SAME_TARGET, &other.path, what);
        }
        if let (Some(a), Some(b)) = (reference.start(), other.start())
            && (a - b).abs() > LATE
        {
            let what = format!("it starts at {b:.3} s, {} at {a:.3} s", reference.path);
            self.report.add(rules::MATCHING, &other.path, what);
        }
        let (a, b) = (reference.duration(), other.duration());
        // Audio and video do not end on the same frame boundary.
        if (a - b).abs() > 0.1 {
            let alternative = other
                .main_track()
                .is_some_and(|track| track.kind == Kind::Audio);
            let rule = if alternative && b < a {
                rules::AUDIO_DURATION
            } else {
                rules::SAME_DURATION
            };
            let what = format!("it lasts {b:.3} s, {} lasts {a:.3} s", reference.path);
            self.report.add(rule, &other.path, what);
        }
    }

    fn subtitle_span(&mut self, reference: &Rendition, subtitles: &Rendition) {
        let (a, b) = (reference.duration(), subtitles.duration());
        if b + 0.1 < a {
            let what = format!("it lasts {b:.3} s, {} lasts {a:.3} s", reference.path);
            self.report.add(rules::SUBTITLE_SPAN, &subtitles.path, what);
        }
    }
}

/// Returns the starts of the segments, in milliseconds.
fn boundaries(rendition: &Rendition) -> Vec<i64> {
    let mut at = 0.0;
    let starts = rendition.segments.iter().map(|segment| {
        let start = at;
        at += segment.duration;
        (start * 1000.0_f64).round() as i64
    });
    starts.collect()
}
