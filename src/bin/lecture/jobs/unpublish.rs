// SPDX-License-Identifier: MPL-2.0

//! `unpublish`: removes what was published.

use gstlecture::package::publication::listing::LISTING;
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::Summary;
use super::{Request, publish};
use crate::destination::Destination;
use crate::error::Error;
use crate::options::{Options, options};
use crate::print;

pub const ABOUT: &str = "\
Removes the files that publish sent to a destination, and nothing else.

Playlists and manifest are removed first, so that nobody starts to watch. A CDN keeps its copies
for a minute, those of segments for a year: purge them there. To resume an interrupted run, run
the same command again. --print lists what would be removed, and removes nothing.";

options! {
    /// Variables of `unpublish`.
    pub struct UnpublishOptions {
        /// the folder or remote that the package was published to
        "to" (required) => to: String,
    }
}

/// Results of `unpublish`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct UnpublishResults {
    /// The destination.
    pub to: String,
    /// Number of files that were removed.
    pub removed: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = UnpublishOptions::parse(&request.values)?;
    let destination = Destination::open(&options.to)?;
    let place = destination.shown();
    let stop = &request.stop;
    if !destination.names(stop)?.contains(LISTING) {
        return Err(Error::request(
            format!("nothing has been published there: there is no {LISTING}"),
            place,
            "give the same to= as for publish",
        ));
    }
    let listing = publish::read_listing(&destination, request)?;
    let (first, rest) = listing.removal();
    if request.print {
        for path in first.iter().chain(&rest) {
            print::answer(path);
        }
        return Ok(());
    }
    let removed = destination
        .remove(&first, stop)
        .and_then(|()| destination.remove(&rest, stop))
        .and_then(|()| destination.remove(&[LISTING.to_owned()], stop));
    removed.map_err(|error| {
        error.where_stopped(
            "some of the files are still there",
            &place,
            "run the same command again to resume",
        )
    })?;
    request.note(&format!("{place}: files removed: {}", listing.files.len()));
    summary.add(&UnpublishResults {
        to: place,
        removed: listing.files.len(),
    });
    Ok(())
}
