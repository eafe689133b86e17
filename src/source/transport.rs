// SPDX-License-Identifier: MPL-2.0

//! Audio and video that an MPEG transport stream lists (ISO/IEC 13818-1, 2.4.4), also those that
//! GStreamer's demuxer ignores without a word.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes at the start of a file in which its tables stand: they are repeated each half second.
const SEARCHED: u64 = 4 << 20;

/// Sizes of a packet: plain, after a time stamp (M2TS), before a checksum.
const SIZES: [(usize, usize); 3] = [(188, 0), (192, 4), (204, 0)];

const SYNC: u8 = 0x47;

/// The type of a stream that its descriptors name.
const PRIVATE: u8 = 0x06;

/// A stream of audio or video.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    pub program: u16,
    /// Identifier of its packets.
    pub pid: u16,
    /// The codec as people call it.
    pub codec: &'static str,
}

/// Returns the streams of audio and video of a transport stream; none for other files.
pub fn streams(file: &mut (impl Read + Seek)) -> io::Result<Vec<Stream>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(SEARCHED).read_to_end(&mut bytes)?;
    let packets = || packets(&bytes);
    let mut programs = BTreeMap::new();
    for section in sections(packets(), 0) {
        programs.extend(read_programs(&section));
    }
    let mut streams = BTreeMap::new();
    let sniff = |pid: u16| sniffed(packets(), pid);
    for (program, pid) in programs {
        for section in sections(packets(), pid) {
            let found = read_streams(&section, program, &sniff).into_iter();
            streams.extend(found.map(|stream| ((program, stream.pid), stream)));
        }
    }
    Ok(streams.into_values().collect())
}

/// Returns the packets of a file by their sync bytes; none if it is no transport stream.
fn packets(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_packets = |(size, skip): &(usize, usize)| {
        let firsts = bytes.chunks_exact(*size).take(5);
        firsts.len() > 0
            && firsts
                .clone()
                .all(|packet| packet.get(*skip) == Some(&SYNC))
    };
    let found = SIZES.into_iter().find(is_packets);
    let chunks = found.map(|(size, skip)| {
        let chunks = bytes.chunks_exact(size);
        chunks.filter_map(move |packet| packet.get(skip..skip + 188))
    });
    chunks.into_iter().flatten()
}

/// Puts the sections together that packets with this identifier carry.
fn sections<'a>(packets: impl Iterator<Item = &'a [u8]>, pid: u16) -> Vec<Vec<u8>> {
    let mut sections = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for packet in packets {
        let Some((starts, payload)) = payload(packet, pid) else {
            continue;
        };
        let mut rest = payload;
        if starts {
            let pointer = usize::from(rest.first().copied().unwrap_or_default());
            let (before, after) = match rest.get(1..).and_then(|all| all.split_at_checked(pointer))
            {
                Some(parts) => parts,
                None => continue,
            };
            if let Some(mut section) = open.take() {
                section.extend(before);
                sections.extend(whole(&section));
            }
            rest = after;
            open = Some(Vec::new());
        }
        if let Some(section) = &mut open {
            section.extend(rest);
            if let Some(section) = whole(section) {
                sections.push(section);
                open = None;
            }
        }
    }
    sections
}

/// Returns whether a section starts in a packet with this identifier, and its payload.
fn payload(packet: &[u8], pid: u16) -> Option<(bool, &[u8])> {
    let [_, high, low, flags, ..] = packet else {
        return None;
    };
    if u16::from_be_bytes([high & 0x1f, *low]) != pid || flags & 0x10 == 0 {
        return None;
    }
    let field = match flags & 0x20 {
        0 => 0,
        _ => 1 + usize::from(*packet.get(4)?),
    };
    Some((high & 0x40 != 0, packet.get(4 + field..)?))
}

/// Returns a section of which all bytes are there.
fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::from_be_bytes([bytes.get(1)? & 0x0f, *bytes.get(2)?]);
    bytes.get(..3 + usize::from(length)).map(<[u8]>::to_vec)
}

/// Reads a program association section: programs, and the packets with their tables.
fn read_programs(section: &[u8]) -> Vec<(u16, u16)> {
    let entries = match section {
        [0, ..] => section.get(8..section.len().saturating_sub(4)),
        _ => None,
    };
    let entries = entries.unwrap_or_default().chunks_exact(4);
    let programs = entries.map(|entry| {
        let number = |at: usize| u16::from_be_bytes([entry[at], entry[at + 1]]);
        (number(0), number(2) & 0x1fff)
    });
    // Number 0 is the network's.
    programs.filter(|(program, _)| *program != 0).collect()
}

/// Returns the codec of a private stream without descriptors by the first packet of it that says one: FFmpeg
/// writes AAC so in M2TS.
fn sniffed<'a>(packets: impl Iterator<Item = &'a [u8]>, pid: u16) -> Option<&'static str> {
    let starts = packets.filter_map(|packet| payload(packet, pid));
    let mut starts = starts
        .filter(|(starts, _)| *starts)
        .map(|(_, payload)| payload);
    starts.find_map(|payload| {
        // 2.4.3.6: a start code, the kind of stream, and the length of the header.
        let kind = *payload.strip_prefix(&[0, 0, 1])?.first()?;
        let data = payload.get(9 + usize::from(*payload.get(8)?)..)?;
        match (kind, data) {
            (0xc0..=0xdf, [0xff, second, ..]) if second & 0xf6 == 0xf0 => Some("AAC"),
            (0xc0..=0xdf, [0x56, second, ..]) if second & 0xe0 == 0xe0 => Some("AAC in LATM"),
            (0xc0..=0xdf, [_, ..]) => Some("audio of an unknown codec"),
            (0xe0..=0xef, [_, ..]) => Some("video of an unknown codec"),
            _ => None,
        }
    })
}

/// Reads a program map section; `sniff` returns the codec of a private stream by its packets.
fn read_streams(
    section: &[u8],
    program: u16,
    sniff: &impl Fn(u16) -> Option<&'static str>,
) -> Vec<Stream> {
    let read = || {
        let own = u16::from_be_bytes([*section.get(3)?, *section.get(4)?]);
        if section.first() != Some(&2) || own != program {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([
            section.get(10)? & 0x0f,
            *section.get(11)?,
        ]));
        let about = section.get(12..12 + length)?;
        let mut rest = section.get(12 + length..section.len().checked_sub(4)?)?;
        let mut streams = Vec::new();
        while let [kind, high, low, long, short, ..] = rest {
            let length = usize::from(u16::from_be_bytes([long & 0x0f, *short]));
            let descriptors = rest.get(5..5 + length)?;
            let pid = u16::from_be_bytes([high & 0x1f, *low]);
            let unnamed = || sniff(pid).filter(|_| *kind == PRIVATE);
            let codec = codec(*kind, about, descriptors).or_else(unnamed);
            streams.extend(codec.map(|codec| Stream {
                program,
                pid,
                codec,
            }));
            rest = rest.get(5 + length..)?;
        }
        Some(streams)
    };
    read().unwrap_or_default()
}

/// Returns the codec of a stream by its type (table 2-34; ATSC A/53; Blu-ray for programs that are
/// registered as HDMV) and descriptors; `None` for what is neither audio nor video.
fn codec(kind: u8, about: &[u8], descriptors: &[u8]) -> Option<&'static str> {
    let is_disc = registration(about) == Some(*b"HDMV");
    Some(match kind {
        0x01 => "MPEG-1 video",
        0x02 => "MPEG-2 video",
        0x03 | 0x04 => "MPEG audio",
        0x0f | 0x11 => "AAC",
        0x10 => "MPEG-4 video",
        0x1b | 0x20 => "H.264",
        0x21 => "JPEG 2000",
        0x24 => "H.265",
        0x33 => "H.266",
        0x42 => "AVS video",
        0x80 if is_disc => "LPCM",
        0x80 => "MPEG-2 video",
        0x81 => "AC-3",
        0x82 | 0x8a => "DTS",
        0x83 => "TrueHD",
        0x84 | 0x87 => "E-AC-3",
        0x85 | 0x86 if is_disc => "DTS-HD",
        0xd1 => "Dirac",
        0xea => "VC-1",
        PRIVATE => private(descriptors)?,
        _ => return None,
    })
}

/// Returns the codec of a private stream (ETSI EN 300 468, 6.1 and annex D).
fn private(descriptors: &[u8]) -> Option<&'static str> {
    let by_name = registration(descriptors).and_then(|name| match &name {
        b"AC-3" => Some("AC-3"),
        b"EAC3" => Some("E-AC-3"),
        b"DTS1" | b"DTS2" | b"DTS3" => Some("DTS"),
        b"Opus" => Some("Opus"),
        b"BSSD" => Some("SMPTE 302M"),
        b"HEVC" => Some("H.265"),
        b"AV01" => Some("AV1"),
        b"VC-1" => Some("VC-1"),
        b"drac" => Some("Dirac"),
        _ => None,
    });
    let has = |tag: u8| each(descriptors).any(|(found, _)| found == tag);
    let by_tag = [
        (0x6a, "AC-3"),
        (0x7a, "E-AC-3"),
        (0x7b, "DTS"),
        (0x7c, "AAC"),
    ];
    by_name.or_else(|| {
        by_tag
            .iter()
            .find(|(tag, _)| has(*tag))
            .map(|(_, name)| *name)
    })
}

/// Returns the name in a registration descriptor (2.6.8).
fn registration(descriptors: &[u8]) -> Option<[u8; 4]> {
    let mut found = each(descriptors).filter(|(tag, _)| *tag == 5);
    found.next()?.1.first_chunk().copied()
}

/// Reads descriptors: tag and content.
fn each(mut descriptors: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, length], rest) = descriptors.split_first_chunk()?;
        let (content, rest) = rest.split_at_checked(usize::from(length))?;
        descriptors = rest;
        Some((tag, content))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Makes packets that carry a section.
    fn packets_of(pid: u16, section: &[u8]) -> Vec<u8> {
        let mut payload = vec![0];
        payload.extend(section);
        let mut packets = Vec::new();
        for (n, part) in payload.chunks(184).enumerate() {
            let start = if n == 0 { 0x40 } else { 0 };
            let [high, low] = pid.to_be_bytes();
            let mut packet = vec![SYNC, start | high, low, 0x10];
            packet.extend(part);
            packet.resize(188, 0xff);
            packets.extend(packet);
        }
        packets
    }

    fn section(table: u8, number: u16, content: &[u8]) -> Vec<u8> {
        let [long, short] = (content.len() as u16 + 9).to_be_bytes();
        let [high, low] = number.to_be_bytes();
        let head = [table, 0xb0 | long, short, high, low, 0xc1, 0, 0];
        [&head[..], content, &[0; 4]].concat()
    }

    fn stream(kind: u8, pid: u16, descriptors: &[u8]) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let head = [kind, 0xe0 | high, low, 0xf0, descriptors.len() as u8];
        [&head[..], descriptors].concat()
    }

    #[test]
    fn streams_are_listed_over_several_packets() {
        let mut map = vec![0xe1, 0, 0xf0, 0];
        map.extend(stream(0x1b, 0x100, &[]));
        map.extend(stream(0x82, 0x101, &[]));
        map.extend(stream(0x06, 0x102, &[5, 4, b'O', b'p', b'u', b's']));
        // Subtitles, then a stream behind the first packet.
        map.extend(stream(0x06, 0x103, &[0x59; 202]));
        map.extend(stream(0x81, 0x104, &[]));
        let mut file = packets_of(0, &section(0, 1, &[0, 0, 0xe0, 16, 0, 7, 0xf0, 0]));
        file.extend(packets_of(0x1000, &section(2, 7, &map)));
        file.extend(packets_of(0x1fff, &[0; 600]));
        let found = streams(&mut Cursor::new(&file)).expect("read");
        let found: Vec<_> = found.iter().map(|s| (s.program, s.pid, s.codec)).collect();
        assert_eq!(
            found,
            [
                (7, 0x100, "H.264"),
                (7, 0x101, "DTS"),
                (7, 0x102, "Opus"),
                (7, 0x104, "AC-3")
            ]
        );
        let stamped: Vec<u8> = file
            .chunks(188)
            .flat_map(|packet| [&[0; 4], packet].concat())
            .collect();
        assert_eq!(streams(&mut Cursor::new(stamped)).expect("read").len(), 4);
    }

    #[test]
    fn broken_tables_and_other_files_list_nothing() {
        for bytes in [&b""[..], b"RIFF", &[SYNC; 940], &[0; 2000]] {
            assert_eq!(streams(&mut Cursor::new(bytes)).expect("read"), []);
        }
        assert_eq!(read_streams(&[2, 0, 0, 0, 1], 1, &|_| None), []);
    }

    #[test]
    fn private_streams_without_a_name_are_known_by_their_packets() {
        let mut map = vec![0xe1, 0, 0xf0, 0];
        map.extend(stream(PRIVATE, 0x100, &[]));
        map.extend(stream(PRIVATE, 0x101, &[]));
        map.extend(stream(PRIVATE, 0x102, &[]));
        let mut file = packets_of(0, &section(0, 1, &[0, 7, 0xf0, 0]));
        file.extend(packets_of(0x1000, &section(2, 7, &map)));
        for (pid, kind, data) in [(0x100, 0xc0, [0xff, 0xf1]), (0x101, 0xbd, [0x20, 0])] {
            let mut packet = vec![SYNC, 0x41, (pid & 0xff) as u8, 0x10, 0, 0, 1, kind];
            packet.extend([0, 0, 0x80, 0, 0]);
            packet.extend(data);
            packet.resize(188, 0xff);
            file.extend(packet);
        }
        let found = streams(&mut Cursor::new(&file)).expect("read");
        let found: Vec<_> = found.iter().map(|s| (s.pid, s.codec)).collect();
        assert_eq!(found, [(0x100, "AAC")]);
    }
}
