// SPDX-License-Identifier: MPL-2.0

//! The senders of a recording, by its source.

use gst::prelude::*;

use super::stream::Stream;
use super::taps::Taps;
use super::web::Web;
use super::{From, RecordOptions, rtp, session_of, whip};
use crate::error::Error;
use crate::jobs::Request;

/// What a pipeline receives from, for as long as it is held.
pub enum Senders {
    Rtp(rtp::Receiver),
    Whip(whip::Endpoint),
    Web(Box<Web>),
    Test,
}

impl Senders {
    /// Lets senders come, once the recording runs.
    pub fn start(&mut self) {
        if let Senders::Whip(endpoint) = self {
            endpoint.start();
        }
    }

    /// Returns whether an error is that of one sender, who leaves by it.
    pub fn fail(&self, message: &gst::Message, error: &gst::message::Error) -> bool {
        let (Senders::Whip(endpoint), Some(source)) = (self, message.src()) else {
            return false;
        };
        endpoint.fail(source, &error.error().to_string())
    }

    /// Looks after senders that need it. Returns whether they end the recording.
    ///
    /// # Errors
    /// What is recorded is gone.
    pub fn check(&mut self) -> Result<bool, Error> {
        match self {
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
    web: Option<Web>,
    taps: &Taps,
) -> Result<Senders, Error> {
    let address = &*options.address;
    match options.from {
        From::Rtp => Ok(Senders::Rtp(rtp::attach(made, streams, address, taps)?)),
        From::Whip => {
            let latency = u32::try_from(options.latency).unwrap_or(u32::MAX);
            let token = options.token.as_ref();
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
            Ok(web.map_or(Senders::Test, |web| Senders::Web(Box::new(web))))
        }
    }
}
