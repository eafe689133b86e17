// SPDX-License-Identifier: MPL-2.0

//! Feeds pads by hand: frames, sound, texts.

use gst::prelude::*;
use tempfile::TempDir;

use super::{Package, ended};
use crate::harness::init;

/// Frames of one colour each, at these milliseconds, in these sizes.
pub fn push_frames(source: &gst_app::AppSrc, frames: &[(u64, (u32, u32))]) {
    for &(millis, (width, height)) in frames {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
            .fps(gst::Fraction::new(0, 1))
            .build()
            .expect("valid");
        let mut buffer = gst::Buffer::from_mut_slice(vec![200; info.size()]);
        let time = buffer.get_mut().expect("new");
        time.set_pts(gst::ClockTime::from_mseconds(millis));
        let caps = info.to_caps().expect("valid");
        let sample = gst::Sample::builder().buffer(&buffer).caps(&caps).build();
        source.push_sample(&sample).expect("taken");
    }
    source.end_of_stream().expect("taken");
}

pub fn with_appsrc(settings: &str) -> (TempDir, gst::Pipeline, gst_app::AppSrc) {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = format!(
        "catalogsink name=p location={}/package preset=ultrafast {settings} \
         appsrc name=s format=time ! p.video",
        folder.path().display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("s").expect("named");
    (folder, pipeline, source.downcast().expect("an appsrc"))
}

/// The element with nothing before it: the test feeds its pads.
pub struct Fed {
    pub folder: TempDir,
    pub pipeline: gst::Pipeline,
    pub sink: gst::Element,
}

impl Fed {
    pub fn new() -> Self {
        init();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = folder.path().join("package");
        let sink = gst::ElementFactory::make("catalogsink")
            .property("location", location.to_str().expect("UTF-8"))
            .property_from_str("preset", "ultrafast")
            .build()
            .expect("registered");
        let pipeline = gst::Pipeline::new();
        pipeline.add(&sink).expect("added");
        Fed {
            folder,
            pipeline,
            sink,
        }
    }

    pub fn start(&self) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        self.pipeline.set_state(gst::State::Playing)
    }

    /// Pads with streams of these caps, once it plays.
    pub fn play(&self, pads: &[(&str, &str)]) -> Vec<gst::Pad> {
        let request = |name| self.sink.request_pad_simple(name).expect(name);
        let requested: Vec<_> = pads.iter().map(|(name, _)| request(name)).collect();
        self.start().expect("starts");
        for (pad, (_, caps)) in requested.iter().zip(pads) {
            begin(pad, caps);
        }
        requested
    }

    /// Waits for the package.
    pub fn package(self) -> Package {
        let ended = ended(&self.pipeline);
        if let Some((source, error)) = ended.error {
            panic!("{source}: {error}");
        }
        Package {
            folder: self.folder,
            message: ended.package.expect("told of the package"),
        }
    }
}

/// Begins a stream of these caps on a pad.
pub fn begin(pad: &gst::Pad, caps: &str) {
    let caps: gst::Caps = caps.parse().expect("caps");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(pad.send_event(gst::event::StreamStart::new(&pad.name())));
    assert!(pad.send_event(gst::event::Caps::new(&caps)));
    assert!(pad.send_event(gst::event::Segment::new(&segment)));
}

pub const PICTURES: &str = "video/x-raw,format=I420,width=320,height=180,framerate=10/1";

pub const SOUND: &str = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";

pub const TEXT: &str = "text/x-raw,format=utf8";

pub fn timed(bytes: Vec<u8>, start: u64, millis: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let time = buffer.get_mut().expect("new");
    time.set_pts(gst::ClockTime::from_mseconds(start));
    time.set_duration(gst::ClockTime::from_mseconds(millis));
    buffer
}

/// Feeds these seconds of pictures, ten a second.
pub fn feed_pictures(pad: &gst::Pad, seconds: u64) {
    for frame in 0..seconds * 10 {
        let picture = vec![frame as u8; 320 * 180 * 3 / 2];
        pad.chain(timed(picture, frame * 100, 100)).expect("taken");
    }
}

pub fn feed_sound(pad: &gst::Pad, seconds: u64) {
    for second in 0..seconds {
        let silence = vec![0; 96_000];
        pad.chain(timed(silence, second * 1000, 1000))
            .expect("taken");
    }
}
