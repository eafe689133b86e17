// SPDX-License-Identifier: MPL-2.0

//! `review`: a page on which a person corrects and approves the drafts of a class.

mod api;
mod class;
mod drafts;
mod findings;
mod packaging;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use self::api::Page;
use self::class::Class;
use super::Request;
use super::package::PackageOptions;
use super::summary::Summary;
use crate::error::Error;
use crate::options::{self, Options, Variable, options};
use crate::print;
use crate::serve::{Guard, Listen, Server};

pub const ABOUT: &str = "\
Opens the drafts of a class on a page in a browser: start, end, chapters, captions, approval.

It prints a link first; each link opens the page in one browser. It runs until Ctrl-C. The page saves the
files in OUT/drafts and makes the package with the variables given here, which are those of package.";

options! {
    /// Variables of `review` beside those of `package`.
    pub struct ReviewOptions {
        /// address and port to listen on; port 0 takes any free one
        "listen" (default "127.0.0.1:0") => listen: Listen,
        /// address of the page if a proxy stands before it, for example https://review.example.org
        "public-url" (optional) => public_url: Option<String>,
    }
}

/// Largest size of what the page sends, in bytes: that of the largest caption file.
const LARGEST: u64 = 64 << 20;
/// Interval of checks for a stop of the program.
const PATIENCE: Duration = Duration::from_millis(200);

/// Results of `review`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReviewResults {
    /// Number of drafts that were saved or approved.
    pub saved: usize,
    /// Number of packages that were made.
    pub packages: usize,
}

/// Returns the variables of the page and of the packages that it makes.
pub fn variables() -> Vec<&'static Variable> {
    options::join([ReviewOptions::variables(), PackageOptions::variables()])
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = ReviewOptions::parse(&request.values)?;
    let class = Class::open(request, &PackageOptions::parse(&request.values)?)?;
    let server = Server::listen(options.listen, "listen")?;
    let guard = Guard::new(server.address(), options.public_url.as_deref())?;
    print::answer(guard.link());
    request.note("open this link in a browser; Ctrl-C ends the review");
    let page = Arc::new(Page::new(request, class));
    page.listen_for_peaks();
    let answering = page.clone();
    let serving = server.start(LARGEST, move |asked| {
        let link = guard.link();
        let refused = guard.check(asked);
        if guard.link() != link {
            print::note(format_args!("for another browser: {}", guard.link()));
        }
        refused.unwrap_or_else(|| answering.answer(asked))
    });
    while request.stop.check().is_ok() {
        thread::sleep(PATIENCE);
    }
    drop(serving);
    summary.add(&page.finish());
    Ok(())
}
