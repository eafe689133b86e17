// SPDX-License-Identifier: MPL-2.0

//! What an input holds, asked before a pipeline is made for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gst::glib;
use gst_pbutils::prelude::*;
use gst_pbutils::{
    Discoverer, DiscovererAudioInfo, DiscovererInfo, DiscovererResult, DiscovererStreamInfo,
    DiscovererVideoInfo,
};
use gstlecture::language;
use gstlecture::package::ladder;
use gstlecture::record::inside;
use gstlecture::source::edits::{self, Overlay};
use gstlecture::source::orientation::Orientation;
use gstlecture::source::{transport, wav};
use gstlecture::timeline::{FrameRate, Time};

use crate::error::Error;
use crate::media::delivered::{self, Delivered};
use crate::media::measured_rate;
use crate::media::mp4;

/// Languages by the numbers of tracks.
type Named = BTreeMap<u64, Option<String>>;

/// How long a file may take to show its first pictures.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// Containers whose header says how long the recording is. Others are measured or guessed from the
/// bytes that there are, which promises nothing.
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

#[derive(Debug)]
pub struct Input {
    pub path: PathBuf,
    /// The name that the user gave, without its ending.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// How long it says or seems to be.
    pub duration: Option<Time>,
    /// How long its header promises it to be.
    pub promised: Option<Time>,
    /// Whether its format says where to find a time.
    pub is_indexed: bool,
    /// Whether GStreamer reads it rightly only through `mp4editsrc`.
    pub is_rewritten: bool,
    /// Whether GStreamer reads it rightly only in one go: behind a tee, which does not let
    /// it be read from several places. A queue does the same, but a query of filesrc now and then waits
    /// in it for ever (GStreamer 1.22).
    pub is_padded: bool,
    /// Whether it is rewritten for its edit lists.
    pub has_edits: bool,
    /// The title in its tags.
    pub title: Option<String>,
    pub video: Option<Video>,
    pub audio: Vec<Audio>,
    pub texts: Vec<Text>,
    /// The videos beside the one that is taken: their numbers, from 1, and sizes.
    pub other_videos: Vec<(usize, String)>,
    /// Codecs of audio and video that nothing here decodes, each once.
    pub undecodable: Vec<String>,
}

/// A track of subtitles.
#[derive(Debug)]
pub struct Text {
    /// The media type of the stream.
    pub caps: String,
    /// As a BCP 47 or ISO 639 tag.
    pub language: Option<String>,
}

#[derive(Debug)]
pub struct Video {
    /// Its number among the videos of the recording, from 1.
    pub number: usize,
    /// Width and height as encoded, in pixels.
    pub size: (u32, u32),
    /// The media type of the encoded stream.
    pub caps: String,
    pub interlaced: bool,
    /// How its frames are to be turned to be upright.
    pub orientation: Option<Orientation>,
    /// Whether GStreamer does not know that.
    pub is_rolled: bool,
    /// The rate that its renditions get.
    pub frame_rate: (u32, u32),
    /// Its own rate, if the container names none and its frames have one.
    pub measured_rate: Option<(u32, u32)>,
    /// Its stream, if the container names no rate.
    unrated: Option<String>,
}

#[derive(Debug)]
pub struct Audio {
    /// The media type of the encoded stream.
    pub caps: String,
    pub title: Option<String>,
    /// A tag of BCP 47.
    pub language: Option<String>,
}

impl Video {
    fn new((index, video): (usize, DiscovererVideoInfo)) -> Self {
        Video {
            number: index + 1,
            size: (video.width(), video.height()),
            caps: media_type(video.upcast_ref()),
            interlaced: video.is_interlaced(),
            orientation: orientation(&video),
            is_rolled: false,
            frame_rate: frame_rate(&video),
            measured_rate: None,
            unrated: video
                .stream_id()
                .filter(|_| video.framerate().numer() == 0)
                .map(|id| id.to_string()),
        }
    }

    /// Measures the frame rate if the container names none.
    fn measure_rate(&mut self, path: &Path) {
        let unrated = self.unrated.as_deref();
        self.measured_rate = unrated.and_then(|id| measured_rate::measure(path, id));
        if let Some((num, den)) = self.measured_rate {
            self.frame_rate = ladder::frame_rate(num, den);
        }
    }
}

impl Input {
    /// Whether frames are to be turned to be upright.
    pub fn is_turned(&self) -> bool {
        let video = self.video.as_ref();
        video.is_some_and(|video| video.orientation.is_some())
    }

    /// Returns the description of the elements that read the file; the one named `recording` takes its
    /// location.
    pub fn reader(&self) -> &'static str {
        match (self.is_rewritten, self.is_padded) {
            (true, _) => "mp4editsrc name=recording",
            (false, true) => "filesrc name=recording ! tee",
            (false, false) => "filesrc name=recording",
        }
    }

    /// The tag that tells GStreamer how frames are to be turned, as `taginject` takes it, if it does not
    /// know.
    pub fn unread_orientation(&self) -> Option<String> {
        let video = self.video.as_ref().filter(|video| video.is_rolled)?;
        let tag = video.orientation?.tag();
        Some(format!("image-orientation={tag}"))
    }

    /// The pad of decodebin and parsebin that has the video, if there are several: they number them from
    /// 0, those of video first.
    pub fn video_pad(&self) -> Option<String> {
        let video = self
            .video
            .as_ref()
            .filter(|_| !self.other_videos.is_empty())?;
        Some(format!("src_{}", video.number - 1))
    }

    /// The languages that are spoken: that of the first sound is what the user `told`, where he did.
    /// None where one is unknown.
    pub fn spoken(&self, told: Option<&str>) -> Vec<String> {
        let mut sounds = self.audio.iter();
        let first = sounds
            .next()
            .map(|first| told.map(str::to_owned).or_else(|| first.language.clone()));
        let others = sounds.map(|sound| sound.language.clone());
        let languages: Option<Vec<String>> = first.into_iter().chain(others).collect();
        languages.unwrap_or_default()
    }

    /// The frame rate of the renditions, where there is a picture: cuts are made between frames.
    pub fn frame_rate(&self) -> Option<FrameRate> {
        let (num, den) = self.video.as_ref()?.frame_rate;
        FrameRate::new(num, den)
    }

    /// Takes the video of this number, or the largest one.
    fn take_video(
        &mut self,
        info: &DiscovererInfo,
        delivered: &Delivered,
        wanted: Option<usize>,
    ) -> Result<(), Error> {
        let delivered = |video: &DiscovererVideoInfo| is_delivered(video.upcast_ref(), delivered);
        let found = videos(info).filter(delivered);
        // A stream in two forms is listed with both.
        let (sized, others): (Vec<_>, Vec<_>) = found.partition(|video| video.width() > 0);
        let found = match sized.is_empty() {
            true => others.into_iter().take(1).collect(),
            false => sized,
        };
        let found: Vec<Video> = found.into_iter().enumerate().map(Video::new).collect();
        let count = found.len();
        // The first of several that are equally large.
        let area = |video: &Video| u64::from(video.size.0) * u64::from(video.size.1);
        let largest = found.iter().rev().max_by_key(|video| area(video));
        let number = wanted.or(largest.map(|video| video.number));
        for video in found {
            if Some(video.number) == number {
                self.video = Some(video);
            } else {
                let (width, height) = video.size;
                self.other_videos
                    .push((video.number, format!("{width}x{height}")));
            }
        }
        if let Some(video) = self
            .video
            .as_mut()
            .filter(|video| video.orientation.is_none())
        {
            let file = File::open(&self.path).ok();
            let read = |mut file| {
                Orientation::read_matroska(&mut file, video.number)
                    .or_else(|| Orientation::read_mp4(&mut file, video.number))
            };
            video.orientation = file.and_then(read);
            video.is_rolled = video.orientation.is_some();
        }
        if let Some(video) = &mut self.video {
            video.measure_rate(&self.path);
        }
        match (&self.video, wanted) {
            (None, Some(wanted)) => Err(Error::request(
                format!("there is no video {wanted}, the recording has {count}"),
                self.path.display().to_string(),
                "name another one, or leave out video=",
            )),
            _ => Ok(()),
        }
    }

    /// Opens `path` and finds its streams; of several videos it takes the one of the number `wanted`, from
    /// 1, or the largest.
    pub fn probe(path: &str, wanted: Option<usize>) -> Result<Self, Error> {
        let given = Path::new(path);
        let name = given.file_stem().unwrap_or_default().to_string_lossy();
        let path = fs::canonicalize(given).map_err(|error| Error::reading(given, &error))?;
        let place = path.display().to_string();
        let metadata = fs::metadata(&path).map_err(|error| Error::reading(&path, &error))?;
        if metadata.is_dir() {
            return Err(Error::request("this is a folder", place, "name a file"));
        }
        // To open a pipe is to wait for its writer, and what comes of it comes only once.
        if !metadata.is_file() {
            let what = "this is a pipe or a device, but a recording is read more than once";
            return Err(Error::request(what, place, "name a file"));
        }
        File::open(&path).map_err(|error| Error::reading(&path, &error))?;
        if metadata.len() == 0 {
            return Err(Error::request(
                "the file is empty",
                place,
                "record or copy it again",
            ));
        }
        let uri = glib::filename_to_uri(&path, None)
            .map_err(|error| Error::request(error.to_string(), &*place, "rename the file"))?;
        let (info, error) = discover(&uri).map_err(|error| unreadable(&path, &error))?;
        if is_encrypted(&info) {
            return Err(encrypted(&place));
        }
        let is_padded = File::open(&path).is_ok_and(|mut file| wav::ends_padded(&mut file));
        let delivered = Delivered::ask(&path, is_padded);
        let mut undecodable = undecodable(&info, &delivered);
        for codec in ignored(&path, &info) {
            if !undecodable.contains(&codec) {
                undecodable.push(codec);
            }
        }
        let has = |is_video| match is_video {
            true => videos(&info).any(|video| is_decodable(video.upcast_ref())),
            false => !info.audio_streams().is_empty(),
        };
        let named = File::open(&path)
            .ok()
            .and_then(|file| inside::languages(&mut BufReader::new(file)));
        let overlay = File::open(&path)
            .ok()
            .and_then(|mut file| edits::overlay(&mut file));
        let has_edits = overlay.as_ref().is_some_and(Overlay::changes_edits);
        if let Some(error) = left_out(&path, has_edits, has) {
            return Err(error);
        }
        if let Some(error) = error {
            if let Some(error) = no_decoder(&place, &undecodable) {
                return Err(error);
            }
            return Err(cut_off(&path).unwrap_or_else(|| unreadable(&path, &error)));
        }
        let mut input = Input {
            size: metadata.len(),
            duration: info.duration().map(time).filter(|time| *time > Time::ZERO),
            promised: promised(&info),
            // A time of the recording is not one of its media then.
            is_indexed: is_indexed(&info) && !has_edits,
            is_rewritten: overlay.is_some(),
            is_padded,
            has_edits,
            title: file_title(&info),
            other_videos: Vec::new(),
            texts: info
                .subtitle_streams()
                .into_iter()
                .map(|text| Text {
                    caps: media_type(text.upcast_ref()),
                    language: text.language().map(|language| language.to_string()),
                })
                .collect(),
            video: None,
            audio: info
                .audio_streams()
                .into_iter()
                .filter(|audio| is_delivered(audio.upcast_ref(), &delivered))
                .map(|audio| Audio {
                    caps: media_type(audio.upcast_ref()),
                    title: audio.tags().and_then(title).filter(|_| names_tracks(&info)),
                    language: spoken(&audio, named.as_ref()),
                })
                .collect(),
            undecodable,
            path,
            name: name.into_owned(),
        };
        input.take_video(&info, &delivered, wanted)?;
        if input.video.is_none() && input.audio.is_empty() {
            let error = cut_off(&input.path).or_else(|| no_decoder(&place, &input.undecodable));
            return Err(error.unwrap_or_else(|| no_stream(&place, &info)));
        }
        Ok(input)
    }

    /// How long it is, as far as is known. What was written live has no length in its header:
    /// GStreamer takes that of all but the last piece, and the analysis found more.
    pub fn length(&self, analysed: Option<Time>) -> Option<Time> {
        let promised = self.promised?;
        Some(promised.max(analysed.unwrap_or_default()))
    }

    /// What was promised and what came, where much less came.
    pub fn truncated(&self, delivered: Time) -> Option<(Time, Time)> {
        let promised = self.promised?;
        // Headers round, and count streams that are not played to their end.
        let tolerance = Time::from_secs_f64((promised.secs_f64() * 0.01).max(1.0));
        (delivered.saturating_add(tolerance) < promised).then_some((promised, delivered))
    }
}

fn videos(info: &DiscovererInfo) -> impl Iterator<Item = DiscovererVideoInfo> {
    info.video_streams()
        .into_iter()
        .filter(|video| !video.is_image())
}

/// What can be found out of a file, and what went wrong with the rest. The plain call gives either
/// one or the other.
fn discover(uri: &str) -> Result<(DiscovererInfo, Option<glib::Error>), glib::Error> {
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

fn time(time: gst::ClockTime) -> Time {
    Time::from_nanos(time.nseconds())
}

/// Returns the language that a container names for a stream, if it names one. `named` are those that
/// stand in the headers of its tracks; in other containers GStreamer reads them.
fn spoken(audio: &DiscovererAudioInfo, named: Option<&Named>) -> Option<String> {
    let tag = match named {
        Some(named) => named
            .get(&inside::track_number(&audio.stream_id()?)?)?
            .clone(),
        None => audio.language().map(|tag| tag.to_string()),
    };
    language::shortest(&tag?).filter(|tag| tag != language::UNDETERMINED)
}

/// Whether titles of streams are those of its tracks, and not of the whole file.
fn names_tracks(info: &DiscovererInfo) -> bool {
    let container = info.stream_info().as_ref().and_then(caps_name);
    let container = container.unwrap_or_default();
    container.ends_with("/x-matroska") || container.ends_with("/webm")
}

/// The title in the tags of the container, or of the only stream.
fn file_title(info: &DiscovererInfo) -> Option<String> {
    let containers = info.container_streams();
    let container = containers.first().and_then(|container| container.tags());
    container.and_then(title).or_else(|| {
        let audio = info.audio_streams();
        let stream = audio.first().filter(|_| !names_tracks(info))?;
        stream.tags().and_then(title)
    })
}

fn title(tags: gst::TagList) -> Option<String> {
    Some(tags.get::<gst::tags::Title>()?.get().trim().to_string()).filter(|title| !title.is_empty())
}

/// The rate of the renditions. Deinterlaced, fields become frames.
fn frame_rate(video: &DiscovererVideoInfo) -> (u32, u32) {
    let part = |part: i32| u32::try_from(part).unwrap_or(0);
    let rate = video.framerate();
    let fields = if video.is_interlaced() { 2 } else { 1 };
    ladder::frame_rate(
        part(rate.numer()).saturating_mul(fields),
        part(rate.denom()),
    )
}

/// The orientation in a video's tags.
fn orientation(video: &DiscovererVideoInfo) -> Option<Orientation> {
    let tags = video.tags()?;
    Orientation::of_tag(tags.get::<gst::tags::ImageOrientation>()?.get())
}

fn caps_name(stream: &DiscovererStreamInfo) -> Option<String> {
    let caps = stream.caps()?;
    Some(caps.structure(0)?.name().to_string())
}

fn media_type(stream: &DiscovererStreamInfo) -> String {
    caps_name(stream).unwrap_or_default()
}

/// A stream in a form that no decoder takes is listed with the form it has then; one that lies in a
/// container of its own, as what is compressed in a WAV file, is listed with both, and the inner
/// one is decoded.
fn is_decodable(stream: &DiscovererStreamInfo) -> bool {
    let is_outer = stream.next().is_some();
    let caps = stream.caps();
    !is_outer && caps.is_some_and(|caps| caps.is_fixed() && !media_type(stream).is_empty())
}

/// Whether a stream comes out of decodebin.
fn is_delivered(stream: &DiscovererStreamInfo, delivered: &Delivered) -> bool {
    is_decodable(stream) && delivered.has(stream)
}

/// Returns the codecs of audio and video that are there and are not delivered, each once.
fn undecodable(info: &DiscovererInfo, delivered: &Delivered) -> Vec<String> {
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
    let mut seen = std::collections::BTreeSet::new();
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

fn promised(info: &DiscovererInfo) -> Option<Time> {
    let container = caps_name(&info.stream_info()?)?;
    let promises = PROMISING.contains(&container.as_str());
    info.duration()
        .map(time)
        .filter(|duration| promises && *duration > Time::ZERO)
}

fn is_indexed(info: &DiscovererInfo) -> bool {
    let container = info.stream_info().as_ref().and_then(caps_name);
    container.is_some_and(|container| INDEXED.contains(&container.as_str()))
}

fn unreadable(path: &Path, error: &glib::Error) -> Error {
    let place = path.display().to_string();
    let place = place.as_str();
    // WrongType is said of text.
    if error.matches(gst::StreamError::TypeNotFound) || error.matches(gst::StreamError::WrongType) {
        Error::request(
            "this is not audio or video of a known kind",
            place,
            "name the recording",
        )
    } else if error.matches(gst::StreamError::Decrypt)
        || error.matches(gst::StreamError::DecryptNokey)
    {
        encrypted(place)
    } else {
        Error::request(
            format!("the file cannot be read ({})", error.message()),
            place,
            "if it plays elsewhere, convert it: ffmpeg -i INPUT OUTPUT.mkv; if not, it is damaged or was \
             cut off while being written: copy or record it again",
        )
    }
}

/// An MP4 that ends inside a box has lost its index where that stood at its end.
fn cut_off(path: &Path) -> Option<Error> {
    let (promised, there) = mp4::promised_bytes(&mut File::open(path).ok()?)?;
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    (there < promised).then(|| {
        Error::request(
            format!(
                "the recording is cut off: its header declares {}, but only {} are present, \
                 its index is missing",
                megabytes(promised),
                megabytes(there)
            ),
            path.display().to_string(),
            "copy it again",
        )
    })
}

/// Returns the error of an MP4 of which GStreamer would leave something out. A copy of its streams would
/// bring back what an edit list hides, so that the remedy is to encode it.
fn left_out(path: &Path, has_overlay: bool, has: impl Fn(bool) -> bool) -> Option<Error> {
    let (whole, tracks) = mp4::tracks(&mut File::open(path).ok()?)?;
    let why = taken_for_a_preview(whole, &tracks, has)
        .or_else(|| ends_early(&tracks).filter(|_| !has_overlay))?;
    Some(Error::request(
        why,
        path.display().to_string(),
        "export it again without an edit list, for example: ffmpeg -i INPUT -crf 18 OUTPUT.mkv",
    ))
}

/// GStreamer takes a track of an MP4 that lasts less than a fifth of the whole for a preview. One that
/// begins late, behind an empty edit, may be all that there is.
fn taken_for_a_preview(
    whole: f64,
    tracks: &[mp4::Track],
    has: impl Fn(bool) -> bool,
) -> Option<String> {
    let is_left_out = |track: &&mp4::Track| track.lasts * 5.0 <= whole && !has(track.is_video);
    let track = tracks.iter().find(is_left_out)?;
    let name = if track.is_video { "pictures" } else { "sound" };
    Some(format!(
        "the {name} of this MP4 last {} of {} and begin late or end early: GStreamer takes so short \
         a track for a preview and leaves it out",
        Time::from_secs_f64(track.lasts).clock(),
        Time::from_secs_f64(whole).clock(),
    ))
}

/// GStreamer (1.22) ends a track of an MP4 where another is two seconds farther in its media, also where
/// an edit list has that one begin so far in: as cutting programs leave it that copy.
fn ends_early(tracks: &[mp4::Track]) -> Option<String> {
    const FARTHER: f64 = 2.0;
    let skips = tracks.iter().map(|track| track.skips).fold(0.0, f64::max);
    (tracks.len() > 1 && skips > FARTHER).then(|| {
        format!(
            "the edit list of this MP4 skips its first {}: GStreamer would leave out the end of the \
             sound or of the pictures",
            Time::from_secs_f64(skips).clock(),
        )
    })
}

fn is_encrypted(info: &DiscovererInfo) -> bool {
    info.missing_elements_installer_details()
        .iter()
        .any(|detail| detail.contains("x-cenc"))
}

fn encrypted(place: &str) -> Error {
    Error::request("the file is encrypted", place, "decrypt it first")
}

/// What ends the job if nothing that is there can be decoded.
fn no_decoder(place: &str, undecodable: &[String]) -> Option<Error> {
    (!undecodable.is_empty()).then(|| {
        Error::request(
            format!("there is no decoder for {}", undecodable.join(", ")),
            place,
            "install the GStreamer plugin, or convert it: ffmpeg -i INPUT OUTPUT.mkv",
        )
    })
}

fn no_stream(place: &str, info: &DiscovererInfo) -> Error {
    let missing = info.missing_elements_installer_details();
    // "gstreamer|1.0|PROGRAM|WHAT|TYPE", for package installers.
    let missing: Vec<&str> = missing
        .iter()
        .filter_map(|detail| detail.split('|').nth(3))
        .collect();
    if info.result() == DiscovererResult::MissingPlugins && !missing.is_empty() {
        Error::request(
            format!(
                "nothing here can decode it (missing: {})",
                missing.join(", ")
            ),
            place,
            "convert it, or install the GStreamer plugin",
        )
    } else {
        Error::request(
            "it contains neither audio nor video",
            place,
            "name the recording",
        )
    }
}
