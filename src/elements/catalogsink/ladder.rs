// SPDX-License-Identifier: MPL-2.0

//! Makes all sizes of a picture in one place, for `catalogsink` only: not registered.
//!
//! The stock way, a tee and a scaler a rendition, costs three times what this does: each size is
//! scaled from the next larger one, and only where the picture changed. Key frames are asked for here too, before the renditions part, so that they
//! stand at the same times in all of them. Frames are put onto the exact times of the constant rate
//! in one segment from zero: videorate leaves its first frame where it was, and a segment that
//! changes later unsettles encoders.
//!
//! Lock order: `state` is the only lock, and it is never held while something is pushed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::prelude::*;
use once_cell::sync::Lazy;

use super::changes::changes;
use super::plane::{Plane, PlaneMut, Region};
use super::scale::{Place, Scaler};
use crate::package::grid::Grid;
use crate::package::ladder::{Picture, Rung};
use crate::timeline::Time;

/// Black in the three planes of a picture in video range.
const BLACK: [u8; 3] = [16, 128, 128];

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "catalogsink-ladder",
        gst::DebugColorFlags::empty(),
        Some("All sizes of a picture"),
    )
});

glib::wrapper! {
    pub struct LadderElement(ObjectSubclass<LadderImp>) @extends gst::Element, gst::Object;
}

impl LadderElement {
    pub fn new() -> Self {
        glib::Object::new()
    }

    /// The picture that arrives, once its caps are known.
    pub fn picture(&self) -> Option<Picture> {
        self.imp().lock().input.as_ref().map(picture)
    }

    /// The frame rate that arrives, once its caps are known.
    pub fn frame_rate(&self) -> Option<(u32, u32)> {
        let fps = self
            .imp()
            .lock()
            .input
            .as_ref()
            .map(gst_video::VideoInfo::fps)?;
        Some((fps.numer().try_into().ok()?, fps.denom().try_into().ok()?))
    }

    /// Adds a source pad a rung, in the order of the rungs.
    pub fn configure(&self, rungs: &[Rung], grid: Grid) -> Result<Vec<gst::Pad>, glib::BoolError> {
        self.imp().configure(rungs, grid)
    }

    /// Whether there are source pads.
    pub fn is_configured(&self) -> bool {
        !self.imp().lock().outputs.is_empty()
    }
}

fn picture(info: &gst_video::VideoInfo) -> Picture {
    let part = |part: i32| u32::try_from(part).unwrap_or(1);
    Picture {
        width: info.width(),
        height: info.height(),
        pixel_aspect: (part(info.par().numer()), part(info.par().denom())),
    }
}

/// One size of the picture.
struct Output {
    pad: gst::Pad,
    info: gst_video::VideoInfo,
    pool: gst::BufferPool,
    /// Where the picture stands in it; `None` where the picture fills it as it is.
    place: Option<Place>,
    /// The last picture, for frames that repeat it.
    last: Option<gst::Buffer>,
}

#[derive(Default)]
struct State {
    input: Option<gst_video::VideoInfo>,
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// The number of the next frame at the constant rate.
    next: u64,
    outputs: Vec<Output>,
    grid: Option<Grid>,
    /// The frame that `Output::last` shows. While it is held nobody can write into its memory, so
    /// that the same memory means the same picture (videorate repeats frames so).
    shown: Option<gst::Buffer>,
    keys: u32,
    scaler: Scaler,
}

pub struct LadderImp {
    sink: gst::Pad,
    state: Mutex<State>,
}

impl LadderImp {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn configure(&self, rungs: &[Rung], grid: Grid) -> Result<Vec<gst::Pad>, glib::BoolError> {
        let obj = self.obj();
        let input = self.lock().input.clone();
        let input = input.ok_or_else(|| glib::bool_error!("no picture has arrived"))?;
        let outputs = rungs
            .iter()
            .enumerate()
            .map(|(index, rung)| self.output(index, *rung, &input))
            .collect::<Result<Vec<_>, _>>()?;
        let pads: Vec<gst::Pad> = outputs.iter().map(|output| output.pad.clone()).collect();
        {
            let mut state = self.lock();
            state.outputs = outputs;
            state.grid = Some(grid);
            state.place();
        }
        for pad in &pads {
            pad.set_active(true)?;
            obj.add_pad(pad)?;
        }
        Ok(pads)
    }

    fn output(
        &self,
        index: usize,
        rung: Rung,
        input: &gst_video::VideoInfo,
    ) -> Result<Output, glib::BoolError> {
        let info =
            gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, rung.width, rung.height)
                .fps(input.fps())
                .par(gst::Fraction::new(1, 1))
                .colorimetry(&input.colorimetry())
                .chroma_site(input.chroma_site())
                .build()?;
        let caps = info.to_caps()?;
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(
            Some(&caps),
            u32::try_from(info.size()).unwrap_or(u32::MAX),
            0,
            0,
        );
        pool.set_config(config)?;
        pool.set_active(true)?;
        let pad = gst::Pad::builder(gst::PadDirection::Src)
            .name(format!("src_{index}"))
            .build();
        // Kept on the pad and sent once it is linked.
        pad.set_active(true)?;
        let stream = self.sink.sticky_event::<gst::event::StreamStart>(0);
        let events = [
            stream.map(gst::Event::from),
            Some(gst::event::Caps::new(&caps)),
            Some(segment_from_zero()),
        ];
        for event in events.iter().flatten() {
            pad.store_sticky_event(event)
                .map_err(|error| glib::bool_error!("a pad keeps no events: {error}"))?;
        }
        Ok(Output {
            pad,
            info,
            pool,
            place: None,
            last: None,
        })
    }

    fn sink_chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (key, pictures) = self.lock().pictures(buffer)?;
        let mut flow = Ok(gst::FlowSuccess::Ok);
        for (pad, picture) in pictures {
            if let Some(key) = &key {
                pad.push_event(key.clone());
            }
            // One rendition that cannot go on ends all: a package is whole or it is none.
            if let Err(error) = pad.push(picture) {
                flow = Err(error);
            }
        }
        flow
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Caps(caps) => {
                let Ok(info) = gst_video::VideoInfo::from_caps(caps.caps()) else {
                    return false;
                };
                gst::debug!(CAT, imp = self, "picture is {info:?}");
                let mut state = self.lock();
                state.input = Some(info);
                state.forget();
                state.place();
                // The renditions keep their own caps.
                return true;
            }
            gst::EventView::Segment(segment) => {
                let Some(time) = segment.segment().downcast_ref::<gst::ClockTime>() else {
                    return false;
                };
                self.lock().segment = time.clone();
                // The renditions have their own.
                return true;
            }
            gst::EventView::FlushStop(_) => {
                let mut state = self.lock();
                state.forget();
                state.segment.reset();
                if let Some(grid) = &mut state.grid {
                    grid.restart();
                }
                state.next = 0;
                let pads: Vec<gst::Pad> = state.pads().collect();
                drop(state);
                let flushed = gst::Pad::event_default(pad, Some(&*self.obj()), event);
                for pad in pads {
                    pad.push_event(segment_from_zero());
                }
                return flushed;
            }
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(allocation) = query.view_mut() {
            // Strides and offsets are honoured, so that a decoder need not copy.
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return true;
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }
}

fn segment_from_zero() -> gst::Event {
    gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())
}

type Pictures = (Option<gst::Event>, Vec<(gst::Pad, gst::Buffer)>);

impl State {
    fn pads(&self) -> impl Iterator<Item = gst::Pad> + '_ {
        self.outputs.iter().map(|output| output.pad.clone())
    }

    fn forget(&mut self) {
        self.shown = None;
        for output in &mut self.outputs {
            output.last = None;
        }
    }

    /// Finds where the picture stands in every size. All but the first are made of the size
    /// before, which has their shape.
    fn place(&mut self) {
        let Some(input) = &self.input else {
            return;
        };
        let mut source = picture(input);
        for output in &mut self.outputs {
            let (width, height) = (output.info.width() as usize, output.info.height() as usize);
            output.place = Place::of(source, width, height);
            source = picture(&output.info);
        }
    }

    /// All sizes of a frame, and the request for a key frame that goes before them.
    fn pictures(&mut self, buffer: gst::Buffer) -> Result<Pictures, gst::FlowError> {
        let Some(input) = &self.input else {
            return Err(gst::FlowError::NotNegotiated);
        };
        let running_time = buffer
            .pts()
            .and_then(|pts| self.segment.to_running_time(pts));
        let Some(time) = running_time.and_then(|time| FrameTime::nearest(time, input.fps())) else {
            return Ok((None, Vec::new()));
        };
        if time.number < self.next {
            return Ok((None, Vec::new()));
        }
        // An encoder's first frame is a key frame anyway, and x264enc 1.22 takes a request for it
        // as one at hour 1000, and then refuses all before.
        let first = std::mem::replace(&mut self.next, time.number + 1) == 0;
        let start = self
            .grid
            .as_mut()
            .map(|grid| grid.at(Time::from_nanos(time.start.nseconds())))
            .unwrap_or_default();
        let key = (start.key && !first).then(|| {
            self.keys += 1;
            gst_video::DownstreamForceKeyUnitEvent::builder()
                .timestamp(time.start)
                .stream_time(time.start)
                .running_time(time.start)
                .count(self.keys)
                .build()
        });
        let pictures = self.scaled(&buffer)?;
        let pads = self.outputs.iter().map(|output| output.pad.clone());
        let pictures = pads.zip(pictures.into_iter().map(|picture| time.put_on(picture)));
        let pictures = pictures.collect();
        self.shown = Some(buffer);
        Ok((key, pictures))
    }

    /// All sizes of a picture, each made of the one before.
    fn scaled(&mut self, buffer: &gst::Buffer) -> Result<Vec<gst::Buffer>, gst::FlowError> {
        let input = self.input.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let mut changed = match &self.shown {
            Some(shown) if same_memory(shown, buffer) => Vec::new(),
            Some(shown) => changes(
                &planes(&map(shown, input)?)?,
                &planes(&map(buffer, input)?)?,
            ),
            None => vec![Region::whole(
                input.width() as usize,
                input.height() as usize,
            )],
        };
        let mut source = (buffer.clone(), input);
        let mut pictures = Vec::with_capacity(self.outputs.len());
        for output in &mut self.outputs {
            let picture = match (&output.last, output.place) {
                (Some(last), _) if changed.is_empty() => last.clone(),
                (_, None) => source.0,
                (last, Some(place)) => {
                    let (width, height) = (source.1.width() as usize, source.1.height() as usize);
                    for part in &mut changed {
                        *part = place.shows(*part, width, height);
                    }
                    let target = output.pool.acquire_buffer(None)?;
                    let target = Target {
                        buffer: target,
                        info: &output.info,
                        last: last.as_ref(),
                        place,
                    };
                    target.draw(&mut self.scaler, &map(&source.0, source.1)?, &mut changed)?
                }
            };
            output.last = Some(picture.clone());
            pictures.push(picture.clone());
            source = (picture, &output.info);
        }
        Ok(pictures)
    }
}

type Frame<'a> = gst_video::VideoFrameRef<&'a gst::BufferRef>;

fn map<'a>(
    buffer: &'a gst::BufferRef,
    info: &gst_video::VideoInfo,
) -> Result<Frame<'a>, gst::FlowError> {
    gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
        .map_err(|_| gst::FlowError::Error)
}

/// The planes of a 4:2:0 picture.
fn planes<'a>(frame: &'a Frame<'a>) -> Result<[Plane<'a>; 3], gst::FlowError> {
    let plane = |index: u32| {
        let stride = usize::try_from(*frame.plane_stride().get(index as usize)?).ok()?;
        let (width, height) = (frame.comp_width(index), frame.comp_height(index));
        Plane::new(
            frame.plane_data(index).ok()?,
            stride,
            width as usize,
            height as usize,
        )
    };
    match (plane(0), plane(1), plane(2)) {
        (Some(luma), Some(blue), Some(red)) => Ok([luma, blue, red]),
        _ => Err(gst::FlowError::Error),
    }
}

/// A picture to be drawn.
struct Target<'a> {
    buffer: gst::Buffer,
    info: &'a gst_video::VideoInfo,
    /// What it differs from in some parts only.
    last: Option<&'a gst::Buffer>,
    place: Place,
}

impl Target<'_> {
    /// Draws the parts that changed over the last picture, or all where that is less work or there
    /// is none; `changed` tells which it was.
    fn draw(
        mut self,
        scaler: &mut Scaler,
        source: &Frame<'_>,
        changed: &mut Vec<Region>,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let (width, height) = (self.info.width() as usize, self.info.height() as usize);
        let all = Region::whole(width, height);
        let area: usize = changed.iter().map(Region::area).sum();
        let last = self.last.filter(|_| area * 4 < all.area() * 3);
        if last.is_none() {
            *changed = vec![all];
        }
        let source = planes(source)?;
        let buffer = self.buffer.make_mut();
        let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, self.info)
            .map_err(|_| gst::FlowError::Error)?;
        let last = last.map(|last| map(last, self.info)).transpose()?;
        for (index, (source, black)) in source.iter().zip(BLACK).enumerate() {
            let plane = index as u32;
            let stride = usize::try_from(frame.plane_stride()[index]).unwrap_or_default();
            let (width, height) = (frame.comp_width(plane), frame.comp_height(plane));
            let unusable = |_| gst::FlowError::Error;
            let pixels = frame.plane_data_mut(plane).map_err(unusable)?;
            match &last {
                Some(last) => pixels.copy_from_slice(last.plane_data(plane).map_err(unusable)?),
                None if !self
                    .place
                    .fills(self.info.width() as usize, self.info.height() as usize) =>
                {
                    pixels.fill(black);
                }
                None => {}
            }
            let mut target = PlaneMut::new(pixels, stride, width as usize, height as usize)
                .ok_or(gst::FlowError::Error)?;
            let sub = if index == 0 { 1 } else { 2 };
            for part in changed.iter() {
                scaler
                    .scale(source, &mut target, self.place, *part, sub)
                    .ok_or(gst::FlowError::Error)?;
            }
        }
        drop(frame);
        Ok(self.buffer)
    }
}

/// When a frame is shown at a constant rate.
struct FrameTime {
    number: u64,
    start: gst::ClockTime,
    end: gst::ClockTime,
}

impl FrameTime {
    /// The frame that is nearest to this time; `None` without a rate.
    fn nearest(time: gst::ClockTime, rate: gst::Fraction) -> Option<FrameTime> {
        let num = u64::try_from(rate.numer()).ok().filter(|&num| num > 0)?;
        let second = gst::ClockTime::SECOND.nseconds() * u64::try_from(rate.denom()).ok()?;
        let number = time.nseconds().mul_div_round(num, second)?;
        let start = |number: u64| {
            let nanos = number.mul_div_round(second, num);
            nanos.map(gst::ClockTime::from_nseconds)
        };
        Some(FrameTime {
            number,
            start: start(number)?,
            end: start(number + 1)?,
        })
    }

    /// The picture at this time; its pixels are shared.
    fn put_on(&self, mut picture: gst::Buffer) -> gst::Buffer {
        let buffer = picture.make_mut();
        buffer.set_pts(self.start);
        buffer.set_dts(None);
        buffer.set_duration(self.end.saturating_sub(self.start));
        buffer.unset_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::GAP);
        picture
    }
}

fn same_memory(one: &gst::BufferRef, other: &gst::BufferRef) -> bool {
    let pointers = |buffer: &gst::BufferRef| -> Vec<*const gst::ffi::GstMemory> {
        buffer
            .iter_memories()
            .map(|memory| memory.as_ptr())
            .collect()
    };
    pointers(one) == pointers(other)
}

#[glib::object_subclass]
impl ObjectSubclass for LadderImp {
    const NAME: &'static str = "GstCatalogSinkLadder";
    type Type = LadderElement;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let sink = match class.pad_template("sink") {
            Some(template) => gst::Pad::builder_from_template(&template),
            None => gst::Pad::builder(gst::PadDirection::Sink),
        };
        let sink = sink
            .chain_function(|_pad, parent, buffer| {
                LadderImp::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |ladder| ladder.sink_chain(buffer),
                )
            })
            .event_function(|pad, parent, event| {
                LadderImp::catch_panic_pad_function(
                    parent,
                    || false,
                    |ladder| ladder.sink_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                LadderImp::catch_panic_pad_function(
                    parent,
                    || false,
                    |ladder| ladder.sink_query(pad, query),
                )
            })
            .build();
        LadderImp {
            sink,
            state: Mutex::default(),
        }
    }
}

impl ObjectImpl for LadderImp {
    fn constructed(&self) {
        self.parent_constructed();
        if let Err(error) = self.obj().add_pad(&self.sink) {
            gst::error!(CAT, imp = self, "{error}");
        }
    }
}

impl GstObjectImpl for LadderImp {}

impl ElementImpl for LadderImp {
    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let caps = gst_video::VideoCapsBuilder::new()
                .format(gst_video::VideoFormat::I420)
                .build();
            gst::PadTemplate::new(
                "sink",
                gst::PadDirection::Sink,
                gst::PadPresence::Always,
                &caps,
            )
            .into_iter()
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
            let state = std::mem::take(&mut *self.lock());
            for output in state.outputs {
                // Fails only where buffers are still out; they go when they come back.
                let _ = output.pool.set_active(false);
            }
        }
        Ok(changed)
    }
}
