// SPDX-License-Identifier: MPL-2.0

//! The session descriptions (RFC 8866) by which a LiveKit server offers tracks.

use super::CODECS;

/// A media section: the place of a track. A place whose track has ended is given to another one later.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Section {
    /// The identifier of the place.
    pub mid: String,
    pub is_video: bool,
    /// The server sends there.
    pub is_sent: bool,
    /// The identifier of the participant (`PA_…`).
    pub participant: String,
    /// The streams that are played in sync with it, for example `camera`; empty if the server does not
    /// tell.
    pub group: String,
    /// The identifier of the track (`TR_…`).
    pub track: String,
    /// The RTP encoding names, in the order of the server.
    pub codecs: Vec<String>,
}

impl Section {
    /// Returns whether the track may come in a codec that is recorded.
    pub fn is_recorded(&self) -> bool {
        let is_known = |name: &String| CODECS.iter().any(|own| own.eq_ignore_ascii_case(name));
        self.codecs.iter().any(is_known)
    }
}

/// Returns the sections for video and audio of a session description.
pub fn read(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            let is_video = media.starts_with("video ");
            let is_taken = is_video || media.starts_with("audio ");
            sections.push((
                is_taken,
                Section {
                    is_video,
                    is_sent: true,
                    ..Section::default()
                },
            ));
        } else if let (Some(attribute), Some((_, section))) =
            (line.strip_prefix("a="), sections.last_mut())
        {
            take(section, attribute);
        }
    }
    let taken = sections.into_iter().filter(|(is_taken, _)| *is_taken);
    taken.map(|(_, section)| section).collect()
}

fn take(section: &mut Section, attribute: &str) {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    match name {
        "mid" => section.mid = value.to_owned(),
        "inactive" | "recvonly" => section.is_sent = false,
        "msid" => take_stream(section, value),
        // Older servers name the stream of each source alone.
        "ssrc" if section.track.is_empty() => {
            if let Some((_, stream)) = value.split_once(" msid:") {
                take_stream(section, stream);
            }
        }
        "rtpmap" => {
            let codec = value.split_once(' ').map(|(_, codec)| codec);
            let codec = codec.and_then(|codec| codec.split('/').next());
            section.codecs.extend(codec.map(str::to_ascii_uppercase));
        }
        _ => {}
    }
}

/// Reads `PA_…|GROUP TR_…`, or `PA_…|TR_… TR_…` where streams are not played in sync.
fn take_stream(section: &mut Section, value: &str) {
    let mut words = value.split_whitespace();
    let stream = words.next().unwrap_or_default();
    let (participant, group) = stream.split_once('|').unwrap_or((stream, ""));
    section.participant = participant.to_owned();
    section.group = match group.starts_with("TR_") {
        true => String::new(),
        false => group.to_owned(),
    };
    let track = words.next().or((!group.is_empty()).then_some(group));
    section.track = track.unwrap_or_default().to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=msid-semantic:WMS *\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=mid:1\r\na=rtpmap:63 red/48000/2\r\n\
        a=rtpmap:111 opus/48000/2\r\na=msid:PA_ada|camera TR_mic\r\na=sendonly\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=rtpmap:96 VP8/90000\r\n\
        a=ssrc:7 cname:PA_ada|camera\r\na=ssrc:7 msid:PA_ada|TR_cam TR_cam\r\na=sendrecv\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=rtpmap:96 H266/90000\r\n\
        a=msid:PA_ben|camera TR_b\r\na=inactive\r\n";

    #[test]
    fn an_offer_names_the_track_of_each_place() {
        let sections = read(OFFER);
        assert_eq!(
            sections[0],
            Section {
                mid: "1".into(),
                is_video: false,
                is_sent: true,
                participant: "PA_ada".into(),
                group: "camera".into(),
                track: "TR_mic".into(),
                codecs: vec!["RED".into(), "OPUS".into()],
            }
        );
        assert_eq!((&*sections[1].track, &*sections[1].group), ("TR_cam", ""));
        assert_eq!(sections.len(), 3);
        let recorded: Vec<_> = sections
            .iter()
            .map(|section| (section.is_sent, section.is_recorded()))
            .collect();
        assert_eq!(recorded, [(true, true), (true, true), (false, false)]);
        assert!(read("").is_empty());
        let odd = read("a=mid:1\r\nm=audio 9\r\na=msid:\r\na=rtpmap\r\n");
        assert_eq!((&*odd[0].mid, &*odd[0].track), ("", ""));
    }
}
