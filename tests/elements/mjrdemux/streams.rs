// SPDX-License-Identifier: MPL-2.0

//! Codecs, order, losses and header extensions.

use super::{header, mjr, opus, packets, play, starts, vp8};

#[test]
fn every_codec_comes_out_with_the_times_of_its_source() {
    let cases = [
        ("a", "opus", "audio/x-opus", opus(), 20_000_000_u64, 50),
        ("v", "vp8", "video/x-vp8", vp8(), 33_333_333, 30),
        (
            "v",
            "vp9",
            "video/x-vp9",
            packets(
                "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=240,framerate=30/1 ! vp9enc deadline=1 ! rtpvp9pay",
            ),
            33_333_333,
            30,
        ),
        (
            "v",
            "h264",
            "video/x-h264",
            packets(
                "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency sliced-threads=false ! rtph264pay config-interval=-1",
            ),
            33_333_333,
            30,
        ),
        (
            "a",
            "g722",
            "audio/G722",
            packets(
                "audiotestsrc num-buffers=50 samplesperbuffer=320 ! audio/x-raw,rate=16000,channels=1 ! avenc_g722 ! rtpg722pay min-ptime=20000000 max-ptime=20000000",
            ),
            20_000_000,
            50,
        ),
        (
            "a",
            "pcmu",
            "audio/x-mulaw",
            packets(
                "audiotestsrc num-buffers=50 samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay min-ptime=20000000 max-ptime=20000000",
            ),
            20_000_000,
            50,
        ),
        (
            "a",
            "pcma",
            "audio/x-alaw",
            packets(
                "audiotestsrc num-buffers=50 samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay min-ptime=20000000 max-ptime=20000000",
            ),
            20_000_000,
            50,
        ),
        (
            "a",
            "l16",
            "audio/x-raw",
            packets(
                "audiotestsrc num-buffers=50 samplesperbuffer=320 ! audio/x-raw,rate=16000,channels=1 ! audioconvert ! rtpL16pay min-ptime=20000000 max-ptime=20000000",
            ),
            20_000_000,
            50,
        ),
    ];
    for (kind, codec, media, packets, step, count) in cases {
        let seen = play(&mjr(&header(kind, codec), &packets));
        assert_eq!(seen.error, None, "{codec}");
        assert_eq!(
            seen.caps.split(',').next(),
            Some(media),
            "{codec}: {}",
            seen.caps
        );
        assert!(
            seen.buffers.len() >= count - 1,
            "{codec}: {} buffers",
            seen.buffers.len()
        );
        for (index, start) in starts(&seen).into_iter().enumerate() {
            // The encoder of Opus shortens its first packet; else one tick of the coarsest clock.
            let first = starts(&seen)
                .get(1)
                .map_or(0, |second| step.saturating_sub(*second));
            let expected = (index as u64 * step).saturating_sub(first);
            assert!(
                start.abs_diff(expected) <= 125_000,
                "{codec}: {start} at {index}"
            );
        }
        assert_eq!(seen.gaps, [], "{codec}");
    }
}

#[test]
fn payload_types_below_96_and_six_channels_are_taken() {
    let low: Vec<_> = opus()
        .into_iter()
        .map(|mut packet| {
            packet[1] = packet[1] & 0x80 | 63;
            packet
        })
        .collect();
    let seen = play(&mjr(&header("a", "opus"), &low));
    assert_eq!((seen.error, seen.buffers.len()), (None, low.len()));

    let six = packets(
        "audiotestsrc num-buffers=50 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=6,channel-mask=(bitmask)0x3f ! opusenc ! rtpopuspay",
    );
    let fmtp = r#", "f": "num_streams=4;coupled_streams=2;channel_mapping=0,4,1,2,3,5"}"#;
    let header = header("a", "multiopus").replace('}', fmtp);
    let seen = play(&mjr(&header, &six));
    assert_eq!((seen.error, seen.buffers.len()), (None, six.len()));
    assert!(seen.caps.contains("channels=(int)6"), "{}", seen.caps);
}

#[test]
fn reordered_and_repeated_packets_and_those_of_others_change_nothing() {
    for (kind, codec, packets) in [("a", "opus", opus()), ("v", "vp8", vp8())] {
        let whole = play(&mjr(&header(kind, codec), &packets));
        let mut mixed = Vec::new();
        for (index, four) in packets.chunks(4).enumerate() {
            let mut four = four.to_vec();
            // The first packet stays: it gives the SSRC.
            if index > 0 {
                four.reverse();
            }
            for packet in four {
                let mut other = packet.clone();
                other[8] ^= 0xFF;
                mixed.push(packet.clone());
                mixed.push(other);
                mixed.push(packet);
            }
        }
        let seen = play(&mjr(&header(kind, codec), &mixed));
        assert_eq!(seen.buffers, whole.buffers, "{codec}");
        assert_eq!(seen.gaps, whole.gaps, "{codec}");
        assert_eq!(seen.warnings.len(), 1, "{:?}", seen.warnings);
        let duplicates = seen.messages[0].get::<u64>("duplicates");
        assert_eq!(duplicates, Ok(packets.len() as u64), "{codec}");
    }
}

#[test]
fn lost_packets_become_gaps_and_the_rest_keeps_its_time() {
    let mut packets = opus();
    let whole = starts(&play(&mjr(&header("a", "opus"), &packets)));
    packets.drain(10..15);
    let seen = play(&mjr(&header("a", "opus"), &packets));
    assert_eq!(seen.gaps, [(whole[10], 100_000_000)]);
    assert_eq!(seen.buffers[10].0, whole[15]);
    let gap = seen
        .messages
        .iter()
        .find(|message| message.name() == "mjrdemux-gap");
    let gap = gap.expect("a gap is reported");
    assert_eq!(gap.get::<u64>("packets"), Ok(5));
    assert_eq!(gap.get::<u64>("time"), Ok(whole[10]));
}

#[test]
fn text_messages_keep_the_recorders_times() {
    let message = |micros: i64, text: &str| {
        let mut bytes = micros.to_be_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes
    };
    let file = mjr(
        &header("d", "text"),
        &[message(1_500_000, "one"), message(2_750_000, "two")],
    );
    let seen = play(&file);
    assert_eq!(seen.caps, "text/x-raw, format=(string)utf8");
    assert_eq!(seen.buffers, [(500_000_000, 3), (1_750_000_000, 3)]);
    let binary = play(&mjr(&header("d", "binary"), &[message(1, "x")]));
    assert_eq!(binary.messages[0].get::<&str>("codec"), Ok("binary"));
    assert!(
        binary
            .error
            .is_some_and(|error| error.contains("binary data"))
    );
}

/// Adds a one-byte header extension to a packet without one.
fn with_extension(packet: &[u8], id: u8, value: u8) -> Vec<u8> {
    let mut out = packet.to_vec();
    out[0] |= 0x10;
    out.splice(12..12, [0xBE, 0xDE, 0, 1, id << 4, value, 0, 0]);
    out
}

#[test]
fn rotation_becomes_a_tag_and_a_message_and_the_audio_level_speech() {
    let packets = vp8();
    let time = |packet: &[u8]| u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
    let mut times: Vec<u32> = packets.iter().map(|packet| time(packet)).collect();
    times.dedup();
    let tenth = times[10];
    let turned: Vec<_> = packets
        .iter()
        .map(|packet| match time(packet) {
            first if first == time(&packets[0]) => with_extension(packet, 13, 0),
            at if at == tenth => with_extension(packet, 13, 1),
            _ => packet.clone(),
        })
        .collect();
    let with_map = |kind, codec, id: u8, uri| {
        header(kind, codec).replace('}', &format!(r#", "x": {{"{id}": "{uri}"}}}}"#))
    };
    let seen = play(&mjr(
        &with_map("v", "vp8", 13, "urn:3gpp:video-orientation"),
        &turned,
    ));
    assert_eq!(seen.tags, ["rotate-0", "rotate-90"]);
    assert_eq!(
        seen.buffers,
        play(&mjr(&header("v", "vp8"), &packets)).buffers
    );
    let rotations: Vec<_> = seen
        .messages
        .iter()
        .filter(|message| message.name() == "mjrdemux-rotation")
        .map(|message| {
            (
                message.get::<u64>("time").ok(),
                message.get::<u32>("degrees").ok(),
            )
        })
        .collect();
    assert_eq!(
        rotations,
        [(Some(0), Some(0)), (Some(seen.buffers[10].0), Some(90))]
    );

    let level = |index: usize| if (10..40).contains(&index) { 30 } else { 127 };
    let levels = opus().into_iter().enumerate();
    let levels: Vec<_> = levels
        .map(|(at, packet)| with_extension(&packet, 1, level(at)))
        .collect();
    let uri = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    let seen = play(&mjr(&with_map("a", "opus", 1, uri), &levels));
    let speech: Vec<_> = seen
        .messages
        .iter()
        .filter(|message| message.name() == "mjrdemux-speaking")
        .map(|message| {
            message
                .get::<bool>("speaking")
                .ok()
                .zip(message.get::<u64>("time").ok())
        })
        .collect();
    // Silence has to last longer than the rest of the recording.
    assert_eq!(speech, [Some((true, seen.buffers[10].0))]);
}
