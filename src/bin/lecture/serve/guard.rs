// SPDX-License-Identifier: MPL-2.0

//! The guard of a page: one-time links, a cookie, and the hosts and origins that may ask.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::reply::Reply;
use super::server::Asked;
use crate::error::Error;

/// The folder of one-time links.
const OPEN: &str = "/open/";
/// Start of the cookie's name. The port follows: browsers send a cookie to all ports of a machine.
const COOKIE: &str = "lecture-review";
/// Time after which a browser has to be let in again, in seconds.
const LIFETIME: u32 = 12 * 3600;

/// Sent instead of a redirection: a browser that comes from a link in a message sends a
/// `SameSite=Strict` cookie only after a step within the site.
const LET_IN: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta http-equiv=\"refresh\" content=\"0;url=../\"><title>Class review</title>\
    <p><a href=\"../\">Open the review page</a>";

/// Decides which requests are answered.
pub struct Guard {
    /// Address of the page, without a slash at its end.
    url: String,
    /// Values of `Host` that are accepted.
    hosts: Vec<String>,
    /// Values of `Origin` that are accepted.
    origins: Vec<String>,
    /// Secret of the next link.
    token: Mutex<String>,
    /// Name of the cookie.
    cookie: String,
    /// Secret of the cookie.
    session: String,
}

impl Guard {
    /// Makes a guard for a server that listens on `address` and that browsers reach under
    /// `public_url`, if that differs.
    ///
    /// # Errors
    /// `public_url` is not an address, or others can reach `address` and there is no `public_url`.
    pub fn new(address: SocketAddr, public_url: Option<&str>) -> Result<Self, Error> {
        let url = match public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if address.ip().is_loopback() => format!("http://{address}"),
            None => {
                return Err(Error::usage(
                    "other machines reach this address",
                    format!("listen={address}"),
                    "name the address of your proxy, for example public-url=https://review.example.org, \
                     or listen on 127.0.0.1",
                ));
            }
        };
        let parts = url.split_once("://").filter(|(scheme, rest)| {
            ["http", "https"].contains(scheme) && !rest.starts_with('/') && !rest.is_empty()
        });
        let Some((scheme, rest)) = parts else {
            return Err(Error::usage(
                "this is not the address of a page",
                format!("public-url={url}"),
                "write http:// or https:// and a host",
            ));
        };
        let host = rest.split('/').next().unwrap_or_default().to_owned();
        let mut hosts = vec![host.clone(), address.to_string()];
        let mut origins = vec![format!("{scheme}://{host}")];
        if public_url.is_none() {
            let local = format!("localhost:{}", address.port());
            origins.push(format!("http://{local}"));
            hosts.push(local);
        }
        Ok(Guard {
            hosts,
            origins,
            token: Mutex::new(secret()?),
            cookie: format!("{COOKIE}-{}", address.port()),
            session: secret()?,
            url,
        })
    }

    /// Returns a link that lets one browser in.
    pub fn link(&self) -> String {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{}{OPEN}{token}", self.url)
    }

    /// Returns the answer if the request is refused or only lets a browser in; `None` if it may go
    /// on.
    pub fn check(&self, asked: &Asked) -> Option<Reply> {
        let is_known = |known: &[String], value: &str| {
            known.iter().any(|known| known.eq_ignore_ascii_case(value))
        };
        if !is_known(&self.hosts, asked.field("host").unwrap_or_default()) {
            return Some(Reply::text(403, "This page has another address."));
        }
        let is_reading = ["GET", "HEAD"].contains(&&*asked.method);
        let is_foreign = match asked.field("origin") {
            Some(origin) => !is_known(&self.origins, origin),
            None => !is_reading,
        };
        if is_foreign {
            return Some(Reply::text(403, "Another page may not ask this."));
        }
        if let Some(token) = asked.path().strip_prefix(OPEN) {
            return Some(self.let_in(&asked.method, token));
        }
        let mut cookies = asked
            .field("cookie")
            .into_iter()
            .flat_map(|cookie| cookie.split(';'));
        let is_in = cookies.any(|cookie| {
            let pair = cookie.trim().split_once('=');
            pair.is_some_and(|(name, value)| name == self.cookie && is_same(value, &self.session))
        });
        (!is_in).then(|| {
            Reply::text(
                401,
                "This page opens with its link only. Ask whoever sent it for a new one: each link \
                 opens the page once.",
            )
        })
    }

    fn let_in(&self, method: &str, token: &str) -> Reply {
        let mut next = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        // A program that only looks at a link does not use it up.
        if method != "GET" || !is_same(token, &next) {
            return Reply::text(401, "This link was used already. Ask for a new one.");
        }
        match secret() {
            Ok(secret) => *next = secret,
            Err(error) => return Reply::text(500, error.to_string()),
        }
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        let path = rest.find('/').map_or("", |slash| &rest[slash..]);
        let secure = if scheme == "https" { "; Secure" } else { "" };
        let cookie = format!(
            "{}={}; Path={path}/; Max-Age={LIFETIME}; HttpOnly; SameSite=Strict{secure}",
            self.cookie, self.session
        );
        Reply::new(200, "text/html; charset=utf-8", LET_IN.as_bytes()).with("Set-Cookie", cookie)
    }
}

/// Compares secrets in a time that does not tell how much of them is right.
fn is_same(given: &str, secret: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(secret)
}

/// Returns 128 random bits.
fn secret() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::later(
            format!("the system gives no random numbers ({error})"),
            "",
            "try again later",
        )
    })?;
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "127.0.0.1:4321";

    fn guard(public_url: Option<&str>) -> Guard {
        Guard::new(ADDRESS.parse().expect("an address"), public_url).expect("a guard")
    }

    fn asked(method: &str, path: &str) -> Asked {
        Asked {
            method: method.into(),
            target: path.into(),
            fields: vec![("host".into(), ADDRESS.into())],
            ..Asked::default()
        }
    }

    /// Returns the request with this header field instead.
    fn with(mut asked: Asked, name: &str, value: Option<&str>) -> Asked {
        asked.fields.retain(|(known, _)| known != name);
        asked
            .fields
            .extend(value.map(|value| (name.to_owned(), value.to_owned())));
        asked
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
        let mut headers = reply.headers.iter();
        headers
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// Opens the link and returns the cookie.
    fn open(guard: &Guard, host: &str) -> String {
        let link = guard.link();
        let path = &link[link.find(OPEN).expect("a link")..];
        let reply = guard
            .check(&with(asked("GET", path), "host", Some(host)))
            .expect("an answer");
        assert_eq!(reply.status, 200);
        let cookie = header(&reply, "Set-Cookie").to_owned();
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        cookie
    }

    #[test]
    fn a_link_opens_once_and_its_cookie_is_needed() {
        let guard = guard(None);
        let link = guard.link();
        let path = link.strip_prefix("http://127.0.0.1:4321").expect("a link");
        let refused = |asked: &Asked| guard.check(asked).map_or(0, |reply| reply.status);
        assert_eq!(refused(&asked("GET", "/")), 401);
        assert_eq!(refused(&asked("HEAD", path)), 401);
        let cookie = open(&guard, ADDRESS);
        assert_eq!(refused(&asked("GET", path)), 401);
        assert_ne!(guard.link(), link);
        let value = cookie.split(';').next().expect("a value");
        for (cookie, status) in [
            (format!("other=1; {value}"), 0),
            (format!("{value}0"), 401),
            (format!("{COOKIE}-4321="), 401),
            (value.replace("-4321", "-4322"), 401),
        ] {
            let asked = with(asked("GET", "/media"), "cookie", Some(&cookie));
            assert_eq!(refused(&asked), status, "{cookie}");
        }
    }

    #[test]
    fn foreign_hosts_and_origins_are_refused_even_with_the_cookie() {
        let guard = guard(None);
        let cookie = open(&guard, ADDRESS);
        for (method, host, origin, status) in [
            ("GET", ADDRESS, None, 0),
            ("GET", "localhost:4321", None, 0),
            ("GET", "evil.example", None, 403),
            ("GET", "127.0.0.1:80", None, 403),
            ("GET", ADDRESS, Some("https://evil.example"), 403),
            ("GET", ADDRESS, Some("null"), 403),
            ("PUT", ADDRESS, Some("http://127.0.0.1:4321"), 0),
            ("PUT", ADDRESS, Some("https://127.0.0.1:4321"), 403),
            ("PUT", ADDRESS, None, 403),
        ] {
            let asked = with(asked(method, "/api/class"), "host", Some(host));
            let asked = with(with(asked, "origin", origin), "cookie", Some(&cookie));
            let refused = guard.check(&asked).map_or(0, |reply| reply.status);
            assert_eq!(refused, status, "{method} {host} {origin:?}");
        }
        let nameless = with(asked("GET", "/"), "host", None);
        assert_eq!(guard.check(&nameless).map(|reply| reply.status), Some(403));
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let guard = guard(Some("https://example.org/review/"));
        assert!(guard.link().starts_with("https://example.org/review/open/"));
        let cookie = open(&guard, "example.org");
        assert!(cookie.contains("Path=/review/;"), "{cookie}");
        assert!(cookie.ends_with("; Secure"), "{cookie}");
        for wrong in ["example.org", "ftp://example.org", "https://", "https:///x"] {
            let address = ADDRESS.parse().expect("an address");
            assert!(Guard::new(address, Some(wrong)).is_err(), "{wrong}");
        }
        let open = "0.0.0.0:4321".parse().expect("an address");
        assert_eq!(
            Guard::new(open, None).err().map(|error| error.status()),
            Some(2)
        );
        assert!(Guard::new(open, Some("https://example.org")).is_ok());
    }
}
