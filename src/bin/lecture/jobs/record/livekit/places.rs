// SPDX-License-Identifier: MPL-2.0

//! Connects the pads of `livekitwebrtcsrc` with the session.
//!
//! The server offers tracks in the places (`mid`) of a session description. A place whose track has
//! ended is given to another one later: the pad stays, and its data are of another person. So the offers
//! decide when a track begins and ends, not the pads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCSDPType, WebRTCSessionDescription};
use gstlecture::record::layout::Source;
use gstlecture::record::live::livekit::{Chosen, Owner, Section, read_offer, source};

use super::super::stream::Stream;
use super::super::taps::{Taps, go_on};
use super::pads::{Gate, guard, leads_to, take_all};
use super::watch::Watch;
use crate::print;

/// Longest time for which a new track waits for its owner.
const PATIENCE: Duration = Duration::from_secs(3);

/// The tracks that are received now.
pub struct Places {
    pub session: gst::Element,
    pub taps: Taps,
    pub chosen: Chosen,
    pub host: Option<String>,
    pub watch: Arc<Watch>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    offer: Vec<Section>,
    /// By the identifier of the place.
    places: BTreeMap<String, Place>,
    /// Tracks that are reported already.
    reported: BTreeSet<String>,
    /// Participants whom the session knows.
    known: BTreeSet<String>,
}

struct Place {
    pad: gst::Pad,
    gate: Arc<Gate>,
    /// The track that is recorded, with the pad of the session.
    seat: Option<Seat>,
    /// The track that is about to be recorded: each new offer names it again meanwhile.
    awaited: Option<String>,
}

struct Seat {
    track: String,
    identity: String,
    sink: gst::Pad,
}

impl Places {
    pub fn new(
        session: gst::Element,
        taps: Taps,
        chosen: Chosen,
        host: Option<String>,
        watch: Arc<Watch>,
    ) -> Self {
        Places {
            session,
            taps,
            chosen,
            host,
            watch,
            now: Mutex::default(),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a track is received now.
    pub fn has(&self, track: &str) -> bool {
        let now = self.now();
        let mut seats = now.places.values().filter_map(|place| place.seat.as_ref());
        seats.any(|seat| seat.track == track) || now.reported.contains(track)
    }

    /// Returns whether any track is received now.
    pub fn is_empty(&self) -> bool {
        self.now().places.values().all(|place| place.seat.is_none())
    }

    /// Returns the participants whom the session knows: media of theirs have come.
    pub fn known(&self) -> BTreeSet<String> {
        let mut now = self.now();
        let places = now.places.values();
        let seats = places.filter(|place| place.gate.has_passed());
        let seats = seats.filter_map(|place| place.seat.as_ref());
        let new: Vec<String> = seats.map(|seat| seat.identity.clone()).collect();
        now.known.extend(new);
        now.known.clone()
    }

    /// Takes a description that the server sends.
    pub fn take_offer(self: &Arc<Self>, description: &WebRTCSessionDescription) {
        if description.type_() != WebRTCSDPType::Offer {
            return;
        }
        let Ok(text) = description.sdp().as_text() else {
            return;
        };
        let offer = read_offer(&text);
        let track_of = |mid: &str| {
            let mut sections = offer.iter().filter(|section| section.is_sent);
            let section = sections.find(|section| section.mid == mid);
            section.map_or("", |section| &*section.track).to_owned()
        };
        let mut ended = Vec::new();
        let mut begun = Vec::new();
        let mut now = self.now();
        for (mid, place) in &mut now.places {
            let track = track_of(mid);
            let is_same = place.seat.as_ref().is_some_and(|seat| seat.track == track);
            if !is_same {
                ended.extend(place.empty());
                if !track.is_empty() {
                    begun.push(mid.clone());
                }
            }
        }
        now.offer.clone_from(&offer);
        drop(now);
        for (pad, sink) in ended {
            self.end(&pad, &sink);
        }
        self.report_codecs(&offer);
        for mid in begun {
            let own = self.clone();
            // Whose it is may take a moment, and the server's next messages do not wait for that.
            std::thread::spawn(move || own.fill(&mid));
        }
    }

    /// Reports tracks of codecs that are not recorded; no pad comes for them.
    fn report_codecs(&self, offer: &[Section]) {
        let unknown = offer.iter().filter(|section| {
            section.is_sent && !section.is_recorded() && !section.track.is_empty()
        });
        for section in unknown {
            if self.now().reported.insert(section.track.clone()) {
                let codecs = section.codecs.join(", ");
                print::note(format_args!(
                    "warning: track {}: its codec ({codecs}) is not recorded, it is left out",
                    section.track
                ));
            }
        }
    }

    /// Takes a pad of the webrtcbin in `element`, which has made the pad that leads to it.
    pub fn take_pad(self: &Arc<Self>, element: &gst::Element, pad: &gst::Pad) {
        let transceiver = pad.property::<Option<WebRTCRTPTransceiver>>("transceiver");
        let mid = transceiver.and_then(|own| own.property::<Option<String>>("mid"));
        let outer = element
            .src_pads()
            .into_iter()
            .find(|outer| leads_to(outer, pad));
        let (Some(mid), Some(outer)) = (mid, outer) else {
            return;
        };
        let gate = Arc::new(Gate::default());
        guard(&outer, gate.clone());
        take_all(&outer);
        go_on(&outer);
        let place = Place {
            pad: outer,
            gate,
            seat: None,
            awaited: None,
        };
        self.now().places.insert(mid.clone(), place);
        self.fill(&mid);
    }

    /// Records the track that is offered in a place.
    fn fill(self: &Arc<Self>, mid: &str) {
        let Some((section, pad)) = self.now().claim(mid) else {
            return;
        };
        let sink = self.prepare(&section, &pad);
        // The track may have ended meanwhile, or end while the pads are linked: no lock is held then.
        let is_linked = sink.as_ref().is_some_and(|(_, sink)| {
            self.now().is_awaited(mid, &section.track) && pad.link(sink).is_ok()
        });
        let is_seated = self
            .now()
            .seat(mid, section.track, sink.as_ref(), is_linked);
        if let Some((_, sink)) = sink.filter(|_| !is_seated) {
            self.end(&pad, &sink);
        }
    }

    /// Makes the pad of the session for the track of a place, and returns it with the identity of whose it is.
    fn prepare(&self, section: &Section, pad: &gst::Pad) -> Option<(String, gst::Pad)> {
        let Some(owner) = self.owner(section, pad) else {
            print::note(format_args!(
                "warning: track {}: the server does not tell whose it is, it is left out",
                section.track
            ));
            return None;
        };
        if owner.is_encrypted || !self.chosen.has(&owner.identity, &section.track) {
            return None;
        }
        let sink = self.seat(section, &owner, pad)?;
        Some((owner.identity, sink))
    }

    /// Makes the pad of the session for a track.
    fn seat(&self, section: &Section, owner: &Owner, pad: &gst::Pad) -> Option<gst::Pad> {
        let media = if section.is_video { "video" } else { "audio" };
        let sink = self.session.request_pad_simple(&format!("{media}_%u"))?;
        let content = source_name(owner.source);
        sink.set_property("participant", &owner.identity);
        sink.set_property("label", &owner.label);
        sink.set_property_from_str("source", content);
        if self.host.as_ref() == Some(&owner.identity) {
            sink.set_property_from_str("role", "host");
        }
        let stream = Stream {
            participant: owner.identity.clone(),
            media: media.to_owned(),
            source: content.to_owned(),
            port: 0,
            rtcp_port: None,
            caps: pad.current_caps().unwrap_or_else(gst::Caps::new_any),
            payloads: Vec::new(),
            ssrcs: Vec::new(),
        };
        self.taps.add(pad, &sink, &stream);
        Some(sink)
    }

    /// Returns whose a track is: by the server's list, else by what the pad knows of its participant.
    fn owner(&self, section: &Section, pad: &gst::Pad) -> Option<Owner> {
        if let Some(owner) = self.watch.owner(&section.track, PATIENCE) {
            return Some(owner);
        }
        let info = pad.property::<Option<gst::Structure>>("participant-info");
        let info = info?;
        let text = |name: &str| {
            info.get::<String>(name)
                .ok()
                .filter(|text| !text.is_empty())
        };
        let published = published(&info, &section.track);
        let name = published.as_ref().map_or(&*section.group, |(name, _)| name);
        Some(Owner {
            identity: text("identity")?,
            label: text("name"),
            source: source(name, section.is_video),
            is_encrypted: published
                .as_ref()
                .is_some_and(|(_, is_encrypted)| *is_encrypted),
        })
    }

    fn end(&self, pad: &gst::Pad, sink: &gst::Pad) {
        self.taps.remove(pad);
        // It is not linked where the track has ended before.
        let _ = pad.unlink(sink);
        self.session.release_request_pad(sink);
    }

    /// Ends all tracks: the connection is gone.
    pub fn clear(&self) {
        let mut now = self.now();
        let mut places = std::mem::take(&mut now.places);
        now.offer.clear();
        drop(now);
        for (pad, sink) in places.values_mut().filter_map(Place::empty) {
            self.end(&pad, &sink);
        }
    }
}

impl Now {
    /// Returns the track that is offered in a place that has a pad and no track yet, and keeps others from
    /// taking it.
    fn claim(&mut self, mid: &str) -> Option<(Section, gst::Pad)> {
        let mut sections = self.offer.iter();
        let section = sections.find(|section| section.is_sent && section.mid == mid)?;
        let place = self.places.get_mut(mid)?;
        let is_claimed = place.awaited.as_ref() == Some(&section.track);
        if place.seat.is_some() || section.track.is_empty() || is_claimed {
            return None;
        }
        place.awaited = Some(section.track.clone());
        Some((section.clone(), place.pad.clone()))
    }

    /// Returns whether a place still waits for a track that is offered in it.
    fn is_awaited(&self, mid: &str, track: &str) -> bool {
        let mut sections = self.offer.iter();
        let is_offered =
            sections.any(|section| section.is_sent && section.mid == mid && section.track == track);
        let place = self.places.get(mid);
        is_offered && place.is_some_and(|place| place.awaited.as_deref() == Some(track))
    }

    /// Ends the wait for a track: it is recorded from now on if its pads are linked and it is still offered.
    /// Returns whether it is.
    fn seat(
        &mut self,
        mid: &str,
        track: String,
        made: Option<&(String, gst::Pad)>,
        is_linked: bool,
    ) -> bool {
        let is_awaited = self.is_awaited(mid, &track);
        let place = self.places.get_mut(mid);
        let Some(place) = place.filter(|place| place.awaited.as_ref() == Some(&track)) else {
            return false;
        };
        place.awaited = None;
        let Some((identity, sink)) = made.filter(|_| is_linked && is_awaited) else {
            return false;
        };
        place.seat = Some(Seat {
            track,
            identity: identity.clone(),
            sink: sink.clone(),
        });
        place.gate.open();
        true
    }
}

impl Place {
    /// Ends the track of this place. Returns what is to be taken apart.
    fn empty(&mut self) -> Option<(gst::Pad, gst::Pad)> {
        self.gate.close();
        let seat = self.seat.take()?;
        Some((self.pad.clone(), seat.sink))
    }
}

/// Returns source and encryption of a track, if it was published before its participant was first seen:
/// the element never learns more.
fn published(info: &gst::StructureRef, track: &str) -> Option<(String, bool)> {
    let tracks = info.get::<gst::Array>("tracks").ok()?;
    let tracks = tracks
        .iter()
        .filter_map(|own| own.get::<gst::Structure>().ok());
    let mut tracks = tracks.filter(|own| own.get::<&str>("sid") == Ok(track));
    let own = tracks.next()?;
    let encryption = own.get::<&str>("encryption").unwrap_or("NONE");
    let name = own.get::<String>("source").ok()?;
    Some((name, !matches!(encryption, "NONE" | "unknown")))
}

/// Follows the signaller and the webrtcbin of an element.
pub fn follow(
    places: &Arc<Places>,
    element: &gst::Element,
    signaller: &glib::Object,
    latency: u32,
) {
    let own = Arc::downgrade(places);
    signaller.connect("session-description", false, move |values| {
        let description = values.get(2)?.get::<WebRTCSessionDescription>().ok()?;
        own.upgrade()?.take_offer(&description);
        None
    });
    let (own, element) = (Arc::downgrade(places), element.downgrade());
    signaller.connect("webrtcbin-ready", false, move |values| {
        let webrtc = values.get(2)?.get::<gst::Element>().ok()?;
        webrtc.set_property("latency", latency);
        let (own, element) = (own.clone(), element.clone());
        // The handler of the element itself comes first, and makes the outer pad.
        webrtc.connect_pad_added(move |_, pad| {
            let found = own.upgrade().zip(element.upgrade());
            if let Some((places, element)) = found
                && pad.direction() == gst::PadDirection::Src
            {
                places.take_pad(&element, pad);
            }
        });
        None
    });
}

pub fn source_name(source: Source) -> &'static str {
    match source {
        Source::Camera => "camera",
        Source::Microphone => "microphone",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen-audio",
    }
}
