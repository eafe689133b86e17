// SPDX-License-Identifier: MPL-2.0

//! Selection of the frames whose text is read: one of each new slide.

use gst_video::{VideoFormatInfo, VideoFrameExt, VideoFrameRef};

use super::reader::{Reader, Stopper};
use super::tesseract::Unavailable;
use crate::slides::Change;
use crate::timeline::Time;
use crate::titles::{self, Sheet, Shown, SlideStart, Stills};

/// Time after which the first frame is read: a fade is over.
const SETTLED: Time = Time::from_secs(4);

/// Reads the slides of one video.
pub struct SlideReader {
    language: Option<String>,
    stills: Stills,
    /// The thread; `None` before the first slide.
    reader: Option<Reader>,
    /// Time of the first frame, until it is read.
    first: Option<Time>,
    is_started: bool,
    /// The last frame that was read, and its time.
    last: Option<(Time, Sheet)>,
}

/// Titles that were read, and what went wrong.
pub struct Read {
    pub titles: Vec<Shown>,
    pub trouble: Option<Trouble>,
}

/// Problem with reading.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// Nothing can be read here.
    Unavailable(Unavailable),
    /// Number of slides that could not be read.
    Failed(usize),
}

impl SlideReader {
    /// Makes a reader for slides in a language, given as a BCP 47 tag.
    pub fn new(language: Option<String>) -> Self {
        SlideReader {
            language,
            stills: Stills::default(),
            reader: None,
            first: None,
            is_started: false,
            last: None,
        }
    }

    /// Keeps a frame for a while, and has the slides read whose changes are now certain.
    pub fn look(&mut self, frame: &VideoFrameRef<&gst::BufferRef>, time: Time, changes: &[Change]) {
        if !std::mem::replace(&mut self.is_started, true) {
            self.first = Some(time);
        }
        if self.stills.wants(time)
            && let Some(sheet) = sheet(frame)
        {
            self.stills.keep(time, sheet);
            let last = self.last.as_ref();
            let page = last.and_then(|(_, read)| self.stills.new_page(read));
            if let Some((time, sheet)) = page {
                let sheet = sheet.clone();
                self.read_frame(time, sheet);
            }
        }
        let is_sharp = |first: &Time| time >= first.saturating_add(SETTLED);
        if let Some(first) = self.first.filter(is_sharp) {
            self.first = None;
            self.read(first);
        }
        self.read_new(changes);
    }

    /// Has the last slides read.
    pub fn end(&mut self, changes: &[Change]) {
        if let Some(first) = self.first.take() {
            self.read(first);
        }
        self.read_new(changes);
        self.stills = Stills::default();
    }

    fn read_new(&mut self, changes: &[Change]) {
        let is_new = |change: &&Change| change.same_as.is_none() && !change.is_camera_cut;
        for change in changes.iter().filter(is_new) {
            self.read(change.time);
        }
    }

    /// Has the slide read that has been shown since a time, unless it was.
    fn read(&mut self, start: Time) {
        if self.last.as_ref().is_some_and(|(last, _)| start <= *last) {
            return;
        }
        if let Some((time, sheet)) = self.stills.of_change(start) {
            let sheet = sheet.clone();
            self.read_frame(time, sheet);
        }
    }

    fn read_frame(&mut self, time: Time, sheet: Sheet) {
        if self.reader.is_none() {
            // Without a thread nothing is read.
            self.reader = Reader::start(self.language.clone()).ok();
        }
        if let Some(reader) = &self.reader {
            reader.add(time, sheet.clone());
        }
        self.last = Some((time, sheet));
    }

    /// Returns a handle that cuts [`SlideReader::finish`] short.
    pub fn stopper(&self) -> Option<Stopper> {
        self.reader.as_ref().map(Reader::stopper)
    }

    /// Waits for the last slide. Returns the titles of a recording with these changes that ends at
    /// `end`, or `None` if reading was stopped.
    pub fn finish(self, changes: &[Change], end: Time) -> Option<Read> {
        let readings = self.reader.map(Reader::finish).unwrap_or_default();
        if readings.is_stopped {
            return None;
        }
        let starts = changes.iter().map(|change| SlideStart {
            time: change.time,
            same_as: change.same_as,
        });
        let starts: Vec<SlideStart> = starts.collect();
        let failed = Some(readings.failed).filter(|failed| *failed > 0);
        let unavailable = readings.unavailable.map(Trouble::Unavailable);
        Some(Read {
            titles: titles::over_time(&starts, &readings.slides, end),
            trouble: unavailable.or(failed.map(Trouble::Failed)),
        })
    }
}

/// Copies the brightness of a frame's upper part.
fn sheet(frame: &VideoFrameRef<&gst::BufferRef>) -> Option<Sheet> {
    let format = frame.format_info();
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut pixels = vec![0; width.checked_mul(Sheet::rows_of(height))?];
    if format.is_rgb() {
        // ITU-R BT.601, in 256ths.
        for (component, weight) in [(0, 77), (1, 150), (2, 29)] {
            each(frame, &format, component, &mut pixels, |pixel, value| {
                *pixel += (u16::from(value) * weight / 256) as u8;
            })?;
        }
    } else {
        each(frame, &format, 0, &mut pixels, |pixel, value| {
            *pixel = value
        })?;
    }
    Sheet::of_frame(width, height, &pixels)
}

/// Calls `set` with each pixel and its value of a component that is not subsampled.
fn each(
    frame: &VideoFrameRef<&gst::BufferRef>,
    format: &VideoFormatInfo,
    component: u8,
    pixels: &mut [u8],
    set: impl Fn(&mut u8, u8),
) -> Option<()> {
    let plane = *format.plane().get(usize::from(component))?;
    let stride = usize::try_from(*frame.plane_stride().get(plane as usize)?).ok()?;
    let step = usize::try_from(*format.pixel_stride().get(usize::from(component))?).ok()?;
    let offset = *format.poffset().get(usize::from(component))? as usize;
    let data = frame.plane_data(plane).ok()?;
    let width = frame.width() as usize;
    for (row, line) in pixels.chunks_exact_mut(width.max(1)).enumerate() {
        let bytes = data.get(row * stride + offset..)?;
        if let (false, 1, Some(bytes)) = (format.is_rgb(), step, bytes.get(..width)) {
            line.copy_from_slice(bytes);
            continue;
        }
        for (pixel, value) in line.iter_mut().zip(bytes.iter().step_by(step.max(1))) {
            set(pixel, *value);
        }
    }
    Some(())
}
