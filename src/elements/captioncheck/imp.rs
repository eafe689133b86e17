// SPDX-License-Identifier: MPL-2.0

//! The element's shell: pads, properties, events.
//!
//! Lock order, none held across a push or a post: `settings`; `profile`; `state`.

use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::messages;
use super::settings::Settings;
use super::streams::{Format, Medium, Pair, State};
use crate::captions::{self, Material, Profile};
use crate::elements::shared::lock::lock;
use crate::elements::shared::request_pads;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "captioncheck",
        gst::DebugColorFlags::empty(),
        Some("Caption checker"),
    )
});

#[derive(Default)]
pub struct CaptionCheck {
    settings: Mutex<Settings>,
    /// The limits of this run, read when it starts.
    profile: Mutex<Option<Profile>>,
    state: Mutex<State>,
}

impl CaptionCheck {
    fn chain(
        &self,
        medium: Medium,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut state = lock(&self.state);
        let taken = state.take(medium, &buffer);
        let src = state.pair(medium).map(|pair| pair.src.clone());
        drop(state);
        if let Err(error) = taken {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
            return Err(gst::FlowError::NotNegotiated);
        }
        match src.map(|src| src.push(buffer)) {
            // The check continues if the pad is not linked.
            None | Some(Err(gst::FlowError::NotLinked)) => Ok(gst::FlowSuccess::Ok),
            Some(result) => result,
        }
    }

    fn sink_event(&self, medium: Medium, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::StreamStart(_) => {
                let mut state = lock(&self.state);
                if state.finished {
                    Medium::ALL
                        .into_iter()
                        .for_each(|medium| state.forget(medium));
                }
                if let Some(pair) = state.pair(medium) {
                    pair.eos = false;
                }
            }
            gst::EventView::Caps(caps) => {
                if let Some(pair) = lock(&self.state).pair(medium) {
                    pair.format = Format::of(medium, caps.caps());
                }
            }
            gst::EventView::Segment(segment) => {
                let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() else {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Format,
                        (
                            "{} needs a segment in time format, not in {:?}: put a parser or demuxer before it",
                            medium.sink(),
                            segment.segment().format()
                        )
                    );
                    return false;
                };
                if let Some(pair) = lock(&self.state).pair(medium) {
                    pair.segment = Some(segment.clone());
                }
            }
            gst::EventView::FlushStop(_) => lock(&self.state).forget(medium),
            gst::EventView::Eos(_) => {
                if let Some(pair) = lock(&self.state).pair(medium) {
                    pair.eos = true;
                }
                self.finish();
            }
            _ => (),
        }
        let unlinked = self.linked(pad).iter().all(|src| !src.is_linked());
        // An event is handled even if the pad is not linked.
        gst::Pad::event_default(pad, Some(&*self.obj()), event) || unlinked
    }

    /// Checks and reports once every stream has ended. This happens before the last EOS is pushed:
    /// an application may stop reading messages at EOS.
    fn finish(&self) {
        let settings = lock(&self.settings).clone();
        let Some(profile) = lock(&self.profile).clone() else {
            return;
        };
        let mut state = lock(&self.state);
        if state.finished || state.pairs.is_empty() || state.pairs.iter().any(|pair| !pair.eos) {
            return;
        }
        state.finished = true;
        let mut collected = std::mem::take(&mut state.collected);
        drop(state);

        let heard = collected.heard();
        let material = Material {
            cues: &collected.cues,
            heard: heard.as_ref(),
            voices: &[],
        };
        let report = captions::check(&material, &profile);
        for finding in &report.findings {
            self.post(messages::finding(finding));
        }
        self.post(messages::summary(&report));
        if let Err(error) = settings.write(&report) {
            self.obj().post_error_message(error);
        }
    }

    fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .build();
        // Without a bus nobody wants to know.
        let _ = self.obj().post_message(message);
    }

    /// Returns the pads that receive a pad's events and queries.
    fn linked(&self, pad: &gst::Pad) -> Vec<gst::Pad> {
        let state = lock(&self.state);
        let other = |pair: &Pair| match () {
            () if pair.sink == *pad => Some(pair.src.clone()),
            () if pair.src == *pad => Some(pair.sink.clone()),
            () => None,
        };
        state.pairs.iter().find_map(other).into_iter().collect()
    }
}

fn linked_pads(pad: &gst::Pad, parent: Option<&gst::Object>) -> gst::Iterator<gst::Pad> {
    let linked = CaptionCheck::catch_panic_pad_function(parent, Vec::new, |imp| imp.linked(pad));
    gst::Iterator::from_vec(linked)
}

#[glib::object_subclass]
impl ObjectSubclass for CaptionCheck {
    const NAME: &'static str = "GstCaptionCheck";
    type Type = super::CaptionCheck;
    type ParentType = gst::Element;
}

impl ObjectImpl for CaptionCheck {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(Settings::properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).get(pspec.name())
    }
}

impl GstObjectImpl for CaptionCheck {}

impl ElementImpl for CaptionCheck {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Caption checker",
                "Filter/Analyzer/Text/Audio",
                "Checks captions against the standard for prerecorded captions",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let templates = Medium::ALL.into_iter().flat_map(|medium| {
                let caps = medium.caps();
                let (request, sometimes) = (gst::PadPresence::Request, gst::PadPresence::Sometimes);
                let (sink, src) = (gst::PadDirection::Sink, gst::PadDirection::Src);
                [
                    gst::PadTemplate::new(medium.sink(), sink, request, &caps),
                    gst::PadTemplate::new(medium.src(), src, sometimes, &caps),
                ]
            });
            let templates: Result<Vec<_>, _> = templates.collect();
            templates.unwrap_or_default()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let medium = Medium::ALL
            .into_iter()
            .find(|medium| medium.sink() == template.name_template())?;
        let src_template = self.obj().pad_template(medium.src())?;
        let flags = gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION;
        let sink = gst::Pad::builder_from_template(template)
            .name(medium.sink())
            .flags(flags)
            .chain_function(move |_pad, parent, buffer| {
                CaptionCheck::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.chain(medium, buffer),
                )
            })
            .event_function(move |pad, parent, event| {
                CaptionCheck::catch_panic_pad_function(
                    parent,
                    || false,
                    |imp| imp.sink_event(medium, pad, event),
                )
            })
            .iterate_internal_links_function(linked_pads)
            .build();
        let src = gst::Pad::builder_from_template(&src_template)
            .name(medium.src())
            .flags(flags)
            .iterate_internal_links_function(linked_pads)
            .build();
        {
            let mut state = lock(&self.state);
            if state.pair(medium).is_some() {
                gst::warning!(CAT, imp = self, "{} is in use already", medium.sink());
                return None;
            }
            state.pairs.push(Pair {
                medium,
                sink: sink.clone(),
                src: src.clone(),
                format: None,
                segment: None,
                eos: false,
            });
        }
        if let Err(error) = request_pads::add_pair(&*self.obj(), &src, &sink) {
            gst::error!(CAT, imp = self, "{error}");
            self.release_pad(&sink);
            return None;
        }
        Some(sink)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let mut state = lock(&self.state);
        let Some(index) = state.pairs.iter().position(|pair| pair.sink == *pad) else {
            return;
        };
        let pair = state.pairs.remove(index);
        drop(state);
        request_pads::remove_pair(&*self.obj(), &pair.sink, &pair.src);
        // The others may have waited for this stream.
        self.finish();
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            let settings = lock(&self.settings).clone();
            match settings.prepare() {
                Ok(profile) => *lock(&self.profile) = Some(profile),
                Err(error) => {
                    self.obj().post_error_message(error);
                    return Err(gst::StateChangeError);
                }
            }
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            let mut state = lock(&self.state);
            for medium in Medium::ALL {
                state.forget(medium);
            }
            for pair in &mut state.pairs {
                pair.format = None;
            }
        }
        Ok(success)
    }
}
