// SPDX-License-Identifier: MPL-2.0

//! The rules by number. `HLS n` is a section of RFC 8216, `Apple n` an item of the "HLS authoring
//! specification for Apple devices", `DASH n` a section of ISO/IEC 23009-1.

/// Requirement level of a rule (RFC 2119).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// MUST: breaking it is a finding.
    Must,
    /// SHOULD: breaking it may be a choice, so it is reported as advice.
    Should,
}

/// A rule that a package can break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Document and the rule's number in it.
    pub number: &'static str,
    pub level: Level,
    /// Text of the requirement.
    pub asks: &'static str,
}

macro_rules! rules {
    ($($name:ident = $number:literal $level:ident $asks:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { number: $number, level: Level::$level, asks: $asks };)*

        /// All rules that are checked.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    READABLE = "HLS 6.2.1" Must "every file that a playlist refers to exists and can be read";
    PLAYLIST = "HLS 4.1" Must "a playlist is UTF-8 without a byte order mark and can be parsed";
    EXTM3U = "HLS 4.3.1.1" Must "a playlist starts with #EXTM3U";
    VERSION = "HLS 7" Must "EXT-X-VERSION covers what the playlist uses";
    DURATION = "HLS 4.3.2.1" Must "every segment has an EXTINF";
    DISCONTINUITY = "HLS 4.3.2.3" Must "EXT-X-DISCONTINUITY precedes every change of tracks";
    TARGET = "HLS 4.3.3.1" Must "no EXTINF, rounded, is over EXT-X-TARGETDURATION";
    ENDLIST = "HLS 4.3.3.4" Must "a playlist that will not change ends with EXT-X-ENDLIST";
    MEDIA = "HLS 4.3.4.1" Must "EXT-X-MEDIA has the attributes that its type requires";
    MEDIA_GROUP = "HLS 4.3.4.1.1" Must "names differ in a group and at most one rendition is its default";
    GROUP = "HLS 4.3.4.2" Must "a group that a variant refers to exists";
    SESSION_DATA = "HLS 4.3.4.4" Must "session data that a playlist refers to can be read";
    MATCHING = "HLS 6.2.4" Must "corresponding content has the same times in all renditions";
    TIMESTAMP_MAP = "HLS 3.5" Must "a WebVTT segment starts with WEBVTT and maps its times";
    VIDEO_RANGE = "RFC 8216bis 4.4.6.2" Must "VIDEO-RANGE is that of the media, SDR if it is not given";
    UPRIGHT = "ISO 14496-12 8.3.2" Must "no video is turned by its track header, which players obey differently";

    CHAPTER_IMAGES = "Apple JSON chapters" Must "the images of chapters exist";
    DASH = "DASH 5.3.9" Must "a DASH manifest can be parsed and the files that it refers to exist";
    SLIDES = "W3C WebVTT 1.3" Must "slides.json agrees with its metadata tracks, and its images exist";
    THUMBNAILS = "Media Fragments 4.2.2" Must "a thumbnail track refers to parts of existing images";

    H264_LEVEL = "Apple 1.3b" Must "H.264 is at most High Profile, level 5.2";
    PARAMETER_SETS = "Apple 1.10" Should "parameter sets are in the sample description (avc1, hvc1)";
    IDR_INTERVAL = "Apple 1.13" Should "key frames come every two seconds";
    FRAME_RATE_MAX = "Apple 1.19" Must "at most 60 frames per second";
    AVERAGE = "Apple 1.26" Must "AVERAGE-BANDWIDTH is within 10 % of the measured average";
    PEAK = "Apple 1.27" Must "BANDWIDTH is within 10 % of the measured peak";
    PEAK_TO_AVERAGE = "Apple 1.30" Should "the peak is at most twice the average";
    DEFAULT_VARIANT = "Apple 1.32" Should "the variant nearest to 2000 kbit/s is listed first";
    ASPECT = "Apple 1.33" Should "all variants have the same aspect ratio";
    DESCRIPTION_MARKED = "Apple 2.12" Must "audio description has public.accessibility.describes-video";
    DESCRIPTION = "Apple 2.13" Must "audio description has AUTOSELECT=YES";
    DESCRIPTION_NAME = "Apple 2.14" Should "the name of an audio description identifies it as one";
    AUDIO_DURATION = "Apple 2.15" Must "alternative audio covers the entire content";
    ONE_AUDIO = "Apple 2.17" Must "a segment has at most one audio stream";
    CAPTIONS = "Apple 4.5" Must "captions for the deaf transcribe dialog and describe sound";
    CAPTIONS_AUTOSELECT = "Apple 4.6" Must "captions for the deaf have AUTOSELECT=YES";
    SUBTITLE_LANGUAGE = "Apple 4.7" Must "a subtitle rendition has a LANGUAGE";
    SUBTITLE_MAP = "Apple 5.3" Must "a WebVTT segment has an X-TIMESTAMP-MAP";
    SUBTITLE_SPAN = "Apple 5.5" Must "a subtitle playlist covers the entire content";
    I_FRAMES = "Apple 6.1" Must "there are I-frame playlists";
    I_FRAMES_ONLY = "Apple 6.8" Must "an I-frame playlist has EXT-X-I-FRAMES-ONLY";
    I_FRAME_MOOF = "Apple 6.10" Must "an I-frame segment contains the moof of its frame";
    CONTINUOUS = "Apple 7.3" Must "a segment's decode time is the end of the previous segment";
    STARTS_WITH_IDR = "Apple 7.4" Must "a video segment starts with an IDR frame";
    TARGET_6 = "Apple 7.5" Should "the target duration is 6 seconds";
    OVER_TARGET = "Apple 7.7" Must "no segment is over the target duration by more than 0.5 s";
    EXACT_DURATION = "Apple 8.1" Must "EXTINF durations add up to the media within one frame";
    SAME_TARGET = "Apple 8.2" Must "audio and video playlists have the same target duration";
    SAME_DURATION = "Apple 8.3" Must "audio and video playlists have the same duration";
    VOD = "Apple 8.6" Must "a static playlist has EXT-X-PLAYLIST-TYPE:VOD";
    LANGUAGE = "Apple 8.10" Must "every EXT-X-MEDIA that is not video has a LANGUAGE";
    MAP = "Apple 8.20" Must "fragmented MP4 has EXT-X-MAP";
    ALIGNED = "Apple 8.22" Should "all variants have segment boundaries at the same times";
    CODECS = "Apple 9.1" Must "a variant has CODECS, and they match the media";
    RESOLUTION = "Apple 9.2" Must "a variant with video has RESOLUTION, and it matches the media";
    I_FRAME_CODECS = "Apple 9.3" Must "an I-frame variant has CODECS";
    I_FRAME_RESOLUTION = "Apple 9.4" Must "an I-frame variant has RESOLUTION";
    VARIANTS = "Apple 9.9" Must "there are several bit rates of video";
    INDEPENDENT = "Apple 9.11" Must "segments that start with an IDR frame are declared independent";
    AVERAGE_GIVEN = "Apple 9.14" Must "a variant has AVERAGE-BANDWIDTH";
    FRAME_RATE = "Apple 9.15" Must "a variant with video has FRAME-RATE, and it matches the media";
}
