// SPDX-License-Identifier: MPL-2.0

//! Encrypted publications.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{MASTER, Place, decoded};
use crate::harness::json;

#[test]
fn segments_are_encrypted_and_only_the_key_opens_them() {
    let place = Place::new();
    let key: Vec<u8> = (100..116).collect();
    fs::write(place.path("key"), &key).expect("written");
    fs::write(place.path("short"), "short").expect("written");
    let uri = format!("key-uri=file://{}", place.path("served/key").display());
    place.fails(
        &["publish", "to=WWW", "encrypt-key=key"],
        2,
        &["must be given together"],
    );
    place.fails(
        &["publish", "to=WWW", "encrypt-key=short", &uri],
        1,
        &["16 bytes", "openssl"],
    );
    place.fails(
        &["publish", "to=WWW", "encrypt-key=key", "key-uri=k"],
        2,
        &["not a value of key-uri"],
    );
    place.fails(
        &["publish", "to=WWW", "encrypt-key=key", &uri, "clear=all"],
        2,
        &["all"],
    );
    let words = ["publish", "to=WWW", "encrypt-key=key", &uri];
    place.done(&words);
    assert_eq!(
        place.done(&words)["sent-files"],
        0,
        "the same key makes the same files"
    );

    // Every segment is the clear one by openssl, and its playlist says how.
    let (clear, published) = (place.files("OUT/package"), place.files("WWW"));
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut opened = 0;
    for (path, playlist) in published
        .iter()
        .filter(|(path, _)| path.ends_with("/playlist.m3u8"))
    {
        let folder = Path::new(path).parent().expect("a folder");
        let lines = String::from_utf8(playlist.clone()).expect("UTF-8");
        let plain = String::from_utf8(clear[path].clone()).expect("UTF-8");
        let names = |text: &str| -> Vec<String> {
            let lines =
                text.lines()
                    .filter_map(|line| match line.strip_prefix("#EXT-X-MAP:URI=\"") {
                        Some(rest) => rest.split('"').next(),
                        None => (!line.starts_with('#')).then_some(line),
                    });
            lines.map(str::to_owned).collect()
        };
        let vectors = lines
            .split("IV=0x")
            .skip(1)
            .filter_map(|rest| rest.get(..32));
        let pairs: Vec<_> = names(&lines)
            .into_iter()
            .zip(names(&plain))
            .zip(vectors)
            .collect();
        assert_eq!(pairs.len(), names(&plain).len(), "{path}: {lines}");
        for ((sealed, plain), iv) in pairs {
            let at = |name: &str| folder.join(name).display().to_string();
            let output = Command::new("openssl")
                .args(["enc", "-d", "-aes-128-cbc", "-K", &hex, "-iv", iv, "-in"])
                .arg(place.path("WWW").join(at(&sealed)))
                .output()
                .expect("openssl is installed");
            assert_eq!(output.stdout, clear[&at(&plain)], "{path}: {plain}");
            opened += 1;
        }
    }
    assert!(opened > 10, "{opened}");

    // In clear there is only what names the class, and the key is nowhere.
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
    for (path, bytes) in &published {
        assert!(
            !holds(bytes, &key) && !holds(bytes, b"secret words"),
            "{path}"
        );
        assert!(!holds(bytes, hex.as_bytes()), "{path}");
        let is_left_out = ["mpd", "jpg", "html"].iter().any(|end| path.ends_with(end));
        assert!(!is_left_out && !path.ends_with("class.mp4"), "{path}");
        let is_clear = clear.get(path) == Some(bytes);
        assert!(
            !is_clear || ["chapters.vtt"].contains(&path.as_str()),
            "{path} is in clear"
        );
    }
    let manifest = json(&place.path("WWW/manifest.json"));
    assert_eq!(manifest["encryption"]["method"], "AES-128");
    assert!(manifest["dash"].is_null() && manifest["captions"][0]["file"].is_null());

    // Nothing is said of what lies in an encrypted segment.
    let checked = place.lecture(&["check", "input=WWW", "--json"]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    let result = checked.lines().last().expect("a line of result");
    let checked: Value = serde_json::from_str(result).expect("JSON");
    let findings = checked["findings"].as_array().expect("findings");
    for rule in findings.iter().filter_map(|one| one["rule"].as_str()) {
        let about_segments = ["HLS", "Apple 5.", "Apple 7.", "Apple 8."];
        let is_one = about_segments.iter().any(|start| rule.starts_with(start));
        assert!(!is_one, "{checked}");
    }

    // A player plays it with the key, and not without or with another.
    let master = place.path("WWW").join(MASTER);
    fs::create_dir(place.path("served")).expect("made");
    fs::copy(place.path("key"), place.path("served/key")).expect("copied");
    assert_eq!(
        decoded(&master),
        decoded(&place.path("OUT/package").join(MASTER))
    );
    fs::write(place.path("served/key"), [7; 16]).expect("written");
    let refused = Command::new("ffprobe")
        .args(["-v", "error", "-allowed_extensions", "ALL", "-show_streams"])
        .arg(&master)
        .output()
        .expect("ffprobe is installed");
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("codec_name=h264"));
    assert!(!refused.stderr.is_empty());

    // What is asked for in clear is there, too.
    place.done(&[&words[..], &["clear=texts,thumbnails", "prune=0"]].concat());
    let published = place.files("WWW");
    for path in [
        "transcript.en.html",
        "captions/captions.en.vtt",
        "thumbnails/poster.jpg",
    ] {
        assert_eq!(published.get(path), clear.get(path), "{path}");
    }
    assert!(!published.contains_key("class.mp4") && !published.contains_key("manifest.mpd"));
}
