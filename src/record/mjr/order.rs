// SPDX-License-Identifier: MPL-2.0

//! Packets in the order of arrival become packets in playing order.

use std::collections::VecDeque;

use rtp_types::RtpPacket;

use super::header::Header;
use super::recording::{Packet, Problem, Recording, Source};
use super::{Error, MAX_PACKETS, key_frame, rtp};

/// RTP packets outside of these lengths are skipped, as janus-pp-rec does.
const RTP_LENGTHS: std::ops::RangeInclusive<usize> = 12..=1500;
/// A packet up to this many sequence numbers back is late; one further back restarts the count.
const MAX_LATE: i64 = 1000;
/// A clock that goes back by more than this many seconds was restarted.
const MAX_BACKWARD_SECONDS: i64 = 10;
/// A clock that differs from the time of arrival by more than this many ms jumped.
const MAX_AHEAD_MS: i64 = 60_000;
/// So many of the last sequence numbers are remembered to tell lost packets from others.
const RECENT: usize = 64;
/// Length of the time of day in front of a message.
const MESSAGE_TIME: usize = 8;

/// Collects the packets of a recording.
#[derive(Debug)]
pub(super) struct Intake {
    header: Header,
    packets: Vec<Packet>,
    ssrc: u32,
    unwrapper: Unwrapper,
    recent: VecDeque<i64>,
    not_rtp: u64,
    other_sender: u64,
    other_payload: u64,
    jumps: u64,
}

impl Intake {
    pub fn new(header: Header) -> Self {
        Self {
            header,
            packets: Vec::new(),
            ssrc: 0,
            unwrapper: Unwrapper::default(),
            recent: VecDeque::with_capacity(RECENT),
            not_rtp: 0,
            other_sender: 0,
            other_payload: 0,
            jumps: 0,
        }
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Takes a message of a data channel: microseconds since 1970, then its bytes.
    pub fn take_message(
        &mut self,
        body: &[u8],
        offset: u64,
        arrival: Option<u32>,
    ) -> Result<(), Error> {
        let time = body
            .first_chunk::<MESSAGE_TIME>()
            .map(|time| i64::from_be_bytes(*time));
        let length = body.len().saturating_sub(MESSAGE_TIME);
        let (Some(timestamp), Ok(length)) = (time, u16::try_from(length)) else {
            self.not_rtp += 1;
            return Ok(());
        };
        let sequence = i64::try_from(self.packets.len()).unwrap_or(i64::MAX);
        self.keep(Packet {
            offset: offset + MESSAGE_TIME as u64,
            timestamp,
            sequence,
            arrival: arrival.unwrap_or(0),
            length,
            payload_type: 0,
            marker: false,
            is_key: true,
            orientation: None,
            audio_level: None,
            source: Source::Primary,
        })
    }

    /// Takes an RTP packet.
    pub fn take_rtp(
        &mut self,
        bytes: &[u8],
        offset: u64,
        arrival: Option<u32>,
    ) -> Result<(), Error> {
        let Some(packet) = self.parse(bytes) else {
            return Ok(());
        };
        let placed = self.unwrapper.place(
            packet.sequence_number(),
            packet.timestamp(),
            arrival,
            i64::from(self.header.codec.clock_rate()),
        );
        self.jumps += u64::from(placed.jumped);
        let payload = packet.payload();
        let start = offset + packet.payload_offset() as u64;
        let element = |id: Option<u8>| {
            let (profile, data) = packet.extension()?;
            rtp::extension(profile, data, id?)?.first().copied()
        };
        let whole = Packet {
            offset: start,
            timestamp: placed.timestamp,
            sequence: placed.sequence,
            arrival: arrival.unwrap_or(0),
            // At most 1500.
            length: payload.len() as u16,
            payload_type: packet.payload_type(),
            marker: packet.marker_bit(),
            is_key: key_frame::starts(self.header.codec, payload),
            orientation: element(self.header.orientation_id),
            audio_level: element(self.header.audio_level_id),
            source: if payload.is_empty() {
                Source::Padding
            } else {
                Source::Primary
            },
        };
        if self.header.red_payload_type == Some(whole.payload_type) && !payload.is_empty() {
            self.take_red(whole, payload)
        } else {
            self.keep(whole)
        }
    }

    /// Parses a packet of the recorded stream; counts any other.
    fn parse<'a>(&mut self, bytes: &'a [u8]) -> Option<RtpPacket<'a>> {
        let packet = Some(bytes)
            .filter(|bytes| RTP_LENGTHS.contains(&bytes.len()))
            .and_then(|bytes| RtpPacket::parse(bytes).ok());
        let Some(packet) = packet else {
            self.not_rtp += 1;
            return None;
        };
        if !self.header.codec.accepts(packet.payload_type()) {
            self.other_payload += 1;
            return None;
        }
        if self.ssrc == 0 {
            self.ssrc = packet.ssrc();
        }
        if self.ssrc != packet.ssrc() {
            self.other_sender += 1;
            return None;
        }
        Some(packet)
    }

    /// Takes the blocks of a packet with redundant audio; copies only of packets that are missing.
    fn take_red(&mut self, whole: Packet, payload: &[u8]) -> Result<(), Error> {
        let Some(blocks) = rtp::red_blocks(payload) else {
            self.not_rtp += 1;
            return Ok(());
        };
        let first = self
            .packets
            .first()
            .map_or(whole.sequence, |first| first.sequence);
        for block in blocks {
            let sequence = whole.sequence - i64::from(block.generation);
            let is_copy = block.generation > 0;
            let is_unwanted = is_copy && (self.recent.contains(&sequence) || sequence < first);
            if block.range.is_empty() || is_unwanted {
                continue;
            }
            self.keep(Packet {
                offset: whole.offset + block.range.start as u64,
                // At most 1500.
                length: block.range.len() as u16,
                sequence,
                timestamp: whole.timestamp - i64::from(block.age),
                source: if is_copy {
                    Source::Redundant
                } else {
                    Source::Primary
                },
                marker: whole.marker && !is_copy,
                audio_level: whole.audio_level.filter(|_| !is_copy),
                ..whole
            })?;
        }
        Ok(())
    }

    fn keep(&mut self, packet: Packet) -> Result<(), Error> {
        if self.packets.len() >= MAX_PACKETS {
            return Err(Error::TooManyPackets);
        }
        if self.header.red_payload_type.is_some() {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(packet.sequence);
        }
        self.packets.push(packet);
        Ok(())
    }

    /// Returns the recording; `problem` is the place where reading ended early.
    pub fn finish(self, problem: Option<Problem>) -> Result<Recording, Error> {
        let mut packets = self.packets;
        packets.sort_unstable_by_key(|packet| (packet.sequence, packet.source, packet.arrival));
        let mut duplicates = 0;
        packets.dedup_by(|later, kept| {
            let is_same = later.sequence == kept.sequence;
            duplicates += u64::from(is_same && later.source == Source::Primary);
            is_same
        });
        // Padding is sent to measure the network; it must not look like loss.
        let mut paddings = 0;
        packets.retain_mut(|packet| {
            packet.sequence -= paddings;
            let is_padding = packet.source == Source::Padding;
            paddings += i64::from(is_padding);
            !is_padding
        });
        if packets.is_empty() {
            return Err(Error::NoPackets);
        }
        packets.shrink_to_fit();
        let counted = [
            (
                self.not_rtp,
                Problem::NotRtp {
                    packets: self.not_rtp,
                },
            ),
            (
                self.other_sender,
                Problem::OtherSender {
                    packets: self.other_sender,
                },
            ),
            (
                self.other_payload,
                Problem::OtherPayload {
                    packets: self.other_payload,
                },
            ),
            (self.jumps, Problem::ClockJumped { times: self.jumps }),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        Ok(Recording {
            header: self.header,
            packets,
            problems: problem
                .into_iter()
                .chain(counted.map(|(_, problem)| problem))
                .collect(),
            ssrc: self.ssrc,
            duplicates,
        })
    }
}

/// A packet's numbers without wraps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub sequence: i64,
    pub timestamp: i64,
    /// The sender's clock jumped at this packet.
    pub jumped: bool,
}

/// A number as it is sent and as it goes on without wraps.
#[derive(Clone, Copy, Debug)]
struct Reference<T> {
    sent: T,
    unwrapped: i64,
}

impl Reference<u32> {
    /// Returns the ticks by which `sent` is later than the reference, by the shorter way.
    fn ticks_to(self, sent: u32) -> i64 {
        i64::from(sent.wrapping_sub(self.sent) as i32)
    }
}

#[derive(Clone, Copy, Debug)]
struct Highest {
    sequence: Reference<u16>,
    timestamp: Reference<u32>,
    arrival: Option<u32>,
}

/// Extends sequence numbers and timestamps beyond 16 and 32 bits (RFC 3550, A.1), and goes on where
/// a sender restarted them.
#[derive(Debug, Default)]
pub(super) struct Unwrapper {
    highest: Option<Highest>,
    /// The clock before it jumped, for packets that arrive late.
    before_jump: Option<Reference<u32>>,
}

impl Unwrapper {
    /// Returns the numbers of a packet; `arrival` in ms, `rate` in ticks per second.
    pub fn place(
        &mut self,
        sequence: u16,
        timestamp: u32,
        arrival: Option<u32>,
        rate: i64,
    ) -> Placed {
        let Some(highest) = self.highest else {
            let placed = Placed {
                sequence: i64::from(sequence),
                timestamp: i64::from(timestamp),
                jumped: false,
            };
            self.advance(&placed, sequence, timestamp, arrival);
            return placed;
        };
        let packets = i64::from(sequence.wrapping_sub(highest.sequence.sent) as i16);
        let ticks = highest.timestamp.ticks_to(timestamp);
        let is_older = (-MAX_BACKWARD_SECONDS * rate..=0).contains(&ticks);
        if packets <= 0 && (packets >= -MAX_LATE || is_older) {
            return Placed {
                sequence: highest.sequence.unwrapped + packets,
                timestamp: self.late_timestamp(highest.timestamp, timestamp),
                jumped: false,
            };
        }
        let passed = arrival
            .zip(highest.arrival)
            .map(|(now, then)| i64::from(now) - i64::from(then));
        let is_ahead =
            passed.is_some_and(|passed| (ticks * 1000 / rate - passed).abs() > MAX_AHEAD_MS);
        let jumped = is_ahead || ticks < -MAX_BACKWARD_SECONDS * rate;
        let placed = Placed {
            sequence: highest.sequence.unwrapped + packets.max(1),
            timestamp: highest.timestamp.unwrapped
                + if jumped {
                    passed.unwrap_or(20).max(1) * rate / 1000
                } else {
                    ticks
                },
            jumped,
        };
        if jumped {
            self.before_jump = Some(highest.timestamp);
        }
        self.advance(&placed, sequence, timestamp, arrival);
        placed
    }

    /// Returns the time of a late packet by the clock that it is nearer to.
    fn late_timestamp(&self, highest: Reference<u32>, timestamp: u32) -> i64 {
        let nearest = [Some(highest), self.before_jump]
            .into_iter()
            .flatten()
            .min_by_key(|reference| reference.ticks_to(timestamp).abs())
            .unwrap_or(highest);
        nearest.unwrapped + nearest.ticks_to(timestamp)
    }

    fn advance(&mut self, placed: &Placed, sequence: u16, timestamp: u32, arrival: Option<u32>) {
        self.highest = Some(Highest {
            sequence: Reference {
                sent: sequence,
                unwrapped: placed.sequence,
            },
            timestamp: Reference {
                sent: timestamp,
                unwrapped: placed.timestamp,
            },
            arrival,
        });
    }
}
