// SPDX-License-Identifier: MPL-2.0

//! A package that keeps every rule, and one package for each rule that breaks it.

use mp4_atom::{
    Audio, Avc1, Avcc, Codec, Encode, Esds, FourCC, Hdlr, Mdat, Moof, Moov, Mp4a, Mvex, Tfdt, Tfhd,
    Traf, Trak, Trex, Trun, TrunEntry, TrunSamples, Visual, esds,
};

use super::*;
use crate::package::pictures::{self, Picture};

type Package = BTreeMap<String, Vec<u8>>;

const FPS: u32 = 25;
const AUDIO_RATE: u32 = 48_000;
/// Three segments of 6 s.
const SEGMENTS: u32 = 3;
const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;

fn bytes(atom: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    atom.encode(&mut bytes).expect("encodes");
    bytes
}

fn init(handler: &[u8; 4], timescale: u32, codecs: &[Codec]) -> Vec<u8> {
    let mut moov = Moov::default();
    let mut mvex = Mvex::default();
    for (codec, id) in codecs.iter().zip(1..) {
        let mut trak = Trak::default();
        trak.tkhd.track_id = id;
        trak.mdia.mdhd.timescale = timescale;
        trak.mdia.mdhd.language = "und".to_owned();
        trak.mdia.hdlr = Hdlr {
            handler: FourCC::new(handler),
            name: String::new(),
        };
        trak.mdia.minf.stbl.stsd.codecs.push(codec.clone());
        moov.trak.push(trak);
        mvex.trex.push(Trex {
            track_id: id,
            default_sample_description_index: 1,
            ..Trex::default()
        });
    }
    moov.mvex = Some(mvex);
    bytes(&moov)
}

fn position(bytes: &[u8], kind: &[u8; 4]) -> usize {
    let mut windows = bytes.windows(4);
    windows.position(|found| found == kind).expect("a box")
}

/// Adds a colour box with these transfer characteristics to the only track.
fn add_colour(init: &mut Vec<u8>, transfer: u8) {
    let colour = *b"\0\0\0\x13colrnclx\0\x01\0\0\0\x01\0";
    for kind in [
        b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1",
    ] {
        let at = position(init, kind) - 4;
        let size = u32::from_be_bytes(init[at..at + 4].try_into().expect("four bytes"));
        init[at..at + 4].copy_from_slice(&(size + colour.len() as u32).to_be_bytes());
    }
    let entry = position(init, b"avc1") - 4;
    let size = u32::from_be_bytes(init[entry..entry + 4].try_into().expect("four bytes"));
    let end = entry + size as usize - colour.len();
    init.splice(end..end, colour);
    init[end + 15] = transfer;
}

fn h264(height: u16, level: u8) -> Codec {
    Codec::Avc1(Avc1 {
        visual: Visual {
            width: height / 9 * 16,
            height,
            ..Visual::default()
        },
        avcc: Avcc {
            configuration_version: 1,
            avc_profile_indication: 100,
            profile_compatibility: 0,
            avc_level_indication: level,
            length_size: 4,
            sequence_parameter_sets: vec![vec![0x67, 100, 0, level]],
            picture_parameter_sets: vec![vec![0x68]],
            ext: None,
        },
        ..Avc1::default()
    })
}

fn aac() -> Codec {
    let mut decoder = esds::DecoderConfig {
        object_type_indication: 0x40,
        stream_type: 5,
        ..Default::default()
    };
    decoder.dec_specific = Some(esds::DecoderSpecific {
        profile: 2,
        freq_index: 3,
        chan_conf: 2,
        ..Default::default()
    });
    Codec::Mp4a(Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: 2,
            sample_size: 16,
            sample_rate: 48_000.into(),
        },
        esds: Esds {
            es_desc: esds::EsDescriptor {
                es_id: 1,
                dec_config: decoder,
                ..Default::default()
            },
        },
        btrt: None,
        taic: None,
    })
}

/// A segment of `samples` samples; every one of `syncs` can be decoded by itself.
fn segment(start: u64, samples: u32, duration: u32, syncs: &[u32], size: usize) -> Vec<u8> {
    let entries = (0..samples).map(|index| TrunEntry {
        duration: Some(duration),
        size: Some(1),
        flags: Some(if syncs.contains(&index) {
            SYNC
        } else {
            NOT_SYNC
        }),
        cts: None,
    });
    let moof = Moof {
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: 1,
                default_base_is_moof: true,
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: start,
            }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: TrunSamples::Explicit(entries.collect()),
            }],
            ..Traf::default()
        }],
        ..Moof::default()
    };
    let mut file = bytes(&moof);
    let rest = size.saturating_sub(file.len());
    file.extend(bytes(&Mdat {
        data: vec![0; rest],
    }));
    file
}

const MEDIA: &str =
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n";

fn playlist(extension: &str, map: bool) -> String {
    let mut text = MEDIA.to_owned();
    if map {
        text += "#EXT-X-MAP:URI=\"init.mp4\"\n";
    }
    for index in 0..SEGMENTS {
        text += &format!("#EXTINF:6.00000,\n{index}.{extension}\n");
    }
    text + "#EXT-X-ENDLIST\n"
}

fn video(package: &mut Package, height: u16, kbit: u32) {
    let folder = format!("video/{height}p");
    let mut put = |name: &str, bytes: Vec<u8>| package.insert(format!("{folder}/{name}"), bytes);
    put("playlist.m3u8", playlist("m4s", true).into());
    put("init.mp4", init(b"vide", FPS, &[h264(height, 31)]));
    for index in 0..SEGMENTS {
        let frames = 6 * FPS;
        let size = (kbit * 125 * 6) as usize;
        let syncs = [0, 2 * FPS, 4 * FPS];
        let start = u64::from(index * frames);
        put(
            &format!("{index}.m4s"),
            segment(start, frames, 1, &syncs, size),
        );
    }
    let head = MEDIA.to_owned() + "#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"init.mp4\"\n";
    // Ranges that end inside of the media, as other packagers write them.
    let frame = |index| format!("#EXT-X-BYTERANGE:4000@0\n#EXTINF:6.0,\n{index}.m4s\n");
    let frames: String = (0..SEGMENTS).map(frame).collect();
    let i_frames = head + &frames + "#EXT-X-ENDLIST\n";
    put("iframes.m3u8", i_frames.into());
}

fn audio(package: &mut Package, name: &str) {
    let mut put =
        |file: &str, bytes: Vec<u8>| package.insert(format!("audio/{name}/{file}"), bytes);
    put("playlist.m3u8", playlist("m4s", true).into());
    put("init.mp4", init(b"soun", AUDIO_RATE, &[aac()]));
    for index in 0..SEGMENTS {
        let start = u64::from(index * 6 * AUDIO_RATE);
        let all: Vec<u32> = (0..300).collect();
        put(
            &format!("{index}.m4s"),
            segment(start, 300, 960, &all, 96_000),
        );
    }
}

const MASTER: &str = r#"#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters",URI="chapters.json"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="audio/main/playlist.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English (description)",LANGUAGE="en",AUTOSELECT=YES,CHARACTERISTICS="public.accessibility.describes-video",URI="audio/description/playlist.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",AUTOSELECT=YES,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",URI="captions/en/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2128000,AVERAGE-BANDWIDTH=2128000,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=960x540,FRAME-RATE=25.000,AUDIO="audio",SUBTITLES="text"
video/540p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3128000,AVERAGE-BANDWIDTH=3128000,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO="audio",SUBTITLES="text"
video/720p/playlist.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.64001F",RESOLUTION=960x540,URI="video/540p/iframes.m3u8"
"#;

const MPD: &str = r#"<MPD><Period><AdaptationSet><Representation><BaseURL>video/540p/</BaseURL>
<SegmentList><Initialization sourceURL="init.mp4"/><SegmentURL media="0.m4s"/></SegmentList>
</Representation></AdaptationSet></Period></MPD>
"#;

fn good() -> Package {
    let mut package = Package::new();
    video(&mut package, 540, 2000);
    video(&mut package, 720, 3000);
    audio(&mut package, "main");
    audio(&mut package, "description");
    let text = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n";
    for index in 0..SEGMENTS {
        package.insert(format!("captions/en/{index}.vtt"), text.into());
    }
    let captions = playlist("vtt", false).into();
    package.insert("captions/en/playlist.m3u8".to_owned(), captions);
    let mut put = |path: &str, bytes: &[u8]| package.insert(path.to_owned(), bytes.to_vec());
    put(
        "chapters.json",
        br#"[{"start-time": 0, "images": [{"url": "thumbnails/sheet.jpg"}]}]"#,
    );
    put("manifest.mpd", MPD.as_bytes());
    let tiles = [Picture {
        width: 160,
        height: 90,
        pixels: vec![90; 160 * 90 * 3],
    }];
    let sheet = pictures::sheet(&tiles).expect("a tile");
    let sheet = pictures::jpeg_of_sheet(&sheet).expect("encodes");
    put("thumbnails/sheet.jpg", &sheet);
    put(
        "thumbnails/thumbnails.vtt",
        b"WEBVTT\n\n00:00.000 --> 00:18.000\nsheet.jpg#xywh=0,0,160,90\n",
    );
    put(
        "slides/slides.en.vtt",
        b"WEBVTT\n\n00:01.000 --> 00:18.000\nWaves\n",
    );
    put(
        "slides.json",
        br#"{"version": 1, "tracks": [{"language": "en", "file": "slides/slides.en.vtt", "slides":
            [{"start": 1, "end": 18, "text": "Waves", "image": "thumbnails/sheet.jpg#xywh=0,0,9,9"}]}]}"#,
    );
    package.insert("master.m3u8".to_owned(), MASTER.into());
    package
}

fn broken_rules(package: &Package) -> Vec<&'static str> {
    let report = check(package, "master.m3u8");
    report
        .findings
        .iter()
        .map(|finding| finding.rule.number)
        .collect()
}

#[test]
fn a_good_package_has_no_findings() {
    let report = check(&good(), "master.m3u8");
    assert_eq!(report.findings, []);
    assert_eq!((report.playlists, report.segments), (7, 18));
}

#[test]
fn encrypted_segments_are_measured_and_not_looked_into() {
    let mut package = good();
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys/1\",IV=0x00\n#EXT";
    for (path, bytes) in &mut package {
        if path.ends_with("playlist.m3u8") {
            let text = String::from_utf8_lossy(bytes);
            let has_map = text.contains("#EXT-X-MAP");
            let first = if has_map { "#EXT-X-MAP" } else { "#EXTINF" };
            *bytes = text.replacen(first, &first.replace("#EXT", key), 1).into();
        } else if path.ends_with(".m4s") || path.ends_with(".vtt") && path.starts_with("captions") {
            bytes.fill(0x5a);
        }
    }
    master(
        &mut package,
        "#EXT-X-I-FRAME-STREAM-INF",
        "#EXT-X-SOMETHING",
    );
    let report = check(&package, "master.m3u8");
    let broken: Vec<&str> = report.findings.iter().map(|one| one.rule.number).collect();
    assert_eq!(broken, ["Apple 6.1"]);
    assert_eq!(report.not_looked_into.len(), 15);
}

#[test]
fn the_version_is_that_of_what_is_used() {
    let segment = "#EXTINF:6,\n0.ts\n";
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"";
    let uses = [
        (segment.to_owned(), 1),
        (format!("{key}\n{segment}"), 1),
        (format!("{key},IV=0x01\n{segment}"), 2),
        (segment.replace('6', "6.0"), 3),
        (format!("#EXT-X-BYTERANGE:9@0\n{segment}"), 4),
        (format!("#EXT-X-I-FRAMES-ONLY\n{segment}"), 4),
        (format!("{key},KEYFORMAT=\"identity\"\n{segment}"), 5),
        (
            format!("#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"i\"\n{segment}"),
            5,
        ),
        (format!("#EXT-X-MAP:URI=\"i\"\n{segment}"), 6),
    ];
    for (used, needed) in uses {
        for version in [needed - 1, needed] {
            let head = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:6\n");
            let playlist = head + &used + "#EXT-X-ENDLIST\n";
            let package = Package::from([("a.m3u8".to_owned(), playlist.into_bytes())]);
            let findings = check(&package, "a.m3u8").findings;
            let found = findings.iter().any(|one| one.rule == rules::VERSION);
            assert_eq!(found, version < needed, "{version}: {used}");
        }
    }
}

#[test]
fn uris_lead_to_files_of_the_package_or_elsewhere() {
    let found = [
        ("master.m3u8", "a/b.m3u8", "a/b.m3u8"),
        ("master.m3u8", "../audio/a.m3u8", "../audio/a.m3u8"),
        ("../audio/a.m3u8", "../../x/0.m4s", "../../x/0.m4s"),
        ("../audio/a.m3u8", "../video/0.m4s", "../video/0.m4s"),
        ("a/b.m3u8", "./../c/0.m4s?token=1#t", "c/0.m4s"),
        ("a/b.m3u8", "my%20class%2c%C3%A4.m4s", "a/my class,ä.m4s"),
        ("a/b.m3u8", "100%.m4s", "a/100%.m4s"),
        ("a/b.m3u8", "%+1%ff.m4s", "a/%+1%ff.m4s"),
        ("a/b.m3u8", "c/d:e.m4s", "a/c/d:e.m4s"),
    ];
    for (playlist, uri, path) in found {
        assert_eq!(resolve(playlist, uri).as_deref(), Some(path), "{uri}");
    }
    for uri in [
        "https://a/b.m4s",
        "//a/b.m4s",
        "/b.m4s",
        "data:,",
        "skd://k",
    ] {
        assert_eq!(resolve("a/b.m3u8", uri), None, "{uri}");
    }
}

#[test]
fn what_lies_on_a_server_is_not_looked_into() {
    let mut package = good();
    for path in [LOW, "captions/en/playlist.m3u8"] {
        edit(&mut package, path, "1.", "https://example.org/1.");
    }
    edit(
        &mut package,
        "audio/main/playlist.m3u8",
        "init.mp4",
        "/init.mp4",
    );
    let report = check(&package, "master.m3u8");
    assert_eq!(report.findings, []);
    let expected = [
        "/init.mp4",
        "https://example.org/1.m4s",
        "https://example.org/1.vtt",
    ];
    let elsewhere = report.not_looked_into.iter();
    let elsewhere: Vec<&String> = elsewhere
        .filter(|path| path.contains("//") || path.starts_with('/'))
        .collect();
    assert_eq!(elsewhere, expected);
}

#[test]
fn a_discontinuity_starts_other_times_and_another_map() {
    let mut package = good();
    // The same frames in a timescale that is twice as fine, and from another time on.
    let syncs = [0, 50, 100];
    let other = segment(5_000_000, 150, 2, &syncs, SIZE);
    package.insert("video/540p/1.m4s".to_owned(), other);
    package.insert(
        "video/540p/2.m4s".to_owned(),
        segment(5_000_300, 150, 2, &syncs, SIZE),
    );
    package.insert(
        "video/540p/other.mp4".to_owned(),
        init(b"vide", 2 * FPS, &[h264(540, 31)]),
    );
    let from = "#EXTINF:6.00000,\n1.m4s";
    let map = "#EXT-X-MAP:URI=\"other.mp4\"\n";
    for path in [LOW, "video/540p/iframes.m3u8"] {
        let text = String::from_utf8_lossy(&package[path]).replace(
            "#EXT-X-BYTERANGE:4000@0\n#EXTINF:6.0,\n1.m4s",
            &format!("{map}#EXT-X-BYTERANGE:4000@0\n#EXTINF:6.0,\n1.m4s"),
        );
        package.insert(path.to_owned(), text.into());
    }
    edit(
        &mut package,
        LOW,
        from,
        &format!("#EXT-X-DISCONTINUITY\n{map}{from}"),
    );
    assert_eq!(check(&package, "master.m3u8").findings, []);
    // Without it the times do not follow each other.
    edit(&mut package, LOW, "#EXT-X-DISCONTINUITY\n", "");
    assert!(broken_rules(&package).contains(&"Apple 7.3"));
}

#[test]
fn encryption_ends_where_the_playlist_says_so() {
    let mut package = good();
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n";
    let clear = "#EXT-X-KEY:METHOD=NONE\n";
    let inf = "#EXTINF:6.00000,\n";
    edit(
        &mut package,
        LOW,
        &format!("{inf}0."),
        &format!("{key}{inf}0."),
    );
    edit(
        &mut package,
        LOW,
        &format!("{inf}1."),
        &format!("{clear}{inf}1."),
    );
    edit(&mut package, "video/540p/iframes.m3u8", "0.m4s", "1.m4s");
    package.get_mut(FIRST).expect("there").fill(0x5a);
    assert_eq!(check(&package, "master.m3u8").findings, []);
    let late = segment(150, 150, 1, &[1, 50, 100], SIZE);
    package.insert("video/540p/1.m4s".to_owned(), late);
    assert!(broken_rules(&package).contains(&"Apple 7.4"));
}

/// A rule may be broken in several ways: others than those of [`BREAKS`].
#[test]
fn other_ways_to_break_a_rule_are_found() {
    let ways: &[Break] = &[
        ("HLS 4.3.4.2", |p| {
            master(p, "SUBTITLES=\"text\"", "CLOSED-CAPTIONS=\"cc\"")
        }),
        ("HLS 4.3.4.2", |p| {
            master(p, "SUBTITLES=\"text\"", "VIDEO=\"angles\"")
        }),
        ("HLS 4.3.4.1", |p| {
            master(p, "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO")
        }),
        ("HLS 7", |p| {
            edit(p, LOW, "VERSION:7\n", "VERSION:7\n#EXT-X-VERSION:7\n")
        }),
        ("HLS 4.1", |p| edit(p, LOW, "MAP:URI=", "MAP:FILE=")),
        ("HLS 4.1", |p| {
            edit(
                p,
                LOW,
                "#EXT-X-ENDLIST",
                "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-ENDLIST",
            )
        }),
        ("HLS 4.1", |p| master(p, "INF:BANDWIDTH=3128000,", "INF:")),
        ("HLS 4.1", |p| master(p, "GROUP-ID=\"text\",", "")),
        ("Apple 9.2", |p| {
            master(p, "RESOLUTION=1280x720,", "");
            edit(
                p,
                "video/720p/playlist.m3u8",
                "#EXT-X-MAP:URI=\"init.mp4\"\n",
                "",
            );
        }),
        ("Apple 9.15", |p| {
            master(p, "1280x720,FRAME-RATE=25.000", "1280x720");
            edit(
                p,
                "video/720p/playlist.m3u8",
                "#EXT-X-MAP:URI=\"init.mp4\"\n",
                "",
            );
        }),
    ];
    for (number, spoil) in ways {
        let mut package = good();
        spoil(&mut package);
        let broken = broken_rules(&package);
        assert!(
            broken.contains(number),
            "{number} is not found, but {broken:?}"
        );
    }
}

#[test]
fn captions_cover_a_class_without_pictures() {
    let mut package = good();
    let sound = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME=\"English\",LANGUAGE=\"en\",\
        AUTOSELECT=YES,URI=\"captions/en/playlist.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\",\
        SUBTITLES=\"text\"\naudio/main/playlist.m3u8\n";
    package.insert("master.m3u8".to_owned(), sound.into());
    assert_eq!(broken_rules(&package), Vec::<&str>::new());
    let captions = "captions/en/playlist.m3u8";
    edit(&mut package, captions, "#EXTINF:6.00000,\n2.vtt\n", "");
    assert_eq!(broken_rules(&package), ["Apple 5.5"]);
}

#[test]
fn the_rate_of_a_class_without_pictures_is_that_of_its_sound() {
    let mut package = good();
    let sound = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\",\
        DEFAULT=YES,AUTOSELECT=YES,URI=\"audio/main/playlist.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\",\
        AUDIO=\"audio\"\naudio/main/playlist.m3u8\n";
    package.insert("master.m3u8".to_owned(), sound.into());
    let rates = [rules::PEAK, rules::AVERAGE].map(|rule| rule.number);
    let broken = broken_rules(&package);
    assert!(
        !broken.iter().any(|rule| rates.contains(rule)),
        "{broken:?}"
    );
    master(&mut package, "BANDWIDTH=128000", "BANDWIDTH=256000");
    let broken = broken_rules(&package);
    assert!(rates.iter().all(|rule| broken.contains(rule)), "{broken:?}");
}

/// Replaces text in a file that is there and holds it.
fn edit(package: &mut Package, file: &str, from: &str, to: &str) {
    let bytes = package.get_mut(file).expect("the file is there");
    let text = String::from_utf8(bytes.clone()).expect("text");
    assert!(text.contains(from), "{file} has no {from:?}");
    *bytes = text.replace(from, to).into();
}

fn master(package: &mut Package, from: &str, to: &str) {
    edit(package, "master.m3u8", from, to);
}

const LOW: &str = "video/540p/playlist.m3u8";
const FIRST: &str = "video/540p/0.m4s";
const INIT: &str = "video/540p/init.mp4";
const SIZE: usize = 1_500_000;

type Break = (&'static str, fn(&mut Package));

/// One package for each rule.
const BREAKS: &[Break] = &[
    ("HLS 6.2.1", |p| drop(p.remove(FIRST))),
    ("HLS 4.1", |p| master(p, "#EXTM3U", "\u{feff}#EXTM3U")),
    ("HLS 4.3.1.1", |p| {
        edit(p, LOW, "#EXTM3U\n", "#EXT-X-VERSION:7\n#EXTM3U\n")
    }),
    ("HLS 7", |p| edit(p, LOW, "VERSION:7", "VERSION:5")),
    ("HLS 4.3.2.1", |p| {
        edit(p, LOW, "#EXTINF:6.00000,\n1.m4s", "1.m4s")
    }),
    ("HLS 4.3.2.3", |p| {
        p.insert(
            "video/540p/other.mp4".to_owned(),
            init(b"vide", FPS, &[h264(540, 31), aac()]),
        );
        edit(
            p,
            LOW,
            "#EXTINF:6.00000,\n1.m4s",
            "#EXT-X-MAP:URI=\"other.mp4\"\n#EXTINF:6.00000,\n1.m4s",
        );
    }),
    ("HLS 4.3.3.1", |p| {
        edit(p, LOW, "TARGETDURATION:6", "TARGETDURATION:5")
    }),
    ("HLS 4.3.3.4", |p| edit(p, LOW, "#EXT-X-ENDLIST\n", "")),
    ("HLS 4.3.4.1", |p| {
        master(p, ",URI=\"captions/en/playlist.m3u8\"", "")
    }),
    ("HLS 4.3.4.1.1", |p| {
        master(p, "English (description)", "English")
    }),
    ("HLS 4.3.4.2", |p| {
        master(p, "SUBTITLES=\"text\"", "SUBTITLES=\"others\"")
    }),
    ("HLS 4.3.4.4", |p| {
        drop(p.insert("chapters.json".to_owned(), b"[".to_vec()))
    }),
    ("Apple JSON chapters", |p| {
        edit(p, "chapters.json", "sheet.jpg", "other.jpg")
    }),
    ("DASH 5.3.9", |p| edit(p, "manifest.mpd", "0.m4s", "9.m4s")),
    ("Media Fragments 4.2.2", |p| {
        edit(p, "thumbnails/thumbnails.vtt", "160,90", "160,91")
    }),
    ("W3C WebVTT 1.3", |p| {
        edit(p, "slides.json", "Waves", "Lenses")
    }),
    ("W3C WebVTT 1.3", |p| {
        edit(p, "slides.json", "sheet.jpg", "other.jpg")
    }),
    ("W3C WebVTT 1.3", |p| drop(p.remove("slides/slides.en.vtt"))),
    ("HLS 6.2.4", |p| {
        for index in 0..SEGMENTS {
            let start = u64::from((10 + index * 6) * AUDIO_RATE);
            let all: Vec<u32> = (0..300).collect();
            p.insert(
                format!("audio/main/{index}.m4s"),
                segment(start, 300, 960, &all, 96_000),
            );
        }
    }),
    ("HLS 3.5", |p| {
        edit(p, "captions/en/1.vtt", "WEBVTT\n", "\n")
    }),
    ("Apple 1.3b", |p| {
        drop(p.insert(INIT.to_owned(), init(b"vide", FPS, &[h264(540, 62)])))
    }),
    ("Apple 1.10", |p| {
        let Codec::Avc1(avc1) = h264(540, 31) else {
            return;
        };
        let avc3 = mp4_atom::Avc3 {
            visual: avc1.visual,
            avcc: avc1.avcc,
            ..Default::default()
        };
        p.insert(INIT.to_owned(), init(b"vide", FPS, &[Codec::Avc3(avc3)]));
        master(p, "2128000,CODECS=\"avc1", "2128000,CODECS=\"avc3");
    }),
    ("Apple 1.13", |p| {
        drop(p.insert(FIRST.to_owned(), segment(0, 150, 1, &[0], SIZE)))
    }),
    ("Apple 1.19", |p| {
        master(p, "FRAME-RATE=25.000", "FRAME-RATE=120.000")
    }),
    ("Apple 1.26", |p| {
        master(p, "AVERAGE-BANDWIDTH=2128000", "AVERAGE-BANDWIDTH=1500000")
    }),
    ("Apple 1.27", |p| {
        master(p, "INF:BANDWIDTH=2128000", "INF:BANDWIDTH=3000000")
    }),
    ("Apple 1.30", |p| {
        drop(p.insert(
            FIRST.to_owned(),
            segment(0, 150, 1, &[0, 50, 100], 9 * SIZE),
        ))
    }),
    ("Apple 1.32", |p| {
        master(p, "video/540p/playlist", "video/A/playlist");
        master(p, "video/720p/playlist", "video/540p/playlist");
        master(p, "video/A/playlist", "video/720p/playlist");
        master(p, "2128000", "A");
        master(p, "3128000", "2128000");
        master(p, "=A", "=3128000");
    }),
    ("Apple 1.33", |p| {
        master(p, "RESOLUTION=1280x720", "RESOLUTION=960x720")
    }),
    ("Apple 2.12", |p| {
        master(
            p,
            ",CHARACTERISTICS=\"public.accessibility.describes-video\"",
            "",
        )
    }),
    ("Apple 2.13", |p| {
        master(
            p,
            "LANGUAGE=\"en\",AUTOSELECT=YES,CHARACTERISTICS=\"public.accessibility.describes-v",
            "LANGUAGE=\"en\",CHARACTERISTICS=\"public.accessibility.describes-v",
        )
    }),
    ("Apple 2.14", |p| {
        master(p, "English (description)", "English 2")
    }),
    ("Apple 2.15", |p| {
        edit(
            p,
            "audio/description/playlist.m3u8",
            "#EXTINF:6.00000,\n2.m4s\n",
            "",
        )
    }),
    ("Apple 2.17", |p| {
        drop(p.insert(
            "audio/main/init.mp4".to_owned(),
            init(b"soun", AUDIO_RATE, &[aac(), aac()]),
        ))
    }),
    ("Apple 4.5", |p| {
        master(p, ",public.accessibility.describes-music-and-sound", "")
    }),
    ("Apple 4.6", |p| {
        master(
            p,
            "AUTOSELECT=YES,CHARACTERISTICS=\"public.accessibility.transcribes",
            "CHARACTERISTICS=\"public.accessibility.transcribes",
        )
    }),
    ("Apple 4.7", |p| {
        master(
            p,
            "GROUP-ID=\"text\",NAME=\"English\",LANGUAGE=\"en\"",
            "GROUP-ID=\"text\",NAME=\"English\"",
        )
    }),
    ("Apple 5.3", |p| {
        edit(
            p,
            "captions/en/1.vtt",
            "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n",
            "",
        )
    }),
    ("Apple 5.5", |p| {
        edit(
            p,
            "captions/en/playlist.m3u8",
            "#EXTINF:6.00000,\n2.vtt\n",
            "",
        )
    }),
    ("Apple 6.1", |p| {
        master(p, "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-SOMETHING")
    }),
    ("Apple 6.8", |p| {
        edit(p, "video/540p/iframes.m3u8", "#EXT-X-I-FRAMES-ONLY\n", "")
    }),
    ("Apple 6.10", |p| {
        let frame = bytes(&Mdat { data: vec![0; 50] });
        p.insert("video/540p/frame.m4s".to_owned(), frame);
        edit(
            p,
            "video/540p/iframes.m3u8",
            "#EXT-X-BYTERANGE:4000@0\n",
            "",
        );
        edit(p, "video/540p/iframes.m3u8", "1.m4s", "frame.m4s");
    }),
    ("Apple 7.3", |p| {
        drop(p.insert(
            "video/540p/1.m4s".to_owned(),
            segment(151, 150, 1, &[0, 50, 100], SIZE),
        ))
    }),
    ("Apple 7.4", |p| {
        drop(p.insert(FIRST.to_owned(), segment(0, 150, 1, &[1, 50, 100], SIZE)))
    }),
    ("Apple 7.5", |p| {
        edit(p, LOW, "TARGETDURATION:6", "TARGETDURATION:10")
    }),
    ("Apple 7.7", |p| {
        edit(p, LOW, "TARGETDURATION:6", "TARGETDURATION:5")
    }),
    ("Apple 8.1", |p| {
        edit(p, LOW, "#EXTINF:6.00000", "#EXTINF:5.90000")
    }),
    ("Apple 8.2", |p| {
        edit(
            p,
            "audio/main/playlist.m3u8",
            "TARGETDURATION:6",
            "TARGETDURATION:8",
        )
    }),
    ("Apple 8.3", |p| {
        edit(
            p,
            "video/720p/playlist.m3u8",
            "#EXTINF:6.00000,\n2.m4s\n",
            "",
        )
    }),
    ("Apple 8.6", |p| {
        edit(p, LOW, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")
    }),
    ("Apple 8.10", |p| {
        master(
            p,
            "NAME=\"English\",LANGUAGE=\"en\",DEFAULT",
            "NAME=\"English\",DEFAULT",
        )
    }),
    ("Apple 8.20", |p| {
        edit(p, LOW, "#EXT-X-MAP:URI=\"init.mp4\"\n", "")
    }),
    ("Apple 8.22", |p| {
        edit(
            p,
            "video/720p/playlist.m3u8",
            "#EXTINF:6.00000,\n1.m4s",
            "#EXTINF:5.00000,\n1.m4s",
        )
    }),
    ("Apple 9.1", |p| {
        master(
            p,
            "CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=960x540",
            "CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=960x540",
        )
    }),
    ("Apple 9.2", |p| master(p, "RESOLUTION=1280x720,", "")),
    ("Apple 9.3", |p| {
        master(
            p,
            "BANDWIDTH=100000,CODECS=\"avc1.64001F\",",
            "BANDWIDTH=100000,",
        )
    }),
    ("Apple 9.4", |p| {
        master(
            p,
            "CODECS=\"avc1.64001F\",RESOLUTION=960x540,",
            "CODECS=\"avc1.64001F\",",
        )
    }),
    ("RFC 8216bis 4.4.6.2", |p| {
        master(
            p,
            "RESOLUTION=960x540,",
            "RESOLUTION=960x540,VIDEO-RANGE=PQ,",
        );
        let init = p.get_mut(INIT).expect("an init segment");
        add_colour(init, 1);
    }),
    ("ISO 14496-12 8.3.2", |p| {
        let init = p.get_mut(INIT).expect("an init segment");
        // The matrix of the track header: a quarter turn.
        let content = position(init, b"tkhd") + 4;
        let at = content + if init[content] == 1 { 52 } else { 40 };
        let turned = [0, 0x1_0000, 0, -0x1_0000, 0, 0, 0, 0, 0x4000_0000i32];
        let turned: Vec<u8> = turned.iter().flat_map(|part| part.to_be_bytes()).collect();
        init[at..at + turned.len()].copy_from_slice(&turned);
    }),
    ("Apple 9.9", |p| {
        let text = String::from_utf8_lossy(&p["master.m3u8"]).into_owned();
        let lines = text
            .lines()
            .filter(|line| !line.contains("1280x720") && !line.contains("720p"));
        let one: Vec<&str> = lines.collect();
        p.insert("master.m3u8".to_owned(), one.join("\n").into());
    }),
    ("Apple 9.11", |p| {
        master(p, "#EXT-X-INDEPENDENT-SEGMENTS\n", "")
    }),
    ("Apple 9.14", |p| {
        master(p, ",AVERAGE-BANDWIDTH=3128000", "")
    }),
    ("Apple 9.15", |p| {
        master(
            p,
            "RESOLUTION=1280x720,FRAME-RATE=25.000",
            "RESOLUTION=1280x720,FRAME-RATE=30.000",
        )
    }),
];

#[test]
fn every_rule_is_found_where_it_is_broken() {
    let mut tried = BTreeSet::new();
    for (number, spoil) in BREAKS {
        let mut package = good();
        spoil(&mut package);
        let broken = broken_rules(&package);
        assert!(
            broken.contains(number),
            "{number} is not found, but {broken:?}"
        );
        tried.insert(*number);
    }
    let all: BTreeSet<&str> = RULES.iter().map(|rule| rule.number).collect();
    assert_eq!(tried, all);
}

#[test]
fn a_torn_segment_is_a_finding_and_no_panic() {
    let whole = good();
    for length in [0, 1, 7, 8, 40, 200] {
        for file in [FIRST, INIT] {
            let mut package = whole.clone();
            package.get_mut(file).expect("there").truncate(length);
            let broken = broken_rules(&package);
            assert!(
                broken.contains(&"HLS 6.2.1"),
                "{file} at {length}: {broken:?}"
            );
        }
    }
}

#[test]
fn a_small_package_needs_no_second_bit_rate() {
    let mut package = good();
    let text = String::from_utf8_lossy(&package["master.m3u8"]).into_owned();
    let lines = text
        .lines()
        .filter(|line| !line.contains("1280x720") && !line.contains("720p"));
    let one: Vec<&str> = lines.collect();
    let small = one.join("\n").replace("960x540", "640x360");
    package.insert("master.m3u8".to_owned(), small.into());
    assert!(!broken_rules(&package).contains(&"Apple 9.9"));
}

#[test]
fn a_video_range_that_is_that_of_the_media_is_right() {
    for (transfer, range) in [
        (1, "VIDEO-RANGE=SDR,"),
        (16, "VIDEO-RANGE=PQ,"),
        (18, "VIDEO-RANGE=HLG,"),
        (1, ""),
    ] {
        let mut package = good();
        add_colour(package.get_mut(INIT).expect("an init segment"), transfer);
        let size = "RESOLUTION=960x540,";
        master(&mut package, size, &format!("{size}{range}"));
        let broken = broken_rules(&package);
        assert!(
            !broken.contains(&"RFC 8216bis 4.4.6.2"),
            "{range} {broken:?}"
        );
    }
}
