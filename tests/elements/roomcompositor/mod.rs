// SPDX-License-Identifier: MPL-2.0

//! Tests of `roomcompositor`: the pixels and samples that come out.

use gst_video::prelude::*;

use crate::harness::init;

mod audio;
mod changes;
mod feed;
mod files;
mod layouts;
mod live;
mod trouble;

/// Longest time that a test waits.
pub const HANG: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// A color as luma and both chroma.
pub type Color = [u8; 3];

pub const BLACK: Color = [16, 128, 128];
pub const WHITE: Color = [235, 128, 128];
pub const RED: Color = [81, 90, 240];
pub const GREEN: Color = [145, 54, 34];
pub const BLUE: Color = [41, 240, 110];
pub const GRAY: Color = [128, 128, 128];

/// A frame of the room.
pub struct Frame {
    pub millis: u64,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Frame {
    pub fn new(sample: &gst::Sample) -> Self {
        let caps = sample.caps().expect("caps");
        let info = gst_video::VideoInfo::from_caps(caps).expect("video");
        assert_eq!(info.format(), gst_video::VideoFormat::I420);
        let buffer = sample.buffer_owned().expect("a buffer");
        let millis = buffer.pts().expect("a time").mseconds();
        let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).expect("a frame");
        let (width, height) = (info.width() as usize, info.height() as usize);
        let mut pixels = Vec::new();
        for (plane, shift) in [(0, 0), (1, 1), (2, 1)] {
            let stride = frame.plane_stride()[plane as usize] as usize;
            let data = frame.plane_data(plane).expect("a plane");
            for row in 0..height >> shift {
                pixels.extend(&data[row * stride..row * stride + (width >> shift)]);
            }
        }
        Frame {
            millis,
            width,
            height,
            pixels,
        }
    }

    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Returns the color of a pixel.
    pub fn at(&self, x: usize, y: usize) -> Color {
        let luma = self.width * self.height;
        let chroma = (y / 2) * (self.width / 2) + x / 2;
        [
            self.pixels[y * self.width + x],
            self.pixels[luma + chroma],
            self.pixels[luma + luma / 4 + chroma],
        ]
    }

    /// Returns whether a pixel has this color, apart from rounding.
    pub fn is(&self, x: usize, y: usize, color: Color) -> bool {
        let found = self.at(x, y);
        found.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 3)
    }

    /// Fails unless a pixel has this color.
    pub fn assert(&self, x: usize, y: usize, color: Color) {
        assert!(
            self.is(x, y, color),
            "{} ms, {x},{y}: {:?} instead of {color:?}",
            self.millis,
            self.at(x, y)
        );
    }
}

/// Everything that a run gave.
#[derive(Default)]
pub struct Seen {
    pub frames: Vec<Frame>,
    pub samples: Vec<f32>,
    pub layouts: Vec<gst::Structure>,
    pub speakers: Vec<gst::Structure>,
    pub error: Option<String>,
}

impl Seen {
    /// Returns the frame that is shown at a time.
    pub fn frame(&self, millis: u64) -> &Frame {
        let shown = self.frames.iter().rev();
        let mut shown = shown.skip_while(|frame| frame.millis > millis);
        shown.next().expect("a frame at that time")
    }

    pub fn note(&mut self, message: &gst::Message) {
        match message.view() {
            gst::MessageView::Element(element) => {
                let structure = element.structure().expect("a structure").to_owned();
                match structure.name().as_str() {
                    "roomcompositor-layout" => self.layouts.push(structure),
                    "roomcompositor-speaker" => self.speakers.push(structure),
                    _ => {}
                }
            }
            gst::MessageView::Error(error) => {
                self.error.get_or_insert(error.error().to_string());
            }
            _ => {}
        }
    }
}

/// A pipeline with the room in it.
pub struct Show {
    pub pipeline: gst::Pipeline,
    pub room: gst::Element,
}

impl Show {
    /// Makes a pipeline: the room with these properties, its outputs, and the given sources.
    pub fn new(properties: &str, outputs: &str, sources: &str) -> Self {
        init();
        let line = format!("roomcompositor name=room {properties} {outputs} {sources}");
        let pipeline = gst::parse::launch(&line)
            .unwrap_or_else(|error| panic!("{line}: {error}"))
            .downcast::<gst::Pipeline>()
            .expect("a pipeline");
        let room = pipeline.by_name("room").expect("a room");
        Show { pipeline, room }
    }

    /// Only the video of a room.
    pub fn video(properties: &str, sources: &str) -> Self {
        Show::new(
            properties,
            "room.video_src ! queue ! appsink name=video sync=false wait-on-eos=false",
            sources,
        )
    }

    /// Plays to the end or to an error, and stops.
    pub fn run(&self) -> Seen {
        let seen = self.play();
        self.pipeline.set_state(gst::State::Null).expect("it stops");
        seen
    }

    /// Plays to the end or to an error.
    pub fn play(&self) -> Seen {
        let mut seen = Seen::default();
        if self.pipeline.set_state(gst::State::Playing).is_err() {
            self.drain(&mut seen);
            return seen;
        }
        self.wait(&mut seen);
        seen.frames = self.pull("video").iter().map(Frame::new).collect();
        for sample in self.pull("audio") {
            let buffer = sample.buffer().expect("a buffer");
            let map = buffer.map_readable().expect("readable");
            let floats = map.chunks_exact(4);
            let floats = floats.map(|b| f32::from_le_bytes(b.try_into().expect("four")));
            seen.samples.extend(floats);
        }
        seen
    }

    /// Returns everything that a sink has received.
    fn pull(&self, name: &str) -> Vec<gst::Sample> {
        let Some(sink) = self.pipeline.by_name(name) else {
            return Vec::new();
        };
        let sink = sink.downcast::<gst_app::AppSink>().expect("an appsink");
        std::iter::from_fn(|| sink.try_pull_sample(gst::ClockTime::ZERO)).collect()
    }

    fn wait(&self, seen: &mut Seen) {
        let bus = self.pipeline.bus().expect("a bus");
        loop {
            let message = bus.timed_pop(HANG).expect("the room hangs");
            seen.note(&message);
            let is_end = matches!(
                message.type_(),
                gst::MessageType::Eos | gst::MessageType::Error
            );
            if is_end {
                return;
            }
        }
    }

    pub fn drain(&self, seen: &mut Seen) {
        let bus = self.pipeline.bus().expect("a bus");
        while let Some(message) = bus.pop() {
            seen.note(&message);
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// A camera of one color: `seconds` long, from `start` seconds on.
pub fn camera(pad: u32, color: Color, size: &str, start: f64, seconds: f64) -> String {
    let [luma, blue, red] = color.map(f64::from);
    // BT.601, as the test source uses it for this size.
    let (y, u, v) = ((luma - 16.0) * 1.164, blue - 128.0, red - 128.0);
    let part = |value: f64| value.round().clamp(0.0, 255.0) as u32;
    let rgb =
        part(y + 1.596 * v) << 16 | part(y - 0.392 * u - 0.813 * v) << 8 | part(y + 2.017 * u);
    let argb = 0xFF00_0000 | rgb;
    let buffers = (seconds * 30.0).round();
    let offset = (start * 1e9) as u64;
    let (width, height) = size.split_once('x').expect("a size");
    format!(
        "videotestsrc num-buffers={buffers} pattern=solid-color foreground-color={argb} \
         timestamp-offset={offset} ! video/x-raw,format=I420,width={width},height={height},\
         framerate=30/1,colorimetry=bt601 ! queue ! room.video_{pad} "
    )
}
