// SPDX-License-Identifier: MPL-2.0

//! Disposable frames, to which no other frame refers: they may be dropped before the decoder.

/// Returns whether nothing refers to the frame of an H.264 access unit: `nal_ref_idc` of its slices
/// is 0 (ITU-T H.264, 7.4.1). `length_size` is the number of bytes of the length before each NAL
/// unit, or `None` if they are separated by start codes. Returns `false` for unreadable data.
pub fn is_disposable(access_unit: &[u8], length_size: Option<usize>) -> bool {
    let header = match length_size {
        Some(size) => slice_after_lengths(access_unit, size),
        None => slice_after_start_codes(access_unit),
    };
    header.is_some_and(|header| header & 0x60 == 0)
}

/// Returns the header of the first NAL unit that is a slice: types 1 to 5 (table 7-1).
fn slice_after_lengths(mut data: &[u8], size: usize) -> Option<u8> {
    if size == 0 {
        return None;
    }
    loop {
        let (length, rest) = data.split_at_checked(size)?;
        let length = length
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        let header = *rest.first()?;
        if is_slice(header) {
            return Some(header);
        }
        data = rest.get(length..)?;
    }
}

fn slice_after_start_codes(data: &[u8]) -> Option<u8> {
    let mut headers = data.windows(4).filter(|bytes| bytes[..3] == [0, 0, 1]);
    headers.find_map(|bytes| is_slice(bytes[3]).then_some(bytes[3]))
}

fn is_slice(header: u8) -> bool {
    (1..=5).contains(&(header & 0x1f))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes an access unit delimiter and a slice with this header.
    fn access_unit(slice: u8) -> [Vec<u8>; 2] {
        [
            vec![0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, slice, 0x9a, 0x01],
            vec![0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, slice, 0x9a, 0x01],
        ]
    }

    #[test]
    fn a_slice_says_whether_its_picture_is_referred_to() {
        for (slice, disposable) in [(0x01, true), (0x21, false), (0x41, false), (0x65, false)] {
            let [avc, byte_stream] = access_unit(slice);
            assert_eq!(is_disposable(&avc, Some(4)), disposable, "{slice:x}");
            assert_eq!(is_disposable(&byte_stream, None), disposable, "{slice:x}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_kept() {
        let [avc, byte_stream] = access_unit(0x01);
        for end in 0..8 {
            assert!(!is_disposable(&avc[..end], Some(4)), "{end}");
            assert!(!is_disposable(&byte_stream[..end], None), "{end}");
        }
        assert!(!is_disposable(&[0xff; 40], Some(4)));
        assert!(!is_disposable(&avc, Some(0)));
    }
}
