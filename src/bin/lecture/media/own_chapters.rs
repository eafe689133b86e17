// SPDX-License-Identifier: MPL-2.0

//! The chapters that a recording has of its own, and their way into a file that is cut from it.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use gst::prelude::*;
use gstlecture::record::inside::{self, Chapter};
use gstlecture::timeline::{CutList, Span, Time};

pub use gstlecture::record::inside::cues;

use crate::error::Error;
use crate::media::probe::Input;
use crate::print;

/// A time that takes eight bytes in Matroska, and is not a time of any recording: two years.
const RESERVED: Time = Time::from_nanos(1 << 56);

/// Returns the chapters of a recording, or those that were marked in a session. What cannot be read is
/// reported.
pub fn find(input: &Input) -> Vec<Chapter> {
    if input.room.is_some() || !input.marked.chapters.is_empty() {
        let marks = input.marked.chapters.iter().cloned();
        return marks
            .map(|(start, title)| Chapter { start, title })
            .collect();
    }
    let read = File::open(&input.path)
        .map_err(|error| error.to_string())
        .and_then(|file| inside::chapters(&mut BufReader::new(file)));
    read.unwrap_or_else(|error| {
        let path = input.path.display();
        print::note(format_args!(
            "warning: {path}: chapters cannot be read: {error}"
        ));
        Vec::new()
    })
}

/// Has the muxer write chapters whose times are known only when all is cut: room is left for these.
pub fn reserve(pipeline: &gst::Pipeline, chapters: &[Chapter]) {
    let mux = pipeline.by_name("mux");
    let Some(mux) = mux.and_then(|mux| mux.dynamic_cast::<gst::TocSetter>().ok()) else {
        return;
    };
    if chapters.is_empty() {
        return;
    }
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    let mut edition = gst::TocEntry::new(gst::TocEntryType::Edition, "recording");
    for (number, chapter) in chapters.iter().enumerate() {
        let mut entry = gst::TocEntry::new(gst::TocEntryType::Chapter, &number.to_string());
        let start = RESERVED.saturating_add(chapter.start).nanos().cast_signed();
        let mut tags = gst::TagList::new();
        tags.make_mut()
            .add::<gst::tags::Title>(&chapter.title.as_str(), gst::TagMergeMode::Replace);
        let made = entry.make_mut();
        made.set_start_stop_times(start, start + 1);
        made.set_tags(tags);
        edition.make_mut().append_sub_entry(entry);
    }
    toc.make_mut().append_entry(edition);
    mux.set_toc(Some(&toc));
}

/// Puts the chapters into a finished file that these parts of the recording are not in. `end` is
/// that of the recording.
pub fn place(path: &Path, chapters: &[Chapter], cuts: &[Span], end: Time) -> Result<(), Error> {
    if chapters.is_empty() {
        return Ok(());
    }
    let spans = moved(chapters, cuts, end);
    let writing = |error| Error::writing(path, &error);
    let mut file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(writing)?;
    inside::place_chapters(&mut file, chapters, &spans).map_err(writing)
}

/// Returns the part of each chapter that is left, in the time of the new file.
fn moved(chapters: &[Chapter], cuts: &[Span], end: Time) -> Vec<Option<Span>> {
    let mut cuts = cuts.to_vec();
    cuts.sort_by_key(|cut| cut.start);
    let ends = cuts.iter().map(|cut| cut.start).chain([Time::MAX]);
    let starts = [Time::ZERO]
        .into_iter()
        .chain(cuts.iter().map(|cut| cut.end));
    let kept = starts.zip(ends).map(|(start, end)| Span::new(start, end));
    let list = CutList::new(kept.filter(|span| !span.is_empty()));
    let list = list.unwrap_or_else(|_| CutList::keep_all());
    let starts = chapters.iter().map(|chapter| chapter.start);
    let ends = starts.clone().skip(1).chain([end]);
    let spans = starts.zip(ends).map(|(start, end)| Span::new(start, end));
    spans.map(|span| list.span_to_output(span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_follow_the_cuts() {
        let seconds = |start, end| Span::new(Time::from_secs(start), Time::from_secs(end));
        let chapters = [0, 10, 20, 30].map(|start| Chapter {
            start: Time::from_secs(start),
            title: String::new(),
        });
        let left = moved(
            &chapters,
            &[seconds(0, 12), seconds(19, 31)],
            Time::from_secs(40),
        );
        assert_eq!(
            left,
            [None, Some(seconds(0, 7)), None, Some(seconds(7, 16))]
        );
    }
}
