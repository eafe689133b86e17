// SPDX-License-Identifier: MPL-2.0

//! What stands behind the pads, and what becomes of their streams.

use std::num::NonZero;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::CAT;
use super::branch::{self, Head};
use super::encoder::Coding;
use super::imp::CatalogSink;
use super::ladder::LadderElement;
use super::pad::{AudioPad, TextPad};
use super::pad::{CHAPTERS, VIDEO};
use super::run::{Due, Input, Output, Tail};
use super::starts::Starts;
use super::writer::{TrackWriter, WriteError};
use crate::elements::shared::cue_meta::CueMeta;
use crate::elements::shared::lock::lock;
use crate::language;
use crate::package::chapters::Mark;
use crate::package::grid::Grid;
use crate::package::ladder;
use crate::timeline::{FrameRate, Span, Time};
use crate::webvtt::Cue;

/// The longest piece of silence that is put at an end; audiorate fills up to it.
const SILENCE: gst::ClockTime = gst::ClockTime::from_mseconds(20);

impl CatalogSink {
    /// Takes what comes into a pad, while there is a run.
    pub fn take(&self, pad: &gst::GhostPad) -> Result<(), glib::BoolError> {
        if self.with_run(|_| ()).is_some() {
            self.build(pad)?;
            self.watch(pad);
        }
        Ok(())
    }

    /// Makes what stands behind a pad.
    fn build(&self, pad: &gst::GhostPad) -> Result<(), glib::BoolError> {
        let name = pad.name().to_string();
        let Some(settings) = self.with_run(|run| run.settings.clone()) else {
            return Ok(());
        };
        let branch = gst::Bin::builder().name(format!("{name}_branch")).build();
        self.obj().add(&branch)?;
        branch.sync_state_with_parent()?;
        let target = match name.as_str() {
            VIDEO => {
                let Head { sink, filter, end } = branch::video(&branch)?;
                let input = Input::new(&branch, Tail::Picture(end.clone()), move |caps| {
                    filter.set_property("caps", branch::video_format(caps));
                });
                self.with_run(|run| run.add_input(&name, input));
                self.await_picture(&branch, &end);
                sink
            }
            text if is_text(text) => {
                let (sink, collector) = branch::text(&branch)?;
                let input = Input::new(&branch, Tail::Text, |_| {});
                self.with_run(|run| {
                    run.add_input(&name, input);
                    run.open(&name);
                });
                self.collect_text(&name, &collector);
                sink
            }
            _ => {
                let audio = pad.downcast_ref::<AudioPad>();
                let gains = audio.map(|pad| pad.settings().gains).unwrap_or_default();
                let gains = gains
                    .parse()
                    .map_err(|error| glib::bool_error!("gains of {name}: {error}"))?;
                let (Head { sink, filter, end }, encoder) =
                    branch::audio(&branch, &settings, gains)?;
                let input = Input::new(&branch, Tail::Sound, move |caps| {
                    filter.set_property("caps", branch::audio_format(caps, &encoder));
                });
                self.with_run(|run| run.add_input(&name, input));
                self.add_track(&name, Output::Audio, &end);
                sink
            }
        };
        if let Some(caps) = pad.current_caps() {
            self.see_caps(&name, &caps);
        }
        let entry = gst::GhostPad::with_target(&target)?;
        entry.set_active(true)?;
        branch.add_pad(&entry)?;
        pad.set_target(Some(&entry))
    }

    /// The first caps of a stream say what it becomes.
    fn see_caps(&self, input: &str, caps: &gst::CapsRef) {
        let format = self.with_run(|run| run.input(input)?.format.take());
        if let Some(format) = format.flatten() {
            format(caps);
        }
    }

    /// Begins a stream again after a flush: the muxer writes nothing any more after one (0.14).
    fn rebuild(&self, pad: &gst::GhostPad) -> Result<(), glib::BoolError> {
        let branch = self.with_run(|run| run.forget_input(&pad.name())).flatten();
        if let Some(branch) = branch {
            pad.set_target(None::<&gst::Pad>)?;
            self.drop_branch(&branch);
        }
        self.build(pad)
    }

    /// Takes away what stands behind a pad.
    pub fn drop_branch(&self, branch: &gst::Bin) {
        // Going down cannot fail; what is not in the bin any more need not be removed.
        let _ = branch.set_state(gst::State::Null);
        let _ = self.obj().remove(branch);
    }

    /// Looks at what comes into a pad.
    fn watch(&self, pad: &gst::GhostPad) {
        let this = self.downgrade();
        let mask = gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH
            | gst::PadProbeType::BUFFER;
        let probe = pad.add_probe(mask, move |pad, info| {
            let Some(this) = this.upgrade() else {
                return gst::PadProbeReturn::Ok;
            };
            if let Some(event) = info.event() {
                return this.see(pad, event.view());
            }
            this.finish_preroll();
            if let Some(buffer) = info.buffer() {
                let end = end_of(pad.upcast_ref(), buffer);
                this.with_run(|run| {
                    if let Some(input) = run.input(&pad.name()) {
                        input.end = input.end.max(end);
                    }
                });
            }
            gst::PadProbeReturn::Ok
        });
        if let Some(probe) = probe {
            let pad = pad.clone().upcast();
            self.with_run(|run| run.probes.push((pad, probe)));
        }
    }

    /// Looks no longer at what comes into a pad.
    fn unwatch(&self, pad: &gst::GhostPad) {
        let probe = self.with_run(|run| {
            let of_pad = |(watched, _): &(gst::Pad, _)| watched == pad;
            let at = run.probes.iter().position(of_pad)?;
            Some(run.probes.swap_remove(at).1)
        });
        if let Some(probe) = probe.flatten() {
            pad.remove_probe(probe);
        }
    }

    /// Takes no more from a pad. What it delivered so far stays, and so does what was said of it.
    pub fn release(&self, pad: &gst::GhostPad) {
        let name = pad.name();
        let has_stream = pad.has_current_caps();
        let audio = pad.downcast_ref::<AudioPad>().map(AudioPad::settings);
        let text = pad.downcast_ref::<TextPad>().map(TextPad::settings);
        self.with_run(|run| {
            run.released_audio
                .extend(audio.map(|settings| (name.to_string(), settings)));
            if has_stream {
                run.released_texts
                    .extend(text.map(|settings| (name.to_string(), settings)));
            }
        });
        // A stream is at its end when all of it is written, which the collectors see.
        if let Some(target) = pad.target() {
            target.send_event(gst::event::Eos::new());
        }
        if !has_stream {
            self.end_input(&name);
        }
        // A pad without a target has nothing to fail on.
        let _ = pad.set_target(None::<&gst::Pad>);
        self.unwatch(pad);
        // Nothing may come any more.
        self.finish_preroll();
    }

    fn see(&self, pad: &gst::GhostPad, event: gst::EventView<'_>) -> gst::PadProbeReturn {
        let name = pad.name();
        match event {
            gst::EventView::Caps(caps) => self.see_caps(&name, caps.caps()),
            gst::EventView::FlushStop(_) => {
                if self.with_run(|run| run.finishing.is_some()) == Some(true) {
                    self.fail(gst::error_msg!(
                        gst::CoreError::Seek,
                        ("{name} was flushed after the end of all streams; to write a package \
                             again, go to READY and take an empty location")
                    ));
                    // What stands behind the pad goes on flushing, and takes nothing any more.
                    return gst::PadProbeReturn::Handled;
                }
                if let Err(error) = self.rebuild(pad) {
                    self.fail(gst::error_msg!(gst::CoreError::Failed, ("{error}")));
                }
            }
            gst::EventView::Segment(segment) if segment.segment().format() != gst::Format::Time => {
                self.fail(gst::error_msg!(
                    gst::StreamError::Format,
                    (
                        "{name} got a segment in {:?}; catalogsink needs times, put a demuxer or \
                         parser before it",
                        segment.segment().format()
                    )
                ));
                return gst::PadProbeReturn::Handled;
            }
            gst::EventView::Tag(tags) => {
                if let Some(language) = tags.tag().get::<gst::tags::LanguageCode>() {
                    // Demuxers hand on whatever stands in a file.
                    let language = language::known(language.get());
                    self.with_run(|run| {
                        if let Some(input) = run.input(&name) {
                            input.language = language;
                        }
                    });
                }
            }
            gst::EventView::Gap(_) => self.finish_preroll(),
            gst::EventView::Eos(eos) => {
                self.finish_preroll();
                self.with_run(|run| run.seqnum = Some(eos.seqnum()));
                if !pad.has_current_caps() {
                    gst::info!(CAT, imp = self, "{name} is absent");
                    self.end_input(&name);
                } else if !is_text(&name) {
                    self.with_run(|run| run.keep_end(&name));
                    self.complete_due();
                    return gst::PadProbeReturn::Handled;
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    }

    /// Once all ends of pictures and sound have come, makes them one.
    pub fn complete_due(&self) {
        let settings = self.audio_settings();
        let Some((due, end)) = self.with_run(|run| run.due(&settings)).flatten() else {
            return;
        };
        let seqnum = self.with_run(|run| run.seqnum).flatten();
        for Due {
            input,
            tail,
            own_end,
        } in due
        {
            let pad = self.obj().static_pad(&input);
            let pad = pad.and_then(|pad| pad.downcast::<gst::GhostPad>().ok());
            let Some((pad, target)) = pad.and_then(|pad| Some((pad.clone(), pad.target()?))) else {
                continue;
            };
            match (tail, own_end) {
                (Tail::Picture(ladder), Some(_)) => ladder.last_until(end),
                (Tail::Sound, Some(own_end)) if own_end < end => {
                    let length = (end - own_end).min(SILENCE);
                    let filled = fill_up(pad.upcast_ref(), &target, end - length, length);
                    if let Some(Err(error)) = filled {
                        gst::info!(CAT, imp = self, "{input} is not filled up: {error}");
                    }
                }
                _ => {}
            }
            let eos = gst::event::Eos::builder();
            let eos = match seqnum {
                Some(seqnum) => eos.seqnum(seqnum),
                None => eos,
            };
            target.send_event(eos.build());
        }
    }

    /// Adds the renditions when the first picture arrives: only then is it known how it is turned.
    fn await_picture(&self, bin: &gst::Bin, ladder: &LadderElement) {
        let Some(pad) = ladder.static_pad("sink") else {
            return;
        };
        let this = self.downgrade();
        let (bin, ladder) = (bin.downgrade(), ladder.downgrade());
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(mask, move |_, info| {
            let (Some(this), Some(bin), Some(ladder)) =
                (this.upgrade(), bin.upgrade(), ladder.upgrade())
            else {
                return gst::PadProbeReturn::Ok;
            };
            if info
                .event()
                .is_some_and(|event| event.type_() == gst::EventType::Eos)
                && !ladder.is_configured()
            {
                this.end_input(VIDEO);
            }
            if info.buffer().is_none() {
                return gst::PadProbeReturn::Ok;
            }
            if let Err(error) = this.add_rungs(&bin, &ladder) {
                this.fail(gst::error_msg!(gst::CoreError::Failed, ("{error}")));
            }
            gst::PadProbeReturn::Remove
        });
    }

    fn add_rungs(&self, bin: &gst::Bin, ladder: &LadderElement) -> Result<(), glib::BoolError> {
        let (Some(picture), Some(rate)) = (ladder.picture(), ladder.frame_rate()) else {
            return Err(glib::bool_error!("the first picture has no caps"));
        };
        let frames = FrameRate::new(rate.0, rate.1)
            .ok_or_else(|| glib::bool_error!("the picture has no frame rate"))?;
        let plan = self.with_run(|run| {
            let mut grid = Grid::new(run.settings.segment(), run.settings.interval());
            for &time in &run.asked {
                grid.ask(frames.start(frames.nearest(time)));
            }
            let codecs: Vec<_> = run.codecs.iter().collect();
            let rungs = run.ladder.rungs(picture, rate);
            (rungs, codecs, grid, run.settings.clone())
        });
        let Some((rungs, codecs, grid, settings)) = plan else {
            return Ok(());
        };
        gst::info!(CAT, imp = self, "{picture:?} at {rate:?} becomes {rungs:?}");
        let starts = Starts::default();
        let pads = ladder.configure(&rungs, grid, &starts)?;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = ladder::threads(&rungs, processors);
        for ((rung, pad), threads) in rungs.into_iter().zip(pads).zip(threads) {
            let copies = branch::copies(bin, &pad, codecs.len())?;
            for (&codec, copy) in codecs.iter().zip(copies) {
                let coding = Coding {
                    codec,
                    rung: &rung,
                    rate,
                    threads,
                    settings: &settings,
                };
                let collector = branch::rung(bin, &copy, &coding, &starts)?;
                self.add_track(VIDEO, Output::Video { rung, rate, codec }, &collector);
            }
        }
        Ok(())
    }

    /// Adds a rendition that comes out of `collector`.
    fn add_track(&self, input: &str, output: Output, collector: &gst_app::AppSink) {
        let settings = self.audio_settings().remove(input).unwrap_or_default();
        let Some(writer) = self.with_run(|run| run.add_track(input, output, &settings)) else {
            return;
        };
        self.collect(collector, input.to_owned(), move |sample| {
            match sample.buffer_list() {
                Some(list) => write(&mut lock(&writer), list, sample),
                None => Ok(()),
            }
        });
    }

    fn collect_text(&self, input: &str, collector: &gst_app::AppSink) {
        let on_sample = self.downgrade();
        let name = input.to_owned();
        self.collect(collector, input.to_owned(), move |sample| {
            let Some(this) = on_sample.upgrade() else {
                return Ok(());
            };
            if name == CHAPTERS {
                this.with_run(|run| run.marks.extend(mark(sample)));
            } else if let Some(cue) = cue(sample) {
                this.with_run(|run| run.cues.entry(name.clone()).or_default().push(cue));
            }
            Ok(())
        });
    }

    /// Hands what a collector gets to `take`, and its end to the input.
    fn collect(
        &self,
        collector: &gst_app::AppSink,
        input: String,
        take: impl Fn(&gst::Sample) -> Result<(), WriteError> + Send + Sync + 'static,
    ) {
        let (on_sample, on_eos) = (self.downgrade(), self.downgrade());
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                take(&sample).map_err(|error| {
                    if let Some(this) = on_sample.upgrade() {
                        this.fail_to_write(&error);
                    }
                    gst::FlowError::Error
                })?;
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| {
                if let Some(this) = on_eos.upgrade() {
                    this.close_output(&input);
                }
            })
            .build();
        collector.set_callbacks(callbacks);
    }

    fn close_output(&self, input: &str) {
        if self.with_run(|run| run.close(input)) == Some(true) {
            self.end_input(input);
        }
    }
}

/// The running time at which a buffer ends; a picture without a duration lasts one at its rate.
fn end_of(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    let start = segment.to_running_time(buffer.pts()?)?;
    let one_picture = || {
        let caps = pad.current_caps()?;
        let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
        let num = rate.numer().try_into().ok().filter(|&num| num > 0)?;
        let den = rate.denom().try_into().ok()?;
        gst::ClockTime::SECOND.mul_div_round(den, num)
    };
    let length = buffer.duration().or_else(one_picture);
    start.checked_add(length.unwrap_or_default())
}

/// Puts silence at this running time behind what came to a pad.
fn fill_up(
    pad: &gst::Pad,
    target: &gst::Pad,
    start: gst::ClockTime,
    length: gst::ClockTime,
) -> Option<Result<gst::FlowSuccess, gst::FlowError>> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let mut segment = event.segment().downcast_ref::<gst::ClockTime>()?.clone();
    // qtdemux ends the segment of each track where its edit list ends.
    if segment.stop().is_some() {
        segment.set_stop(None::<gst::ClockTime>);
        let open = gst::event::Segment::builder(&segment);
        target.send_event(open.seqnum(event.seqnum()).build());
    }
    let silence = silence(pad, &segment, start, length)?;
    Some(target.chain(silence))
}

/// Silence as a pad gets sound, at this running time.
fn silence(
    pad: &gst::Pad,
    segment: &gst::FormattedSegment<gst::ClockTime>,
    start: gst::ClockTime,
    length: gst::ClockTime,
) -> Option<gst::Buffer> {
    let info = gst_audio::AudioInfo::from_caps(pad.current_caps()?.as_ref()).ok()?;
    let samples = length
        .nseconds()
        .mul_div_round(info.rate().into(), gst::ClockTime::SECOND.nseconds())?;
    let mut bytes = vec![
        0;
        usize::try_from(samples)
            .ok()?
            .checked_mul(info.bpf() as usize)?
    ];
    info.format_info().fill_silence(&mut bytes);
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let silence = buffer.get_mut()?;
    silence.set_pts(segment.position_from_running_time(start));
    silence.set_duration(length);
    if info.layout() == gst_audio::AudioLayout::NonInterleaved {
        gst_audio::AudioMeta::add(silence, &info, usize::try_from(samples).ok()?, &[]).ok()?;
    }
    Some(buffer)
}

/// Writes what the muxer handed on: a header before the first fragment, and a fragment.
fn write(
    writer: &mut TrackWriter,
    list: &gst::BufferListRef,
    sample: &gst::Sample,
) -> Result<(), WriteError> {
    let is_header = |buffer: &gst::BufferRef| {
        let header = gst::BufferFlags::DISCONT | gst::BufferFlags::HEADER;
        buffer.flags().contains(header)
    };
    let unreadable = |_| WriteError::Fragment("that cannot be read");
    let mut fragment = list.iter().filter(|buffer| !is_header(buffer));
    let first = fragment.next();
    if let Some(header) = list.iter().find(|buffer| is_header(buffer)) {
        writer.write_init(&header.map_readable().map_err(unreadable)?)?;
    }
    let Some(first) = first else {
        return Ok(());
    };
    let span = span_of(first, sample).ok_or(WriteError::Fragment("without times"))?;
    let boxes = first.map_readable().map_err(unreadable)?.to_vec();
    let mut media = Vec::new();
    for buffer in fragment {
        media.extend_from_slice(&buffer.map_readable().map_err(unreadable)?);
    }
    writer.push_segment(boxes, media, span)
}

/// The running time that a buffer covers.
fn span_of(buffer: &gst::BufferRef, sample: &gst::Sample) -> Option<Span> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let start = segment.to_running_time(buffer.pts()?)?.nseconds();
    let end = start.checked_add(buffer.duration()?.nseconds())?;
    Some(Span::new(Time::from_nanos(start), Time::from_nanos(end)))
}

/// Whether a pad's stream is text, which is there in points of time only.
fn is_text(pad: &str) -> bool {
    pad == CHAPTERS || pad.starts_with("text_")
}

/// When a text buffer is shown, and what it says. Its end may be unknown.
fn timed_text(sample: &gst::Sample) -> Option<(Time, Option<Time>, String)> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let start = segment.to_running_time(buffer.pts()?)?.nseconds();
    let end = buffer
        .duration()
        .and_then(|duration| start.checked_add(duration.nseconds()));
    let map = buffer.map_readable().ok()?;
    let text = String::from_utf8_lossy(&map).into_owned();
    Some((Time::from_nanos(start), end.map(Time::from_nanos), text))
}

/// The chapter that a text buffer says.
fn mark(sample: &gst::Sample) -> Option<Mark> {
    let (start, end, title) = timed_text(sample)?;
    Some(Mark { start, end, title })
}

/// The cue that a text buffer is, with what webvttparse read of it. Other text has no end for a
/// cue without a duration, and Pango's markup of other parsers is the tags of WebVTT.
fn cue(sample: &gst::Sample) -> Option<Cue> {
    let (start, end, text) = timed_text(sample)?;
    let cue = Cue::new(Span::new(start, end?), &text);
    if let Some(CueMeta { id, settings, text }) = CueMeta::get(sample.buffer()?) {
        return Some(Cue {
            id,
            settings,
            text,
            ..cue
        });
    }
    let format = sample.caps()?.structure(0)?.get::<&str>("format").ok()?;
    Some(match format {
        "pango-markup" => Cue { text, ..cue },
        _ => cue,
    })
}
