// SPDX-License-Identifier: MPL-2.0

//! Janus recordings (`.mjr`): one RTP stream, or the messages of one data channel, in the order of
//! arrival.
//!
//! [`Scanner`] takes the file in pieces and keeps an index of its packets, never their payload.
//! [`Recording`] is that index in playing order; [`Clock`] gives each packet its time.
//!
//! Rules of the format are those of `src/record.c` and `src/postprocessing/janus-pp-rec.c` of
//! meetecho/janus-gateway: packets shorter than 12 or longer than 1500 bytes are skipped, the first
//! SSRC is kept, a duplicate is dropped, reading stops where a record does not start with its mark.

use std::fmt;

mod clock;
mod events;
mod header;
mod key_frame;
mod order;
mod recording;
mod rtp;
mod scan;
#[cfg(test)]
mod tests;

pub use clock::{Clock, Timeline};
pub use events::{Loss, Rotation, Speaking};
pub use header::{Codec, Format, Header, Kind};
pub use recording::{Packet, Problem, Recording};
pub use scan::Scanner;

/// The most packets that an index holds: 9 hours at 300 packets per second, 400 MB.
pub const MAX_PACKETS: usize = 10_000_000;

/// Reasons why a file cannot be read as a Janus recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first 8 bytes are not those of a Janus recording.
    NotMjr,
    /// The file ends after its first mark: nobody sent anything.
    Empty,
    /// The file ends inside its header.
    HeaderCut,
    /// The header is not a JSON object; the text names the place.
    HeaderNotJson(String),
    /// The header lacks this field, or its type is wrong.
    HeaderField(&'static str),
    /// The recording is neither audio, video nor data.
    UnknownKind(String),
    /// The codec is not one that Janus records.
    UnknownCodec(String),
    /// The participants encrypted the media end to end.
    Encrypted,
    /// The file holds more than [`MAX_PACKETS`] packets.
    TooManyPackets,
    /// The header is whole, and no packet of media follows.
    NoPackets,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMjr => {
                write!(
                    f,
                    "This is not a Janus recording: it starts with none of its marks"
                )
            }
            Self::Empty => write!(f, "This is an empty recording: no packet was ever received"),
            Self::HeaderCut => write!(f, "The recording ends inside its header"),
            Self::HeaderNotJson(error) => {
                write!(f, "The header of the recording is not JSON: {error}")
            }
            Self::HeaderField(field) => {
                write!(
                    f,
                    "The header of the recording has no valid field \"{field}\""
                )
            }
            Self::UnknownKind(kind) => write!(
                f,
                "The recording is of type \"{kind}\"; only a (audio), v (video) and d (data) are known"
            ),
            Self::UnknownCodec(codec) => {
                write!(
                    f,
                    "The recording's codec \"{codec}\" is not one that Janus records"
                )
            }
            Self::Encrypted => write!(
                f,
                "The recording is encrypted end to end; only its participants can decrypt it"
            ),
            Self::TooManyPackets => write!(
                f,
                "The recording holds more than {MAX_PACKETS} packets; split it and read the parts"
            ),
            Self::NoPackets => write!(f, "This is an empty recording: it holds no packet of media"),
        }
    }
}

impl std::error::Error for Error {}

/// Reads a whole recording that lies in memory.
///
/// # Errors
///
/// Any [`Error`]. A file that is cut or damaged after its header is read up to there and has a
/// [`Problem`].
pub fn read(bytes: &[u8]) -> Result<Recording, Error> {
    let mut scanner = Scanner::default();
    scanner.push(bytes)?;
    scanner.finish()
}
