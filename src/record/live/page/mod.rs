// SPDX-License-Identifier: MPL-2.0

//! A web page while it is recorded, as a browser reports it by the Chrome DevTools Protocol.
//!
//! [`Page`] makes the requests and reads the answers and events; it has no connection of its own. The
//! browser is one with `Target.attachToTarget` in its flat form: every message of the page has the
//! identifier of a session.

use serde_json::{Value, json};

mod address;

pub use address::{shown, template};

/// The message by which a page of LiveKit's recorder templates reports that it is ready.
const START: &str = "START_RECORDING";
/// The message by which such a page ends the recording.
const END: &str = "END_RECORDING";

/// Number of errors of scripts that are reported; a page may raise one per frame.
const MOST_ERRORS: usize = 20;
/// Largest size of a text of a page that is reported, in characters.
const LONGEST_TEXT: usize = 200;

/// When a page is ready to be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ready {
    /// Once it is loaded.
    Load,
    /// Once it logs `START_RECORDING`.
    Signal,
}

/// A consequence of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// This is to be sent to the browser.
    Send(Value),
    /// This is to be reported.
    Note(String),
    /// The page can be recorded from now on.
    Ready,
    /// The page ends the recording.
    End,
    /// The page has crashed; [`Page::load`] shows it again.
    Crash,
    /// The page cannot be shown.
    Fail(String),
}

/// The request to which an answer belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Attach,
    Navigate,
    /// For the error that a template of LiveKit shows.
    Error,
    /// For nothing but that it is done.
    Rest,
}

/// A page in a browser of its own.
#[derive(Debug)]
pub struct Page {
    url: String,
    ready: Ready,
    /// A text that is never reported.
    secret: Option<String>,
    /// The requests without an answer, by their numbers.
    asked: Vec<(u64, Asked)>,
    count: u64,
    target: Option<String>,
    session: Option<String>,
    /// The browser has started to show the page.
    is_committed: bool,
    /// The loader of the page's document, once the browser has started to show it.
    loader: Option<String>,
    /// The loader of the document that was loaded last: the browser may report that before it answers
    /// that it has started to show the page.
    loaded: Option<String>,
    is_ready: bool,
    is_crashed: bool,
    errors: usize,
}

impl Page {
    /// Describes the page of an address. `secret` is a part of it that is not to be reported.
    pub fn new(url: String, ready: Ready, secret: Option<String>) -> Self {
        Page {
            url,
            ready,
            secret: secret.filter(|secret| !secret.is_empty()),
            asked: Vec::new(),
            count: 0,
            target: None,
            session: None,
            is_committed: false,
            loader: None,
            loaded: None,
            is_ready: false,
            is_crashed: false,
            errors: 0,
        }
    }

    /// Returns the first request to a browser that has just started.
    pub fn open(&mut self) -> Value {
        (self.target, self.session) = (None, None);
        self.asked.clear();
        self.ask(
            "Target.setDiscoverTargets",
            &json!({"discover": true}),
            Asked::Rest,
        )
    }

    /// Returns the request to load the page, at first or again.
    pub fn load(&mut self) -> Value {
        (self.is_committed, self.is_ready, self.is_crashed) = (false, false, false);
        (self.loader, self.loaded) = (None, None);
        let url = self.url.clone();
        self.ask("Page.navigate", &json!({"url": url}), Asked::Navigate)
    }

    /// Reads a message of the browser.
    pub fn take(&mut self, message: &Value) -> Vec<Step> {
        let params = &message["params"];
        if let Some(id) = message["id"].as_u64() {
            return self.take_answer(id, message);
        }
        let is_own = self.session.is_some() && message["sessionId"].as_str() == self.session();
        match message["method"].as_str().unwrap_or_default() {
            "Target.targetCreated" => self.take_target(&params["targetInfo"]),
            "Target.targetCrashed" if params["targetId"].as_str() == self.target() => self.crash(),
            "Inspector.targetCrashed" if is_own => self.crash(),
            "Network.responseReceived" if is_own => self.take_response(params),
            "Page.loadEventFired" if is_own => self.take_load(),
            "Page.lifecycleEvent" if is_own => self.take_stage(params),
            "Page.javascriptDialogOpening" if is_own => self.dismiss(params),
            "Runtime.consoleAPICalled" if is_own => self.take_log(params),
            "Runtime.exceptionThrown" if is_own => self.take_error(&params["exceptionDetails"]),
            _ => Vec::new(),
        }
    }

    fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Makes a request: to the browser if it is about targets, else to the page.
    fn ask(&mut self, method: &str, params: &Value, asked: Asked) -> Value {
        self.count += 1;
        self.asked.push((self.count, asked));
        let mut request = json!({"id": self.count, "method": method, "params": params});
        let session = self.session.as_deref();
        let session = session.filter(|_| !method.starts_with("Target."));
        if let (Some(session), Some(object)) = (session, request.as_object_mut()) {
            object.insert("sessionId".into(), session.into());
        }
        request
    }

    fn take_answer(&mut self, id: u64, message: &Value) -> Vec<Step> {
        let Some(at) = self.asked.iter().position(|(asked, _)| *asked == id) else {
            return Vec::new();
        };
        let (_, asked) = self.asked.remove(at);
        let result = &message["result"];
        match asked {
            Asked::Attach => self.attach(result["sessionId"].as_str()),
            Asked::Navigate => {
                let refused = message["error"]["message"].as_str();
                match refused.or(result["errorText"].as_str()) {
                    Some(error) => vec![Step::Fail(format!(
                        "the page cannot be opened ({})",
                        self.clip(error)
                    ))],
                    None => {
                        self.is_committed = true;
                        self.loader = result["loaderId"].as_str().map(str::to_owned);
                        self.look_for_load()
                    }
                }
            }
            Asked::Error => match result["result"]["value"].as_str() {
                Some(text) if !text.trim().is_empty() => {
                    let text = self.clip(text.trim());
                    vec![Step::Fail(format!("the page shows an error: {text}"))]
                }
                _ => Vec::new(),
            },
            Asked::Rest => Vec::new(),
        }
    }

    /// Takes the first page that there is. Others, which it opens, would cover it.
    fn take_target(&mut self, info: &Value) -> Vec<Step> {
        let Some(id) = info["targetId"]
            .as_str()
            .filter(|_| info["type"].as_str() == Some("page"))
        else {
            return Vec::new();
        };
        if self.target.is_none() {
            self.target = Some(id.to_owned());
            let params = json!({"targetId": id, "flatten": true});
            return vec![Step::Send(self.ask(
                "Target.attachToTarget",
                &params,
                Asked::Attach,
            ))];
        }
        if self.target() == Some(id) {
            return Vec::new();
        }
        let close = json!({"targetId": id});
        vec![
            Step::Note("the page opened another window, which was closed".into()),
            Step::Send(self.ask("Target.closeTarget", &close, Asked::Rest)),
        ]
    }

    fn attach(&mut self, session: Option<&str>) -> Vec<Step> {
        let Some(session) = session else {
            return vec![Step::Fail("the browser does not show a page".into())];
        };
        self.session = Some(session.to_owned());
        let domains = ["Page", "Runtime", "Network", "Inspector"];
        let mut steps: Vec<Step> = domains
            .iter()
            .map(|domain| {
                Step::Send(self.ask(&format!("{domain}.enable"), &json!({}), Asked::Rest))
            })
            .collect();
        let stages = json!({"enabled": true});
        let stages = self.ask("Page.setLifecycleEventsEnabled", &stages, Asked::Rest);
        steps.push(Step::Send(stages));
        steps.push(Step::Send(self.load()));
        steps
    }

    fn take_response(&self, params: &Value) -> Vec<Step> {
        // The identifier of a page is also that of its main frame.
        let is_page = params["type"].as_str() == Some("Document")
            && params["frameId"].as_str() == self.target();
        match params["response"]["status"].as_u64() {
            Some(status) if is_page && status >= 400 => {
                vec![Step::Fail(format!("the server answers status {status}"))]
            }
            _ => Vec::new(),
        }
    }

    /// Remembers the document that is loaded.
    fn take_stage(&mut self, params: &Value) -> Vec<Step> {
        let is_load = params["name"].as_str() == Some("load");
        if !is_load || params["frameId"].as_str() != self.target() {
            return Vec::new();
        }
        self.loaded = params["loaderId"].as_str().map(str::to_owned);
        self.look_for_load()
    }

    /// Goes on once the document that is shown is loaded, whichever of the two is reported last.
    fn look_for_load(&mut self) -> Vec<Step> {
        match self.loader.is_some() && self.loader == self.loaded {
            true => self.take_load(),
            false => Vec::new(),
        }
    }

    fn take_load(&mut self) -> Vec<Step> {
        if !self.is_committed {
            return Vec::new();
        }
        match self.ready {
            Ready::Load => self.become_ready(),
            Ready::Signal => {
                let expression = "(e => e ? e.innerText : '')(document.querySelector('div.error'))";
                let params = json!({"expression": expression, "returnByValue": true});
                vec![Step::Send(self.ask(
                    "Runtime.evaluate",
                    &params,
                    Asked::Error,
                ))]
            }
        }
    }

    fn become_ready(&mut self) -> Vec<Step> {
        let was_ready = std::mem::replace(&mut self.is_ready, true);
        if was_ready {
            Vec::new()
        } else {
            vec![Step::Ready]
        }
    }

    fn take_log(&mut self, params: &Value) -> Vec<Step> {
        let arguments = params["args"].as_array().map_or(&[][..], Vec::as_slice);
        let has = |text: &str| {
            arguments
                .iter()
                .any(|argument| argument["value"].as_str() == Some(text))
        };
        if has(END) {
            vec![Step::End]
        } else if has(START) && self.ready == Ready::Signal {
            self.become_ready()
        } else {
            Vec::new()
        }
    }

    /// Closes a dialog, which would stop the page. Only the question whether to leave the page is
    /// answered by yes.
    fn dismiss(&mut self, params: &Value) -> Vec<Step> {
        let kind = params["type"].as_str().unwrap_or("dialog");
        let text = self.clip(params["message"].as_str().unwrap_or_default());
        let accept = json!({"accept": kind == "beforeunload"});
        let note = format!("warning: the page opened a dialog ({kind}), which was closed: {text}");
        vec![
            Step::Note(note),
            Step::Send(self.ask("Page.handleJavaScriptDialog", &accept, Asked::Rest)),
        ]
    }

    fn take_error(&mut self, details: &Value) -> Vec<Step> {
        self.errors += 1;
        if self.errors > MOST_ERRORS {
            return Vec::new();
        }
        let described = details["exception"]["description"].as_str();
        let text = described.or(details["text"].as_str()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let rest = match self.errors {
            MOST_ERRORS => "; later errors are not reported",
            _ => "",
        };
        let text = self.clip(line);
        vec![Step::Note(format!(
            "warning: a script of the page failed: {text}{rest}"
        ))]
    }

    fn crash(&mut self) -> Vec<Step> {
        let was_crashed = std::mem::replace(&mut self.is_crashed, true);
        if was_crashed {
            Vec::new()
        } else {
            vec![Step::Crash]
        }
    }

    /// Returns a text of the page as it is reported: in one line, not too long and without the secret.
    fn clip(&self, text: &str) -> String {
        let text = match &self.secret {
            Some(secret) => text.replace(secret, "…"),
            None => text.to_owned(),
        };
        let plain = |character: char| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        };
        text.chars().take(LONGEST_TEXT).map(plain).collect()
    }
}

#[cfg(test)]
mod tests;
