// SPDX-License-Identifier: MPL-2.0

//! `record`: records a live room as a session.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use gstlecture::record::session::State;
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::complete::CompleteOptions;
use self::composite::Composite;
use self::course::{Course, Limits};
use self::kinds::{From, Mode};
use self::livekit::{LiveKitOptions, Room};
use self::outputs::{OutputOptions, Outputs};
use self::senders::Opened;
use self::space::Space;
use self::stream::{Ports, Stream};
use self::taps::Taps;
use self::token::Token;
use self::usage::MB;
use self::web::{Web, WebOptions};
use super::Request;
use super::summary::Summary;
use crate::engine::description::{Description, Facts, Pipeline, Word};
use crate::engine::pipeline;
use crate::error::Error;
use crate::options::{Options, Values, options};
use crate::print::counted;
use crate::serve::Listen;

mod complete;
mod composite;
pub mod control;
pub mod course;
mod hole;
mod kinds;
mod livekit;
mod monitor;
pub mod outputs;
mod reached;
mod rtcp;
mod rtp;
mod senders;
mod space;
mod stream;
mod tap;
mod taps;
mod token;
mod usage;
mod web;
mod whip;

static RTP: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../../pipelines/record-rtp.launch")));
static WHIP: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../../pipelines/record-whip.launch")));
static COMPOSITE: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!(
        "../../../../../pipelines/record-composite.launch"
    ))
});
static COPY: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../../pipelines/record-copy.launch")));
static TEST: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../../pipelines/record-test.launch")));
static LIVEKIT: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!(
        "../../../../../pipelines/record-livekit.launch"
    ))
});
static WEB: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../../pipelines/record-web.launch")));

pub const ABOUT: &str = "\
Records a live room, or any web page, as a session: every track in a file of its own.

The folder is a session at every moment, also after kill -9, when at most the last second is missing.
Nothing that senders encode is transcoded. Ctrl-C, SIGTERM and duration= end the recording well. The
session is the input of compose, mix and catalog.";

options! {
    /// Variables of `record`.
    pub struct RecordOptions {
        /// the source: livekit for a room of a LiveKit server; rtp; whip for browsers, OBS and other senders
        /// that publish by WHIP; web for a web page with its sound; or test for a test picture with ticks
        "from" (required) => from: From,
        /// the folder of the session; it must not have one yet
        "output" (required) => output: PathBuf,
        /// name of the room; with from=livekit that of the server
        "room" (default "room"),
        /// tracks: a file per track; composite: the room in one video, composite.mkv; auto: both; audio:
        /// the mix of all voices alone, audio.mka (default: tracks, with from=web composite)
        "mode" (optional) => mode: Option<Mode>,
        /// composite: grid, speaker, single-speaker, slides, side-by-side or interpreter, each also with
        /// -light; with template= the layout that the template is given
        "layout" (default "grid") => layout: String,
        /// composite, from=web: width of the video in pixels
        "width" (default "1280") => width: u64,
        /// composite, from=web: height of the video in pixels
        "height" (default "720") => height: u64,
        /// composite, from=web: frames per second
        "framerate" (default "30"),
        /// composite: true shows the name of each participant
        "labels" (default "false") as bool,
        /// composite, from=web: effort of the encoder, from ultrafast to veryslow
        "preset" (default "veryfast"),
        /// composite, from=web: quality of the video; lower is better and larger
        "quality" (default "23"),
        /// end of the recording after this many seconds
        "duration" (optional) => duration: Option<Duration>,
        /// end of the recording once its files have this many MB
        "max-size" (optional) => max_size: Option<u64>,
        /// end of the recording while this many MB of the disk are still free
        "keep-free" (default "200") => keep_free: u64,
        /// from=rtp: session descriptions of the streams that are sent here, separated by commas
        "sdp" (optional) => sdp: Option<String>,
        /// from=rtp: streams without a description, separated by commas, each as
        /// PARTICIPANT:SOURCE:CODEC:PAYLOAD-TYPE:PORT, for example ada:camera:VP8:96:5004; the source is
        /// camera, microphone, screen or screen-audio, and RTCP comes to the next port
        "ports" (optional) => ports: Option<Ports>,
        /// from=rtp, whip: local address for the media; 0.0.0.0 for all, with from=whip for all except
        /// loopback
        "address" (default "0.0.0.0") => address: String,
        /// from=livekit, rtp, whip: time in ms for which late packets are waited for
        "latency" (default "200") => latency: u64,
        /// from=whip: local address and port of the endpoint http://ADDRESS:PORT/whip/PARTICIPANT
        "listen" (default "127.0.0.1:8090") => listen: Listen,
        /// from=whip: bearer token that senders must have; from=livekit: token of the recorder; from=web:
        /// token of the room for template=; as env:NAME or file:PATH
        "token" (optional) => token: Option<Token>,
        /// local address and port, for example 127.0.0.1:9464, of the pages /metrics for Prometheus and
        /// /health
        "metrics-listen" (optional) => metrics_listen: Option<Listen>,
    }
    groups { web: WebOptions, livekit: LiveKitOptions, outputs: OutputOptions, complete: CompleteOptions }
}

/// Results of `record`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecordResults {
    /// The description of the session.
    pub session: String,
    /// State of the recording by the names of LiveKit Egress, for example EGRESS_COMPLETE.
    pub state: String,
    /// Length of the recording in seconds.
    pub duration: f64,
    /// Number of tracks.
    pub tracks: usize,
    /// Number of frames of all tracks.
    pub frames: u64,
    /// The file of the whole room, if one was asked for.
    pub composite: Option<String>,
    /// Further outputs of the composite, as in `session.json`.
    pub outputs: Vec<OutputResult>,
    /// Processor time of the recorder in seconds, with that of the browser of a web page.
    pub cpu_seconds: Option<f64>,
    /// Largest memory of the recorder in MB.
    pub peak_memory: Option<f64>,
    /// Exit status of the command of on-complete=, if there is one.
    pub on_complete: Option<i32>,
}

/// A further output of `record`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OutputResult {
    /// The file, folder or server, without any key.
    pub to: String,
    /// How it ended: complete or failed.
    pub state: String,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = RecordOptions::parse(&request.values)?;
    options.check_outputs()?;
    let streams = match options.from {
        From::Rtp => stream::read(options.sdp.as_deref(), options.ports.as_ref())?,
        From::LiveKit | From::Whip => Vec::new(),
        From::Test => stream::test(),
        From::Web => stream::page(),
    };
    let limits = limits(&options);
    let opened = open(request, &options, &limits)?;
    let described = describe(request, &options, &streams, &opened);
    request.say(&described);
    if request.print {
        return Ok(());
    }
    let made = pipeline::make(&described)?;
    let mode = options.mode();
    let file = mode.file().map(|name| options.output.join(name));
    let composite = match &file {
        Some(file) => Some(compose(request, &options, file)?),
        None => None,
    };
    let outputs = options.outputs(request, composite.as_ref())?;
    let taps = Taps {
        composite: composite.clone(),
        keeps_tracks: mode.has_tracks(),
    };
    let mut course = Course::new(request, &options.output, limits, composite, outputs)?;
    let mut senders = senders::attach(&made, &options, &streams, opened, &taps)?;
    let ended = course.run(&made, &mut senders);
    senders.report(request);
    drop(senders);
    let cpu_seconds = usage::cpu_seconds();
    let state = course::name(course.state());
    let completed = match course.is_begun() {
        true => options.complete.run(&options.output, &state),
        false => Ok(None),
    };
    ended?;
    report(request, &options, &course);
    summary.add(&RecordResults {
        session: course.file().display().to_string(),
        state,
        duration: course.duration().as_secs_f64(),
        tracks: course.tracks(),
        frames: course.frames(),
        outputs: course.outputs(),
        composite: file.as_ref().map(|file| file.display().to_string()),
        cpu_seconds,
        peak_memory: usage::peak_memory(),
        on_complete: completed.clone().ok().flatten(),
    });
    if course.state() == State::Aborted {
        return Err(Error::request(
            "nothing was recorded: no media came",
            options.output.display().to_string(),
            "check that the sender runs and sends to this address and port",
        ));
    }
    options.complete.check(completed)
}

impl RecordOptions {
    /// Returns the time in ms for which late packets are waited for.
    fn latency(&self) -> u32 {
        u32::try_from(self.latency).unwrap_or(u32::MAX)
    }

    /// Prepares the further outputs of the composite.
    fn outputs(
        &self,
        request: &Request,
        composite: Option<&Arc<Composite>>,
    ) -> Result<Outputs, Error> {
        let targets = self.outputs.targets(&self.output);
        for line in outputs::lines(&targets) {
            request.say(&line);
        }
        Outputs::open(targets, composite)
    }

    /// Makes sure that there is a composite if outputs take copies of one.
    fn check_outputs(&self) -> Result<(), Error> {
        let is_composed = matches!(self.mode(), Mode::Composite | Mode::Auto);
        match self.outputs.targets(&self.output).first() {
            Some(target) if !is_composed => Err(Error::usage(
                "there is no composite to take it from",
                format!("{}=", target.word()),
                "write mode=composite or mode=auto too",
            )),
            _ => Ok(()),
        }
    }

    /// Returns what is written.
    fn mode(&self) -> Mode {
        let default = match self.from {
            From::Web => Mode::Composite,
            From::LiveKit | From::Rtp | From::Whip | From::Test => Mode::Tracks,
        };
        self.mode.unwrap_or(default)
    }
}

/// Shows the page or looks for the room that is to be recorded, unless only the line of the pipeline is
/// wanted.
fn open(request: &Request, options: &RecordOptions, limits: &Limits) -> Result<Opened, Error> {
    if request.print || !matches!(options.from, From::Web | From::LiveKit) {
        return Ok(Opened::Nothing);
    }
    limits.space.check()?;
    let (token, stop) = (options.token.as_ref(), &request.stop);
    if options.from == From::Web {
        let size = (options.width, options.height);
        let web = Web::open(&options.web, &options.layout, token, size, stop)?;
        return Ok(Opened::Page(Box::new(web)));
    }
    let (url, name) = (
        options.web.url.as_deref(),
        request.values.get("room").unwrap_or_default(),
    );
    let room = Room::open(&options.livekit, url, name, token, options.latency(), stop)?;
    Ok(Opened::Room(Box::new(room)))
}

fn limits(options: &RecordOptions) -> Limits {
    let size = options.max_size.map(|size| size.saturating_mul(MB));
    let free = options.keep_free.saturating_mul(MB);
    Limits {
        duration: options.duration,
        space: Space::new(&options.output, size, free),
        has_tracks: options.mode().has_tracks(),
        monitor: options.metrics_listen,
    }
}

fn report(request: &Request, options: &RecordOptions, course: &Course) {
    request.note(&format!(
        "{}: {}, {}, {:.1} s",
        options.output.display(),
        counted(course.tracks(), "track", "tracks"),
        counted(course.participants(), "participant", "participants"),
        course.duration().as_secs_f64()
    ));
}

fn describe(
    request: &Request,
    options: &RecordOptions,
    streams: &[Stream],
    opened: &Opened,
) -> Pipeline {
    let mut values: Values = request.values.clone();
    let mut facts = Facts::default();
    facts.set("static", request.print);
    facts.count("stream", streams.len());
    for (media, word) in [("video", "video"), ("audio", "audio")] {
        let count = streams
            .iter()
            .filter(|stream| stream.media == media)
            .count();
        facts.count(word, count);
    }
    for (n, stream) in streams.iter().enumerate() {
        values.set(format!("port.{n}"), stream.port.to_string());
        values.set(format!("caps.{n}"), stream.caps.to_string());
    }
    // The printed line has the display that it needs by way of example.
    let (display, sound) = match opened {
        Opened::Page(web) => web.places(),
        Opened::Room(_) | Opened::Nothing => (":99", "unix:/tmp/sound"),
    };
    let rate = request.values.get("framerate").unwrap_or_default();
    values.set("rate", format!("video/x-raw,framerate=(fraction){rate}"));
    values.set("display", display);
    values.set("sound", sound);
    if let Some(name) = options.mode().file() {
        values.set("composed", name);
    }
    match options.from {
        From::LiveKit => LIVEKIT.pipeline(&facts, &values),
        From::Rtp => RTP.pipeline(&facts, &values),
        From::Whip => WHIP.pipeline(&facts, &values),
        From::Test => TEST.pipeline(&facts, &values),
        From::Web => with_display(WEB.pipeline(&facts, &values)),
    }
}

/// Moves the name of the display into the text of a description. Properties are set after the elements
/// are linked, which is too late for it: `ximagesrc` opens a display, that of the user, to answer for its
/// caps.
fn with_display(mut described: Pipeline) -> Pipeline {
    for word in &mut described.words {
        let name = match word {
            Word::Assign(set) if set.property == "display-name" => set.value.clone(),
            _ => continue,
        };
        *word = Word::Text(format!("display-name={name}"));
    }
    described
}

/// Makes the pipeline of the whole room, which writes to a file. A page is a whole room already.
fn compose(
    request: &Request,
    options: &RecordOptions,
    file: &Path,
) -> Result<Arc<Composite>, Error> {
    let mut values: Values = request.values.clone();
    values.set("composite", file.display().to_string());
    let has_pictures = options.mode() != Mode::Audio;
    let mut facts = Facts::default();
    facts.set("pictures", has_pictures);
    facts.set("aac", options.outputs.need_audio());
    let described = match options.from {
        From::Web => COPY.pipeline(&facts, &values),
        From::LiveKit | From::Rtp | From::Whip | From::Test => COMPOSITE.pipeline(&facts, &values),
    };
    request.say(&described);
    let made = pipeline::make(&described)?;
    Ok(Arc::new(Composite::new(made, has_pictures)))
}

/// Returns the element that records.
fn session_of(made: &gst::Pipeline) -> Result<gst::Element, Error> {
    made.by_name("session")
        .ok_or_else(|| Error::request("there is no sessionsink", "session", "report this"))
}
