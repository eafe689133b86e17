// SPDX-License-Identifier: MPL-2.0

//! Prints the dead air of a recording: `dead_air FILE`. `GST_PLUGIN_PATH` leads to the plugin.

use std::error::Error;

use gst::MessageView;
use gst::prelude::*;

const LINE: &str =
    "filesrc name=file ! decodebin ! audio/x-raw ! queue ! silencetrim mode=detect ! fakesink";

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: dead_air FILE")?;
    gst::init()?;
    let pipeline = gst::parse::launch(LINE)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "the line is not a pipeline")?;
    if let Some(file) = pipeline.by_name("file") {
        file.set_property("location", path);
    }
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    pipeline.set_state(gst::State::Playing)?;
    let result = print_cuts(&bus);
    pipeline.set_state(gst::State::Null)?;
    result
}

fn print_cuts(bus: &gst::Bus) -> Result<(), Box<dyn Error>> {
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            MessageView::Eos(_) => break,
            MessageView::Error(error) => return Err(error.error().into()),
            MessageView::Element(element) => {
                if let Some(cut) = element
                    .structure()
                    .filter(|cut| cut.name() == "silencetrim-cut")
                {
                    let seconds = |field| cut.get::<u64>(field).map(|nanos| nanos as f64 / 1e9);
                    println!(
                        "{:.2} {:.2} {}",
                        seconds("start")?,
                        seconds("end")?,
                        cut.get::<&str>("reason")?
                    );
                }
            }
            _ => {}
        }
    }
    Ok(())
}
