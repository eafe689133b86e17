// SPDX-License-Identifier: MPL-2.0

//! Sample tables of uncompressed audio in QuickTime files (QuickTime File Format, "Sample Table Atoms").
//!
//! Where each frame of audio is a sample under a sound description of version 2, qtdemux (1.22) gives
//! the time 0 to all frames of more than 16 bits, and now and then loses the others. The tables are
//! written anew, with one sample for each chunk; the media stay where they are.

use super::boxes::{Atom, Content};

/// Version and flags of a table.
const HEAD: [u8; 4] = [0; 4];

/// Makes a sample of each chunk of an audio track, if each frame is one. Returns `None`, and changes
/// nothing, if the tables are of another form.
pub(super) fn join_samples(track: &mut Atom) -> Option<()> {
    let table = track.find_mut(&[b"mdia", b"minf", b"stbl"])?;
    let tables = written(table)?;
    let Content::Boxes(boxes) = &mut table.content else {
        return None;
    };
    for atom in boxes {
        if let Some(new) = tables.iter().find(|new| new.kind == atom.kind) {
            *atom = new.clone();
        }
    }
    Some(())
}

/// Returns the tables of times, chunks and sizes that replace those of a sample table.
fn written(table: &Atom) -> Option<[Atom; 3]> {
    let numbers = |kind: &[u8; 4]| Some(words(table.find(&[kind])?.bytes()));
    let sizes = numbers(b"stsz")?;
    let [_, size, count, ..] = sizes.get(..3)? else {
        return None;
    };
    // One time for all frames.
    let times = numbers(b"stts")?;
    let [_, 1, _, ticks] = times.as_slice() else {
        return None;
    };
    let (offsets, each) = match numbers(b"stco") {
        Some(offsets) => (offsets, 1),
        None => (numbers(b"co64")?, 2),
    };
    let chunks = *offsets.get(1)?;
    // A chunk that is counted has an offset: the numbers of a broken file take no memory.
    let listed = offsets.len().saturating_sub(2) / each;
    if *size == 0 || usize::try_from(chunks).is_ok_and(|chunks| chunks > listed) {
        return None;
    }
    let frames = frames_of_chunks(&numbers(b"stsc")?, chunks, *count)?;
    let mut times = Vec::new();
    for run in frames.chunk_by(|a, b| a == b) {
        times.push(u32::try_from(run.len()).ok()?);
        times.push(run.first()?.checked_mul(*ticks)?);
    }
    let runs = u32::try_from(times.len() / 2).ok()?;
    let sizes: Option<Vec<u32>> = frames
        .iter()
        .map(|frames| frames.checked_mul(*size))
        .collect();
    Some([
        atom(b"stts", &[&[runs], &*times]),
        atom(b"stsc", &[&[1, 1, 1, 1]]),
        atom(b"stsz", &[&[0, chunks], &*sizes?]),
    ])
}

/// Returns the numbers of frames in the chunks of a table of at most `count` frames.
fn frames_of_chunks(table: &[u32], chunks: u32, count: u32) -> Option<Vec<u32>> {
    let (entries, _) = table.get(2..)?.as_chunks::<3>();
    let mut frames = Vec::new();
    let mut left = count;
    let mut next = entries.iter().skip(1);
    for [first, each, description] in entries {
        let end = next
            .next()
            .map_or(Some(chunks), |[first, ..]| first.checked_sub(1))?;
        let is_next = usize::try_from(*first).ok()? == frames.len() + 1;
        if !is_next || *description != 1 || end > chunks {
            return None;
        }
        for _ in *first..=end {
            let there = left.min(*each);
            left -= there;
            frames.push(there);
        }
    }
    let is_whole = left == 0 && frames.iter().all(|frames| *frames > 0);
    (is_whole && frames.len() == usize::try_from(chunks).ok()?).then_some(frames)
}

/// Returns the 32-bit numbers of a table, from its version on.
fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

fn atom(kind: &[u8; 4], numbers: &[&[u32]]) -> Atom {
    let numbers = numbers.iter().flat_map(|numbers| numbers.iter());
    let bytes = numbers.flat_map(|number| number.to_be_bytes());
    Atom::leaf(kind, HEAD.into_iter().chain(bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a track of frames of 8 bytes in three chunks, two of 100 frames and one of the rest.
    fn track(count: u32, ticks: &[u32], chunks: &[u32]) -> Atom {
        let table = vec![
            atom(b"stts", &[&[(ticks.len() / 2) as u32], ticks]),
            atom(b"stsc", &[&[(chunks.len() / 3) as u32], chunks]),
            atom(b"stsz", &[&[8, count]]),
            atom(b"stco", &[&[3, 1000, 2000, 3000]]),
        ];
        let table = Atom::parent(b"stbl", table);
        let media = Atom::parent(b"minf", vec![table]);
        Atom::parent(b"trak", vec![Atom::parent(b"mdia", vec![media])])
    }

    fn numbers(track: &Atom, kind: &[u8; 4]) -> Vec<u32> {
        let atom = track.find(&[b"mdia", b"minf", b"stbl", kind]);
        words(atom.expect("a table").bytes())[1..].to_vec()
    }

    #[test]
    fn each_chunk_becomes_a_sample() {
        for chunks in [&[1, 100, 1][..], &[1, 100, 1, 3, 50, 1]] {
            let mut track = track(250, &[250, 2], chunks);
            join_samples(&mut track).expect("written");
            assert_eq!(numbers(&track, b"stts"), [2, 2, 200, 1, 100]);
            assert_eq!(numbers(&track, b"stsc"), [1, 1, 1, 1]);
            assert_eq!(numbers(&track, b"stsz"), [0, 3, 800, 800, 400]);
            assert_eq!(numbers(&track, b"stco"), [3, 1000, 2000, 3000]);
        }
    }

    #[test]
    fn chunks_without_offsets_are_not_believed() {
        let mut broken = track(u32::MAX, &[u32::MAX, 1], &[1, 1, 1]);
        let offsets = broken.find_mut(&[b"mdia", b"minf", b"stbl", b"stco"]);
        *offsets.expect("a table") = atom(b"stco", &[&[u32::MAX, 1000]]);
        assert_eq!(join_samples(&mut broken), None);
    }

    #[test]
    fn tables_of_another_form_stay() {
        for (count, ticks, chunks) in [
            (250, &[100, 1, 150, 2][..], &[1, 100, 1][..]),
            (350, &[350, 1], &[1, 100, 1]),
            (150, &[150, 1], &[1, 100, 1]),
            (250, &[250, 1], &[2, 100, 1]),
            (250, &[250, 1], &[1, 100, 2]),
            (250, &[250, 1], &[1, 100, 1, 9, 50, 1]),
            (250, &[250, 1], &[1, 0, 1]),
            (250, &[250, u32::MAX], &[1, 100, 1]),
            (250, &[], &[1, 100, 1]),
            (250, &[250, 1], &[]),
        ] {
            let mut changed = track(count, ticks, chunks);
            let before = changed.clone();
            assert_eq!(join_samples(&mut changed), None, "{count} {chunks:?}");
            assert_eq!(changed, before);
        }
    }
}
