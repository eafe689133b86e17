// SPDX-License-Identifier: MPL-2.0

//! Events of a recording: lost packets, rotations of the video, speech.

use super::clock::Timeline;
use super::header::Kind;
use super::recording::Recording;
use crate::timeline::Time;

/// A sender speaks when the level of the audio is at least this, in -dBov (RFC 6464).
const LOUDEST_SILENCE: u8 = 50;
/// Packets that are loud without a break before the sender counts as speaking.
const PACKETS_TO_START: usize = 3;
/// Silence after which the sender no longer counts as speaking.
const SILENCE_TO_END: Time = Time::from_millis(800);

/// Packets that are missing in front of the packet at `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub index: usize,
    pub packets: u64,
    /// The end of the packet before.
    pub start: Time,
    /// The time of the packet at `index`.
    pub end: Time,
}

/// The rotation of the video from the packet at `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub index: usize,
    pub time: Time,
    /// Degrees by which to turn the video clockwise: 0, 90, 180 or 270.
    pub degrees: u16,
    /// The video is mirrored.
    pub is_flipped: bool,
}

/// A change of whether the sender speaks, from the packet at `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaking {
    pub index: usize,
    pub time: Time,
    pub is_speaking: bool,
}

impl Recording {
    /// Returns the lost packets, in playing order.
    pub fn losses(&self, timeline: &Timeline) -> Vec<Loss> {
        let packets = self.packets();
        let neighbours = packets.iter().zip(packets.iter().skip(1)).enumerate();
        neighbours
            .filter(|(_, (packet, next))| next.sequence - packet.sequence > 1)
            .map(|(index, (packet, next))| {
                let end = timeline.time(index + 1, packets);
                let start = timeline
                    .time(index, packets)
                    .saturating_add(timeline.step());
                Loss {
                    index: index + 1,
                    packets: u64::try_from(next.sequence - packet.sequence - 1).unwrap_or(0),
                    start: start.min(end),
                    end,
                }
            })
            .collect()
    }

    /// Returns the rotations of the video, each at the first packet of its frame.
    ///
    /// A sender gives the rotation with key frames and with changes; a frame without it keeps the
    /// last one.
    pub fn rotations(&self, timeline: &Timeline) -> Vec<Rotation> {
        let packets = self.packets();
        let mut rotations: Vec<Rotation> = Vec::new();
        let mut frame = 0;
        for (index, packet) in packets.iter().enumerate() {
            let is_same = packets
                .get(frame)
                .is_some_and(|first| first.timestamp == packet.timestamp);
            if !is_same {
                frame = index;
            }
            let Some(orientation) = packet.orientation else {
                continue;
            };
            let rotation = Rotation {
                index: frame,
                time: timeline.time(frame, packets),
                degrees: u16::from(orientation & 0x03) * 90,
                is_flipped: orientation & 0x04 != 0,
            };
            let is_new = rotations.last().is_none_or(|last| {
                last.degrees != rotation.degrees || last.is_flipped != rotation.is_flipped
            });
            if is_new {
                rotations.push(rotation);
            }
        }
        rotations
    }

    /// Returns the times at which the sender starts and stops to speak, by the level that the
    /// sender gives.
    pub fn speaking(&self, timeline: &Timeline) -> Vec<Speaking> {
        let packets = self.packets();
        let mut changes = Vec::new();
        let mut is_speaking = false;
        let mut run: Option<(usize, usize)> = None;
        let mut last_loud = Time::default();
        for (index, packet) in packets.iter().enumerate() {
            let Some(level) = packet.audio_level else {
                continue;
            };
            let time = timeline.time(index, packets);
            let end = last_loud.saturating_add(SILENCE_TO_END);
            if is_speaking && time >= end {
                is_speaking = false;
                changes.push(Speaking {
                    index,
                    time: end,
                    is_speaking,
                });
            }
            if level & 0x7F > LOUDEST_SILENCE {
                run = None;
                continue;
            }
            last_loud = time;
            let (first, length) = run.map_or((index, 1), |(first, length)| (first, length + 1));
            run = Some((first, length));
            if !is_speaking && length >= PACKETS_TO_START {
                is_speaking = true;
                let time = timeline.time(first, packets);
                changes.push(Speaking {
                    index: first,
                    time,
                    is_speaking,
                });
            }
        }
        changes
    }

    /// Returns the index of the packet at which playing has to start so that a decoder is ready at
    /// `time`: the last key frame before, or 80 ms of Opus (RFC 7845, 4.6).
    pub fn seek_point(&self, timeline: &Timeline, time: Time) -> usize {
        let preroll = match self.header().codec.kind() {
            Kind::Audio => Time::from_millis(80),
            Kind::Video | Kind::Data => Time::default(),
        };
        let latest = time.saturating_sub(preroll);
        let packets = self.packets();
        let before = |index: &usize| timeline.time(*index, packets) <= latest;
        let keys = packets
            .iter()
            .enumerate()
            .filter(|(_, packet)| packet.is_key);
        keys.map(|(index, _)| index)
            .take_while(before)
            .last()
            .unwrap_or(0)
    }
}
