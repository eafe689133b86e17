// SPDX-License-Identifier: MPL-2.0

//! `unpublish`: removes what was published.

use gstlecture::package::publication::listing::LISTING;
use once_cell::sync::Lazy;

use super::{Request, Summary, publish};
use crate::destination::Destination;
use crate::engine::description::Description;
use crate::error::Error;
use crate::print;

/// The job has no pipeline: the description is its documentation.
pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "unpublish",
        "# Removes the files that publish sent to a destination, and nothing else.
#
# Playlists and manifest are removed first, so that nobody starts to watch. A CDN keeps its copies
# for a minute, those of segments for a year: purge them there. To resume an interrupted run, run
# the same command again. --print lists what would be removed, and removes nothing.
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
    summary.insert("to".into(), place.into());
    summary.insert("removed".into(), listing.files.len().into());
    Ok(())
}
