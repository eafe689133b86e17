// SPDX-License-Identifier: MPL-2.0

//! A LiveKit room as a source: a participant whom nobody sees receives all tracks through the stock
//! `livekitwebrtcsrc`.

mod connection;
mod pads;
mod places;
mod server;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gstlecture::record::live::livekit::Chosen;

pub use self::connection::Recorder;
use self::server::{Presence, Server};
use super::token::Token;
use crate::error::Error;
use crate::options::{FromText, Wrong, options};
use crate::print;
use crate::stop::Stop;

/// The stock element that speaks to a LiveKit server.
const SOURCE: &str = "livekitwebrtcsrc";
/// The file of its plugin, which `pipelines/setup-livekit` puts into the folder `livekit` beside the
/// program.
const PLUGIN: &str = "livekit/libgstrswebrtc.so";

/// Interval at which a room that is not open yet is asked for.
const POLL: Duration = Duration::from_secs(1);

options! {
    /// The LiveKit room that is recorded.
    pub struct LiveKitOptions {
        /// from=livekit: key of the server's API, as env:NAME or file:PATH; with it the recorder makes its
        /// tokens itself, in place of token=
        "api-key" (optional) => api_key: Option<Token>,
        /// from=livekit: secret of that key, as env:NAME or file:PATH
        "api-secret" (optional) => api_secret: Option<Token>,
        /// from=livekit: identity of the only participant who is recorded
        "participant" (optional) => participant: Option<String>,
        /// from=livekit: the only tracks that are recorded, as TR_ID[,TR_ID]
        "tracks" (optional) => tracks: Option<Tracks>,
        /// from=livekit: identity of the teacher, who is the host in session.json
        "host" (optional) => host: Option<String>,
        /// from=livekit: the room may open within this many seconds; needs api-key=
        "wait" (default "0") => wait: Duration,
        /// from=livekit: end of the recording this many seconds after the last participant has left
        /// (default: when the server closes the room)
        "idle" (optional) => idle: Option<Duration>,
    }
}

/// Identifiers of tracks.
#[derive(Clone, Debug)]
pub struct Tracks(Vec<String>);

impl FromText for Tracks {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let ids: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
        if ids.iter().all(|id| id.starts_with("TR_")) {
            Ok(Tracks(ids))
        } else {
            Err(Wrong::Form(
                "write identifiers of tracks, for example TR_AMabc,TR_VCdef",
            ))
        }
    }
}

impl LiveKitOptions {
    fn chosen(&self) -> Chosen {
        Chosen {
            participant: self.participant.clone(),
            tracks: self.tracks.clone().map_or(Vec::new(), |tracks| tracks.0),
        }
    }
}

/// A room that can be joined.
pub struct Room {
    server: Arc<Server>,
    chosen: Chosen,
    host: Option<String>,
    idle: Option<Duration>,
    latency: u32,
}

impl Room {
    /// Looks for the room, and waits until it is open.
    ///
    /// # Errors
    /// The element is missing, the server does not answer or refuses the recorder, or the room does not
    /// open.
    pub fn open(
        options: &LiveKitOptions,
        url: Option<&str>,
        room: &str,
        token: Option<&Token>,
        latency: u32,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let url = url.ok_or_else(|| {
            let remedy = "write for example url=wss://live.example.org";
            Error::usage(
                "the address of the LiveKit server is missing",
                "from=livekit",
                remedy,
            )
        })?;
        let keys = (options.api_key.as_ref(), options.api_secret.as_ref());
        let server = Server::new(url, room, token, keys)?;
        find_element()?;
        let failed = |fault| server.error(&fault);
        server.presence().map_err(failed)?;
        wait_until_open(&server, options.wait, stop)?;
        server.validate().map_err(failed)?;
        if server.is_seen() {
            print::note(
                "warning: the token has no `hidden`: the people in the room see the recorder",
            );
        }
        Ok(Room {
            server: Arc::new(server),
            chosen: options.chosen(),
            host: options.host.clone(),
            idle: options.idle,
            latency,
        })
    }
}

fn wait_until_open(server: &Server, wait: Duration, stop: &Stop) -> Result<(), Error> {
    let deadline = Instant::now() + wait;
    let mut has_said = false;
    loop {
        // A server that is restarted meanwhile is asked again.
        match server.presence() {
            Ok(Presence::Closed) => {}
            Ok(Presence::Open | Presence::Unknown) => return Ok(()),
            Err(fault) if Instant::now() >= deadline => return Err(server.error(&fault)),
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(Error::later(
                "the room does not exist",
                format!("{} room={}", server.url, server.room),
                "check the name, let somebody join first, or give wait=SECONDS",
            ));
        }
        if !has_said {
            print::note(format_args!("waiting for the room {}", server.room));
            has_said = true;
        }
        let next = Instant::now() + POLL.min(deadline.saturating_duration_since(Instant::now()));
        while Instant::now() < next {
            stop.check()?;
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Makes sure that the element is there: installed, or where the script puts it.
fn find_element() -> Result<(), Error> {
    if gst::ElementFactory::find(SOURCE).is_some() {
        return Ok(());
    }
    let beside = std::env::current_exe().ok();
    let beside = beside.and_then(|program| Some(program.parent()?.join(PLUGIN)));
    let loaded = beside.filter(|file| file.is_file()).map(|file: PathBuf| {
        let added = gst::Plugin::load_file(&file).map(|plugin| {
            let _ = gst::Registry::get().add_plugin(&plugin);
        });
        (file, added)
    });
    let remedy =
        "type `pipelines/setup-livekit`, which builds the plugin, then the same command again";
    match loaded {
        Some((_, Ok(()))) if gst::ElementFactory::find(SOURCE).is_some() => Ok(()),
        Some((file, Err(error))) => {
            let what = format!("the plugin of LiveKit cannot be loaded ({error})");
            Err(Error::request(what, file.display().to_string(), remedy))
        }
        _ => Err(Error::request(
            format!("the GStreamer element {SOURCE} is missing"),
            "from=livekit",
            remedy,
        )),
    }
}
