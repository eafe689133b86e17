// SPDX-License-Identifier: MPL-2.0

//! Addresses of servers that a live composite is sent to. What gives access there is never shown.

use std::fmt;

/// Stands in reports for what is hidden.
const HIDDEN: &str = "…";

/// Shortest text that is replaced in the words of others; a shorter one is also a part of words.
const SHORTEST: usize = 4;

/// The address of a server. Its `Debug` and [`shown`](Address::shown) forms have no key.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
}

impl Address {
    /// Takes an address whose scheme is one of these. Returns `None` for another text.
    pub fn new(url: &str, schemes: &[&str]) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#']);
        let is_plain = !url.contains(char::is_whitespace);
        (schemes.contains(&scheme) && has_host && is_plain).then(|| Address { url: url.into() })
    }

    /// Returns the whole address, with its key.
    pub fn secret(&self) -> &str {
        &self.url
    }

    /// Returns the address without user, query and fragment, and without what comes after the first
    /// part of its path: the key of a stream in RTMP.
    pub fn shown(&self) -> String {
        let plain = self.url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = plain.split_once("://").unwrap_or_default();
        let mut parts = rest.splitn(3, '/');
        let host = parts.next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let mut shown = format!("{scheme}://{host}");
        if let Some(first) = parts.next() {
            shown = format!("{shown}/{first}");
        }
        if parts.next().is_some_and(|key| !key.is_empty()) {
            shown = format!("{shown}/{HIDDEN}");
        }
        shown
    }

    /// Hides the key in a text of somebody else, such as the error of a library.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden = text.replace(&self.url, &self.shown());
        for secret in self.secrets() {
            hidden = hidden.replace(secret, HIDDEN);
        }
        hidden
    }

    /// Returns the parts that give access, longest first.
    fn secrets(&self) -> Vec<&str> {
        let (_, rest) = self.url.split_once("://").unwrap_or_default();
        let (place, query) = match rest.find(['?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        let user = host.rsplit_once('@').map_or("", |(user, _)| user);
        let key = path.split_once('/').map_or("", |(_, key)| key);
        let values = query.split(['?', '&', '#']);
        let values = values.filter_map(|pair| pair.split_once('='));
        let values = values.map(|(_, value)| value);
        let users = user.split(':');
        let mut all: Vec<&str> = [key, query]
            .into_iter()
            .chain(values)
            .chain(users)
            .collect();
        all.retain(|secret| secret.len() >= SHORTEST);
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        Address::new(url, &["rtmp", "rtmps", "srt"]).expect("an address")
    }

    #[test]
    fn keys_are_never_shown() {
        for (url, shown) in [
            ("rtmp://host/live/s3cret", "rtmp://host/live/…"),
            (
                "rtmps://host:443/app/a/b?k=s3cret",
                "rtmps://host:443/app/…",
            ),
            ("rtmp://user:s3cret@host/live", "rtmp://host/live"),
            ("rtmp://host/live/", "rtmp://host/live"),
            ("rtmp://host/live?key=s3cret", "rtmp://host/live"),
            (
                "srt://host:9000?passphrase=s3cret-s3cret&streamid=room",
                "srt://host:9000",
            ),
        ] {
            let address = address(url);
            assert_eq!(address.shown(), shown);
            assert_eq!(format!("{address:?}"), shown);
            assert_eq!(address.secret(), url);
            let told = address.hide(&format!("no connection to {url} (s3cret refused)"));
            assert!(!told.contains("s3cret-"), "{told}");
            assert!(
                told.starts_with(&format!("no connection to {shown} (")),
                "{told}"
            );
        }
        let told = address("rtmp://host/live/s3cret").hide("publish of s3cret denied");
        assert_eq!(told, "publish of … denied");
        let told = address("srt://h:1?passphrase=s3cret&mode=caller").hide("s3cret is too short");
        assert_eq!(told, "… is too short");
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for url in [
            "",
            "host/live",
            "http://host/live",
            "rtmp://",
            "rtmp:///live",
            "srt://?mode=caller",
            "rtmp://host/live key=x",
        ] {
            assert_eq!(Address::new(url, &["rtmp", "srt"]), None, "{url}");
        }
    }
}
