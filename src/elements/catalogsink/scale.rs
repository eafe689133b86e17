// SPDX-License-Identifier: MPL-2.0

//! Scales I420 pictures plane by plane.

use fast_image_resize::images::{
    TypedCroppedImage, TypedCroppedImageMut, TypedImage, TypedImageRef,
};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use gst_video::prelude::*;

use crate::package::ladder::Picture;

/// Black in the three planes of a picture in video range.
const BLACK: [u8; 3] = [16, 128, 128];

/// Where a picture stands in a larger one: even sides and offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Place {
    /// The largest place of the picture's shape in the middle of `width` x `height`; `None` where
    /// it has that size already. Up to two pixels beside it count as rounding, not as a border.
    pub fn of(picture: Picture, width: u32, height: u32) -> Option<Place> {
        let (num, den) = picture.pixel_aspect;
        if (picture.width, picture.height, num) == (width, height, den) {
            return None;
        }
        let aspect = f64::from(picture.width) * f64::from(num)
            / (f64::from(picture.height) * f64::from(den));
        let (w, h) = (f64::from(width), f64::from(height));
        let (wide, high) = if aspect * h > w {
            (w, w / aspect)
        } else {
            (h * aspect, h)
        };
        let fit = |length: f64, room: u32| {
            let even = ((length / 2.0).round() as u32 * 2).clamp(2, room);
            let length = if room - even <= 2 { room } else { even };
            (length, (room - length) / 4 * 2)
        };
        let ((place_width, left), (place_height, top)) = (fit(wide, width), fit(high, height));
        Some(Place {
            left,
            top,
            width: place_width,
            height: place_height,
        })
    }

    fn fills(&self, width: u32, height: u32) -> bool {
        (self.width, self.height) == (width, height)
    }
}

/// Scales with what the processor has for it.
pub struct Scaler {
    resizer: Resizer,
    options: ResizeOptions,
}

impl Default for Scaler {
    fn default() -> Self {
        let filter = ResizeAlg::Convolution(FilterType::CatmullRom);
        Scaler {
            resizer: Resizer::new(),
            options: ResizeOptions::new().resize_alg(filter).use_alpha(false),
        }
    }
}

impl Scaler {
    /// Scales `source` into its place in `target`, which becomes black around it.
    pub fn scale(
        &mut self,
        source: &gst::BufferRef,
        source_info: &gst_video::VideoInfo,
        mut target: gst::Buffer,
        target_info: &gst_video::VideoInfo,
        place: Place,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let input = gst_video::VideoFrameRef::from_buffer_ref_readable(source, source_info)
            .map_err(|_| gst::FlowError::Error)?;
        let mut output =
            gst_video::VideoFrameRef::from_buffer_ref_writable(target.make_mut(), target_info)
                .map_err(|_| gst::FlowError::Error)?;
        for (component, black) in BLACK.into_iter().enumerate() {
            self.scale_plane(&input, &mut output, component, black, place)
                .ok_or(gst::FlowError::Error)?;
        }
        drop(output);
        Ok(target)
    }

    /// `None` where a plane is smaller than it says.
    fn scale_plane(
        &mut self,
        input: &gst_video::VideoFrameRef<&gst::BufferRef>,
        output: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>,
        component: usize,
        black: u8,
        place: Place,
    ) -> Option<()> {
        let plane = u32::try_from(component).ok()?;
        let (width, height) = (input.comp_width(plane), input.comp_height(plane));
        let stride = u32::try_from(*input.plane_stride().get(component)?).ok()?;
        let pixels = input.plane_data(plane).ok()?;
        let whole = TypedImageRef::<U8>::from_buffer(stride, rows(pixels, stride, height), pixels);
        let whole = whole.ok()?;
        let source = TypedCroppedImage::new(whole, 0, 0, width, height).ok()?;

        let (width, height) = (output.comp_width(plane), output.comp_height(plane));
        let stride = u32::try_from(*output.plane_stride().get(component)?).ok()?;
        let pixels = output.plane_data_mut(plane).ok()?;
        let sub = if component == 0 { 1 } else { 2 };
        let place = Place {
            left: place.left / sub,
            top: place.top / sub,
            width: place.width.div_ceil(sub),
            height: place.height.div_ceil(sub),
        };
        if !place.fills(width, height) {
            pixels.fill(black);
        }
        let rows = rows(pixels, stride, height);
        let whole = TypedImage::<U8>::from_buffer(stride, rows, pixels).ok()?;
        let Place {
            left,
            top,
            width,
            height,
        } = place;
        let mut target = TypedCroppedImageMut::new(whole, left, top, width, height).ok()?;
        self.resizer
            .resize_typed(&source, &mut target, &self.options)
            .ok()
    }
}

/// The whole rows that a plane holds; the last one may end before its padding does.
fn rows(pixels: &[u8], stride: u32, height: u32) -> u32 {
    let rows = pixels.len() / stride.max(1) as usize;
    u32::try_from(rows).unwrap_or(u32::MAX).min(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(size: (u32, u32), pixel_aspect: (u32, u32), room: (u32, u32)) -> Option<[u32; 4]> {
        let picture = Picture {
            width: size.0,
            height: size.1,
            pixel_aspect,
        };
        Place::of(picture, room.0, room.1)
            .map(|place| [place.left, place.top, place.width, place.height])
    }

    #[test]
    fn a_picture_of_another_shape_gets_borders() {
        assert_eq!(place((1280, 720), (1, 1), (1280, 720)), None);
        assert_eq!(
            place((1280, 720), (1, 1), (640, 360)),
            Some([0, 0, 640, 360])
        );
        assert_eq!(
            place((640, 480), (1, 1), (1280, 720)),
            Some([160, 0, 960, 720])
        );
        assert_eq!(
            place((1080, 1920), (1, 1), (1280, 720)),
            Some([436, 0, 406, 720])
        );
        assert_eq!(
            place((720, 576), (64, 45), (1024, 576)),
            Some([0, 0, 1024, 576])
        );
    }

    #[test]
    fn rounding_is_no_border() {
        assert_eq!(
            place((1366, 768), (1, 1), (1280, 720)),
            Some([0, 0, 1280, 720])
        );
    }
}
