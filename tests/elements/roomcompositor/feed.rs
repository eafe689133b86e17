// SPDX-License-Identifier: MPL-2.0

//! A track that a test pushes frame by frame.

use gst::prelude::*;

use super::Color;

pub struct Feed {
    pad: gst::Pad,
    sink: gst::Pad,
}

impl Feed {
    /// Links to a pad of the room, which is requested by name.
    pub fn new(room: &gst::Element, name: &str) -> Self {
        let sink = room.request_pad_simple(name).expect("a pad");
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        pad.set_active(true).expect("active");
        pad.link(&sink).expect("linked");
        pad.push_event(gst::event::StreamStart::new(name));
        Feed { pad, sink }
    }

    pub fn sink(&self) -> &gst::Pad {
        &self.sink
    }

    /// Waits until the room takes data.
    fn wait(&self) {
        while !self.sink.is_active() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    pub fn caps(&self, width: i32, height: i32) {
        self.wait();
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", width)
            .field("height", height)
            .field("framerate", gst::Fraction::new(0, 1))
            .field("colorimetry", "bt601")
            .build();
        assert!(self.pad.push_event(gst::event::Caps::new(&caps)));
    }

    pub fn segment(&self) {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(self.pad.push_event(gst::event::Segment::new(&segment)));
    }

    /// Starts a track of this size.
    pub fn start(&self, width: i32, height: i32) {
        self.caps(width, height);
        self.segment();
    }

    pub fn frame(
        &self,
        millis: u64,
        (width, height): (usize, usize),
        color: Color,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let [luma, blue, red] = color;
        let mut pixels = vec![luma; width * height];
        pixels.resize(width * height * 5 / 4, blue);
        pixels.resize(width * height * 3 / 2, red);
        let mut buffer = gst::Buffer::from_mut_slice(pixels);
        let writable = buffer.get_mut().expect("new");
        writable.set_pts(gst::ClockTime::from_mseconds(millis));
        self.pad.push(buffer)
    }

    pub fn gap(&self, from: u64, to: u64) -> bool {
        let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(from))
            .duration(gst::ClockTime::from_mseconds(to - from));
        self.pad.push_event(gap.build())
    }

    pub fn event(&self, event: gst::Event) -> bool {
        self.pad.push_event(event)
    }

    pub fn end(&self) {
        self.wait();
        self.pad.push_event(gst::event::Eos::new());
    }
}
