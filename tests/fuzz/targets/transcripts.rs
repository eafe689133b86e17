// SPDX-License-Identifier: MPL-2.0

//! Transcripts of recognisers, and the captions drafted from them; profiles of caption rules.

use gstlecture::captions::Profile;
use gstlecture::captions::draft::{Options, Transcript, draft};
use gstlecture::timeline::{Span, Time};

pub fn run(file: &[u8]) {
    if let Ok(transcript) = Transcript::read(file, Some("en")) {
        let speech = [Span::new(Time::from_secs(1), Time::from_secs(60))];
        for speech in [None, Some(&speech[..])] {
            let _ = draft(&transcript, speech, Options::default()).document();
        }
    }
    let _ = Profile::read(file);
}
