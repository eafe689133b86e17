// SPDX-License-Identifier: MPL-2.0

//! Parser of an AV1 stream's sequence header. Section numbers are those of the "AV1 Bitstream &
//! Decoding Process Specification".

/// Contents of a sequence header (section 5.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// 0 main, 1 high, 2 professional.
    pub profile: u8,
    /// Level of the first operating point, as in section A.3: 5 is level 3.1.
    pub level: u8,
    /// Whether the first operating point is of the high tier.
    pub high_tier: bool,
    /// Bits per sample: 8, 10 or 12.
    pub depth: u8,
    /// Whether there is no chroma.
    pub monochrome: bool,
    /// Whether chroma has half the samples per row, and half the rows.
    pub subsampling: (bool, bool),
    /// Position of chroma samples (section 6.4.2); 0 if unknown.
    pub sample_position: u8,
    /// Colour description, if present.
    pub colour: Option<Colour>,
}

/// Colour description as numbers of ITU-T H.273.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour {
    pub primaries: u8,
    pub transfer: u8,
    pub matrix: u8,
    pub full_range: bool,
}

/// ITU-R BT.709 in video range, which a codec string may omit.
const BT709: Colour = Colour {
    primaries: 1,
    transfer: 1,
    matrix: 1,
    full_range: false,
};
/// Primaries and transfer of sRGB, and the identity matrix (section 5.5.2).
const SRGB: (u8, u8, u8) = (1, 13, 0);
/// `obu_type` of a sequence header (section 6.2.2).
const SEQUENCE_HEADER: u64 = 1;
/// First level that has tiers.
const FIRST_LEVEL_WITH_TIERS: u8 = 8;

impl Sequence {
    /// Parses the first sequence header among these units (section 5.3), each with its size.
    /// Returns `None` if there is none or it is truncated.
    pub fn read(units: &[u8]) -> Option<Self> {
        let mut rest = units;
        loop {
            let mut bits = Bits::new(rest);
            bits.skip(1)?;
            let kind = bits.take(4)?;
            let has_extension = bits.flag()?;
            if !bits.flag()? {
                return None;
            }
            bits.skip(if has_extension { 9 } else { 1 })?;
            let mut size = 0_usize;
            for group in 0..4 {
                let byte = bits.take(8)? as usize;
                size |= (byte & 0x7f) << (group * 7);
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let start = bits.at / 8;
            let content = rest.get(start..start.checked_add(size)?)?;
            if kind == SEQUENCE_HEADER {
                return Self::of_header(&mut Bits::new(content));
            }
            rest = &rest[start + size..];
        }
    }

    /// Section 5.5.1, `sequence_header_obu`.
    fn of_header(bits: &mut Bits<'_>) -> Option<Self> {
        let profile = bits.byte(3)?;
        bits.skip(1)?;
        let is_reduced = bits.flag()?;
        let (level, high_tier) = match is_reduced {
            true => (bits.byte(5)?, false),
            false => operating_points(bits)?,
        };
        let (width, height) = (bits.take(4)? + 1, bits.take(4)? + 1);
        bits.skip(width + height)?;
        if !is_reduced && bits.flag()? {
            bits.skip(7)?;
        }
        bits.skip(3)?;
        if !is_reduced {
            bits.skip(4)?;
            let has_order_hint = bits.flag()?;
            if has_order_hint {
                bits.skip(2)?;
            }
            let chooses_screen_content = bits.flag()?;
            let may_be_screen_content = chooses_screen_content || bits.flag()?;
            if may_be_screen_content && !bits.flag()? {
                bits.skip(1)?;
            }
            if has_order_hint {
                bits.skip(3)?;
            }
        }
        bits.skip(3)?;
        let sequence = Sequence {
            profile,
            level,
            high_tier,
            depth: 8,
            monochrome: false,
            subsampling: (true, true),
            sample_position: 0,
            colour: None,
        };
        sequence.with_colours(bits)
    }

    /// Section 5.5.2, `color_config`.
    fn with_colours(mut self, bits: &mut Bits<'_>) -> Option<Self> {
        let is_high = bits.flag()?;
        self.depth = match is_high {
            true if self.profile == 2 && bits.flag()? => 12,
            true => 10,
            false => 8,
        };
        self.monochrome = self.profile != 1 && bits.flag()?;
        let said = match bits.flag()? {
            true => Some((bits.byte(8)?, bits.byte(8)?, bits.byte(8)?)),
            false => None,
        };
        let mut full_range = true;
        if self.monochrome {
            full_range = bits.flag()?;
        } else if said == Some(SRGB) {
            self.subsampling = (false, false);
        } else {
            full_range = bits.flag()?;
            self.subsampling = match (self.profile, self.depth) {
                (0, _) => (true, true),
                (1, _) => (false, false),
                (_, 12) => {
                    let across = bits.flag()?;
                    (across, across && bits.flag()?)
                }
                _ => (true, false),
            };
            if self.subsampling == (true, true) {
                self.sample_position = bits.byte(2)?;
            }
        }
        self.colour = said.map(|(primaries, transfer, matrix)| Colour {
            primaries,
            transfer,
            matrix,
            full_range,
        });
        Some(self)
    }

    /// Returns the codec by "AV1 Codec ISO Media File Format Binding" section 5, such as
    /// `av01.0.05M.08`. Fields after the depth are written only if they differ from their defaults.
    pub fn codec(&self) -> String {
        let tier = if self.high_tier { 'H' } else { 'M' };
        let codec = format!(
            "av01.{}.{:02}{tier}.{:02}",
            self.profile, self.level, self.depth
        );
        let colour = self.colour.unwrap_or(BT709);
        let (across, down) = self.subsampling;
        if !self.monochrome && across && down && self.sample_position == 0 && colour == BT709 {
            return codec;
        }
        format!(
            "{codec}.{}.{}{}{}.{:02}.{:02}.{:02}.{}",
            u8::from(self.monochrome),
            u8::from(across),
            u8::from(down),
            self.sample_position,
            colour.primaries,
            colour.transfer,
            colour.matrix,
            u8::from(colour.full_range)
        )
    }
}

/// Returns level and tier of the first operating point; reads on to the last.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64)?;
        if bits.flag()? {
            bits.skip_exp_golomb()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.skip(42)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let count = bits.take(5)? + 1;
    let mut first = None;
    for _ in 0..count {
        bits.skip(12)?;
        let level = bits.byte(5)?;
        let high_tier = level >= FIRST_LEVEL_WITH_TIERS && bits.flag()?;
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
        first.get_or_insert((level, high_tier));
    }
    first
}

/// A reader of bits, the highest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Bits { bytes, at: 0 }
    }

    /// Reads a number of at most 64 bits.
    fn take(&mut self, count: u32) -> Option<u64> {
        let mut number = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            number = number << 1 | u64::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    fn byte(&mut self, count: u32) -> Option<u8> {
        u8::try_from(self.take(count)?).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    fn skip(&mut self, count: impl TryInto<usize>) -> Option<()> {
        self.at = self.at.checked_add(count.try_into().ok()?)?;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// Section 4.10.3, `uvlc`.
    fn skip_exp_golomb(&mut self) -> Option<()> {
        let mut zeros = 0_u32;
        while !self.flag()? {
            zeros += 1;
        }
        self.skip(zeros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a unit from the bits of a header, which may contain spaces.
    fn unit(bits: &str) -> Vec<u8> {
        let bits: Vec<u8> = bits.bytes().filter(|bit| *bit != b' ').collect();
        let content: Vec<u8> = bits
            .chunks(8)
            .map(|bits| {
                (0..8).fold(0, |byte, at| {
                    byte << 1 | u8::from(bits.get(at) == Some(&b'1'))
                })
            })
            .collect();
        [&[0x0a, content.len() as u8][..], &content].concat()
    }

    #[test]
    fn what_libaom_writes_is_read() {
        // 1280x720 at 15 frames per second, which according to ffprobe is level 5.
        let header = b"\x0a\x0c\0\0\0\x2d\x4c\xff\xb3\xf8\x19\x5f\x20\x08";
        let sequence = Sequence::read(header).expect("whole");
        assert_eq!(sequence.codec(), "av01.0.05M.08");
        // After a temporal delimiter.
        let behind = [&b"\x12\0"[..], header].concat();
        assert_eq!(Sequence::read(&behind), Some(sequence));
        for cut in 0..header.len() - 1 {
            assert_eq!(Sequence::read(&header[..cut]), None);
        }
    }

    #[test]
    fn tier_depth_and_colours_are_said() {
        let zeros = |count: usize| "0".repeat(count);
        let tools = "0 000 0000 0 1 1 000";
        let high = format!(
            "010 00 0 0 00000 {} 01101 1 0000 0000 0 0 {tools} 11 0 1 00001001 00010000 00001001 1 10",
            zeros(12)
        );
        let sequence = Sequence::read(&unit(&high)).expect("whole");
        assert_eq!(sequence.codec(), "av01.2.13H.12.0.100.09.16.09.1");
        // With times and a decoder model, 10 bits, and no colour description.
        let timed = format!(
            "000 00 1 {} 1 010 1 00011 {} 1 00000 {} 00101 1 {} 1 0000 0000 0000 0 0 {tools} 1 0 0 0 10",
            zeros(64),
            zeros(42),
            zeros(12),
            zeros(9)
        );
        let sequence = Sequence::read(&unit(&timed)).expect("whole");
        assert_eq!(sequence.codec(), "av01.0.05M.10.0.112.01.01.01.0");
        assert_eq!(sequence.colour, None);
    }
}
