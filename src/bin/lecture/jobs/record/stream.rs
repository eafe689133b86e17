// SPDX-License-Identifier: MPL-2.0

//! The RTP streams that are announced: by session descriptions (SDP) or by hand.

use std::fs;
use std::path::Path;

use gst_sdp::{SDPMediaRef, SDPMessage};

use crate::error::Error;
use crate::options::{FromText, Wrong};

/// An RTP stream that is sent to a port of this machine.
#[derive(Clone, Debug)]
pub struct Stream {
    pub participant: String,
    /// `video` or `audio`.
    pub media: String,
    /// The source by its name in `session.json`.
    pub source: String,
    pub port: u16,
    /// The port to which the sender sends its reports.
    pub rtcp_port: Option<u16>,
    /// The caps of the first payload type.
    pub caps: gst::Caps,
    /// The caps of each payload type.
    pub payloads: Vec<(u8, gst::Caps)>,
    /// The SSRCs that are announced; empty if any may come.
    pub ssrcs: Vec<u32>,
}

impl Stream {
    /// Returns whether a packet belongs to the stream: mediasoup, for example, also sends probes of
    /// another payload type and SSRC to the same port.
    pub fn has(&self, packet: &[u8]) -> bool {
        let (Some(second), Some(ssrc)) = (packet.get(1), packet.get(8..12)) else {
            return false;
        };
        let ssrc = ssrc.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let payload = second & 0x7f;
        packet.first().is_some_and(|first| first >> 6 == 2)
            && self.payloads.iter().any(|(other, _)| *other == payload)
            && (self.ssrcs.is_empty() || self.ssrcs.contains(&ssrc))
    }
}

/// Streams by hand.
#[derive(Clone, Debug)]
pub struct Ports(Vec<Stream>);

impl FromText for Ports {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let streams: Option<Vec<Stream>> = text.split(',').map(parse_port).collect();
        streams.map(Ports).ok_or(Wrong::Form(
            "write streams as PARTICIPANT:SOURCE:CODEC:PAYLOAD-TYPE:PORT, for example ada:camera:VP8:96:5004",
        ))
    }
}

fn parse_port(text: &str) -> Option<Stream> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let [participant, source, codec, payload, port] = parts[..] else {
        return None;
    };
    let media = match source {
        "camera" | "screen" => "video",
        "microphone" | "screen-audio" => "audio",
        _ => return None,
    };
    let codec = codec.to_ascii_uppercase();
    // RFC 3551 keeps 8000 for G.722, which is sampled at 16000.
    let clock_rate = match (&*codec, media) {
        (_, "video") => 90_000,
        ("OPUS", _) => 48_000,
        ("PCMU" | "PCMA" | "G722", _) => 8000,
        _ => return None,
    };
    let payload: u8 = payload.parse().ok().filter(|payload| *payload < 128)?;
    let port: u16 = port
        .parse()
        .ok()
        .filter(|port| (1..u16::MAX).contains(port))?;
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", media)
        .field("clock-rate", clock_rate)
        .field("encoding-name", codec)
        .field("payload", i32::from(payload))
        .field_if("rtcp-fb-nack-pli", true, media == "video")
        .build();
    (!participant.is_empty()).then(|| Stream {
        participant: participant.to_owned(),
        media: media.to_owned(),
        source: source.to_owned(),
        port,
        rtcp_port: Some(port + 1),
        payloads: vec![(payload, caps.clone())],
        caps,
        ssrcs: Vec::new(),
    })
}

/// Returns the streams of the test sources.
pub fn test() -> Vec<Stream> {
    encoded(
        "test",
        [
            ("video", "camera", "video/x-vp8"),
            ("audio", "microphone", "audio/x-opus"),
        ],
    )
}

/// Returns the streams of a web page.
pub fn page() -> Vec<Stream> {
    encoded(
        "page",
        [
            ("video", "screen", "video/x-h264"),
            ("audio", "screen-audio", "audio/x-opus"),
        ],
    )
}

/// Returns streams that are encoded here: of a participant, each with media, source and caps.
fn encoded(participant: &str, streams: [(&str, &str, &str); 2]) -> Vec<Stream> {
    let streams = streams.into_iter();
    streams
        .map(|(media, source, caps)| Stream {
            participant: participant.into(),
            media: media.into(),
            source: source.into(),
            port: 0,
            rtcp_port: None,
            caps: gst::Caps::new_empty_simple(caps),
            payloads: Vec::new(),
            ssrcs: Vec::new(),
        })
        .collect()
}

/// Reads all streams that are announced.
pub fn read(sdp: Option<&str>, ports: Option<&Ports>) -> Result<Vec<Stream>, Error> {
    let mut streams = ports.map_or(Vec::new(), |ports| ports.0.clone());
    for file in sdp.into_iter().flat_map(|files| files.split(',')) {
        let file = Path::new(file.trim());
        let text = fs::read_to_string(file).map_err(|error| Error::reading(file, &error))?;
        let found = parse(&text).map_err(|what| {
            Error::request(
                what,
                file.display().to_string(),
                "name an SDP file (RFC 8866) of RTP streams that are sent to this machine",
            )
        })?;
        streams.extend(found);
    }
    if streams.is_empty() {
        return Err(Error::usage(
            "no stream is named",
            "from=rtp",
            "give sdp=FILE[,FILE] or ports=",
        ));
    }
    let mut taken: Vec<u16> = Vec::new();
    for stream in &streams {
        for port in [Some(stream.port), stream.rtcp_port].into_iter().flatten() {
            if taken.contains(&port) {
                return Err(Error::usage(
                    format!("two streams are sent to port {port}"),
                    "from=rtp",
                    "give each stream two ports of its own, for RTP and RTCP",
                ));
            }
            taken.push(port);
        }
    }
    Ok(streams)
}

/// Reads a session description. The error is what is wrong with it.
fn parse(text: &str) -> Result<Vec<Stream>, String> {
    if !text.trim_start().starts_with("v=0") {
        return Err("this is not a session description".into());
    }
    let message = SDPMessage::parse_buffer(text.as_bytes())
        .map_err(|_| "the session description cannot be read".to_owned())?;
    let name = message.session_name().unwrap_or_default().trim().to_owned();
    let streams: Vec<Stream> = message
        .medias()
        .filter(|media| matches!(media.media(), Some("audio" | "video")))
        .map(|media| stream(media, &name))
        .collect::<Result<_, _>>()?;
    if streams.is_empty() {
        return Err("the session description has no audio and no video".into());
    }
    Ok(streams)
}

fn stream(media: &SDPMediaRef, name: &str) -> Result<Stream, String> {
    let kind = media.media().unwrap_or_default();
    let attributes = |key: &'static str| {
        let all = media
            .attributes()
            .filter(move |attribute| attribute.key() == key);
        all.filter_map(|attribute| attribute.value())
    };
    let protocol = media.proto().unwrap_or_default();
    if !matches!(protocol, "RTP/AVP" | "RTP/AVPF") {
        return Err(format!(
            "{kind}: {protocol} is not recorded, only RTP/AVP and RTP/AVPF"
        ));
    }
    let payloads: Vec<(u8, gst::Caps)> = media
        .formats()
        .filter_map(|format| caps(media, format))
        .collect();
    let caps = payloads.first().map(|(_, caps)| caps.clone());
    let caps = caps.ok_or_else(|| format!("{kind}: no codec is named (a=rtpmap)"))?;
    let port = u16::try_from(media.port()).ok();
    let port = port.filter(|port| (1..u16::MAX).contains(port));
    let port = port.ok_or_else(|| format!("{kind}: {} is not a port", media.port()))?;
    let announced = attributes("rtcp").next().and_then(|value| {
        let port = value.split_whitespace().next()?;
        port.parse().ok()
    });
    let rtcp_port = announced.unwrap_or(port + 1);
    let mut ssrcs: Vec<u32> = attributes("ssrc")
        .filter_map(|value| value.split_whitespace().next()?.parse().ok())
        .collect();
    ssrcs.dedup();
    let cname = attributes("ssrc")
        .find_map(|value| value.split_once("cname:").map(|(_, cname)| cname.trim()));
    let is_named = !matches!(name, "" | "-" | "No Name");
    let participant = cname.or(is_named.then_some(name)).unwrap_or("speaker");
    // RFC 4796.
    let is_screen = attributes("content").any(|content| content.contains("slides"));
    let source = match (kind, is_screen) {
        ("video", false) => "camera",
        ("video", true) => "screen",
        (_, false) => "microphone",
        (_, true) => "screen-audio",
    };
    Ok(Stream {
        participant: participant.to_owned(),
        media: kind.to_owned(),
        source: source.to_owned(),
        port,
        // Reports on the port of the media itself are not read.
        rtcp_port: (rtcp_port != port).then_some(rtcp_port),
        caps,
        payloads,
        ssrcs,
    })
}

/// Returns the caps of a payload type of a description.
fn caps(media: &SDPMediaRef, format: &str) -> Option<(u8, gst::Caps)> {
    let payload: u8 = format.parse().ok().filter(|payload| *payload < 128)?;
    let mut caps = media.caps_from_media(i32::from(payload))?;
    let attributed = caps.make_mut();
    attributed.structure_mut(0)?.set_name("application/x-rtp");
    // Attributes that are no part of caps are left out by it.
    let _ = media.attributes_to_caps(attributed);
    Some((payload, caps))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=mediasoup\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=video 5004 RTP/AVPF 101\r\na=rtcp:5105\r\na=rtpmap:101 VP8/90000\r\na=rtcp-fb:101 nack pli\r\n\
        a=ssrc:3001 cname:ada\r\na=recvonly\r\n";

    fn packet(payload: u8, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, payload, 0, 1, 0, 0, 0, 0];
        packet.extend(ssrc.to_be_bytes());
        packet
    }

    #[test]
    fn a_description_names_port_codec_and_sender() {
        gst::init().expect("GStreamer starts");
        let streams = parse(SDP).expect("valid");
        let [stream] = &streams[..] else {
            panic!("{streams:?}");
        };
        assert_eq!((stream.port, stream.rtcp_port), (5004, Some(5105)));
        assert_eq!((&*stream.participant, &*stream.source), ("ada", "camera"));
        let structure = stream.caps.structure(0).expect("one");
        assert_eq!(structure.name(), "application/x-rtp");
        assert_eq!(structure.get("encoding-name"), Ok("VP8"));
        assert_eq!(structure.get("rtcp-fb-nack-pli"), Ok(true));
        assert!(stream.has(&packet(101, 3001)) && stream.has(&packet(101 | 0x80, 3001)));
        for other in [
            packet(127, 1234),
            packet(101, 1234),
            packet(127, 3001),
            vec![0x80],
        ] {
            assert!(!stream.has(&other), "{other:?}");
        }
    }

    #[test]
    fn a_wrong_description_is_named() {
        gst::init().expect("GStreamer starts");
        for (text, part) in [
            ("RIFF".to_owned(), "not a session description"),
            ("v=0\r\ns=-\r\n".into(), "no audio and no video"),
            (SDP.replace("RTP/AVPF", "UDP/TLS/RTP/SAVPF"), "SAVPF"),
            (SDP.replace(" 5004 ", " 0 "), "not a port"),
            (SDP.replace("a=rtpmap:101 VP8/90000\r\n", ""), "no codec"),
        ] {
            let error = parse(&text).expect_err("wrong");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn streams_by_hand_have_all_five_parts() {
        gst::init().expect("GStreamer starts");
        let parse = |text: &str| Ports::from_text(text).ok();
        let ports = parse("ada:camera:vp8:96:5004,ada:microphone:opus:111:5006").expect("valid");
        assert_eq!(
            ports.0[1]
                .caps
                .structure(0)
                .and_then(|caps| caps.get("clock-rate").ok()),
            Some(48_000)
        );
        for wrong in [
            "",
            "ada:camera:VP8:96",
            "ada:hand:VP8:96:5004",
            "ada:camera:VP8:200:5004",
            ":camera:VP8:96:5004",
            "a:camera:VP8:96:0",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
