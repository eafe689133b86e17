// SPDX-License-Identifier: MPL-2.0

//! A sender on GStreamer's webrtcbin, and the headless Chromium.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_sdp::SDPMessage;
use gst_webrtc::{
    WebRTCICEGatheringState, WebRTCPeerConnectionState, WebRTCSDPType, WebRTCSessionDescription,
};
use tempfile::TempDir;
use tiny_http::{Header, Response, Server};

use super::post;

/// A video that has a key frame only at its start and where one is asked for, and a tone.
/// What waits for the connection is dropped.
const MEDIA: &str = "webrtcbin name=webrtc bundle-policy=max-bundle \
    videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 \
    ! vp8enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist=100000 \
    ! rtpvp8pay name=pay picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload=96 \
    ! queue leaky=downstream max-size-time=200000000 ! webrtc. \
    audiotestsrc is-live=true wave=sine freq=440 ! audioconvert ! opusenc ! rtpopuspay \
    ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 \
    ! queue leaky=downstream max-size-time=200000000 ! webrtc.";

const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who publishes until they are dropped, without a word.
pub struct Sender {
    pipeline: gst::Pipeline,
    /// Number of packets that are to be lost.
    to_lose: Arc<AtomicU32>,
    /// The path of the session.
    pub location: String,
}

impl Sender {
    pub fn publish(endpoint: &str, token: Option<&str>) -> Self {
        gst::init().expect("GStreamer starts");
        let pipeline = gst::parse::launch(MEDIA).expect("the elements are there");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
        let webrtc = pipeline.by_name("webrtc").expect("webrtcbin");
        let ice = webrtc.property::<glib::Object>("ice-agent");
        ice.emit_by_name::<bool>("add-local-ip-address", &[&"127.0.0.1"]);
        ice.property::<glib::Object>("agent")
            .set_property("upnp", false);
        let to_lose = lose(&pipeline);
        let negotiation = notice(&webrtc, "on-negotiation-needed");
        pipeline.set_state(gst::State::Playing).expect("it starts");
        negotiation
            .recv_timeout(PATIENCE)
            .expect("an offer is needed");
        let promise = gst::Promise::new();
        webrtc.emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
        promise.wait();
        let reply = promise.get_reply().expect("a reply");
        let offer = reply
            .get::<WebRTCSessionDescription>("offer")
            .expect("an offer");
        let gathered = until(
            &webrtc,
            "ice-gathering-state",
            WebRTCICEGatheringState::Complete,
        );
        webrtc.emit_by_name::<()>("set-local-description", &[&offer, &None::<gst::Promise>]);
        gathered.recv_timeout(PATIENCE).expect("addresses");
        let local = webrtc.property::<WebRTCSessionDescription>("local-description");
        let text = local.sdp().as_text().expect("text");
        let answered = post(endpoint, token, &text);
        assert_eq!(answered.status, 201, "{}", answered.body);
        let answer = SDPMessage::parse_buffer(answered.body.as_bytes()).expect("a description");
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, answer);
        let connected = until(
            &webrtc,
            "connection-state",
            WebRTCPeerConnectionState::Connected,
        );
        webrtc.emit_by_name::<()>("set-remote-description", &[&answer, &None::<gst::Promise>]);
        connected.recv_timeout(PATIENCE).expect("a connection");
        Sender {
            pipeline,
            to_lose,
            location: answered.location,
        }
    }

    /// Loses the next packets of the video on their way.
    pub fn lose(&self, packets: u32) {
        self.to_lose.store(packets, Ordering::Relaxed);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn lose(pipeline: &gst::Pipeline) -> Arc<AtomicU32> {
    let to_lose = Arc::new(AtomicU32::new(0));
    let pad = pipeline
        .by_name("pay")
        .and_then(|pay| pay.static_pad("src"));
    let lost = to_lose.clone();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.expect("a pad").add_probe(mask, move |_, _| {
        let left = lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        });
        if left.is_ok() {
            gst::PadProbeReturn::Handled
        } else {
            gst::PadProbeReturn::Ok
        }
    });
    to_lose
}

fn notice(webrtc: &gst::Element, signal: &str) -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    webrtc.connect(signal, false, move |_| {
        let _ = sender.send(());
        None
    });
    receiver
}

/// Waits for a value of a property.
fn until<T>(webrtc: &gst::Element, name: &'static str, value: T) -> mpsc::Receiver<()>
where
    T: for<'a> glib::value::FromValue<'a> + PartialEq + Send + Sync + 'static,
{
    let (sender, receiver) = mpsc::channel();
    webrtc.connect_notify(Some(name), move |webrtc, _| {
        if webrtc
            .property_value(name)
            .get::<T>()
            .is_ok_and(|now| now == value)
        {
            let _ = sender.send(());
        }
    });
    receiver
}

/// A browser that publishes; it is killed when this is dropped.
pub struct Browser {
    chromium: Child,
    reports: mpsc::Receiver<String>,
    _profile: TempDir,
}

impl Browser {
    pub fn publish(endpoint: &str, token: &str, seconds: u32) -> Self {
        let server = Server::http("127.0.0.1:0").expect("a port");
        let address = server.server_addr().to_string();
        let (sender, reports) = mpsc::channel();
        std::thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut text = String::new();
                let _ = request.as_reader().read_to_string(&mut text);
                let is_page = !request.url().starts_with("/report");
                let html = Header::from_bytes("Content-Type", "text/html").expect("a header");
                let page = Response::from_string(if is_page {
                    include_str!("publish.html")
                } else {
                    ""
                });
                let _ = request.respond(page.with_header(html));
                if !text.is_empty() && sender.send(text).is_err() {
                    break;
                }
            }
        });
        let profile = tempfile::tempdir().expect("a folder");
        let page = format!("http://{address}/?endpoint={endpoint}&token={token}&seconds={seconds}");
        let chromium = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--mute-audio",
            ])
            .args([
                "--no-first-run",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ])
            .args([
                "--allow-loopback-in-peer-connection",
                "--autoplay-policy=no-user-gesture-required",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(page)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed");
        Browser {
            chromium,
            reports,
            _profile: profile,
        }
    }

    /// Returns the next report of the page.
    pub fn report(&self) -> String {
        let patience = Duration::from_secs(60);
        self.reports
            .recv_timeout(patience)
            .expect("the page reports")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.chromium.kill();
        let _ = self.chromium.wait();
    }
}
