// SPDX-License-Identifier: MPL-2.0

//! Start, restart and end of a session.

use std::sync::{Arc, PoisonError};

use gst::subclass::prelude::*;

use super::imp::SilenceTrim;
use super::pads::{self, Pair};
use super::report;
use super::session::{Again, Session};
use super::settings::Mode;
use crate::elements::shared::lock::lock;

impl SilenceTrim {
    pub(super) fn new_session(&self) -> Result<Session, String> {
        let settings = lock(&self.settings).clone();
        let given = match (&settings.cuts_location, settings.mode) {
            (Some(path), Mode::Trim) => {
                let (list, redaction) = report::read(path)?;
                let list = match settings.rate() {
                    Some(rate) => list.aligned(rate),
                    None => list,
                };
                Some((list, redaction))
            }
            (Some(_), Mode::Detect) => {
                return Err(
                    "mode=detect looks for cuts and cuts-location names those to apply; \
                            leave one of them out"
                        .to_owned(),
                );
            }
            (None, _) => None,
        };
        Ok(Session::new(&settings, given))
    }

    /// Discards the findings, keeps the pads.
    pub(super) fn restart_session(&self, why: Again) {
        if !lock(&self.session).restarts(why) {
            return;
        }
        match self.new_session() {
            Ok(fresh) => {
                let mut session = lock(&self.session);
                if !session.restarts(why) {
                    return;
                }
                session.restart(fresh, why);
            }
            Err(error) => {
                gst::element_imp_error!(self, gst::ResourceError::Read, ("{error}"));
            }
        }
        let pairs = lock(&self.pairs).clone();
        for pair in pairs {
            lock(&pair.output).source = None;
        }
    }

    /// Waits until a session that is over has been sent completely: the next one has other
    /// decisions.
    pub(super) fn wait_for_the_end(&self, pair: &Pair) {
        let mut session = lock(&self.session);
        while session.finished && !session.is_drained() {
            let stream = session.streams.get(&pair.id);
            let Some(stream) = stream.filter(|stream| !stream.flushing) else {
                return;
            };
            let wake = Arc::clone(&stream.wake);
            session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn finish(&self) {
        let Some(outcome) = lock(&self.session).finish() else {
            return;
        };
        if outcome.nobody_spoke {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("nobody speaks in the whole recording, everything is kept; was the microphone muted?")
            );
        }
        let location = lock(&self.settings).report_location.clone();
        if let Some(path) = location
            && let Err(error) = report::write(&path, &outcome)
        {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Write,
                ("{}: {error}", path.display())
            );
        }
        report::post(&self.obj(), &outcome);
    }

    /// Returns whether none of the pads without data leads to a source.
    pub(super) fn none_can_start(&self) -> bool {
        let not_started: Vec<u32> = lock(&self.session).not_started().collect();
        let pairs = lock(&self.pairs).clone();
        pairs
            .iter()
            .filter(|pair| not_started.contains(&pair.id))
            .all(|pair| !pads::has_source(&pair.sink))
    }
}
