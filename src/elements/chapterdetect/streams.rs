// SPDX-License-Identifier: MPL-2.0

//! The streams: their pads, and the analysis of each buffer.

use gst_audio::AudioInfo;
use gst_video::{VideoFrameRef, VideoInfo};

use super::analysis::{Analysis, FORMATS, Naming};
use super::reader::Stopper;
use crate::slides::Change;
use crate::timeline::{Span, Time};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    Video,
    Audio,
    Text,
}

impl Medium {
    pub const ALL: [Medium; 3] = [Medium::Video, Medium::Audio, Medium::Text];

    pub fn sink(self) -> &'static str {
        match self {
            Medium::Video => "video_sink",
            Medium::Audio => "audio_sink",
            Medium::Text => "text_sink",
        }
    }

    pub fn src(self) -> &'static str {
        match self {
            Medium::Video => "video_src",
            Medium::Audio => "audio_src",
            Medium::Text => "text_src",
        }
    }

    pub fn caps(self) -> gst::Caps {
        match self {
            Medium::Video => gst_video::VideoCapsBuilder::new()
                .format_list(FORMATS)
                .build(),
            Medium::Audio => gst_audio::AudioCapsBuilder::new_interleaved()
                .format_list([gst_audio::AudioFormat::S16le, gst_audio::AudioFormat::F32le])
                .build(),
            Medium::Text => text_caps(),
        }
    }
}

pub fn text_caps() -> gst::Caps {
    gst::Caps::builder("text/x-raw")
        .field("format", "utf8")
        .build()
}

/// The relevant part of a stream's caps.
pub enum Format {
    Video(VideoInfo),
    Audio(AudioInfo),
    Text,
}

/// A pair of pads and the state of its stream.
pub struct Pair {
    pub medium: Medium,
    pub sink: gst::Pad,
    pub src: gst::Pad,
    pub format: Option<Format>,
    pub segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    pub eos: bool,
}

impl Format {
    pub fn of(medium: Medium, caps: &gst::CapsRef) -> Option<Self> {
        match medium {
            Medium::Video => VideoInfo::from_caps(caps).ok().map(Format::Video),
            Medium::Audio => AudioInfo::from_caps(caps).ok().map(Format::Audio),
            Medium::Text => Some(Format::Text),
        }
    }
}

impl Pair {
    pub fn new(medium: Medium, sink: &gst::Pad, src: &gst::Pad) -> Self {
        Pair {
            medium,
            sink: sink.clone(),
            src: src.clone(),
            format: None,
            segment: None,
            eos: false,
        }
    }
}

#[derive(Default)]
pub struct State {
    pub pairs: Vec<Pair>,
    pub analysis: Option<Analysis>,
    /// Segment of the stream; the first stream's segment is used for the chapters, too.
    pub segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// Whether STREAM_START and CAPS of the chapters have been queued.
    pub started: bool,
    /// Whether the chapters and EOS have been queued, or will be once the slides have been read.
    pub finished: bool,
    /// Stops the reading of slides for which the chapters wait.
    pub reading: Option<Stopper>,
    /// The last flush sent to `chapter_src`: it arrives once on every pad.
    pub flush: Option<gst::Seqnum>,
    /// Whether `chapter_src` has received FLUSH_START but not FLUSH_STOP.
    pub flushing: bool,
}

impl State {
    pub fn pair(&mut self, medium: Medium) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.medium == medium)
    }

    /// Discards all findings; the pads stay. The analysis is returned to be dropped without the lock.
    #[must_use]
    pub fn forget(&mut self) -> Option<Analysis> {
        let analysis = self.forget_findings();
        for pair in &mut self.pairs {
            pair.segment = None;
        }
        analysis
    }

    /// Discards the findings after a flush of one pair. The others keep their segments: they may be
    /// flushed already, so that theirs are the new ones. The end of the analysis waits for a thread:
    /// it is returned to be dropped without the lock.
    #[must_use]
    pub fn forget_findings(&mut self) -> Option<Analysis> {
        self.reading = None;
        self.segment = None;
        self.finished = false;
        for pair in &mut self.pairs {
            pair.eos = false;
        }
        self.analysis.take()
    }

    /// Records how far a stream has come; returns that as a position of the chapters' segment.
    pub fn reach(&mut self, medium: Medium, end: gst::ClockTime) -> Option<gst::ClockTime> {
        let segment = self.pair(medium)?.segment.as_ref()?;
        let end = segment.to_stream_time(segment.stop().map_or(end, |stop| end.min(stop)))?;
        self.analysis
            .as_mut()?
            .reach(Time::from_nanos(end.nseconds()));
        self.segment.as_ref()?.position_from_stream_time(end)
    }

    /// Analyses a buffer; returns new slide changes and the position of the stream.
    pub fn analyse(
        &mut self,
        medium: Medium,
        buffer: &gst::BufferRef,
        (sensitivity, naming): (f64, &Naming),
    ) -> Result<(Vec<Change>, Option<gst::ClockTime>), String> {
        let State {
            pairs, analysis, ..
        } = self;
        let analysis = analysis.get_or_insert_with(|| Analysis::new(sensitivity, naming));
        let Some(pair) = pairs.iter().find(|pair| pair.medium == medium) else {
            return Ok((Vec::new(), None));
        };
        // A buffer without a time, outside of the segment or out of order is not analysed.
        let (Some(pts), Some(segment)) = (buffer.pts(), &pair.segment) else {
            return Ok((Vec::new(), None));
        };
        let Some(time) = segment.to_stream_time(pts).filter(|_| segment.rate() > 0.0) else {
            return Ok((Vec::new(), None));
        };
        let time = Time::from_nanos(time.nseconds());
        let duration = buffer.duration().map(|d| Time::from_nanos(d.nseconds()));
        let mut changes = Vec::new();
        match &pair.format {
            Some(Format::Video(info)) => {
                let frame =
                    VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(|error| {
                        format!("video_sink got a frame that does not fit its caps: {error}")
                    })?;
                changes = analysis.look(&frame, time, duration);
            }
            Some(Format::Audio(info)) => {
                let map = buffer.map_readable().map_err(|error| {
                    format!("audio_sink got a buffer that cannot be read: {error}")
                })?;
                if !buffer.flags().contains(gst::BufferFlags::GAP) {
                    analysis.listen(info, &map, time);
                }
            }
            Some(Format::Text) => {
                let map = buffer.map_readable().map_err(|error| {
                    format!("text_sink got a buffer that cannot be read: {error}")
                })?;
                let end = time.saturating_add(duration.unwrap_or_default());
                analysis.read(Span::new(time, end), &String::from_utf8_lossy(&map));
            }
            None => return Err(format!("{} got data before caps", medium.sink())),
        }
        let end = pts.saturating_add(buffer.duration().unwrap_or(gst::ClockTime::ZERO));
        Ok((changes, self.reach(medium, end)))
    }
}
