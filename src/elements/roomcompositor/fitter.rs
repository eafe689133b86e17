// SPDX-License-Identifier: MPL-2.0

//! The stock elements that turn, crop, scale and label the frames of a track.

use gst::glib;
use gst::prelude::*;

use super::avatar::caps as tile_caps;
use super::bin;
use crate::record::layout::Placement;

pub struct Fitter {
    flip: gst::Element,
    crop: gst::Element,
    filter: gst::Element,
    overlay: Option<gst::Element>,
    /// In the order of their links.
    pub elements: Vec<gst::Element>,
}

impl Fitter {
    /// Makes the elements; they are linked when they are added to the bin.
    pub fn new(has_labels: bool) -> Result<Self, glib::BoolError> {
        let convert = bin::make("videoconvert")?;
        let flip = bin::make("videoflip")?;
        let crop = bin::make("videocrop")?;
        let scale = bin::make("videoscale")?;
        scale.set_property_from_str("method", "bilinear");
        let filter = bin::make("capsfilter")?;
        let overlay = has_labels.then(|| bin::make("textoverlay")).transpose()?;
        if let Some(overlay) = &overlay {
            for (name, value) in [
                ("halignment", "left"),
                ("valignment", "bottom"),
                ("shaded-background", "true"),
                ("wait-text", "false"),
                ("font-desc", "Sans 24"),
                ("xpad", "8"),
                ("ypad", "8"),
            ] {
                overlay.set_property_from_str(name, value);
            }
        }
        // Converted after scaling: a tile has fewer pixels than its video.
        let mut elements = vec![flip.clone(), crop.clone(), scale, convert, filter.clone()];
        elements.extend(overlay.clone());
        Ok(Fitter {
            flip,
            crop,
            filter,
            overlay,
            elements,
        })
    }

    pub fn sink(&self) -> Result<gst::Pad, glib::BoolError> {
        bin::static_pad(&self.flip, "sink")
    }

    /// Returns the caps that all elements can take, whatever the tile.
    pub fn taken_caps(&self) -> gst::Caps {
        let sinks = self
            .elements
            .iter()
            .filter(|element| *element != &self.filter);
        let templates = sinks.filter_map(|element| {
            let template = element
                .pad_template("sink")
                .or_else(|| element.pad_template("video_sink"));
            Some(template?.caps().clone())
        });
        // Behind videoconvert the format is that of the tile.
        let before = templates.take(3);
        before.fold(gst::Caps::new_empty_simple("video/x-raw"), |all, caps| {
            all.intersect(&caps)
        })
    }

    pub fn src(&self) -> Result<gst::Pad, glib::BoolError> {
        bin::static_pad(self.elements.last().unwrap_or(&self.filter), "src")
    }

    /// Sets up the elements for the next frame. `turned` is clockwise, in degrees.
    pub fn fit(&self, placement: Placement, turned: u32) {
        let direction = match turned {
            90 => gst_video::VideoOrientationMethod::_90r,
            180 => gst_video::VideoOrientationMethod::_180,
            270 => gst_video::VideoOrientationMethod::_90l,
            _ => gst_video::VideoOrientationMethod::Identity,
        };
        let current: gst_video::VideoOrientationMethod = self.flip.property("video-direction");
        if current != direction {
            self.flip.set_property("video-direction", direction);
        }
        let crop = placement.crop;
        for (name, length) in [
            ("left", crop.left),
            ("top", crop.top),
            ("right", crop.right),
            ("bottom", crop.bottom),
        ] {
            let length = i32::try_from(length).unwrap_or(i32::MAX);
            if self.crop.property::<i32>(name) != length {
                self.crop.set_property(name, length);
            }
        }
        let caps = tile_caps(placement.rect);
        if self.filter.property::<gst::Caps>("caps") != caps {
            self.filter.set_property("caps", caps);
        }
    }

    pub fn has_labels(&self) -> bool {
        self.overlay.is_some()
    }

    /// Sets the name for the next frame, if there are labels.
    pub fn label(&self, text: &str, is_silent: bool) {
        if let Some(overlay) = &self.overlay {
            overlay.set_property("text", text);
            overlay.set_property("silent", is_silent);
        }
    }
}
