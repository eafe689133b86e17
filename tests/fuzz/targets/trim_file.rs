// SPDX-License-Identifier: MPL-2.0

//! A trim file: what is kept, muted and covered.

use gstlecture::edit::trim_file::TrimFile;
use gstlecture::timeline::Time;

pub fn run(input: &[u8]) {
    let [seconds, file @ ..] = input else {
        return;
    };
    for duration in [None, Some(Time::from_secs(u64::from(*seconds) * 16))] {
        match TrimFile::read(file, duration) {
            Ok(trim) => {
                let cuts = trim.cut_list(duration);
                assert!(cuts.kept().len() > 0);
                let _ = trim.redaction().within(&cuts);
                let written = trim.to_string();
                let again = TrimFile::read(written.as_bytes(), duration).expect("it was written");
                assert_eq!(again.cut_list(duration), cuts, "{written}");
            }
            Err(errors) => {
                for error in errors {
                    let _ = error.to_string();
                }
            }
        }
    }
}
