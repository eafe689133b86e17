// SPDX-License-Identifier: MPL-2.0

//! A recording that was indexed: its packets, their times and the events between them.

use super::flow::Stop;
use super::source::Source;
use crate::record::mjr::{self, Clock, Loss, Recording, Rotation, Scanner, Speaking, Timeline};
use crate::timeline::Time;

/// A hole in video that is not a loss: a still screen sends few frames.
const STILL: Time = Time::from_secs(1);

pub struct Index {
    pub recording: Recording,
    pub timeline: Timeline,
    pub rotations: Vec<Rotation>,
    pub speaking: Vec<Speaking>,
    pub losses: Vec<Loss>,
}

impl Index {
    /// Reads the whole source once; holds none of its media.
    pub fn read(source: &Source, clock: Clock) -> Result<Self, Stop> {
        let mut scanner = Scanner::default();
        let mut offset = 0;
        loop {
            let mut pushed = Ok(());
            let length = source.next(offset, &mut |bytes| pushed = scanner.push(bytes))?;
            pushed.map_err(failed)?;
            if length == 0 {
                break;
            }
            offset += length as u64;
        }
        let recording = scanner.finish().map_err(failed)?;
        let timeline = Timeline::new(&recording, clock);
        Ok(Self {
            rotations: recording.rotations(&timeline),
            speaking: recording.speaking(&timeline),
            losses: recording.losses(&timeline),
            recording,
            timeline,
        })
    }

    pub fn time(&self, index: usize) -> gst::ClockTime {
        clock_time(self.timeline.time(index, self.recording.packets()))
    }

    pub fn duration(&self) -> gst::ClockTime {
        clock_time(self.timeline.duration())
    }

    /// Returns the loss in front of the packet at `index`.
    pub fn loss(&self, index: usize) -> Option<&Loss> {
        let at = self
            .losses
            .binary_search_by_key(&index, |loss| loss.index)
            .ok()?;
        self.losses.get(at)
    }

    /// Returns the rotation in force at the packet, and whether it starts there.
    pub fn rotation(&self, index: usize) -> Option<(&Rotation, bool)> {
        let after = self
            .rotations
            .partition_point(|rotation| rotation.index <= index);
        let rotation = self.rotations.get(after.checked_sub(1)?)?;
        Some((rotation, rotation.index == index))
    }

    /// Returns the changes of speech that start at the packet.
    pub fn speaking(&self, index: usize) -> &[Speaking] {
        let start = self.speaking.partition_point(|change| change.index < index);
        let end = self
            .speaking
            .partition_point(|change| change.index <= index);
        self.speaking.get(start..end).unwrap_or_default()
    }

    /// Returns the span without media in front of the packet at `index`, if there is one.
    pub fn hole(&self, index: usize) -> Option<(gst::ClockTime, gst::ClockTime)> {
        let packets = self.recording.packets();
        let before = index.checked_sub(1)?;
        let start = self
            .timeline
            .time(before, packets)
            .saturating_add(self.timeline.step());
        let end = self.timeline.time(index, packets);
        let length = end.saturating_sub(start);
        let least = match self.recording.header().codec.kind() {
            mjr::Kind::Audio => self.timeline.step(),
            mjr::Kind::Video | mjr::Kind::Data => STILL,
        };
        let is_hole = length >= least || self.loss(index).is_some();
        (is_hole && length > Time::default()).then(|| (clock_time(start), clock_time(length)))
    }
}

pub fn clock_time(time: Time) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(time.nanos())
}

fn failed(error: mjr::Error) -> Stop {
    let message = match error {
        mjr::Error::NotMjr => gst::error_msg!(gst::StreamError::WrongType, ("{error}")),
        mjr::Error::Encrypted => gst::error_msg!(gst::StreamError::Decrypt, ("{error}")),
        mjr::Error::UnknownCodec(_) | mjr::Error::UnknownKind(_) => {
            gst::error_msg!(gst::StreamError::CodecNotFound, ("{error}"))
        }
        _ => gst::error_msg!(gst::StreamError::Demux, ("{error}")),
    };
    Stop::Failed(message)
}
