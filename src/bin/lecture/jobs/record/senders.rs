// SPDX-License-Identifier: MPL-2.0

//! The senders of a recording, by its source.

use gst::prelude::*;

use super::kinds::From;
use super::stream::Stream;
use super::taps::Taps;
use super::web::Web;
use super::{RecordOptions, livekit, rtp, session_of, whip};
use crate::error::Error;
use crate::jobs::Request;

/// What is opened before there is a pipeline.
pub enum Opened {
    Page(Box<Web>),
    Room(Box<livekit::Room>),
    Nothing,
}

/// What a pipeline receives from, for as long as it is held.
pub enum Senders {
    LiveKit(Box<livekit::Recorder>),
    Rtp(rtp::Receiver),
    Whip(whip::Endpoint),
    Web(Box<Web>),
    Test,
}

impl Senders {
    /// Lets senders come, once the recording runs.
    pub fn start(&mut self) {
        match self {
            Senders::LiveKit(recorder) => recorder.start(),
            Senders::Whip(endpoint) => endpoint.start(),
            Senders::Rtp(_) | Senders::Web(_) | Senders::Test => {}
        }
    }

    /// Returns whether an error is that of one sender, who leaves by it, or of a connection that is made
    /// again.
    pub fn fail(&self, message: &gst::Message, error: &gst::message::Error) -> bool {
        let (Some(source), text) = (message.src(), error.error().to_string()) else {
            return false;
        };
        match self {
            Senders::LiveKit(recorder) => recorder.fail(source, &text),
            Senders::Whip(endpoint) => endpoint.fail(source, &text),
            Senders::Rtp(_) | Senders::Web(_) | Senders::Test => false,
        }
    }

    /// Looks after senders that need it. Returns whether they end the recording.
    ///
    /// # Errors
    /// What is recorded is gone.
    pub fn check(&mut self) -> Result<bool, Error> {
        match self {
            Senders::LiveKit(recorder) => recorder.check(),
            Senders::Web(web) => web.check(),
            Senders::Rtp(_) | Senders::Whip(_) | Senders::Test => Ok(false),
        }
    }

    /// Reports what may be wrong with the recording.
    pub fn report(&self, request: &Request) {
        let Senders::Rtp(receiver) = self else {
            return;
        };
        for port in receiver.without_reports() {
            request.note(&format!(
                "port {port}: the sender sent no reports; its streams are in sync by the time of their arrival"
            ));
        }
    }
}

/// Connects a pipeline that is not running yet with its senders.
pub fn attach(
    made: &gst::Pipeline,
    options: &RecordOptions,
    streams: &[Stream],
    opened: Opened,
    taps: &Taps,
) -> Result<Senders, Error> {
    let address = &*options.address;
    match options.from {
        From::LiveKit => match opened {
            Opened::Room(room) => Ok(Senders::LiveKit(Box::new(room.attach(made, taps)?))),
            Opened::Page(_) | Opened::Nothing => Err(Error::request(
                "there is no room",
                "from=livekit",
                "report this",
            )),
        },
        From::Rtp => Ok(Senders::Rtp(rtp::attach(made, streams, address, taps)?)),
        From::Whip => {
            let (token, latency) = (options.token.as_ref(), options.latency());
            let opened = whip::open(made, options.listen, token, address, latency, taps);
            Ok(Senders::Whip(opened?))
        }
        From::Test | From::Web => {
            let session = session_of(made)?;
            for (name, stream) in ["video_0", "audio_0"].iter().zip(streams) {
                let sink = session.static_pad(name);
                if let Some((pad, sink)) = sink.and_then(|sink| Some((sink.peer()?, sink))) {
                    taps.add(&pad, &sink, stream);
                }
            }
            Ok(match opened {
                Opened::Page(web) => Senders::Web(web),
                Opened::Room(_) | Opened::Nothing => Senders::Test,
            })
        }
    }
}
