// SPDX-License-Identifier: MPL-2.0

//! The pace of the frames in an MP4 (ISO/IEC 14496-12, 8.6.1.2).
//!
//! An MP4 names no frame rate. qtdemux (1.22) makes one of the number of frames and their length, which
//! is too low where a frame stands or frames are left out: at that rate some of the others get lost.

use std::io::{Read, Seek};

use super::boxes::{self, Atom};
use super::edits;
use super::orientation::is_video;

/// Share by which the mean of the intervals may lie above most of them: 1 frame in 500.
const UNEVEN: f64 = 0.002;

/// Returns whether the frames of the video of this number, from 1, come less often than most intervals
/// between them say; `None` if the file is no MP4 or lists no frames.
pub fn is_uneven(file: &mut (impl Read + Seek), number: usize) -> Option<bool> {
    let (_, bytes) = edits::read_movie(file)?;
    let movie = boxes::read(&bytes)?.into_iter().next()?;
    let is_wanted = |track: &&Atom| track.kind == *b"trak" && is_video(track);
    let mut videos = movie.boxes().iter().filter(is_wanted);
    let track = videos.nth(number.checked_sub(1)?)?;
    let times = track.find(&[b"mdia", b"minf", b"stbl", b"stts"])?;
    uneven(times.bytes())
}

/// The same of the content of a time-to-sample box.
fn uneven(table: &[u8]) -> Option<bool> {
    let (runs, _) = table.get(8..)?.as_chunks::<8>();
    let number = |bytes: &[u8; 4]| u64::from(u32::from_be_bytes(*bytes));
    let mut runs: Vec<(u64, u64)> = runs
        .iter()
        .filter_map(|run| Some((number(run.last_chunk()?), number(run.first_chunk()?))))
        .filter(|(_, count)| *count > 0)
        .collect();
    let count: u64 = runs.iter().map(|(_, count)| *count).sum();
    let lengths = runs
        .iter()
        .map(|(interval, count)| interval.saturating_mul(*count));
    let mean = lengths.fold(0, u64::saturating_add) as f64 / count as f64;
    runs.sort_unstable();
    let mut passed = 0;
    let median = runs.iter().find(|(_, each)| {
        passed += each;
        passed * 2 >= count
    });
    let (median, _) = median?;
    Some(mean > *median as f64 * (1.0 + UNEVEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(runs: &[(u32, u32)]) -> Vec<u8> {
        let mut table = vec![0; 8];
        for (count, interval) in runs {
            table.extend(count.to_be_bytes());
            table.extend(interval.to_be_bytes());
        }
        table
    }

    #[test]
    fn frames_that_stand_or_are_left_out_make_a_pace_uneven() {
        let of = |runs: &[(u32, u32)]| uneven(&table(runs));
        assert_eq!(of(&[(240, 512)]), Some(false));
        // Times that jitter about their rate.
        assert_eq!(of(&[(50, 2990), (51, 3000), (50, 3010)]), Some(false));
        // The last frame stands.
        assert_eq!(of(&[(239, 512), (1, 90_000)]), Some(true));
        // Each second frame is left out for a while.
        assert_eq!(of(&[(100, 512), (20, 1024)]), Some(true));
        assert_eq!(of(&[]), None);
        assert_eq!(uneven(&[0; 5]), None);
    }
}
