// SPDX-License-Identifier: MPL-2.0

//! The requests of the WebRTC-HTTP ingestion protocol (WHIP, RFC 9725).
//!
//! - `POST /whip` or `POST /whip/PARTICIPANT` publishes; the query may have `label`, `role` and
//!   `source=screen`.
//! - `DELETE /session/ID`, the `Location` of the answer, ends that.
//! - `OPTIONS` answers the preflight request of a page of another origin.
//!
//! A sender may not trickle candidates: `PATCH` is refused, as RFC 9725 (4.3) has it.

use percent_encoding::percent_decode_str;

use crate::record::layout::Role;

/// The media type of a session description.
pub const SDP: &str = "application/sdp";

/// Largest session description in bytes.
pub const LARGEST_OFFER: usize = 256 << 10;

/// Longest identifier or label of a participant, in characters.
const LONGEST_NAME: usize = 128;

const ENDPOINT: &str = "/whip";
const SESSIONS: &str = "/session/";

/// A request without its body. The fields are absent where the request has no such header.
#[derive(Clone, Copy, Default, Debug)]
pub struct Head<'a> {
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    pub content_type: Option<&'a str>,
    pub accept: Option<&'a str>,
    pub authorization: Option<&'a str>,
    pub origin: Option<&'a str>,
    /// Number of bytes of the body.
    pub length: Option<usize>,
}

/// A request that is allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    Publish(Publisher),
    /// Ends the session with this identifier.
    Leave(String),
    /// Returns what is allowed.
    Options,
}

/// Somebody who publishes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Publisher {
    /// The identifier, if the path has one.
    pub participant: Option<String>,
    pub label: Option<String>,
    pub role: Role,
    /// The video is a shared screen, and the audio is the screen's.
    pub is_screen: bool,
}

/// The status and the reason with which a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub status: u16,
    pub reason: &'static str,
    /// The methods that are allowed, with status 405.
    pub allow: Option<&'static str>,
}

impl Refusal {
    pub const fn new(status: u16, reason: &'static str) -> Self {
        Refusal {
            status,
            reason,
            allow: None,
        }
    }
}

/// Reads a request. `token` is the bearer token that it must have, if there is one.
///
/// # Errors
/// The request is refused.
pub fn read(head: &Head, token: Option<&str>) -> Result<Asked, Refusal> {
    let (path, query) = head.target.split_once('?').unwrap_or((head.target, ""));
    let session = path.strip_prefix(SESSIONS).filter(|id| !id.is_empty());
    let name = path.strip_prefix(ENDPOINT).and_then(|rest| match rest {
        "" | "/" => Some(""),
        rest => rest.strip_prefix('/').filter(|name| !name.contains('/')),
    });
    let allow = match (session, name) {
        (Some(_), _) => "DELETE, OPTIONS",
        (None, Some(_)) => "POST, OPTIONS",
        (None, None) => return Err(Refusal::new(404, "there is no such endpoint; use /whip")),
    };
    if head.method == "OPTIONS" {
        return Ok(Asked::Options);
    }
    if !is_authorized(head.authorization, token) {
        return Err(Refusal::new(401, "the bearer token is missing or wrong"));
    }
    match (head.method, session, name) {
        ("DELETE", Some(id), _) => Ok(Asked::Leave(id.to_owned())),
        ("POST", None, Some(name)) => {
            check_form(head)?;
            Ok(Asked::Publish(publisher(name, query)?))
        }
        _ => Err(Refusal {
            allow: Some(allow),
            ..Refusal::new(405, "the method is not allowed here")
        }),
    }
}

/// Returns the origin to which a browser may show the answers. Without a token, pages of other machines
/// may not use an endpoint that listens for this machine alone.
pub fn allowed_origin(origin: Option<&str>, has_token: bool) -> Option<&str> {
    let origin = origin?;
    let host = origin.split_once("://").map(|(_, host)| host)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, _)| host)?,
        None => host.split(':').next()?,
    };
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
    (has_token || is_local).then_some(origin)
}

/// Compares in a time that does not depend on the first difference.
fn is_authorized(given: Option<&str>, token: Option<&str>) -> bool {
    let Some(token) = token else {
        return true;
    };
    let given = given.and_then(|given| given.split_once(' '));
    let Some(given) = given
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, given)| given.trim())
    else {
        return false;
    };
    let pairs = given.bytes().zip(token.bytes());
    let differs = pairs.fold(0, |differs, (given, own)| differs | (given ^ own));
    given.len() == token.len() && differs == 0
}

/// Checks the headers about the body, and the kind of the answer.
fn check_form(head: &Head) -> Result<(), Refusal> {
    let is_sdp = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(SDP)
    };
    if !head.content_type.is_some_and(is_sdp) {
        return Err(Refusal::new(415, "the offer must be application/sdp"));
    }
    let is_accepted = |kinds: &str| {
        kinds.split(',').any(|kind| {
            let plain = kind.split(';').next().unwrap_or_default().trim();
            is_sdp(kind) || matches!(plain, "*/*" | "application/*")
        })
    };
    if !head.accept.is_none_or(is_accepted) {
        return Err(Refusal::new(406, "the answer is application/sdp"));
    }
    match head.length {
        None => Err(Refusal::new(411, "the offer has no Content-Length")),
        Some(0) => Err(Refusal::new(400, "the offer is empty")),
        Some(length) if length > LARGEST_OFFER => Err(Refusal::new(413, "the offer is too large")),
        Some(_) => Ok(()),
    }
}

fn publisher(name: &str, query: &str) -> Result<Publisher, Refusal> {
    let mut publisher = Publisher {
        participant: text(name)?,
        ..Publisher::default()
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            ("label", label) => publisher.label = text(&label.replace('+', " "))?,
            ("role", "host") => publisher.role = Role::Host,
            ("role", "participant") => publisher.role = Role::Participant,
            ("role", "interpreter") => publisher.role = Role::Interpreter,
            ("source", "screen") => publisher.is_screen = true,
            ("source", "camera") => publisher.is_screen = false,
            ("role" | "source", _) => {
                let reason = "role is host, participant or interpreter; source is camera or screen";
                return Err(Refusal::new(400, reason));
            }
            // Of a later version, or of a proxy.
            _ => {}
        }
    }
    Ok(publisher)
}

/// Decodes a part of a URL.
fn text(encoded: &str) -> Result<Option<String>, Refusal> {
    let decoded = percent_decode_str(encoded).decode_utf8();
    let decoded = decoded.map_err(|_| Refusal::new(400, "a name is not UTF-8"))?;
    let decoded = decoded.trim();
    if decoded.chars().count() > LONGEST_NAME || decoded.chars().any(char::is_control) {
        return Err(Refusal::new(400, "a name is too long or not plain text"));
    }
    Ok((!decoded.is_empty()).then(|| decoded.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Head = Head {
        method: "POST",
        target: "/whip/ada",
        content_type: Some("application/sdp"),
        accept: None,
        authorization: None,
        origin: None,
        length: Some(2000),
    };

    fn status(head: &Head, token: Option<&str>) -> u16 {
        read(head, token).expect_err("refused").status
    }

    #[test]
    fn an_offer_names_who_publishes() {
        let named = |target| match read(&Head { target, ..OFFER }, None) {
            Ok(Asked::Publish(publisher)) => publisher,
            other => panic!("{target}: {other:?}"),
        };
        assert_eq!(named("/whip"), Publisher::default());
        assert_eq!(named("/whip/"), Publisher::default());
        let full = named("/whip/a%20b?label=Ada+L%C3%B6we&role=host&source=screen&x=1");
        let expected = Publisher {
            participant: Some("a b".into()),
            label: Some("Ada Löwe".into()),
            role: Role::Host,
            is_screen: true,
        };
        assert_eq!(full, expected);
        let delete = Head {
            method: "DELETE",
            target: "/session/17",
            ..Head::default()
        };
        assert_eq!(read(&delete, None), Ok(Asked::Leave("17".into())));
    }

    #[test]
    fn a_wrong_request_has_its_status() {
        let text = Some("text/plain");
        for (head, expected) in [
            (
                Head {
                    target: "/",
                    ..OFFER
                },
                404,
            ),
            (
                Head {
                    target: "/whip/a/b",
                    ..OFFER
                },
                404,
            ),
            (
                Head {
                    target: "/session/",
                    ..OFFER
                },
                404,
            ),
            (
                Head {
                    method: "GET",
                    ..OFFER
                },
                405,
            ),
            (
                Head {
                    method: "PATCH",
                    target: "/session/1",
                    ..OFFER
                },
                405,
            ),
            (
                Head {
                    target: "/session/1",
                    ..OFFER
                },
                405,
            ),
            (
                Head {
                    content_type: None,
                    ..OFFER
                },
                415,
            ),
            (
                Head {
                    content_type: text,
                    ..OFFER
                },
                415,
            ),
            (
                Head {
                    accept: text,
                    ..OFFER
                },
                406,
            ),
            (
                Head {
                    length: None,
                    ..OFFER
                },
                411,
            ),
            (
                Head {
                    length: Some(0),
                    ..OFFER
                },
                400,
            ),
            (
                Head {
                    length: Some(usize::MAX),
                    ..OFFER
                },
                413,
            ),
            (
                Head {
                    target: "/whip/a?role=king",
                    ..OFFER
                },
                400,
            ),
            (
                Head {
                    target: "/whip/%ff",
                    ..OFFER
                },
                400,
            ),
            (
                Head {
                    target: "/whip/%00",
                    ..OFFER
                },
                400,
            ),
        ] {
            assert_eq!(status(&head, None), expected, "{head:?}");
        }
        let head = Head {
            method: "GET",
            ..OFFER
        };
        let refusal = read(&head, None).expect_err("refused");
        assert_eq!(refusal.allow, Some("POST, OPTIONS"));
        for accept in ["*/*", "text/html, application/sdp;q=0.9", "application/*"] {
            let accept = Some(accept);
            assert!(read(&Head { accept, ..OFFER }, None).is_ok(), "{accept:?}");
        }
    }

    #[test]
    fn a_token_is_asked_for_before_anything_is_told() {
        let token = Some("secret");
        for wrong in [
            None,
            Some("secret"),
            Some("Basic secret"),
            Some("Bearer secre"),
        ] {
            let authorization = wrong;
            assert_eq!(
                status(
                    &Head {
                        authorization,
                        ..OFFER
                    },
                    token
                ),
                401,
                "{wrong:?}"
            );
            let head = Head {
                authorization,
                method: "GET",
                ..OFFER
            };
            assert_eq!(status(&head, token), 401);
        }
        let authorization = Some("bearer secret");
        assert!(
            read(
                &Head {
                    authorization,
                    ..OFFER
                },
                token
            )
            .is_ok()
        );
        let preflight = Head {
            method: "OPTIONS",
            ..OFFER
        };
        assert_eq!(read(&preflight, token), Ok(Asked::Options));
    }

    #[test]
    fn pages_of_other_machines_need_a_token() {
        for local in [
            "http://127.0.0.1:8000",
            "http://localhost",
            "http://[::1]:80",
        ] {
            assert_eq!(allowed_origin(Some(local), false), Some(local));
        }
        let other = Some("https://127.0.0.1.example.org");
        assert_eq!(allowed_origin(other, false), None);
        assert_eq!(allowed_origin(other, true), other);
        assert_eq!(allowed_origin(Some("null"), false), None);
        assert_eq!(allowed_origin(None, true), None);
    }
}
