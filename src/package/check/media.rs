// SPDX-License-Identifier: MPL-2.0

//! Parsing of fragmented MP4 segments.

use mp4_atom::{Any, Codec, FourCC, Moof, Moov, Traf, Trak};

use crate::package::mp4::boxes::{self, Place, SAMPLE_IS_NON_SYNC};

use crate::package::mp4::codec::codec_string;

/// Reason why a file is not valid fragmented MP4.
pub(super) type Error = String;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Video,
    Audio,
    Other,
}

/// A track of an initialization segment.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Track {
    pub id: u32,
    pub kind: Kind,
    /// Ticks per second.
    timescale: u32,
    /// Codec as in CODECS (RFC 6381); `None` for an unknown one.
    pub codec: Option<String>,
    pub size: Option<(u16, u16)>,
    /// The transfer characteristics of its colour box (ITU-T H.273, table 3).
    pub transfer: Option<u16>,
    /// Whether its matrix turns or mirrors it (ISO/IEC 14496-12, section 8.3.2).
    pub is_turned: bool,
    default_duration: u32,
    default_flags: u32,
}

/// Content of a media segment's first track.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fragment {
    /// Ticks per second.
    timescale: u32,
    /// Decode time of the first sample, in ticks.
    start: u64,
    /// Duration in ticks.
    duration: u64,
    pub samples: u64,
    pub starts_with_sync: bool,
    /// Decode times of the sync samples, in ticks.
    syncs: Vec<u64>,
    /// Offset of the first byte after the first sample, if the boxes contain it.
    first_end: Option<u64>,
}

impl Fragment {
    /// Returns the decode time of the first sample, in seconds.
    pub fn start(&self) -> f64 {
        self.seconds(self.start)
    }

    /// Returns the decode time after the last sample, in seconds.
    pub fn end(&self) -> f64 {
        self.seconds(self.start.saturating_add(self.duration))
    }

    /// Returns the duration in seconds.
    pub fn duration(&self) -> f64 {
        self.seconds(self.duration)
    }

    /// Returns the average duration of a sample, in seconds.
    pub fn sample_duration(&self) -> f64 {
        self.duration() / self.samples.max(1) as f64
    }

    /// Iterates over the decode times of the sync samples, in seconds.
    pub fn syncs(&self) -> impl Iterator<Item = f64> {
        self.syncs.iter().map(|sync| self.seconds(*sync))
    }

    fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.timescale.max(1))
    }
}

pub(super) fn tracks(init: &[u8]) -> Result<Vec<Track>, Error> {
    let moov = boxes::read(init)?
        .into_iter()
        .find_map(|(_, atom)| match atom {
            Any::Moov(moov) => Some(moov),
            _ => None,
        })
        .ok_or("it has no moov box")?;
    let mut tracks: Vec<Track> = moov.trak.iter().map(|trak| track(&moov, trak)).collect();
    // The crate reads the colours of few codecs.
    for (track, transfer) in tracks.iter_mut().zip(transfers(init)) {
        track.transfer = transfer;
    }
    Ok(tracks)
}

/// The transfer characteristics of each track that is video.
fn transfers(init: &[u8]) -> Vec<Option<u16>> {
    /// Bytes of a visual sample entry before its boxes (section 12.1.3).
    const ENTRY_HEAD: usize = 78;
    let find =
        |at: &Place, kind: &[u8; 4]| boxes::find(init, at.content, at.end, FourCC::new(kind));
    let whole = Place {
        start: 0,
        content: 0,
        end: init.len(),
    };
    let Some(mut rest) = find(&whole, b"moov") else {
        return Vec::new();
    };
    let mut transfers = Vec::new();
    while let Some(track) = find(&rest, b"trak") {
        let path = [b"mdia", b"minf", b"stbl", b"stsd"];
        let end = track.end;
        let list = path.iter().try_fold(track, |at, kind| find(&at, kind));
        let colour = list.and_then(|list| {
            // A count, then the first entry.
            let boxes = list.content.checked_add(8 + 8 + ENTRY_HEAD)?;
            boxes::find(init, boxes, list.end, FourCC::new(b"colr"))
        });
        transfers.push(colour.and_then(|colour| {
            let content = init.get(colour.content..colour.end)?;
            let is_coded = content.starts_with(b"nclx") || content.starts_with(b"nclc");
            let number = content.get(6..8).filter(|_| is_coded)?;
            Some(u16::from_be_bytes(number.try_into().ok()?))
        }));
        rest.content = end;
    }
    transfers
}

fn track(moov: &Moov, trak: &Trak) -> Track {
    let id = trak.tkhd.track_id;
    let entry = trak.mdia.minf.stbl.stsd.codecs.first();
    let trex = moov
        .mvex
        .as_ref()
        .and_then(|mvex| mvex.trex.iter().find(|trex| trex.track_id == id));
    Track {
        id,
        kind: match &trak.mdia.hdlr.handler.to_string()[..] {
            "vide" => Kind::Video,
            "soun" => Kind::Audio,
            _ => Kind::Other,
        },
        timescale: trak.mdia.mdhd.timescale,
        codec: entry.and_then(codec_string),
        size: entry
            .and_then(Codec::visual)
            .map(|visual| (visual.width, visual.height)),
        transfer: None,
        is_turned: {
            let matrix = &trak.tkhd.matrix;
            matrix.b != 0 || matrix.c != 0 || matrix.a < 0 || matrix.d < 0
        },
        default_duration: trex.map_or(0, |trex| trex.default_sample_duration),
        default_flags: trex.map_or(0, |trex| trex.default_sample_flags),
    }
}

/// Parses a media segment; times are those of `track`.
pub(super) fn fragment(segment: &[u8], track: &Track) -> Result<Fragment, Error> {
    of_boxes(boxes::read(segment)?, track)
}

/// Parses the range of a media segment to which an I-frame playlist refers. The range may end with
/// its first frame.
pub(super) fn i_frame(range: &[u8], track: &Track) -> Result<Fragment, Error> {
    let fragment = of_boxes(boxes::read_start(range)?, track)?;
    match fragment.first_end {
        Some(end) if end > range.len() as u64 => Err(format!(
            "its first frame ends at byte {end}, the range at {}",
            range.len()
        )),
        _ => Ok(fragment),
    }
}

fn of_boxes(boxes: Vec<(u64, Any)>, track: &Track) -> Result<Fragment, Error> {
    let mut fragment: Option<Fragment> = None;
    for (at, atom) in boxes {
        if let Any::Moof(moof) = atom {
            add(&mut fragment, &moof, at, track);
        }
    }
    fragment.ok_or_else(|| format!("it has no moof box for track {}", track.id))
}

fn add(fragment: &mut Option<Fragment>, moof: &Moof, at: u64, track: &Track) {
    for traf in moof
        .traf
        .iter()
        .filter(|traf| traf.tfhd.track_id == track.id)
    {
        let whole = fragment.get_or_insert_with(|| Fragment {
            timescale: track.timescale,
            start: traf
                .tfdt
                .as_ref()
                .map_or(0, |tfdt| tfdt.base_media_decode_time),
            duration: 0,
            samples: 0,
            starts_with_sync: false,
            syncs: Vec::new(),
            first_end: first_end(traf, at),
        });
        for sample in traf.trun.iter().flat_map(|trun| trun.samples.iter()) {
            let flags = sample
                .flags
                .or(traf.tfhd.default_sample_flags)
                .unwrap_or(track.default_flags);
            if flags & SAMPLE_IS_NON_SYNC == 0 {
                whole.starts_with_sync |= whole.samples == 0;
                whole.syncs.push(whole.start.saturating_add(whole.duration));
            }
            let duration = sample
                .duration
                .or(traf.tfhd.default_sample_duration)
                .unwrap_or(track.default_duration);
            whole.duration = whole.duration.saturating_add(duration.into());
            whole.samples += 1;
        }
    }
}

/// Returns where the first sample of a track fragment ends; its `moof` box is at byte `at`.
fn first_end(traf: &Traf, at: u64) -> Option<u64> {
    let trun = traf.trun.first()?;
    let first = trun.samples.iter().next()?;
    let size = first.size.or(traf.tfhd.default_sample_size)?;
    at.checked_add_signed(trun.data_offset?.into())?
        .checked_add(size.into())
}
