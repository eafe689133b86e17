// SPDX-License-Identifier: MPL-2.0

//! The streams: their pads, the cues and the sounds in them.

use gst_audio::{AudioFormat, AudioInfo};

use crate::captions::Heard;
use crate::elements::shared::cue_meta::CueMeta;
use crate::speech::{Kind, Listener};
use crate::timeline::{Span, Time, union};
use crate::webvtt::{self, Cue};

/// Score from which an audio frame counts as a voice.
const SPEECH: f32 = 0.5;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    Audio,
    Text,
}

impl Medium {
    pub const ALL: [Medium; 2] = [Medium::Audio, Medium::Text];

    pub fn sink(self) -> &'static str {
        match self {
            Medium::Audio => "audio_sink",
            Medium::Text => "text_sink",
        }
    }

    pub fn src(self) -> &'static str {
        match self {
            Medium::Audio => "audio_src",
            Medium::Text => "text_src",
        }
    }

    pub fn caps(self) -> gst::Caps {
        match self {
            Medium::Audio => gst_audio::AudioCapsBuilder::new_interleaved()
                .format_list([AudioFormat::S16le, AudioFormat::F32le])
                .build(),
            Medium::Text => gst::Caps::builder("text/x-raw")
                .field("format", gst::List::new(["utf8", "pango-markup"]))
                .build(),
        }
    }
}

/// The relevant part of a stream's caps.
pub enum Format {
    Audio(Box<AudioInfo>),
    Plain,
    Markup,
}

impl Format {
    pub fn of(medium: Medium, caps: &gst::CapsRef) -> Option<Self> {
        let is_markup = |structure: &gst::StructureRef| {
            structure.get::<&str>("format").ok() == Some("pango-markup")
        };
        match medium {
            Medium::Audio => AudioInfo::from_caps(caps)
                .ok()
                .map(|info| Format::Audio(Box::new(info))),
            Medium::Text if caps.structure(0).is_some_and(is_markup) => Some(Format::Markup),
            Medium::Text => Some(Format::Plain),
        }
    }
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

/// What has passed of all streams.
#[derive(Default)]
pub struct Collected {
    pub cues: Vec<Cue>,
    listener: Option<Listener>,
}

#[derive(Default)]
pub struct State {
    pub pairs: Vec<Pair>,
    pub collected: Collected,
    /// Whether the findings have been posted.
    pub finished: bool,
}

impl State {
    pub fn pair(&mut self, medium: Medium) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.medium == medium)
    }

    /// Forgets one stream, after a flush.
    pub fn forget(&mut self, medium: Medium) {
        self.finished = false;
        if let Some(pair) = self.pair(medium) {
            pair.segment = None;
            pair.eos = false;
        }
        match medium {
            Medium::Audio => self.collected.listener = None,
            Medium::Text => self.collected.cues.clear(),
        }
    }

    /// Takes in a buffer. One without a time, outside of the segment or played backwards is ignored.
    pub fn take(&mut self, medium: Medium, buffer: &gst::BufferRef) -> Result<(), String> {
        let State {
            pairs, collected, ..
        } = self;
        let Some(pair) = pairs.iter().find(|pair| pair.medium == medium) else {
            return Ok(());
        };
        let Some(format) = &pair.format else {
            return Err(format!("{} got data before caps", medium.sink()));
        };
        let forward = pair.segment.as_ref().filter(|segment| segment.rate() > 0.0);
        let (Some(pts), Some(segment)) = (buffer.pts(), forward) else {
            return Ok(());
        };
        let time = |time: gst::ClockTime| {
            let time = segment.to_stream_time(time)?;
            Some(Time::from_nanos(time.nseconds()))
        };
        let Some(start) = time(pts) else {
            return Ok(());
        };
        let map = buffer
            .map_readable()
            .map_err(|_| format!("{} got a buffer that cannot be read", medium.sink()))?;
        match format {
            Format::Audio(info) if !buffer.flags().contains(gst::BufferFlags::GAP) => {
                collected.listen(info, &map, start);
            }
            Format::Audio(_) => {}
            Format::Plain | Format::Markup => {
                let end = pts.saturating_add(buffer.duration().unwrap_or_default());
                // A cue may outlast the segment.
                let end = time(segment.stop().map_or(end, |stop| end.min(stop)));
                let text = String::from_utf8_lossy(&map);
                let text = text.trim_end_matches('\0');
                let meta = CueMeta::get(buffer);
                collected.cues.push(Cue {
                    span: Span::new(start, end.unwrap_or(start)),
                    text: match (meta, format) {
                        (Some(meta), _) => meta.text,
                        (None, Format::Plain) => webvtt::escape(text),
                        (None, _) => text.to_owned(),
                    },
                    ..Cue::default()
                });
            }
        }
        Ok(())
    }
}

impl Collected {
    /// Analyses interleaved samples.
    fn listen(&mut self, info: &AudioInfo, bytes: &[u8], time: Time) {
        let samples: Vec<f32> = match info.format() {
            AudioFormat::S16le => {
                let samples = bytes.as_chunks().0.iter();
                let samples = samples.map(|&bytes| i16::from_le_bytes(bytes));
                samples.map(|sample| f32::from(sample) / 32768.0).collect()
            }
            _ => {
                let samples = bytes.as_chunks().0.iter();
                samples.map(|&bytes| f32::from_le_bytes(bytes)).collect()
            }
        };
        let listener = self.listener.get_or_insert_with(|| Listener::new(SPEECH));
        let channels = info.channels() as usize;
        listener.push(time, info.rate(), channels, &samples);
    }

    /// Returns the sounds; `None` if there was no audio.
    pub fn heard(&mut self) -> Option<Heard> {
        let mut listener = self.listener.take()?;
        listener.finish();
        let sounds = listener.drain();
        let of = |kind: Kind| {
            let sounds = sounds.iter().filter(move |sound| sound.kind == kind);
            union(sounds.map(|sound| sound.span))
        };
        Some(Heard {
            speech: of(Kind::Speech),
            music: of(Kind::Music),
            over_music: of(Kind::SpeechOverMusic),
        })
    }
}
