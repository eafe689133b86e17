// SPDX-License-Identifier: MPL-2.0

//! The DASH manifest (ISO/IEC 23009-1) for the segments of the HLS playlists.
//!
//! A template would make segment names from their numbers or times. These are named by their
//! content, so every one is listed (section 5.3.9.3), and a timeline gives its time (section
//! 5.3.9.6).

use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::{ElementWriter, Reader, Writer};

use super::programme::{Audio, Programme, Role, Video};
use super::text::{Text, TextRole};
use super::track::Track;
use crate::language;
use crate::timeline::Time;

/// Ticks per second: times are in microseconds.
const TIMESCALE: u64 = 1_000_000;
/// Minimum buffer of a player before it starts; it gets a whole segment at once anyway.
const MIN_BUFFER: &str = "PT2S";

/// Bit rate in bit/s that captions never exceed for long.
const TEXT_RATE: &str = "1000";

type Xml = Writer<Vec<u8>>;

/// Writes the manifest as a file.
pub fn manifest(programme: &Programme, duration: Time) -> Vec<u8> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory cannot fail.
    let _ = write(&mut xml, programme, duration);
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    bytes
}

/// Replaces the texts listed in one of our manifests and leaves everything else unchanged. Returns
/// `None` if it is not a manifest.
pub fn relist(manifest: &[u8], texts: &[Text]) -> Option<Vec<u8>> {
    let manifest = std::str::from_utf8(manifest).ok()?;
    let mut reader = Reader::from_str(manifest);
    // Texts are the last sets of the period.
    let (mut from, mut at) = (None, 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if start.name().as_ref() == "AdaptationSet" => {
                let kind = start.try_get_attribute("contentType").ok()??;
                if kind.value == "text" {
                    from = from.or(Some(at));
                }
            }
            Event::End(end) if end.name().as_ref() == "Period" => break,
            Event::Eof => return None,
            _ => {}
        }
        at = usize::try_from(reader.buffer_position()).ok()?;
    }
    let mut written = manifest.get(..from.unwrap_or(at))?.trim_end().to_owned();
    for one in texts {
        let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
        text(&mut xml, one).ok()?;
        for line in String::from_utf8(xml.into_inner()).ok()?.lines() {
            written.push_str("\n    ");
            written.push_str(line);
        }
    }
    written.push_str("\n  ");
    written.push_str(manifest.get(at..)?);
    Some(written.into_bytes())
}

/// Returns the files that a manifest lists individually, relative to it, or `None` if it cannot be
/// parsed.
pub fn files(manifest: &[u8]) -> Option<Vec<String>> {
    let manifest = std::str::from_utf8(manifest).ok()?;
    let mut reader = Reader::from_str(manifest);
    let mut files = Vec::new();
    // The folder or file of a representation, until it is known which of the two it is.
    let (mut base, mut in_base, mut is_file) = (String::new(), false, false);
    let mut depth = 0_usize;
    loop {
        let event = reader.read_event().ok()?;
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                depth += usize::from(matches!(event, Event::Start(_)));
                let name = start.name();
                let attribute = match name.as_ref() {
                    "Representation" => {
                        (base, is_file) = (String::new(), true);
                        continue;
                    }
                    "BaseURL" => {
                        in_base = true;
                        continue;
                    }
                    "SegmentTemplate" | "SegmentBase" => {
                        is_file = false;
                        continue;
                    }
                    "Initialization" => "sourceURL",
                    "SegmentURL" => "media",
                    _ => continue,
                };
                is_file = false;
                if let Some(value) = start.try_get_attribute(attribute).ok()? {
                    files.push(format!("{base}{}", value.value));
                }
            }
            Event::Text(text) if in_base => base.push_str(text.xml10_content().trim()),
            Event::End(end) => {
                depth = depth.checked_sub(1)?;
                match end.name().as_ref() {
                    "BaseURL" => in_base = false,
                    "Representation" if is_file && !base.is_empty() => files.push(base.clone()),
                    _ => {}
                }
            }
            Event::Eof => return (depth == 0 && manifest.contains("<MPD")).then_some(files),
            _ => {}
        }
    }
}

fn write(xml: &mut Xml, programme: &Programme, duration: Time) -> io::Result<()> {
    let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
    xml.write_event(Event::Decl(declaration))?;
    xml.create_element("MPD")
        .with_attributes([
            ("xmlns", "urn:mpeg:dash:schema:mpd:2011"),
            ("profiles", "urn:mpeg:dash:profile:isoff-main:2011"),
            ("type", "static"),
            (
                "mediaPresentationDuration",
                &format!("PT{:.3}S", duration.secs_f64()),
            ),
            ("minBufferTime", MIN_BUFFER),
        ])
        .write_inner_content(|xml| {
            xml.create_element("Period")
                .with_attributes([("id", "class"), ("start", "PT0S")])
                .write_inner_content(|xml| {
                    // A player switches within a set, so each codec has its own set.
                    for set in programme.video_sets() {
                        video(xml, set)?;
                    }
                    programme.audio.iter().try_for_each(|one| audio(xml, one))?;
                    programme.text.iter().try_for_each(|one| text(xml, one))
                })
                .map(|_| ())
        })
        .map(|_| ())
}

fn video(xml: &mut Xml, set: &[Video]) -> io::Result<()> {
    xml.create_element("AdaptationSet")
        .with_attributes([
            ("contentType", "video"),
            ("mimeType", "video/mp4"),
            ("segmentAlignment", "true"),
            ("startWithSAP", "1"),
        ])
        .write_inner_content(|xml| {
            role(xml, "main")?;
            set.iter().try_for_each(|video| {
                let (num, den) = video.frame_rate;
                let rate = match den {
                    1 => num.to_string(),
                    den => format!("{num}/{den}"),
                };
                let attributes = [
                    ("width", video.width.to_string()),
                    ("height", video.height.to_string()),
                    ("frameRate", rate),
                    ("sar", "1:1".to_owned()),
                ];
                representation(xml, &video.track, &attributes, |_| Ok(()))
            })
        })
        .map(|_| ())
}

fn audio(xml: &mut Xml, audio: &Audio) -> io::Result<()> {
    let set = xml.create_element("AdaptationSet").with_attributes([
        ("contentType", "audio"),
        ("mimeType", "audio/mp4"),
        ("segmentAlignment", "true"),
        ("startWithSAP", "1"),
    ]);
    in_language(set, &audio.language)
        .write_inner_content(|xml| {
            label(xml, &audio.label)?;
            if audio.role == Role::Description {
                purpose(xml, "1")?;
            }
            role(
                xml,
                match audio.role {
                    Role::Main => "main",
                    Role::Description => "alternate",
                },
            )?;
            let rate = [("audioSamplingRate", audio.rate.to_string())];
            representation(xml, &audio.track, &rate, |xml| {
                descriptor(
                    xml,
                    "AudioChannelConfiguration",
                    "urn:mpeg:dash:23003:3:audio_channel_configuration:2011",
                    &audio.channels.to_string(),
                )
            })
        })
        .map(|_| ())
}

/// Writes a whole WebVTT file as a representation with one segment (section 5.3.9.2.1).
fn text(xml: &mut Xml, text: &Text) -> io::Result<()> {
    let set = xml
        .create_element("AdaptationSet")
        .with_attributes([("contentType", "text"), ("mimeType", "text/vtt")]);
    in_language(set, &text.language)
        .write_inner_content(|xml| {
            label(xml, &text.label)?;
            let name = match text.role {
                TextRole::Captions => "caption",
                TextRole::Subtitles => "subtitle",
                TextRole::Descriptions => "description",
                TextRole::Slides => "metadata",
            };
            match text.role {
                TextRole::Captions => purpose(xml, "2")?,
                TextRole::Descriptions => purpose(xml, "1")?,
                TextRole::Subtitles | TextRole::Slides => {}
            }
            role(xml, name)?;
            xml.create_element("Representation")
                .with_attributes([
                    ("id", &format!("{name}-{}", text.name)[..]),
                    ("bandwidth", TEXT_RATE),
                ])
                .write_inner_content(|xml| {
                    xml.create_element("BaseURL")
                        .write_text_content(BytesText::new(&text.file()))
                        .map(|_| ())
                })
                .map(|_| ())
        })
        .map(|_| ())
}

fn in_language<'a>(set: ElementWriter<'a, Vec<u8>>, language: &str) -> ElementWriter<'a, Vec<u8>> {
    match language {
        language::UNDETERMINED => set,
        language => set.with_attribute(("lang", language)),
    }
}

/// Writes the label by which a person chooses. Control characters are not allowed in XML.
fn label(xml: &mut Xml, label: &str) -> io::Result<()> {
    let label: String = label.chars().filter(|c| !c.is_control()).collect();
    xml.create_element("Label")
        .write_text_content(BytesText::new(&label))
        .map(|_| ())
}

/// Writes the audience of a set (ETSI TS 103 285 section 6.1.2, 7.1.2): 1 for blind people, 2 for
/// deaf people.
fn purpose(xml: &mut Xml, value: &str) -> io::Result<()> {
    descriptor(
        xml,
        "Accessibility",
        "urn:tva:metadata:cs:AudioPurposeCS:2007",
        value,
    )
}

fn role(xml: &mut Xml, value: &str) -> io::Result<()> {
    descriptor(xml, "Role", "urn:mpeg:dash:role:2011", value)
}

fn descriptor(xml: &mut Xml, name: &str, scheme: &str, value: &str) -> io::Result<()> {
    xml.create_element(name)
        .with_attributes([("schemeIdUri", scheme), ("value", value)])
        .write_empty()
        .map(|_| ())
}

fn representation(
    xml: &mut Xml,
    track: &Track,
    attributes: &[(&str, String)],
    describe: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    xml.create_element("Representation")
        .with_attributes([
            ("id", &track.folder.replace('/', "-")[..]),
            ("codecs", &track.codec),
            ("bandwidth", &track.rates().peak.to_string()),
        ])
        .with_attributes(attributes.iter().map(|(name, value)| (*name, &value[..])))
        .write_inner_content(|xml| {
            describe(xml)?;
            let folder = format!("{}/", track.folder);
            xml.create_element("BaseURL")
                .write_text_content(BytesText::new(&folder))?;
            segments(xml, track)
        })
        .map(|_| ())
}

fn segments(xml: &mut Xml, track: &Track) -> io::Result<()> {
    xml.create_element("SegmentList")
        .with_attribute(("timescale", &TIMESCALE.to_string()[..]))
        .write_inner_content(|xml| {
            xml.create_element("Initialization")
                .with_attribute(("sourceURL", &track.init[..]))
                .write_empty()?;
            xml.create_element("SegmentTimeline")
                .write_inner_content(|xml| timeline(xml, track))?;
            for segment in &track.segments {
                xml.create_element("SegmentURL")
                    .with_attribute(("media", &segment.name[..]))
                    .write_empty()?;
            }
            Ok(())
        })
        .map(|_| ())
}

/// Writes start and duration of segments; a run of equal durations is one entry.
fn timeline(xml: &mut Xml, track: &Track) -> io::Result<()> {
    let mut runs: Vec<(u64, u64, u64)> = Vec::new();
    let mut last_end = None;
    for segment in &track.segments {
        let (start, end) = (ticks(segment.span.start), ticks(segment.span.end));
        let length = end.saturating_sub(start);
        match runs.last_mut() {
            Some((_, last, repeats)) if *last == length && last_end == Some(start) => *repeats += 1,
            _ => runs.push((start, length, 0)),
        }
        last_end = Some(end);
    }
    for (start, length, repeats) in runs {
        let mut run = xml.create_element("S").with_attributes([
            ("t", &start.to_string()[..]),
            ("d", &length.to_string()[..]),
        ]);
        if repeats > 0 {
            run = run.with_attribute(("r", &repeats.to_string()[..]));
        }
        run.write_empty()?;
    }
    Ok(())
}

fn ticks(time: Time) -> u64 {
    let nanos = Time::SECOND.nanos() / TIMESCALE;
    (time.nanos() + nanos / 2) / nanos
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::track::tests::track;

    #[test]
    fn a_manifest_lists_every_segment() {
        let lengths = [(6006, 750_750), (6006, 750_750), (4004, 500_500)];
        let mut programme = Programme {
            video: vec![Video {
                track: track("video/360p", "avc1.64001E", &lengths),
                name: "360p".into(),
                lines: 360,
                width: 640,
                height: 360,
                frame_rate: (30_000, 1001),
            }],
            audio: vec![Audio {
                track: track("audio/de", "mp4a.40.2", &[(16_016, 160_160)]),
                label: "R&D <\"de\">".into(),
                language: "de".into(),
                role: Role::Description,
                channels: 1,
                rate: 48_000,
            }],
            text: vec![Text::new(TextRole::Captions, Some("en".into()), None, &[])],
            ..Programme::default()
        };
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-main:2011" type="static" mediaPresentationDuration="PT16.016S" minBufferTime="PT2S">
  <Period id="class" start="PT0S">
    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <Representation id="video-360p" codecs="avc1.64001E" bandwidth="1000000" width="640" height="360" frameRate="30000/1001" sar="1:1">
        <BaseURL>video/360p/</BaseURL>
        <SegmentList timescale="1000000">
          <Initialization sourceURL="init.mp4"/>
          <SegmentTimeline>
            <S t="0" d="6006000" r="1"/>
            <S t="12012000" d="4004000"/>
          </SegmentTimeline>
          <SegmentURL media="0.m4s"/>
          <SegmentURL media="1.m4s"/>
          <SegmentURL media="2.m4s"/>
        </SegmentList>
      </Representation>
    </AdaptationSet>
    <AdaptationSet contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1" lang="de">
      <Label>R&amp;D &lt;&quot;de&quot;&gt;</Label>
      <Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="alternate"/>
      <Representation id="audio-de" codecs="mp4a.40.2" bandwidth="80000" audioSamplingRate="48000">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="1"/>
        <BaseURL>audio/de/</BaseURL>
        <SegmentList timescale="1000000">
          <Initialization sourceURL="init.mp4"/>
          <SegmentTimeline>
            <S t="0" d="16016000"/>
          </SegmentTimeline>
          <SegmentURL media="0.m4s"/>
        </SegmentList>
      </Representation>
    </AdaptationSet>
    <AdaptationSet contentType="text" mimeType="text/vtt" lang="en">
      <Label>English</Label>
      <Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="2"/>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="caption"/>
      <Representation id="caption-en" bandwidth="1000">
        <BaseURL>captions/captions.en.vtt</BaseURL>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#;
        let duration = Time::from_millis(16_016);
        let written = manifest(&programme, duration);
        let as_text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(as_text(written.clone()), expected);

        let named = files(&written).expect("a manifest");
        assert_eq!(named.len(), 7);
        assert_eq!(named[0], "video/360p/init.mp4");
        assert_eq!(named[3], "video/360p/2.m4s");
        assert_eq!(named[6], "captions/captions.en.vtt");
        for broken in [&written[..300], b"<MPD", b"text"] {
            assert_eq!(files(broken), None);
        }

        let texts = std::mem::take(&mut programme.text);
        let without = manifest(&programme, duration);
        let relisted = |manifest, texts| as_text(relist(manifest, texts).expect("a manifest"));
        assert_eq!(relisted(&written, &texts), expected);
        assert_eq!(relisted(&without, &texts), expected);
        assert_eq!(relisted(&written, &[]), as_text(without));
        assert_eq!(relist(b"<MPD></MPD>", &texts), None);
        assert_eq!(relist(b"no XML", &texts), None);
    }
}
