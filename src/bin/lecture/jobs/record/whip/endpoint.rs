// SPDX-License-Identifier: MPL-2.0

//! The HTTP endpoint to which senders publish by WHIP (RFC 9725).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use gst::glib;
use gst::prelude::*;
use gstlecture::record::live::whip::{
    self, Asked, Head, LARGEST_OFFER, Publisher, Refusal, SDP, allowed_origin,
};

use super::guest::{Guest, Room};
use crate::print;
use crate::serve::{self, Reply, Server, Serving};

/// An open endpoint; it is closed when this is dropped.
pub struct Endpoint {
    shared: Arc<Shared>,
    /// Until [`Endpoint::start`].
    server: Option<Server>,
    serving: Option<Serving>,
    reaper: Option<JoinHandle<()>>,
}

struct Shared {
    room: Arc<Room>,
    token: Option<String>,
    guests: Mutex<HashMap<String, Arc<Guest>>>,
    /// Number of senders so far.
    count: AtomicUsize,
    /// Takes the identifiers of senders whose connection has ended, while requests are answered.
    lost: Mutex<Option<Sender<String>>>,
}

impl Endpoint {
    /// Takes the requests of a server; they wait until [`Endpoint::start`].
    pub fn new(server: Server, token: Option<String>, room: Room) -> Self {
        let shared = Arc::new(Shared {
            room: Arc::new(room),
            token,
            guests: Mutex::default(),
            count: AtomicUsize::new(0),
            lost: Mutex::default(),
        });
        Endpoint {
            shared,
            server: Some(server),
            serving: None,
            reaper: None,
        }
    }

    /// Answers the requests, also those that came already. The pipeline must be running.
    pub fn start(&mut self) {
        let (lost, is_lost) = mpsc::channel::<String>();
        *self.shared.lost() = Some(lost);
        let own = self.shared.clone();
        self.reaper = Some(std::thread::spawn(move || {
            for id in is_lost {
                own.end(&id, "the connection has ended");
            }
        }));
        let own = self.shared.clone();
        let server = self.server.take();
        self.serving =
            server.map(|server| server.start(LARGEST_OFFER as u64, move |asked| own.answer(asked)));
    }

    /// Returns whether an object belongs to the connection of a sender. An error of it ends that
    /// sender, and nothing else.
    pub fn fail(&self, object: &gst::Object, text: &str) -> bool {
        let found = {
            let guests = self.shared.guests();
            let own = guests.iter().find(|(_, guest)| guest.has(object));
            own.map(|(id, _)| id.clone())
        };
        if let Some(id) = &found {
            self.shared.end(id, text);
        }
        found.is_some() || is_of_connection(object)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving = None;
        *self.shared.lost() = None;
        let guests = std::mem::take(&mut *self.shared.guests());
        for guest in guests.values() {
            guest.close(&self.shared.room);
        }
        if let Some(thread) = self.reaper.take() {
            // A thread that has panicked has ended, too.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn guests(&self) -> MutexGuard<'_, HashMap<String, Arc<Guest>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self) -> MutexGuard<'_, Option<Sender<String>>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a sender. Returns `false` if there is none with this identifier.
    fn end(&self, id: &str, text: &str) -> bool {
        let guest = self.guests().remove(id);
        if let Some(guest) = &guest {
            guest.close(&self.room);
            print::note(format_args!("{} leaves: {text}", guest.participant));
        }
        guest.is_some()
    }

    fn answer(self: &Arc<Self>, asked: &serve::Asked) -> Reply {
        let head = Head {
            method: &asked.method,
            target: &asked.target,
            content_type: asked.field("content-type"),
            accept: asked.field("accept"),
            authorization: asked.field("authorization"),
            origin: asked.field("origin"),
            length: asked.field("content-length").map(|_| asked.body.len()),
        };
        let answered = match whip::read(&head, self.token.as_deref()) {
            Ok(Asked::Publish(publisher)) => self.publish(&publisher, &asked.body),
            Ok(Asked::Leave(id)) if self.end(&id, "the sender has ended") => {
                Ok(Reply::text(200, ""))
            }
            Ok(Asked::Leave(_)) => Err(Refusal::new(404, "there is no such session")),
            Ok(Asked::Options) => Ok(options()),
            Err(refusal) => Err(refusal),
        };
        let reply = answered.unwrap_or_else(|refusal| refuse(&refusal));
        match allowed_origin(head.origin, self.token.is_some()) {
            Some(origin) => reply
                .with("Access-Control-Allow-Origin", origin)
                .with("Access-Control-Expose-Headers", "Location")
                .with("Vary", "Origin"),
            None => reply,
        }
    }

    /// Answers an offer.
    fn publish(self: &Arc<Self>, publisher: &Publisher, offer: &[u8]) -> Result<Reply, Refusal> {
        let offer = std::str::from_utf8(offer);
        let offer = offer.map_err(|_| Refusal::new(400, "the offer is not text"))?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let given = publisher.participant.clone();
        let participant = given.unwrap_or_else(|| format!("participant-{}", number + 1));
        let id = glib::uuid_string_random().to_string();
        let (own, lost) = (Arc::downgrade(self), id.clone());
        let leave = move || {
            let own = own.upgrade();
            if let Some(sender) = own.and_then(|own| own.lost().clone()) {
                // Nobody listens once everything ends.
                let _ = sender.send(lost.clone());
            }
        };
        let (guest, answer) = Guest::answer(&self.room, publisher, participant, offer, leave)?;
        print::note(format_args!("{} publishes", guest.participant));
        self.guests().insert(id.clone(), guest);
        let reply = Reply::new(201, SDP, answer.into_bytes());
        Ok(reply.with("Location", format!("/session/{id}")))
    }
}

fn options() -> Reply {
    Reply::text(204, "")
        .with("Accept-Post", SDP)
        .with("Access-Control-Allow-Methods", "POST, DELETE, OPTIONS")
        .with(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type",
        )
}

fn refuse(refusal: &Refusal) -> Reply {
    let mut reply = Reply::text(refusal.status, format!("{}\n", refusal.reason));
    if let Some(methods) = refusal.allow {
        reply = reply.with("Allow", methods);
    }
    match refusal.status {
        401 => reply.with("WWW-Authenticate", "Bearer"),
        415 => reply.with("Accept-Post", SDP),
        _ => reply,
    }
}

/// Returns whether an object is of a connection, also of one that has just ended.
fn is_of_connection(object: &gst::Object) -> bool {
    let mut next = Some(object.clone());
    while let Some(object) = next {
        let element = object.downcast_ref::<gst::Element>();
        if element
            .and_then(|element| element.factory())
            .is_some_and(|factory| factory.name() == "webrtcbin")
        {
            return true;
        }
        next = object.parent();
    }
    false
}
