// SPDX-License-Identifier: MPL-2.0

//! `record from=livekit` without a server: whatever can be known before is one clear error. Real rooms are
//! recorded by `tests/run live`.

use crate::harness::place::{Ended, Place};

/// The payload `{"exp":NUMBER,"video":{"roomJoin":true,"room":"class"}}` of a token, with its end far away
/// and long ago.
const TOKEN: &str =
    "e30.eyJleHAiOjk5OTk5OTk5OTksInZpZGVvIjp7InJvb21Kb2luIjp0cnVlLCJyb29tIjoiY2xhc3MifX0.x";
const OLD: &str = "e30.eyJleHAiOjEsInZpZGVvIjp7InJvb21Kb2luIjp0cnVlLCJyb29tIjoiY2xhc3MifX0.x";

fn record(place: &Place, arguments: &[&str]) -> Ended {
    let own = ["record", "from=livekit", "output=class"];
    // No element of LiveKit is found, whatever this machine has.
    let ended = place
        .command(&[&own[..], arguments].concat())
        .env("GST_PLUGIN_PATH", place.path("nothing"))
        .env("GST_REGISTRY", place.path("registry"))
        .env("TOKEN", TOKEN)
        .env("OLD", OLD)
        .env("KEY", "key")
        .env("EMPTY", "")
        .output()
        .expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ended {
        status: ended.status.code(),
        out: text(ended.stdout),
        err: text(ended.stderr),
    }
}

#[test]
fn what_is_missing_or_wrong_is_one_error() {
    let place = Place::new();
    let url = "url=ws://127.0.0.1:9";
    let failed = |arguments: &[&str], status: i32, says: &[&str]| {
        let ended = record(&place, arguments);
        assert!(
            !ended.err.contains("roomJoin") && !ended.err.contains("eyJ"),
            "{ended:?}"
        );
        ended.failed(status, says);
    };
    failed(
        &["room=class", "token=env:TOKEN"],
        2,
        &["address of the LiveKit server", "url="],
    );
    failed(&[url], 2, &["without a token or a key", "api-secret="]);
    failed(&[url, "api-key=env:KEY"], 2, &["without a token or a key"]);
    failed(
        &[url, "token=env:TOKEN", "api-key=env:KEY"],
        2,
        &["without a token or a key"],
    );
    failed(
        &[url, "api-key=key", "api-secret=env:KEY"],
        2,
        &["env:NAME or file:PATH"],
    );
    failed(&[url, "token=env:NONE"], 1, &["NONE is not set"]);
    failed(&[url, "token=env:EMPTY"], 1, &["empty"]);
    failed(
        &[url, "token=env:KEY"],
        1,
        &["no token of LiveKit", "env:KEY"],
    );
    failed(&[url, "room=class", "token=env:OLD"], 1, &["has expired"]);
    failed(
        &[url, "room=other", "token=env:TOKEN"],
        1,
        &["for the room class"],
    );
    failed(
        &["url=live.example.org", "token=env:TOKEN"],
        2,
        &["not a URL"],
    );
    failed(
        &["url=ws://k:s3cret@a", "token=env:TOKEN"],
        2,
        &["has a secret", "ws://…@a"],
    );
    failed(&[url, "token=env:TOKEN", "tracks=camera"], 2, &["TR_AMabc"]);
    failed(
        &[url, "room=class", "token=env:TOKEN"],
        1,
        &["livekitwebrtcsrc is missing", "pipelines/setup-livekit"],
    );
    assert!(!place.path("class").exists());
}

/// The line is printed without a server, a secret or the plugin.
#[test]
fn the_line_has_no_secret() {
    let place = Place::new();
    let ended = record(
        &place,
        &[
            "url=ws://127.0.0.1:9",
            "room=class",
            "token=env:TOKEN",
            "--print",
        ],
    );
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended.out.contains("livekitwebrtcsrc name=source"),
        "{ended:?}"
    );
    assert!(
        ended.out.contains("signaller::room-name=class"),
        "{ended:?}"
    );
    assert!(!ended.out.contains("eyJ"), "{ended:?}");
}
