// SPDX-License-Identifier: MPL-2.0

//! The summary that a person edits, and the answers of a command that assists.

use gstlecture::edit::assist::{Reply, Request};
use gstlecture::edit::summary_file::SummaryFile;
use gstlecture::timeline::{CutList, Span, Time};

pub fn run(file: &[u8]) {
    if let Ok(summary) = SummaryFile::read(file) {
        let written = summary.to_string();
        let again = SummaryFile::read(written.as_bytes());
        assert_eq!(again.as_ref(), Ok(&summary), "{written}");
        let cuts = CutList::new([Span::new(Time::from_secs(1), Time::from_secs(2))]);
        let _ = summary.published(&cuts.expect("in order"), &[]);
    }
    let request = Request::new(Some("en".into()), Time::from_secs(600));
    if let Ok(reply) = Reply::read(file, &request) {
        let _ = reply.chapters(&request);
    }
}
