// SPDX-License-Identifier: MPL-2.0

//! Selection of the frames whose text is read: one of each new slide.

use gst_video::{VideoFormatInfo, VideoFrameExt, VideoFrameRef};

use super::reader::{Reader, Stopper};
use super::tesseract::Unavailable;
use crate::slides::Change;
use crate::timeline::{Span, Time};
use crate::titles::{self, Sheet, Shown, ShownText, SlideStart, Stills};

/// Time after which the first frame is read: a fade is over.
const SETTLED: Time = Time::from_secs(4);

/// Time before a change in which a transition may already show the next slide.
const TRANSITION: Time = Time::from_secs(1);

/// Reads the slides of one video.
pub struct SlideReader {
    language: Option<String>,
    /// Whether all text is read, at the end of a slide, too.
    reads_all: bool,
    stills: Stills,
    /// The thread; `None` before the first slide.
    reader: Option<Reader>,
    /// Time of the first frame, until it is read.
    first: Option<Time>,
    is_started: bool,
    /// The last frame that was read, and its time.
    last: Option<(Time, Sheet)>,
    /// Times of all frames that were read, in order.
    read: Vec<Time>,
}

/// Titles that were read, and what went wrong.
pub struct Read {
    pub titles: Vec<Shown>,
    /// Text of the slides; empty unless all of it is read.
    pub texts: Vec<ShownText>,
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
    /// Makes a reader for slides in a language, given as a BCP 47 tag. It reads what a title needs,
    /// or all text of a slide.
    pub fn new(language: Option<String>, reads_all: bool) -> Self {
        SlideReader {
            language,
            reads_all,
            stills: Stills::default(),
            reader: None,
            first: None,
            is_started: false,
            last: None,
            read: Vec::new(),
        }
    }

    /// Keeps a frame for a while, and has the slides read whose changes are now certain.
    pub fn look(&mut self, frame: &VideoFrameRef<&gst::BufferRef>, time: Time, changes: &[Change]) {
        if !std::mem::replace(&mut self.is_started, true) {
            self.first = Some(time);
        }
        if self.stills.wants(time)
            && let Some(sheet) = sheet(frame, self.reads_all)
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
            self.read(Span::new(first, Time::MAX));
        }
        self.read_new(changes);
    }

    /// Has the last slides read.
    pub fn end(&mut self, changes: &[Change]) {
        if let Some(first) = self.first.take() {
            let end = changes.first().map_or(Time::MAX, |change| change.time);
            self.read(Span::new(first, end.max(first)));
        }
        self.read_new(changes);
        self.read_end(Time::MAX);
        self.stills = Stills::default();
    }

    fn read_new(&mut self, changes: &[Change]) {
        let is_new = |change: &&Change| change.same_as.is_none() && !change.is_camera_cut;
        let ends = changes.iter().skip(1).map(|next| next.time);
        for (change, end) in changes.iter().zip(ends.chain([Time::MAX])) {
            self.read_end(change.time.saturating_sub(TRANSITION));
            if is_new(&change) {
                self.read(Span::new(change.time, end.max(change.time)));
            }
        }
    }

    /// Has the last slide read again as it was before a time, if more or less is shown then.
    fn read_end(&mut self, end: Time) {
        let last = self.last.as_ref().filter(|_| self.reads_all);
        let found = last.zip(self.stills.before(end));
        let Some(((read, before), (time, sheet))) = found else {
            return;
        };
        if time > *read && sheet.has_changed_since(before) {
            let sheet = sheet.clone();
            self.add(time, sheet, true);
        }
    }

    /// Has the slide read that is shown in a span, unless it was. A change is certain some time after
    /// it, and a later page may have been read meanwhile.
    fn read(&mut self, shown: Span) {
        let at = self.read.partition_point(|time| *time < shown.start);
        let next = self.read.get(at).filter(|time| **time < shown.end);
        let until = Span::new(shown.start, next.copied().unwrap_or(shown.end));
        let Some((time, sheet)) = self.stills.of_slide(until) else {
            return;
        };
        let last = self.last.as_ref().filter(|_| next.is_some());
        if last.is_none_or(|(_, read)| sheet.has_changed_since(read)) {
            let sheet = sheet.clone();
            self.read_frame(time, sheet);
        }
    }

    fn read_frame(&mut self, time: Time, sheet: Sheet) {
        self.add(time, sheet.clone(), false);
        let at = self.read.partition_point(|read| *read < time);
        self.read.insert(at, time);
        if self.last.as_ref().is_none_or(|(last, _)| *last < time) {
            self.last = Some((time, sheet));
        }
    }

    fn add(&mut self, time: Time, sheet: Sheet, is_again: bool) {
        if self.reader.is_none() {
            // Without a thread nothing is read.
            self.reader = Reader::start(self.language.clone()).ok();
        }
        if let Some(reader) = &self.reader {
            reader.add(time, sheet, is_again);
        }
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
            texts: match self.reads_all {
                true => titles::text_over_time(&starts, &readings.slides, end),
                false => Vec::new(),
            },
            trouble: unavailable.or(failed.map(Trouble::Failed)),
        })
    }
}

/// Copies the brightness of a frame, or of its upper part.
fn sheet(frame: &VideoFrameRef<&gst::BufferRef>, is_whole: bool) -> Option<Sheet> {
    let format = frame.format_info();
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let rows = match is_whole {
        true => height,
        false => Sheet::rows_of(height),
    };
    let mut pixels = vec![0; width.checked_mul(rows)?];
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
    match is_whole {
        true => Sheet::of_whole_frame(width, height, &pixels),
        false => Sheet::of_frame(width, height, &pixels),
    }
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
