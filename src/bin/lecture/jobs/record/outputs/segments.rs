// SPDX-License-Identifier: MPL-2.0

//! Writes the segments and the playlist of a live HLS stream.
//!
//! A segment is written as its fragments come, twice a second, and named in the playlist once it is whole:
//! playlist and segments are valid at every moment, and `recover` adds what a killed recorder had written
//! of the last segment.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use gstlecture::package::hls::live::EventList;
use gstlecture::package::mp4::live::{VideoTrack, has_video};
use gstlecture::timeline::Time;

use super::parts::Writer;
use crate::error::Error;
use crate::fs::AtomicFile;

/// Name of the initialization segment.
pub const INIT: &str = "init.mp4";

pub struct Segments {
    playlist: PathBuf,
    list: EventList,
    video: Option<VideoTrack>,
    open: Option<Open>,
}

/// A segment that is being written.
struct Open {
    name: String,
    file: File,
    start: Time,
    end: Time,
}

impl Segments {
    /// Writes a playlist, and the segments beside it.
    pub fn new(playlist: &Path) -> Self {
        Segments {
            playlist: playlist.to_path_buf(),
            list: EventList::new(INIT),
            video: None,
            open: None,
        }
    }

    /// Names the segment that was being written in the playlist. It ends where the next one starts.
    fn close(&mut self, next: Option<Time>) -> Result<(), Error> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let end = next.unwrap_or(open.end);
        self.list.push(open.name, end.saturating_sub(open.start));
        AtomicFile::write(&self.playlist, self.list.to_bytes())
    }

    fn write(&mut self, fragment: &[u8], times: (Time, Time), is_start: bool) -> Result<(), Error> {
        let has_video = self.video.is_none_or(|video| has_video(fragment, video));
        // The audio after the last frame belongs to the last segment.
        if (is_start && has_video) || self.open.is_none() {
            self.close(Some(times.0))?;
            let name = EventList::name(self.list.len());
            let path = self.playlist.with_file_name(&name);
            let file = File::create(&path).map_err(|error| Error::writing(&path, &error))?;
            self.open = Some(Open {
                name,
                file,
                start: times.0,
                end: times.0,
            });
        }
        if let Some(open) = &mut self.open {
            let path = self.playlist.with_file_name(&open.name);
            let written = open.file.write_all(fragment);
            written.map_err(|error| Error::writing(&path, &error))?;
            if has_video {
                open.end = open.end.max(times.1);
            }
        }
        Ok(())
    }
}

impl Writer for Segments {
    fn take(&mut self, buffers: &[gst::Buffer]) -> Result<(), Error> {
        let mut fragment = Vec::new();
        let (mut times, mut is_start) = (None, false);
        for buffer in buffers {
            let Ok(map) = buffer.map_readable() else {
                continue;
            };
            let has = |flag| buffer.flags().contains(flag);
            if has(gst::BufferFlags::HEADER | gst::BufferFlags::DISCONT) {
                let init = self.playlist.with_file_name(INIT);
                self.video = VideoTrack::of(&map);
                AtomicFile::write(&init, &*map)?;
                continue;
            }
            if has(gst::BufferFlags::HEADER) {
                is_start = !has(gst::BufferFlags::DELTA_UNIT);
                let start = buffer.pts().unwrap_or_default();
                let end = start + buffer.duration().unwrap_or_default();
                times = Some((
                    Time::from_nanos(start.nseconds()),
                    Time::from_nanos(end.nseconds()),
                ));
            }
            fragment.extend_from_slice(&map);
        }
        match times {
            Some(times) => self.write(&fragment, times, is_start),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.close(None)?;
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.end();
        AtomicFile::write(&self.playlist, self.list.to_bytes())
    }
}
