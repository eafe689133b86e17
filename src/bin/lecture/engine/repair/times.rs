// SPDX-License-Identifier: MPL-2.0

//! Times of decoded audio and video.

use std::sync::Mutex;

use gst::prelude::*;
use gstlecture::timeline::{SampleClock, Time};

use super::{Data, is_made_by, lock, media, on_data};
use crate::engine::ledger::{Account, Ledger, OwnTime};

/// Demuxers of containers without timestamps, which derive them from a mean rate.
const WITHOUT_TIMESTAMPS: [&str; 3] = ["wavparse", "aiffparse", "auparse"];

/// Shortest duration of a frame. Frames without times of their own are a few nanoseconds apart.
const SHORTEST: gst::ClockTime = gst::ClockTime::from_useconds(500);

/// Repairs the times of a stream that a source has decoded, once its caps tell of what kind it is: when
/// the source adds a pad of raw media, they may still be unknown.
pub(super) fn time_pad(source: &gst::Element, pad: &gst::Pad, ledger: &Ledger) {
    let bin = source.downcast_ref::<gst::Bin>();
    let elements = bin.map(|bin| bin.iterate_recurse());
    let only_counts = elements
        .into_iter()
        .flat_map(|elements| elements.into_iter().flatten())
        .any(|element| is_made_by(&element, &WITHOUT_TIMESTAMPS));
    let ledger = ledger.clone();
    let stream: Mutex<Option<Stream>> = Mutex::default();
    on_data(pad, move |pad, data| {
        let mut stream = lock(&stream);
        if stream.is_none() {
            *stream = Stream::of(pad, only_counts, &ledger);
        }
        match (&mut *stream, data) {
            (Some(Stream::Audio(audio)), Data::Begins) => audio.clock.restart(),
            (Some(Stream::Audio(audio)), Data::Caps) => audio.format = format(pad),
            (Some(Stream::Audio(audio)), Data::Buffer(buffer)) => audio.time(pad, buffer),
            (Some(Stream::Video(video)), Data::Begins) => video.last = None,
            (Some(Stream::Video(video)), Data::Buffer(buffer)) => video.time(pad, buffer),
            (Some(Stream::Video(_)), Data::Caps) | (None, _) => {}
        }
    });
}

/// A stream whose times are repaired.
enum Stream {
    Audio(Box<Audio>),
    Video(Video),
}

impl Stream {
    /// Opens the stream of a pad; `None` if it is neither audio nor video, or not yet known.
    fn of(pad: &gst::Pad, only_counts: bool, ledger: &Ledger) -> Option<Self> {
        match media(pad.current_caps()).as_deref()? {
            "audio/x-raw" => Some(Stream::Audio(Box::new(Audio {
                clock: match only_counts {
                    true => SampleClock::counting(),
                    false => SampleClock::default(),
                },
                format: None,
                account: ledger.open("audio"),
            }))),
            "video/x-raw" => Some(Stream::Video(Video {
                last: None,
                account: ledger.open("video"),
            })),
            _ => None,
        }
    }
}

struct Audio {
    clock: SampleClock,
    format: Option<gst_audio::AudioInfo>,
    account: Account,
}

impl Audio {
    /// Sets the time of a buffer by the number of samples before it, if its own is wrong or missing.
    fn time(&mut self, pad: &gst::Pad, buffer: &mut gst::Buffer) {
        if self.format.is_none() {
            self.format = format(pad);
        }
        let Some(format) = &self.format else {
            return;
        };
        let samples = buffer.size() as u64 / u64::from(format.bpf().max(1));
        let length = samples
            .saturating_mul(1_000_000_000)
            .checked_div(u64::from(format.rate()));
        let length = Time::from_nanos(length.unwrap_or_default());
        let placed = self.clock.place(buffer.pts().map(time), length);
        if buffer.pts().map(time) != Some(placed) {
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(placed.nanos()));
        }
        self.account
            .add_samples(samples, length, self.clock.overlapped());
    }
}

struct Video {
    /// Latest time of a frame so far.
    last: Option<gst::ClockTime>,
    account: Account,
}

impl Video {
    /// Sets the time of a frame without one to the end of its predecessor, and counts the frames
    /// without a time of their own.
    fn time(&mut self, pad: &gst::Pad, buffer: &mut gst::Buffer) {
        let own = match (buffer.pts(), self.last) {
            (None, _) => OwnTime::Missing,
            (Some(time), Some(last)) if time < last + SHORTEST => OwnTime::Lost,
            (Some(_), _) => OwnTime::Present,
        };
        if buffer.pts().is_none()
            && let Some(guess) = self.guess(pad, buffer)
        {
            buffer.make_mut().set_pts(guess);
        }
        // Otherwise the last frame would end at its start.
        if buffer.duration().is_none()
            && let (Some(time), Some(last)) = (buffer.pts(), self.last)
            && time > last
            && time - last <= gst::ClockTime::SECOND
        {
            buffer.make_mut().set_duration(time - last);
        }
        self.last = buffer.pts().max(self.last);
        self.account.add_frame(own);
    }

    /// Returns the end of the frame before; `None` if its duration is unknown.
    fn guess(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> Option<gst::ClockTime> {
        let Some(last) = self.last else {
            return Some(gst::ClockTime::ZERO);
        };
        let length = buffer.duration().filter(|length| !length.is_zero());
        let length = length.or_else(|| frame_length(pad))?;
        Some(last.saturating_add(length))
    }
}

fn format(pad: &gst::Pad) -> Option<gst_audio::AudioInfo> {
    gst_audio::AudioInfo::from_caps(pad.current_caps()?.as_ref()).ok()
}

/// Counts the packets of video that a demuxer of transport streams finds no time for: without a clock
/// in the stream, it finds none, and decoders invent some.
pub(super) fn count_untimed(demuxer: &gst::Element, ledger: &Ledger) {
    let ledger = ledger.clone();
    demuxer.connect_pad_added(move |_, pad| {
        let media = media(pad.current_caps());
        if !media.is_some_and(|media| media.starts_with("video/")) {
            return;
        }
        let account = ledger.open("video");
        on_data(pad, move |_, data| {
            if let Data::Buffer(buffer) = data {
                account.add_frame(match buffer.pts().or(buffer.dts()) {
                    Some(_) => OwnTime::Present,
                    None => OwnTime::Missing,
                });
            }
        });
    });
}

/// Counts the coded frames to be muxed: muxers drop those without a time.
pub fn count_frames(pad: &gst::Pad, account: Account) {
    on_data(pad, move |_, data| {
        if let Data::Buffer(buffer) = data
            && !buffer.flags().contains(gst::BufferFlags::HEADER)
        {
            account.add_frame(match buffer.pts() {
                Some(_) => OwnTime::Present,
                None => OwnTime::Lost,
            });
        }
    });
}

/// Returns the duration of a frame, by the frame rate in the caps.
fn frame_length(pad: &gst::Pad) -> Option<gst::ClockTime> {
    const HIGHEST: i32 = 240;
    let caps = pad.current_caps()?;
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    let is_real = rate.numer() > 0 && rate.numer() / rate.denom().max(1) <= HIGHEST;
    let nanos = u64::try_from(rate.denom()).ok()? * 1_000_000_000;
    let length = nanos / u64::try_from(rate.numer()).ok().filter(|_| is_real)?;
    Some(gst::ClockTime::from_nseconds(length))
}

fn time(time: gst::ClockTime) -> Time {
    Time::from_nanos(time.nseconds())
}
