// SPDX-License-Identifier: MPL-2.0

//! The element's properties.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

use crate::speech::trim;
use crate::timeline::{FrameRate, Time};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstSilenceTrimMode")]
pub enum Mode {
    #[default]
    #[enum_value(name = "Trim: cut the dead air", nick = "trim")]
    Trim,
    #[enum_value(name = "Detect: pass everything through and report", nick = "detect")]
    Detect,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstSilenceTrimScope")]
pub enum Scope {
    #[default]
    #[enum_value(name = "Edges: before and after the class", nick = "edges")]
    Edges,
    #[enum_value(name = "All: also long breaks inside the class", nick = "all")]
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstSilenceTrimStartAt")]
pub enum StartAt {
    #[default]
    #[enum_value(
        name = "Auto: sustained speech, weighed against the first slide change",
        nick = "auto"
    )]
    Auto,
    #[enum_value(
        name = "Speech: the first speech, even if it is sparse",
        nick = "speech"
    )]
    Speech,
    #[enum_value(
        name = "Slide: the first slide change; the same as auto if there is none",
        nick = "slide"
    )]
    Slide,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub mode: Mode,
    pub scope: Scope,
    pub start_at: StartAt,
    pub cuts_location: Option<PathBuf>,
    pub frame_rate: gst::Fraction,
    pub report_location: Option<PathBuf>,
    pub speech_threshold: f64,
    pub min_silence: u64,
    pub min_break: u64,
    pub lead_in: u64,
    pub lead_out: u64,
    pub review_above: u64,
    pub max_hold_time: u64,
    pub max_hold_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let policy = trim::Settings::default();
        Settings {
            mode: Mode::default(),
            scope: Scope::default(),
            start_at: StartAt::default(),
            cuts_location: None,
            frame_rate: gst::Fraction::new(0, 1),
            report_location: None,
            speech_threshold: 0.5,
            min_silence: policy.min_silence.nanos(),
            min_break: policy.min_break.nanos(),
            lead_in: policy.lead_in.nanos(),
            lead_out: policy.lead_out.nanos(),
            review_above: policy.review_above.nanos(),
            max_hold_time: 30 * 60 * Time::SECOND.nanos(),
            max_hold_bytes: 512 << 20,
        }
    }
}

impl Settings {
    /// Returns the frame rate to which the edges of given cuts are aligned.
    pub fn rate(&self) -> Option<FrameRate> {
        let part = |part: i32| part.try_into().ok();
        FrameRate::new(
            part(self.frame_rate.numer())?,
            part(self.frame_rate.denom())?,
        )
    }

    pub fn policy(&self) -> trim::Settings {
        trim::Settings {
            start_at: match self.start_at {
                StartAt::Auto => trim::StartAt::Auto,
                StartAt::Speech => trim::StartAt::Speech,
                StartAt::Slide => trim::StartAt::Slide,
            },
            scope: match self.scope {
                Scope::Edges => trim::Scope::Edges,
                Scope::All => trim::Scope::All,
            },
            min_silence: Time::from_nanos(self.min_silence),
            min_break: Time::from_nanos(self.min_break),
            lead_in: Time::from_nanos(self.lead_in),
            lead_out: Time::from_nanos(self.lead_out),
            review_above: Time::from_nanos(self.review_above),
        }
    }

    pub fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) -> Result<(), String> {
        match pspec.name() {
            "mode" => self.mode = get(value)?,
            "scope" => self.scope = get(value)?,
            "start-at" => self.start_at = get(value)?,
            "cuts-location" => self.cuts_location = path(value)?,
            "frame-rate" => self.frame_rate = get(value)?,
            "report-location" => self.report_location = path(value)?,
            "speech-threshold" => self.speech_threshold = get(value)?,
            "min-silence" => self.min_silence = get(value)?,
            "min-break" => self.min_break = get(value)?,
            "lead-in" => self.lead_in = get(value)?,
            "lead-out" => self.lead_out = get(value)?,
            "review-above" => self.review_above = get(value)?,
            "max-hold-time" => self.max_hold_time = get(value)?,
            "max-hold-bytes" => self.max_hold_bytes = get(value)?,
            other => return Err(format!("no property {other}")),
        }
        Ok(())
    }

    pub fn get(&self, pspec: &glib::ParamSpec) -> Option<glib::Value> {
        let text = |path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| path.to_string_lossy().into_owned())
                .to_value()
        };
        Some(match pspec.name() {
            "mode" => self.mode.to_value(),
            "scope" => self.scope.to_value(),
            "start-at" => self.start_at.to_value(),
            "cuts-location" => text(&self.cuts_location),
            "frame-rate" => self.frame_rate.to_value(),
            "report-location" => text(&self.report_location),
            "speech-threshold" => self.speech_threshold.to_value(),
            "min-silence" => self.min_silence.to_value(),
            "min-break" => self.min_break.to_value(),
            "lead-in" => self.lead_in.to_value(),
            "lead-out" => self.lead_out.to_value(),
            "review-above" => self.review_above.to_value(),
            "max-hold-time" => self.max_hold_time.to_value(),
            "max-hold-bytes" => self.max_hold_bytes.to_value(),
            _ => return None,
        })
    }
}

fn get<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> Result<T, String> {
    value.get().map_err(|error| format!("{error:?}"))
}

fn path(value: &glib::Value) -> Result<Option<PathBuf>, String> {
    let text: Option<String> = get(value)?;
    Ok(text.filter(|text| !text.is_empty()).map(PathBuf::from))
}

pub fn properties() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let number = |name: &str, nick: &str, blurb: &str, value: u64| {
        glib::ParamSpecUInt64::builder(name)
            .nick(nick)
            .blurb(blurb)
            .default_value(value)
            .mutable_ready()
            .build()
    };
    vec![
        glib::ParamSpecEnum::builder_with_default("mode", default.mode)
            .nick("Mode")
            .blurb("Cut the dead air, or only report it (default trim)")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("scope", default.scope)
            .nick("Scope")
            .blurb("Parts of the class in which dead air is cut (default edges)")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("start-at", default.start_at)
            .nick("Start at")
            .blurb("Evidence that marks the start of the class (default auto)")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("cuts-location")
            .nick("Cut list to apply")
            .blurb("Cut list (WebVTT) with cut, mute and cover cues to apply instead of detecting; \
                 requires mode=trim (default: none)")
            .mutable_ready()
            .build(),
        gst::ParamSpecFraction::builder("frame-rate")
            .nick("Frame rate")
            .blurb("Frame rate that the spans of cuts-location are rounded to, inwards, so that \
                 each output frame shows one whole source frame; 0/1 does not round (default 0/1)")
            .minimum(gst::Fraction::new(0, 1))
            .maximum(gst::Fraction::new(i32::MAX, 1))
            .default_value(default.frame_rate)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("report-location")
            .nick("Cut list to write")
            .blurb("File to write the cut list to at the end, as a draft (default: none)")
            .mutable_ready()
            .build(),
        glib::ParamSpecDouble::builder("speech-threshold")
            .nick("Speech threshold")
            .blurb("Probability above which speech starts, 0.05 to 0.95 (default 0.5); speech \
                 continues down to 0.6 of it")
            .minimum(0.05)
            .maximum(0.95)
            .default_value(default.speech_threshold)
            .mutable_ready()
            .build(),
        number("min-silence", "Minimum silence",
            "Shortest dead air before or after the class that is cut, beyond lead-in and \
             lead-out, in nanoseconds (default 0.5 s)",
            default.min_silence),
        number("min-break", "Minimum break",
            "Shortest break inside the class that is cut, in nanoseconds (default 60 s)",
            default.min_break),
        number("lead-in", "Lead-in",
            "Time that is kept before the first speech, in nanoseconds (default 1 s); less if \
             the slide changes in between (event lecture-slide), because the lobby is not shown",
            default.lead_in),
        number("lead-out", "Lead-out",
            "Time that is kept after the last speech, in nanoseconds (default 3 s); less if the \
             slide disappears in between",
            default.lead_out),
        number("review-above", "Review above",
            "Longest cut that is not marked for review, in nanoseconds (default 15 min); cuts of \
             more than a quarter of the recording are always marked",
            default.review_above),
        number("max-hold-time", "Maximum hold time",
            "Longest part of the recording to hold while it is undecided, in nanoseconds \
             (default 30 min); beyond it everything held is kept, with a warning",
            default.max_hold_time),
        number("max-hold-bytes", "Maximum hold bytes",
            "Largest amount of data to hold in all streams together, in bytes (default 512 MiB); \
             beyond it everything held is kept, with a warning",
            default.max_hold_bytes),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("held-bytes, held-time, decided-until (stream time, ns), speech (ns so far), microphone-silent")
            .read_only()
            .build(),
    ]
}
