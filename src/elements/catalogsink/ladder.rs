// SPDX-License-Identifier: MPL-2.0

//! Makes all sizes of a frame in one element, used by `catalogsink` only and not registered.
//!
//! The stock solution, a tee and one scaler per rendition, costs three times as much. Here each
//! size is scaled from the next larger one, and only where the frame changed. Key frames are
//! requested here, too, before the renditions branch, so that they are at the same times in all of
//! them. A rendition with fewer frames contains these, and counts from each of them. Frames are
//! moved to the exact times of the constant rate in one segment: videorate leaves its first frame
//! where it was, and a segment that changes later disturbs encoders.
//!
//! Lock order: `state` is the only lock, and it is never held across a push.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::prelude::*;
use once_cell::sync::Lazy;

use super::changes::changes;
use super::plane::{Plane, PlaneMut, Region};
use super::scale::{Place, Scaler};
use super::starts::Starts;
use crate::elements::shared::splice_event;
use crate::package::grid::{Grid, Splice};
use crate::package::ladder::{Picture, Rung};
use crate::timeline::Time;

/// Start of the renditions' timestamps and running times. x264enc (1.22) accepts no timestamps
/// below it. Until its first output, it takes timestamps for running times: a request for a key
/// frame at running time 0:00:01 would be recorded at hour 1000, and all later ones as being before
/// it. The muxers' pads subtract the offset again.
pub const EPOCH: gst::ClockTime = gst::ClockTime::from_seconds(1000 * 3600);

/// Black in the three planes of a frame in video range.
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

    /// Returns the properties of the incoming video, once its caps are known.
    pub fn picture(&self) -> Option<Picture> {
        self.imp().lock().input.as_ref().map(picture)
    }

    /// Returns the incoming frame rate, once its caps are known.
    pub fn frame_rate(&self) -> Option<(u32, u32)> {
        let fps = self
            .imp()
            .lock()
            .input
            .as_ref()
            .map(gst_video::VideoInfo::fps)?;
        Some((fps.numer().try_into().ok()?, fps.denom().try_into().ok()?))
    }

    /// Adds one source pad per rung, in the order of the rungs.
    pub fn configure(
        &self,
        rungs: &[Rung],
        grid: Grid,
        starts: &Starts,
    ) -> Result<Vec<gst::Pad>, glib::BoolError> {
        self.imp().configure(rungs, grid, starts)
    }

    /// Repeats the last frame up to this running time if the stream ends earlier.
    pub fn last_until(&self, end: gst::ClockTime) {
        self.imp().lock().until = Some(end);
    }

    /// Returns whether there are source pads.
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

/// One output size.
struct Output {
    pad: gst::Pad,
    info: gst_video::VideoInfo,
    pool: gst::BufferPool,
    /// Position of the video in it; `None` if the video fills it completely.
    place: Option<Place>,
    /// The last frame, for frames that repeat it.
    last: Option<gst::Buffer>,
    /// Decimation: it shows one of this many frames, and every key frame.
    every: u64,
    /// Number of the frame that it shows next, unless a key frame comes first.
    due: u64,
    /// A frame, with the request before it, that is shown until the next one comes or the stream
    /// ends.
    held: Option<Frame>,
}

impl Output {
    /// Takes the frame of this number; returns the frame to push now.
    fn take(&mut self, number: u64, frame: Frame) -> Option<Frame> {
        if self.every == 1 {
            return Some(frame);
        }
        if number >= self.due || frame.key.is_some() {
            self.due = number + self.every;
            return self.held.replace(frame);
        }
        if let (Some(held), Some(end)) = (&mut self.held, frame.end()) {
            held.until(end);
        }
        None
    }
}

#[derive(Default)]
struct State {
    input: Option<gst_video::VideoInfo>,
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// Number of the next frame at the constant rate.
    next: u64,
    /// End of the last frame.
    until: Option<gst::ClockTime>,
    outputs: Vec<Output>,
    grid: Option<Grid>,
    /// Splices that arrived before there was a grid.
    splices: Vec<Splice>,
    starts: Starts,
    /// The frame that `Output::last` shows. While it is held nobody can write to its memory, so
    /// that the same memory means the same frame (videorate repeats frames this way).
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

    fn configure(
        &self,
        rungs: &[Rung],
        mut grid: Grid,
        starts: &Starts,
    ) -> Result<Vec<gst::Pad>, glib::BoolError> {
        let obj = self.obj();
        let input = self.lock().input.clone();
        let input = input.ok_or_else(|| glib::bool_error!("no video has arrived"))?;
        let outputs = rungs
            .iter()
            .enumerate()
            .map(|(index, rung)| self.output(index, *rung, &input))
            .collect::<Result<Vec<_>, _>>()?;
        let pads: Vec<gst::Pad> = outputs.iter().map(|output| output.pad.clone()).collect();
        {
            let mut state = self.lock();
            state.outputs = outputs;
            for splice in state.splices.drain(..) {
                grid.splice(splice);
            }
            state.grid = Some(grid);
            state.starts = starts.clone();
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
        let every = i32::try_from(rung.every.max(1)).unwrap_or(1);
        let info =
            gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, rung.width, rung.height)
                .fps(input.fps() / every)
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
        // Stored on the pad and sent once it is linked.
        pad.set_active(true)?;
        let stream = self.sink.sticky_event::<gst::event::StreamStart>(0);
        let events = [
            stream.map(gst::Event::from),
            Some(gst::event::Caps::new(&caps)),
            Some(segment()),
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
            every: rung.every.max(1).into(),
            due: 0,
            held: None,
        })
    }

    fn sink_chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (number, first) = {
            let state = self.lock();
            let Some(number) = state.number(&buffer) else {
                return Ok(gst::FlowSuccess::Ok);
            };
            if number < state.next {
                return Ok(gst::FlowSuccess::Ok);
            }
            (number, !state.has_last())
        };
        if first {
            // The time before the first frame is filled with it.
            let pictures = self.lock().draw(buffer)?;
            push(pictures)?;
            self.repeat(Some(number + 1))
        } else {
            self.repeat(Some(number))?;
            let pictures = self.lock().draw(buffer)?;
            push(pictures)
        }
    }

    /// Repeats the last frame up to the frame of this number, or without a number for as long as it
    /// is to be shown.
    fn repeat(&self, before: Option<u64>) -> Result<gst::FlowSuccess, gst::FlowError> {
        loop {
            let pictures = self.lock().repeated(before);
            match pictures {
                Some(pictures) => push(pictures)?,
                None => return Ok(gst::FlowSuccess::Ok),
            };
        }
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
                state.shown = None;
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
            gst::EventView::CustomDownstream(custom) => {
                if let Some(splice) = custom.structure().and_then(splice_event::splice) {
                    let mut state = self.lock();
                    match &mut state.grid {
                        Some(grid) => grid.splice(splice),
                        None => state.splices.push(splice),
                    }
                }
            }
            gst::EventView::Eos(_) => {
                let filled = self.repeat(None).and_then(|_| {
                    let rest = self.lock().rest();
                    push(rest)
                });
                if let Err(error) = filled {
                    gst::info!(CAT, imp = self, "the end is not filled up: {error}");
                }
            }
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(allocation) = query.view_mut() {
            // Strides and offsets are supported, so that a decoder need not copy.
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return true;
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }
}

/// Returns the segment of the renditions: its stream time starts at zero, its other times at
/// [`EPOCH`].
fn segment() -> gst::Event {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(EPOCH);
    segment.set_base(EPOCH);
    segment.set_time(gst::ClockTime::ZERO);
    gst::event::Segment::new(&segment)
}

/// A frame of one rendition with its time, and the request to make it a key frame.
struct Frame {
    key: Option<gst::Event>,
    picture: gst::Buffer,
}

impl Frame {
    fn end(&self) -> Option<gst::ClockTime> {
        self.picture.pts()?.checked_add(self.picture.duration()?)
    }

    /// Extends it until `end`.
    fn until(&mut self, end: gst::ClockTime) {
        let length = self.picture.pts().map(|start| end.saturating_sub(start));
        self.picture.make_mut().set_duration(length);
    }
}

/// Frames, each with its source pad.
type Frames = Vec<(gst::Pad, Frame)>;

fn push(frames: Frames) -> Result<gst::FlowSuccess, gst::FlowError> {
    let mut flow = Ok(gst::FlowSuccess::Ok);
    for (pad, Frame { key, picture }) in frames {
        if let Some(key) = key {
            pad.push_event(key);
        }
        // A rendition that cannot continue ends all: a package is complete or does not exist.
        if let Err(error) = pad.push(picture) {
            flow = Err(error);
        }
    }
    flow
}

impl State {
    fn has_last(&self) -> bool {
        self.outputs.iter().any(|output| output.last.is_some())
    }

    /// Finds the position of the video in every size. All but the first are made from the previous
    /// size, which has their shape.
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

    /// Returns the number of the frame at the constant rate that is nearest to a buffer.
    fn number(&self, buffer: &gst::BufferRef) -> Option<u64> {
        let time = self.segment.to_running_time(buffer.pts()?)?;
        let rate = Rate::of(self.input.as_ref()?)?;
        rate.nearest(time)
    }

    /// Returns the next frame, which shows this buffer.
    fn draw(&mut self, buffer: gst::Buffer) -> Result<Frames, gst::FlowError> {
        let pictures = self.scaled(&buffer)?;
        self.shown = Some(buffer);
        self.next_frame(pictures)
            .ok_or(gst::FlowError::NotNegotiated)
    }

    /// Returns the next frame, which repeats the last one, if it ends at or before the frame of
    /// this number. Without a number, the limit is the time until which the last frame is to be
    /// shown.
    fn repeated(&mut self, before: Option<u64>) -> Option<Frames> {
        let rate = Rate::of(self.input.as_ref()?)?;
        let before = match before {
            Some(before) => before,
            None => rate.nearest(self.until?)?,
        };
        if self.next >= before {
            return None;
        }
        let last = self.outputs.iter().map(|output| output.last.clone());
        let pictures = last.collect::<Option<Vec<_>>>()?;
        self.next_frame(pictures)
    }

    /// Sets buffers to the time of the next frame.
    fn next_frame(&mut self, pictures: Vec<gst::Buffer>) -> Option<Frames> {
        let rate = Rate::of(self.input.as_ref()?)?;
        let number = self.next;
        let (start, end) = (rate.start(number)?, rate.start(number + 1)?);
        self.next += 1;
        let time = Time::from_nanos(start.nseconds());
        let starts = self.grid.as_mut()?.at(time);
        if starts.segment {
            self.starts.add(time);
        }
        // An encoder's first frame is a key frame anyway.
        let key = (starts.key && number > 0).then(|| {
            self.keys += 1;
            gst_video::DownstreamForceKeyUnitEvent::builder()
                .timestamp(EPOCH + start)
                .stream_time(start)
                .running_time(EPOCH + start)
                .count(self.keys)
                .build()
        });
        let outputs = self.outputs.iter_mut().zip(pictures);
        let frames = outputs.filter_map(|(output, mut picture)| {
            let buffer = picture.make_mut();
            buffer.set_pts(EPOCH + start);
            buffer.set_dts(None);
            buffer.set_duration(end.saturating_sub(start));
            buffer.unset_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::GAP);
            let key = key.clone();
            let frame = output.take(number, Frame { key, picture })?;
            Some((output.pad.clone(), frame))
        });
        Some(frames.collect())
    }

    /// Returns the frames that wait for the next one, which will not come.
    fn rest(&mut self) -> Frames {
        let outputs = self.outputs.iter_mut();
        outputs
            .filter_map(|output| Some((output.pad.clone(), output.held.take()?)))
            .collect()
    }

    /// Returns all sizes of a frame, each made from the previous one.
    fn scaled(&mut self, buffer: &gst::Buffer) -> Result<Vec<gst::Buffer>, gst::FlowError> {
        let input = self.input.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let anew = self.shown.is_none();
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
                        last: last.as_ref().filter(|_| !anew),
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

type Mapped<'a> = gst_video::VideoFrameRef<&'a gst::BufferRef>;

fn map<'a>(
    buffer: &'a gst::BufferRef,
    info: &gst_video::VideoInfo,
) -> Result<Mapped<'a>, gst::FlowError> {
    gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
        .map_err(|_| gst::FlowError::Error)
}

/// Returns the planes of a 4:2:0 frame.
fn planes<'a>(frame: &'a Mapped<'a>) -> Result<[Plane<'a>; 3], gst::FlowError> {
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

/// A frame to be drawn.
struct Target<'a> {
    buffer: gst::Buffer,
    info: &'a gst_video::VideoInfo,
    /// An earlier frame that differs only in some parts.
    last: Option<&'a gst::Buffer>,
    place: Place,
}

impl Target<'_> {
    /// Draws the changed parts over the last frame, or everything if that is less work or there is
    /// none; `changed` is set accordingly.
    fn draw(
        mut self,
        scaler: &mut Scaler,
        source: &Mapped<'_>,
        changed: &mut Vec<Region>,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let all = self.place.region();
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

/// A constant frame rate.
struct Rate {
    num: u64,
    second: u64,
}

impl Rate {
    /// Returns the rate, or `None` if it is not constant.
    fn of(info: &gst_video::VideoInfo) -> Option<Rate> {
        let num = u64::try_from(info.fps().numer())
            .ok()
            .filter(|&num| num > 0)?;
        let den = u64::try_from(info.fps().denom()).ok()?;
        Some(Rate {
            num,
            second: gst::ClockTime::SECOND.nseconds() * den,
        })
    }

    /// Returns the time of the frame with this number.
    fn start(&self, number: u64) -> Option<gst::ClockTime> {
        let nanos = number.mul_div_round(self.second, self.num);
        nanos.map(gst::ClockTime::from_nseconds)
    }

    /// Returns the number of the frame that is nearest to a time.
    fn nearest(&self, time: gst::ClockTime) -> Option<u64> {
        time.nseconds().mul_div_round(self.num, self.second)
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
                // Fails only if buffers are still in use; they are freed when they are returned.
                let _ = output.pool.set_active(false);
            }
        }
        Ok(changed)
    }
}
