// SPDX-License-Identifier: MPL-2.0

//! A Learning Record Store over HTTP.

use std::{fmt, io::Read, time::Duration};

use serde_json::Value;
use ureq::{
    Agent,
    http::{Response, Uri},
};

use super::agent::agent;
use super::{Credentials, wall_clock};
use crate::xapi::{
    Uuid,
    outbox::{self, Answer, Comparison},
};

/// Longest time that an LRS may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// Largest answer in bytes; no useful answer is longer, and the rest is not read.
const LONGEST: u64 = 4 << 20;

/// Address of an LRS: the URL to which `statements` is appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint(String);

impl Endpoint {
    /// Parses an http or https URL without credentials, which would end up in logs.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text
            .parse()
            .map_err(|_| format!("the endpoint `{text}` is not a URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(format!("the endpoint `{text}` is not an http or https URL"));
        }
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(
                "the endpoint's URL contains credentials: give them as username and \
                        password, or token"
                    .into(),
            );
        }
        if uri.query().is_some() {
            return Err(format!("the endpoint `{text}` contains a query"));
        }
        Ok(Endpoint(format!("{}/", text.trim_end_matches('/'))))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connection to an LRS.
pub struct Lrs {
    agent: Agent,
    endpoint: Endpoint,
    authorization: Option<String>,
    /// The xAPI version to use, once it is known.
    version: Option<&'static str>,
    /// Whether the version was given, or was found after a rejection, and does not change again.
    fixed: bool,
}

struct Reply {
    status: u16,
    retry_after: Option<u64>,
    body: String,
}

impl Lrs {
    /// Makes a connection. `version` is `1.0.3`, `2.0.0`, or none to ask the LRS.
    pub fn new(
        endpoint: Endpoint,
        credentials: &Credentials,
        version: Option<&'static str>,
    ) -> Self {
        Lrs {
            agent: agent(PATIENCE, CONNECT),
            endpoint,
            authorization: credentials.header(),
            version,
            fixed: version.is_some(),
        }
    }

    /// Sends statements, byte for byte.
    pub fn post(&mut self, statements: &[String]) -> Answer {
        if let Err(answer) = self.negotiate() {
            return answer;
        }
        let mut request = self
            .agent
            .post(format!("{}statements", self.endpoint))
            .header("Content-Type", "application/json")
            .header("X-Experience-API-Version", self.version.unwrap_or("1.0.3"));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let reply = match read(request.send(format!("[{}]", statements.join(",")))) {
            Ok(reply) => reply,
            Err(words) => return Answer::Later { after: None, words },
        };
        let answer = outbox::answer(reply.status, reply.retry_after, &reply.body);
        // An LRS without an about resource reports an unsupported version only now.
        if let Answer::Refused(words) = &answer
            && !self.fixed
            && words.to_lowercase().contains("version")
        {
            self.fixed = true;
            self.version = Some(if self.version == Some("1.0.3") {
                "2.0.0"
            } else {
                "1.0.3"
            });
            return Answer::Later {
                after: None,
                words: words.clone(),
            };
        }
        answer
    }

    /// Gets the stored statement and compares it with ours.
    pub fn compare(&mut self, id: Uuid, ours: &str) -> Comparison {
        let url = format!("{}statements?statementId={id}", self.endpoint);
        match self.get(&url) {
            Ok(Reply {
                status: 200, body, ..
            }) => {
                let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
                match parse(ours).zip(parse(&body)) {
                    Some((ours, stored)) if outbox::same(&ours, &stored) => Comparison::Same,
                    _ => Comparison::Different,
                }
            }
            Ok(Reply { status: 404, .. }) => Comparison::Different,
            Ok(reply) => Comparison::Later(outbox::said(reply.status, &reply.body)),
            Err(words) => Comparison::Later(words),
        }
    }

    /// Returns all statements about an activity, oldest first, from all pages.
    pub fn statements(&mut self, activity: Option<&str>) -> Result<Vec<Value>, String> {
        if let Err(Answer::Later { words, .. } | Answer::Misconfigured(words)) = self.negotiate() {
            return Err(words);
        }
        let mut url = format!("{}statements?ascending=true", self.endpoint);
        if let Some(activity) = activity {
            url.push_str("&activity=");
            for byte in activity.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    url.push(char::from(byte));
                } else {
                    url.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        let mut statements = Vec::new();
        loop {
            let reply = self.get(&url)?;
            if reply.status != 200 {
                return Err(outbox::said(reply.status, &reply.body));
            }
            let page: Value = serde_json::from_str(&reply.body)
                .map_err(|error| format!("the endpoint is not an LRS: {error}"))?;
            statements.extend(page["statements"].as_array().cloned().unwrap_or_default());
            match page["more"].as_str() {
                Some(more) if !more.is_empty() => url = self.resolve(more),
                _ => return Ok(statements),
            }
        }
    }

    /// Resolves `more`, a URL relative to the endpoint's host (xAPI 1.0.3, part 2, 2.5).
    fn resolve(&self, more: &str) -> String {
        if more.starts_with("http://") || more.starts_with("https://") {
            return more.to_owned();
        }
        let endpoint = &self.endpoint.0;
        let host = endpoint.find("://").map_or(0, |at| at + 3);
        let path = endpoint[host..]
            .find('/')
            .map_or(endpoint.len(), |at| host + at);
        format!("{}/{}", &endpoint[..path], more.trim_start_matches('/'))
    }

    /// Finds out which version to use.
    fn negotiate(&mut self) -> Result<(), Answer> {
        if self.version.is_some() {
            return Ok(());
        }
        match self.get(&format!("{}about", self.endpoint)) {
            Ok(Reply {
                status: 200, body, ..
            }) => self.version = Some(outbox::version(Some(&body))),
            Ok(Reply {
                status: 429 | 500..,
                retry_after,
                body,
                ..
            }) => {
                return Err(Answer::Later {
                    after: retry_after,
                    words: outbox::said(503, &body),
                });
            }
            Ok(_) => self.version = Some(outbox::version(None)),
            Err(words) => return Err(Answer::Later { after: None, words }),
        }
        Ok(())
    }

    fn get(&self, url: &str) -> Result<Reply, String> {
        let mut request = self
            .agent
            .get(url)
            .header("X-Experience-API-Version", self.version.unwrap_or("1.0.3"));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        read(request.call())
    }
}

fn read(response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Reply, String> {
    let response = response.map_err(|error| error.to_string())?;
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let retry_after =
        header("retry-after").and_then(|value| outbox::retry_after(&value, wall_clock()));
    let status = response.status().as_u16();
    let location = header("location").filter(|_| (300..400).contains(&status));
    let mut body = Vec::new();
    // A 204 has no body, whatever its headers contain.
    if status != 204 {
        response
            .into_body()
            .into_reader()
            .take(LONGEST)
            .read_to_end(&mut body)
            .map_err(|error| error.to_string())?;
    }
    let body = match location {
        Some(location) => format!("the endpoint redirects to {location}"),
        None => String::from_utf8_lossy(&body).into_owned(),
    };
    Ok(Reply {
        status,
        retry_after,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_without_secrets() {
        let endpoint = Endpoint::parse("https://lrs.example.org/xapi").expect("a URL");
        assert_eq!(endpoint.to_string(), "https://lrs.example.org/xapi/");
        for bad in [
            "",
            "lrs",
            "ftp://lrs.example.org",
            "https://",
            "https://a/?b",
            "not a url",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
        let error = Endpoint::parse("https://tap:hunter2@lrs.example.org/").expect_err("refused");
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn the_next_page_is_relative_to_the_host() {
        let endpoint = Endpoint::parse("http://localhost:8100/xapi").expect("a URL");
        let lrs = Lrs::new(endpoint, &Credentials::None, None);
        assert_eq!(
            lrs.resolve("/xapi/statements?more=1"),
            "http://localhost:8100/xapi/statements?more=1"
        );
        assert_eq!(lrs.resolve("http://other/x"), "http://other/x");
    }
}
