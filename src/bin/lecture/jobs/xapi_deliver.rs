// SPDX-License-Identifier: MPL-2.0

//! `xapi-deliver`: sends the pending statements of a journal.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use gst::glib;
use gstlecture::delivery::Courier;
use gstlecture::xapi::Uuid;
use once_cell::sync::Lazy;

use super::{Request, Summary, statements};
use crate::engine::description::Description;
use crate::error::Error;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "xapi-deliver",
        "# Sends the pending statements of a journal to a Learning Record Store.
#
# Sessions that a crash left open are closed first. Statements that the LRS rejects for good are
# listed with its reason and stay in the journal.
#
# Variables:
#   journal (required): the folder that a player was given as journal
#   endpoint (required): URL of the LRS
#   username (optional): user name for the LRS, or env:NAME or file:PATH
#   password (optional): password for the LRS, env:NAME or file:PATH
#   token (optional): bearer token for the LRS, env:NAME or file:PATH
#   version (default auto): xAPI version to use: auto, 1.0.3 or 2.0.0
#   timeout (default 60): seconds to keep trying
",
    )
});

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let place = request.value("journal");
    let timeout: f64 = request.value("timeout").parse().unwrap_or(f64::NAN);
    let timeout = Duration::try_from_secs_f64(timeout).map_err(|_| {
        Error::usage(
            "timeout is not a number of seconds",
            request.value("timeout"),
            "write timeout=60",
        )
    })?;
    let lrs = statements::lrs(request, request.value("endpoint"))?;
    let mut journal = statements::open(Path::new(place))?;
    let mut new_id = || Uuid::parse(&glib::uuid_string_random()).unwrap_or(Uuid::v4([0; 16]));
    let closed = journal
        .close_abandoned(&mut new_id)
        .map_err(|error| Error::writing(Path::new(place), &error))?;
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
    summary.insert("said".into(), journal.contents().next.into());
    let courier = Courier::start(journal, Some(lrs), |_| {});
    let deadline = Instant::now() + timeout;
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
    summary.insert("delivered".into(), status.delivered.into());
    summary.insert("pending".into(), status.pending.into());
    summary.insert("dead-letters".into(), status.dead.into());
    summary.insert("closed-sessions".into(), closed.into());
    request.note(&format!(
        "{} delivered, {} pending, {} rejected for good",
        status.delivered, status.pending, status.dead
    ));
    request.stop.check().map_err(|stopped| {
        stopped.where_stopped(
            "the journal keeps the statements that are not delivered",
            place,
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
