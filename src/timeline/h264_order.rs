// SPDX-License-Identifier: MPL-2.0

//! Places of H.264 frames in the order of presentation, by their picture order counts.

use h264_reader::Context;
use h264_reader::nal::pps::PicParameterSet;
use h264_reader::nal::slice::{PicOrderCountLsb, SliceHeader};
use h264_reader::nal::sps::{PicOrderCntType, SeqParameterSet};
use h264_reader::nal::{Nal, RefNal, UnitType};

use super::picture_order::Place;

/// Reads the picture order counts of a stream (ITU-T H.264, 8.2.1).
#[derive(Default)]
pub struct H264Order {
    sets: Context,
    /// `prevPicOrderCntMsb` and `prevPicOrderCntLsb`.
    previous: (i64, i64),
    count: i64,
}

impl H264Order {
    /// Reads the parameter sets of a decoder configuration (ISO/IEC 14496-15, 5.3.3.1); returns the
    /// number of bytes before each NAL unit of the stream.
    pub fn configure(&mut self, configuration: &[u8]) -> Option<usize> {
        let length_size = usize::from(configuration.get(4)? & 3) + 1;
        let mut rest = configuration.get(5..)?;
        for mask in [0x1f, 0xff] {
            let (count, sets) = rest.split_first()?;
            rest = sets;
            for _ in 0..count & mask {
                let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
                self.read_set(rest.get(2..2 + length)?);
                rest = rest.get(2 + length..)?;
            }
        }
        Some(length_size)
    }

    /// Returns the place of the frame in an access unit; `None` if it cannot be read.
    ///
    /// `length_size`: bytes of the length before each NAL unit; `None` for start codes.
    pub fn place(&mut self, unit: &[u8], length_size: Option<usize>) -> Option<Place> {
        let units = match length_size {
            Some(size) => after_lengths(unit, size),
            None => after_start_codes(unit),
        };
        units.into_iter().find_map(|unit| {
            self.read_set(unit);
            self.read_slice(unit)
        })
    }

    fn read_set(&mut self, unit: &[u8]) {
        if unit.is_empty() {
            return;
        }
        let nal = RefNal::new(unit, &[], true);
        match nal.header().map(|header| header.nal_unit_type()) {
            Ok(UnitType::SeqParameterSet) => {
                if let Ok(set) = SeqParameterSet::from_bits(nal.rbsp_bits()) {
                    self.sets.put_seq_param_set(set);
                }
            }
            Ok(UnitType::PicParameterSet) => {
                if let Ok(set) = PicParameterSet::from_bits(&self.sets, nal.rbsp_bits()) {
                    self.sets.put_pic_param_set(set);
                }
            }
            _ => {}
        }
    }

    fn read_slice(&mut self, unit: &[u8]) -> Option<Place> {
        if unit.is_empty() {
            return None;
        }
        let nal = RefNal::new(unit, &[], true);
        let header = nal.header().ok()?;
        let begins_group = match header.nal_unit_type() {
            UnitType::SliceLayerWithoutPartitioningIdr => true,
            UnitType::SliceLayerWithoutPartitioningNonIdr => false,
            _ => return None,
        };
        let (slice, sequence, _) =
            SliceHeader::from_bits(&self.sets, &mut nal.rbsp_bits(), header).ok()?;
        self.count += 1;
        let order = match (&sequence.pic_order_cnt, slice.pic_order_cnt_lsb) {
            (
                PicOrderCntType::TypeZero {
                    log2_max_pic_order_cnt_lsb_minus4,
                },
                Some(
                    PicOrderCountLsb::Frame(low)
                    | PicOrderCountLsb::FieldsAbsolute {
                        pic_order_cnt_lsb: low,
                        ..
                    },
                ),
            ) => {
                if begins_group {
                    self.previous = (0, 0);
                }
                let range = 1i64 << (log2_max_pic_order_cnt_lsb_minus4 + 4);
                let high = self.high(i64::from(low), range);
                if header.nal_ref_idc() != 0 {
                    self.previous = (high, i64::from(low));
                }
                high + i64::from(low)
            }
            // Frames are shown in the order of decoding (8.2.1.3).
            (PicOrderCntType::TypeTwo, _) => self.count,
            _ => return None,
        };
        Some(Place {
            begins_group,
            order,
        })
    }

    /// `PicOrderCntMsb` (8.2.1.1).
    fn high(&self, low: i64, range: i64) -> i64 {
        let (high, previous) = self.previous;
        if low < previous && previous - low >= range / 2 {
            high + range
        } else if low > previous && low - previous > range / 2 {
            high - range
        } else {
            high
        }
    }
}

fn after_lengths(mut data: &[u8], size: usize) -> Vec<&[u8]> {
    let mut units = Vec::new();
    while size > 0
        && let Some((length, rest)) = data.split_at_checked(size)
    {
        let length = length
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        let Some((unit, rest)) = rest.split_at_checked(length) else {
            break;
        };
        units.push(unit);
        data = rest;
    }
    units
}

fn after_start_codes(data: &[u8]) -> Vec<&[u8]> {
    let codes = data.windows(3).enumerate();
    let starts: Vec<usize> = codes
        .filter(|(_, bytes)| **bytes == [0, 0, 1])
        .map(|(at, _)| at + 3)
        .collect();
    let ends = starts.iter().skip(1).map(|start| start - 3);
    let ends = ends.chain([data.len()]);
    let spans = starts.iter().zip(ends);
    spans
        .filter_map(|(&start, end)| data.get(start..end))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Time;
    use crate::timeline::picture_order::PictureOrder;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks_exact(2);
        let digits = digits.map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        digits
            .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
            .collect()
    }

    const SEQUENCE: &str = "67f4000a919b2884d808800000030080000019078912cb";
    const PICTURE: &str = "68ebe3c44844";
    /// The beginnings of the slices of two groups with three B frames in a pyramid.
    const SLICES: [&str; 10] = [
        "6588840077bc35c5580ffe1d5931",
        "419a246c435f2aa2c33c58dac478",
        "419e427885bf69c1",
        "019e6174435f72c0",
        "019e636a435f72c1",
        "419a6549a84168994c086bff2acf",
        "6588820019ffb65965e0b2ffc21f",
        "419a236c435f2aa5a64ba39ee596",
        "419e4178863f6ec0",
        "019e626a435f72c0",
    ];

    #[test]
    fn frames_of_an_encoder_with_b_frames_get_their_times() {
        let expected = [0, 4, 2, 1, 3, 5, 6, 9, 7, 8];
        for length_size in [None, Some(4)] {
            let (mut places, mut order) = (H264Order::default(), PictureOrder::default());
            let mut known = Vec::new();
            for (n, slice) in SLICES.into_iter().enumerate() {
                let units = match slice.starts_with("65") {
                    true => vec![SEQUENCE, PICTURE, slice],
                    false => vec![slice],
                };
                let unit: Vec<u8> = units
                    .into_iter()
                    .flat_map(|unit| {
                        let unit = bytes(unit);
                        let before = match length_size {
                            Some(_) => (unit.len() as u32).to_be_bytes(),
                            None => [0, 0, 0, 1],
                        };
                        [&before[..], &unit].concat()
                    })
                    .collect();
                let place = places.place(&unit, length_size).expect("a slice");
                known.extend(order.push(place, Time::from_millis(n as u64), n));
            }
            known.extend(order.finish());
            let times: Vec<u64> = known.iter().map(|(time, _)| time.millis()).collect();
            assert_eq!(times, expected, "{length_size:?}");
        }
    }

    #[test]
    fn what_is_cut_off_has_no_place() {
        let mut places = H264Order::default();
        let unit = bytes(SLICES[0]);
        for end in 0..unit.len() {
            assert_eq!(places.place(&unit[..end], Some(4)), None, "{end}");
            assert_eq!(places.place(&unit[..end], None), None, "{end}");
        }
        for configuration in [&b""[..], &[1, 100, 0, 30, 0xff, 0xe1, 0, 9, 0x67]] {
            assert_eq!(places.configure(configuration), None);
        }
    }
}
