// SPDX-License-Identifier: MPL-2.0

//! The task of each pair: it waits for decisions and sends.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::CAT;
use super::imp::SilenceTrim;
use super::item::{self, Item};
use super::pads::Pair;
use super::redact::{Place, Shown};
use super::session::BEGIN_TIMEOUT;
use crate::elements::shared::lock::lock;
use crate::timeline::{Decision, Redaction};

/// A decided item, taken to be sent.
struct Taken {
    item: Item,
    decision: Arc<Decision>,
    redaction: Arc<Redaction>,
    /// Until when a frame is shown, if that is not in its duration.
    shown: Option<Shown>,
}

impl SilenceTrim {
    pub(super) fn start_task(&self, pair: &Arc<Pair>) {
        let weak = self.downgrade();
        let task_pair: Weak<Pair> = Arc::downgrade(pair);
        let started = pair.src.start_task(move || {
            let (Some(this), Some(pair)) = (weak.upgrade(), task_pair.upgrade()) else {
                return;
            };
            let imp: &Self = &this;
            imp.catch_panic(|| imp.give_up(&pair), |imp| imp.turn(&pair));
        });
        if started.is_err() {
            gst::error!(CAT, obj = pair.src, "no task");
        }
    }

    /// Ends the stream of a pair whose task cannot continue, as an error does: it would fail again
    /// at once.
    fn give_up(&self, pair: &Pair) {
        let mut session = lock(&self.session);
        if let Some(stream) = session.streams.get_mut(&pair.id) {
            stream.sending = None;
            stream.flow = Some(gst::FlowError::Error);
        }
        session.wake_all();
        drop(session);
        let _ = pair.src.pause_task();
    }

    /// Runs one turn of a pair's task: waits for a decided item and sends it.
    pub(super) fn turn(&self, pair: &Pair) {
        match self.wait_for_item(pair) {
            Some(taken) => {
                let flow = self.send_decided(pair, taken);
                self.took(pair, flow);
            }
            None => {
                let _ = pair.src.pause_task();
            }
        }
    }

    /// Waits for an item that may be sent; `None` if the task has to pause.
    fn wait_for_item(&self, pair: &Pair) -> Option<Taken> {
        let mut alone_since: Option<Instant> = None;
        let mut session = lock(&self.session);
        loop {
            let decision = Arc::clone(&session.decision);
            let ended = session.all_ended() == Some(false) && !session.finished;
            let stream = session.streams.get_mut(&pair.id)?;
            if !stream.active || stream.flushing {
                return None;
            }
            let ready = !stream.linked || stream.has_decided(&decision);
            let shown = stream.looks_ahead.then(|| stream.shown()).flatten();
            if ready && let Some(item) = stream.take_next() {
                if !stream.has_decided(&decision) {
                    session.wake_all();
                }
                return Some(Taken {
                    item,
                    decision,
                    redaction: Arc::clone(&session.redaction),
                    shown,
                });
            }
            let wake = Arc::clone(&stream.wake);
            if ended {
                // All ended except a pad without data.
                let since = *alone_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= BEGIN_TIMEOUT {
                    alone_since = None;
                    drop(session);
                    if self.none_can_start() {
                        self.finish();
                    }
                    session = lock(&self.session);
                    continue;
                }
                session = wake
                    .wait_timeout(session, BEGIN_TIMEOUT / 10)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            } else {
                alone_since = None;
                session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Sends an item as it was decided, or what replaces it.
    fn send_decided(&self, pair: &Pair, taken: Taken) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (decision, redaction) = (taken.decision, taken.redaction);
        match taken.item {
            Item::Event(event) => {
                self.send_event(pair, event, &decision);
                Ok(gst::FlowSuccess::Ok)
            }
            Item::Gap(span, event) => {
                let fill = lock(&pair.output).redactor.fill(span, &redaction);
                if let Some((picture, kind)) = fill {
                    self.send_kept(pair, picture, span, &kind, &decision)
                } else {
                    self.send_gap(pair, span, &event, &decision);
                    Ok(gst::FlowSuccess::Ok)
                }
            }
            Item::Buffer(buffer, span, kind) => {
                let place = Place {
                    span,
                    shown: taken.shown,
                    is_kept: item::is_kept(span, &decision),
                };
                let content = pair.content();
                let redacted = lock(&pair.output)
                    .redactor
                    .apply(buffer, place, &kind, &redaction, content);
                match redacted {
                    Ok(Some(buffer)) => self.send_kept(pair, buffer, span, &kind, &decision),
                    Ok(None) => Ok(gst::FlowSuccess::Ok),
                    Err(why) => {
                        let text = format!("{}: {why}", pair.sink.name());
                        gst::element_imp_error!(self, gst::StreamError::Failed, ("{text}"));
                        Err(gst::FlowError::Error)
                    }
                }
            }
        }
    }

    /// Records the flow return of downstream.
    pub(super) fn took(&self, pair: &Pair, flow: Result<gst::FlowSuccess, gst::FlowError>) {
        let (error, stops) = {
            let mut session = lock(&self.session);
            let Some(stream) = session.streams.get_mut(&pair.id) else {
                return;
            };
            stream.sending = None;
            stream.wake.notify_all();
            let Err(error) = flow else { return };
            let stops = if error == gst::FlowError::NotLinked {
                stream.linked = false;
                false
            } else {
                // If upstream has pushed its last item, nobody else can report it.
                let unsaid = stream.eos;
                let known = matches!(error, gst::FlowError::Flushing | gst::FlowError::Eos);
                stream.refuse(error);
                session.wake_all();
                drop(session);
                if unsaid && !known {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Failed,
                        (
                            "{}: downstream does not accept the stream: {error}",
                            pair.src.name()
                        )
                    );
                }
                error == gst::FlowError::Flushing
            };
            (error, stops)
        };
        gst::debug!(CAT, obj = pair.src, "{error:?}");
        if stops {
            let _ = pair.src.pause_task();
        }
    }
}
