// SPDX-License-Identifier: MPL-2.0

//! Conversion of a table of contents to chapters.

use crate::timeline::Time;
use crate::webvtt::chapters::Chapter;

/// Returns the chapters of a table of contents, outermost at level 0, sorted. Among several
/// editions the first one is used, since the others are alternatives.
pub fn chapters(toc: &gst::TocRef) -> Vec<Chapter> {
    let mut entries = toc.entries();
    let is_edition = |entry: &gst::TocEntry| entry.entry_type() == gst::TocEntryType::Edition;
    if let Some(edition) = entries.iter().find(|entry| is_edition(entry)) {
        entries = edition.sub_entries();
    }
    let mut chapters = Vec::new();
    collect(&entries, 0, &mut chapters);
    chapters.sort_by_key(|chapter| (chapter.start, chapter.level));
    chapters
}

fn collect(entries: &[gst::TocEntry], level: u32, chapters: &mut Vec<Chapter>) {
    for entry in entries {
        let tags = entry.tags();
        let title = tags
            .as_ref()
            .and_then(|tags| tags.get::<gst::tags::Title>());
        let times = entry.start_stop_times();
        // An unknown time is -1.
        if let Some((Ok(start), stop)) = times.map(|(start, stop)| (u64::try_from(start), stop)) {
            chapters.push(Chapter {
                start: Time::from_nanos(start),
                end: u64::try_from(stop).ok().map(Time::from_nanos),
                level,
                title: title
                    .map(|title| title.get().to_owned())
                    .unwrap_or_default(),
                id: None,
            });
        }
        collect(&entry.sub_entries(), level + 1, chapters);
    }
}
