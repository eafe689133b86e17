// SPDX-License-Identifier: MPL-2.0

//! Writes the inputs that fuzzing starts from: `seeds OUT`. Media come from the sample class by
//! ffmpeg, journals and sessions from the library, texts stand here.

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fuzz::BETWEEN;
use gstlecture::package::check::{self, Files};
use gstlecture::xapi::{Facts, History, Input, Plan, Session, Statement, Uuid, actor, journal};
// The counters of coverage, which this program is built with as well.
use libfuzzer_sys as _;

type Done = Result<(), Box<dyn Error>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const VTT: &str = "WEBVTT - a class\nKind: captions\n\nSTYLE\n::cue { color: white }\n\nREGION\nid:top\n\n\
    NOTE\nstatus: approved\nby: Ada\n\nintro\n00:01.000 --> 00:00:04.500 line:0 position:10%,line-left align:start\n\
    <v.loud Ada>Hello &amp; <i>wel<00:02.000>come</i>\n<ruby>a<rt>b</ruby> &#8594;\n\n\
    00:10.000 --> 00:20.000 vertical:rl size:50% region:top\n<c.yellow>A set</c> <lang de>ist</lang>\n";
const SRT: &str = "1\r\n00:00:01,000 --> 00:00:04,500 X1:1 X2:2\r\n{\\an8}<b>Hello</b> <font color=\"red\">you\r\n\r\n\
    2\r\n00:00:10,000 --> 00:00:20,000\r\n- A set\r\n- No < yes\r\n";
const TRIM: &str = "WEBVTT\n\nNOTE\nstatus: draft\n\n00:00.000 --> 00:10.000\ncut: silence\n\n\
    00:12.000 --> 00:14.000\nmute: a name\n\n00:13.000 --> 00:15.000\ncover: a face\n";
const WHISPER: &str = r#"{"language":"en","segments":[{"start":1.0,"end":4.5,"text":" Hello you.",
    "words":[{"word":" Hello","start":1.0,"end":2.0},{"word":" you.","start":2.0,"end":4.5}]}]}"#;
const VOSK: &str =
    r#"[{"result":[{"conf":1.0,"start":1.0,"end":2.0,"word":"hello"}],"text":"hello"}]"#;
const PROFILE: &str =
    r#"{"name":"our-school","based-on":"bbc","line-length":{"fail":40,"warn":37}}"#;
const SUMMARY: &str = "---\nstatus: draft\n---\n\n# Summary\n\n- [0:00:12-0:00:17] Light is a wave.\n\n\
    # Key points\n\n- [0:01:00] Glass slows light down.\n- No time\n";
const REPLY: &str = r#"{"titles":[{"start":0,"title":"Waves"}],"chapters":[{"start":0,"end":60,"title":"A"}],
    "summary":[{"start":12.5,"end":17,"text":"Light is a wave."}],"key-points":[{"text":"Glass"}]}"#;
const SUBTITLES: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n\
    #EXTINF:6.000,\n0.vtt\n#EXTINF:5.5,\n1.vtt\n#EXT-X-ENDLIST\n";
const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"t\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,URI=\"t.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=90000,CODECS=\"avc1.64000a\",RESOLUTION=64x36,FRAME-RATE=5.000,SUBTITLES=\"t\"\nv.m3u8\n\
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=50000,CODECS=\"avc1.64000a\",RESOLUTION=64x36,URI=\"i.m3u8\"\n";
const I_FRAMES: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n\
    #EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1.000,\n#EXT-X-BYTERANGE:300@100\n0.m4s\n#EXTINF:1.000,\n#EXT-X-BYTERANGE:300@400\n0.m4s\n#EXT-X-ENDLIST\n";
const DASH: &str = "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT11.5S\">\n\
    <Period><AdaptationSet contentType=\"video\"><Representation id=\"v\" bandwidth=\"1\"><BaseURL>video/360p/</BaseURL>\
    <SegmentList timescale=\"90000\"><Initialization sourceURL=\"init.mp4\"/><SegmentURL media=\"0.m4s\"/></SegmentList></Representation></AdaptationSet>\n\
    <AdaptationSet contentType=\"text\"><Representation id=\"t\"><BaseURL>a.vtt</BaseURL></Representation></AdaptationSet></Period>\n</MPD>\n";
const MANIFEST: &str = r#"{"form":1,"generator":"g 1","title":"T","duration":11.5,"playlist":"master.m3u8",
"video":[{"name":"360p","width":640,"height":360,"frame-rate":29.97,"playlist":"v.m3u8","codec":"avc1.64001E","average-rate":1,"peak-rate":2,"bytes":3,"segments":2}],
"audio":[{"label":"main","language":"de","role":"main","channels":2,"sample-rate":48000,"playlist":"a.m3u8","codec":"mp4a.40.2","average-rate":1,"peak-rate":2,"bytes":3,"segments":2}],
"captions":[{"role":"captions","language":"de","label":"Deutsch","file":"c.vtt","playlist":"c.m3u8","approved":false}],
"chapters":[{"start":0,"end":11.5,"title":"One"}],"bytes":6,"kept":[{"start":1,"end":12.5}],
"thumbnails":{"poster":"p.jpg","track":"t.vtt","tiles":{"columns":5,"rows":5,"width":160,"height":90},"sheets":["s.jpg"]},
"review":[{"file":"trim.vtt","approved":true,"by":"Ada"}],"completion":{"threshold":0.9},
"each-made-from":{"recording":"r","picture":"p","sound":"s","descriptions":"d","cuts":[[0,5],[7,null]]}}"#;
const LISTING: &str = r#"{"form":1,"generator":"g 1","files":{"a/b.m4s":{"bytes":5},"c":{"bytes":1,"left":1700000000}}}"#;
const LAYOUT: &str = r#"{"version": 1, "regions": [
{"x": 0, "y": 0, "width": 50, "height": 100, "show": "participant:p03"},
{"x": 50, "y": 0, "width": 50, "height": 50, "show": "number:1"}]}"#;
const SESSION: &[u8] = br#"{"version": 1, "room": "7", "participants": [{"id": "ada", "role": "host"}],
    "tracks": [{"file": "a.webm", "participant": "ada", "source": "camera", "start": 5}],
    "events": [{"time": 1, "type": "speaker", "participant": "ada"}, {"time": 2, "type": "pause"}]}"#;
const LIVEKIT: &[u8] = br#"{"egress_id": "EG_1", "room_name": "7", "started_at": 1, "ended_at": 9,
    "publisher_identity": "ada", "track_source": "CAMERA", "files": [{"filename": "a.mp4"}]}"#;
const LAYOUT_DRAFT: &str = "WEBVTT\n\nNOTE\nstatus: draft\n\n00:00.000 --> 00:10.000\nlayout: gallery\n\n\
    00:10.000 --> 00:20.000\nspeaker: ada\n\n00:20.000 --> 00:30.000\nscreen: none\n";

fn main() -> Done {
    let out = std::env::args_os().nth(1).ok_or("usage: seeds OUT")?;
    let seeds = Seeds(PathBuf::from(out));
    let sample = fs::read(Path::new(ROOT).join("tests/data/sample.vtt"))?;
    let piece = [&b"\x07"[..], VTT.as_bytes()].concat();
    seeds.write("webvtt", &[&piece, &sample[..sample.len().min(4000)]])?;
    seeds.write(
        "cue_text",
        &VTT.split("\n\n").map(str::as_bytes).collect::<Vec<_>>(),
    )?;
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(SRT.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    seeds.write(
        "captions",
        &[
            VTT.as_bytes(),
            SRT.as_bytes(),
            &utf16,
            b"1\n00:01,0 --> 00:02,0\n\x93\xdc\x94\n",
        ],
    )?;
    seeds.write("trim_file", &[&[b"\x08", TRIM.as_bytes()].concat()])?;
    seeds.write(
        "transcripts",
        &[VTT, WHISPER, VOSK, PROFILE].map(str::as_bytes),
    )?;
    // "Hi" pops on and is erased; the same as a packet of triples.
    seeds.write(
        "line21",
        &[
            b"\x00\x94\x20\x94\x20\x94\xe0\xc8\xe9\x94\x2f\x80\x80\x94\x2c",
            b"\x02\xfc\x94\x20\xfd\x80\x80\xfc\xc8\xe9\xfc\x94\x2f\xff\x02\x21",
        ],
    )?;
    seeds.write("summaries", &[SUMMARY, REPLY].map(str::as_bytes))?;
    seeds.write("manifest", &[MANIFEST.as_bytes(), LISTING.as_bytes()])?;
    let texts = [MASTER, SUBTITLES, I_FRAMES, DASH].map(str::as_bytes);
    seeds.write("playlists", &texts)?;
    let segment =
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\nHi\n\n";
    seeds.write(
        "check",
        &[&[SUBTITLES.as_bytes(), segment.as_bytes(), segment.as_bytes()].join(BETWEEN)],
    )?;
    seeds.write("session", &[SESSION, LIVEKIT])?;
    seeds.write("layout", &[LAYOUT.as_bytes(), LAYOUT_DRAFT.as_bytes()])?;
    seeds.write(
        "mjr",
        &[&recording("a", "opus", 111), &recording("v", "vp8", 96)],
    )?;
    sessions(&seeds)?;
    for codec in ["libx264", "libx265", "libsvtav1"] {
        media(&seeds, codec, &["-an"])?;
    }
    media(&seeds, "libx264", &["-c:a", "aac", "-b:a", "24k"])
}

/// The folder of the seeds: a folder for each target, a file for each seed.
struct Seeds(PathBuf);

impl Seeds {
    fn write(&self, target: &str, seeds: &[&[u8]]) -> Done {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        let first = fs::read_dir(&folder)?.count();
        for (seed, number) in seeds.iter().zip(first..) {
            fs::write(folder.join(format!("{number:02}")), seed)?;
        }
        Ok(())
    }
}

/// A Janus recording of three packets; one is lost.
fn recording(kind: &str, codec: &str, payload_type: u8) -> Vec<u8> {
    let header = format!(r#"{{"t":"{kind}","c":"{codec}","s":1000000,"u":1500000}}"#);
    let mut file = b"MJR00002".to_vec();
    file.extend((header.len() as u16).to_be_bytes());
    file.extend(header.as_bytes());
    for sequence in [1_u16, 2, 4] {
        let mut packet = vec![0x80, payload_type];
        packet.extend(sequence.to_be_bytes());
        packet.extend((u32::from(sequence) * 960).to_be_bytes());
        packet.extend([1, 2, 3, 4, 0x10, 0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0]);
        file.extend(b"MEET");
        file.extend((u32::from(sequence) * 20).to_be_bytes());
        file.extend((packet.len() as u16).to_be_bytes());
        file.extend(packet);
    }
    file
}

/// A session of xAPI from its start to its end: its states, statements and journal.
fn sessions(seeds: &Seeds) -> Done {
    let mut number = 0;
    let mut new_id = || {
        number += 1;
        Uuid::from_bytes([number; 16])
    };
    let plan = Plan {
        actor: actor("mailto:ada@example.org")?,
        activity_id: "https://example.org/class/7".into(),
        activity_name: Some("Sets".into()),
        threshold: 900,
        require_check: false,
        check_suffices: false,
        rates: (0.5, 2.0),
    };
    let mut session = Session::new(plan, History::new(new_id(), None), Facts::default());
    let inputs = [
        Input::Length(10_000),
        Input::Play { at: 0, rate: 1.0 },
        Input::Seek {
            from: 2000,
            to: 5000,
        },
        Input::Tick { at: 6000 },
        Input::Pause { at: 9000 },
        Input::Terminate { at: 9000 },
    ];
    let mut said: Vec<Statement> = Vec::new();
    let mut payloads = Vec::new();
    for (input, step) in inputs.into_iter().zip(1..) {
        let new = session.apply(input, 1_700_000_000_000 + step * 2000, &mut new_id);
        let state = serde_json::to_vec(&session)?;
        seeds.write("xapi", &[&state])?;
        let record = journal::step("key", &state, said.len() as u64, &new);
        payloads.push(record.get(12..).unwrap_or_default().to_vec());
        said.extend(new);
    }
    let dead = journal::Fate::Dead("no".into());
    let settled = journal::settled(&[(0, journal::Fate::Delivered), (1, dead)]);
    payloads.push(settled.get(12..).unwrap_or_default().to_vec());
    seeds.write(
        "journal",
        &[
            &payloads.join(BETWEEN),
            &[journal::header(), settled].concat(),
        ],
    )?;
    let statements: Vec<&str> = said.iter().map(|statement| &*statement.json).collect();
    let all = format!("[{}]", statements.join(","));
    let texts = [
        "PT1M2.5S",
        "2024-01-02T03:04:05.678Z",
        "0[.]2[,]5[.]9",
        "mailto:ada@example.org",
    ];
    seeds.write("xapi", &texts.map(str::as_bytes))?;
    seeds.write("xapi", &[all.as_bytes()])
}

/// Two seconds of the sample class as HLS in fragmented MP4, and as one MP4.
fn media(seeds: &Seeds, codec: &str, audio: &[&str]) -> Done {
    let folder = seeds.0.join("media");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let sample = Path::new(ROOT).join("tests/data/sample.mkv");
    let hls = "-f hls -hls_time 1 -hls_segment_type fmp4 -hls_playlist_type vod -master_pl_name master.m3u8 media.m3u8";
    for output in [hls, "-movflags +faststart whole.mp4"] {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-v", "error", "-y", "-ss", "30", "-t", "2", "-i"])
            .arg(&sample);
        ffmpeg
            .args([
                "-vf",
                "scale=128:72,fps=5",
                "-g",
                "5",
                "-b:v",
                "100k",
                "-c:v",
                codec,
            ])
            .args(audio);
        // Encoders print what they do, errors or not.
        let ended = ffmpeg
            .args(output.split(' '))
            .current_dir(&folder)
            .output()?;
        if !ended.status.success() {
            let printed = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("ffmpeg cannot encode with {codec}:\n{printed}").into());
        }
    }
    let read = |name: &str| fs::read(folder.join(name));
    let parts = [read("init.mp4")?, read("media0.m4s")?, read("media1.m4s")?];
    seeds.write("mp4", &[&parts.join(BETWEEN), &read("whole.mp4")?])?;
    let (init, sample) = (&parts[0], &parts[1]);
    for name in [b"avcC", b"av1C"] {
        if let Some(at) = init.windows(4).position(|four| four == name) {
            seeds.write(
                "codec_headers",
                &[init.get(at + 4..at + 150).unwrap_or_default()],
            )?;
        }
    }
    if let Some(at) = sample.windows(4).position(|four| four == b"mdat") {
        let end = sample.len().min(at + 600);
        seeds.write("codec_headers", &[&sample[at + 4..end]])?;
    }
    seeds.write("playlists", &[&read("master.m3u8")?, &read("media.m3u8")?])?;
    let order = InOrder {
        folder: &folder,
        read: RefCell::default(),
    };
    let _ = check::check(&order, "master.m3u8");
    let files: Vec<Vec<u8>> = order
        .read
        .into_inner()
        .into_iter()
        .map(|(_, file)| file)
        .collect();
    seeds.write("check", &[&files.join(BETWEEN)])?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The files of a folder, remembered in the order in which they were first read.
struct InOrder<'a> {
    folder: &'a Path,
    read: RefCell<Vec<(String, Vec<u8>)>>,
}

impl Files for InOrder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let file = fs::read(self.folder.join(path)).map_err(|error| error.to_string())?;
        let mut read = self.read.borrow_mut();
        if !read.iter().any(|(known, _)| known == path) {
            read.push((path.to_owned(), file.clone()));
        }
        Ok(file)
    }
}
