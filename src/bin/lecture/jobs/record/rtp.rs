// SPDX-License-Identifier: MPL-2.0

//! Connects RTP streams with the session: each sender gets a track as soon as it is there.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

use super::rtcp::Rtcp;
use super::session_of;
use super::stream::Stream;
use super::taps::{Taps, go_on};
use crate::engine::pipeline::SOURCE;
use crate::error::Error;

/// The exchange of reports, for as long as it is held.
pub struct Receiver(Vec<Rtcp>);

impl Receiver {
    /// Returns the ports to which no sender reports came.
    pub fn without_reports(&self) -> Vec<u16> {
        let silent = self.0.iter().filter(|rtcp| !rtcp.has_reports());
        silent.map(|rtcp| rtcp.port).collect()
    }
}

/// Connects the streams of a pipeline that is not running yet.
pub fn attach(
    made: &gst::Pipeline,
    streams: &[Stream],
    address: &str,
    taps: &Taps,
) -> Result<Receiver, Error> {
    let missing = || Error::request("there is no rtpbin", SOURCE, "report this");
    let bin = made.by_name(SOURCE).ok_or_else(missing)?;
    let session = session_of(made)?;
    let mut receivers = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        // The element that receives would share a port that is taken.
        drop(bind(address, stream.port)?);
        if let Some(port) = stream.rtcp_port {
            receivers.push(Rtcp::attach(made, &bin, number, bind(address, port)?)?);
        }
        let source = made.by_name(&format!("stream{number}"));
        if let Some(pad) = source.and_then(|source| source.static_pad("src")) {
            keep_own(&pad, stream.clone());
        }
    }
    answer_payloads(&bin, streams);
    link_tracks(&bin, &session, streams, taps);
    Ok(Receiver(receivers))
}

/// Opens a port; the error names it.
fn bind(address: &str, port: u16) -> Result<UdpSocket, Error> {
    UdpSocket::bind((address, port)).map_err(|error| {
        let place = format!("{address}:{port}");
        if error.kind() == std::io::ErrorKind::AddrInUse {
            let remedy = "end the other program, or have the media sent to another port";
            Error::later("another program listens on this port", place, remedy)
        } else {
            let remedy = "correct address= and the ports";
            Error::request(format!("cannot listen ({error})"), place, remedy)
        }
    })
}

/// Drops the packets that belong to no announced stream.
fn keep_own(pad: &gst::Pad, stream: Stream) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let map = info.buffer().and_then(|buffer| buffer.map_readable().ok());
        if map.is_some_and(|packet| stream.has(&packet)) {
            gst::PadProbeReturn::Ok
        } else {
            gst::PadProbeReturn::Handled
        }
    });
}

/// Tells an rtpbin the caps of each payload type.
fn answer_payloads(bin: &gst::Element, streams: &[Stream]) {
    let streams = streams.to_vec();
    bin.connect("request-pt-map", false, move |values| {
        let number = usize::try_from(values.get(1)?.get::<u32>().ok()?).ok()?;
        let payload = values.get(2)?.get::<u32>().ok()?;
        let payloads = &streams.get(number)?.payloads;
        let (_, caps) = payloads
            .iter()
            .find(|(other, _)| u32::from(*other) == payload)?;
        Some(caps.to_value())
    });
}

/// Gives each stream of an rtpbin a track, and ends it when the stream ends.
fn link_tracks(bin: &gst::Element, session: &gst::Element, streams: &[Stream], taps: &Taps) {
    let tracks: Arc<Mutex<HashMap<String, gst::Pad>>> = Arc::default();
    let streams = streams.to_vec();
    let (sink, own, tap) = (session.downgrade(), tracks.clone(), taps.clone());
    bin.connect_pad_added(move |_, pad| {
        let name = pad.name();
        let number = name
            .strip_prefix("recv_rtp_src_")
            .and_then(|rest| rest.split('_').next()?.parse::<usize>().ok());
        let stream = number.and_then(|number| streams.get(number));
        let (Some(stream), Some(session)) = (stream, sink.upgrade()) else {
            return;
        };
        let Some(track) = session.request_pad_simple(&format!("{}_%u", stream.media)) else {
            return;
        };
        track.set_property("participant", &stream.participant);
        track.set_property_from_str("source", &stream.source);
        go_on(pad);
        tap.add(pad, &track, stream);
        if pad.link(&track).is_ok() {
            let mut tracks = own.lock().unwrap_or_else(PoisonError::into_inner);
            tracks.insert(name.to_string(), track);
        } else {
            session.release_request_pad(&track);
        }
    });
    let (sink, tap) = (session.downgrade(), taps.clone());
    bin.connect_pad_removed(move |_, pad| {
        tap.remove(pad);
        let track = tracks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(pad.name().as_str());
        if let (Some(track), Some(session)) = (track, sink.upgrade()) {
            session.release_request_pad(&track);
        }
    });
}
