// SPDX-License-Identifier: MPL-2.0

//! Converts video to 8-bit SDR in video range, for `catalogsink` only: not registered.
//!
//! Caps of video in full range whose matrix is not known are invalid to GStreamer's own elements,
//! which read them as video range. So this stands in front of all of them but videoconvert, which
//! brings other formats to I420 and leaves the colorimetry as it came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef};
use once_cell::sync::Lazy;

use super::colorimetry;
use crate::package::colour::{Conversion, SampleTables, ToneMap};

glib::wrapper! {
    pub struct ColourElement(ObjectSubclass<ColourImp>) @extends gst::Element, gst::Object;
}

impl ColourElement {
    pub fn new() -> Self {
        glib::Object::new()
    }
}

/// A conversion between two formats.
struct Converter {
    conversion: Conversion,
    from: gst_video::VideoInfo,
    to: gst_video::VideoInfo,
    pool: gst::BufferPool,
}

pub struct ColourImp {
    sink: gst::Pad,
    src: gst::Pad,
    /// `None` if buffers pass as they are.
    converter: Mutex<Option<Arc<Converter>>>,
}

impl ColourImp {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Converter>>> {
        self.converter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Prepares the conversion and returns the caps that come out; `None` if these cannot be
    /// converted.
    fn prepare(&self, caps: &gst::CapsRef) -> Option<gst::Caps> {
        let from = gst_video::VideoInfo::from_caps(caps).ok()?;
        let tagged = colorimetry::colorimetry(caps, from.height());
        let signal = colorimetry::signal(caps, &from, tagged);
        let conversion = Conversion::of(&signal)?;
        let result = match &conversion {
            Conversion::Light(_) => colorimetry::bt709(),
            Conversion::Samples(_) | Conversion::Keep => colorimetry::in_video_range(tagged),
        };
        let mut out = caps.to_owned();
        {
            let out = out.make_mut();
            out.set("format", VideoFormat::I420.to_str());
            out.set("colorimetry", result.to_string());
            // Metadata of HDR.
            for structure in out.iter_mut() {
                structure.remove_fields(["mastering-display-info", "content-light-level"]);
            }
        }
        let converter = match conversion {
            Conversion::Keep => None,
            conversion => Some(Arc::new(Converter {
                conversion,
                to: gst_video::VideoInfo::from_caps(&out).ok()?,
                pool: pool(&out)?,
                from,
            })),
        };
        *self.lock() = converter;
        Some(out)
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        if let gst::EventView::Caps(caps) = event.view() {
            let Some(out) = self.prepare(caps.caps()) else {
                gst::warning!(super::CAT, imp = self, "unsupported {}", caps.caps());
                return false;
            };
            let event = gst::event::Caps::builder(&out).seqnum(event.seqnum());
            return self.src.push_event(event.build());
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    /// Buffers of the input's own pools go on only if nothing is converted.
    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let converts = self.lock().is_some();
        match query.type_() {
            gst::QueryType::Allocation if converts => false,
            gst::QueryType::Allocation => self.src.peer_query(query),
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }

    fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let converter = self.lock().clone();
        let buffer = match converter {
            Some(converter) => converter.convert(&buffer).ok_or(gst::FlowError::Error)?,
            None => buffer,
        };
        self.src.push(buffer)
    }
}

fn pool(caps: &gst::Caps) -> Option<gst::BufferPool> {
    let size = gst_video::VideoInfo::from_caps(caps).ok()?.size();
    let pool = gst_video::VideoBufferPool::new();
    let mut config = pool.config();
    config.set_params(Some(caps), u32::try_from(size).ok()?, 0, 0);
    pool.set_config(config).ok()?;
    pool.set_active(true).ok()?;
    Some(pool.upcast())
}

impl Drop for Converter {
    fn drop(&mut self) {
        // An inactive pool frees its buffers once they come back.
        let _ = self.pool.set_active(false);
    }
}

impl Converter {
    /// Returns the converted frame; `None` if the buffer is not a frame of the caps.
    fn convert(&self, buffer: &gst::Buffer) -> Option<gst::Buffer> {
        let mut converted = self.pool.acquire_buffer(None).ok()?;
        {
            let target = converted.get_mut()?;
            // Metadata of the frame's memory are those of the source's format.
            let flags = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
            buffer.copy_into(target, flags, ..).ok()?;
            let source = VideoFrameRef::from_buffer_ref_readable(buffer, &self.from).ok()?;
            let mut target = VideoFrameRef::from_buffer_ref_writable(target, &self.to).ok()?;
            match &self.conversion {
                Conversion::Samples(tables) => convert_samples(tables, &source, &mut target)?,
                Conversion::Light(map) => convert_light(map, &source, &mut target)?,
                Conversion::Keep => return None,
            }
        }
        Some(converted)
    }
}

type Source<'a> = VideoFrameRef<&'a gst::BufferRef>;
type Target<'a> = VideoFrameRef<&'a mut gst::BufferRef>;

/// Rows of a plane, of so many samples each.
struct Rows<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    /// Whether samples take two bytes.
    is_deep: bool,
}

impl<'a> Rows<'a> {
    fn of(frame: &'a Source<'_>, plane: u32) -> Option<Self> {
        let stride = frame.plane_stride().get(plane as usize)?;
        Some(Rows {
            data: frame.plane_data(plane).ok()?,
            stride: usize::try_from(*stride).ok()?,
            width: usize::try_from(frame.comp_width(plane)).ok()?,
            is_deep: frame.format_info().depth().first()? > &8,
        })
    }

    /// Reads one row into `samples`.
    fn read(&self, row: usize, samples: &mut Vec<u16>) -> Option<()> {
        let row = self.data.get(row.checked_mul(self.stride)?..)?;
        samples.clear();
        if self.is_deep {
            let row = row.get(..self.width * 2)?.chunks_exact(2);
            samples.extend(row.map(|bytes| u16::from(bytes[0]) | u16::from(bytes[1]) << 8));
        } else {
            samples.extend(row.get(..self.width)?.iter().map(|&byte| u16::from(byte)));
        }
        Some(())
    }
}

fn convert_samples(
    tables: &SampleTables,
    source: &Source<'_>,
    target: &mut Target<'_>,
) -> Option<()> {
    let mut samples = Vec::new();
    for plane in 0..3 {
        let rows = Rows::of(source, plane)?;
        let height = usize::try_from(target.comp_height(plane)).ok()?;
        let stride = usize::try_from(*target.plane_stride().get(plane as usize)?).ok()?;
        let data = target.plane_data_mut(plane).ok()?;
        for (row, to) in data.chunks_mut(stride).take(height).enumerate() {
            rows.read(row, &mut samples)?;
            tables.convert(plane == 0, &samples, to);
        }
    }
    Some(())
}

fn convert_light(map: &ToneMap, source: &Source<'_>, target: &mut Target<'_>) -> Option<()> {
    let rows = [0, 1, 2].map(|plane| Rows::of(source, plane));
    let [luma, blue, red] = [rows[0].as_ref()?, rows[1].as_ref()?, rows[2].as_ref()?];
    let strides: Vec<usize> = target
        .plane_stride()
        .iter()
        .filter_map(|&stride| usize::try_from(stride).ok())
        .collect();
    let &[stride, blue_stride, red_stride] = &strides[..] else {
        return None;
    };
    let height = usize::try_from(target.height()).ok()?;
    let [to_luma, to_blue, to_red, _] = target.planes_data_mut();
    let to_luma = to_luma.chunks_mut(stride * 2);
    let to_chroma = to_blue
        .chunks_mut(blue_stride)
        .zip(to_red.chunks_mut(red_stride));
    let mut samples: [Vec<u16>; 4] = Default::default();
    let [first, second, blues, reds] = &mut samples;
    for (pair, (to_luma, (to_blue, to_red))) in to_luma.zip(to_chroma).enumerate() {
        let row = pair * 2;
        if row >= height {
            break;
        }
        luma.read(row, first)?;
        blue.read(pair, blues)?;
        red.read(pair, reds)?;
        let chroma = [&blues[..], &reds[..]];
        let to_chroma = [to_blue, to_red];
        if row + 1 < height && to_luma.len() > stride {
            luma.read(row + 1, second)?;
            let (upper, lower) = to_luma.split_at_mut(stride);
            map.convert(&[first, second], chroma, &mut [upper, lower], to_chroma);
        } else {
            map.convert(&[first], chroma, &mut [to_luma], to_chroma);
        }
    }
    Some(())
}

#[glib::object_subclass]
impl ObjectSubclass for ColourImp {
    const NAME: &'static str = "GstCatalogSinkColour";
    type Type = ColourElement;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let pad = |name: &str| {
            class
                .pad_template(name)
                .map(|template| gst::Pad::builder_from_template(&template))
        };
        let sink = pad("sink").unwrap_or_else(|| gst::Pad::builder(gst::PadDirection::Sink));
        let sink = sink
            .name("sink")
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |this| this.chain(buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_query(pad, query))
            })
            .build();
        let src = pad("src").unwrap_or_else(|| gst::Pad::builder(gst::PadDirection::Src));
        ColourImp {
            sink,
            src: src.name("src").build(),
            converter: Mutex::default(),
        }
    }
}

impl ObjectImpl for ColourImp {
    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sink, &self.src] {
            // Fails only for a name that is taken.
            let _ = self.obj().add_pad(pad);
        }
    }
}

impl GstObjectImpl for ColourImp {}

impl ElementImpl for ColourImp {
    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let caps = |formats: &[VideoFormat]| {
                gst_video::VideoCapsBuilder::new()
                    .format_list(formats.iter().copied())
                    .build()
            };
            let sink = caps(&[VideoFormat::I420, VideoFormat::I42010le]);
            let src = caps(&[VideoFormat::I420]);
            let always = gst::PadPresence::Always;
            [
                gst::PadTemplate::new("sink", gst::PadDirection::Sink, always, &sink),
                gst::PadTemplate::new("src", gst::PadDirection::Src, always, &src),
            ]
            .into_iter()
            .flatten()
            .collect()
        });
        TEMPLATES.as_ref()
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let changed = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            *self.lock() = None;
        }
        Ok(changed)
    }
}
