// SPDX-License-Identifier: MPL-2.0

//! A web page as a source: a browser shows it on a display of its own, with sound of its own.

mod browser;
mod pipe;
mod stage;

use std::time::{Duration, Instant};

use gstlecture::record::live::Retry;
use gstlecture::record::live::page::{self, Page, Ready, Step};
use gstlecture::timeline::Time;

use self::browser::{Browser, Next};
use self::stage::Stage;
use super::token::Token;
use crate::error::Error;
use crate::options::{FromText, Wrong, options};
use crate::print;
use crate::stop::Stop;

/// Interval at which the browser is looked at until the page is ready.
const POLL: Duration = Duration::from_millis(100);

/// Largest number of messages that are read at once: a page that logs without end does not hold up the
/// recording.
const MOST_AT_ONCE: usize = 1000;

/// A page that was well for this long is shown again soon after it has crashed.
const SETTLED: Duration = Duration::from_secs(120);

options! {
    /// The page that is recorded.
    pub struct WebOptions {
        /// from=web: address of the page; from=livekit, and with template=: that of the LiveKit server, for
        /// example wss://live.example.org
        "url" (optional) => url: Option<String>,
        /// from=web: address of one of LiveKit's recorder templates; layout=, url= and token= are added
        /// to it as LiveKit does
        "template" (optional) => template: Option<String>,
        /// from=web: load records the page once it is loaded, signal once it logs START_RECORDING
        /// (default: load, with template= signal)
        "ready" (optional) => ready: Option<Ready>,
        /// from=web: the page must be ready after this many seconds
        "ready-timeout" (default "30") => ready_timeout: Duration,
        /// from=web: restart shows a page that has crashed again, end ends the recording
        "on-crash" (default "restart") => on_crash: OnCrash,
        /// from=web: the user of the browser if root records: Chromium keeps its sandbox
        "browser-user" (default "nobody") => browser_user: String,
    }
}

impl FromText for Ready {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "load" => Ok(Ready::Load),
            "signal" => Ok(Ready::Signal),
            _ => Err(Wrong::Form("write load or signal")),
        }
    }
}

/// The course of a recording whose page has crashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnCrash {
    Restart,
    End,
}

impl FromText for OnCrash {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "restart" => Ok(OnCrash::Restart),
            "end" => Ok(OnCrash::End),
            _ => Err(Wrong::Form("write restart or end")),
        }
    }
}

/// A page that is shown, until this is dropped.
pub struct Web {
    page: Page,
    // It ends before its display.
    browser: Option<Browser>,
    stage: Stage,
    on_crash: OnCrash,
    /// The address as it may be reported.
    shown: String,
    started: Instant,
    crashed: Option<Instant>,
    /// The page has crashed, and is not shown again yet.
    is_gone: bool,
    retry: Retry,
}

impl Web {
    /// Shows the page and waits until it is ready. Its size is in pixels.
    ///
    /// # Errors
    /// A program is missing, the page cannot be shown, or it does not become ready.
    pub fn open(
        options: &WebOptions,
        layout: &str,
        token: Option<&Token>,
        size: (u64, u64),
        stop: &Stop,
    ) -> Result<Self, Error> {
        check_size(size)?;
        let (url, secret) = address(options, layout, token)?;
        let shown = page::shown(&url);
        let default = match options.template {
            Some(_) => Ready::Signal,
            None => Ready::Load,
        };
        let ready = options.ready.unwrap_or(default);
        let stage = Stage::open(&options.browser_user, size)?;
        let mut web = Web {
            page: Page::new(url, ready, secret),
            browser: None,
            stage,
            on_crash: options.on_crash,
            shown,
            started: Instant::now(),
            crashed: None,
            is_gone: false,
            retry: Retry::default(),
        };
        web.start()?;
        web.wait_until_ready(ready, options.ready_timeout, stop)?;
        Ok(web)
    }

    /// Returns the name of the display and the address of the sound server.
    pub fn places(&self) -> (&str, &str) {
        (&self.stage.display, &self.stage.sound)
    }

    fn start(&mut self) -> Result<(), Error> {
        // The one before ends first.
        self.browser = None;
        let browser = self.browser.insert(Browser::start(&self.stage)?);
        let first = self.page.open();
        browser.send(&first);
        Ok(())
    }

    fn wait_until_ready(
        &mut self,
        ready: Ready,
        timeout: Duration,
        stop: &Stop,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            stop.check()?;
            match self.next(POLL) {
                Some(Step::Ready) => return Ok(()),
                Some(Step::Crash) => {
                    return Err(self.failed("the browser or the page crashed at its start"));
                }
                Some(Step::End) => {
                    return Err(self.failed("the page ended the recording before it was ready"));
                }
                Some(Step::Fail(text)) => return Err(self.failed(&text)),
                _ => {}
            }
        }
        let seconds = timeout.as_secs_f64();
        let remedy = match ready {
            Ready::Load => "give ready-timeout= more seconds, or try the page in a browser",
            Ready::Signal => {
                "give ready-timeout= more seconds, or ready=load for a page that does not log START_RECORDING"
            }
        };
        let what = format!("the page was not ready after {seconds} s");
        Err(Error::later(what, &*self.shown, remedy))
    }

    fn failed(&self, what: &str) -> Error {
        Error::request(
            what,
            &*self.shown,
            "correct the address, or try the page in a browser",
        )
    }

    /// Returns the next consequence of what the browser reports; requests and notes are dealt with. A
    /// browser that has ended is one that has crashed.
    fn next(&mut self, wait: Duration) -> Option<Step> {
        let browser = self.browser.as_mut()?;
        let message = match browser.next(wait) {
            Next::Message(message) => message,
            Next::Nothing => return None,
            Next::Closed => {
                self.browser = None;
                return Some(Step::Crash);
            }
        };
        let mut last = Some(Step::Note(String::new()));
        for step in self.page.take(&message) {
            match step {
                Step::Send(request) => browser.send(&request),
                Step::Note(note) => print::note(note),
                step => last = Some(step),
            }
        }
        last
    }

    /// Looks after the page while it is recorded. Returns whether it ends the recording.
    ///
    /// # Errors
    /// The page is gone, and is not to be shown again.
    pub fn check(&mut self) -> Result<bool, Error> {
        for _ in 0..MOST_AT_ONCE {
            let Some(step) = self.next(Duration::ZERO) else {
                break;
            };
            let what = match step {
                Step::End => return Ok(true),
                Step::Crash => "the page has crashed".to_owned(),
                Step::Fail(text) => text,
                _ => continue,
            };
            if self.on_crash == OnCrash::End {
                let remedy = "the recording is whole until then; on-crash=restart goes on with it";
                return Err(Error::later(what, &*self.shown, remedy));
            }
            print::note(format_args!("warning: {what}, it is shown again"));
            if self.crashed.is_none_or(|last| last.elapsed() > SETTLED) {
                self.retry = Retry::default();
            }
            self.crashed = Some(Instant::now());
            self.retry.fail(self.now());
            self.is_gone = true;
        }
        if self.is_gone && self.retry.is_due(self.now()) {
            self.is_gone = false;
            self.show_again()?;
        }
        Ok(false)
    }

    fn show_again(&mut self) -> Result<(), Error> {
        match &mut self.browser {
            Some(browser) => {
                let load = self.page.load();
                browser.send(&load);
                Ok(())
            }
            None => self.start(),
        }
    }

    fn now(&self) -> Time {
        let elapsed = self.started.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

/// Refuses a size that the encoder does not take.
fn check_size((width, height): (u64, u64)) -> Result<(), Error> {
    let is_taken = |side: u64| side.is_multiple_of(2) && (64..=8192).contains(&side);
    if is_taken(width) && is_taken(height) {
        return Ok(());
    }
    Err(Error::usage(
        "the page cannot be recorded in this size",
        format!("width={width} height={height}"),
        "give even numbers from 64 to 8192",
    ))
}

/// Returns the address of the page and the secret in it.
fn address(
    options: &WebOptions,
    layout: &str,
    token: Option<&Token>,
) -> Result<(String, Option<String>), Error> {
    let missing = |what: &str| Error::usage(what, "from=web", "see `lecture record --help`");
    let url = options.url.as_deref();
    let Some(template) = &options.template else {
        let url = url.ok_or_else(|| missing("url= is missing"))?;
        return Ok((url.to_owned(), None));
    };
    let server =
        url.ok_or_else(|| missing("the address of the LiveKit server, url=, is missing"))?;
    let token = token.ok_or_else(|| missing("the token of the room, token=, is missing"))?;
    let token = token.read()?;
    let address = page::template(template, layout, server, &token);
    Ok((address, Some(token)))
}
