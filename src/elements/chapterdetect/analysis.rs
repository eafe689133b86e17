// SPDX-License-Identifier: MPL-2.0

//! Findings of the streams so far, and the chapters made of them.

use gst_audio::AudioFormat;
use gst_video::{VideoFormat, VideoFrameExt};

use crate::chapters::{self, Chapter, Material, Options, SlideChange, TopicStart};
use crate::slides::{self, Change, Detector, Picture, Sensitivity};
use crate::speech::{Kind, Listener, trim};
use crate::timeline::{Span, Time};
use crate::topics::{self, Sentence};

/// Formats whose frames can be compared.
pub const FORMATS: [VideoFormat; 18] = [
    VideoFormat::I420,
    VideoFormat::Nv12,
    VideoFormat::Yv12,
    VideoFormat::Nv21,
    VideoFormat::Y42b,
    VideoFormat::Y444,
    VideoFormat::Yuy2,
    VideoFormat::Uyvy,
    VideoFormat::Yvyu,
    VideoFormat::Gray8,
    VideoFormat::Bgrx,
    VideoFormat::Rgbx,
    VideoFormat::Xrgb,
    VideoFormat::Xbgr,
    VideoFormat::Bgra,
    VideoFormat::Rgba,
    VideoFormat::Argb,
    VideoFormat::Abgr,
];

/// Score from which an audio frame counts as a voice.
const SPEECH: f32 = 0.5;

/// Source of titles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Naming {
    /// Chapters are numbered.
    Numbers,
    /// Titles come from the transcript, in this language or the detected one.
    Transcript(Option<String>),
}

pub struct Analysis {
    detector: Detector,
    slides: Vec<SlideChange>,
    listener: Listener,
    sentences: Vec<Sentence>,
    end: Time,
}

impl Analysis {
    pub fn new(sensitivity: f64) -> Self {
        Analysis {
            detector: Detector::new(Sensitivity::new(sensitivity)),
            slides: Vec::new(),
            listener: Listener::new(SPEECH),
            sentences: Vec::new(),
            end: Time::ZERO,
        }
    }

    /// Records that the stream has reached this time.
    pub fn reach(&mut self, time: Time) {
        self.end = self.end.max(time);
    }

    /// Analyses a video frame; returns the changes that have become certain.
    pub fn look(
        &mut self,
        frame: &gst_video::VideoFrameRef<&gst::BufferRef>,
        time: Time,
        shown_for: Option<Time>,
    ) -> Vec<Change> {
        let planes = slides::planes(frame.format().to_str(), |index| {
            let data = frame.plane_data(index as u32).ok()?;
            let stride = usize::try_from(*frame.plane_stride().get(index)?).ok()?;
            Some((data, stride))
        });
        let picture = Picture {
            width: frame.width() as usize,
            height: frame.height() as usize,
            planes: &planes,
        };
        let changes = self.detector.push(&picture, time, shown_for);
        self.note(&changes);
        changes
    }

    /// Ends the video; returns the changes that had not been certain.
    pub fn end_of_video(&mut self) -> Vec<Change> {
        let changes = self.detector.finish();
        self.note(&changes);
        changes
    }

    fn note(&mut self, changes: &[Change]) {
        self.slides.extend(changes.iter().map(|change| SlideChange {
            time: change.time,
            difference: change.difference,
            seen_before: change.same_as.is_some(),
            is_camera_cut: change.is_camera_cut,
        }));
    }

    /// Analyses interleaved samples.
    pub fn listen(&mut self, info: &gst_audio::AudioInfo, bytes: &[u8], time: Time) {
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
        let channels = info.channels() as usize;
        self.listener.push(time, info.rate(), channels, &samples);
    }

    /// Returns the findings about the audio so far, and removes them.
    fn heard(&mut self) -> trim::Evidence {
        self.listener.finish();
        let mut heard = trim::Evidence {
            slides: self
                .slides
                .iter()
                .map(|slide| Span::new(slide.time, slide.time))
                .collect(),
            ..trim::Evidence::default()
        };
        for sound in self.listener.drain() {
            match sound.kind {
                Kind::Speech => heard.speech.push(sound.span),
                Kind::Music => heard.music.push(sound.span),
                Kind::SpeechOverMusic => heard.over_music.push(sound.span),
            }
        }
        heard
    }

    /// Adds a cue of the transcript.
    pub fn read(&mut self, span: Span, text: &str) {
        if !text.trim().is_empty() {
            self.sentences.push(Sentence {
                span: Some(span),
                text: text.to_owned(),
            });
        }
    }

    /// Returns the chapters once everything has ended; none if nothing was seen or heard.
    pub fn chapters(&mut self, options: &Options, naming: &Naming) -> Vec<Chapter> {
        self.sentences
            .sort_by_key(|sentence| sentence.span.map(|span| span.start));
        let language = match naming {
            Naming::Numbers => None,
            Naming::Transcript(language) => language.clone(),
        };
        let boundaries = topics::segment(
            &self.sentences,
            &topics::Options {
                language: language.clone(),
                sensitivity: options.sensitivity,
                topics: None,
            },
        );
        let heard = self.heard();
        let class = trim::class(&heard).filter(|class| class.sustained);
        let material = Material {
            duration: self.end,
            class: class.map(|class| class.span),
            slides: std::mem::take(&mut self.slides),
            speech: heard.speech,
            topics: boundaries
                .into_iter()
                .filter_map(|boundary| {
                    Some(TopicStart {
                        time: boundary.time?,
                        confidence: boundary.confidence,
                    })
                })
                .collect(),
        };
        let mut chapters = chapters::plan(&material, options);
        if matches!(naming, Naming::Transcript(_)) {
            chapters::name(&mut chapters, &self.sentences, language.as_deref());
        }
        chapters
    }
}
