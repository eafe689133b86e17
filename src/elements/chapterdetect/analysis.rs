// SPDX-License-Identifier: MPL-2.0

//! Findings of the streams so far, and the chapters made of them.

use gst_audio::AudioFormat;
use gst_video::{VideoFormat, VideoFrameExt};

use super::reader::Stopper;
use super::slides::{SlideReader, Trouble};
use crate::chapters::{self, Chapter, Material, Options, SlideChange, TopicStart};
use crate::slides::{self, Change, Detector, Picture, Sensitivity};
use crate::speech::{Kind, Listener, trim};
use crate::timeline::{Span, Time};
use crate::titles::{Shown, ShownText};
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

/// Sources of titles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naming {
    /// Whether titles are read from the slides.
    pub from_slides: bool,
    /// Whether the other titles come from the transcript.
    pub from_transcript: bool,
    /// Whether all text of the slides is read.
    pub reads_text: bool,
    /// Language of both as a BCP 47 tag, if known.
    pub language: Option<String>,
}

pub struct Analysis {
    detector: Detector,
    changes: Vec<Change>,
    reader: Option<SlideReader>,
    listener: Listener,
    sentences: Vec<Sentence>,
    end: Time,
}

/// Results of the analysis of a recording.
#[derive(Default)]
pub struct Findings {
    pub chapters: Vec<Chapter>,
    /// Titles that were read from slides, doubtful ones too, in order of time.
    pub titles: Vec<Shown>,
    /// Text of the slides, in order of time.
    pub texts: Vec<ShownText>,
    /// Problem with reading, and whether it kept all slides from being read.
    pub trouble: Option<Trouble>,
}

impl Analysis {
    pub fn new(sensitivity: f64, naming: &Naming) -> Self {
        Analysis {
            detector: Detector::new(Sensitivity::new(sensitivity)),
            changes: Vec::new(),
            reader: (naming.from_slides || naming.reads_text)
                .then(|| SlideReader::new(naming.language.clone(), naming.reads_text)),
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
        if let Some(reader) = &mut self.reader {
            reader.look(frame, time, &changes);
        }
        self.changes.extend_from_slice(&changes);
        changes
    }

    /// Ends the video; returns the changes that had not been certain.
    pub fn end_of_video(&mut self) -> Vec<Change> {
        let changes = self.detector.finish();
        if let Some(reader) = &mut self.reader {
            reader.end(&changes);
        }
        self.changes.extend_from_slice(&changes);
        changes
    }

    /// Returns a handle that cuts [`Analysis::finish`] short if it has to wait for slides that are
    /// still to be read.
    pub fn stopper(&self) -> Option<Stopper> {
        self.reader.as_ref()?.stopper()
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
                .changes
                .iter()
                .map(|change| Span::new(change.time, change.time))
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

    /// Returns the findings once everything has ended; there are no chapters if nothing was seen or
    /// heard. Waits for slides that are still being read; returns `None` if that was stopped.
    pub fn finish(mut self, options: &Options, naming: &Naming) -> Option<Findings> {
        let mut findings = Findings::default();
        if let Some(reader) = self.reader.take() {
            let read = reader.finish(&self.changes, self.end)?;
            (findings.texts, findings.trouble) = (read.texts, read.trouble);
            if naming.from_slides {
                findings.titles = read.titles;
            }
        }
        self.sentences
            .sort_by_key(|sentence| sentence.span.map(|span| span.start));
        let material = self.material(&findings.titles, options, naming);
        let mut chapters = chapters::plan(&material, options);
        if naming.from_transcript {
            chapters::name(&mut chapters, &self.sentences, naming.language.as_deref());
        }
        chapters::name_from_slides(&mut chapters, &material.titles);
        findings.chapters = chapters;
        Some(findings)
    }

    fn material(&mut self, titles: &[Shown], options: &Options, naming: &Naming) -> Material {
        let boundaries = topics::segment(
            &self.sentences,
            &topics::Options {
                language: naming.language.clone().filter(|_| naming.from_transcript),
                sensitivity: options.sensitivity,
                topics: None,
            },
        );
        let heard = self.heard();
        let class = trim::class(&heard).filter(|class| class.sustained);
        let slides = self.changes.iter().map(|change| SlideChange {
            time: change.time,
            difference: change.difference,
            seen_before: change.same_as.is_some(),
            is_camera_cut: change.is_camera_cut,
        });
        let topics = boundaries.into_iter().filter_map(|boundary| {
            Some(TopicStart {
                time: boundary.time?,
                confidence: boundary.confidence,
            })
        });
        Material {
            duration: self.end,
            class: class.map(|class| class.span),
            slides: slides.collect(),
            speech: heard.speech,
            topics: topics.collect(),
            titles: titles
                .iter()
                .filter(|shown| shown.title.is_sure())
                .cloned()
                .collect(),
        }
    }
}
