// SPDX-License-Identifier: MPL-2.0

//! A recording: its streams, and the way to read them.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use gst_pbutils::DiscovererVideoInfo;
use gst_pbutils::prelude::*;
use gstlecture::package::ladder;
use gstlecture::record::session::{Marked, Session};
use gstlecture::source::orientation::Orientation;
use gstlecture::source::pace;
use gstlecture::timeline::{FrameRate, Time};

use super::discovered::{codec, frame_rate, media_type, named_rate, orientation, profile};
use crate::error::Error;
use crate::media::measured_rate;
use crate::media::room::Room;

#[derive(Clone, Debug)]
pub struct Input {
    pub path: PathBuf,
    /// The name that the user gave, without its ending.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Length by the header, or estimated.
    pub duration: Option<Time>,
    /// Length by the header.
    pub promised: Option<Time>,
    /// Whether the container has an index of times.
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
    /// The session of which it is composed, if it is no file.
    pub room: Option<Room>,
    /// What people did while it was recorded, as far as it is known.
    pub marked: Marked,
}

/// A track of subtitles.
#[derive(Clone, Debug)]
pub struct Text {
    /// The media type of the stream.
    pub caps: String,
    /// As a BCP 47 or ISO 639 tag.
    pub language: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Video {
    /// Its number among the videos of the recording, from 1.
    pub number: usize,
    /// Width and height as encoded, in pixels.
    pub size: (u32, u32),
    /// The media type of the encoded stream.
    pub caps: String,
    /// The same, with the fields that name its codec.
    pub codec: gst::Caps,
    /// The profile of the codec, as GStreamer names it.
    pub profile: Option<String>,
    pub interlaced: bool,
    /// How its frames are to be turned to be upright.
    pub orientation: Option<Orientation>,
    /// Whether GStreamer does not know that.
    pub is_rolled: bool,
    /// The rate that its renditions get.
    pub frame_rate: (u32, u32),
    /// Its own rate, if the container names none or a mean, and its frames have one.
    pub measured_rate: Option<(u32, u32)>,
    /// The rate that the container names.
    named_rate: Option<(u32, u32)>,
    /// Its stream, as GStreamer names it.
    stream_id: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Audio {
    /// The media type of the encoded stream.
    pub caps: String,
    /// The same, with the fields that name its codec.
    pub codec: gst::Caps,
    pub title: Option<String>,
    /// A tag of BCP 47.
    pub language: Option<String>,
}

impl Video {
    pub(super) fn new((index, video): (usize, DiscovererVideoInfo)) -> Self {
        Video {
            number: index + 1,
            size: (video.width(), video.height()),
            caps: media_type(video.upcast_ref()),
            codec: codec(video.upcast_ref()),
            profile: profile(video.upcast_ref()),
            interlaced: video.is_interlaced(),
            orientation: orientation(&video),
            is_rolled: false,
            frame_rate: frame_rate(&video),
            measured_rate: None,
            named_rate: named_rate(&video),
            stream_id: video.stream_id().map(|id| id.to_string()),
        }
    }

    /// Makes the video that a room is composed to.
    fn composed(size: (u32, u32), frame_rate: (u32, u32)) -> Self {
        Video {
            number: 1,
            size,
            caps: "video/x-raw".into(),
            codec: gst::Caps::new_empty_simple("video/x-raw"),
            profile: None,
            interlaced: false,
            orientation: None,
            is_rolled: false,
            frame_rate,
            measured_rate: None,
            named_rate: None,
            stream_id: None,
        }
    }

    /// Measures the frame rate if the container names none, or the mean of one that varies.
    pub(super) fn measure_rate(&mut self, path: &Path) {
        let Some(id) = self.stream_id.as_deref() else {
            return;
        };
        self.measured_rate = match self.named_rate {
            None => measured_rate::measure(path, id),
            // Fields may come one by one.
            Some(named) if !self.interlaced && is_mean(path, self.number, id, named) => {
                measured_rate::measure(path, id).or(Some(ladder::frame_rate(0, 0)))
            }
            Some(_) => None,
        };
        if let Some((num, den)) = self.measured_rate {
            self.frame_rate = ladder::frame_rate(num, den);
        }
    }
}

/// Returns whether the rate that is named for a video is the mean of one that varies.
fn is_mean(path: &Path, number: usize, id: &str, named: (u32, u32)) -> bool {
    let file = File::open(path).ok();
    let listed = file.and_then(|file| pace::is_uneven(&mut BufReader::new(file), number));
    listed.unwrap_or_else(|| measured_rate::is_denser(path, id, named))
}

impl Input {
    /// Returns the recording that a composed room is.
    pub fn of_room(room: Room) -> Self {
        // One language if all tracks have the same.
        let mut languages = room
            .audios
            .iter()
            .map(|audio| audio.track.languages.first());
        let first = languages.next().flatten();
        let language = first.filter(|first| languages.all(|other| other == Some(first)));
        let language = language.cloned();
        Input {
            path: room.file.clone(),
            name: room.name.clone(),
            size: room.tracks().map(|track| track.size).sum(),
            duration: room.end(),
            promised: None,
            is_indexed: false,
            is_rewritten: false,
            is_padded: false,
            has_edits: false,
            title: None,
            video: (!room.videos.is_empty()).then(|| Video::composed(room.size, room.frame_rate)),
            audio: match room.audios.is_empty() {
                true => Vec::new(),
                false => vec![Audio {
                    caps: "audio/x-raw".into(),
                    codec: gst::Caps::new_empty_simple("audio/x-raw"),
                    title: None,
                    language,
                }],
            },
            texts: Vec::new(),
            other_videos: Vec::new(),
            undecodable: Vec::new(),
            marked: room.marked.clone(),
            room: Some(room),
        }
    }

    /// Returns it as the composite of a session.
    pub fn of_session(self, session: &Session) -> Self {
        Input {
            name: session.room.clone(),
            marked: session.marked(),
            ..self
        }
    }

    /// Returns what is analysed of it: of a room, the shared screens, and everybody's audio.
    pub fn analysed(&self) -> Cow<'_, Self> {
        let Some(room) = &self.room else {
            return Cow::Borrowed(self);
        };
        let screens = room.screens();
        Cow::Owned(Input {
            video: self.video.clone().filter(|_| !screens.videos.is_empty()),
            room: Some(screens),
            ..self.clone()
        })
    }

    /// Sets up a pipeline that was made for this input before it runs.
    pub fn place(&self, made: &gst::Pipeline) -> Result<(), Error> {
        self.room.as_ref().map_or(Ok(()), |room| room.place(made))
    }

    /// Returns whether frames have to be turned to be upright.
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

    /// Returns the tag by which GStreamer turns the frames, as `taginject` takes it, if it reads none
    /// itself.
    pub fn unread_orientation(&self) -> Option<String> {
        let video = self.video.as_ref().filter(|video| video.is_rolled)?;
        let tag = video.orientation?.tag();
        Some(format!("image-orientation={tag}"))
    }

    /// Returns the pad with the video of the element `source`, a decodebin or parsebin, if there are
    /// several videos. Pads are numbered from 0, those of video first.
    pub fn video_pad(&self) -> Option<String> {
        let video = self
            .video
            .as_ref()
            .filter(|_| !self.other_videos.is_empty())?;
        Some(format!("source.src_{}", video.number - 1))
    }

    /// Returns the languages that are spoken; that of the first audio is `told`, if the user named one.
    /// Empty if one of them is unknown.
    pub fn spoken(&self, told: Option<&str>) -> Vec<String> {
        let mut audios = self.audio.iter();
        let first = audios
            .next()
            .map(|first| told.map(str::to_owned).or_else(|| first.language.clone()));
        let others = audios.map(|audio| audio.language.clone());
        let languages: Option<Vec<String>> = first.into_iter().chain(others).collect();
        languages.unwrap_or_default()
    }

    /// Returns the frame rate of the renditions, if there is video: cuts are made between frames.
    pub fn frame_rate(&self) -> Option<FrameRate> {
        let (num, den) = self.video.as_ref()?.frame_rate;
        FrameRate::new(num, den)
    }

    /// Returns the length as far as is known. A file that was written live has none in its header:
    /// GStreamer returns the time of the last piece but one, and the analysis found more.
    pub fn length(&self, analysed: Option<Time>) -> Option<Time> {
        let promised = self.promised?;
        Some(promised.max(analysed.unwrap_or_default()))
    }
}
