// SPDX-License-Identifier: MPL-2.0

//! HDR and wide colours as SDR in BT.709, through linear light.
//!
//! The operations are those of the chain that is common with FFmpeg: `zscale=t=linear:npl=203`,
//! primaries of BT.709, `tonemap=mobius`, the display curve of BT.1886. Diffuse white of HDR (203
//! cd/m², ITU-R BT.2408) is 1.0 of linear light.

use super::{Matrix, Primaries, Signal, Transfer};

/// Light of diffuse white in cd/m² (ITU-R BT.2408).
const WHITE: f32 = 203.0;
/// Light at the top of PQ in cd/m² (SMPTE ST 2084).
const PQ_TOP: f32 = 10_000.0;
/// Light at the top of HLG on its reference display in cd/m² (ITU-R BT.2100).
const HLG_TOP: f32 = 1_000.0;
/// The system gamma of HLG on that display.
const HLG_GAMMA: f32 = 1.2;
/// The display gamma of SDR (ITU-R BT.1886).
const DISPLAY_GAMMA: f32 = 2.4;
/// Linear light up to which the tone curve changes nothing.
const KNEE: f32 = 0.3;
/// The brightest linear light where metadata name none.
const PEAK: f32 = 10.0;
/// Metadata count the peak in units of this many cd/m².
const PEAK_UNIT: f32 = 100.0;
/// Luminance above which colours turn to white.
const BRIGHT: f32 = 2.0;

/// Entries of the table of light, and the largest sample value in it; 1.0 is nominal white.
const LIGHT_STEPS: usize = 4096;
const LIGHT_END: f32 = 1.125;

/// From BT.2020 to BT.709 in linear light (ITU-R BT.2087).
const FROM_BT2020: [[f32; 3]; 3] = [
    [1.660_491, -0.587_641_1, -0.072_849_9],
    [-0.124_550_5, 1.132_899_9, -0.008_349_4],
    [-0.018_150_8, -0.100_578_9, 1.118_729_7],
];
/// From Display P3 to BT.709 in linear light.
const FROM_P3: [[f32; 3]; 3] = [
    [1.224_940_2, -0.224_940_2, 0.0],
    [-0.042_056_9, 1.042_056_9, 0.0],
    [-0.019_637_6, -0.078_636, 1.098_273_6],
];
const UNCHANGED: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Maps samples of a wide signal to 8-bit BT.709 in video range.
pub struct ToneMap {
    /// Sample values of black and of neutral chroma.
    black: f32,
    neutral: f32,
    /// A sample of luma or chroma times this is its value from 0 to 1, or from -0.5 to 0.5.
    luma_unit: f32,
    chroma_unit: f32,
    /// Weights of red and blue in luma of the source.
    weights: (f32, f32),
    /// Linear light of the values 0 to [`LIGHT_END`].
    light: Vec<f32>,
    primaries: [[f32; 3]; 3],
    /// The tone curve as a factor of the brightest component; `None` for SDR.
    curve: Option<Octaves>,
    gamma: Octaves,
}

impl ToneMap {
    pub(super) fn new(signal: &Signal) -> Self {
        let (black, luma, chroma) = signal.levels();
        let matrix = match (signal.matrix, signal.transfer) {
            (Matrix::Other, Transfer::Sdr) => Matrix::Bt709,
            (matrix, _) => matrix,
        };
        let primaries = match signal.primaries {
            // Of HDR without primaries: BT.2100 has no others.
            Primaries::Bt709 if signal.matrix == Matrix::Bt2020 => FROM_BT2020,
            Primaries::Bt709 => UNCHANGED,
            Primaries::Bt2020 => FROM_BT2020,
            Primaries::P3 => FROM_P3,
        };
        let peak = signal.peak.map_or(PEAK, |peak| (peak / PEAK_UNIT).max(1.0));
        let is_hdr = signal.transfer != Transfer::Sdr;
        ToneMap {
            black,
            neutral: signal.neutral(),
            luma_unit: luma.recip(),
            chroma_unit: chroma.recip(),
            weights: matrix.weights(),
            light: light(signal.transfer),
            primaries,
            curve: is_hdr.then(|| Octaves::new(-2, 7, |light| mobius(light, peak) / light)),
            gamma: Octaves::new(-24, 3, |light| light.powf(DISPLAY_GAMMA.recip())),
        }
    }

    /// Converts one or two rows of luma with the row of chroma that they share (4:2:0). Rows of the
    /// target are as long as those of the source.
    pub fn convert(
        &self,
        luma: &[&[u16]],
        chroma: [&[u16]; 2],
        to_luma: &mut [&mut [u8]],
        to_chroma: [&mut [u8]; 2],
    ) {
        let [from_blue, from_red] = chroma;
        let [to_blue, to_red] = to_chroma;
        let samples = from_blue.iter().zip(from_red);
        let targets = to_blue.iter_mut().zip(to_red);
        for (at, ((&blue, &red), (to_blue, to_red))) in samples.zip(targets).enumerate() {
            let offsets = self.offsets(blue, red);
            let (mut sum, mut count) = ([0.0f32; 3], 0.0f32);
            for (from, to) in luma.iter().zip(to_luma.iter_mut()) {
                let pixels = from.iter().zip(to.iter_mut()).skip(at * 2).take(2);
                for (&sample, to) in pixels {
                    let pixel =
                        self.pixel((f32::from(sample) - self.black) * self.luma_unit, offsets);
                    *to = to_video(219.0, 16.0, luma_of(pixel));
                    for (sum, component) in sum.iter_mut().zip(pixel) {
                        *sum += component;
                    }
                    count += 1.0;
                }
            }
            let mean = sum.map(|sum| sum / count.max(1.0));
            let (kr, kb) = Matrix::Bt709.weights();
            let luma = luma_of(mean);
            *to_blue = to_video(224.0, 128.0, (mean[2] - luma) / (2.0 * (1.0 - kb)));
            *to_red = to_video(224.0, 128.0, (mean[0] - luma) / (2.0 * (1.0 - kr)));
        }
    }

    /// Red, green and blue less luma.
    fn offsets(&self, blue: u16, red: u16) -> [f32; 3] {
        let value = |sample: u16| (f32::from(sample) - self.neutral) * self.chroma_unit;
        let (kr, kb) = self.weights;
        let red = 2.0 * (1.0 - kr) * value(red);
        let blue = 2.0 * (1.0 - kb) * value(blue);
        let green = -(kr * red + kb * blue) / (1.0 - kr - kb);
        [red, green, blue]
    }

    /// Red, green and blue of BT.709 for display.
    fn pixel(&self, luma: f32, offsets: [f32; 3]) -> [f32; 3] {
        let light = offsets.map(|offset| self.light_of(luma + offset));
        let [red, green, blue] = self
            .primaries
            .map(|row| row[0] * light[0] + row[1] * light[1] + row[2] * light[2]);
        let mut light = [red, green, blue];
        if let Some(curve) = &self.curve {
            let (kr, kb) = Matrix::Bt2020.weights();
            let luminance = kr * red + (1.0 - kr - kb) * green + kb * blue;
            if luminance > BRIGHT {
                let white = (luminance - BRIGHT) / luminance;
                light = light.map(|component| component + (luminance - component) * white);
            }
            let factor = curve.at(light[0].max(light[1]).max(light[2]));
            light = light.map(|component| component * factor);
        }
        // Light outside of BT.709 stays negative, and the display clips it: the hue of what is left
        // is the same then.
        light.map(|component| self.gamma.at(component.abs()).copysign(component))
    }

    fn light_of(&self, value: f32) -> f32 {
        // A cast of a negative number gives 0.
        let at = (value * (LIGHT_STEPS as f32 / LIGHT_END)) as usize;
        let last = self.light.last().copied().unwrap_or_default();
        self.light.get(at).copied().unwrap_or(last)
    }
}

fn luma_of([red, green, blue]: [f32; 3]) -> f32 {
    let (kr, kb) = Matrix::Bt709.weights();
    kr * red + (1.0 - kr - kb) * green + kb * blue
}

fn to_video(span: f32, zero: f32, value: f32) -> u8 {
    // A cast saturates.
    (value * span + zero + 0.5) as u8
}

/// Linear light for values from 0 to [`LIGHT_END`].
fn light(transfer: Transfer) -> Vec<f32> {
    let light = |value: f32| match transfer {
        Transfer::Sdr => value.powf(DISPLAY_GAMMA),
        Transfer::Hlg => hlg(value),
        Transfer::Pq => pq(value),
    };
    let step = LIGHT_END / LIGHT_STEPS as f32;
    let steps = (0..LIGHT_STEPS).map(|at| (at as f32 + 0.5) * step);
    steps.map(light).collect()
}

/// HLG to light on its reference display (ITU-R BT.2100, table 5), each component by itself.
fn hlg(value: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    let scene = if value <= 0.5 {
        value * value / 3.0
    } else {
        (((value - C) / A).exp() + B) / 12.0
    };
    scene.powf(HLG_GAMMA) * HLG_TOP / WHITE
}

/// PQ to light (ITU-R BT.2100, table 4).
fn pq(value: f32) -> f32 {
    const M1: f32 = 0.159_301_76;
    const M2: f32 = 78.843_75;
    const C1: f32 = 0.835_937_5;
    const C2: f32 = 18.851_563;
    const C3: f32 = 18.687_5;
    let power = value.min(1.0).powf(M2.recip());
    let light = ((power - C1).max(0.0) / (C2 - C3 * power)).powf(M1.recip());
    light * PQ_TOP / WHITE
}

/// The curve that leaves light up to [`KNEE`] and brings `peak` to 1.0.
fn mobius(light: f32, peak: f32) -> f32 {
    if light <= KNEE {
        return light;
    }
    let a = -KNEE * KNEE * (peak - 1.0) / (KNEE * KNEE - 2.0 * KNEE + peak);
    let b = (KNEE * KNEE - 2.0 * KNEE * peak + peak) / (peak - 1.0).max(1e-6);
    (b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
}

/// A function of positive numbers as a table with the same number of steps in every octave.
struct Octaves {
    first: u32,
    values: Vec<f32>,
}

impl Octaves {
    /// Bits of the mantissa that are not looked at: 256 steps an octave remain.
    const SHIFT: u32 = 15;

    /// Tabulates `function` from 2^`from` to 2^`to`; what lies beyond has the value of the end.
    fn new(from: i8, to: i8, function: impl Fn(f32) -> f32) -> Self {
        let index = |exponent: i8| f32::exp2(exponent.into()).to_bits() >> Self::SHIFT;
        let (first, end) = (index(from), index(to));
        let half = 1 << (Self::SHIFT - 1);
        let middles = (first..end).map(|at| f32::from_bits((at << Self::SHIFT) + half));
        Octaves {
            first,
            values: middles.map(function).collect(),
        }
    }

    fn at(&self, number: f32) -> f32 {
        // Negative numbers have the largest bits.
        let bits = number.max(0.0).to_bits() >> Self::SHIFT;
        let at = bits.saturating_sub(self.first) as usize;
        let last = self.values.last().copied().unwrap_or_default();
        self.values.get(at).copied().unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Range;
    use super::*;

    /// Luma, blue and red in 10 bits, and the 8-bit values for them of FFmpeg 5.1:
    /// `zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius,
    /// zscale=t=bt709:m=bt709:r=tv`. The first eight of each are grey.
    const TABLE: [(Transfer, [u16; 3], [u8; 3]); 32] = [
        (Transfer::Hlg, [64, 512, 512], [16, 128, 128]),
        (Transfer::Hlg, [200, 512, 512], [54, 128, 128]),
        (Transfer::Hlg, [400, 512, 512], [110, 128, 128]),
        (Transfer::Hlg, [502, 512, 512], [139, 128, 128]),
        (Transfer::Hlg, [594, 512, 512], [167, 128, 128]),
        (Transfer::Hlg, [721, 512, 512], [201, 128, 128]),
        (Transfer::Hlg, [800, 512, 512], [215, 128, 128]),
        (Transfer::Hlg, [940, 512, 512], [230, 128, 128]),
        (Transfer::Hlg, [682, 176, 539], [180, 0, 142]),
        (Transfer::Hlg, [548, 606, 176], [131, 164, 0]),
        (Transfer::Hlg, [509, 270, 203], [115, 35, 0]),
        (Transfer::Hlg, [276, 754, 821], [20, 219, 253]),
        (Transfer::Hlg, [237, 418, 848], [8, 116, 255]),
        (Transfer::Hlg, [103, 848, 485], [0, 241, 100]),
        (Transfer::Hlg, [459, 469, 572], [123, 115, 156]),
        (Transfer::Hlg, [575, 448, 583], [138, 109, 169]),
        (Transfer::Pq, [64, 512, 512], [16, 128, 128]),
        (Transfer::Pq, [200, 512, 512], [41, 128, 128]),
        (Transfer::Pq, [400, 512, 512], [111, 128, 128]),
        (Transfer::Pq, [502, 512, 512], [170, 128, 128]),
        (Transfer::Pq, [594, 512, 512], [207, 128, 128]),
        (Transfer::Pq, [721, 512, 512], [230, 128, 128]),
        (Transfer::Pq, [800, 512, 512], [235, 128, 128]),
        (Transfer::Pq, [940, 512, 512], [239, 128, 128]),
        (Transfer::Pq, [682, 176, 539], [224, 101, 132]),
        (Transfer::Pq, [548, 606, 176], [161, 163, 0]),
        (Transfer::Pq, [509, 270, 203], [151, 103, 0]),
        (Transfer::Pq, [276, 754, 821], [20, 228, 255]),
        (Transfer::Pq, [237, 418, 848], [7, 115, 255]),
        (Transfer::Pq, [103, 848, 485], [0, 255, 96]),
        (Transfer::Pq, [459, 469, 572], [116, 108, 185]),
        (Transfer::Pq, [575, 448, 583], [124, 99, 197]),
    ];

    fn mapped(transfer: Transfer, [luma, blue, red]: [u16; 3]) -> [u8; 3] {
        let map = ToneMap::new(&Signal {
            depth: 10,
            range: Range::Video,
            matrix: Matrix::Bt2020,
            transfer,
            primaries: Primaries::Bt2020,
            peak: None,
        });
        let mut to = [[0u8; 2]; 2];
        let (mut to_blue, mut to_red) = ([0], [0]);
        let [first, second] = &mut to;
        map.convert(
            &[&[luma; 2], &[luma; 2]],
            [&[blue], &[red]],
            &mut [first, second],
            [&mut to_blue, &mut to_red],
        );
        assert_eq!(to, [[to[0][0]; 2]; 2]);
        [to[0][0], to_blue[0], to_red[0]]
    }

    #[test]
    fn grey_and_colours_are_those_of_ffmpeg() {
        for (transfer, from, to) in TABLE {
            let found = mapped(transfer, from);
            for (found, to) in found.iter().zip(to) {
                assert!(
                    found.abs_diff(to) <= 1,
                    "{transfer:?} {from:?}: {found}, {to}"
                );
            }
        }
    }

    #[test]
    fn diffuse_white_keeps_what_is_brighter_apart() {
        // 203 and 400 cd/m² in PQ.
        let [white, bright] = [594, 656].map(|code| mapped(Transfer::Pq, [code, 512, 512])[0]);
        assert!(
            white > 180 && bright > white + 5 && bright < 235,
            "{white} {bright}"
        );
    }
}
