// SPDX-License-Identifier: MPL-2.0

//! Addresses of pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything except the unreserved characters of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the address of one of LiveKit's recorder templates with the query that it reads: the layout,
/// the address of the server and the token.
pub fn template(base: &str, layout: &str, server: &str, token: &str) -> String {
    let (base, fragment) = match base.split_once('#') {
        Some((base, fragment)) => (base, format!("#{fragment}")),
        None => (base, String::new()),
    };
    let joint = if base.contains('?') { '&' } else { '?' };
    let value = |text| utf8_percent_encode(text, VALUE);
    format!(
        "{base}{joint}layout={}&url={}&token={}{fragment}",
        value(layout),
        value(server),
        value(token)
    )
}

/// Returns an address as it is reported: without what may be a secret, its user, query and fragment.
pub fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match plain.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        // The content of such an address is the page itself.
        None => plain.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gets_the_query_of_livekit() {
        let server = "wss://live.example.org:7880";
        assert_eq!(
            template("https://t.example.org/", "speaker", server, "a.b-c_d="),
            "https://t.example.org/?layout=speaker&url=wss%3A%2F%2Flive.example.org%3A7880&token=a.b-c_d%3D"
        );
        let more = template("https://t.example.org/?x=1#top", "grid", "ws://h", "t");
        assert_eq!(
            more,
            "https://t.example.org/?x=1&layout=grid&url=ws%3A%2F%2Fh&token=t#top"
        );
    }

    #[test]
    fn a_shown_address_has_no_secret() {
        for (url, expected) in [
            ("https://h/a/b?token=x#y", "https://h/a/b"),
            ("https://user:pass@h:80/a@b", "https://h:80/a@b"),
            ("http://h", "http://h"),
            ("about:blank", "about:blank"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
