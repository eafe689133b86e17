// SPDX-License-Identifier: MPL-2.0

//! Raw audio: samples for the listener, cutting and muting to the sample, fades at splices.

use gst_audio::{AudioBuffer, AudioInfo, AudioLayout, AudioMeta, AudioPackFlags};

use crate::timeline::{Span, Time, touches};

/// Fade at both sides of a splice or of a muted span: long enough not to click, too short to be
/// heard.
pub const FADE: Time = Time::from_millis(5);

/// Returns the number of samples per channel. Planes may have been clipped without getting smaller.
pub fn count(buffer: &gst::BufferRef, info: &AudioInfo) -> usize {
    match buffer.meta::<AudioMeta>() {
        Some(meta) if info.layout() == AudioLayout::NonInterleaved => meta.samples(),
        _ => buffer.size() / info.bpf().max(1) as usize,
    }
}

/// Returns the samples as interleaved floats.
pub fn samples(buffer: &gst::BufferRef, info: &AudioInfo) -> Option<Vec<f32>> {
    let channels = info.channels() as usize;
    if info.layout() == AudioLayout::Interleaved {
        let map = buffer.map_readable().ok()?;
        let whole = map.len() / info.bpf() as usize * info.bpf() as usize;
        return Some(unpacked(&map[..whole], info));
    }
    let buffer = gst_audio::AudioBufferRef::from_buffer_ref_readable(buffer, info).ok()?;
    let mut samples = vec![0.0; buffer.n_samples() * channels];
    for channel in 0..channels {
        let plane = unpacked(buffer.plane_data(channel as u32).ok()?, info);
        for (index, sample) in plane.into_iter().enumerate() {
            if let Some(out) = samples.get_mut(index * channels + channel) {
                *out = sample;
            }
        }
    }
    Some(samples)
}

fn unpacked(bytes: &[u8], info: &AudioInfo) -> Vec<f32> {
    use gst_audio::AudioFormat;
    let native = |value: &[u8; 2]| f32::from(i16::from_ne_bytes(*value)) / 32_768.0;
    if info.format() == gst_audio::AUDIO_FORMAT_S16 {
        return bytes.as_chunks().0.iter().map(native).collect();
    }
    if info.format() == gst_audio::AUDIO_FORMAT_F32 {
        let (values, _) = bytes.as_chunks();
        return values
            .iter()
            .map(|value| f32::from_ne_bytes(*value))
            .collect();
    }
    let format = info.format_info();
    let unpacked = unpack(bytes, info);
    if format.unpack_format() == AudioFormat::S32be
        || format.unpack_format() == gst_audio::AUDIO_FORMAT_S32
    {
        let (values, _) = unpacked.as_chunks();
        values
            .iter()
            .map(|value| i32::from_ne_bytes(*value) as f32 / 2_147_483_648.0)
            .collect()
    } else {
        let (values, _) = unpacked.as_chunks();
        values
            .iter()
            .map(|value| f64::from_ne_bytes(*value) as f32)
            .collect()
    }
}

fn unpack(bytes: &[u8], info: &AudioInfo) -> Vec<u8> {
    let format = info.format_info();
    let wide = gst_audio::AudioFormatInfo::from_format(format.unpack_format());
    let count = bytes.len() / (format.width() as usize / 8);
    let mut out = vec![0; count * wide.width() as usize / 8];
    format.unpack(AudioPackFlags::empty(), &mut out, bytes);
    out
}

/// Returns the number of samples of `rate` in `time`, rounded up: a sample belongs to a span if it
/// starts in it.
fn samples_in(time: Time, rate: u32) -> usize {
    let samples = (u128::from(time.nanos()) * u128::from(rate)).div_ceil(1_000_000_000);
    usize::try_from(samples).unwrap_or(usize::MAX)
}

/// Returns the time of a sample, rounded down.
fn time_of(samples: usize, rate: u32) -> Time {
    let nanos = samples as u128 * 1_000_000_000 / u128::from(rate.max(1));
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A part of a buffer: its samples, and their position in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    pub first: usize,
    pub count: usize,
    pub span: Span,
}

/// Returns the samples of a buffer (starting at `start`, `count` long) that start inside `kept`.
pub fn part(start: Time, count: usize, rate: u32, kept: Span) -> Option<Part> {
    let first = samples_in(kept.start.saturating_sub(start), rate).min(count);
    let end = samples_in(kept.end.saturating_sub(start), rate).min(count);
    (end > first).then(|| Part {
        first,
        count: end - first,
        span: Span::new(
            start.saturating_add(time_of(first, rate)).max(kept.start),
            start.saturating_add(time_of(end, rate)).min(kept.end),
        ),
    })
}

/// Cuts the part out of the buffer and fades it where `kept` has a splice. The caller sets the
/// timestamps.
pub fn cut(
    buffer: gst::Buffer,
    info: &AudioInfo,
    part: Part,
    kept: Span,
    splices: (bool, bool),
) -> gst::Buffer {
    let whole = count(&buffer, info) == part.count;
    let mut buffer = if whole {
        buffer
    } else {
        gst_audio::audio_buffer_truncate(buffer, info.bpf(), part.first, Some(part.count))
    };
    let fades_in = splices.0 && part.span.start < kept.start.saturating_add(FADE);
    let fades_out = splices.1 && part.span.end.saturating_add(FADE) > kept.end;
    if fades_in || fades_out {
        let rate = info.rate();
        let fade = FADE.secs_f64() as f32;
        let gain = |index: usize| {
            let at = part.span.start.saturating_add(time_of(index, rate));
            let into = at.saturating_sub(kept.start).secs_f64() as f32;
            let left = kept.end.saturating_sub(at).secs_f64() as f32;
            let up = if fades_in { into / fade } else { 1.0 };
            let down = if fades_out { left / fade } else { 1.0 };
            up.min(down).clamp(0.0, 1.0)
        };
        // If the fade fails, the buffer is cut all the same.
        let _ = apply(&mut buffer, info, gain);
    }
    buffer
}

/// Mutes the samples of a buffer that starts at `start` in the spans, which are sorted and
/// disjoint. The fades are outside of the spans. Returns `None` if that is not possible.
pub fn mute(
    mut buffer: gst::Buffer,
    info: &AudioInfo,
    start: Time,
    silent: &[Span],
) -> Option<gst::Buffer> {
    let rate = info.rate();
    let time_of = |index| start.saturating_add(time_of(index, rate));
    let end = time_of(count(&buffer, info));
    let reached = |span: &Span| {
        let reach = Span::new(
            span.start.saturating_sub(FADE),
            span.end.saturating_add(FADE),
        );
        touches(&[reach], Span::new(start, end))
    };
    let near: Vec<Span> = silent.iter().copied().filter(reached).collect();
    if near.is_empty() {
        return Some(buffer);
    }
    let gain = |index: usize| {
        let (from, to) = (time_of(index), time_of(index + 1));
        let distance = |span: &Span| {
            span.start
                .saturating_sub(to)
                .max(from.saturating_sub(span.end))
        };
        let nearest = near.iter().map(distance).min().unwrap_or_default();
        (nearest.nanos() as f32 / FADE.nanos() as f32).min(1.0)
    };
    apply(&mut buffer, info, gain).then_some(buffer)
}

/// Multiplies each sample by its gain; returns `false` if the samples are not writable.
#[must_use]
fn apply(buffer: &mut gst::Buffer, info: &AudioInfo, gain: impl Fn(usize) -> f32) -> bool {
    let channels = info.channels() as usize;
    if info.layout() == AudioLayout::Interleaved {
        return match buffer.make_mut().map_writable() {
            Ok(mut map) => {
                scale(&mut map, info, |index| gain(index / channels));
                true
            }
            Err(_) => false,
        };
    }
    // A decoder may keep references to its buffers.
    buffer.make_mut();
    let copy = std::mem::take(buffer);
    match AudioBuffer::from_buffer_writable(copy, info) {
        Ok(mut writable) => {
            let scaled = (0..channels).all(|channel| {
                let plane = writable.plane_data_mut(channel as u32);
                plane.map(|plane| scale(plane, info, &gain)).is_ok()
            });
            *buffer = writable.into_buffer();
            scaled
        }
        Err(unchanged) => {
            *buffer = unchanged;
            false
        }
    }
}

/// Scales the samples. An incomplete sample at the end of a broken buffer stays unchanged.
fn scale(bytes: &mut [u8], info: &AudioInfo, gain: impl Fn(usize) -> f32) {
    let format = info.format_info();
    let width = (format.width() as usize / 8).max(1);
    let whole = bytes.len() / width * width;
    let bytes = &mut bytes[..whole];
    let mut wide = unpack(bytes, info);
    if format.unpack_format() == gst_audio::AUDIO_FORMAT_S32 {
        for (index, value) in wide.as_chunks_mut().0.iter_mut().enumerate() {
            let sample = f64::from(i32::from_ne_bytes(*value)) * f64::from(gain(index));
            *value = (sample as i32).to_ne_bytes();
        }
    } else {
        for (index, value) in wide.as_chunks_mut().0.iter_mut().enumerate() {
            let sample = f64::from_ne_bytes(*value) * f64::from(gain(index));
            *value = sample.to_ne_bytes();
        }
    }
    format.pack(AudioPackFlags::empty(), bytes, &wide);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buffers_cut_at_a_splice_neither_lose_nor_double_a_sample(
            rate in prop::sample::select(vec![8_000u32, 44_100, 48_000]),
            sizes in prop::collection::vec(1usize..3000, 1..20),
            at in 0u64..1_000_000_000,
        ) {
            // One cut point: the parts before and after it add up to the whole.
            let at = Time::from_nanos(at);
            let (mut first, mut before, mut behind) = (0usize, 0usize, 0usize);
            for size in &sizes {
                let start = time_of(first, rate);
                before += part(start, *size, rate, Span::new(Time::ZERO, at)).map_or(0, |p| p.count);
                if let Some(p) = part(start, *size, rate, Span::new(at, Time::MAX)) {
                    behind += p.count;
                    prop_assert!(p.span.start >= at);
                    // The splice is at most one sample early or late.
                    if p.first > 0 {
                        prop_assert!(p.span.start.saturating_sub(at) <= time_of(1, rate).saturating_add(Time::from_nanos(2)));
                    }
                }
                first += size;
            }
            prop_assert_eq!(before + behind, first);
        }
    }

    const FORMATS: [gst_audio::AudioFormat; 6] = [
        gst_audio::AudioFormat::U8,
        gst_audio::AudioFormat::S16le,
        gst_audio::AudioFormat::S16be,
        gst_audio::AudioFormat::S24le,
        gst_audio::AudioFormat::F32le,
        gst_audio::AudioFormat::F64le,
    ];

    /// Makes 100 ms at half the full level, in two channels at 48 kHz.
    fn tone(info: &AudioInfo) -> Vec<u8> {
        let mut tone = vec![0u8; 4800 * info.bpf() as usize];
        let ones: Vec<u8> = if info.format_info().unpack_format() == gst_audio::AUDIO_FORMAT_S32 {
            (0..9600).flat_map(|_| (1i32 << 30).to_ne_bytes()).collect()
        } else {
            (0..9600).flat_map(|_| 0.5f64.to_ne_bytes()).collect()
        };
        info.format_info()
            .pack(AudioPackFlags::empty(), &mut tone, &ones);
        tone
    }

    #[test]
    fn a_muted_span_is_silent_to_the_sample_in_every_format() {
        gst::init().expect("gst");
        for format in FORMATS {
            for layout in [AudioLayout::Interleaved, AudioLayout::NonInterleaved] {
                let info = AudioInfo::builder(format, 48_000, 2)
                    .layout(layout)
                    .build()
                    .expect("info");
                let mut buffer = gst::Buffer::from_mut_slice(tone(&info));
                if layout == AudioLayout::NonInterleaved {
                    let plain = buffer.make_mut();
                    AudioMeta::add(plain, &info, 4800, &[]).expect("planes");
                }
                // The buffer starts at 1 s; 20 to 40 ms of it are muted.
                let start = Time::SECOND;
                let span = |from, to| Span::new(Time::from_millis(from), Time::from_millis(to));
                let far = [span(0, 990), span(1_020, 1_040), span(1_110, 1_120)];
                let muted = mute(buffer.clone(), &info, start, &far).expect("muted");
                let found = samples(&muted, &info).expect("samples");
                let of =
                    |range: std::ops::Range<usize>| found[range.start * 2..range.end * 2].iter();
                // The format defines the value of silence.
                let bytes = muted.map_readable().expect("readable").to_vec();
                let parts = match layout {
                    AudioLayout::Interleaved => vec![&bytes[..]],
                    _ => bytes.chunks(bytes.len() / 2).collect(),
                };
                for part in parts {
                    let silent = &part[part.len() / 5..part.len() * 2 / 5];
                    let mut silence = vec![1; silent.len()];
                    info.format_info().fill_silence(&mut silence);
                    assert!(silent == silence, "{format:?} {layout:?}");
                }
                let near = |&sample: &f32| (sample - 0.5).abs() < 0.02;
                assert!(
                    of(0..720).all(near) && of(2160..4800).all(near),
                    "{format:?}"
                );
                assert!(of(720..960).all(|&sample| (0.0..0.52).contains(&sample)));
                let left = mute(buffer, &info, start, &far[..1]).expect("muted");
                assert!(samples(&left, &info).expect("samples").iter().all(near));
            }
        }
    }

    #[test]
    fn half_a_sample_at_the_end_is_let_be() {
        gst::init().expect("gst");
        for format in FORMATS {
            let info = AudioInfo::builder(format, 48_000, 2).build().expect("info");
            let mut ragged = tone(&info);
            ragged.push(7);
            let all = [Span::new(Time::ZERO, Time::SECOND)];
            let buffer = gst::Buffer::from_mut_slice(ragged);
            let muted = mute(buffer, &info, Time::ZERO, &all).expect("muted");
            let found = samples(&muted, &info).expect("samples");
            // Unpacked, silence of eight bits is not quite zero.
            assert!(found[..9600].iter().all(|&sample| sample.abs() < 0.01));
        }
    }

    #[test]
    fn a_splice_fades_in_every_format() {
        gst::init().expect("gst");
        for format in FORMATS {
            let info = AudioInfo::builder(format, 48_000, 2).build().expect("info");
            let tone = tone(&info);
            let kept = Span::new(Time::from_millis(50), Time::MAX);
            let part = part(Time::ZERO, 4800, 48_000, kept).expect("kept");
            let out = cut(
                gst::Buffer::from_mut_slice(tone),
                &info,
                part,
                kept,
                (true, true),
            );
            let samples = samples(&out, &info).expect("samples");
            assert_eq!(samples.len(), 4800);
            assert!(
                samples[0].abs() < 0.02,
                "{format:?} starts at {}",
                samples[0]
            );
            assert!(
                (samples[240] - 0.25).abs() < 0.02,
                "{format:?}: {}",
                samples[240]
            );
            assert!(
                (samples[600] - 0.5).abs() < 0.02,
                "{format:?}: {}",
                samples[600]
            );
        }
    }
}
