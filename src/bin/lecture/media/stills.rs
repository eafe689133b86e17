// SPDX-License-Identifier: MPL-2.0

//! Decodes key frames of a package, so that still images are made only from what is published.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};
use gst_video::prelude::*;
use gstlecture::package::hls::playlist::{NamedFrame, named_frames};
use gstlecture::package::manifest::VideoEntry;
use gstlecture::package::mp4::chunks;
use gstlecture::package::mp4::codec::avc_configuration;
use gstlecture::package::names;
use gstlecture::package::pictures::{Picture, fit};
use gstlecture::timeline::Time;

use crate::engine::gst_error;
use crate::engine::pipeline::{self, Running};
use crate::error::Error;
use crate::stop::Stop;

/// Interval of checks for errors while a decoder is working.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// The key frames of a rendition.
pub struct Stills {
    folder: PathBuf,
    configuration: Vec<u8>,
    frames: Vec<NamedFrame>,
    size: (u32, u32),
}

impl Stills {
    /// Opens the key frames of a rendition of the package in `package`. Returns `None` if none are
    /// listed, or if it is not H.264.
    pub fn open(package: &Path, video: &VideoEntry) -> Result<Option<Self>, Error> {
        let read = |path: &Path| fs::read(path).map_err(|error| Error::reading(path, &error));
        let playlist = package
            .join(&video.media.playlist)
            .with_file_name(names::I_FRAMES);
        if !playlist.exists() {
            return Ok(None);
        }
        let Some((init, frames)) = named_frames(&read(&playlist)?) else {
            return Err(broken(&playlist, "it is not an I-frame playlist"));
        };
        let configuration = avc_configuration(&read(&playlist.with_file_name(init))?);
        let folder = playlist.parent().unwrap_or(package).to_owned();
        Ok(configuration.map(|configuration| Stills {
            folder,
            configuration,
            frames,
            size: (video.width, video.height),
        }))
    }

    /// Returns the time of each key frame.
    pub fn times(&self) -> Vec<Time> {
        self.frames.iter().map(|frame| frame.start).collect()
    }

    /// Decodes frames, given by their numbers in rising order, to a size that fits into `room`;
    /// calls `see` with each frame and its number.
    pub fn decode(
        &self,
        wanted: &[usize],
        room: (u32, u32),
        stop: &Stop,
        see: impl FnMut(usize, Picture) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (width, height) = fit(self.size, room);
        let made = pipeline::parse(&format!(
            "appsrc name=source format=time block=true ! decodebin ! videoconvert ! videoscale ! \
             video/x-raw,format=RGB,width={width},height={height},pixel-aspect-ratio=1/1 ! \
             appsink name=sink sync=false max-buffers=2"
        ))?;
        let (Some(source), Some(sink), Some(bus)) = (
            named::<AppSrc>(&made, "source"),
            named::<AppSink>(&made, "sink"),
            made.bus(),
        ) else {
            return Err(broken(&self.folder, "the pipeline is incomplete"));
        };
        source.set_caps(Some(&self.caps()));
        thread::scope(|scope| {
            let feeder = scope.spawn(|| {
                let fed = self.feed(&source, wanted);
                // The sink waits for the end even if nothing is fed.
                let _ = source.end_of_stream();
                fed
            });
            // Stopped before the scope waits for the feeder, which may be blocked.
            let running = Running(&made);
            // Errors are on the bus.
            let _ = made.set_state(gst::State::Playing);
            let seen = self.look(&sink, &bus, stop, see);
            drop(running);
            // An unreadable frame is a more precise error than what a decoder makes of its absence.
            feeder.join().unwrap_or(Ok(()))?;
            seen
        })
    }

    /// Shows the decoded frames until the end.
    fn look(
        &self,
        sink: &AppSink,
        bus: &gst::Bus,
        stop: &Stop,
        mut see: impl FnMut(usize, Picture) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while !sink.is_eos() {
            stop.check()?;
            if let Some(sample) = sink.try_pull_sample(PATIENCE) {
                if let Some((number, picture)) = self.picture(&sample) {
                    see(number, picture)?;
                }
            } else if let Some(message) = bus.pop_filtered(&[gst::MessageType::Error])
                && let gst::MessageView::Error(error) = message.view()
            {
                return Err(gst_error::first(error, bus));
            }
        }
        Ok(())
    }

    fn caps(&self) -> gst::Caps {
        let side = |length: u32| i32::try_from(length).unwrap_or(i32::MAX);
        gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field(
                "codec_data",
                gst::Buffer::from_slice(self.configuration.clone()),
            )
            .field("width", side(self.size.0))
            .field("height", side(self.size.1))
            .build()
    }

    fn feed(&self, source: &AppSrc, wanted: &[usize]) -> Result<(), Error> {
        for &number in wanted {
            let Some(frame) = self.frames.get(number) else {
                continue;
            };
            let mut buffer = gst::Buffer::from_mut_slice(self.coded(frame)?);
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_pts(gst::ClockTime::from_nseconds(frame.start.nanos()));
            }
            if source.push_buffer(buffer).is_err() {
                // The pipeline was stopped, and whoever stopped it knows why.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns the coded frame.
    fn coded(&self, frame: &NamedFrame) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(&frame.segment);
        let read = |error| Error::reading(&path, &error);
        let mut file = File::open(&path).map_err(read)?;
        file.seek(SeekFrom::Start(frame.range.start))
            .map_err(read)?;
        let mut chunk = Vec::new();
        file.take(frame.range.end - frame.range.start)
            .read_to_end(&mut chunk)
            .map_err(read)?;
        let frame =
            chunks::media(&chunk).ok_or_else(|| broken(&path, "a key frame is truncated"))?;
        Ok(frame.to_vec())
    }

    fn picture(&self, sample: &gst::Sample) -> Option<(usize, Picture)> {
        let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let buffer = sample.buffer()?;
        let time = Time::from_nanos(buffer.pts()?.nseconds());
        let number = self
            .frames
            .binary_search_by_key(&time, |frame| frame.start)
            .ok()?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
        let stride = usize::try_from(*frame.plane_stride().first()?).ok()?;
        let (width, height) = (info.width() as usize, info.height() as usize);
        let rows = frame.plane_data(0).ok()?.chunks(stride);
        let pixels = rows
            .take(height)
            .flat_map(|row| row.iter().take(width * 3))
            .copied()
            .collect();
        let picture = Picture {
            width,
            height,
            pixels,
        };
        Some((number, picture))
    }
}

fn named<T: IsA<gst::Element>>(pipeline: &gst::Pipeline, name: &str) -> Option<T> {
    pipeline.by_name(name)?.downcast().ok()
}

fn broken(path: &Path, what: &str) -> Error {
    Error::request(
        format!("no images can be made: {what}"),
        path.display().to_string(),
        "report this with the recording",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_cannot_be_read_ends_it() {
        gst::init().expect("GStreamer");
        let folder = tempfile::tempdir().expect("temporary folder");
        let stills = Stills {
            folder: folder.path().to_owned(),
            // Baseline, no parameter sets.
            configuration: vec![1, 66, 0, 30, 0xff, 0xe0, 0],
            frames: vec![NamedFrame {
                start: Time::ZERO,
                segment: "gone.m4s".into(),
                range: 0..100,
            }],
            size: (320, 240),
        };
        let error = stills
            .decode(&[0], (160, 120), &Stop::default(), |_, _| Ok(()))
            .expect_err("it is not there");
        assert!(
            error.to_string().contains("gone.m4s: there is no"),
            "{error}"
        );
    }
}
