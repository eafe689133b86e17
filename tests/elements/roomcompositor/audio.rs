// SPDX-License-Identifier: MPL-2.0

//! The mix, and who speaks.

use super::{BLUE, GREEN, RED, Show, camera};

fn microphone(pad: u32, frequency: u32, volume: f64, start: f64, seconds: f64) -> String {
    let buffers = (seconds * 50.0).round();
    let offset = (start * 1e9) as u64;
    format!(
        "audiotestsrc num-buffers={buffers} samplesperbuffer=960 freq={frequency} volume={volume} \
         timestamp-offset={offset} ! audio/x-raw,rate=48000,channels=1 ! queue ! room.audio_{pad} "
    )
}

const AUDIO: &str = "room.audio_src ! queue ! appsink name=audio sync=false wait-on-eos=false";

fn energy(samples: &[f32], frequency: f64) -> f64 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    let left = samples.iter().step_by(2);
    for (index, sample) in left.enumerate() {
        let phase = std::f64::consts::TAU * frequency * index as f64 / 48_000.0;
        sine += f64::from(*sample) * phase.sin();
        cosine += f64::from(*sample) * phase.cos();
    }
    (sine.hypot(cosine)) * 4.0 / samples.len() as f64
}

#[test]
fn loud_voices_are_mixed_without_clipping() {
    let sources = microphone(0, 400, 0.9, 0.0, 1.0) + &microphone(1, 1000, 0.9, 0.0, 1.0);
    let seen = Show::new("", AUDIO, &sources).run();
    assert_eq!(seen.error, None);
    let peak = seen
        .samples
        .iter()
        .fold(0.0f32, |peak, s| peak.max(s.abs()));
    assert!((0.6..0.81).contains(&peak), "{peak}");
    let steady = &seen.samples[48_000..72_000];
    for frequency in [400.0, 1000.0] {
        assert!(energy(steady, frequency) > 0.25, "{frequency}");
    }
    // Clipping would make a third harmonic.
    assert!(energy(steady, 1200.0) < 0.02 && energy(steady, 3000.0) < 0.02);
}

#[test]
fn a_voice_that_starts_later_is_heard_at_its_time() {
    let sources = microphone(0, 400, 0.0, 0.0, 2.0) + &microphone(1, 1000, 0.5, 1.0, 1.0);
    let seen = Show::new("", AUDIO, &sources).run();
    let first = seen.samples.iter().position(|sample| sample.abs() > 0.05);
    let millis = first.expect("it is heard") / 2 / 48;
    assert!((995..1010).contains(&millis), "{millis}");
}

#[test]
fn whoever_speaks_has_the_stage() {
    let video = camera(0, RED, "640x360", 0.0, 6.0) + &camera(1, GREEN, "640x360", 0.0, 6.0);
    let audio = microphone(0, 400, 0.5, 0.0, 2.0) + &microphone(1, 400, 0.5, 2.0, 4.0);
    let outputs = "room.video_src ! queue ! appsink name=video sync=false wait-on-eos=false \
                   room.audio_src ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 \
                   ! fakesink sync=false";
    let seen = Show::new("layout=single-speaker", outputs, &(video + &audio)).run();
    assert_eq!(seen.error, None);
    seen.frame(5900).assert(640, 360, GREEN);
    let last = seen.speakers.last().expect("a speaker");
    assert_eq!(last.get::<&str>("participant"), Ok("1"));
}

#[test]
fn a_side_without_pads_ends_with_the_other() {
    let outputs = "room.video_src ! queue ! appsink name=video sync=false wait-on-eos=false \
                   room.audio_src ! queue ! appsink name=audio async=false sync=false wait-on-eos=false";
    let seen = Show::new("", outputs, &camera(0, BLUE, "640x360", 0.0, 0.5)).run();
    assert_eq!(seen.error, None);
    assert_eq!((seen.frames.len(), seen.samples.len()), (15, 0));
}
