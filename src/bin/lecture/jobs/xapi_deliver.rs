// SPDX-License-Identifier: MPL-2.0

//! `xapi-deliver`: sends the pending statements of a journal.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use gst::glib;
use gstlecture::delivery::Courier;
use gstlecture::xapi::Uuid;
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::statements::{self, LrsOptions};
use super::summary::Summary;
use crate::error::Error;
use crate::options::{Options, options};

pub const ABOUT: &str = "\
Sends the pending statements of a journal to a Learning Record Store.

Sessions that a crash left open are closed first. Statements that the LRS rejects for good are
listed with its reason and stay in the journal.";

options! {
    /// Variables of `xapi-deliver`.
    pub struct XapiDeliverOptions {
        /// the folder that a player was given as journal
        "journal" (required) => journal: PathBuf,
        /// URL of the LRS
        "endpoint" (required) => endpoint: String,
        /// seconds to keep trying
        "timeout" (default "60") => timeout: Duration,
    }
    groups { lrs: LrsOptions }
}

/// Results of `xapi-deliver`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct XapiDeliverResults {
    /// Number of statements in the journal.
    pub said: u64,
    /// Number of statements that this run delivered.
    pub delivered: u64,
    /// Number of statements that are not delivered yet.
    pub pending: u64,
    /// Number of statements that the LRS rejects for good.
    pub dead_letters: u64,
    /// Number of interrupted sessions that were closed.
    pub closed_sessions: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = XapiDeliverOptions::parse(&request.values)?;
    let place = options.journal.display().to_string();
    let lrs = options.lrs.at(&options.endpoint)?;
    let mut journal = statements::open(&options.journal)?;
    let mut new_id = || Uuid::parse(&glib::uuid_string_random()).unwrap_or(Uuid::v4([0; 16]));
    let closed = journal
        .close_abandoned(&mut new_id)
        .map_err(|error| Error::writing(&options.journal, &error))?;
    if closed > 0 {
        request.note(&format!(
            "interrupted sessions that are now closed: {closed}"
        ));
    }
    for (entry, words) in &journal.contents().dead {
        request.note(&format!(
            "rejected for good: statement {}: {words}",
            entry.id
        ));
    }
    let said_before = journal.contents().next;
    let courier = Courier::start(journal, Some(lrs), |_| {});
    let deadline = Instant::now() + options.timeout;
    let mut said = String::new();
    let status = loop {
        let status = courier.status();
        if status.pending == 0 || Instant::now() >= deadline || request.stop.check().is_err() {
            break courier.finish(Duration::ZERO);
        }
        if status.words != said {
            said = status.words;
            if !said.is_empty() {
                request.note(&format!("{}: {said}", status.state));
            }
        }
        thread::sleep(Duration::from_millis(50));
    };
    summary.add(&XapiDeliverResults {
        said: said_before,
        delivered: status.delivered,
        pending: status.pending,
        dead_letters: status.dead,
        closed_sessions: closed,
    });
    request.note(&format!(
        "{} delivered, {} pending, {} rejected for good",
        status.delivered, status.pending, status.dead
    ));
    request.stop.check().map_err(|stopped| {
        stopped.where_stopped(
            "the journal keeps the statements that are not delivered",
            &place,
            "run the same command again to resume",
        )
    })?;
    if status.pending > 0 {
        let words = if status.words.is_empty() {
            "the LRS does not answer"
        } else {
            &status.words
        };
        return Err(Error::later(
            words,
            place,
            "nothing is lost; run the same command again",
        ));
    }
    Ok(())
}
