// SPDX-License-Identifier: MPL-2.0

//! The connection to a room: joins, joins again after an outage, and ends with the room.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gstlecture::record::live::Retry;
use gstlecture::record::live::livekit::socket_address;
use gstlecture::timeline::Time;

use super::super::session_of;
use super::super::taps::Taps;
use super::places::{Places, follow, source_name};
use super::server::Server;
use super::watch::{Verdict, Watch};
use super::{Room, SOURCE};
use crate::error::Error;
use crate::print;

/// Longest time for which a server or a room that has gone is waited for.
const LONGEST_OUTAGE: Duration = Duration::from_secs(60);
/// A connection that has lasted this long is well.
const SETTLED: Duration = Duration::from_secs(30);
/// Number of times that the server must say that the room is closed: one that ends closes its rooms
/// first.
const SURE: u32 = 2;

/// The recorder in a room, until this is dropped.
pub struct Recorder {
    pipeline: gst::Pipeline,
    server: Arc<Server>,
    places: Arc<Places>,
    watch: Arc<Watch>,
    source: Option<gst::Element>,
    identity: String,
    idle: Option<Duration>,
    latency: u32,
    started: Instant,
    joined: Instant,
    /// Why the connection is lost, until it is dealt with.
    lost: Arc<Mutex<Option<String>>>,
    outage: Option<Outage>,
    retry: Retry,
    /// The number of the list that was reported last.
    reported: u64,
    /// The server lists the recorder itself.
    is_listed: bool,
    has_had_tracks: bool,
    left: Option<Instant>,
}

/// The time from the loss of a connection until the next one is well.
struct Outage {
    since: Instant,
    is_joining: bool,
    /// The server did not answer: it may have lost the room by itself.
    was_gone: bool,
    closed: u32,
    last: String,
}

impl Room {
    /// Prepares the recorder of a pipeline that is not running yet.
    pub fn attach(self, made: &gst::Pipeline, taps: &Taps) -> Result<Recorder, Error> {
        let watch = Arc::new(Watch::start(self.server.clone()));
        let session = session_of(made)?;
        let places = Places::new(session, taps.clone(), self.chosen, self.host, watch.clone());
        let id = glib::uuid_string_random();
        let id = id.split('-').next().unwrap_or_default().to_owned();
        let now = Instant::now();
        Ok(Recorder {
            pipeline: made.clone(),
            server: self.server,
            places: Arc::new(places),
            watch,
            source: None,
            identity: format!("recorder-{id}"),
            idle: self.idle,
            latency: self.latency,
            started: now,
            joined: now,
            lost: Arc::default(),
            outage: None,
            retry: Retry::default(),
            reported: 0,
            is_listed: false,
            has_had_tracks: false,
            left: None,
        })
    }
}

impl Recorder {
    /// Joins the room. The pipeline must be running.
    pub fn start(&mut self) {
        if let Err(error) = self.join() {
            self.lose(error.to_string());
        }
    }

    fn join(&mut self) -> Result<(), glib::BoolError> {
        self.joined = Instant::now();
        self.is_listed = false;
        let source = gst::ElementFactory::make(SOURCE).build()?;
        // The server knows its address; nobody else is asked.
        source.set_property("stun-server", None::<String>);
        let signaller = source.property::<glib::Object>("signaller");
        signaller.set_property("ws-url", socket_address(&self.server.url));
        signaller.set_property("room-name", &self.server.room);
        signaller.set_property("identity", &self.identity);
        signaller.set_property("auth-token", self.server.join_token(&self.identity));
        if let Some(only) = &self.places.chosen.participant {
            signaller.set_property("producer-peer-id", only);
        }
        follow(&self.places, &source, &signaller, self.latency);
        self.notice_failure(&signaller);
        self.pipeline.add(&source)?;
        let synced = source.sync_state_with_parent();
        self.source = Some(source);
        synced
    }

    /// Notices that the media do not reach the recorder; the element only stops.
    fn notice_failure(&self, signaller: &glib::Object) {
        let lost = self.lost.clone();
        signaller.connect("webrtcbin-ready", false, move |values| {
            let webrtc = values.get(2)?.get::<gst::Element>().ok()?;
            let lost = lost.clone();
            webrtc.connect_notify(Some("ice-connection-state"), move |webrtc, _| {
                let state =
                    webrtc.property::<gst_webrtc::WebRTCICEConnectionState>("ice-connection-state");
                if state == gst_webrtc::WebRTCICEConnectionState::Failed {
                    let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                    lost.get_or_insert_with(|| "no media connection".to_owned());
                }
            });
            None
        });
    }

    fn lose(&self, text: String) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert(text);
    }

    /// Returns whether an error is that of the connection, which ends by it.
    pub fn fail(&self, object: &gst::Object, text: &str) -> bool {
        let own = self.source.as_ref().is_some_and(|source| {
            object == source.upcast_ref::<gst::Object>() || object.has_as_ancestor(source)
        });
        if own {
            self.lose(text.to_owned());
        }
        // What an earlier connection still says concerns nobody.
        own || !object.has_as_ancestor(&self.pipeline)
    }

    /// Looks after the connection. Returns whether the recording is over.
    ///
    /// # Errors
    /// The server is gone for good.
    pub fn check(&mut self) -> Result<bool, Error> {
        let lost = {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.take()
        };
        if let Some(text) = lost {
            self.disconnect(text);
        }
        if self.outage.is_some() {
            return self.mend();
        }
        self.report();
        Ok(self.is_left())
    }

    fn disconnect(&mut self, text: String) {
        self.remove_source();
        let now = self.now();
        self.retry.fail(now);
        self.watch.set_lost(true);
        let outage = self.outage.get_or_insert_with(|| Outage {
            since: Instant::now(),
            is_joining: false,
            was_gone: false,
            closed: 0,
            last: String::new(),
        });
        outage.is_joining = false;
        outage.last = text;
    }

    fn remove_source(&mut self) {
        self.places.clear();
        if let Some(source) = self.source.take() {
            source.set_locked_state(true);
            // Going down to NULL does not fail.
            let _ = source.set_state(gst::State::Null);
            let _ = self.pipeline.remove(&source);
        }
    }

    /// Deals with an outage. Returns whether the recording is over.
    fn mend(&mut self) -> Result<bool, Error> {
        let Some(outage) = &mut self.outage else {
            return Ok(false);
        };
        if outage.is_joining {
            if !self.places.is_empty() || self.joined.elapsed() >= SETTLED {
                self.outage = None;
                self.retry = Retry::default();
                print::note("the recorder is in the room again");
            }
            return Ok(false);
        }
        let is_long = outage.since.elapsed() >= LONGEST_OUTAGE;
        let is_open = match self.watch.verdict() {
            None => return Ok(false),
            Some(Verdict::Open) => true,
            Some(Verdict::Unknown) if outage.was_gone => true,
            Some(Verdict::Unknown) => {
                print::note("the server has ended the connection: the room is closed");
                return Ok(true);
            }
            Some(Verdict::Closed) => {
                outage.closed += 1;
                if outage.closed >= SURE && !outage.was_gone || is_long {
                    print::note("the room is closed");
                    return Ok(true);
                }
                false
            }
            Some(Verdict::Gone(text)) => {
                if !outage.was_gone {
                    print::note(format_args!(
                        "warning: the LiveKit server is gone ({text}), the recorder waits for it"
                    ));
                }
                (outage.was_gone, outage.closed, outage.last) = (true, 0, text);
                false
            }
        };
        if is_long {
            return Err(Error::later(
                format!("the LiveKit server is gone ({})", outage.last),
                format!("{} room={}", self.server.url, self.server.room),
                "the recording is whole until then; record into another folder once it is back",
            ));
        }
        if is_open && self.retry.is_due(self.now()) {
            self.join_again();
        }
        Ok(false)
    }

    fn join_again(&mut self) {
        if let Some(outage) = &mut self.outage {
            print::note(format_args!(
                "warning: the connection was lost ({}), the recorder joins again",
                outage.last
            ));
            outage.is_joining = true;
        }
        self.watch.set_lost(false);
        self.start();
    }

    /// Hands what the server lists on to the session and to the user.
    fn report(&mut self) {
        let count = self.watch.count();
        if std::mem::replace(&mut self.reported, count) == count {
            return;
        }
        // The server may drop the recorder without a word.
        let is_listed = self.watch.roster().has(&self.identity);
        if std::mem::replace(&mut self.is_listed, is_listed) && !is_listed {
            self.lose("the server has ended it".to_owned());
        }
        let now = self.now();
        let known = self.places.known();
        let changes = self.watch.roster().changes();
        for change in changes
            .iter()
            .filter(|change| known.contains(&change.participant))
        {
            let name = if change.is_muted { "mute" } else { "unmute" };
            let event = gst::Structure::builder(name)
                .field("participant", &change.participant)
                .field("source", source_name(change.source))
                .build();
            if self.places.session.emit_by_name::<bool>("event", &[&event]) {
                self.watch.roster().confirm(change);
            }
        }
        let places = &self.places;
        let texts = self.watch.roster().missing(
            now,
            |identity, track| places.chosen.has(identity, track),
            |track| places.has(track),
        );
        for text in texts {
            print::note(format_args!("warning: {text}; it is left out"));
        }
    }

    /// Returns whether everybody has left for long enough.
    fn is_left(&mut self) -> bool {
        let Some(idle) = self.idle else {
            return false;
        };
        let is_empty = self.places.is_empty();
        self.has_had_tracks |= !is_empty;
        let is_left = match self.server.can_look() {
            true => self.watch.roster().is_left(),
            false => self.has_had_tracks && is_empty,
        };
        if !is_left {
            self.left = None;
            return false;
        }
        let since = *self.left.get_or_insert_with(Instant::now);
        let is_over = since.elapsed() >= idle;
        if is_over {
            print::note("everybody has left the room");
        }
        is_over
    }

    fn now(&self) -> Time {
        let elapsed = self.started.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.remove_source();
    }
}
