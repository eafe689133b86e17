// SPDX-License-Identifier: MPL-2.0

//! The HTTP API of a LiveKit server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gstlecture::delivery::agent;
use gstlecture::record::live::livekit::{
    Claims, Grant, Person, api_address, read_participants, read_rooms, sign,
};
use ureq::Agent;

use super::super::token::Token;
use crate::error::Error;

/// Longest time that the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// Time for which a token of ours is valid, in seconds. The server renews the one of a recorder that has
/// joined.
const LIFETIME: u64 = 600;

/// A room of a server, and how the server knows the recorder.
pub struct Server {
    agent: Agent,
    api: String,
    /// The address as the user gave it.
    pub url: String,
    pub room: String,
    access: Access,
}

enum Access {
    Token { text: String, claims: Claims },
    Keys { key: String, secret: String },
}

/// A request that failed.
#[derive(Debug)]
pub enum Fault {
    /// The server does not answer.
    Gone(String),
    /// It answers with another status than 200.
    Refused { status: u16, text: String },
}

/// Whether there is a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    Open,
    Closed,
    /// The token does not allow to ask.
    Unknown,
}

impl Server {
    /// Reads the secrets; nothing is sent yet.
    ///
    /// # Errors
    /// The address or a secret is missing or wrong.
    pub fn new(
        url: &str,
        room: &str,
        token: Option<&Token>,
        keys: (Option<&Token>, Option<&Token>),
    ) -> Result<Self, Error> {
        let api = api_address(url).map_err(|what| {
            let place = format!("url={}", without_secret(url));
            Error::usage(what, place, "write for example url=wss://live.example.org")
        })?;
        let access = access(token, keys)?;
        let server = Server {
            // A token is for this server alone.
            agent: agent(PATIENCE, CONNECT),
            api,
            url: url.to_owned(),
            room: room.to_owned(),
            access,
        };
        if let Access::Token { claims, .. } = &server.access {
            claims.check(room, now()).map_err(|what| {
                Error::request(
                    what,
                    format!("room={room}"),
                    "make a new token for this room",
                )
            })?;
        }
        Ok(server)
    }

    /// Returns the token to join with.
    pub fn join_token(&self, identity: &str) -> String {
        match &self.access {
            Access::Token { text, .. } => text.clone(),
            Access::Keys { .. } => self.sign(Grant::Record { identity }),
        }
    }

    /// Returns whether the recorder may ask who is in the room.
    pub fn can_look(&self) -> bool {
        match &self.access {
            Access::Token { claims, .. } => claims.may_look,
            Access::Keys { .. } => true,
        }
    }

    /// Returns whether the people in the room can see the recorder.
    pub fn is_seen(&self) -> bool {
        match &self.access {
            Access::Token { claims, .. } => !claims.is_hidden,
            Access::Keys { .. } => false,
        }
    }

    fn sign(&self, grant: Grant) -> String {
        match &self.access {
            Access::Token { text, .. } => text.clone(),
            Access::Keys { key, secret } => sign(key, secret, &self.room, grant, now() + LIFETIME),
        }
    }

    /// Asks whether the server would let the recorder join.
    pub fn validate(&self) -> Result<(), Fault> {
        let token = self.join_token("recorder");
        let request = self
            .agent
            .get(format!("{}/rtc/validate", self.api))
            .header("Authorization", format!("Bearer {token}"));
        read(request.call()).map(|_| ())
    }

    /// Returns who is in the room.
    pub fn people(&self) -> Result<Vec<Person>, Fault> {
        let body = serde_json::json!({ "room": self.room });
        let answer = self.ask("ListParticipants", &body)?;
        read_participants(&answer).map_err(|text| Fault::Refused { status: 200, text })
    }

    /// Returns whether the room is open.
    pub fn presence(&self) -> Result<Presence, Fault> {
        if let Access::Token { .. } = self.access {
            return self.validate().map(|()| Presence::Unknown);
        }
        let body = serde_json::json!({ "names": [self.room] });
        let answer = self.ask("ListRooms", &body)?;
        let rooms = read_rooms(&answer).map_err(|text| Fault::Refused { status: 200, text })?;
        Ok(match rooms.contains(&self.room) {
            true => Presence::Open,
            false => Presence::Closed,
        })
    }

    fn ask(&self, method: &str, body: &serde_json::Value) -> Result<String, Fault> {
        let request = self
            .agent
            .post(format!("{}/twirp/livekit.RoomService/{method}", self.api))
            .header("Content-Type", "application/json")
            .header(
                "Authorization",
                format!("Bearer {}", self.sign(Grant::Look)),
            );
        read(request.send(body.to_string()))
    }

    /// Turns a fault into the error of the job.
    pub fn error(&self, fault: &Fault) -> Error {
        let place = format!("{} room={}", self.url, self.room);
        match fault {
            Fault::Gone(text) => Error::later(
                format!("the LiveKit server does not answer ({text})"),
                place,
                "check url=, and that the server runs",
            ),
            Fault::Refused {
                status: 401 | 403,
                text,
            } => {
                let remedy = match self.access {
                    Access::Token { .. } => "make a new token for this room and this server",
                    Access::Keys { .. } => "correct api-key= and api-secret=",
                };
                Error::request(
                    format!("the server refuses the recorder ({text})"),
                    place,
                    remedy,
                )
            }
            Fault::Refused { status: 404, text } => Error::request(
                format!("there is no such room, or no LiveKit server ({text})"),
                place,
                "check url= and room=",
            ),
            Fault::Refused { status, text } => Error::later(
                format!("the server answers with status {status} ({text})"),
                place,
                "check url=, and try again",
            ),
        }
    }
}

fn access(
    token: Option<&Token>,
    (key, secret): (Option<&Token>, Option<&Token>),
) -> Result<Access, Error> {
    match (token, key, secret) {
        (Some(token), None, None) => {
            let text = token.read()?;
            let claims = Claims::read(&text).ok_or_else(|| {
                let remedy = "make one with LiveKit's server SDK or `lk token create`";
                Error::request("this is no token of LiveKit", token.place(), remedy)
            })?;
            Ok(Access::Token { text, claims })
        }
        (None, Some(key), Some(secret)) => Ok(Access::Keys {
            key: key.read()?,
            secret: secret.read()?,
        }),
        _ => Err(Error::usage(
            "the recorder cannot join without a token or a key",
            "from=livekit",
            "give token=env:NAME, or api-key=env:NAME and api-secret=env:NAME",
        )),
    }
}

/// Returns an address without what may be a secret.
fn without_secret(url: &str) -> String {
    let (url, query) = url
        .split_once('?')
        .map_or((url, ""), |(url, _)| (url, "?…"));
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}{query}"),
        _ => format!("{url}{query}"),
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Largest answer in bytes; a room of a thousand people has less.
const LONGEST: u64 = 8 << 20;
/// Longest text of an answer that is reported, in characters.
const LONGEST_TEXT: usize = 200;

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<String, Fault> {
    let mut answer = answer.map_err(|error| Fault::Gone(error.to_string()))?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(LONGEST);
    let text = body
        .read_to_string()
        .map_err(|error| Fault::Gone(error.to_string()))?;
    if status == 200 {
        return Ok(text);
    }
    // Twirp has the reason in `msg`.
    let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let reason = json.as_ref().and_then(|json| json.get("msg")?.as_str());
    let reason = reason.unwrap_or(text.trim());
    let text = without_tokens(reason);
    Err(Fault::Refused { status, text })
}

/// Returns a text of the server in one line: it repeats the token that it refuses.
fn without_tokens(text: &str) -> String {
    let words = text.split_whitespace();
    // Every JSON Web Token begins with `{"` in base64.
    let words = words.map(|word| if word.contains("eyJ") { "…" } else { word });
    let plain = words.collect::<Vec<_>>().join(" ");
    plain.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request; returns the server for it and, once it is joined, what was asked.
    fn one(status: &str, body: &str) -> (Server, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a request");
            let (mut asked, mut part) = (String::new(), [0; 4096]);
            while !(asked.ends_with('}') || asked.starts_with("GET") && asked.ends_with("\r\n\r\n"))
            {
                let size = stream.read(&mut part).expect("read");
                asked.push_str(&String::from_utf8_lossy(&part[..size]));
            }
            stream.write_all(answer.as_bytes()).expect("written");
            asked
        });
        let keys = Access::Keys {
            key: "key".into(),
            secret: "secret".into(),
        };
        let agent = Agent::config_builder().http_status_as_error(false).build();
        let server = Server {
            agent: agent.into(),
            api: api_address(&url).expect("an address"),
            url,
            room: "class".into(),
            access: keys,
        };
        (server, thread)
    }

    #[test]
    fn the_api_is_asked_with_a_token_of_the_room() {
        let (server, asked) = one("200 OK", r#"{"rooms":[{"name":"class"}]}"#);
        assert_eq!(server.presence().expect("an answer"), Presence::Open);
        let asked = asked.join().expect("asked");
        assert!(
            asked.starts_with("POST /twirp/livekit.RoomService/ListRooms "),
            "{asked}"
        );
        assert!(asked.ends_with(r#"{"names":["class"]}"#), "{asked}");
        let token = asked.split_once("Bearer ").expect("a token").1;
        let claims = Claims::read(token.lines().next().expect("a line")).expect("claims");
        assert!(claims.may_look && claims.room.as_deref() == Some("class"));
        let (server, _) = one("200 OK", r#"{"rooms":[]}"#);
        assert_eq!(server.presence().expect("an answer"), Presence::Closed);
        let (server, _) = one("200 OK", r#"{"participants":[{"identity":"ada"}]}"#);
        assert_eq!(server.people().expect("an answer")[0].identity, "ada");
    }

    #[test]
    fn each_fault_has_an_error_that_says_what_to_do() {
        let (server, _) = one(
            "401 Unauthorized",
            "invalid token: eyJh.eyJp.x, error: expired",
        );
        let error = server.error(&server.validate().expect_err("refused"));
        let text = error.to_string();
        assert!(
            text.contains("error: expired") && !text.contains("eyJ"),
            "{text}"
        );
        assert!(text.contains("api-secret="), "{text}");
        assert_eq!(error.status(), 1);
        let (server, _) = one("404 Not Found", r#"{"code":"not_found","msg":"no room"}"#);
        let error = server.error(&server.people().expect_err("refused"));
        assert!(error.to_string().contains("no room"), "{error}");
        let (server, _) = one("503 Service Unavailable", "");
        assert_eq!(
            server.error(&server.validate().expect_err("busy")).status(),
            75
        );
        let (server, _) = one("200 OK", "<html>");
        assert_eq!(
            server.error(&server.people().expect_err("a page")).status(),
            75
        );
        // It has answered once and is gone.
        let error = server.error(&server.people().expect_err("gone"));
        assert!(error.to_string().contains("does not answer"), "{error}");
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        assert_eq!(without_secret("ws://a:7880"), "ws://a:7880");
        assert_eq!(without_secret("ws://k:s@a:7880?t=1"), "ws://…@a:7880?…");
        assert_eq!(without_secret("ws://a?access_token=x"), "ws://a?…");
    }

    #[test]
    fn a_token_that_the_server_repeats_is_not_reported() {
        let text = "invalid token: eyJh.eyJp.x, error:\nsignature";
        assert_eq!(without_tokens(text), "invalid token: … error: signature");
        assert_eq!(without_tokens(&"a".repeat(999)).len(), LONGEST_TEXT);
    }
}
