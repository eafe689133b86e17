// SPDX-License-Identifier: MPL-2.0

//! The streams of a file by the discoverer of GStreamer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gst::glib;
use gst_pbutils::prelude::*;
use gst_pbutils::{
    Discoverer, DiscovererAudioInfo, DiscovererInfo, DiscovererStreamInfo, DiscovererVideoInfo,
};
use gstlecture::language;
use gstlecture::package::ladder;
use gstlecture::record::inside;
use gstlecture::source::orientation::Orientation;
use gstlecture::source::transport;
use gstlecture::timeline::Time;

use crate::media::delivered::{self, Delivered};

/// Languages by the numbers of tracks.
pub type Named = BTreeMap<u64, Option<String>>;

/// Longest time that a file may take to show its first frames.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// Containers whose header has the length of the recording. The length of others is estimated from
/// their bytes.
const PROMISING: [&str; 8] = [
    "video/x-matroska",
    "audio/x-matroska",
    "video/webm",
    "audio/webm",
    "video/quicktime",
    "audio/x-m4a",
    "video/x-flv",
    "video/x-msvideo",
];

/// Containers with an index, in which a time is found to the frame.
const INDEXED: [&str; 3] = ["video/x-matroska", "video/webm", "video/quicktime"];

/// Fields of caps that tell one codec from another of the same media type.
const CODEC_FIELDS: [&str; 7] = [
    "layout",
    "mpegversion",
    "layer",
    "wmaversion",
    "wmvversion",
    "divxversion",
    "msmpegversion",
];

/// The field of caps with the form of coded data, and its value for AAC in LATM.
const STREAM_FORMAT: &str = "stream-format";
const LATM: &str = "loas";

/// Returns the videos, without pictures such as the cover of an album.
pub fn videos(info: &DiscovererInfo) -> impl Iterator<Item = DiscovererVideoInfo> {
    info.video_streams()
        .into_iter()
        .filter(|video| !video.is_image())
}

/// Returns the streams of a file, and the error that ended the search, if any. The plain call returns
/// only one of them.
pub fn discover(uri: &str) -> Result<(DiscovererInfo, Option<glib::Error>), glib::Error> {
    let discoverer = Discoverer::new(TIMEOUT)?;
    let found = Arc::new(Mutex::new(None));
    let context = glib::MainContext::new();
    let discovered = context.with_thread_default(|| {
        let until_found = glib::MainLoop::new(Some(&context), false);
        discoverer.connect_discovered({
            let found = found.clone();
            move |_, info, error| {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                *found = Some((info.clone(), error.cloned()));
            }
        });
        discoverer.connect_finished({
            let until_found = until_found.clone();
            move |_| until_found.quit()
        });
        discoverer.start();
        if discoverer.discover_uri_async(uri).is_ok() {
            until_found.run();
        }
        discoverer.stop();
        found.lock().unwrap_or_else(PoisonError::into_inner).take()
    });
    discovered.ok().flatten().ok_or_else(|| {
        glib::Error::new(
            gst::CoreError::Failed,
            "GStreamer's discoverer did not answer",
        )
    })
}

/// Returns the length by the header, or estimated.
pub fn duration(info: &DiscovererInfo) -> Option<Time> {
    let duration = Time::from_nanos(info.duration()?.nseconds());
    (duration > Time::ZERO).then_some(duration)
}

/// Returns the language that a container names for a stream, if it names one. `named` are those that
/// stand in the headers of its tracks; in other containers GStreamer reads them.
pub fn spoken(audio: &DiscovererAudioInfo, named: Option<&Named>) -> Option<String> {
    let tag = match named {
        Some(named) => named
            .get(&inside::track_number(&audio.stream_id()?)?)?
            .clone(),
        None => audio.language().map(|tag| tag.to_string()),
    };
    language::shortest(&tag?).filter(|tag| tag != language::UNDETERMINED)
}

/// Returns whether titles of streams are those of tracks, and not of the whole file.
pub fn names_tracks(info: &DiscovererInfo) -> bool {
    let container = info.stream_info().as_ref().and_then(caps_name);
    let container = container.unwrap_or_default();
    container.ends_with("/x-matroska") || container.ends_with("/webm")
}

/// Returns the title in the tags of the container, or of the only stream.
pub fn file_title(info: &DiscovererInfo) -> Option<String> {
    let containers = info.container_streams();
    let container = containers.first().and_then(|container| container.tags());
    container.and_then(title).or_else(|| {
        let audio = info.audio_streams();
        let stream = audio.first().filter(|_| !names_tracks(info))?;
        stream.tags().and_then(title)
    })
}

/// Returns the title in tags.
pub fn title(tags: gst::TagList) -> Option<String> {
    Some(tags.get::<gst::tags::Title>()?.get().trim().to_string()).filter(|title| !title.is_empty())
}

/// Returns the frame rate of the renditions. Deinterlaced, fields become frames.
pub fn frame_rate(video: &DiscovererVideoInfo) -> (u32, u32) {
    let part = |part: i32| u32::try_from(part).unwrap_or(0);
    let rate = video.framerate();
    let fields = if video.is_interlaced() { 2 } else { 1 };
    ladder::frame_rate(
        part(rate.numer()).saturating_mul(fields),
        part(rate.denom()),
    )
}

/// Returns the frame rate that the container names.
pub fn named_rate(video: &DiscovererVideoInfo) -> Option<(u32, u32)> {
    let rate = video.framerate();
    let num = u32::try_from(rate.numer()).ok().filter(|num| *num > 0)?;
    Some((num, u32::try_from(rate.denom()).ok()?))
}

/// Returns the orientation in a video's tags.
pub fn orientation(video: &DiscovererVideoInfo) -> Option<Orientation> {
    let tags = video.tags()?;
    Orientation::of_tag(tags.get::<gst::tags::ImageOrientation>()?.get())
}

fn caps_name(stream: &DiscovererStreamInfo) -> Option<String> {
    let caps = stream.caps()?;
    Some(caps.structure(0)?.name().to_string())
}

/// Returns the media type of a stream, empty if there is none.
pub fn media_type(stream: &DiscovererStreamInfo) -> String {
    caps_name(stream).unwrap_or_default()
}

/// Returns the media type of a stream with the fields that name its codec. Others may be changed by
/// a parser.
pub fn codec(stream: &DiscovererStreamInfo) -> gst::Caps {
    let Some(caps) = stream.caps() else {
        return gst::Caps::new_empty();
    };
    caps.iter()
        .map(|all| {
            let mut named = gst::Structure::new_empty(all.name());
            for field in CODEC_FIELDS {
                if let Ok(value) = all.value(field) {
                    named.set_value(field, value.clone());
                }
            }
            // The only form of AAC that no parser makes another of (1.22).
            if all.get::<&str>(STREAM_FORMAT) == Ok(LATM) {
                named.set(STREAM_FORMAT, LATM);
            }
            named
        })
        .collect()
}

/// Returns the profile of a stream's codec, if GStreamer knows it.
pub fn profile(stream: &DiscovererStreamInfo) -> Option<String> {
    let caps = stream.caps()?;
    caps.structure(0)?.get("profile").ok()
}

/// Returns whether a decoder takes the stream. A stream in a container of its own, such as compressed
/// audio in a WAV file, is listed in both forms, and the inner one is decoded.
pub fn is_decodable(stream: &DiscovererStreamInfo) -> bool {
    let is_outer = stream.next().is_some();
    let caps = stream.caps();
    !is_outer && caps.is_some_and(|caps| caps.is_fixed() && !media_type(stream).is_empty())
}

/// Returns whether a stream comes out of decodebin.
pub fn is_delivered(stream: &DiscovererStreamInfo, delivered: &Delivered) -> bool {
    is_decodable(stream) && delivered.has(stream)
}

/// Returns the codecs of audio and video that are there and are not delivered, each once.
pub fn undecodable(path: &Path, info: &DiscovererInfo, delivered: &Delivered) -> Vec<String> {
    let mut names = delivered.unknown.clone();
    let audio = info.audio_streams().into_iter();
    let streams = audio
        .map(|audio| audio.upcast::<DiscovererStreamInfo>())
        .chain(videos(info).map(|video| video.upcast()));
    for stream in streams {
        if is_decodable(&stream)
            && !delivered.has(&stream)
            && let Some(caps) = stream.caps()
        {
            names.push(delivered::codec(&caps));
        }
    }
    names.extend(ignored(path, info));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Returns the codecs of streams in a transport stream that GStreamer's demuxer ignores: those of the
/// programs that it reads, of which it makes no stream.
fn ignored(path: &Path, info: &DiscovererInfo) -> Vec<String> {
    // "…:PROGRAM/PID", the latter in hexadecimal digits.
    let place = |id: &str| {
        let (program, pid) = id.rsplit_once(':')?.1.split_once('/')?;
        Some((program.parse().ok()?, u16::from_str_radix(pid, 16).ok()?))
    };
    let streams = info.stream_list().into_iter();
    let read: Vec<(u16, u16)> = streams
        .filter_map(|stream| place(&stream.stream_id()?))
        .collect();
    let is_ignored = |stream: &transport::Stream| {
        let is_read = read.contains(&(stream.program, stream.pid));
        !is_read && read.iter().any(|(program, _)| *program == stream.program)
    };
    let listed = File::open(path).and_then(|mut file| transport::streams(&mut file));
    let ignored = listed.unwrap_or_default().into_iter().filter(is_ignored);
    let names = ignored.map(|stream| format!("{} in MPEG-TS", stream.codec));
    names.collect()
}

/// Returns the length that the header promises.
pub fn promised(info: &DiscovererInfo) -> Option<Time> {
    let container = caps_name(&info.stream_info()?)?;
    duration(info).filter(|_| PROMISING.contains(&container.as_str()))
}

/// Returns whether the container has an index of times.
pub fn is_indexed(info: &DiscovererInfo) -> bool {
    let container = info.stream_info().as_ref().and_then(caps_name);
    container.is_some_and(|container| INDEXED.contains(&container.as_str()))
}

/// Returns whether a stream is encrypted.
pub fn is_encrypted(info: &DiscovererInfo) -> bool {
    info.missing_elements_installer_details()
        .iter()
        .any(|detail| detail.contains("x-cenc"))
}
