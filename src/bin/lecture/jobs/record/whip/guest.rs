// SPDX-License-Identifier: MPL-2.0

//! A sender that publishes by WHIP: its webrtcbin and its tracks.

use std::net::IpAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_sdp::{SDPMediaRef, SDPMessage};
use gst_webrtc::{
    WebRTCICEGatheringState, WebRTCPeerConnectionState, WebRTCSDPType, WebRTCSessionDescription,
};
use gstlecture::record::layout::Role;
use gstlecture::record::live::whip::{Publisher, Refusal};

use super::super::stream::Stream;
use super::super::taps::{Taps, go_on};

/// Longest time for which addresses are gathered.
const LONGEST_GATHERING: Duration = Duration::from_secs(5);

/// The codecs that are recorded, by their RTP encoding names; AV1 if its depayloader is installed.
const VIDEO: [&str; 5] = ["VP8", "H264", "VP9", "H265", "AV1"];
const AUDIO: [&str; 4] = ["OPUS", "G722", "PCMU", "PCMA"];

/// Everything that senders share.
pub struct Room {
    pub pipeline: gst::Pipeline,
    pub session: gst::Element,
    pub taps: Taps,
    /// The local address for media; absent for all except loopback.
    pub address: Option<IpAddr>,
    /// Time in ms for which late packets are waited for.
    pub latency: u32,
}

/// A sender. Its tracks end when it is closed.
pub struct Guest {
    pub participant: String,
    webrtc: gst::Element,
    tracks: Mutex<Vec<Track>>,
}

/// A pad of the webrtcbin and the pad of the session that it is linked to.
struct Track {
    source: gst::Pad,
    sink: gst::Pad,
}

impl Guest {
    /// Makes the receiver of a sender, and returns it with the answer to its offer. `leave` is called
    /// once when the connection is lost or closed by the sender.
    ///
    /// # Errors
    /// The offer is refused.
    pub fn answer(
        room: &Arc<Room>,
        publisher: &Publisher,
        participant: String,
        offer: &str,
        leave: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Arc<Self>, String), Refusal> {
        let offer = parse(offer)?;
        let failed = |_| Refusal::new(500, "the recorder lacks an element of WebRTC");
        let webrtc = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .property("latency", room.latency)
            .build()
            .map_err(failed)?;
        if let Some(bin) = webrtc.downcast_ref::<gst::Bin>() {
            // The end of the recording does not wait for the sinks in it.
            bin.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
            webrtc.unset_element_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        }
        let guest = Arc::new(Guest {
            participant,
            webrtc,
            tracks: Mutex::default(),
        });
        guest.choose_addresses(room.address);
        guest.choose_codecs();
        guest.link_tracks(room, publisher);
        guest
            .webrtc
            .connect_notify(Some("connection-state"), move |webrtc, _| {
                let state = webrtc.property::<WebRTCPeerConnectionState>("connection-state");
                if matches!(
                    state,
                    WebRTCPeerConnectionState::Failed | WebRTCPeerConnectionState::Closed
                ) {
                    leave();
                }
            });
        room.pipeline.add(&guest.webrtc).map_err(failed)?;
        let answered = guest.negotiate(offer);
        if answered.is_err() {
            guest.close(room);
        }
        answered.map(|answer| (guest, answer))
    }

    /// Returns whether an object is the webrtcbin or in it.
    pub fn has(&self, object: &gst::Object) -> bool {
        let own = self.webrtc.upcast_ref::<gst::Object>();
        object == own || object.has_as_ancestor(own)
    }

    /// Ends the tracks and the connection. Called again it does nothing.
    pub fn close(&self, room: &Room) {
        let tracks = std::mem::take(&mut *self.tracks());
        for track in tracks {
            // What still comes is no error of the connection.
            let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            track
                .source
                .add_probe(mask, |_, _| gst::PadProbeReturn::Handled);
            room.taps.remove(&track.source);
            let _ = track.source.unlink(&track.sink);
            room.session.release_request_pad(&track.sink);
        }
        // Going down to NULL does not fail.
        self.webrtc.set_locked_state(true);
        let _ = self.webrtc.set_state(gst::State::Null);
        let _ = room.pipeline.remove(&self.webrtc);
    }

    fn tracks(&self) -> MutexGuard<'_, Vec<Track>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose_addresses(&self, address: Option<IpAddr>) {
        let ice = self.webrtc.property::<glib::Object>("ice-agent");
        if let Some(address) = address {
            ice.emit_by_name::<bool>("add-local-ip-address", &[&address.to_string()]);
        }
        if ice.find_property("agent").is_some() {
            let agent = ice.property::<glib::Object>("agent");
            // Routers are not asked to open ports, and a sender that is gone is noticed.
            for (name, value) in [("upnp", false), ("keepalive-conncheck", true)] {
                if agent.find_property(name).is_some() {
                    agent.set_property(name, value);
                }
            }
        }
    }

    /// Lets the answer take codecs that are recorded, and asks again for packets that are lost.
    fn choose_codecs(&self) {
        let caps = |media: &str, names: &[&str]| -> gst::Caps {
            let names = names.iter().filter(|name| is_recorded(name));
            let structures = names.map(|name| {
                gst::Structure::builder("application/x-rtp")
                    .field("media", media)
                    .field("encoding-name", *name)
                    .build()
            });
            structures.collect()
        };
        let (video, audio) = (caps("video", &VIDEO), caps("audio", &AUDIO));
        self.webrtc
            .connect("on-new-transceiver", false, move |values| {
                let transceiver = values
                    .get(1)?
                    .get::<gst_webrtc::WebRTCRTPTransceiver>()
                    .ok()?;
                let kind = transceiver.property::<gst_webrtc::WebRTCKind>("kind");
                let caps = match kind {
                    gst_webrtc::WebRTCKind::Video => &video,
                    _ => &audio,
                };
                transceiver.set_property("codec-preferences", caps);
                transceiver.set_property("do-nack", true);
                None
            });
    }

    /// Gives each stream of the sender a track.
    fn link_tracks(self: &Arc<Self>, room: &Arc<Room>, publisher: &Publisher) {
        let (own, room) = (Arc::downgrade(self), room.clone());
        let publisher = publisher.clone();
        self.webrtc.connect_pad_added(move |_, pad| {
            if let Some(guest) = own
                .upgrade()
                .filter(|_| pad.direction() == gst::PadDirection::Src)
            {
                guest.link(&room, &publisher, pad);
            }
        });
    }

    fn link(&self, room: &Room, publisher: &Publisher, pad: &gst::Pad) {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let media = caps
            .structure(0)
            .and_then(|caps| caps.get::<String>("media").ok());
        let Some(media) = media.filter(|media| matches!(&**media, "audio" | "video")) else {
            return;
        };
        let source = match (&*media, publisher.is_screen) {
            ("video", false) => "camera",
            ("video", true) => "screen",
            (_, false) => "microphone",
            (_, true) => "screen-audio",
        };
        let Some(sink) = room.session.request_pad_simple(&format!("{media}_%u")) else {
            return;
        };
        sink.set_property("participant", &self.participant);
        sink.set_property("label", &publisher.label);
        sink.set_property_from_str("source", source);
        sink.set_property_from_str("role", name(publisher.role));
        go_on(pad);
        let stream = Stream {
            participant: self.participant.clone(),
            media,
            source: source.to_owned(),
            port: 0,
            rtcp_port: None,
            caps,
            payloads: Vec::new(),
            ssrcs: Vec::new(),
        };
        room.taps.add(pad, &sink, &stream);
        if pad.link(&sink).is_ok() {
            let source = pad.clone();
            self.tracks().push(Track { source, sink });
        } else {
            room.session.release_request_pad(&sink);
        }
    }

    /// Starts the connection and returns the answer, with all addresses.
    fn negotiate(&self, offer: SDPMessage) -> Result<String, Refusal> {
        let failed = Refusal::new(500, "the recorder cannot answer");
        self.webrtc.sync_state_with_parent().map_err(|_| failed)?;
        let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, offer);
        let (promise, nothing) = (gst::Promise::new(), None::<gst::Structure>);
        self.webrtc
            .emit_by_name::<()>("set-remote-description", &[&offer, &promise]);
        reply(&promise, 422)?;
        let promise = gst::Promise::new();
        self.webrtc
            .emit_by_name::<()>("create-answer", &[&nothing, &promise]);
        let created = reply(&promise, 422)?;
        let answer = created.and_then(|reply| reply.get::<WebRTCSessionDescription>("answer").ok());
        let answer = answer.ok_or(failed)?;
        let (gathered, is_gathered) = mpsc::channel();
        self.webrtc
            .connect_notify(Some("ice-gathering-state"), move |webrtc, _| {
                let state = webrtc.property::<WebRTCICEGatheringState>("ice-gathering-state");
                if state == WebRTCICEGatheringState::Complete {
                    // It may be complete after nobody waits any more.
                    let _ = gathered.send(());
                }
            });
        let promise = gst::Promise::new();
        self.webrtc
            .emit_by_name::<()>("set-local-description", &[&answer, &promise]);
        reply(&promise, 500)?;
        is_gathered
            .recv_timeout(LONGEST_GATHERING)
            .map_err(|_| failed)?;
        let answer = self
            .webrtc
            .property::<Option<WebRTCSessionDescription>>("local-description");
        let text = answer.and_then(|answer| answer.sdp().as_text().ok());
        text.ok_or(failed)
    }
}

/// Returns the reply of a promise. `status` is that of a refusal.
fn reply(promise: &gst::Promise, status: u16) -> Result<Option<gst::Structure>, Refusal> {
    let refused = Refusal::new(status, "the offer cannot be answered");
    if promise.wait() != gst::PromiseResult::Replied {
        return Err(refused);
    }
    let reply = promise.get_reply().map(|reply| reply.to_owned());
    match &reply {
        Some(reply) if reply.has_field("error") => Err(refused),
        _ => Ok(reply),
    }
}

fn is_recorded(codec: &str) -> bool {
    // Of the plugin rtp of gst-plugins-rs, which may not be installed.
    codec != "AV1" || gst::ElementFactory::find("rtpav1depay").is_some()
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Host => "host",
        Role::Participant => "participant",
        Role::Interpreter => "interpreter",
    }
}

/// Reads an offer: it must have a stream that is sent, of a codec that is recorded.
fn parse(text: &str) -> Result<SDPMessage, Refusal> {
    let malformed = Refusal::new(400, "the offer is not a session description");
    if !text.starts_with("v=0") {
        return Err(malformed);
    }
    let offer = SDPMessage::parse_buffer(text.as_bytes()).map_err(|_| malformed)?;
    if offer.medias().any(is_sent) {
        Ok(offer)
    } else {
        let reason = "the offer has no audio and no video that can be recorded";
        Err(Refusal::new(422, reason))
    }
}

fn is_sent(media: &SDPMediaRef) -> bool {
    let codecs: &[&str] = match media.media() {
        Some("video") => &VIDEO,
        Some("audio") => &AUDIO,
        _ => return false,
    };
    let mut attributes = media.attributes();
    if attributes.any(|attribute| matches!(attribute.key(), "recvonly" | "inactive")) {
        return false;
    }
    let maps = media
        .attributes()
        .filter(|attribute| attribute.key() == "rtpmap");
    let names = maps.filter_map(|map| map.value()?.split_whitespace().nth(1)?.split('/').next());
    names.into_iter().any(|name| {
        let own = codecs.iter().find(|own| own.eq_ignore_ascii_case(name));
        own.is_some_and(|own| is_recorded(own))
    })
}
