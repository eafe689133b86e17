// SPDX-License-Identifier: MPL-2.0

//! `unpublish`: what was published is taken back.

use gstlecture::package::publication::listing::LISTING;
use once_cell::sync::Lazy;

use super::{Request, Summary, publish};
use crate::destination::Destination;
use crate::engine::description::Description;
use crate::error::Error;
use crate::print;

/// There is no pipeline: what stands here is the job's documentation.
pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "unpublish",
        "# Removes what publish has put at a destination, and nothing else that is there.
#
# Playlists and manifest go first, so that nobody begins to watch what is going. What a CDN has kept
# of it stays there for a minute, segments for a year: tell the CDN to forget them. An interrupted
# run is finished by the same command. --print lists what would be removed, and removes nothing.
#
# Variables:
#   to (required): the folder or remote that the package was published to
",
    )
});

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let destination = Destination::open(request.value("to"))?;
    let place = destination.shown();
    let stop = &request.stop;
    if !destination.names(stop)?.contains(LISTING) {
        return Err(Error::request(
            format!("publish has put nothing there: it holds no {LISTING}"),
            place,
            "name the place as publish was told it",
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
            "some of it is still there",
            &place,
            "the same command goes on",
        )
    })?;
    request.note(&format!("{place}: files removed: {}", listing.files.len()));
    summary.insert("to".into(), place.into());
    summary.insert("removed".into(), listing.files.len().into());
    Ok(())
}
