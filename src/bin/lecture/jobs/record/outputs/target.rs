// SPDX-License-Identifier: MPL-2.0

//! The outputs that a user asks for.

use std::path::{Path, PathBuf};

use gstlecture::delivery::Secret;
use gstlecture::record::live::Address;
use gstlecture::record::session::OutputKind;

use crate::error::Error;
use crate::options::{FromText, FromValues, Values, Wrong, options};

/// Name of the MP4 file in the folder of a session.
pub const MP4: &str = "composite.mp4";

/// Name of the HLS playlist there.
pub const HLS: &str = "hls/playlist.m3u8";

/// Folder of the still images there.
const IMAGES: &str = "images";

options! {
    /// Further outputs of a live composite.
    pub struct OutputOptions {
        /// composite: true writes composite.mp4 too, which plays at every moment, also after kill -9
        "mp4" (default "false") => mp4: bool,
        /// composite: true writes a live HLS stream too, hls/playlist.m3u8, with everything from the start on
        "hls" (default "false") => hls: bool,
        /// composite: servers to stream to, separated by commas, each as rtmp:// or rtmps://HOST/APP/KEY, or
        /// env:NAME or file:PATH of them all; a server that is lost is tried again
        "rtmp" (optional) => rtmp: Addresses<Rtmp>,
        /// composite: the same for SRT, each as srt://HOST:PORT with the query of srtsink: mode, streamid,
        /// passphrase
        "srt" (optional) => srt: Addresses<Srt>,
        /// composite: a JPEG image into images/ every so many seconds
        "images" (optional) => images: Option<Interval>,
    }
}

/// Seconds between still images.
#[derive(Clone, Copy, Debug)]
pub struct Interval(u64);

impl FromText for Interval {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let seconds = text
            .parse()
            .ok()
            .filter(|seconds| (1..=86_400).contains(seconds));
        seconds
            .map(Interval)
            .ok_or(Wrong::Form("write a whole number of seconds, at least 1"))
    }
}

/// A protocol of servers.
pub trait Protocol {
    const SCHEMES: &'static [&'static str];
    const FORM: &'static str;
}

#[derive(Debug)]
pub struct Rtmp;

#[derive(Debug)]
pub struct Srt;

impl Protocol for Rtmp {
    const SCHEMES: &'static [&'static str] = &["rtmp", "rtmps"];
    const FORM: &'static str = "write rtmp://HOST/APP/KEY";
}

impl Protocol for Srt {
    const SCHEMES: &'static [&'static str] = &["srt"];
    const FORM: &'static str = "write srt://HOST:PORT";
}

/// Addresses of servers. Their keys are never shown, not even in an error.
#[derive(Debug)]
pub struct Addresses<P> {
    list: Vec<Address>,
    protocol: std::marker::PhantomData<P>,
}

impl<P: Protocol> FromValues for Addresses<P> {
    fn from_values(values: &Values, name: &str) -> Result<Self, Error> {
        let wrong = |what: String, form| Error::usage(what, format!("{name}="), form);
        let text = values.get(name).unwrap_or_default();
        let secret = Secret::read(text).map_err(|words| wrong(words, "see --help"))?;
        let all = secret.text().split(',').map(str::trim);
        let all = all.filter(|_| !text.is_empty()).map(|url| {
            let address = Address::new(url, P::SCHEMES);
            address.ok_or_else(|| wrong("this is not the address of a server".into(), P::FORM))
        });
        Ok(Addresses {
            list: all.collect::<Result<_, _>>()?,
            protocol: std::marker::PhantomData,
        })
    }
}

/// An output.
#[derive(Clone, Debug)]
pub enum Target {
    Mp4(PathBuf),
    /// The playlist; its segments lie beside it.
    Hls(PathBuf),
    /// A folder, and the seconds between images.
    Images(PathBuf, u64),
    Rtmp(Address),
    Srt(Address),
}

impl OutputOptions {
    /// Returns whether an output takes audio.
    pub fn need_audio(&self) -> bool {
        self.mp4 || self.hls || !self.rtmp.list.is_empty() || !self.srt.list.is_empty()
    }

    /// Returns the outputs of a recording into a folder.
    pub fn targets(&self, folder: &Path) -> Vec<Target> {
        let mp4 = self.mp4.then(|| Target::Mp4(folder.join(MP4)));
        let hls = self.hls.then(|| Target::Hls(folder.join(HLS)));
        let images = self.images;
        let images = images.map(|every| Target::Images(folder.join(IMAGES), every.0));
        let rtmp = self.rtmp.list.iter().cloned().map(Target::Rtmp);
        let srt = self.srt.list.iter().cloned().map(Target::Srt);
        let files = mp4.into_iter().chain(hls).chain(images);
        files.chain(rtmp).chain(srt).collect()
    }
}

impl Target {
    pub fn kind(&self) -> OutputKind {
        match self {
            Target::Mp4(_) => OutputKind::Mp4,
            Target::Hls(_) => OutputKind::Hls,
            Target::Images(..) => OutputKind::Images,
            Target::Rtmp(_) => OutputKind::Rtmp,
            Target::Srt(_) => OutputKind::Srt,
        }
    }

    /// Returns the word of the description for this kind.
    pub fn word(&self) -> &'static str {
        match self {
            Target::Mp4(_) => "mp4",
            Target::Hls(_) => "hls",
            Target::Images(..) => "images",
            Target::Rtmp(_) => "rtmp",
            Target::Srt(_) => "srt",
        }
    }

    /// Returns the server, if it is one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Target::Rtmp(address) | Target::Srt(address) => Some(address),
            Target::Mp4(_) | Target::Hls(_) | Target::Images(..) => None,
        }
    }

    /// Returns the name in `session.json` and in reports, without any key.
    pub fn shown(&self) -> String {
        match self {
            Target::Mp4(_) => MP4.into(),
            Target::Hls(_) => HLS.into(),
            Target::Images(..) => IMAGES.into(),
            Target::Rtmp(address) | Target::Srt(address) => address.shown(),
        }
    }

    /// Returns a text of a library without the key of the server.
    pub fn hide(&self, text: &str) -> String {
        match self.address() {
            Some(address) => address.hide(text),
            None => text.to_owned(),
        }
    }
}
