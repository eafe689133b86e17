// SPDX-License-Identifier: MPL-2.0

//! RTCP of one RTP session: reports come in and go out by the same socket, because some senders
//! (mediasoup) take reports from the port that they send to, and no other. The sender's address is
//! learned from its first packet.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gst::prelude::*;

use crate::error::Error;

/// Interval at which the thread looks whether it is to end.
const POLL: Duration = Duration::from_millis(200);

/// Size of the largest UDP packet.
const LARGEST: usize = 65_536;

/// The packet type of a sender report (RFC 3550, 6.4.1).
const SENDER_REPORT: u8 = 200;

/// A running exchange of reports.
pub struct Rtcp {
    pub port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    sender: Mutex<Option<SocketAddr>>,
    has_reports: AtomicBool,
    is_over: AtomicBool,
}

impl Rtcp {
    /// Connects the session `number` of an rtpbin with a socket.
    pub fn attach(
        pipeline: &gst::Pipeline,
        bin: &gst::Element,
        number: usize,
        socket: UdpSocket,
    ) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::request(
                format!("RTCP cannot be received ({error})"),
                "",
                "report this",
            )
        };
        let port = socket.local_addr().map_err(|error| failed(&error))?.port();
        socket
            .set_read_timeout(Some(POLL))
            .map_err(|error| failed(&error))?;
        let caps = gst::Caps::new_empty_simple("application/x-rtcp");
        let incoming = gst_app::AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .is_live(true)
            .do_timestamp(true)
            .build();
        let outgoing = gst_app::AppSink::builder()
            .sync(false)
            .async_(false)
            .build();
        // Reports have no end that the recording would have to wait for.
        outgoing.unset_element_flags(gst::ElementFlags::SINK);
        pipeline
            .add_many([incoming.upcast_ref(), outgoing.upcast_ref::<gst::Element>()])
            .and_then(|()| {
                let sink = format!("recv_rtcp_sink_{number}");
                incoming.link_pads(Some("src"), bin, Some(&sink))
            })
            .and_then(|()| {
                let src = format!("send_rtcp_src_{number}");
                bin.link_pads(Some(&src), &outgoing, Some("sink"))
            })
            .map_err(|error| failed(&error))?;
        let shared = Arc::new(Shared {
            socket,
            sender: Mutex::new(None),
            has_reports: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let own = shared.clone();
        outgoing.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    own.send(&sample);
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        );
        let own = shared.clone();
        let thread = std::thread::spawn(move || own.receive(&incoming));
        Ok(Rtcp {
            port,
            shared,
            thread: Some(thread),
        })
    }

    /// Returns whether the sender has sent a report, by which streams are brought in sync.
    pub fn has_reports(&self) -> bool {
        self.shared.has_reports.load(Ordering::Relaxed)
    }
}

impl Drop for Rtcp {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has ended, too.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn sender(&self) -> std::sync::MutexGuard<'_, Option<SocketAddr>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, sample: &gst::Sample) {
        let sender = *self.sender();
        let map = sample
            .buffer()
            .and_then(|buffer| buffer.map_readable().ok());
        if let (Some(sender), Some(map)) = (sender, map) {
            // A report that is lost is followed by another one.
            let _ = self.socket.send_to(&map, sender);
        }
    }

    fn receive(&self, incoming: &gst_app::AppSrc) {
        let mut packet = vec![0; LARGEST];
        while !self.is_over.load(Ordering::Relaxed) {
            let (length, sender) = match self.socket.recv_from(&mut packet) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // The sender's port is closed (ICMP), or the network is gone for a while.
                Err(_) => {
                    std::thread::sleep(POLL);
                    continue;
                }
            };
            *self.sender() = Some(sender);
            let packet = packet.get(..length).unwrap_or_default();
            let kind = packet.get(1).copied().unwrap_or_default();
            if kind == SENDER_REPORT {
                self.has_reports.store(true, Ordering::Relaxed);
            }
            // Janus sends packets that only open a path: they are no RTCP.
            if kind >= SENDER_REPORT {
                let _ = incoming.push_buffer(gst::Buffer::from_slice(packet.to_vec()));
            }
        }
    }
}
