// SPDX-License-Identifier: MPL-2.0

//! Output of the element: the event, the messages and the table of contents.

use crate::chapters::Chapter;
use crate::elements::shared::slide_event;
use crate::slides::Change;
use crate::timeline::Span;
use crate::titles::{Shown, ShownText};

/// Makes the event `lecture-slide`, which is sent downstream with the video.
pub fn slide_event(change: &Change) -> gst::Event {
    let change = Span::new(change.after, change.time);
    gst::event::CustomDownstream::new(slide_event::structure(change))
}

/// Makes the message `chapterdetect-slide`.
pub fn slide_structure(change: &Change) -> gst::Structure {
    let structure = gst::Structure::builder("chapterdetect-slide")
        .field("time", change.time.nanos())
        .field("after", change.after.nanos())
        .field("difference", change.difference)
        .field("seen-before", change.same_as.is_some())
        .field("camera-cut", change.is_camera_cut);
    match change.same_as {
        Some(first) => structure.field("same-as", first.nanos()).build(),
        None => structure.build(),
    }
}

/// Makes the message `chapterdetect-chapter`; `index` counts from 0.
pub fn chapter_structure(index: usize, chapter: &Chapter) -> gst::Structure {
    gst::Structure::builder("chapterdetect-chapter")
        .field("start", chapter.span.start.nanos())
        .field("end", chapter.span.end.nanos())
        .field("title", chapter.shown_title(index))
        .field("needs-title", chapter.needs_title())
        .field("confidence", chapter.confidence)
        .field("evidence", chapter.evidence.to_string())
        .build()
}

/// Makes the message `chapterdetect-title`: what was read on the slide of a span.
pub fn title_structure(shown: &Shown) -> gst::Structure {
    gst::Structure::builder("chapterdetect-title")
        .field("start", shown.span.start.nanos())
        .field("end", shown.span.end.nanos())
        .field("title", &shown.title.text)
        .field_if_some("number", shown.title.number.as_ref())
        .field("confidence", f64::from(shown.title.confidence))
        .field("needs-title", !shown.title.is_sure())
        .build()
}

/// Makes the message `chapterdetect-slide-text`: the text of the slide of a span, in lines.
pub fn text_structure(shown: &ShownText) -> gst::Structure {
    gst::Structure::builder("chapterdetect-slide-text")
        .field("start", shown.span.start.nanos())
        .field("end", shown.span.end.nanos())
        .field("text", shown.lines.join("\n"))
        .build()
}

/// Makes a table of contents from the chapters.
pub fn toc(chapters: &[Chapter]) -> gst::Toc {
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    for (index, chapter) in chapters.iter().enumerate() {
        let mut entry = gst::TocEntry::new(
            gst::TocEntryType::Chapter,
            &format!("chapter-{}", index + 1),
        );
        let mut tags = gst::TagList::new();
        if let Some(tags) = tags.get_mut() {
            let title = chapter.shown_title(index);
            tags.add::<gst::tags::Title>(&title.as_str(), gst::TagMergeMode::Replace);
        }
        if let Some(entry) = entry.get_mut() {
            entry.set_start_stop_times(
                chapter.span.start.nanos() as i64,
                chapter.span.end.nanos() as i64,
            );
            entry.set_tags(tags);
        }
        if let Some(toc) = toc.get_mut() {
            toc.append_entry(entry);
        }
    }
    toc
}
