// SPDX-License-Identifier: MPL-2.0

//! Colour of decoded video, and its conversion to 8-bit SDR in video range.
//!
//! Renditions are 8-bit 4:2:0 in video range, which every player shows alike. Video of another range
//! or depth is converted plane by plane; HDR and BT.2020 go through linear light ([`tone`]).

mod tone;

pub use tone::ToneMap;

/// The depths of samples that are converted.
const DEPTHS: std::ops::RangeInclusive<u32> = 8..=16;
/// Rows up to which untagged video is taken for BT.601: standard definition ends there.
const STANDARD_ROWS: u32 = 576;

/// The values that samples span (ITU-T H.273, `VideoFullRangeFlag`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Range {
    Full,
    #[default]
    Video,
}

/// The matrix between RGB and YCbCr (ITU-T H.273, table 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Matrix {
    Bt601,
    Bt709,
    Bt2020,
    /// One that is kept as it is.
    Other,
}

impl Matrix {
    /// The matrix of untagged video with so many rows, as players choose it.
    pub fn of_untagged(rows: u32) -> Self {
        match rows {
            ..=STANDARD_ROWS => Matrix::Bt601,
            _ => Matrix::Bt709,
        }
    }

    /// Weights of red and blue in luma.
    fn weights(self) -> (f32, f32) {
        match self {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 | Matrix::Other => (0.2627, 0.0593),
        }
    }
}

/// The curve between samples and light (ITU-T H.273, table 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Transfer {
    /// One of the curves of SDR.
    #[default]
    Sdr,
    /// Hybrid log-gamma (ITU-R BT.2100).
    Hlg,
    /// Perceptual quantizer (SMPTE ST 2084).
    Pq,
}

/// The chromaticities of red, green and blue (ITU-T H.273, table 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Primaries {
    /// BT.709, or one of those of standard definition, which are close to it.
    #[default]
    Bt709,
    Bt2020,
    /// Display P3 (SMPTE EG 432-1).
    P3,
}

/// Colour of the samples of a video.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Signal {
    /// Bits of a sample.
    pub depth: u32,
    pub range: Range,
    pub matrix: Matrix,
    pub transfer: Transfer,
    pub primaries: Primaries,
    /// The brightest light of HDR that its metadata name, in cd/m².
    pub peak: Option<f32>,
}

impl Signal {
    /// Whether its colours differ from those of BT.709 or BT.601.
    fn is_wide(&self) -> bool {
        self.transfer != Transfer::Sdr
            || self.matrix == Matrix::Bt2020
            || self.primaries != Primaries::Bt709
    }

    /// Sample values of black luma, of the span of luma, and of the span of chroma.
    fn levels(&self) -> (f32, f32, f32) {
        let unit = f32::from(1u16 << (self.depth.clamp(8, 15) - 8));
        let most = 256.0 * unit - 1.0;
        match self.range {
            Range::Full => (0.0, most, most),
            Range::Video => (16.0 * unit, 219.0 * unit, 224.0 * unit),
        }
    }

    /// The sample value of chroma without colour.
    fn neutral(&self) -> f32 {
        f32::from(1u16 << (self.depth.clamp(1, 15) - 1))
    }
}

/// The conversion that a video needs.
pub enum Conversion {
    /// None: it is 8-bit SDR in video range.
    Keep,
    /// Every sample by itself; the matrix stays.
    Samples(SampleTables),
    /// Through linear light to BT.709.
    Light(Box<ToneMap>),
}

impl Conversion {
    /// Returns the conversion for a signal; `None` if its depth is not supported.
    pub fn of(signal: &Signal) -> Option<Self> {
        if !DEPTHS.contains(&signal.depth) {
            return None;
        }
        Some(if signal.is_wide() {
            Conversion::Light(Box::new(ToneMap::new(signal)))
        } else if signal.depth == 8 && signal.range == Range::Video {
            Conversion::Keep
        } else {
            Conversion::Samples(SampleTables::new(signal))
        })
    }
}

/// The value of video range for every value of a sample.
pub struct SampleTables {
    luma: Vec<u8>,
    chroma: Vec<u8>,
}

impl SampleTables {
    fn new(signal: &Signal) -> Self {
        let (black, luma, chroma) = signal.levels();
        let neutral = signal.neutral();
        let table = |value: &dyn Fn(f32) -> f32| {
            let values = (0..1u32 << signal.depth).map(|sample| value(sample as f32).round() as u8);
            values.collect()
        };
        SampleTables {
            luma: table(&|sample| 16.0 + (sample - black) * 219.0 / luma),
            chroma: table(&|sample| 128.0 + (sample - neutral) * 224.0 / chroma),
        }
    }

    /// Converts a row of luma, or of one of the planes of chroma.
    pub fn convert(&self, is_luma: bool, from: &[u16], to: &mut [u8]) {
        let table = if is_luma { &self.luma } else { &self.chroma };
        let last = table.last().copied().unwrap_or_default();
        for (sample, to) in from.iter().zip(to) {
            *to = table.get(usize::from(*sample)).copied().unwrap_or(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDR: Signal = Signal {
        depth: 8,
        range: Range::Video,
        matrix: Matrix::Bt709,
        transfer: Transfer::Sdr,
        primaries: Primaries::Bt709,
        peak: None,
    };

    #[test]
    fn video_as_players_want_it_is_kept() {
        assert!(matches!(Conversion::of(&SDR), Some(Conversion::Keep)));
        let other = Signal { depth: 32, ..SDR };
        assert!(Conversion::of(&other).is_none());
    }

    #[test]
    fn full_range_is_squeezed_and_depth_reduced() {
        let full = Signal {
            range: Range::Full,
            ..SDR
        };
        let deep = Signal { depth: 10, ..SDR };
        for (signal, is_luma, from, to) in [
            (full, true, [0u16, 127, 255], [16u8, 125, 235]),
            (full, false, [0, 128, 255], [16, 128, 240]),
            (deep, true, [64, 512, 940], [16, 128, 235]),
            (deep, false, [64, 512, 960], [16, 128, 240]),
        ] {
            let Some(Conversion::Samples(tables)) = Conversion::of(&signal) else {
                panic!("{signal:?} needs tables");
            };
            let mut converted = [0; 3];
            tables.convert(is_luma, &from, &mut converted);
            assert_eq!(converted, to, "{signal:?}");
        }
    }

    #[test]
    fn untagged_video_has_the_matrix_of_its_size() {
        assert_eq!(Matrix::of_untagged(576), Matrix::Bt601);
        assert_eq!(Matrix::of_untagged(720), Matrix::Bt709);
        assert_eq!(Matrix::of_untagged(2160), Matrix::Bt709);
    }
}
