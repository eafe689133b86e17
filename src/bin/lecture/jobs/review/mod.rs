// SPDX-License-Identifier: MPL-2.0

//! `review`: a page on which a person corrects and approves the drafts of a class.

mod api;
mod class;
mod classes;
mod copy;
mod drafts;
mod files;
mod findings;
mod work;

use std::ops::AddAssign;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use self::api::Page;
use self::class::Class;
use self::classes::Classes;
use super::Request;
use super::package::PackageOptions;
use super::summary::Summary;
use crate::error::Error;
use crate::options::{self, Options, Variable, options};
use crate::print;
use crate::serve::{Asked, Guard, Listen, Reply, Server};

pub const ABOUT: &str = "\
Opens the drafts of a class on a page in a browser: start, end, chapters, captions, approval.

It prints a link first; each link opens the page in one browser. It runs until Ctrl-C. The page saves the
files in OUT/drafts and makes the package with the variables given here, which are those of package.

For browsers that cannot play the recording, it makes a small copy in OUT/drafts/review.

If OUT is a folder of such folders, the first page lists the classes with what is left to approve.";

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
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReviewResults {
    /// Number of drafts that were saved or approved.
    pub saved: usize,
    /// Number of packages that were made.
    pub packages: usize,
}

impl AddAssign for ReviewResults {
    fn add_assign(&mut self, other: Self) {
        self.saved += other.saved;
        self.packages += other.packages;
    }
}

/// What is reviewed.
enum Site {
    Class(Arc<Page>),
    Folder(Classes),
}

impl Site {
    fn open(request: &Request, options: &PackageOptions) -> Result<Self, Error> {
        if let Some(classes) = Classes::open(request, &options.output)? {
            return Ok(Site::Folder(classes));
        }
        let page = Arc::new(Page::new(request, Class::open(request, options)?));
        page.listen_for_peaks();
        Ok(Site::Class(page))
    }

    fn answer(&self, asked: &Asked) -> Reply {
        match self {
            Site::Class(page) => page.answer(asked, asked.path()),
            Site::Folder(classes) => classes.answer(asked),
        }
    }

    fn finish(&self) -> ReviewResults {
        match self {
            Site::Class(page) => page.finish(),
            Site::Folder(classes) => classes.finish(),
        }
    }
}

/// Returns the variables of the page and of the packages that it makes.
pub fn variables() -> Vec<&'static Variable> {
    options::join([ReviewOptions::variables(), PackageOptions::variables()])
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = ReviewOptions::parse(&request.values)?;
    let site = Site::open(request, &PackageOptions::parse(&request.values)?)?;
    let server = Server::listen(options.listen, "listen")?;
    let guard = Guard::new(server.address(), options.public_url.as_deref())?;
    print::answer(guard.link());
    request.note("open this link in a browser; Ctrl-C ends the review");
    let site = Arc::new(site);
    let answering = site.clone();
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
    summary.add(&site.finish());
    Ok(())
}
