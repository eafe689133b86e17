// SPDX-License-Identifier: MPL-2.0

//! The element's shell: properties, states, requests for pads.
//!
//! Lock order, none held across a push, query or post: `settings`; `pairs`; a pair's `input` (sink
//! side) or `output` (source side); `session`.

use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::CAT;
use super::pads::{Input, Output, Pair};
use super::report;
use super::session::Session;
use super::settings::{self, Settings};
use super::sink_pad::SinkPad;
use super::stream::Stream;
use crate::elements::shared::lock::lock;
use crate::elements::shared::pad_children;
use crate::timeline::Time;

pub struct SilenceTrim {
    pub(super) settings: Mutex<Settings>,
    pub(super) session: Mutex<Session>,
    pub(super) pairs: Mutex<Vec<Arc<Pair>>>,
}

impl SilenceTrim {
    pub(super) fn pair_of(&self, pad: &gst::Pad) -> Option<Arc<Pair>> {
        lock(&self.pairs)
            .iter()
            .find(|pair| pair.sink == *pad || pair.src == *pad)
            .cloned()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SilenceTrim {
    const NAME: &'static str = "GstSilenceTrim";
    type Type = super::SilenceTrim;
    type ParentType = gst::Element;
    type Interfaces = (gst::ChildProxy,);

    fn new() -> Self {
        let settings = Settings::default();
        let session = Session::new(&settings, None);
        SilenceTrim {
            settings: Mutex::new(settings),
            session: Mutex::new(session),
            pairs: Mutex::default(),
        }
    }
}

impl ObjectImpl for SilenceTrim {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(settings::properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if let Err(error) = lock(&self.settings).set(value, pspec) {
            gst::warning!(CAT, imp = self, "{}: {error}", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            let session = lock(&self.session);
            return gst::Structure::builder("silencetrim-stats")
                .field("held-bytes", session.held_bytes())
                .field("held-time", session.held_time().nanos())
                .field("decided-until", session.decision.until.nanos())
                .field("speech", session.speech().nanos())
                .field(
                    "microphone-silent",
                    session.finished && session.speech() == Time::ZERO,
                )
                .build()
                .to_value();
        }
        let value = lock(&self.settings).get(pspec);
        value.unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for SilenceTrim {}

impl ElementImpl for SilenceTrim {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Silence trimmer",
                "Filter/Analyzer/Audio",
                "Finds the dead air of a recorded class and cuts it from any number of streams \
                 at once",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let any = gst::Caps::new_any();
            [
                gst::PadTemplate::with_gtype(
                    "sink_%u",
                    gst::PadDirection::Sink,
                    gst::PadPresence::Request,
                    &any,
                    SinkPad::static_type(),
                ),
                gst::PadTemplate::new(
                    "src_%u",
                    gst::PadDirection::Src,
                    gst::PadPresence::Sometimes,
                    &any,
                ),
            ]
            .into_iter()
            .flatten()
            .collect()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        templ: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if templ.direction() != gst::PadDirection::Sink {
            return None;
        }
        let pair = {
            let mut pairs = lock(&self.pairs);
            let wanted = name.and_then(|name| name.strip_prefix("sink_")?.parse().ok());
            let id = wanted.unwrap_or_else(|| {
                (0..)
                    .find(|id| pairs.iter().all(|pair| pair.id != *id))
                    .unwrap_or(u32::MAX)
            });
            if pairs.iter().any(|pair| pair.id == id) {
                gst::warning!(CAT, imp = self, "sink_{id} is there already");
                return None;
            }
            let pair = self.make_pair(id);
            pairs.push(Arc::clone(&pair));
            pair
        };
        lock(&self.session).streams.insert(
            pair.id,
            Stream {
                fed: true,
                linked: true,
                ..Stream::default()
            },
        );
        lock(&self.session).wake_all();
        let active = self.obj().current_state() > gst::State::Ready
            || self.obj().pending_state() > gst::State::Ready;
        let added = [&pair.src, &pair.sink].into_iter().all(|pad| {
            (!active || pad.set_active(true).is_ok()) && self.obj().add_pad(pad).is_ok()
        });
        if added {
            let child = pair.sink.upcast_ref::<gst::Object>();
            self.obj().child_added(child, &pair.sink.name());
            Some(pair.sink.clone())
        } else {
            self.release_pad(&pair.sink);
            None
        }
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let Some(pair) = self.pair_of(pad) else {
            return;
        };
        let runs = pair.src.is_active();
        self.set_flushing(&pair, true);
        for pad in [&pair.sink, &pair.src] {
            // Only that the pad is inactive matters.
            let _ = pad.set_active(false);
        }
        let ended = {
            let mut session = lock(&self.session);
            session.remove_stream(pair.id);
            session.all_ended()
        };
        if runs && ended == Some(true) {
            self.finish();
        }
        lock(&self.pairs).retain(|other| other.id != pair.id);
        for pad in [&pair.sink, &pair.src] {
            if pad.parent().is_some() {
                let _ = self.obj().remove_pad(pad);
            }
        }
        let child = pair.sink.upcast_ref::<gst::Object>();
        self.obj().child_removed(child, &pair.sink.name());
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            let location = lock(&self.settings).report_location.clone();
            if let Some(path) = location
                && let Err(error) = report::check(&path)
            {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::OpenWrite,
                    ("{}: {error}", path.display())
                );
                return Err(gst::StateChangeError);
            }
            match self.new_session() {
                Ok(mut fresh) => {
                    let pairs = lock(&self.pairs).clone();
                    for pair in pairs {
                        let fed = pair.sink.is_linked();
                        let linked = pair.src.is_linked();
                        fresh.streams.insert(
                            pair.id,
                            Stream {
                                fed,
                                linked,
                                ..Stream::default()
                            },
                        );
                    }
                    *lock(&self.session) = fresh;
                }
                Err(error) => {
                    gst::element_imp_error!(self, gst::ResourceError::Read, ("{error}"));
                    return Err(gst::StateChangeError);
                }
            }
        }
        let done = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            let pairs = lock(&self.pairs).clone();
            for pair in pairs {
                *lock(&pair.input) = Input::default();
                *lock(&pair.output) = Output::default();
                if let Some(stream) = lock(&self.session).streams.get_mut(&pair.id) {
                    stream.reset();
                }
            }
        }
        Ok(done)
    }
}

impl ChildProxyImpl for SilenceTrim {
    fn child_by_index(&self, index: u32) -> Option<glib::Object> {
        pad_children::by_index(&*self.obj(), index)
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        pad_children::by_name(&*self.obj(), name)
    }

    fn children_count(&self) -> u32 {
        pad_children::count(&*self.obj())
    }
}
