// SPDX-License-Identifier: MPL-2.0

//! TOC events are chapters too.

use super::{HEADER, Mux, seconds};

fn toc_entry(uid: &str, start: u64, stop: Option<u64>, title: &str) -> gst::TocEntry {
    let mut tags = gst::TagList::new();
    tags.make_mut()
        .add::<gst::tags::Title>(&title, gst::TagMergeMode::Replace);
    let mut entry = gst::TocEntry::new(gst::TocEntryType::Chapter, uid);
    let writable = entry.make_mut();
    let nanos = |time: u64| seconds(time).nseconds() as i64;
    writable.set_start_stop_times(nanos(start), stop.map_or(-1, nanos));
    writable.set_tags(tags);
    entry
}

#[test]
fn a_table_of_contents_is_chapters_once() {
    let mut part = toc_entry("part", 0, Some(60), "Part");
    part.make_mut()
        .append_sub_entry(toc_entry("one", 0, Some(30), "One"));
    part.make_mut()
        .append_sub_entry(toc_entry("two", 30, None, "Two"));
    let mut edition = gst::TocEntry::new(gst::TocEntryType::Edition, "edition");
    edition.make_mut().append_sub_entry(part);
    edition
        .make_mut()
        .append_sub_entry(toc_entry("end", 60, Some(90), "End"));
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    toc.make_mut().append_entry(edition);

    let mut mux = Mux::new();
    for _ in 0..2 {
        mux.harness.push_event(gst::event::Toc::new(&toc, false));
    }
    assert_eq!(
        mux.finish(),
        format!(
            "{HEADER}\n00:00:00.000 --> 00:01:00.000\nPart\n\
             \n00:00:00.000 --> 00:00:30.000\nOne\n\
             \n00:00:30.000 --> 00:01:00.000\nTwo\n\
             \n00:01:00.000 --> 00:01:30.000\nEnd\n"
        )
    );
    assert_eq!(mux.messages(), Vec::<String>::new());
}
