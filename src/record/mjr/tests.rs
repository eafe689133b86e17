// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;
use crate::timeline::Time;

const SSRC: u32 = 0x0102_0304;

fn header(kind: &str, codec: &str, more: &str) -> String {
    format!(r#"{{"t":"{kind}","c":"{codec}","s":1000000,"u":1500000{more}}}"#)
}

fn rtp(sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(SSRC.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A file of the present format; each record has its arrival in ms.
fn file(header: &str, records: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"MJR00002".to_vec();
    file.extend((header.len() as u16).to_be_bytes());
    file.extend(header.as_bytes());
    for (arrival, record) in records {
        file.extend(b"MEET");
        file.extend(arrival.to_be_bytes());
        file.extend((record.len() as u16).to_be_bytes());
        file.extend(record);
    }
    file
}

fn audio(records: &[(u32, Vec<u8>)]) -> Recording {
    read(&file(&header("a", "opus", ""), records)).expect("a recording")
}

fn times(recording: &Recording, clock: Clock) -> Vec<u64> {
    let timeline = Timeline::new(recording, clock);
    let packets = recording.packets();
    (0..packets.len())
        .map(|index| timeline.time(index, packets).nanos() / 1000)
        .collect()
}

#[test]
fn sequence_numbers_and_timestamps_wrap() {
    let at = |step: u32| (u16::MAX - 1).wrapping_add(step as u16);
    let stamp = |step: u32| (u32::MAX - 1000).wrapping_add(step * 960);
    let order = [0, 2, 1, 3, 5, 4, 4, 6];
    let records: Vec<_> = order
        .map(|step| (step * 20, rtp(at(step), stamp(step), b"x")))
        .into();
    let recording = audio(&records);
    assert_eq!(recording.duplicates(), 1);
    assert_eq!(
        times(&recording, Clock::Rtp),
        [0, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000]
    );
    assert_eq!(recording.losses(&Timeline::new(&recording, Clock::Rtp)), []);
}

#[test]
fn padding_is_no_loss_and_a_missing_packet_is() {
    let mut padding = rtp(11, 960, &[0, 0, 0, 4]);
    padding[0] |= 0x20;
    let records = [
        (0, rtp(10, 0, b"a")),
        (1, padding),
        (20, rtp(12, 960, b"b")),
    ];
    let last = (80, rtp(15, 3840, b"c"));
    let recording = audio(&[records.as_slice(), &[last]].concat());
    assert_eq!(recording.packets().len(), 3);
    let timeline = Timeline::new(&recording, Clock::Rtp);
    let [loss] = recording.losses(&timeline)[..] else {
        panic!("one loss")
    };
    assert_eq!((loss.index, loss.packets), (2, 2));
    assert_eq!(
        (loss.start, loss.end),
        (Time::from_millis(40), Time::from_millis(80))
    );
}

#[test]
fn a_restarted_clock_goes_on_by_the_time_of_arrival() {
    let mut records: Vec<_> = (0..50)
        .map(|step| (step * 20, rtp(step as u16, 5_000_000 + step * 960, b"x")))
        .collect();
    records.extend((50..100).map(|step| (step * 20, rtp(step as u16, step * 960, b"x"))));
    let recording = audio(&records);
    assert_eq!(recording.problems(), [Problem::ClockJumped { times: 1 }]);
    let expected: Vec<u64> = (0..100).map(|step| step * 20_000).collect();
    assert_eq!(times(&recording, Clock::Rtp), expected);
}

#[test]
fn arrival_times_lose_the_senders_drift_and_the_networks_jitter() {
    // The sender's clock gains 100 ppm; every packet is up to 60 ms late.
    let records: Vec<_> = (0..60_000_u32)
        .map(|step| {
            let stamp = f64::from(step) * 960.0 * 1.0001;
            (
                500 + step * 20 + step * 7919 % 60,
                rtp(step as u16, stamp as u32, b"x"),
            )
        })
        .collect();
    let recording = audio(&records);
    for (step, micros) in times(&recording, Clock::Arrival).into_iter().enumerate() {
        let expected = 500_000 + step as u64 * 20_000;
        assert!(micros.abs_diff(expected) < 15_000, "{step}: {micros}");
    }
    let by_sender = times(&recording, Clock::Rtp);
    assert!(by_sender[59_999].abs_diff(59_999 * 20_002) < 100);
}

#[test]
fn a_stall_of_the_network_does_not_move_the_line() {
    let stalled = |step: u32| {
        if (500..700).contains(&step) {
            14_000
        } else {
            step * 20
        }
    };
    let records: Vec<_> = (0..2000_u32)
        .map(|step| (stalled(step), rtp(step as u16, step * 960, b"x")))
        .collect();
    for (step, micros) in times(&audio(&records), Clock::Arrival)
        .into_iter()
        .enumerate()
    {
        assert!(
            micros.abs_diff(step as u64 * 20_000) < 15_000,
            "{step}: {micros}"
        );
    }
}

#[test]
fn redundant_audio_replaces_a_lost_packet() {
    let red = |sequence: u16, before: &[u8], own: &[u8]| {
        let word = 0x8000_0000 | 111 << 24 | 960 << 10 | before.len() as u32;
        let mut payload = word.to_be_bytes().to_vec();
        payload.push(111);
        payload.extend(before);
        payload.extend(own);
        rtp(sequence, u32::from(sequence) * 960, &payload)
    };
    let records = [
        (0, red(0, b"", b"a")),
        (20, red(1, b"a", b"bb")),
        (60, red(3, b"ccc", b"d")),
    ];
    let file = file(&header("a", "opus", r#","or":111"#), &records);
    let recording = read(&file).expect("a recording");
    let payloads: Vec<&[u8]> = recording
        .packets()
        .iter()
        .map(|packet| &file[packet.offset as usize..][..usize::from(packet.length)])
        .collect();
    assert_eq!(payloads, [&b"a"[..], b"bb", b"ccc", b"d"]);
    assert_eq!(times(&recording, Clock::Rtp), [0, 20_000, 40_000, 60_000]);
}

#[test]
fn header_extensions_of_both_kinds_are_read() {
    let one_byte = [0xBE, 0xDE, 0, 1, 0x30, 0x02, 0, 0];
    let two_byte = [0x10, 0x00, 0, 2, 9, 0, 0, 3, 1, 0x05, 0, 0];
    let records: Vec<_> = [&one_byte[..], &two_byte]
        .iter()
        .enumerate()
        .map(|(at, extension)| {
            let mut packet = rtp(
                at as u16,
                at as u32 * 3000,
                &[extension, &b"x"[..]].concat(),
            );
            packet[0] |= 0x10;
            (0, packet)
        })
        .collect();
    let map = r#","x":{"3":"urn:3gpp:video-orientation"}"#;
    let recording = read(&file(&header("v", "vp8", map), &records)).expect("a recording");
    let rotations = recording.rotations(&Timeline::new(&recording, Clock::Rtp));
    let found: Vec<_> = rotations
        .iter()
        .map(|each| (each.degrees, each.is_flipped))
        .collect();
    assert_eq!(found, [(180, false), (90, true)]);
}

#[test]
fn messages_count_from_the_files_creation() {
    let message = |micros: i64| (0, [&micros.to_be_bytes()[..], b"hello"].concat());
    let bytes = file(
        &header("d", "text", ""),
        &[message(1_250_000), message(2_000_000)],
    );
    let recording = read(&bytes).expect("a recording");
    assert_eq!(times(&recording, Clock::Rtp), [250_000, 1_000_000]);
    assert_eq!(
        Timeline::new(&recording, Clock::Rtp).origin(),
        Some(1_000_000)
    );
}

#[test]
fn what_is_no_recording_is_refused() {
    let with = |json: &str| read(&file(json, &[(0, rtp(0, 0, b"x"))])).expect_err("an error");
    assert_eq!(read(b"").expect_err("an error"), Error::Empty);
    assert_eq!(read(b"MJR00002").expect_err("an error"), Error::Empty);
    assert_eq!(read(b"RIFF").expect_err("an error"), Error::NotMjr);
    assert_eq!(
        read(b"MJR00002\x00\x09{").expect_err("an error"),
        Error::HeaderCut
    );
    assert_eq!(with(&header("a", "opus", r#","e":true"#)), Error::Encrypted);
    assert_eq!(
        with(&header("v", "opus", "")),
        Error::UnknownCodec("opus".into())
    );
    assert_eq!(with(r#"{"c":"opus"}"#), Error::HeaderField("t"));
    assert!(matches!(with("nothing"), Error::HeaderNotJson(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        places in proptest::collection::vec((0_usize..600, any::<u8>()), 0..6),
        codec in 0_usize..5,
    ) {
        let _ = read(&bytes);
        let (kind, codec) =
            [("a", "opus"), ("v", "vp8"), ("v", "h264"), ("d", "text"), ("v", "vp9")][codec];
        let more = r#","or":111,"x":{"1":"urn:3gpp:video-orientation"}"#;
        let records: Vec<_> = bytes
            .chunks(40)
            .enumerate()
            .map(|(at, chunk)| (at as u32 * 20, rtp(at as u16, at as u32 * 960, chunk)))
            .collect();
        let mut bytes = file(&header(kind, codec, more), &records);
        for (place, value) in places {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        if let Ok(recording) = read(&bytes) {
            for clock in [Clock::Rtp, Clock::Arrival] {
                let timeline = Timeline::new(&recording, clock);
                let _ = (recording.losses(&timeline), recording.rotations(&timeline));
                let _ = (recording.speaking(&timeline), timeline.duration());
                for packet in recording.packets() {
                    let end = packet.offset + u64::from(packet.length);
                    prop_assert!(end <= bytes.len() as u64);
                }
                prop_assert!(recording.seek_point(&timeline, Time::from_secs(1)) < recording.packets().len());
            }
        }
    }
}
