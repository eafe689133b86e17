// SPDX-License-Identifier: MPL-2.0

//! The index of a recording, in playing order.

use std::fmt;

use rtp_types::RtpPacketBuilder;

use super::header::Header;

/// A packet of the recording: its place in the file and its place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Position of the payload in the file, in bytes.
    pub offset: u64,
    /// Time in ticks of [`Codec::clock_rate`](super::Codec::clock_rate), without wraps. For data:
    /// microseconds since 1970.
    pub timestamp: i64,
    /// Sequence number without wraps. Packets of padding only are not counted.
    pub sequence: i64,
    /// Time of arrival in ms since the first record; 0 in formats without arrival times.
    pub arrival: u32,
    /// Length of the payload in bytes.
    pub length: u16,
    /// RTP payload type.
    pub payload_type: u8,
    /// The sender's mark: the last packet of a frame (video), the first after silence (audio).
    pub marker: bool,
    /// A decoder can start at this packet.
    pub is_key: bool,
    /// Orientation of the video as its sender gives it (3GPP TS 26.114, 7.4.5).
    pub(super) orientation: Option<u8>,
    /// Level of the audio as its sender gives it (RFC 6464).
    pub(super) audio_level: Option<u8>,
    pub(super) source: Source,
}

/// The origin of a packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A packet of its own.
    Primary,
    /// A copy inside of a later packet, used only if the packet itself was lost (RFC 2198).
    Redundant,
    /// Padding only: it takes a sequence number and holds no media.
    Padding,
}

/// A fault of a recording that leaves the rest of it readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The last record is cut, as in the file of a recorder that was killed.
    Truncated { offset: u64 },
    /// The record at `offset` does not start with its mark; the rest is not read.
    Damaged { offset: u64 },
    /// Packets that are not valid RTP, or too short or too long for it.
    NotRtp { packets: u64 },
    /// Packets of another sender (SSRC) than the first packet's.
    OtherSender { packets: u64 },
    /// Packets of a payload type that is not the codec's.
    OtherPayload { packets: u64 },
    /// The sender's clock jumped; times go on by the time of arrival.
    ClockJumped { times: u64 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => write!(
                f,
                "The recording is cut at byte {offset}; everything before it was read"
            ),
            Self::Damaged { offset } => write!(
                f,
                "The recording is damaged at byte {offset}; everything before it was read"
            ),
            Self::NotRtp { packets } => write!(f, "{packets} packets are not RTP and are left out"),
            Self::OtherSender { packets } => {
                write!(f, "{packets} packets of another sender (SSRC) are left out")
            }
            Self::OtherPayload { packets } => {
                write!(f, "{packets} packets of another payload type are left out")
            }
            Self::ClockJumped { times } => write!(
                f,
                "The sender's clock jumped {times} times; times go on by the time of arrival"
            ),
        }
    }
}

/// A recording's header and the index of its packets, without duplicates.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) header: Header,
    /// In playing order, never empty.
    pub(super) packets: Vec<Packet>,
    pub(super) problems: Vec<Problem>,
    pub(super) ssrc: u32,
    pub(super) duplicates: u64,
}

impl Recording {
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the packets in playing order; there is at least one.
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    /// Returns the faults that were found, at most one of each kind.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the number of packets that were left out because they arrived before.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Returns an RTP packet with only the payload of `packet`: no header extensions, no padding.
    /// Its sequence number shows lost packets and nothing else. `None` if `payload` is too long.
    pub fn rtp_packet(&self, packet: &Packet, payload: &[u8]) -> Option<Vec<u8>> {
        RtpPacketBuilder::<&[u8], &[u8]>::new()
            .marker_bit(packet.marker)
            .payload_type(packet.payload_type)
            .sequence_number(packet.sequence as u16)
            .timestamp(packet.timestamp as u32)
            .ssrc(self.ssrc)
            .payload(payload)
            .write_vec()
            .ok()
    }
}
